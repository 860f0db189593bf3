package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/assaytls/assay/policy"
)

// Hash is a SHA-256. Its text is lower-case hex; the zero Hash has none.
type Hash [32]byte

// HashOf returns the SHA-256 of b.
func HashOf(b []byte) Hash { return sha256.Sum256(b) }

// String returns the hash in lower-case hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText returns what String does.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads a hash in lower-case hex.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) != 64 {
		return errors.New("not a SHA-256 in lower-case hex")
	}
	for _, c := range b {
		if c >= 'A' && c <= 'F' {
			return errors.New("not a SHA-256 in lower-case hex")
		}
	}
	_, err := hex.Decode(h[:], b)
	return err
}

// Learnt is a revocation that an earlier judgement saw: a statement that was
// authentic then and that nobody may need to repeat, since a revocation is not
// taken back. The statement itself is not kept, so whoever is given one believes
// who made it.
type Learnt struct {
	// What is revoked: the certificate with this serial number that an issuer of
	// this name and key has issued.
	Issuer    []byte `json:"issuer"`        // the issuer's name as the certificate has it, DER
	IssuerKey Hash   `json:"issuer_key"`    // of the issuer's SubjectPublicKeyInfo
	Serial    []byte `json:"serial"`        // contents of the INTEGER
	Cert      Hash   `json:"cert,omitzero"` // of the certificate itself, for people

	RevokedAt time.Time `json:"revoked_at,omitzero"` // by the statement's word
	Reason    string    `json:"reason,omitempty"`    // RFC 5280 name; "" when none was given
	// Hold is set for a certificate on hold, which may be released.
	Hold bool `json:"hold,omitempty"`
	// Old is set when the statement was past its time already when it was seen.
	Old bool `json:"old,omitempty"`

	// Learnt is when the judgement began that saw the statement; Until is when
	// it ends to matter: with the certificate, for a hold with the statement. A
	// zero Until is no end.
	Learnt time.Time `json:"learnt"`
	Until  time.Time `json:"until,omitzero"`

	// Where it comes from. Scheme, SignerKey, Anchor and Scope tell sources apart;
	// an address does not.
	Scheme    policy.Scheme `json:"scheme"`
	URL       string        `json:"url,omitempty"`    // "" for a staple and a file
	SignerKey Hash          `json:"signer_key"`       // of the SubjectPublicKeyInfo of who signed it
	Signer    []Hash        `json:"signer,omitempty"` // the signer's path, anchor included, as certificates of Evidence.Signers; empty when the signer stood on the certificate's own path
	Anchor    Hash          `json:"anchor"`           // of the SubjectPublicKeyInfo of the path's anchor
	Scope     Hash          `json:"scope,omitzero"`   // of a list's issuing distribution point, DER; zero when it has none
	Number    []byte        `json:"number,omitempty"` // of a list, contents of the INTEGER

	ThisUpdate time.Time `json:"this_update"`          // of the statement
	NextUpdate time.Time `json:"next_update,omitzero"` // likewise; zero when it does not say
}

// SameSource reports whether two entries about one certificate come from the
// same source: later ones take the place of earlier ones.
func (l *Learnt) SameSource(o *Learnt) bool {
	return l.Scheme == o.Scheme && l.SignerKey == o.SignerKey && l.Anchor == o.Anchor && l.Scope == o.Scope
}

// Outweighs reports whether l takes the place of o, both from one source about
// one certificate: what is for good outweighs a hold, what was current when it
// was seen outweighs what was old, and of two holds the later one lives longer.
func (l *Learnt) Outweighs(o *Learnt) bool {
	switch {
	case l.Hold != o.Hold:
		return o.Hold
	case l.Old != o.Old:
		return o.Old
	}
	return l.Hold && l.ThisUpdate.After(o.ThisUpdate)
}

// The limits of what is learnt, in evidence and in memory.
const (
	maxLearnt       = 1024 // entries of an Evidence
	maxSigners      = 1024
	maxLearntOctets = 4096 // of a name, a serial number, a number
	maxSignerPath   = 64
)

// Valid returns an error when the entry has not what makes it one, or breaks a
// limit: whoever reads entries asks.
func (l *Learnt) Valid() error {
	v := &validator{}
	v.learnt(l)
	return v.err
}

func (v *validator) learnt(l *Learnt) {
	v.require(len(l.Issuer) > 0 && len(l.Issuer) <= maxLearntOctets, "learnt.issuer is missing or too long")
	v.require(len(l.Serial) > 0 && len(l.Serial) <= maxLearntOctets, "learnt.serial is missing or too long")
	v.require(len(l.Number) <= maxLearntOctets, "learnt.number is too long")
	v.require(l.IssuerKey != Hash{} && l.SignerKey != Hash{} && l.Anchor != Hash{}, "learnt has no issuer_key, signer_key or anchor")
	v.require(l.Scheme != 0, "learnt.scheme is missing")
	v.count("learnt.signer", len(l.Signer), maxSignerPath)
	v.text("learnt.reason", l.Reason)
	v.text("learnt.url", l.URL)
	v.require(!l.Learnt.IsZero() && !l.ThisUpdate.IsZero(), "learnt.learnt or learnt.this_update is missing")
	for _, t := range []time.Time{l.RevokedAt, l.Learnt, l.Until, l.ThisUpdate, l.NextUpdate} {
		v.require(t.Year() < 10000, "learnt has a time that is out of range")
	}
}
