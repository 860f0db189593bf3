package papers_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/internal/papers"
)

func request(t testing.TB) []byte {
	t.Helper()
	b, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "a.test"}, DNSNames: []string{"a.test", "b.test"}}, forge.P256().Signer)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A request gives its names and its key, and says whether it is signed with that key.
func TestParseRequest(t *testing.T) {
	b := request(t)
	r, err := papers.ParseRequest(b)
	if err != nil || r.Signature != nil || r.Subject.String() != "CN=a.test" || len(r.Names) != 2 || r.Names[1].String() != "dns:b.test" || len(r.Extensions) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	b[len(b)-1] ^= 1
	if r, err := papers.ParseRequest(b); err != nil || r.Signature == nil {
		t.Errorf("a changed signature verifies: %+v, %v", r, err)
	}
	for n := range b {
		if _, err := papers.ParseRequest(b[:n]); err == nil {
			t.Fatalf("cut to %d bytes it is decoded", n)
		}
	}
}

// OpenSSL's query is read as OpenSSL prints it.
func TestParseTimeStampQuery(t *testing.T) {
	openssl := peers.Path(t, "openssl")
	dir := t.TempDir()
	data, query := filepath.Join(dir, "data"), filepath.Join(dir, "q.tsq")
	if err := os.WriteFile(data, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(openssl, "ts", "-query", "-data", data, "-sha256", "-cert", "-tspolicy", "1.2.3.4", "-out", query).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b, err := os.ReadFile(query)
	if err != nil {
		t.Fatal(err)
	}
	q, err := papers.ParseTimeStampQuery(b)
	if err != nil || q.Hash != "2.16.840.1.101.3.4.2.1" || len(q.Imprint) != 32 || q.Policy != "1.2.3.4" || len(q.Nonce) == 0 || !q.WithKey {
		t.Errorf("%+v, %v", q, err)
	}
	for n := range b {
		if _, err := papers.ParseTimeStampQuery(b[:n]); err == nil {
			t.Fatalf("cut to %d bytes it is decoded", n)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(request(f))
	f.Add(forge.Seq(forge.Int(1), forge.Seq(forge.Seq(forge.OID("1.2.3")), forge.Octets([]byte("hash")))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := papers.ParseRequest(b); err == nil && r.Key == nil {
			t.Fatal("a request without a key")
		}
		if q, err := papers.ParseTimeStampQuery(b); err == nil && strings.Contains(q.Hash, " ") {
			t.Fatal("an OID with a space")
		}
	})
}
