package forge

import (
	"time"
)

// CRL describes a certificate revocation list. Zero fields mean: version 2,
// thisUpdate an hour ago, nextUpdate a week later, CRL number and AKI only if
// they stand in Extensions (see CA.CRL for a well-formed one).
type CRL struct {
	Version      int // 1 leaves the field out
	Issuer       []byte
	ThisUpdate   time.Time
	NextUpdate   time.Time
	NoNextUpdate bool
	Entries      []Entry
	RawEntries   []byte // contents of revokedCertificates, after Entries
	Extensions   []Ext

	Alg       Alg
	InnerAlg  []byte
	MutateTBS func([]byte) []byte
	MutateSig func([]byte) []byte
	MutateRaw func([]byte) []byte
}

// Entry is one revoked certificate.
type Entry struct {
	Serial     []byte // contents of the INTEGER
	Time       time.Time
	Extensions []Ext
}

// The reasons of RFC 5280, 5.3.1.
const (
	Unspecified          = 0
	KeyCompromise        = 1
	CACompromise         = 2
	AffiliationChanged   = 3
	Superseded           = 4
	CessationOfOperation = 5
	CertificateHold      = 6
	RemoveFromCRL        = 8
	PrivilegeWithdrawn   = 9
	AACompromise         = 10
)

// Reason is the reasonCode entry extension.
func Reason(code int) Ext { return Ext{"2.5.29.21", false, Enum(code)} }

// InvalidityDate is an entry extension.
func InvalidityDate(t time.Time) Ext { return Ext{"2.5.29.24", false, GeneralizedTime(t)} }

// CertificateIssuer is the critical entry extension of indirect CRLs; it takes
// GeneralNames.
func CertificateIssuer(names ...[]byte) Ext { return Ext{"2.5.29.29", true, Seq(names...)} }

// CRLNumber and DeltaIndicator (critical) are CRL extensions.
func CRLNumber(n int64) Ext      { return Ext{"2.5.29.20", false, Int(n)} }
func DeltaIndicator(n int64) Ext { return Ext{"2.5.29.27", true, Int(n)} }

// Revoke makes an entry revoked an hour ago, with a reason unless it is negative.
func Revoke(serial []byte, reason int, extra ...Ext) Entry {
	e := Entry{Serial: serial, Time: time.Now().Add(-time.Hour)}
	if reason >= 0 {
		e.Extensions = append(e.Extensions, Reason(reason))
	}
	e.Extensions = append(e.Extensions, extra...)
	return e
}

// DER encodes the entry.
func (e Entry) DER() []byte {
	parts := [][]byte{TLV(2, e.Serial), Time(e.Time)}
	if len(e.Extensions) > 0 {
		parts = append(parts, Extensions(e.Extensions))
	}
	return Seq(parts...)
}

// TBS encodes the part that is signed.
func (c CRL) TBS(a Alg) []byte {
	now := time.Now()
	if c.ThisUpdate.IsZero() {
		c.ThisUpdate = now.Add(-time.Hour)
	}
	if c.NextUpdate.IsZero() {
		c.NextUpdate = c.ThisUpdate.Add(7 * 24 * time.Hour)
	}
	if c.Issuer == nil {
		c.Issuer = EmptyName()
	}
	inner := c.InnerAlg
	if inner == nil {
		inner = a.ID
	}
	var parts [][]byte
	if c.Version != 1 {
		parts = append(parts, Int(int64(max(c.Version, 2)-1)))
	}
	parts = append(parts, inner, c.Issuer, Time(c.ThisUpdate))
	if !c.NoNextUpdate {
		parts = append(parts, Time(c.NextUpdate))
	}
	if len(c.Entries) > 0 || c.RawEntries != nil {
		var body [][]byte
		for _, e := range c.Entries {
			body = append(body, e.DER())
		}
		parts = append(parts, Seq(append(body, c.RawEntries)...))
	}
	if len(c.Extensions) > 0 {
		parts = append(parts, Explicit(0, Extensions(c.Extensions)))
	}
	tbs := Seq(parts...)
	if c.MutateTBS != nil {
		tbs = c.MutateTBS(tbs)
	}
	return tbs
}

// Sign encodes and signs the list.
func (c CRL) Sign(issuer *Key) []byte {
	a := c.Alg
	if a.ID == nil {
		a = issuer.DefaultAlg()
	}
	return wrap(c.TBS(a), a, issuer, c.MutateSig, c.MutateRaw)
}

// CRL signs c for ca: issuer, AKI and CRL number 1 are added unless given.
func (ca *CA) CRL(c CRL) []byte {
	if c.Issuer == nil {
		c.Issuer = ca.Name
	}
	if c.Version != 1 {
		c.Extensions = Merge([]Ext{AKI(ca.Key.ID()), CRLNumber(1)}, c.Extensions...)
	}
	return c.Sign(ca.Key)
}
