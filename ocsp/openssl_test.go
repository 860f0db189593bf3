package ocsp_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/fetch"
	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// responder runs `openssl ocsp` on loopback over w's certificates: the leaf
// good, the sibling revoked.
type responder struct {
	*world
	url string
	dir string
}

func startOpenSSL(t *testing.T, w *world, signer *CA, args ...string) *responder {
	t.Helper()
	prog := peers.Path(t, "openssl")
	r := &responder{world: w, dir: t.TempDir()}
	file := func(name, kind string, ders ...[]byte) string {
		p := filepath.Join(r.dir, name)
		if err := os.WriteFile(p, PEM(kind, ders...), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	key, err := x509.MarshalPKCS8PrivateKey(signer.Key.Signer)
	if err != nil {
		t.Fatal(err)
	}
	index := filepath.Join(r.dir, "index.txt")
	stamp := func(t time.Time) string { return t.UTC().Format("060102150405Z") }
	line := func(flag string, revoked string, c *CA) string {
		return fmt.Sprintf("%s\t%s\t%s\t%s\tunknown\t/CN=x\n", flag, stamp(w.now.AddDate(0, 0, 30)), revoked, strings.ToUpper(hex.EncodeToString(c.Serial)))
	}
	lines := line("V", "", w.leaf) + line("R", stamp(w.now.Add(-time.Hour))+",keyCompromise", w.sibling)
	if err := os.WriteFile(index, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	full := append([]string{"ocsp", "-index", index, "-CA", file("ca.pem", "CERTIFICATE", w.ca.Raw), "-rsigner", file("signer.pem", "CERTIFICATE", signer.Raw),
		"-rkey", file("key.pem", "PRIVATE KEY", key), "-port", port, "-ignore_err"}, args...)
	if !slices.Contains(args, "-nmin") {
		full = append(full, "-nmin", "60")
	}
	cmd := exec.Command(prog, full...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	r.url = "http://127.0.0.1:" + port + "/"
	for range 100 {
		// A connection without a request would keep it waiting.
		if resp, err := http.Get(r.url); err == nil {
			resp.Body.Close()
			return r
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("openssl ocsp does not listen: %s", out.String())
	return nil
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func (r *responder) ask(t *testing.T, c *CA, hash crypto.Hash, nonce []byte, get bool) ocsp.Result {
	t.Helper()
	leaf, issuer := cert.Parse(c.Raw), cert.Parse(r.ca.Raw)
	req := ocsp.NewRequest(leaf, issuer, hash, nonce)
	u, short := ocsp.GETURL(r.url, req)
	resp, f := (&fetch.Client{Timeout: 2 * time.Second}).OCSP(context.Background(), r.url, u, short && get, fetch.Request{Body: req, Scope: fetch.Scope{Loopback: true}})
	if f != nil {
		t.Fatal(f)
	}
	return ocsp.Check(ocsp.Query{Cert: leaf, Issuer: issuer, Time: time.Now(), Skew: time.Minute, Nonce: nonce, Source: policy.OCSP, URL: r.url}, resp.Body)
}

// Answers of a real responder, asked with our requests.
func TestOpenSSLResponder(t *testing.T) {
	nonce := bytes.Repeat([]byte{0x5a}, 32)
	for _, kind := range []string{"P-256", "P-384", "RSA-2048"} {
		w := newWorld()
		w.ca = w.root.Intermediate("Test CA", NewKey(kind))
		w.leaf, w.sibling = w.ca.Server("good.example", nil), w.ca.Server("revoked.example", nil)
		stranger := w.ca.Server("stranger.example", nil)
		delegate := w.ca.Responder("OCSP Responder", NewKey(kind))
		for _, c := range []struct {
			name   string
			signer *CA
			args   []string
		}{
			{"issuer", w.ca, nil},
			{"issuer by key", w.ca, []string{"-resp_key_id"}},
			{"issuer without certificates", w.ca, []string{"-resp_no_certs"}},
			{"delegate", delegate, nil},
			{"delegate by key", delegate, []string{"-resp_key_id"}},
			{"SHA-384 signature", delegate, []string{"-rmd", "sha384"}},
		} {
			t.Run(kind+"/"+c.name, func(t *testing.T) {
				r := startOpenSSL(t, w, c.signer, c.args...)
				for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256} {
					for _, n := range [][]byte{nil, nonce} {
						for _, get := range []bool{true, false} {
							for _, k := range []struct {
								who  *CA
								want report.Status
							}{{w.leaf, report.Good}, {w.sibling, report.Revoked}, {stranger, report.Unknown}} {
								res := r.ask(t, k.who, hash, n, get)
								if res.Status != k.want || k.want == report.Revoked && res.Answer.Reason != "keyCompromise" {
									t.Errorf("%v, nonce %v, GET %v: %s, want %s: %v", hash, n != nil, get, res.Status, k.want, res.Findings)
								}
								if k.want == report.Good && len(res.Findings) > 0 {
									t.Errorf("findings on a sound answer: %v", res.Findings)
								}
							}
						}
					}
				}
			})
		}
	}
}

// What a real responder gets wrong when told to.
func TestOpenSSLResponderBad(t *testing.T) {
	w := newWorld()
	for _, c := range []struct {
		name   string
		signer *CA
		args   []string
		id     finding.ID
	}{
		{"bad signature", w.ca, []string{"-badsig"}, finding.OCSPSignatureInvalid},
		{"signed by a sibling", w.ca.Server("mallory.example", nil), nil, finding.OCSPResponderUnauthorized},
		{"signed by the root", w.root, nil, finding.OCSPResponderUnauthorized},
		{"delegate not enclosed", w.ca.Responder("R", nil), []string{"-resp_no_certs"}, finding.OCSPResponderUnknown},
		{"SHA-1", w.ca, []string{"-rmd", "sha1"}, finding.OCSPWeakSignature},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := startOpenSSL(t, w, c.signer, c.args...)
			res := r.ask(t, w.leaf, crypto.SHA1, nil, true)
			if got := ids(res.Findings, finding.Warning); !slices.Equal(got, []finding.ID{c.id}) {
				t.Errorf("findings %v, want %s", res.Findings, c.id)
			}
			if worthless := c.id != finding.OCSPWeakSignature; (res.Status == "") != worthless {
				t.Errorf("status %q", res.Status)
			}
		})
	}
	t.Run("unauthorized", func(t *testing.T) {
		r := startOpenSSL(t, w, w.ca)
		r.ca = w.root // asks about somebody else's certificate: openssl answers "unknown" for CAs it does not serve
		res := r.ask(t, w.ca, crypto.SHA1, nil, true)
		if res.Status == report.Good {
			t.Errorf("%+v", res)
		}
	})
}

// openssl ocsp agrees with what Check says of forged and damaged responses,
// where it looks at all.
func TestOpenSSLVerifies(t *testing.T) {
	prog := peers.Path(t, "openssl")
	w := newWorld()
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	pemOf := func(c *CA) []byte { return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) }
	caFile, rootFile, leafFile := write("ca.pem", pemOf(w.ca)), write("root.pem", pemOf(w.root)), write("leaf.pem", pemOf(w.leaf))
	delegate := w.ca.Responder("Delegate", nil)
	sign := func(signer *CA, o OCSP) []byte {
		o.Singles = []Single{w.good()}
		o.Certs = [][]byte{signer.Raw}
		return o.Sign(signer)
	}
	for _, c := range []struct {
		name string
		body []byte
		ok   bool
	}{
		{"issuer", sign(w.ca, OCSP{}), true},
		{"issuer by key", sign(w.ca, OCSP{ByKey: true}), true},
		{"delegate", sign(delegate, OCSP{}), true},
		{"sibling", sign(w.sibling, OCSP{}), false},
		{"anyExtendedKeyUsage", sign(w.ca.Responder("any", nil, EKU("2.5.29.37.0")), OCSP{}), false},
		{"signature flipped", sign(w.ca, OCSP{MutateSig: FlipMiddle}), false},
		{"wrong responder", sign(w.ca, OCSP{ResponderRaw: Explicit(1, w.root.Name)}), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := write("resp.der", c.body)
			out, _ := exec.Command(prog, "ocsp", "-respin", p, "-issuer", caFile, "-cert", leafFile, "-CAfile", rootFile, "-verify_other", caFile, "-no_nonce").CombinedOutput()
			theirs := strings.Contains(string(out), "Response verify OK") && strings.Contains(string(out), ": good")
			ours := ocsp.Check(w.query(), c.body).Status == report.Good
			if ours != c.ok || theirs != c.ok {
				t.Errorf("ours %v, openssl %v, want %v: %s", ours, theirs, c.ok, out)
			}
		})
	}
}
