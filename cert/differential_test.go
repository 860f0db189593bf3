package cert_test

import (
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/corpora"
)

// differences lists the fields in which c and x, the same certificate, differ.
func differences(c *cert.Certificate, x *x509.Certificate) []string {
	var out []string
	diff := func(field string, ours, theirs any) {
		if fmt.Sprint(ours) != fmt.Sprint(theirs) {
			out = append(out, fmt.Sprintf("%s: %v, crypto/x509: %v", field, ours, theirs))
		}
	}
	blob := func(field string, ours, theirs []byte) {
		if !bytes.Equal(ours, theirs) {
			out = append(out, fmt.Sprintf("%s: %x, crypto/x509: %x", field, ours, theirs))
		}
	}
	blob("raw", c.Raw, x.Raw)
	blob("tbs", c.RawTBS, x.RawTBSCertificate)
	blob("issuer", c.RawIssuer, x.RawIssuer)
	blob("subject", c.RawSubject, x.RawSubject)
	blob("spki", c.RawSPKI, x.RawSubjectPublicKeyInfo)
	blob("signature", c.Signature, x.Signature)
	diff("version", c.Version, x.Version)
	diff("serial", fmt.Sprintf("%x", bytes.TrimLeft(c.Serial, "\x00")), fmt.Sprintf("%x", x.SerialNumber.Bytes()))
	diff("notBefore", c.NotBefore.Unix(), x.NotBefore.Unix())
	diff("notAfter", c.NotAfter.Unix(), x.NotAfter.Unix())
	diff("bc", c.HasBasicConstraints, x.BasicConstraintsValid)
	diff("ca", c.CA, x.IsCA)
	if c.HasBasicConstraints && c.CA {
		diff("pathLen", c.PathLen, x.MaxPathLen)
	}
	diff("ku", int(c.KeyUsage), int(x.KeyUsage))
	var eku []string
	for _, e := range x.ExtKeyUsage {
		eku = append(eku, e.OID().String())
	}
	for _, e := range x.UnknownExtKeyUsage {
		eku = append(eku, e.String())
	}
	ours := slices.Clone(c.ExtKeyUsage)
	slices.Sort(ours)
	slices.Sort(eku)
	diff("eku", ours, eku)
	var dns, mail, ips, uris, xips, xuris []string
	for _, g := range c.SAN {
		switch g.Type {
		case cert.DNSName:
			dns = append(dns, g.Value)
		case cert.EmailName:
			mail = append(mail, g.Value)
		case cert.IPName:
			ips = append(ips, g.IP.String())
		case cert.URIName:
			uris = append(uris, g.Value)
		}
	}
	for _, ip := range x.IPAddresses {
		a, _ := netip.AddrFromSlice(ip)
		xips = append(xips, a.String())
	}
	for _, u := range x.URIs {
		xuris = append(xuris, u.String())
	}
	diff("dns", dns, x.DNSNames)
	diff("mail", mail, x.EmailAddresses)
	diff("ip", ips, xips)
	diff("uri count", len(uris), len(xuris))
	blob("ski", c.SubjectKeyID, x.SubjectKeyId)
	blob("aki", c.AuthorityKeyID, x.AuthorityKeyId)
	diff("ocsp", c.OCSPServers, x.OCSPServer)
	diff("caIssuers", c.CAIssuers, x.IssuingCertificateURL)
	var crls []string
	for _, p := range c.CRLPoints {
		for _, g := range p.FullName {
			if g.Type == cert.URIName {
				crls = append(crls, g.Value)
			}
		}
	}
	diff("crls", crls, x.CRLDistributionPoints)
	diff("policies", c.Policies, x.Policies)
	if c.Key.Supported() && x.PublicKey != nil {
		diff("key", c.Key.Public(), x.PublicKey)
	}
	if len(c.Extensions) != len(x.Extensions) {
		out = append(out, "number of extensions")
	}
	return out
}

func errorsOf(c *cert.Certificate) (out []finding.Finding) {
	for _, f := range c.Findings {
		if f.Severity >= finding.Error {
			out = append(out, f)
		}
	}
	return out
}

// realCertificates are those of the real chains and Mozilla's roots.
func realCertificates(t testing.TB) (certs [][]byte) {
	dir := corpora.Dir(t, "real-chains")
	f, err := os.Open(filepath.Join(dir, "chains.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Certs []string }
	if err := json.NewDecoder(z).Decode(&file); err != nil {
		t.Fatal(err)
	}
	for _, s := range file.Certs {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		certs = append(certs, b)
	}
	roots, err := os.ReadFile(filepath.Join(dir, "mozilla-roots-ca-certificates.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for {
		var b *pem.Block
		if b, roots = pem.Decode(roots); b == nil {
			return certs
		}
		certs = append(certs, b.Bytes)
	}
}

func TestRealCertificates(t *testing.T) {
	for _, raw := range realCertificates(t) {
		x, err := x509.ParseCertificate(raw)
		if err != nil {
			t.Fatal(err)
		}
		c := cert.Parse(raw)
		for _, f := range c.Findings {
			t.Logf("%s: %v", c.Subject, f)
		}
		for _, d := range differences(c, x) {
			t.Errorf("%s: %s", c.Subject, d)
		}
	}
}
