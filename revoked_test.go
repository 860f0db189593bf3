package assay_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// counting is a web server that counts what it was sent by who knew that its
// certificate is revoked.
type counting struct {
	*httptest.Server
	late atomic.Int64
}

func newCounting(t *testing.T, leaf *forge.CA, h2 bool) *counting {
	s := &counting{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Known") != "" {
			s.late.Add(1)
		}
		io.Copy(io.Discard, r.Body)
	}))
	s.EnableHTTP2 = h2
	s.TLS = &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}}
	s.Config.ErrorLog = quietLog()
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// The list arrives 50 ms after the first handshake has passed. What has been
// learnt ends the connection that was kept: no request passes any more, and the
// next handshake is refused.
func TestKeptConnectionEnds(t *testing.T) {
	for _, c := range []struct {
		name                 string
		h2, proxy, configure bool
	}{
		{"HTTP/1.1", false, false, false},
		{"HTTP/2", true, false, false},
		{"HTTP/1.1 through a proxy", false, true, false},
		{"HTTP/2 through a proxy", true, true, false},
		{"HTTP/1.1, a transport of others", false, false, true},
		{"HTTP/2, a transport of others", true, false, true},
		{"HTTP/2, a transport of others through a proxy", true, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			leaf := w.server()
			w.revoke(leaf)
			list := make(chan struct{})
			w.set(func() { w.stall = list })
			v := newVerifier(t, w.config(assay.Config{Network: assay.Background}))
			s := newCounting(t, leaf, c.h2)
			settings := &http.Transport{ForceAttemptHTTP2: true}
			if c.proxy {
				settings.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: connectProxy(t)})
			}
			var client http.Client
			if c.configure {
				if err := v.ConfigureTransport(settings); err != nil {
					t.Fatal(err)
				}
				client.Transport = settings
			} else {
				tr, err := v.TransportFrom(settings)
				if err != nil {
					t.Fatal(err)
				}
				client.Transport = tr
			}
			defer client.CloseIdleConnections()
			post := func(known bool) error {
				r, err := http.NewRequest("POST", s.URL, strings.NewReader("a secret"))
				if err != nil {
					t.Fatal(err)
				}
				if known {
					r.Header.Set("Known", "1")
				}
				resp, err := client.Do(r)
				if err != nil {
					return err
				}
				io.Copy(io.Discard, resp.Body)
				return resp.Body.Close()
			}
			if err := post(false); err != nil {
				t.Fatal("the first request:", err)
			}
			time.AfterFunc(50*time.Millisecond, func() { close(list) })
			passed := 1
			for end := time.Now().Add(time.Minute); time.Now().Before(end); {
				known := len(v.Learnt()) > 0
				err := post(known)
				if known {
					if !errors.Is(err, finding.CertRevoked) {
						t.Errorf("after it was learnt: %v", err)
					}
					break
				}
				if err == nil {
					passed++
				} else if !errors.Is(err, finding.CertRevoked) {
					t.Fatalf("request %d: %v", passed, err)
				}
			}
			for range 5 {
				if err := post(true); !errors.Is(err, finding.CertRevoked) {
					t.Errorf("later: %v", err)
				}
			}
			if late := s.late.Load(); late > 0 {
				t.Errorf("%d requests passed after it was learnt", late)
			}
			if n := assay.Carriers(v); n != 0 {
				t.Errorf("%d handshakes are not forgotten", n)
			}
			t.Logf("%d requests passed before", passed)
		})
	}
}

// Whoever reads when a revocation is learnt, or writes later, is told why; what
// is idle is closed at once; another server's connection goes on.
func TestOpenConnectionsEnd(t *testing.T) {
	for name, version := range map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			leaf, innocent := w.server(), w.server()
			told := make(chan *report.Report, 9)
			v := newVerifier(t, w.config(assay.Config{Network: assay.Inline, OnRevoked: func(_ context.Context, r *report.Report) { told <- r }}))
			bad, mute, other := stapling(t, w, leaf, true), stapling(t, w, leaf, false), stapling(t, w, innocent, false)
			open := func(addr string) *tls.Conn {
				c, err := v.DialContext(t.Context(), "tcp", addr, &tls.Config{MaxVersion: version})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				c.SetDeadline(time.Now().Add(time.Minute))
				var one [1]byte
				if _, err := c.Read(one[:]); err != nil {
					t.Fatal(err)
				}
				return c
			}
			reading, writing, idle, beside := open(mute), open(mute), open(mute), open(other)
			read := make(chan error)
			go func() {
				var one [1]byte
				_, err := reading.Read(one[:])
				read <- err
			}()
			if _, err := v.Dial("tcp", bad); !errors.Is(err, finding.CertRevoked) {
				t.Fatal(err)
			}
			if _, err := writing.Write([]byte{'!'}); !errors.Is(err, finding.CertRevoked) {
				t.Errorf("write: %v", err)
			}
			err := <-read
			var refused *assay.Error
			if !errors.As(err, &refused) || !errors.Is(err, finding.CertRevoked) {
				t.Errorf("read: %v", err)
			}
			until(t, "the idle connection is closed", func() bool {
				return errors.Is(assay.Below(idle).SetReadDeadline(time.Time{}), net.ErrClosed)
			})
			if _, err := beside.Write([]byte{'!'}); err != nil {
				t.Errorf("another server's: %v", err)
			}
			select {
			case r := <-told:
				if r.Verdict != report.Reject || r.Headline.Finding.ID != finding.CertRevoked || r.Target.Host != "127.0.0.1" {
					t.Errorf("told of %+v, %v", r.Target, r.Headline)
				}
			case <-time.After(time.Minute):
				t.Error("OnRevoked was not called")
			}
			if len(told) > 0 {
				t.Error("three connections to one server were told apart")
			}
		})
	}
}

// A connection whose certificate has another clean path goes on, until that one is
// revoked too.
func TestAnotherPathKeepsTheConnection(t *testing.T) {
	roots := []*forge.CA{forge.NewRoot("First Root", nil), forge.NewRoot("Second Root", nil)}
	var crossed [2]*forge.CA // one name and key, certified by both
	var revoked [2]atomic.Bool
	lists := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		i := int(r.URL.Path[1] - '0')
		list := forge.CRL{}
		if revoked[i].Load() {
			list.Entries = []forge.Entry{forge.Revoke(crossed[i].Serial, forge.KeyCompromise)}
		}
		rw.Write(roots[i].CRL(list))
	}))
	defer lists.Close()
	key := forge.P256()
	for i, root := range roots {
		crossed[i] = root.Intermediate("Crossed", key, forge.CRLDP(fmt.Sprintf("%s/%d", lists.URL, i)))
	}
	leafKey := forge.P256()
	leaf := crossed[0].Issue(forge.Cert{Key: leafKey, Extensions: crossed[0].ServerExts(leafKey, forge.DNS("localhost"), forge.IPRaw(net.IPv4(127, 0, 0, 1).To4()))})
	both := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS(crossed[0].Raw, crossed[1].Raw)}})
	dir := t.TempDir()
	v := newVerifier(t, assay.Config{Roots: [][]byte{roots[0].Raw, roots[1].Raw}, PrivateFetch: true, Network: assay.Offline, CacheDir: dir,
		Observe: func(context.Context, *report.Report) {}})
	c, err := v.Dial("tcp", both)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	first := 0
	r := assay.ReportOf(c)
	if r.Certs[r.Paths[r.Chosen].Certs[1].Cert].SHA256 == evidence.HashOf(crossed[1].Raw).String() {
		first = 1
	}
	for _, i := range []int{first, 1 - first} {
		if _, err := c.Write([]byte{'!'}); err != nil {
			t.Fatal("before it was learnt:", err)
		}
		revoked[i].Store(true)
		learner := newVerifier(t, assay.Config{Roots: [][]byte{roots[i].Raw}, PrivateFetch: true, Network: assay.Inline, CacheDir: dir})
		if _, err := learner.Dial("tcp", both); !errors.Is(err, finding.CertRevoked) {
			t.Fatal(err)
		}
		if len(v.Learnt()) == 0 {
			t.Fatal("nothing was learnt")
		}
	}
	if _, err := c.Write([]byte{'!'}); !errors.Is(err, finding.CertRevoked) {
		t.Errorf("when both are revoked: %v", err)
	}
}

// Connections that others dialled are told to OnRevoked, and to nobody else.
func TestForeignConnectionIsTold(t *testing.T) {
	w := newWorld(t)
	leaf := w.server()
	bad, mute := stapling(t, w, leaf, true), stapling(t, w, leaf, false)
	told := make(chan *report.Report, 9)
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline, OnRevoked: func(_ context.Context, r *report.Report) { told <- r; panic("the application's") }}))
	conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := talk(mute, conf); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := talk(bad, conf); !errors.Is(err, finding.CertRevoked) {
		t.Fatal(err)
	}
	select {
	case r := <-told:
		if r.Target.Host != "localhost" || r.Verdict != report.Reject {
			t.Errorf("told of %+v", r.Target)
		}
	case <-time.After(time.Minute):
		t.Fatal("not told")
	}
	v.Close()
	if len(told) > 0 {
		t.Error("told more than once")
	}
}

// A server's connections end when a client's certificate turns out to be revoked,
// that client's alone, however many handshakes run at the same time.
func TestServedConnectionsEnd(t *testing.T) {
	for _, chooses := range []bool{false, true} {
		w := newWorld(t)
		v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
		base := &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, SessionTicketsDisabled: true}
		if chooses {
			inner := base.Clone()
			base.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return inner, nil }
		}
		conf, err := v.ServerConfig(base)
		if err != nil {
			t.Fatal(err)
		}
		addr := serve(t, conf)
		leaf, bad := w.client(), w.client()
		open := func(ca *forge.CA, staple bool) (*tls.Conn, error) {
			pair := ca.TLS()
			if staple {
				pair.OCSPStaple = forge.OCSP{Singles: []forge.Single{w.root.RevokedSingle(ca.Serial, forge.KeyCompromise)}}.Sign(w.root)
			}
			c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: w.pool(t), ServerName: "localhost", Certificates: []tls.Certificate{pair}})
			if err != nil {
				return nil, err
			}
			t.Cleanup(func() { c.Close() })
			c.SetDeadline(time.Now().Add(time.Minute))
			var one [1]byte
			_, err = c.Read(one[:])
			return c, err
		}
		const n = 16
		var conns [2 * n]*tls.Conn
		var wg sync.WaitGroup
		for i := range conns {
			wg.Go(func() {
				ca := leaf
				if i%2 == 1 {
					ca = bad
				}
				c, err := open(ca, false)
				if err != nil {
					t.Error(err)
				}
				conns[i] = c
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		if _, err := open(bad, true); err == nil {
			t.Fatal("the revoked client passed")
		}
		for i, c := range conns {
			c.SetReadDeadline(time.Now().Add(time.Minute))
			if i%2 == 0 {
				c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			}
			var one [1]byte
			_, err := c.Read(one[:])
			var timeout net.Error
			if open := errors.As(err, &timeout) && timeout.Timeout(); open != (i%2 == 0) {
				t.Errorf("chooses %v: connection %d: %v", chooses, i, err)
			}
		}
	}
}

// What another process has learnt ends connections here.
func TestAnotherProcessEndsConnections(t *testing.T) {
	w := newWorld(t)
	leaf := w.server()
	bad, mute := stapling(t, w, leaf, true), stapling(t, w, leaf, false)
	dir := t.TempDir()
	v := newVerifier(t, w.config(assay.Config{CacheDir: dir, Network: assay.Offline}))
	other := newVerifier(t, w.config(assay.Config{CacheDir: dir, Network: assay.Offline}))
	assay.Tended(v) // so that nothing but the other process's note is a reason to look
	c, err := v.Dial("tcp", mute)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second)) // less than until all are looked at
	var one [1]byte
	if _, err := c.Read(one[:]); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Dial("tcp", bad); !errors.Is(err, finding.CertRevoked) {
		t.Fatal(err)
	}
	if _, err := c.Read(one[:]); !errors.Is(err, finding.CertRevoked) {
		t.Errorf("read: %v", err)
	}
}

// Connections that are closed or forgotten leave nothing behind.
func TestForgottenConnections(t *testing.T) {
	w := newWorld(t)
	v := newVerifier(t, w.config(assay.Config{Network: assay.Offline}))
	addr := stapling(t, w, w.server(), false)
	for range 4 {
		c, err := v.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	if n := assay.Watched(v); n != 0 {
		t.Errorf("%d closed connections are watched", n)
	}
	for range 4 {
		if _, err := v.Dial("tcp", addr); err != nil { // and forgets it
			t.Fatal(err)
		}
	}
	until(t, "forgotten connections are not watched", func() bool { held(); return assay.Watched(v) == 0 })
}

// A connection that stays open learns of a revocation without another handshake:
// its revocation data is fetched anew when its judgement ends.
func TestOpenConnectionLearns(t *testing.T) {
	for name, network := range map[string]assay.Network{"first contact": assay.FirstContact, "inline": assay.Inline, "offline": assay.Offline} {
		w := newWorld(t)
		w.cacheControl = "no-cache"
		leaf := w.server()
		v := newVerifier(t, w.config(assay.Config{Network: network}))
		c, err := v.Dial("tcp", stapling(t, w, leaf, false))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(time.Minute))
		var one [1]byte
		if _, err := c.Read(one[:]); err != nil {
			t.Fatal(err)
		}
		w.revoke(leaf)
		before := w.hits.Load()
		assay.Tend(v)
		if network == assay.Offline {
			if _, err := c.Write(one[:]); err != nil || w.hits.Load() != before {
				t.Errorf("%s: %v, %d downloads", name, err, w.hits.Load()-before)
			}
			continue
		}
		if _, err := c.Read(one[:]); !errors.Is(err, finding.CertRevoked) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
