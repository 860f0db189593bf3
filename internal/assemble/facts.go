package assemble

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strconv"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/der"
	"github.com/assaytls/assay/report"
)

// Facts is c as reports and `assay show` describe it. Text from the certificate
// stays raw: renderers quote it.
func Facts(c *cert.Certificate, source report.CertSource) report.Cert {
	f := shortFacts(c, source)
	f.PEM = shownPEM(c)
	for _, x := range c.Extensions {
		f.Extensions = append(f.Extensions, report.Ext{OID: x.OID, Name: cert.OIDName(x.OID), Critical: x.Critical, Value: hex.EncodeToString(x.Value)})
	}
	return f
}

// shortFacts are the Facts without what only those read who look at a certificate
// itself: extensions and PEM.
func shortFacts(c *cert.Certificate, source report.CertSource) report.Cert {
	f := report.Cert{
		Subject: c.Subject.String(), Issuer: c.Issuer.String(),
		Serial: hex.EncodeToString(c.Serial), Version: c.Version,
		NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		Key: keyText(c.Key), Signature: c.Algorithm.Name, CA: c.CA,
		Policies: c.Policies, OCSP: c.OCSPServers, CAIssuers: c.CAIssuers,
		SubjectKeyID: hex.EncodeToString(c.SubjectKeyID), AuthorityKey: hex.EncodeToString(c.AuthorityKeyID),
		SHA256: hex.EncodeToString(c.SHA256[:]), Source: source,
	}
	spki := sha256.Sum256(c.RawSPKI)
	f.SPKISHA256, f.SPKIPin = hex.EncodeToString(spki[:]), base64.StdEncoding.EncodeToString(spki[:])
	if c.HasBasicConstraints && c.PathLen >= 0 {
		n := c.PathLen
		f.PathLen = &n
	}
	if c.HasKeyUsage {
		f.KeyUsage = c.KeyUsage.Names()
	}
	for _, oid := range c.ExtKeyUsage {
		f.ExtKeyUsage = append(f.ExtKeyUsage, cert.OIDName(oid))
	}
	for _, n := range c.SAN {
		f.Names = append(f.Names, n.String())
	}
	for _, dp := range c.CRLPoints {
		for _, n := range dp.FullName {
			if n.Type == cert.URIName {
				f.CRL = append(f.CRL, n.Value)
			}
		}
	}
	for _, n := range c.TLSFeatures {
		f.MustStaple = f.MustStaple || n == 5
	}
	return f
}

// shownPEM is the certificate itself, "" when it could not be decoded. What cannot be decoded may
// be anything, a private key too, and so may what follows a certificate: neither is repeated.
func shownPEM(c *cert.Certificate) string {
	if len(c.RawTBS) == 0 {
		return ""
	}
	whole, err := der.NewReader(c.Raw, 0).Next()
	if err != nil {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: whole.Raw}))
}

// keyText is "RSA 2048", "ECDSA P-256", "Ed25519".
func keyText(k *cert.PublicKey) string {
	switch {
	case k == nil || k.Algorithm == "":
		return "unreadable"
	case k.Curve == "SM2": // the OID of its algorithm is that of ECDSA, and its signatures are others
		return k.Curve
	case k.Curve != "":
		return k.Algorithm + " " + k.Curve
	case k.Algorithm == "Ed25519" || k.Bits == 0:
		return k.Algorithm
	}
	return k.Algorithm + " " + strconv.Itoa(k.Bits)
}

// certTable numbers the certificates of a report; each stands in it once.
type certTable struct {
	from   []*cert.Certificate
	certs  []report.Cert
	detail Detail
}

// newCertTable expects about n certificates.
func newCertTable(n int, d Detail) certTable {
	return certTable{make([]*cert.Certificate, 0, n), make([]report.Cert, 0, n), d}
}

// add returns c's number. Chains and what completes them are bounded and
// mostly short: looking through all costs less than an index.
func (t *certTable) add(c *cert.Certificate, source report.CertSource) int {
	for i, known := range t.from {
		if known == c || known.SHA256 == c.SHA256 {
			return i
		}
	}
	t.from, t.certs = append(t.from, c), append(t.certs, factsFor(t.detail, c, source))
	return len(t.certs) - 1
}

// factsFor is c as a report of detail d describes it.
func factsFor(d Detail, c *cert.Certificate, source report.CertSource) report.Cert {
	switch d {
	case Full:
		return Facts(c, source)
	case Short:
		return shortFacts(c, source)
	}
	f := report.Cert{NotBefore: c.NotBefore, NotAfter: c.NotAfter, Source: source}
	if d == Rows {
		spki := sha256.Sum256(c.RawSPKI)
		f.SHA256, f.SPKISHA256 = hashText(c.SHA256), hashText(spki)
	}
	return f
}

// Name is what messages call a certificate.
func Name(c *cert.Certificate) string {
	if s := c.Subject.String(); s != "" {
		return s
	}
	if len(c.SAN) > 0 {
		return c.SAN[0].String()
	}
	return fmt.Sprintf("serial %x", c.Serial)
}

// hashText is a hash in hex.
func hashText(h [32]byte) string {
	var b [64]byte
	hex.Encode(b[:], h[:])
	return string(b[:])
}
