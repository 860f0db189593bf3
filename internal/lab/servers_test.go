package lab_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// world is a PKI made by forge whose parts are handed to real programs.
type world struct {
	t    *testing.T
	dir  string
	root *forge.CA
	ica  *forge.CA
	mux  *http.ServeMux // of web
	web  *httptest.Server
	logs []*forge.Key

	anchors [][]byte // when not nil, in place of root
}

const realHost = "real.peer.assay.test"

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir(), mux: http.NewServeMux(), logs: []*forge.Key{forge.P256(), forge.P256()}}
	w.web = httptest.NewServer(w.mux)
	t.Cleanup(w.web.Close)
	w.root = forge.NewRoot("Real Peers Root", nil)
	w.ica = w.root.Intermediate("Real Peers CA", nil, forge.CRLDP(w.web.URL+"/root.crl"))
	w.serve("/root.crl", w.root.CRL(forge.CRL{}))
	w.serve("/ica.crl", w.ica.CRL(forge.CRL{}))
	return w
}

func (w *world) serve(path string, body []byte) {
	w.mux.HandleFunc(path, func(rw http.ResponseWriter, _ *http.Request) { rw.Write(body) })
}

// leaf issues a good certificate with a CRL pointer, until edit changes it.
func (w *world) leaf(edit func(c *forge.Cert)) *forge.CA {
	c := forge.Cert{Subject: forge.CN(realHost), Key: forge.P256(), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().AddDate(0, 0, 30)}
	c.Extensions = append(w.ica.ServerExts(c.Key, forge.DNS(realHost)), forge.CRLDP(w.web.URL+"/ica.crl"))
	if edit != nil {
		edit(&c)
	}
	return w.ica.Issue(c)
}

func (w *world) file(name string, b []byte) string {
	w.t.Helper()
	p := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(p, b, 0o644); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// files writes a leaf for programs: its certificate, key, issuers, and all
// certificates together.
func (w *world) files(leaf *forge.CA, chain ...[]byte) (cert, key, issuers, all string) {
	return w.file("leaf.pem", forge.PEM("CERTIFICATE", leaf.Raw)), w.file("leaf.key", leaf.Key.PEM()),
		w.file("issuers.pem", forge.PEM("CERTIFICATE", chain...)), w.file("all.pem", forge.PEM("CERTIFICATE", append([][]byte{leaf.Raw}, chain...)...))
}

// output is what a program has said so far.
type output struct {
	mu   sync.Mutex
	text []byte
}

// Write appends; it keeps the first 64 KiB.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.text) < 1<<16 {
		o.text = append(o.text, b...)
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}

// run starts a program and stops it when the test ends.
func (w *world) run(program string, args ...string) *output {
	w.t.Helper()
	cmd := exec.Command(peers.Path(w.t, program), args...)
	peers.Tie(cmd)
	cmd.Dir = w.dir
	cmd.WaitDelay = time.Second
	out := &output{}
	cmd.Stdout, cmd.Stderr = out, out
	stdin, err := cmd.StdinPipe() // s_server ends with its input
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { cmd.Wait(); close(exited) }()
	w.t.Cleanup(func() {
		stdin.Close()
		peers.End(cmd, exited)
		if w.t.Failed() {
			w.t.Logf("%s said:\n%s", program, out)
		}
	})
	return out
}

// freePort returns a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
}

// until waits for a condition, half a minute at most.
func (w *world) until(ok func() bool) {
	w.t.Helper()
	for range 1200 {
		if ok() {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	w.t.Fatal("waited in vain for a program")
}

// waitFor waits until something listens on the port.
func (w *world) waitFor(port string) {
	w.t.Helper()
	w.until(func() bool {
		c, err := net.Dial("tcp4", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// opensslServer starts s_server and returns its port.
func (w *world) opensslServer(args ...string) string {
	w.t.Helper()
	out := w.run("openssl", append([]string{"s_server", "-accept", "127.0.0.1:0", "-www"}, args...)...)
	var port string
	w.until(func() bool {
		_, after, _ := strings.Cut(out.String(), "ACCEPT 127.0.0.1:")
		text, _, whole := strings.Cut(after, "\n")
		port = strings.TrimSpace(text)
		return whole
	})
	return port
}

// judge runs the engine against the server on the port.
func (w *world) judge(port string, p policy.Policy, a ...download.Access) (*report.Report, []finding.ID) {
	w.t.Helper()
	anchors := certpath.NewAnchors()
	for _, raw := range append([][]byte{w.root.Raw}, w.anchors...)[min(len(w.anchors), 1):] {
		if err := anchors.Add(raw); err != nil {
			w.t.Fatal(err)
		}
	}
	logs, err := ct.ParseLogList(forge.LogList(time.Now(),
		forge.Log{Key: w.logs[0], Operator: "One", URL: "https://one.test/"}, forge.Log{Key: w.logs[1], Operator: "Two", URL: "https://two.test/"}))
	if err != nil {
		w.t.Fatal(err)
	}
	r, _ := engine.New(engine.Options{}).Check(context.Background(), tlsclient.Config{Host: realHost, Port: port,
		Resolve: map[string][]netip.Addr{realHost + ":" + port: {netip.MustParseAddr("127.0.0.1")}}}, &engine.Trust{Anchors: anchors, LogList: logs}, p, append(a, download.Access{})[0], assemble.Full)
	return r, lab.Found(r)
}

// expect judges and compares.
func (w *world) expect(port string, want report.Verdict, ids ...finding.ID) *report.Report {
	w.t.Helper()
	r, found := w.judge(port, policy.Policy{})
	if r.Verdict != want {
		w.t.Errorf("%s where %s is due; findings %v", r.Verdict, want, found)
	}
	for _, id := range ids {
		if !slices.Contains(found, id) {
			w.t.Errorf("no %s among %v", id, found)
		}
	}
	return r
}

func TestOpenSSLServer(t *testing.T) {
	peers.Path(t, "openssl")
	t.Run("good", func(t *testing.T) {
		w := newWorld(t)
		cert, key, issuers, _ := w.files(w.leaf(nil), w.ica.Raw)
		w.expect(w.opensslServer("-cert", cert, "-key", key, "-cert_chain", issuers), report.Accept)
	})
	t.Run("tls 1.2", func(t *testing.T) {
		w := newWorld(t)
		cert, key, issuers, _ := w.files(w.leaf(nil), w.ica.Raw)
		r := w.expect(w.opensslServer("-cert", cert, "-key", key, "-cert_chain", issuers, "-tls1_2"), report.Accept)
		if r.Connection.Version != "TLS 1.2" {
			t.Error(r.Connection.Version)
		}
	})
	t.Run("rsa", func(t *testing.T) {
		w := newWorld(t)
		leaf := w.leaf(func(c *forge.Cert) {
			c.Key = forge.RSA(2048)
			c.Extensions = forge.Merge(c.Extensions, forge.SKI(c.Key.ID()))
		})
		cert, key, issuers, _ := w.files(leaf, w.ica.Raw)
		w.expect(w.opensslServer("-cert", cert, "-key", key, "-cert_chain", issuers), report.Accept)
	})
	t.Run("expired", func(t *testing.T) {
		w := newWorld(t)
		cert, key, issuers, _ := w.files(w.leaf(func(c *forge.Cert) { c.NotAfter = time.Now().Add(-time.Hour) }), w.ica.Raw)
		w.expect(w.opensslServer("-cert", cert, "-key", key, "-cert_chain", issuers), report.Reject, finding.CertExpired)
	})
	t.Run("wrong host", func(t *testing.T) {
		w := newWorld(t)
		leaf := w.leaf(func(c *forge.Cert) { c.Extensions = forge.Merge(c.Extensions, forge.SAN(forge.DNS("other.test"))) })
		cert, key, issuers, _ := w.files(leaf, w.ica.Raw)
		w.expect(w.opensslServer("-cert", cert, "-key", key, "-cert_chain", issuers), report.Reject, finding.NameMismatch)
	})
	t.Run("incomplete chain", func(t *testing.T) {
		w := newWorld(t)
		cert, key, _, _ := w.files(w.leaf(nil))
		w.expect(w.opensslServer("-cert", cert, "-key", key), report.Reject, finding.IssuerNotFound)
	})
	t.Run("self-signed", func(t *testing.T) {
		w := newWorld(t)
		out, err := exec.Command(peers.Path(t, "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
			"-subj", "/CN="+realHost, "-addext", "subjectAltName=DNS:"+realHost, "-days", "30",
			"-keyout", filepath.Join(w.dir, "self.key"), "-out", filepath.Join(w.dir, "self.pem")).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		w.expect(w.opensslServer("-cert", filepath.Join(w.dir, "self.pem"), "-key", filepath.Join(w.dir, "self.key")), report.Reject, finding.LeafSelfSigned)
	})
	t.Run("no common version", func(t *testing.T) {
		w := newWorld(t)
		cert, key, issuers, _ := w.files(w.leaf(nil), w.ica.Raw)
		w.expect(w.opensslServer("-cert", cert, "-key", key, "-cert_chain", issuers, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), report.Inconclusive, finding.NoSafeTLS)
	})
}

func TestOpenSSLServerStaples(t *testing.T) {
	peers.Path(t, "openssl")
	for _, c := range []struct {
		name  string
		make  func(w *world, leaf *forge.CA) []byte
		want  report.Verdict
		finds []finding.ID
	}{
		{"good", func(w *world, leaf *forge.CA) []byte {
			return forge.OCSP{Singles: []forge.Single{w.ica.Good(leaf.Serial)}}.Sign(w.ica)
		}, report.Accept, nil},
		{"revoked", func(w *world, leaf *forge.CA) []byte {
			return forge.OCSP{Singles: []forge.Single{w.ica.RevokedSingle(leaf.Serial, forge.KeyCompromise)}}.Sign(w.ica)
		}, report.Reject, []finding.ID{finding.CertRevoked}},
		{"stale", func(w *world, leaf *forge.CA) []byte {
			s := w.ica.Good(leaf.Serial)
			s.ThisUpdate, s.NextUpdate = time.Now().Add(-40*time.Hour), time.Now().Add(-10*time.Hour)
			return forge.OCSP{Singles: []forge.Single{s}, ProducedAt: s.ThisUpdate}.Sign(w.ica)
		}, report.Reject, []finding.ID{finding.OCSPStale, finding.MustStapleInvalid}},
		{"of another", func(w *world, leaf *forge.CA) []byte {
			return forge.OCSP{Singles: []forge.Single{w.ica.Good(forge.Serial(99))}}.Sign(w.ica)
		}, report.Reject, []finding.ID{finding.OCSPOtherCertificate, finding.MustStapleInvalid}},
		{"try later", func(w *world, leaf *forge.CA) []byte {
			return forge.OCSP{Status: forge.TryLater}.Sign(w.ica)
		}, report.Reject, []finding.ID{finding.StapleErrorStatus, finding.MustStapleInvalid}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			leaf := w.leaf(func(c *forge.Cert) { c.Extensions = append(c.Extensions, forge.MustStaple()) })
			cert, key, issuers, _ := w.files(leaf, w.ica.Raw)
			staple := w.file("staple.der", c.make(w, leaf))
			w.expect(w.opensslServer("-cert", cert, "-key", key, "-cert_chain", issuers, "-status_file", staple), c.want, c.finds...)
		})
	}
}

// SCTs that s_server sends in the TLS extension.
func TestOpenSSLServerSCTs(t *testing.T) {
	w := newWorld(t)
	leaf := w.leaf(nil)
	cert, key, issuers, _ := w.files(leaf, w.ica.Raw)
	list := forge.SCTList(forge.SCT{}.SignX509(w.logs[0], leaf.Raw), forge.SCT{}.SignX509(w.logs[1], leaf.Raw))
	// The context of V2: in TLS 1.2's ServerHello and TLS 1.3's Certificate.
	info := append([]byte{0, 0, 0x11, 0x80, 0, 18, byte(len(list) >> 8), byte(len(list))}, list...)
	port := w.opensslServer("-cert", cert, "-key", key, "-cert_chain", issuers, "-serverinfo", w.file("sct.pem", forge.PEM("SERVERINFOV2 FOR SCT", info)))
	r, found := w.judge(port, policy.Policy{CT: policy.CTRequire})
	if r.Verdict != report.Accept || r.CT == nil || len(r.CT.SCTs) != 2 || r.CT.SCTs[0].Status != "valid" {
		t.Errorf("%s %v %+v", r.Verdict, found, r.CT)
	}
}

// openssl ca issues the CRL and openssl ocsp answers, from the same index.
func TestOpenSSLAuthority(t *testing.T) {
	openssl := peers.Path(t, "openssl")
	w := newWorld(t)
	port := freePort(t)
	pointers := []forge.Ext{forge.AIA([]string{"http://127.0.0.1:" + port}, nil), forge.CRLDP(w.web.URL + "/openssl.crl")}
	good := w.leaf(func(c *forge.Cert) { c.Extensions = forge.Merge(c.Extensions, pointers...) })
	bad := w.leaf(func(c *forge.Cert) { c.Extensions = forge.Merge(c.Extensions, pointers...) })
	stamp := func(d time.Duration) string { return time.Now().Add(d).UTC().Format("060102150405Z") }
	index := fmt.Sprintf("V\t%s\t\t%X\tunknown\t/CN=%s\nR\t%s\t%s,keyCompromise\t%X\tunknown\t/CN=%s\n",
		stamp(720*time.Hour), good.Serial, realHost, stamp(720*time.Hour), stamp(-time.Hour), bad.Serial, realHost)
	w.file("index.txt", []byte(index))
	w.file("index.txt.attr", []byte("unique_subject = no\n"))
	w.file("crlnumber", []byte("05\n"))
	ica, key := w.file("ica.pem", forge.PEM("CERTIFICATE", w.ica.Raw)), w.file("ica.key", w.ica.Key.PEM())
	conf := w.file("ca.cnf", []byte("[ca]\ndefault_ca=c\n[c]\ndatabase="+w.dir+"/index.txt\ncrlnumber="+w.dir+"/crlnumber\ncertificate="+ica+"\nprivate_key="+key+
		"\ndefault_md=sha256\ndefault_crl_days=7\npolicy=p\ncrl_extensions=e\n[p]\ncommonName=supplied\n[e]\nauthorityKeyIdentifier=keyid\n"))
	out, err := exec.Command(openssl, "ca", "-config", conf, "-gencrl", "-out", filepath.Join(w.dir, "list.pem")).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl ca: %v\n%s", err, out)
	}
	list, err := os.ReadFile(filepath.Join(w.dir, "list.pem")) // PEM over HTTP: not as it should be, and common
	if err != nil {
		t.Fatal(err)
	}
	w.serve("/openssl.crl", list)
	delegate := w.ica.Responder("Real Peers Responder", nil)
	responder := w.run("openssl", "ocsp", "-index", filepath.Join(w.dir, "index.txt"), "-CA", ica, "-rsigner", w.file("r.pem", forge.PEM("CERTIFICATE", delegate.Raw)),
		"-rkey", w.file("r.key", delegate.Key.PEM()), "-port", port, "-nmin", "60", "-ignore_err")
	// Connecting just to see whether it listens would hang it.
	w.until(func() bool { return strings.Contains(responder.String(), "waiting for OCSP") })

	for _, schemes := range []policy.Schemes{policy.Only(policy.CRL), policy.Only(policy.OCSP), 0} {
		for _, nonce := range []bool{false, true} {
			for _, c := range []struct {
				leaf *forge.CA
				want report.Verdict
			}{{good, report.Accept}, {bad, report.Reject}} {
				cert, key, issuers, _ := w.files(c.leaf, w.ica.Raw)
				p := w.opensslServer("-cert", cert, "-key", key, "-cert_chain", issuers)
				rules := policy.Policy{Schemes: schemes}
				if schemes == policy.Only(policy.OCSP) {
					rules.Depth = policy.DepthLeaf
				}
				r, found := w.judge(p, rules, download.Access{Nonce: nonce})
				if r.Verdict != c.want || slices.Contains(found, finding.CertRevoked) != (c.want == report.Reject) {
					t.Errorf("schemes %v, nonce %v: %s where %s is due; findings %v", schemes, nonce, r.Verdict, c.want, found)
				}
			}
		}
	}
}

func TestNginxStaples(t *testing.T) {
	peers.Path(t, "nginx")
	for _, c := range []struct {
		name string
		next time.Duration
		gone bool // revoked
		want report.Verdict
		find []finding.ID
	}{
		{"fresh", time.Hour, false, report.Accept, nil},
		{"revoked", time.Hour, true, report.Reject, []finding.ID{finding.CertRevoked}},
		{"stale", -time.Hour, false, report.Reject, []finding.ID{finding.MustStapleInvalid}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			leaf := w.leaf(func(c *forge.Cert) { c.Extensions = append(c.Extensions, forge.MustStaple()) })
			_, key, _, all := w.files(leaf, w.ica.Raw)
			s := w.ica.Good(leaf.Serial)
			if c.gone {
				s = w.ica.RevokedSingle(leaf.Serial, forge.KeyCompromise)
			}
			s.ThisUpdate, s.NextUpdate = time.Now().Add(-20*time.Hour), time.Now().Add(c.next)
			staple := w.file("staple.der", forge.OCSP{Singles: []forge.Single{s}, ProducedAt: s.ThisUpdate}.Sign(w.ica))
			port := freePort(t)
			conf := w.file("nginx.conf", []byte(`daemon off; master_process off; pid nginx.pid; error_log stderr warn;
events {}
http { access_log off; client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
  server { listen 127.0.0.1:`+port+` ssl; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate `+all+`; ssl_certificate_key `+key+`;
    ssl_stapling on; ssl_stapling_file `+staple+`; location / { return 200 "ok"; } } }
`))
			w.run("nginx", "-p", w.dir, "-c", conf, "-e", "stderr")
			w.waitFor(port)
			w.expect(port, c.want, c.find...)
		})
	}
}

func TestGnuTLSServer(t *testing.T) {
	peers.Path(t, "gnutls-serv")
	for _, c := range []struct {
		name string
		args []string
		edit func(*forge.Cert)
		want report.Verdict
		find []finding.ID
	}{
		{"good", nil, nil, report.Accept, nil},
		{"tls 1.2", []string{"--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2"}, nil, report.Accept, nil},
		{"expired", nil, func(c *forge.Cert) { c.NotAfter = time.Now().Add(-time.Hour) }, report.Reject, []finding.ID{finding.CertExpired}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			leaf := w.leaf(c.edit)
			_, key, _, all := w.files(leaf, w.ica.Raw)
			staple := w.file("staple.der", forge.OCSP{Singles: []forge.Single{w.ica.Good(leaf.Serial)}}.Sign(w.ica))
			port := freePort(t)
			w.run("gnutls-serv", append([]string{"--port", port, "--http", "--quiet", "--x509certfile", all, "--x509keyfile", key,
				"--ocsp-response", staple, "--ignore-ocsp-response-errors", "--disable-client-cert"}, c.args...)...)
			w.waitFor(port)
			r := w.expect(port, c.want, c.find...)
			if !r.Connection.Stapled {
				t.Error("no staple was seen")
			}
		})
	}
}
