package web

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/internal/lab/forge"
)

// What a stranger's server names for downloads, the addresses of its issuer, CRL and OCSP
// responder, is reached where the server may be and nowhere else: however the address is
// written, whatever redirects to it, and wherever the DNS leads the next time. The server
// itself is at an allowed address, so that its certificate is read and judged.
func TestStrangersDownloads(t *testing.T) {
	refusedPort, refused := listening(t, "127.0.0.1:0")
	var asked sync.Map // by what is downloaded
	redirector := httpAt(t, "127.0.0.2:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.RawQuery, true)
		http.Redirect(w, r, "http://"+map[string]string{"/loop": "127.0.0.1:" + refusedPort, "/meta": "169.254.169.254", "/mapped": "[::ffff:127.0.0.1]:" + refusedPort,
			"/name": "localhost:" + refusedPort, "/nat64": "[64:ff9b::7f00:1]:" + refusedPort}[r.URL.Path]+"/x", http.StatusFound)
	}))
	var urls []string
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "0.0.0.0", "2130706433", "rebind.test", "[fe80::1]"} {
		urls = append(urls, "http://"+host+":"+refusedPort+"/x")
	}
	urls = append(urls, "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/latest/", "http://10.0.0.1:"+refusedPort+"/x")
	for _, path := range []string{"loop", "meta", "mapped", "name", "nat64"} {
		urls = append(urls, "http://127.0.0.2:"+redirector+"/"+path)
	}
	root := forge.NewRoot("Root", nil)
	issuer := root.Intermediate("Issuer", forge.P256())
	roots := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(roots, forge.PEM("CERTIFICATE", root.Raw), 0o600); err != nil {
		t.Fatal(err)
	}
	reaching := func(network string) *Server {
		t.Helper()
		settings := Settings{Networks: []string{network}, Checks: 10_000, Requests: 10_000}
		c := watch.ParseConfig("watch.yaml", []byte("groups: [{name: default, check: {roots: "+roots+"}}]"))
		networks, err := settings.Allowed()
		if err = errors.Join(err, c.Err()); err != nil {
			t.Fatal(err)
		}
		j := &watch.Judges{CacheDir: t.TempDir()}
		if err := errors.Join(j.Use(t.Context(), c), j.Reach(t.Context(), networks)); err != nil {
			t.Fatal(err)
		}
		s, err := start(t, settings, loopback, j.Ask)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := reaching("127.0.0.2/32")
	rebinding(t, "127.0.0.1")
	read := 0
	for i, url := range urls {
		name := fmt.Sprintf("s%d.test", i)
		leaf := issuer.Server(name, forge.P256(), forge.CRLDP(url+"?crl"), forge.AIA([]string{url + "?ocsp"}, []string{url + "?issuer"}))
		alone, whole := leaf.TLS(), leaf.TLS() // without its issuer, which is to be fetched then, and with it
		alone.Certificate, whole.Certificate = [][]byte{leaf.Raw}, [][]byte{leaf.Raw, issuer.Raw}
		for _, port := range []string{tlsAt(t, whole), tlsAt(t, alone)} {
			for _, got := range []int{
				do(s, "POST", "/api/v1/check", fmt.Sprintf(`{"target":"127.0.0.2:%s"}`, port)).Code,
				do(s, "GET", "/probe?target=127.0.0.2:"+port+"&max-depth=3", "").Code} {
				if got == 200 {
					read++
				}
			}
		}
		if refused.Load() != 0 {
			t.Fatalf("%s led to a connection to this computer", url)
		}
	}
	if read != 4*len(urls) {
		t.Errorf("%d checks of %d were made", read, 4*len(urls))
	}
	for _, what := range []string{"crl", "ocsp", "issuer"} {
		if _, found := asked.Load(what); !found {
			t.Errorf("no download of %s was tried", what)
		}
	}
	// Where the configuration allows it, the same server leads there.
	s = reaching("127.0.0.0/8")
	leaf := issuer.Server("allowed.test", forge.P256(), forge.AIA(nil, []string{urls[0]}))
	pair := leaf.TLS()
	pair.Certificate = [][]byte{leaf.Raw}
	do(s, "POST", "/api/v1/check", fmt.Sprintf(`{"target":"127.0.0.2:%s"}`, tlsAt(t, pair)))
	if refused.Load() == 0 {
		t.Error("the address that the test looks at is never connected to")
	}
}

func httpAt(t *testing.T, address string, h http.Handler) (port string) {
	t.Helper()
	l, err := net.Listen("tcp4", address)
	if err != nil {
		t.Skipf("%s: %v", address, err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// tlsAt serves TLS at an allowed address.
func tlsAt(t *testing.T, pair tls.Certificate) (port string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.2:0")
	if err != nil {
		t.Skip(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler(), TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}}, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go server.ServeTLS(l, "", "")
	t.Cleanup(func() { server.Close() })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}
