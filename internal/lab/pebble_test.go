package lab_test

import (
	"crypto"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// pebble is a running Pebble: two chains of two intermediates each, which end
// in two roots and begin with one key.
type pebble struct {
	*world
	*acmeClient
	management string
}

// startPebble runs Pebble; responder is the OCSP pointer of what it issues.
func startPebble(t *testing.T, responder string) *pebble {
	t.Helper()
	peers.Path(t, "pebble")
	w := newWorld(t)
	own := w.ica.Server("localhost", nil, forge.SAN(forge.IP("127.0.0.1")))
	port, management := freePort(t), freePort(t)
	conf, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": "127.0.0.1:" + port, "managementListenAddress": "127.0.0.1:" + management,
		"certificate": w.file("pebble.pem", forge.PEM("CERTIFICATE", own.Raw, w.ica.Raw)), "privateKey": w.file("pebble.key", own.Key.PEM()),
		"ocspResponderURL": responder, "keyAlgorithm": "rsa",
		"profiles": map[string]any{
			"default":    map[string]any{"description": "90 days", "validityPeriod": 7776000},
			"shortlived": map[string]any{"description": "6 days", "validityPeriod": 518400},
		}}})
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_CHAIN_LENGTH": "2", "PEBBLE_ALTERNATE_ROOTS": "1"} {
		t.Setenv(k, v)
	}
	dns, told := w.challenges()
	w.run("pebble", "-config", w.file("pebble.json", conf), "-dnsserver", dns, "-strict")
	w.waitFor(management)
	w.waitFor(port)
	return &pebble{w, w.acme("https://127.0.0.1:"+port+"/dir", told), "https://127.0.0.1:" + management}
}

// root returns the root of a chain.
func (p *pebble) root(n int) []byte {
	p.t.Helper()
	return p.get(fmt.Sprintf("%s/roots/%d", p.management, n))[0]
}

var ninetyDays, sixDays = acme.WithOrderIssuanceProfile("default"), acme.WithOrderIssuanceProfile("shortlived")

// One key below two roots: whichever chain is sent, the path to the root that
// is trusted is found, and no other.
func TestPebbleChains(t *testing.T) {
	p := startPebble(t, "")
	c := p.issue(false, ninetyDays)
	if len(c.chains) != 2 || len(c.chains[0]) != 3 || len(c.chains[1]) != 3 {
		t.Fatalf("%d chains", len(c.chains))
	}
	roots := [][]byte{p.root(0), p.root(1)}
	first, second := c.chains[0][1:], c.chains[1][1:]
	all := append(append([][]byte{}, first...), second...)
	for _, tt := range []struct {
		name    string
		sent    [][]byte
		anchors [][]byte
		want    report.Verdict
		find    []finding.ID
		paths   int // that reach an anchor
	}{
		{"default chain", first, roots[:1], report.Accept, []finding.ID{finding.RevocationNoPointer}, 1},
		{"alternate chain", second, roots[1:], report.Accept, []finding.ID{finding.RevocationNoPointer}, 1},
		{"default chain, the other root", first, roots[1:], report.Reject, nil, 0},
		{"alternate chain, the other root", second, roots[:1], report.Reject, nil, 0},
		{"both chains, first root", all, roots[:1], report.Accept, nil, 1},
		{"both chains, second root", all, roots[1:], report.Accept, nil, 1},
		{"both chains, both roots", all, roots, report.Accept, nil, 2},
		{"the signing certificate alone", first[:1], roots[:1], report.Reject, nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := p.with(t, tt.anchors)
			r := w.expect(w.present(c, tt.sent), tt.want, tt.find...)
			paths := 0
			for _, path := range r.Paths {
				if path.End == report.EndAnchor {
					paths++
				}
			}
			if paths != tt.paths {
				t.Errorf("%d paths reach an anchor, want %d", paths, tt.paths)
			}
		})
	}
}

// with is the world for a subtest that trusts other roots.
func (w *world) with(t *testing.T, anchors [][]byte) *world {
	n := *w
	n.t, n.dir, n.anchors = t, t.TempDir(), anchors
	return &n
}

// A six-day certificate needs no revocation information: its status is not
// applicable, and that is neither unknown nor worth a warning.
func TestPebbleShortLived(t *testing.T) {
	p := startPebble(t, "")
	c := p.issue(false, sixDays)
	w := p.with(t, [][]byte{p.root(0)})
	r, found := w.judge(w.present(c, c.chains[0][1:]), policy.Policy{Depth: policy.DepthLeaf})
	leaf := r.Paths[r.Chosen].Certs[0]
	if r.Verdict != report.Accept || leaf.Revocation == nil || leaf.Revocation.Status != report.NotApplicable || leaf.Revocation.Why != "short-lived" {
		t.Errorf("%s, %+v, %v", r.Verdict, leaf.Revocation, found)
	}
	for _, f := range leaf.Findings {
		if f.ID == finding.RevocationNoPointer || f.ID == finding.RevocationUnavailable {
			t.Errorf("%s is said", f.ID)
		}
	}
	long := p.issue(false, ninetyDays)
	r = w.expect(w.present(long, long.chains[0][1:]), report.Accept, finding.RevocationNoPointer)
	if why := r.Paths[r.Chosen].Certs[0].Revocation.Why; why != "no-pointer" {
		t.Errorf("90 days: %s", why)
	}
}

// `openssl ocsp` answers with the key of Pebble's intermediate, which has no
// responder of its own: good, then revoked; fetched, and stapled where the
// certificate demands it.
func TestPebbleOCSP(t *testing.T) {
	port := freePort(t)
	p := startPebble(t, "http://127.0.0.1:"+port+"/")
	w := p.with(t, [][]byte{p.root(0)})
	plain, must, short := p.issue(false, ninetyDays), p.issue(true, ninetyDays), p.issue(false, sixDays)
	issuers := plain.chains[0][1:]
	index := filepath.Join(w.dir, "index.txt")
	say := func(flag string) {
		t.Helper()
		text := ""
		for n, c := range []*issued{plain, must, short} {
			revoked := ""
			if flag == "R" {
				revoked = time.Now().Add(-time.Minute).UTC().Format("060102150405Z") + ",keyCompromise"
			}
			text += fmt.Sprintf("%s\t%s\t%s\t%s\tunknown\t/CN=%d\n", flag, time.Now().AddDate(0, 0, 80).UTC().Format("060102150405Z"), revoked, c.serial(t), n)
		}
		w.file("index.new", []byte(text))
		if err := os.Rename(filepath.Join(w.dir, "index.new"), index); err != nil { // openssl looks whether the file is another
			t.Fatal(err)
		}
	}
	say("V")
	server, bare := w.present(plain, issuers), w.present(must, issuers)
	if r := w.expect(server, report.Inconclusive, finding.FetchFailed); r.Paths[r.Chosen].Certs[0].Revocation.Status != report.Unknown {
		t.Errorf("no responder yet: %+v", r.Paths[r.Chosen].Certs[0].Revocation)
	}
	if r := w.expect(w.present(short, issuers), report.Accept); r.Paths[r.Chosen].Certs[0].Revocation.Why != "short-lived" {
		t.Errorf("short-lived, no responder yet: %+v", r.Paths[r.Chosen].Certs[0].Revocation)
	}
	ca := w.file("ca.pem", forge.PEM("CERTIFICATE", p.get(p.management + "/intermediates/0")[0]))
	key := w.file("ca.key", forge.PEM("RSA PRIVATE KEY", p.get(p.management + "/intermediate-keys/0")[0]))
	w.run("openssl", "ocsp", "-index", index, "-CA", ca, "-rsigner", ca, "-rkey", key, "-port", port, "-nmin", "60", "-ignore_err")
	knock := func() { // a connection without a request would keep it waiting
		w.until(func() bool {
			resp, err := http.Get("http://127.0.0.1:" + port + "/")
			if err == nil {
				resp.Body.Close()
			}
			return err == nil
		})
	}
	knock()
	r := w.expect(server, report.Accept)
	if rev := r.Paths[r.Chosen].Certs[0].Revocation; rev.Status != report.Good || rev.Scheme != policy.OCSP {
		t.Errorf("%+v", rev)
	}
	staple := func() string {
		t.Helper()
		leaf, issuer := cert.Parse(must.chains[0][0]), cert.Parse(issuers[0])
		request := ocsp.NewRequest(leaf, issuer, crypto.SHA1, nil)
		resp, f := (&fetch.Client{}).OCSP(p.ctx, "http://127.0.0.1:"+port+"/", "", false, fetch.Request{Body: request, Scope: fetch.Scope{Loopback: true}})
		if f != nil {
			t.Fatal(f)
		}
		return w.file("staple.der", resp.Body)
	}
	w.expect(bare, report.Reject, finding.MustStapleMissing)
	stapled := w.present(must, issuers, "-status_file", staple())
	r = w.expect(stapled, report.Accept)
	if rev := r.Paths[r.Chosen].Certs[0].Revocation; rev.Status != report.Good || len(rev.Sources) != 2 {
		t.Errorf("stapled: %+v", rev)
	}

	say("R")
	knock() // it looks for a new index after each request
	w.expect(server, report.Reject, finding.CertRevoked)
	w.expect(bare, report.Reject, finding.CertRevoked)
	w.expect(stapled, report.Reject, finding.CertRevoked, finding.RevocationDisagree) // the server keeps what it had
	w.expect(w.present(must, issuers, "-status_file", staple()), report.Reject, finding.CertRevoked)
	w.expect(w.present(short, issuers), report.Reject, finding.CertRevoked)
}
