package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/command"
)

// maxEntries is how many entries of a CRL are listed when --all does not ask for every one.
const maxEntries = 100

// crlInfo is a CRL. Texts are the list's own.
type crlInfo struct {
	Issuer         string          `json:"issuer"`
	Version        int             `json:"version"`
	ThisUpdate     *time.Time      `json:"this_update,omitempty"`
	NextUpdate     *time.Time      `json:"next_update,omitempty"` // left out when there is none
	Number         string          `json:"number,omitempty"`      // hex
	Base           string          `json:"base,omitempty"`        // of a delta CRL, hex
	AuthorityKeyID string          `json:"authority_key_id,omitempty"`
	Signature      signatureInfo   `json:"signature"`
	Scope          *scopeInfo      `json:"scope,omitempty"`
	FreshestCRL    []pointInfo     `json:"freshest_crl,omitempty"`
	CAIssuers      []string        `json:"ca_issuers,omitempty"`
	Extensions     []extensionInfo `json:"extensions,omitempty"`
	SHA256         string          `json:"sha256"` // of the DER, or of the file when that is not DER
	Size           int64           `json:"size"`   // bytes of DER
	Entries        int             `json:"entries"`
	Revoked        []entryInfo     `json:"revoked"`           // those that were asked for
	Omitted        int             `json:"omitted,omitempty"` // how many more there are; --all shows them
	Serial         string          `json:"serial,omitempty"`  // that was looked up
	Listed         *bool           `json:"listed,omitempty"`  // whether that is in the list
}

// scopeInfo is the issuing distribution point (RFC 5280, 5.2.5).
type scopeInfo struct {
	Names         []string `json:"names,omitempty"`
	Relative      string   `json:"relative_name,omitempty"`
	OnlyUser      bool     `json:"only_user,omitempty"`
	OnlyCA        bool     `json:"only_ca,omitempty"`
	OnlyAttribute bool     `json:"only_attribute,omitempty"`
	Indirect      bool     `json:"indirect,omitempty"`
	Reasons       []string `json:"only_reasons,omitempty"`
}

// entryInfo is one entry of a CRL.
type entryInfo struct {
	Serial         string     `json:"serial"` // hex of the INTEGER's contents
	Date           *time.Time `json:"date,omitempty"`
	Reason         string     `json:"reason,omitempty"` // RFC 5280's name, or "code n"
	ReasonCode     *int       `json:"reason_code,omitempty"`
	InvalidityDate *time.Time `json:"invalidity_date,omitempty"`
	Issuer         []string   `json:"issuer,omitempty"` // of an indirect CRL: who issued the certificate
}

// dated returns t as a field that is there, nil for the zero time.
func dated(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// nameText is a name that people see: an empty one is said to be empty.
func nameText(n cert.Name) string {
	if n.Empty() {
		return "(empty)"
	}
	return n.String()
}

// reasonText is RFC 5280's name of a CRLReason, or its number.
func reasonText(r crl.Reason) string {
	if s := r.String(); s != "" {
		return s
	}
	return fmt.Sprintf("code %d", int(r))
}

func entryOf(e crl.Entry) entryInfo {
	out := entryInfo{Serial: hex.EncodeToString(e.Serial), Date: dated(e.Date), InvalidityDate: dated(e.InvalidityDate), Issuer: namesOf(e.Issuer)}
	if e.HasReason {
		code := int(e.Reason)
		out.Reason, out.ReasonCode = reasonText(e.Reason), &code
	}
	return out
}

func (e *entryInfo) String() string {
	s := e.Serial + " since " + whenOf(e.Date)
	if e.Reason != "" {
		s += ", " + e.Reason
	}
	if e.InvalidityDate != nil {
		s += ", invalid since " + whenOf(e.InvalidityDate)
	}
	if len(e.Issuer) > 0 {
		s += ", issued by " + strings.Join(e.Issuer, ", ")
	}
	return s
}

func whenOf(t *time.Time) string {
	if t == nil {
		return "none"
	}
	return command.When(*t)
}

// crlObject decodes a CRL.
func (k shown) crlObject(b []byte, from string) object {
	o := object{Kind: "CRL", From: from}
	l, err := crl.Parse(context.Background(), b)
	if err != nil {
		if e, ok := err.(*crl.Error); ok {
			o.Findings = append(o.Findings, e.Finding())
		} else {
			o.Findings = append(o.Findings, finding.New(finding.CRLNotAList, "detail", err.Error()))
		}
		return o
	}
	o.decoded = true
	for _, f := range l.StrictFindings() {
		if f.Policy != "" { // nobody asked for strictness: it is said, and no error
			f.Severity, f.Policy = finding.Warning, ""
		}
		o.Findings = append(o.Findings, f)
	}
	info := crlInfoOf(l, b)
	k.entries(l, info)
	o.CRL, o.list = info, l
	info.describe(&o)
	return o
}

// crlInfoOf is what there is to say of l apart from its entries. b is what it was read from.
func crlInfoOf(l *crl.List, b []byte) *crlInfo {
	sum := sha256.Sum256(b)
	info := &crlInfo{Issuer: l.Issuer.String(), Version: l.Version, ThisUpdate: dated(l.ThisUpdate), NextUpdate: dated(l.NextUpdate),
		Number: hex.EncodeToString(l.Number), Base: hex.EncodeToString(l.BaseNumber), AuthorityKeyID: hex.EncodeToString(l.AuthorityKeyID),
		Signature: signatureOf(l.Algorithm), FreshestCRL: pointsOf(l.FreshestCRL), CAIssuers: l.CAIssuers(), Extensions: extensionsOf(l.Extensions),
		SHA256: hex.EncodeToString(sum[:]), Size: l.Size, Entries: l.Len(), Revoked: []entryInfo{}}
	if d := l.IDP; d != nil {
		info.Scope = &scopeInfo{Names: namesOf(d.FullName), Relative: cert.Name{RDNs: [][]cert.Attribute{d.Relative}}.String(),
			OnlyUser: d.OnlyUser, OnlyCA: d.OnlyCA, OnlyAttribute: d.OnlyAttribute, Indirect: d.Indirect, Reasons: d.OnlySomeReasons.Names()}
	}
	return info
}

// entries reads those entries of l that are asked for.
func (k shown) entries(l *crl.List, info *crlInfo) {
	if k.serial != nil {
		info.Serial = hex.EncodeToString(k.serial)
		listed, err := l.Listed(k.serial)
		if err == nil {
			info.Listed = &listed
			_ = l.Lookup(k.serial, func(e crl.Entry) bool { info.Revoked = append(info.Revoked, entryOf(e)); return true }) // as above
		}
		return
	}
	_ = l.All(func(e crl.Entry) bool { // the list was just read whole
		if len(info.Revoked) == maxEntries && !k.all {
			info.Omitted = l.Len() - maxEntries
			return false
		}
		info.Revoked = append(info.Revoked, entryOf(e))
		return true
	})
}

// describe gives o the rows for people.
func (c *crlInfo) describe(o *object) {
	issuer := c.Issuer
	if issuer == "" {
		issuer = "(empty)"
	}
	o.add("issuer", issuer)
	o.add("version", fmt.Sprint(c.Version))
	o.add("this update", whenOf(c.ThisUpdate))
	o.add("next update", whenOf(c.NextUpdate))
	o.add("number", c.Number)
	o.add("base", c.Base)
	o.add("issuer ID", c.AuthorityKeyID)
	o.add("signature", c.Signature.String())
	if c.Scope != nil {
		o.add("scope", c.Scope.String())
	}
	for _, p := range c.FreshestCRL {
		o.add("delta CRL", p.String())
	}
	for _, u := range c.CAIssuers {
		o.add("issuers", u)
	}
	o.extensions(c.Extensions)
	o.add("SHA-256", c.SHA256)
	o.add("size", fmt.Sprintf("%d bytes", c.Size))
	o.add("entries", fmt.Sprint(c.Entries))
	if c.Listed != nil && !*c.Listed {
		o.add("serial", c.Serial+" is not listed")
	}
	for i := range c.Revoked {
		o.add("revoked", c.Revoked[i].String())
	}
	if c.Omitted > 0 {
		o.add("", fmt.Sprintf("and %d more; --all shows them", c.Omitted))
	}
}

// String is the point on one line.
func (p pointInfo) String() string {
	parts := slices.Clone(p.Names)
	if p.Relative != "" {
		parts = append(parts, "relative to the issuer: "+p.Relative)
	}
	if len(p.Reasons) > 0 {
		parts = append(parts, "reasons: "+strings.Join(p.Reasons, " "))
	}
	if len(p.Issuer) > 0 {
		parts = append(parts, "issuer: "+strings.Join(p.Issuer, " "))
	}
	return strings.Join(parts, ", ")
}

// String is the scope on one line.
func (s *scopeInfo) String() string {
	parts := slices.Clone(s.Names)
	if s.Relative != "" {
		parts = append(parts, "relative to the issuer: "+s.Relative)
	}
	for _, f := range []struct {
		set  bool
		text string
	}{{s.OnlyUser, "only end-entity certificates"}, {s.OnlyCA, "only CA certificates"}, {s.OnlyAttribute, "only attribute certificates"}, {s.Indirect, "indirect"}} {
		if f.set {
			parts = append(parts, f.text)
		}
	}
	if len(s.Reasons) > 0 {
		parts = append(parts, "only the reasons "+strings.Join(s.Reasons, " "))
	}
	return strings.Join(parts, ", ")
}

// extensionsOf are extensions of a CRL or of OCSP.
func extensionsOf(list []cert.Extension) (out []extensionInfo) {
	for _, x := range list {
		info := extensionInfo{OID: x.OID, Critical: x.Critical, Value: hex.EncodeToString(x.Value)}
		if n := cert.OIDName(x.OID); n != x.OID {
			info.Name = n
		}
		out = append(out, info)
	}
	return out
}

func (o *object) extensions(exts []extensionInfo) {
	for _, x := range exts {
		name := x.Name
		if name == "" {
			name = x.OID
		}
		if x.Critical {
			name += " (critical)"
		}
		o.add("extension", name)
	}
}
