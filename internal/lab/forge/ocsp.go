package forge

import (
	"crypto"
	_ "crypto/sha1" // registers the hash
	"time"
)

// The response statuses of RFC 6960, 4.2.1.
const (
	Successful       = 0
	MalformedRequest = 1
	InternalError    = 2
	TryLater         = 3
	SigRequired      = 5
	Unauthorized     = 6
)

// The certificate statuses, as the tags of CertStatus.
const (
	StatusGood    = 0
	StatusRevoked = 1
	StatusUnknown = 2
)

// OCSP describes a response. Zero fields mean: successful, version 1,
// responder by name, produced a minute ago.
type OCSP struct {
	Status int // anything but Successful leaves the body out

	Version      int    // 0 leaves it out; n encodes n (v1 is 0, so 1 means v2)
	ResponderRaw []byte // ResponderID, whole; else by key or by name
	ByKey        bool
	ProducedAt   time.Time
	Singles      []Single
	Extensions   []Ext
	Nonce        []byte // adds the nonce extension (RFC 9654) when not nil
	Certs        [][]byte

	Alg       Alg
	TypeOID   string // of ResponseBytes; "" is id-pkix-ocsp-basic
	MutateTBS func([]byte) []byte
	MutateSig func([]byte) []byte
	MutateRaw func([]byte) []byte
}

// Single is one SingleResponse. A zero ThisUpdate is an hour ago; a zero
// NextUpdate six days later.
type Single struct {
	ID           []byte // CertID, whole
	Status       int    // StatusGood, StatusRevoked, StatusUnknown, or another tag number
	RevokedAt    time.Time
	Reason       int // of a revocation; negative leaves it out
	ThisUpdate   time.Time
	NextUpdate   time.Time
	NoNextUpdate bool
	Extensions   []Ext
}

var hashOIDs = map[crypto.Hash]string{crypto.SHA1: "1.3.14.3.2.26", crypto.SHA256: "2.16.840.1.101.3.4.2.1",
	crypto.SHA384: "2.16.840.1.101.3.4.2.2", crypto.SHA512: "2.16.840.1.101.3.4.2.3"}

// CertID encodes the identification of a certificate to a responder.
func CertID(h crypto.Hash, issuerName []byte, issuerKey *Key, serial []byte) []byte {
	sum := func(b []byte) []byte { w := h.New(); w.Write(b); return w.Sum(nil) }
	return Seq(algID(hashOIDs[h], Null()), Octets(sum(issuerName)), Octets(sum(issuerKey.Bits())), TLV(2, serial))
}

// CertID identifies the certificate with that serial issued by ca, with SHA-1.
func (ca *CA) CertID(serial []byte) []byte { return CertID(crypto.SHA1, ca.Name, ca.Key, serial) }

// Good, RevokedSingle and UnknownSingle make the usual single responses.
func (ca *CA) Good(serial []byte) Single { return Single{ID: ca.CertID(serial)} }

// RevokedSingle was revoked an hour ago.
func (ca *CA) RevokedSingle(serial []byte, reason int) Single {
	return Single{ID: ca.CertID(serial), Status: StatusRevoked, Reason: reason}
}

// UnknownSingle has the status unknown.
func (ca *CA) UnknownSingle(serial []byte) Single {
	return Single{ID: ca.CertID(serial), Status: StatusUnknown}
}

// Nonce is the request and response extension.
func Nonce(b []byte) Ext { return Ext{"1.3.6.1.5.5.7.48.1.2", false, Octets(b)} }

// DER encodes the single response.
func (s Single) DER() []byte {
	now := time.Now()
	if s.ThisUpdate.IsZero() {
		s.ThisUpdate = now.Add(-time.Hour)
	}
	if s.NextUpdate.IsZero() {
		s.NextUpdate = s.ThisUpdate.Add(6 * 24 * time.Hour)
	}
	if s.RevokedAt.IsZero() {
		s.RevokedAt = s.ThisUpdate.Add(-time.Hour)
	}
	var status []byte
	switch {
	case s.Status == StatusRevoked && s.Reason >= 0:
		status = Explicit(1, GeneralizedTime(s.RevokedAt), Explicit(0, Enum(s.Reason)))
	case s.Status == StatusRevoked:
		status = Explicit(1, GeneralizedTime(s.RevokedAt))
	default:
		status = Context(s.Status)
	}
	parts := [][]byte{s.ID, status, GeneralizedTime(s.ThisUpdate)}
	if !s.NoNextUpdate {
		parts = append(parts, Explicit(0, GeneralizedTime(s.NextUpdate)))
	}
	if len(s.Extensions) > 0 {
		parts = append(parts, Explicit(1, Extensions(s.Extensions)))
	}
	return Seq(parts...)
}

// Sign encodes the response, signed by signer (the issuer or a delegate).
func (o OCSP) Sign(signer *CA) []byte {
	if o.Status != Successful {
		return o.finish(Seq(Enum(o.Status)))
	}
	if o.ProducedAt.IsZero() {
		o.ProducedAt = time.Now().Add(-time.Minute)
	}
	responder := o.ResponderRaw
	switch {
	case responder != nil:
	case o.ByKey:
		responder = Explicit(2, Octets(signer.Key.ID()))
	default:
		responder = Explicit(1, signer.Name)
	}
	var parts, singles [][]byte
	if o.Version != 0 {
		parts = append(parts, Explicit(0, Int(int64(o.Version))))
	}
	for _, s := range o.Singles {
		singles = append(singles, s.DER())
	}
	parts = append(parts, responder, GeneralizedTime(o.ProducedAt), Seq(singles...))
	exts := o.Extensions
	if o.Nonce != nil {
		exts = append(exts[:len(exts):len(exts)], Nonce(o.Nonce))
	}
	if len(exts) > 0 {
		parts = append(parts, Explicit(1, Extensions(exts)))
	}
	tbs := Seq(parts...)
	if o.MutateTBS != nil {
		tbs = o.MutateTBS(tbs)
	}
	a := o.Alg
	if a.ID == nil {
		a = signer.Key.DefaultAlg()
	}
	sig := signer.Key.Sign(a, tbs)
	if o.MutateSig != nil {
		sig = o.MutateSig(sig)
	}
	basic := [][]byte{tbs, a.ID, Bits(sig)}
	if len(o.Certs) > 0 {
		basic = append(basic, Explicit(0, Seq(o.Certs...)))
	}
	if o.TypeOID == "" {
		o.TypeOID = "1.3.6.1.5.5.7.48.1.1"
	}
	return o.finish(Seq(Enum(Successful), Explicit(0, Seq(OID(o.TypeOID), Octets(Seq(basic...))))))
}

func (o OCSP) finish(raw []byte) []byte {
	if o.MutateRaw != nil {
		return o.MutateRaw(raw)
	}
	return raw
}

// Responder issues a delegated responder certificate that follows RFC 6960.
func (ca *CA) Responder(cn string, key *Key, extra ...Ext) *CA {
	if key == nil {
		key = P256()
	}
	return ca.Issue(Cert{Subject: CN(cn), Key: key,
		Extensions: Merge([]Ext{BasicConstraints(false, -1), KeyUsage(DigitalSignature), EKU(OCSPSigning), OCSPNoCheck(), SKI(key.ID()), AKI(ca.Key.ID())}, extra...)})
}

// OCSPRequest encodes a request; nonce nil leaves it out.
func OCSPRequest(nonce []byte, certIDs ...[]byte) []byte {
	var reqs [][]byte
	for _, id := range certIDs {
		reqs = append(reqs, Seq(id))
	}
	parts := [][]byte{Seq(reqs...)}
	if nonce != nil {
		parts = append(parts, Explicit(2, Extensions([]Ext{Nonce(nonce)})))
	}
	return Seq(Seq(parts...))
}
