package forge

import (
	"bytes"
	"crypto/rand"
	"encoding/pem"
	"math/big"
	"time"
)

// Cert describes a certificate. Zero fields mean: version 3, a random serial
// of 16 octets, an empty subject, valid from an hour ago for 30 days, the
// issuer key's usual algorithm.
type Cert struct {
	Version    int    // 1 leaves the field out; 4 and more are encoded as they are
	Serial     []byte // contents of the INTEGER
	Issuer     []byte // Name, DER
	Subject    []byte
	NotBefore  time.Time
	NotAfter   time.Time
	Validity   []byte // the whole SEQUENCE, instead of the two times
	Key        *Key   // the subject's; nil makes a fresh P-256 key (see CA.Issue to get at it)
	SPKI       []byte // instead of Key's
	IssuerUID  []byte // contents of the BIT STRING, unused-bits octet included
	SubjectUID []byte
	Extensions []Ext

	Alg      Alg    // how to sign, and the outer AlgorithmIdentifier
	InnerAlg []byte // the TBS's AlgorithmIdentifier, when it differs

	// The hooks change the encoding before it is signed, the signature, and
	// the whole certificate, in that order.
	MutateTBS func(tbs []byte) []byte
	MutateSig func(sig []byte) []byte
	MutateRaw func(raw []byte) []byte
}

// RandomSerial returns the contents of a positive INTEGER of 16 octets.
func RandomSerial() []byte {
	b := make([]byte, 16)
	rand.Read(b)
	b[0] = b[0]&0x3f | 0x40
	return b
}

// Serial returns the contents of the INTEGER n.
func Serial(n int64) []byte { return intBody(big.NewInt(n)) }

func bigOf(n int) *big.Int { return big.NewInt(int64(n)) }

// TBS encodes the part that is signed, for a signer with algorithm a.
func (c Cert) TBS(a Alg) []byte {
	if c.Version == 0 {
		c.Version = 3
	}
	if c.Serial == nil {
		c.Serial = RandomSerial()
	}
	if c.Issuer == nil {
		c.Issuer = EmptyName()
	}
	if c.Subject == nil {
		c.Subject = EmptyName()
	}
	now := time.Now()
	if c.NotBefore.IsZero() {
		c.NotBefore = now.Add(-time.Hour)
	}
	if c.NotAfter.IsZero() {
		c.NotAfter = c.NotBefore.Add(30 * 24 * time.Hour)
	}
	if c.Validity == nil {
		c.Validity = Seq(Time(c.NotBefore), Time(c.NotAfter))
	}
	if c.SPKI == nil {
		if c.Key == nil {
			c.Key = P256()
		}
		c.SPKI = c.Key.SPKI
	}
	inner := c.InnerAlg
	if inner == nil {
		inner = a.ID
	}
	var parts [][]byte
	if c.Version != 1 {
		parts = append(parts, Explicit(0, Int(int64(c.Version-1))))
	}
	parts = append(parts, TLV(2, c.Serial), inner, c.Issuer, c.Validity, c.Subject, c.SPKI)
	if c.IssuerUID != nil {
		parts = append(parts, Context(1, c.IssuerUID))
	}
	if c.SubjectUID != nil {
		parts = append(parts, Context(2, c.SubjectUID))
	}
	if len(c.Extensions) > 0 {
		parts = append(parts, Explicit(3, Extensions(c.Extensions)))
	}
	tbs := Seq(parts...)
	if c.MutateTBS != nil {
		tbs = c.MutateTBS(tbs)
	}
	return tbs
}

// Sign encodes and signs the certificate.
func (c Cert) Sign(issuer *Key) []byte {
	a := c.Alg
	if a.ID == nil {
		a = issuer.DefaultAlg()
	}
	return wrap(c.TBS(a), a, issuer, c.MutateSig, c.MutateRaw)
}

// wrap is the outer SEQUENCE that certificates and CRLs share.
func wrap(tbs []byte, a Alg, k *Key, mutateSig, mutateRaw func([]byte) []byte) []byte {
	sig := k.Sign(a, tbs)
	if mutateSig != nil {
		sig = mutateSig(sig)
	}
	raw := Seq(tbs, a.ID, Bits(sig))
	if mutateRaw != nil {
		raw = mutateRaw(raw)
	}
	return raw
}

// Flip inverts the lowest bit of the last octet: as MutateSig it breaks a
// signature and keeps its form.
func Flip(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-1] ^= 1
	return b
}

// FlipMiddle inverts a bit in the middle.
func FlipMiddle(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)/2] ^= 1
	return b
}

// PEM encodes blocks of one type: "CERTIFICATE", "X509 CRL".
func PEM(kind string, ders ...[]byte) []byte {
	var out bytes.Buffer
	for _, d := range ders {
		pem.Encode(&out, &pem.Block{Type: kind, Bytes: d})
	}
	return out.Bytes()
}
