package forge_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
)

func TestCertificatesParseAndVerify(t *testing.T) {
	for _, kind := range []string{"P-224", "P-256", "P-384", "P-521", "Ed25519", "RSA-2048", "RSA-1024"} {
		root := forge.NewRoot("Root "+kind, forge.NewKey(kind))
		ica := root.Intermediate("Intermediate", forge.NewKey(kind), forge.NameConstraints([][]byte{forge.DNS("example.test"), forge.IPNet("127.0.0.0/8")}, nil),
			forge.Policies(forge.AnyPolicy), forge.InhibitAnyPolicy(3), forge.PolicyConstraints(5, 2))
		leaf := ica.Server("a.example.test", nil, forge.AIA([]string{"http://127.0.0.1/o"}, []string{"http://127.0.0.1/c"}), forge.CRLDP("http://127.0.0.1/crl"), forge.MustStaple())
		rc, err := x509.ParseCertificate(root.Raw)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		ic, err := x509.ParseCertificate(ica.Raw)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		lc, err := x509.ParseCertificate(leaf.Raw)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		roots, pool := x509.NewCertPool(), x509.NewCertPool()
		roots.AddCert(rc)
		pool.AddCert(ic)
		if kind == "P-224" || kind == "RSA-1024" {
			continue // parse only
		}
		if _, err := lc.Verify(x509.VerifyOptions{Roots: roots, Intermediates: pool, DNSName: "a.example.test"}); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if len(lc.OCSPServer) != 1 || len(lc.IssuingCertificateURL) != 1 || len(lc.CRLDistributionPoints) != 1 {
			t.Errorf("%s: pointers lost", kind)
		}
	}
}

func TestAlgorithms(t *testing.T) {
	key := forge.RSA(2048)
	for _, a := range []forge.Alg{forge.SHA256WithRSA, forge.SHA384WithRSA, forge.SHA512WithRSA, forge.SHA256WithPSS, forge.SHA384WithPSS, forge.SHA512WithPSS} {
		raw := forge.Cert{Issuer: forge.CN("r"), Subject: forge.CN("r"), Key: key, Alg: a, Extensions: []forge.Ext{forge.BasicConstraints(true, -1)}}.Sign(key)
		c, err := x509.ParseCertificate(raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.CheckSignatureFrom(c); err != nil {
			t.Errorf("%v: %v", c.SignatureAlgorithm, err)
		}
		bad := forge.Cert{Issuer: forge.CN("r"), Subject: forge.CN("r"), Key: key, Alg: a, MutateSig: forge.FlipMiddle, Extensions: []forge.Ext{forge.BasicConstraints(true, -1)}}.Sign(key)
		if c, err = x509.ParseCertificate(bad); err != nil || c.CheckSignatureFrom(c) == nil {
			t.Errorf("%v: a flipped signature verified (%v)", c.SignatureAlgorithm, err)
		}
	}
	forge.Cert{Key: forge.RSA(512), Alg: forge.MD5WithRSA}.Sign(forge.RSA(512))
}

func TestHooksBreak(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	for name, c := range map[string]forge.Cert{
		"negative serial":  {Serial: []byte{0x80}},
		"trailing byte":    {MutateRaw: func(b []byte) []byte { return append(b, 0) }},
		"long length":      {MutateRaw: func(b []byte) []byte { _, body, _ := forge.SplitTLV(b); return forge.LongTLV(0x30, 4, body) }},
		"version 4":        {Version: 4},
		"other algorithm":  {InnerAlg: forge.SHA256WithRSA.ID},
		"twice one OID":    {Extensions: []forge.Ext{forge.Unknown(false), forge.Unknown(false)}},
		"no key at all":    {MutateTBS: func(b []byte) []byte { return forge.Replace(b, 6) }},
		"month 13":         {Validity: forge.Seq(forge.TLV(0x17, []byte("261301000000Z")), forge.Time(time.Now()))},
		"junk in a SAN IP": {Extensions: []forge.Ext{forge.SAN(forge.IPRaw([]byte{1, 2, 3}))}},
	} {
		if _, err := x509.ParseCertificate(root.Issue(c).Raw); err == nil {
			t.Errorf("%s: crypto/x509 parses it", name)
		}
	}
}

func TestCRLParses(t *testing.T) {
	ca := forge.NewRoot("Root", nil)
	raw := ca.CRL(forge.CRL{Entries: []forge.Entry{forge.Revoke(forge.Serial(7), forge.KeyCompromise), forge.Revoke(forge.Serial(300), -1)},
		Extensions: []forge.Ext{forge.IDP{FullName: [][]byte{forge.URI("http://127.0.0.1/crl")}, OnlyUser: true}.Ext(), forge.CRLNumber(9)}})
	l, err := x509.ParseRevocationList(raw)
	if err != nil {
		t.Fatal(err)
	}
	rc, _ := x509.ParseCertificate(ca.Raw)
	if err := l.CheckSignatureFrom(rc); err != nil {
		t.Fatal(err)
	}
	if len(l.RevokedCertificateEntries) != 2 || l.RevokedCertificateEntries[0].ReasonCode != 1 || l.Number.Int64() != 9 {
		t.Errorf("decoded as %+v", l)
	}
}

func TestOCSPParses(t *testing.T) {
	ca := forge.NewRoot("Root", nil)
	leaf := ca.Server("a.test", nil)
	issuer, _ := x509.ParseCertificate(ca.Raw)
	cert, _ := x509.ParseCertificate(leaf.Raw)
	delegate := ca.Responder("Responder", nil)
	for name, c := range map[string]struct {
		raw    []byte
		status int
	}{
		"by the issuer":   {forge.OCSP{Singles: []forge.Single{ca.Good(leaf.Serial)}, Nonce: []byte("12345678")}.Sign(ca), ocsp.Good},
		"by key":          {forge.OCSP{Singles: []forge.Single{ca.RevokedSingle(leaf.Serial, 1)}, ByKey: true}.Sign(ca), ocsp.Revoked},
		"by the delegate": {forge.OCSP{Singles: []forge.Single{ca.UnknownSingle(leaf.Serial)}, Certs: [][]byte{delegate.Raw}}.Sign(delegate), ocsp.Unknown},
	} {
		r, err := ocsp.ParseResponseForCert(c.raw, cert, issuer)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if r.Status != c.status {
			t.Errorf("%s: status %d, want %d", name, r.Status, c.status)
		}
	}
	if _, err := ocsp.ParseResponse(forge.OCSP{Status: forge.TryLater}.Sign(ca), issuer); err != (ocsp.ResponseError{Status: ocsp.TryLater}) {
		t.Errorf("tryLater: %v", err)
	}
	if _, err := ocsp.ParseResponse(forge.OCSP{Singles: []forge.Single{ca.Good(leaf.Serial)}, MutateSig: forge.FlipMiddle}.Sign(ca), issuer); err == nil {
		t.Error("a flipped signature verified")
	}
	req, err := ocsp.ParseRequest(forge.OCSPRequest(nil, ca.CertID(leaf.Serial)))
	if err != nil || req.SerialNumber.Cmp(new(big.Int).SetBytes(leaf.Serial)) != 0 {
		t.Errorf("request: %v", err)
	}
}

func TestSCTsAndLogList(t *testing.T) {
	ca, log := forge.NewRoot("Root", nil), forge.P256()
	var tbs []byte
	leaf := ca.WithSCTs(forge.Cert{Subject: forge.CN("a.test"), Extensions: []forge.Ext{forge.SAN(forge.DNS("a.test"))}}, func(b []byte) [][]byte {
		tbs = b
		return [][]byte{forge.SCT{}.SignPrecert(log, ca.Key, b), forge.SCT{Extensions: []byte{0, 0, 5, 0, 0, 0, 0, 2}}.SignPrecert(log, ca.Key, b)}
	})
	c, err := x509.ParseCertificate(leaf.Raw)
	if err != nil {
		t.Fatal(err)
	}
	if last := c.Extensions[len(c.Extensions)-1]; last.Id.String() != "1.3.6.1.4.1.11129.2.4.2" {
		t.Error("no SCT list")
	}
	// The final TBS without its last extension is what the log signed.
	kids := forge.Children(c.RawTBSCertificate)
	exts := forge.Children(forge.Children(kids[len(kids)-1])[0])
	back := forge.Replace(c.RawTBSCertificate, len(kids)-1, forge.Explicit(3, forge.Seq(exts[:len(exts)-1]...)))
	if !bytes.Equal(back, tbs) {
		t.Error("the precertificate's TBS is not the certificate's without the SCTs")
	}
	var list struct {
		Operators []struct {
			Logs []struct {
				LogID []byte `json:"log_id"`
				Key   []byte
			}
		}
	}
	if err := json.Unmarshal(forge.LogList(time.Now(), forge.Log{Key: log, Operator: "A", URL: "https://log.test/"}), &list); err != nil {
		t.Fatal(err)
	}
	id := sha256.Sum256(list.Operators[0].Logs[0].Key)
	if !bytes.Equal(id[:], list.Operators[0].Logs[0].LogID) {
		t.Error("log_id is not the hash of the key")
	}
}

func TestOpenSSLAgrees(t *testing.T) {
	openssl := peers.Path(t, "openssl")
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	root := forge.NewRoot("Root", forge.RSA(2048))
	ica := root.Intermediate("Intermediate", nil)
	leaf := ica.Server("a.test", nil)
	roots := write("root.pem", forge.PEM("CERTIFICATE", root.Raw))
	chain := write("chain.pem", forge.PEM("CERTIFICATE", ica.Raw))
	crls := write("crls.pem", forge.PEM("X509 CRL", ica.CRL(forge.CRL{}), root.CRL(forge.CRL{})))
	cert := write("leaf.pem", forge.PEM("CERTIFICATE", leaf.Raw))
	resp := write("resp.der", forge.OCSP{Singles: []forge.Single{ica.Good(leaf.Serial)}}.Sign(ica))
	for _, args := range [][]string{
		{"verify", "-x509_strict", "-CAfile", roots, "-untrusted", chain, "-CRLfile", crls, "-crl_check_all", "-verify_hostname", "a.test", cert},
		{"ocsp", "-respin", resp, "-issuer", chain, "-cert", cert, "-CAfile", roots, "-verify_other", chain},
	} {
		out, err := exec.Command(openssl, args...).CombinedOutput()
		if err != nil {
			t.Errorf("openssl %v: %v\n%s", args, err, out)
		}
	}
}
