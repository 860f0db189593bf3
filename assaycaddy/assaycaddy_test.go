package assaycaddy

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddytls"
	_ "github.com/caddyserver/caddy/v2/modules/filestorage"
)

// pki is a CA with a server, and files for Caddy.
type pki struct {
	root *forge.CA
	dir  string
	port string
}

func newPKI(t *testing.T) *pki {
	p := &pki{root: forge.NewRoot("Caddy Root", nil), dir: t.TempDir()}
	key := forge.P256()
	srv := p.root.Issue(forge.Cert{Key: key, Extensions: p.root.ServerExts(key, forge.DNS("localhost"))})
	p.put(t, "root.pem", "CERTIFICATE", p.root.Raw)
	p.put(t, "server.pem", "CERTIFICATE", srv.Raw)
	der, err := x509.MarshalPKCS8PrivateKey(srv.TLS().PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	p.put(t, "server.key", "PRIVATE KEY", der)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, p.port, _ = net.SplitHostPort(l.Addr().String())
	l.Close()
	return p
}

func (p *pki) path(name string) string { return filepath.Join(p.dir, name) }

func (p *pki) put(t *testing.T, name, kind string, der []byte) {
	t.Helper()
	path := p.path(name)
	if err := os.WriteFile(path+".new", pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// list replaces the CRL by its n-th edition.
func (p *pki) list(t *testing.T, n int64, revoked ...*forge.CA) {
	c := forge.CRL{ThisUpdate: time.Now().Add(-time.Hour + time.Duration(n)*time.Minute), NextUpdate: time.Now().Add(time.Hour),
		Extensions: []forge.Ext{forge.AKI(p.root.Key.ID()), forge.CRLNumber(n)}}
	for _, r := range revoked {
		c.Entries = append(c.Entries, forge.Revoke(r.Serial, forge.KeyCompromise))
	}
	p.put(t, "clients.crl", "X509 CRL", p.root.CRL(c))
}

func (p *pki) client() *forge.CA {
	key := forge.P256()
	return p.root.Issue(forge.Cert{Key: key, Subject: forge.CN("a client"), Extensions: []forge.Ext{forge.BasicConstraints(false, -1),
		forge.KeyUsage(forge.DigitalSignature), forge.EKU(forge.ClientAuth), forge.SKI(key.ID()), forge.AKI(p.root.Key.ID())}})
}

// get asks Caddy for its page as a client, over a new connection.
func (p *pki) get(t *testing.T, client *forge.CA, sessions tls.ClientSessionCache) error {
	t.Helper()
	pool := x509.NewCertPool()
	root, err := x509.ParseCertificate(p.root.Raw)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(root)
	conf := &tls.Config{RootCAs: pool, ServerName: "localhost", ClientSessionCache: sessions}
	if client != nil {
		conf.Certificates = []tls.Certificate{client.TLS()}
	}
	tr := &http.Transport{TLSClientConfig: conf, DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), "GET", "https://127.0.0.1:"+p.port+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "localhost" // with client_auth Caddy wants it to be the name of the handshake
	resp, err := (&http.Client{Transport: tr, Timeout: time.Minute}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && string(b) != "welcome" {
		t.Errorf("Caddy says %q", b)
	}
	return err
}

// config is a configuration of Caddy with client_auth from a Caddyfile block.
func (p *pki) config(t *testing.T, block string) []byte {
	t.Helper()
	auth := &caddytls.ClientAuthentication{}
	if err := auth.UnmarshalCaddyfile(caddyfile.NewTestDispenser(block)); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]any{
		"admin":   map[string]any{"disabled": true},
		"logging": map[string]any{"logs": map[string]any{"default": map[string]any{"level": "ERROR"}}},
		"storage": map[string]any{"module": "file_system", "root": p.path("storage")},
		"apps": map[string]any{
			"tls": map[string]any{"certificates": map[string]any{"load_files": []any{map[string]any{"certificate": p.path("server.pem"), "key": p.path("server.key")}}}},
			"http": map[string]any{"servers": map[string]any{"s": map[string]any{
				"listen": []string{"127.0.0.1:" + p.port}, "automatic_https": map[string]any{"disable": true},
				"tls_connection_policies": []any{map[string]any{"client_authentication": auth}},
				"routes":                  []any{map[string]any{"handle": []any{map[string]any{"handler": "static_response", "body": "welcome"}}}},
			}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !f(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

// Caddy refuses revoked clients, and a new list counts without a restart, in resumed
// sessions too. A list that is cut takes nothing away.
func TestCaddy(t *testing.T) {
	p := newPKI(t)
	good, bad, late := p.client(), p.client(), p.client()
	p.list(t, 1, bad)
	if err := caddy.Load(p.config(t, `client_auth {
		mode require_and_verify
		trust_pool file `+p.path("root.pem")+`
		verifier assay {
			crl_file `+p.path("clients.crl")+`
			unknown deny
			network offline
		}
	}`), true); err != nil {
		t.Fatal(err)
	}
	defer caddy.Stop()
	sessions := tls.NewLRUClientSessionCache(10)
	if err := p.get(t, good, nil); err != nil {
		t.Errorf("the good client: %v", err)
	}
	if err := p.get(t, late, sessions); err != nil {
		t.Errorf("a client that is not revoked yet: %v", err)
	}
	if err := p.get(t, bad, nil); err == nil {
		t.Error("the revoked client passes")
	}
	if err := p.get(t, nil, nil); err == nil {
		t.Error("a client without certificate passes")
	}
	p.list(t, 2, bad, late)
	eventually(t, "the new list counts", func() bool { return p.get(t, late, sessions) != nil })
	if err := p.get(t, good, nil); err != nil {
		t.Errorf("the good client, later: %v", err)
	}
	b, err := os.ReadFile(p.path("clients.crl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.path("clients.crl"), b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2500 * time.Millisecond)
	if err := p.get(t, good, nil); err != nil {
		t.Errorf("the good client, when the file is cut: %v", err)
	}
	if err := p.get(t, late, nil); err == nil {
		t.Error("the revoked client passes when the file is cut")
	}
}

// A mode in which Caddy verifies nothing is refused: there would be no chain to judge.
func TestCaddyModeWithoutVerification(t *testing.T) {
	p := newPKI(t)
	good := p.client()
	p.list(t, 1)
	if err := caddy.Load(p.config(t, `client_auth {
		mode require
		verifier assay {
			crl_file `+p.path("clients.crl")+`
		}
	}`), true); err != nil {
		t.Fatal(err)
	}
	defer caddy.Stop()
	if err := p.get(t, good, nil); err == nil {
		t.Error("a client that nobody verified passes")
	}
}

// What cannot be meant is an error of the configuration.
func TestProvision(t *testing.T) {
	p := newPKI(t)
	p.list(t, 1)
	for what, c := range map[string]struct {
		v    Verifier
		says string
	}{
		"unknown":  {Verifier{Unknown: "perhaps"}, `"perhaps" is no value of unknown`},
		"network":  {Verifier{Network: "some"}, `"some" is no value of network`},
		"depth":    {Verifier{Depth: "all"}, "depth: "},
		"budget":   {Verifier{FetchBudget: -1}, "negative"},
		"no file":  {Verifier{CRLFiles: []string{p.path("none")}}, "no such file"},
		"no list":  {Verifier{CRLFiles: []string{p.path("root.pem")}}, "holds no revocation list"},
		"no lists": {Verifier{CRLDirs: []string{t.TempDir()}}, "no file there"},
	} {
		if err := c.v.provision(slog.New(slog.DiscardHandler), func(s string) string { return s }); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want %q", what, err, c.says)
		}
		if err := c.v.Cleanup(); err != nil {
			t.Error(err)
		}
	}
	var zero Verifier
	if err := zero.VerifyClientCertificate(nil, nil); err == nil {
		t.Error("a module that was not provisioned accepts")
	}
	v := Verifier{CRLFiles: []string{p.path("clients.crl")}, Network: "offline"}
	if err := v.provision(slog.New(slog.DiscardHandler), func(s string) string { return s }); err != nil {
		t.Fatal(err)
	}
	defer v.Cleanup()
	client := p.client()
	leaf, err := x509.ParseCertificate(client.Raw)
	if err != nil {
		t.Fatal(err)
	}
	root, err := x509.ParseCertificate(p.root.Raw)
	if err != nil {
		t.Fatal(err)
	}
	chains := [][]*x509.Certificate{{leaf, root}}
	if err := v.VerifyClientCertificate([][]byte{client.Raw}, chains); err != nil {
		t.Errorf("the good client: %v", err)
	}
	if err := v.VerifyClientCertificate([][]byte{client.Raw}, nil); !errors.Is(err, ErrNotVerified) {
		t.Errorf("without a chain: %v", err)
	}
	if err := v.VerifyClientCertificate([][]byte{p.client().Raw}, chains); err == nil {
		t.Error("a chain of another certificate passes")
	}
	p.list(t, 2, client)
	eventually(t, "the new list counts", func() bool {
		return errors.Is(v.VerifyClientCertificate([][]byte{client.Raw}, chains), finding.CertRevoked)
	})
}

// The block of the README is read, and every setting of it.
func TestCaddyfile(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "verifier assay {")
	block, _, ok2 := strings.Cut(rest, "}")
	if !ok || !ok2 {
		t.Fatal("the README has no block")
	}
	var v Verifier
	if err := v.UnmarshalCaddyfile(caddyfile.NewTestDispenser("assay {" + block + "}")); err != nil {
		t.Fatal(err)
	}
	if len(v.CRLFiles) != 1 || v.Unknown != "deny" || v.Network != "offline" {
		t.Errorf("%+v", v)
	}
	v = Verifier{}
	if err := v.UnmarshalCaddyfile(caddyfile.NewTestDispenser("assay {\ncrl_file a b\ncrl_dir c\nunknown allow\nnetwork inline\ndepth leaf\nfetch_budget 5s\nprivate_fetch\ncache_dir d\n}")); err != nil {
		t.Fatal(err)
	}
	if b, _ := json.Marshal(v); string(b) != `{"crl_files":["a","b"],"crl_dirs":["c"],"unknown":"allow","network":"inline","depth":"leaf","fetch_budget":5000000000,"private_fetch":true,"cache_dir":"d"}` {
		t.Errorf("%s", b)
	}
	for _, bad := range []string{"assay x", "assay {\nunknown\n}", "assay {\nunknown deny deny\n}", "assay {\nprivate_fetch yes\n}", "assay {\nfetch_budget x\n}", "assay {\nunknwon deny\n}", "assay {\ncrl_file\n}"} {
		if err := new(Verifier).UnmarshalCaddyfile(caddyfile.NewTestDispenser(bad)); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
}
