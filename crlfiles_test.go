package assay_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// listed is a server whose clients' lists are files.
type listed struct {
	*world
	dir  string
	log  *syncBuffer
	base *tls.Config
}

// syncBuffer is a bytes.Buffer for a logger.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newListed(t *testing.T) *listed {
	w := newWorld(t)
	return &listed{world: w, dir: t.TempDir(), log: &syncBuffer{},
		base: &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}, ClientAuth: tls.RequireAndVerifyClientCert}}
}

// issue issues a client certificate that names no source.
func (l *listed) issue(ca *forge.CA) *forge.CA {
	key := forge.P256()
	return ca.Issue(forge.Cert{Key: key, Subject: forge.CN("a client"), Extensions: []forge.Ext{forge.BasicConstraints(false, -1),
		forge.KeyUsage(forge.DigitalSignature), forge.EKU(forge.ClientAuth), forge.SKI(key.ID()), forge.AKI(ca.Key.ID())}})
}

// list is a list of ca, number n, made n minutes after it was yesterday.
func list(ca *forge.CA, n int64, revoked ...*forge.CA) forge.CRL {
	made := time.Now().Add(-24*time.Hour + time.Duration(n)*time.Minute)
	c := forge.CRL{ThisUpdate: made, NextUpdate: time.Now().Add(time.Hour), Extensions: []forge.Ext{forge.AKI(ca.Key.ID()), forge.CRLNumber(n)}}
	for _, r := range revoked {
		c.Entries = append(c.Entries, forge.Revoke(r.Serial, forge.KeyCompromise))
	}
	return c
}

// put replaces a file as a whole.
func (l *listed) put(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(l.dir, name)
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	return path
}

// verifier is one whose only sources are the files of c.
func (l *listed) verifier(t *testing.T, c assay.Config) *assay.Verifier {
	t.Helper()
	c = l.config(c)
	c.Network, c.Logger = assay.Offline, slog.New(slog.NewTextHandler(l.log, nil))
	return newVerifier(t, c)
}

// try makes a handshake as a client and returns the server's error.
func (l *listed) try(t *testing.T, v *assay.Verifier, client *forge.CA) error {
	t.Helper()
	conf, err := v.ServerConfig(l.base)
	if err != nil {
		t.Fatal(err)
	}
	return accept(t.Context(), conf, &tls.Config{RootCAs: l.pool(t), ServerName: "localhost", Certificates: []tls.Certificate{client.TLS()}})
}

// eventually waits until f holds; three looks at the files must do.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

// Lists from files, in every form, refuse the clients that they name. What they do
// not know is for the policy to judge, and a list says nothing about another CA.
func TestCRLFiles(t *testing.T) {
	l := newListed(t)
	other := forge.NewRoot("Another Root", nil)
	good, bad, foreign := l.issue(l.root), l.issue(l.root), l.issue(other)
	der := l.root.CRL(list(l.root, 1, bad))
	pem := append([]byte("the list\n"), pemOf("X509 CRL", der)...)
	dir := filepath.Dir(l.put(t, "README", []byte("-----BEGIN CERTIFICATE-----\n"+strings.SplitN(string(pemOf("CERTIFICATE", l.root.Raw)), "\n", 2)[1])))
	l.put(t, "a.crl", der)
	single := t.TempDir()
	for name, b := range map[string][]byte{"der": der, "pem": pem} {
		if err := os.WriteFile(filepath.Join(single, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]assay.Config{
		"DER":            {CRLFiles: []string{filepath.Join(single, "der")}},
		"PEM":            {CRLFiles: []string{filepath.Join(single, "pem")}},
		"a directory":    {CRLDirs: []string{dir}},
		"twice the same": {CRLFiles: []string{filepath.Join(single, "der"), filepath.Join(single, "pem")}, CRLDirs: []string{dir}},
	} {
		for _, unknown := range []assay.Unknown{assay.UnknownWarn, assay.UnknownDeny} {
			c.Unknown = unknown
			c = l.config(c)
			c.Network, c.Roots = assay.Offline, [][]byte{l.root.Raw, other.Raw}
			v := newVerifier(t, c)
			if err := l.try(t, v, good); err != nil {
				t.Errorf("%s: the good client: %v", name, err)
			}
			if err := l.try(t, v, bad); !errors.Is(err, finding.CertRevoked) {
				t.Errorf("%s: the revoked client: %v", name, err)
			}
			if err := l.try(t, v, foreign); (err == nil) != (unknown == assay.UnknownWarn) {
				t.Errorf("%s: a client of another CA: %v, Unknown %v", name, err, unknown)
			}
		}
	}
	// A list of the CA's name by another key names nobody and clears nobody.
	impostor := forge.NewRoot("World Root", nil)
	v := l.verifier(t, assay.Config{Unknown: assay.UnknownDeny, CRLFiles: []string{l.put(t, "forged", impostor.CRL(list(impostor, 9, good)))}})
	for _, cl := range []*forge.CA{good, bad} {
		if err := l.try(t, v, cl); err == nil || errors.Is(err, finding.CertRevoked) {
			t.Errorf("a list by another key: %v", err)
		}
	}
}

// A list past its end refuses, whoever is not on it: a newer one has to come.
func TestCRLFileStale(t *testing.T) {
	l := newListed(t)
	good := l.issue(l.root)
	c := list(l.root, 1)
	c.NextUpdate = time.Now().Add(-10 * time.Minute)
	path := l.put(t, "a.crl", l.root.CRL(c))
	v := l.verifier(t, assay.Config{CRLFiles: []string{path}})
	if err := l.try(t, v, good); !errors.Is(err, finding.CRLStale) {
		t.Errorf("a stale list: %v", err)
	}
	l.put(t, "a.crl", l.root.CRL(list(l.root, 2)))
	eventually(t, "the new list counts", func() bool { return l.try(t, v, good) == nil })
}

// A new list counts within seconds: for handshakes, remembered acceptances among
// them, and for connections that are open, which end, unless the list says nothing
// against them.
func TestCRLFileReloaded(t *testing.T) {
	for _, form := range []string{"rename", "write", "a new file of the directory"} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			l := newListed(t)
			good, bad := l.issue(l.root), l.issue(l.root)
			path := l.put(t, "a.crl", l.root.CRL(list(l.root, 1)))
			told := make(chan *report.Report, 10)
			c := assay.Config{CRLFiles: []string{path}, OnRevoked: func(_ context.Context, r *report.Report) { told <- r }}
			if form == "a new file of the directory" {
				c.CRLFiles, c.CRLDirs = nil, []string{l.dir}
			}
			v := l.verifier(t, c)
			conf, err := v.ServerConfig(l.base)
			if err != nil {
				t.Fatal(err)
			}
			addr := serveEcho(t, conf)
			open := func(cl *forge.CA) *tls.Conn {
				c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: l.pool(t), ServerName: "localhost", Certificates: []tls.Certificate{cl.TLS()}})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				if err := echo(c); err != nil {
					t.Fatal(err)
				}
				return c
			}
			a, b := open(good), open(bad)
			next := l.root.CRL(list(l.root, 2, bad))
			switch form {
			case "rename":
				l.put(t, "a.crl", next)
			case "write":
				if err := os.WriteFile(path, next, 0o600); err != nil {
					t.Fatal(err)
				}
			default:
				l.put(t, "b.crl", next)
			}
			changed := time.Now()
			eventually(t, "the revoked client's connection has ended", func() bool { return echo(b) != nil })
			t.Logf("after %s", time.Since(changed))
			if err := echo(a); err != nil {
				t.Errorf("the good client's connection: %v", err)
			}
			if err := l.try(t, v, bad); !errors.Is(err, finding.CertRevoked) {
				t.Errorf("a new handshake: %v", err)
			}
			if err := l.try(t, v, good); err != nil {
				t.Errorf("the good client: %v", err)
			}
			select {
			case r := <-told:
				if r.Headline == nil || r.Headline.Finding.ID != finding.CertRevoked {
					t.Errorf("OnRevoked was told %v", r.Headline)
				}
			case <-time.After(5 * time.Second):
				t.Error("OnRevoked was not told")
			}
		})
	}
}

// serveEcho serves echoes.
func serveEcho(t *testing.T, conf *tls.Config) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); io.Copy(c, c) }()
		}
	}()
	return l.Addr().String()
}

// echo sends a byte and waits for it.
func echo(c *tls.Conn) error {
	c.SetDeadline(time.Now().Add(time.Minute))
	b := []byte{'x'}
	if _, err := c.Write(b); err != nil {
		return err
	}
	_, err := io.ReadFull(c, b)
	return err
}

// What takes the place of a list and is not its next edition takes nothing away: the
// revoked client stays refused, the good one accepted, and the log says why.
func TestCRLFileBadReplacement(t *testing.T) {
	for _, c := range []struct {
		name string
		// next makes what stands in the file next; nil: it is removed.
		next func(l *listed, old []byte, good, bad *forge.CA) []byte
		log  string // must be said
	}{
		{"missing", nil, "no such file"},
		{"empty", func(*listed, []byte, *forge.CA, *forge.CA) []byte { return []byte{} }, "it is empty"},
		{"cut", func(l *listed, old []byte, good, bad *forge.CA) []byte { return old[:len(old)/2] }, "was not replaced"},
		{"cut PEM", func(l *listed, old []byte, good, bad *forge.CA) []byte {
			p := pemOf("X509 CRL", l.root.CRL(list(l.root, 2)))
			return p[:len(p)-40]
		}, "was not replaced"},
		{"cut after the first of two", func(l *listed, old []byte, good, bad *forge.CA) []byte {
			other := forge.NewRoot("Another Root", nil)
			return pemOf("X509 CRL", other.CRL(list(other, 1)))
		}, ""},
		{"no list", func(*listed, []byte, *forge.CA, *forge.CA) []byte { return []byte("<html>404</html>") }, "was not replaced"},
		{"a certificate", func(l *listed, _ []byte, _, _ *forge.CA) []byte { return l.root.Raw }, "holds no revocation list"},
		{"a list of another CA", func(l *listed, old []byte, good, bad *forge.CA) []byte {
			other := forge.NewRoot("Another Root", nil)
			return other.CRL(list(other, 2, good))
		}, ""},
		{"a list of the same name by another key", func(l *listed, old []byte, good, bad *forge.CA) []byte {
			other := forge.NewRoot("World Root", nil)
			return other.CRL(list(l.root, 2, good))
		}, ""},
		{"a bad signature", func(l *listed, old []byte, good, bad *forge.CA) []byte {
			next := list(l.root, 2, good)
			next.MutateSig = func(b []byte) []byte { b[len(b)-1] ^= 1; return b }
			return l.root.CRL(next)
		}, ""},
		{"a bad signature, dated ahead", func(l *listed, old []byte, good, bad *forge.CA) []byte {
			next := list(l.root, 1<<40)
			next.ThisUpdate = time.Now()
			next.MutateSig = func(b []byte) []byte { b[len(b)-1] ^= 1; return b }
			return l.root.CRL(next)
		}, ""},
		{"an older edition", func(l *listed, old []byte, good, bad *forge.CA) []byte { return l.root.CRL(list(l.root, 0)) }, "older edition"},
		{"huge", func(*listed, []byte, *forge.CA, *forge.CA) []byte { return make([]byte, 64<<20+1) }, "more than 67108864 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newListed(t)
			good, bad, late := l.issue(l.root), l.issue(l.root), l.issue(l.root)
			old := l.root.CRL(list(l.root, 1, bad, late))
			path := l.put(t, "a.crl", old)
			v := l.verifier(t, assay.Config{CRLFiles: []string{path}, Unknown: assay.UnknownDeny})
			holds := func() {
				t.Helper()
				if err := l.try(t, v, good); err != nil {
					t.Errorf("the good client: %v", err)
				}
				if err := l.try(t, v, bad); !errors.Is(err, finding.CertRevoked) {
					t.Errorf("the revoked client: %v", err)
				}
			}
			holds()
			if c.next == nil {
				os.Remove(path)
			} else {
				l.put(t, "a.crl", c.next(l, old, good, bad))
			}
			time.Sleep(2500 * time.Millisecond)
			holds()
			if err := l.try(t, v, late); !errors.Is(err, finding.CertRevoked) { // nobody has seen it before
				t.Errorf("a revoked client that comes for the first time: %v", err)
			}
			if !strings.Contains(l.log.String(), c.log) {
				t.Errorf("the log does not say %q:\n%s", c.log, l.log)
			}
			if n := strings.Count(l.log.String(), "was not replaced"); n > 1 {
				t.Errorf("the log says it %d times", n)
			}
			// The next edition counts, whatever stood there meanwhile.
			l.put(t, "a.crl", l.root.CRL(list(l.root, 3, bad, good)))
			eventually(t, "the next edition counts", func() bool { return errors.Is(l.try(t, v, good), finding.CertRevoked) })
		})
	}
}

// At the start everything must be in order.
func TestCRLFilesAtStart(t *testing.T) {
	l := newListed(t)
	empty := t.TempDir()
	for name, c := range map[string]struct {
		conf assay.Config
		says string
	}{
		"missing":            {assay.Config{CRLFiles: []string{filepath.Join(empty, "none")}}, "no such file"},
		"a missing dir":      {assay.Config{CRLDirs: []string{filepath.Join(empty, "none")}}, "no such file"},
		"an empty dir":       {assay.Config{CRLDirs: []string{empty}}, "no file there holds a revocation list"},
		"no list":            {assay.Config{CRLFiles: []string{l.put(t, "cert", l.root.Raw)}}, "holds no revocation list"},
		"cut":                {assay.Config{CRLFiles: []string{l.put(t, "cut", l.root.CRL(list(l.root, 1))[:60])}}, "cut"},
		"huge":               {assay.Config{CRLFiles: []string{l.put(t, "huge", make([]byte, 64<<20+1))}}, "more than"},
		"a directory":        {assay.Config{CRLFiles: []string{empty}}, "not a regular file"},
		"a damaged in a dir": {assay.Config{CRLDirs: []string{l.dir}}, "cut"},
	} {
		if v, err := assay.New(c.conf); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want %q", name, err, c.says)
			if v != nil {
				v.Close()
			}
		}
	}
}

// Lists from files are asked about servers too.
func TestCRLFilesClient(t *testing.T) {
	l := newListed(t)
	leaf := l.server()
	v := l.verifier(t, assay.Config{CRLFiles: []string{l.put(t, "a.crl", l.root.CRL(list(l.root, 1, leaf)))}})
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}})
	_, err := v.DialContext(t.Context(), "tcp", addr, &tls.Config{ServerName: "localhost"})
	if !errors.Is(err, finding.CertRevoked) {
		t.Fatalf("error %v", err)
	}
	var refused *assay.Error
	if !errors.As(err, &refused) {
		t.Fatalf("error %T", err)
	}
	r, err := v.Check(t.Context(), assay.Target{Host: "127.0.0.1", Port: addr[strings.LastIndexByte(addr, ':')+1:], Name: "localhost"})
	if err != nil || r.Verdict != report.Reject {
		t.Errorf("Check: %v %v", r.Verdict, err)
	}
	if _, err := x509.ParseRevocationList(l.root.CRL(list(l.root, 1))); err != nil {
		t.Error(err)
	}
}
