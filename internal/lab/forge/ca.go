package forge

import (
	"crypto"
	"crypto/tls"
	"time"
)

// CA is a certificate with its key: an issuer, or a leaf with what its server needs.
type CA struct {
	Name   []byte // subject
	Key    *Key
	Raw    []byte
	Serial []byte
}

// NewRoot makes a self-signed root that follows RFC 5280, valid for ten years.
// A nil key means a fresh P-256 key.
func NewRoot(cn string, key *Key, extra ...Ext) *CA {
	if key == nil {
		key = P256()
	}
	c := Cert{Issuer: CN(cn), Subject: CN(cn), Key: key, Serial: RandomSerial(), NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().AddDate(10, 0, 0)}
	c.Extensions = Merge([]Ext{BasicConstraints(true, -1), KeyUsage(KeyCertSign, CRLSign), SKI(key.ID())}, extra...)
	return &CA{c.Subject, key, c.Sign(key), c.Serial}
}

// Merge returns base with each extra extension put in the place of the one
// with the same OID, or at the end.
func Merge(base []Ext, extra ...Ext) []Ext {
	out := append([]Ext(nil), base...)
next:
	for _, e := range extra {
		for i := range out {
			if out[i].OID == e.OID {
				out[i] = e
				continue next
			}
		}
		out = append(out, e)
	}
	return out
}

// Without returns exts without those of that OID.
func Without(exts []Ext, oid string) []Ext {
	var out []Ext
	for _, e := range exts {
		if e.OID != oid {
			out = append(out, e)
		}
	}
	return out
}

// Issue signs c as it is, but for the issuer's name and what Cert's zero
// fields mean; the key and serial that were chosen come back with it. It adds
// no extensions.
func (ca *CA) Issue(c Cert) *CA {
	if c.Issuer == nil {
		c.Issuer = ca.Name
	}
	if c.Key == nil {
		c.Key = P256()
	}
	if c.Serial == nil {
		c.Serial = RandomSerial()
	}
	if c.Subject == nil {
		c.Subject = EmptyName()
	}
	return &CA{c.Subject, c.Key, c.Sign(ca.Key), c.Serial}
}

// Intermediate issues a CA certificate that follows RFC 5280, valid for five years.
func (ca *CA) Intermediate(cn string, key *Key, extra ...Ext) *CA {
	if key == nil {
		key = P256()
	}
	return ca.Issue(Cert{Subject: CN(cn), Key: key, NotAfter: time.Now().AddDate(5, 0, 0),
		Extensions: Merge([]Ext{BasicConstraints(true, -1), KeyUsage(KeyCertSign, CRLSign), SKI(key.ID()), AKI(ca.Key.ID())}, extra...)})
}

// ServerExts are the extensions of a well-formed server certificate for name
// under ca; name may be an IP address in text form only through IP.
func (ca *CA) ServerExts(key *Key, names ...[]byte) []Ext {
	exts := []Ext{BasicConstraints(false, -1), KeyUsage(DigitalSignature), EKU(ServerAuth), SKI(key.ID()), AKI(ca.Key.ID())}
	if len(names) > 0 {
		exts = append(exts, SAN(names...))
	}
	return exts
}

// Server issues a well-formed server certificate for DNS name host, valid for
// 30 days.
func (ca *CA) Server(host string, key *Key, extra ...Ext) *CA {
	if key == nil {
		key = P256()
	}
	return ca.Issue(Cert{Subject: CN(host), Key: key, Extensions: Merge(ca.ServerExts(key, DNS(host)), extra...)})
}

// TLS returns what crypto/tls needs to serve ca's certificate and chain.
func (ca *CA) TLS(chain ...[]byte) tls.Certificate {
	return tls.Certificate{Certificate: append([][]byte{ca.Raw}, chain...), PrivateKey: crypto.PrivateKey(ca.Key.Signer)}
}
