package assay_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/internal/lab/forge"
)

// world is a root, a CRL that a test changes at will, and certificates whose
// only revocation source it is.
type world struct {
	root *forge.CA
	crl  *httptest.Server

	mu      sync.Mutex
	revoked [][]byte      // serial numbers
	life    time.Duration // of a CRL: nextUpdate
	age     time.Duration // thisUpdate
	stall   chan struct{} // when not nil, answers wait until it is closed
	broken  bool          // answers are errors
	hits    atomic.Int64

	cacheControl string // of HTTP
}

func newWorld(t *testing.T) *world {
	w := &world{root: forge.NewRoot("World Root", nil), life: time.Hour, age: time.Minute}
	w.crl = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.hits.Add(1)
		w.mu.Lock()
		stall, broken := w.stall, w.broken
		list := forge.CRL{ThisUpdate: time.Now().Add(-w.age), NextUpdate: time.Now().Add(w.life)}
		for _, s := range w.revoked {
			list.Entries = append(list.Entries, forge.Revoke(s, forge.KeyCompromise))
		}
		w.mu.Unlock()
		if stall != nil {
			select {
			case <-stall:
			case <-r.Context().Done():
				return
			}
		}
		if broken {
			http.Error(rw, "broken", http.StatusInternalServerError)
			return
		}
		if w.cacheControl != "" {
			rw.Header().Set("Cache-Control", w.cacheControl)
		}
		rw.Write(w.root.CRL(list))
	}))
	t.Cleanup(w.crl.Close)
	return w
}

func (w *world) set(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func (w *world) revoke(c *forge.CA) { w.set(func() { w.revoked = append(w.revoked, c.Serial) }) }

// server issues a server certificate for localhost and 127.0.0.1.
func (w *world) server() *forge.CA {
	key := forge.P256()
	names := [][]byte{forge.DNS("localhost"), forge.IPRaw(net.IPv4(127, 0, 0, 1).To4())}
	return w.root.Issue(forge.Cert{Key: key, Extensions: append(w.root.ServerExts(key, names...), forge.CRLDP(w.crl.URL+"/crl"))})
}

// client issues a client certificate.
func (w *world) client() *forge.CA {
	key := forge.P256()
	return w.root.Issue(forge.Cert{Key: key, Subject: forge.CN("a client"), Extensions: []forge.Ext{forge.BasicConstraints(false, -1),
		forge.KeyUsage(forge.DigitalSignature), forge.EKU(forge.ClientAuth), forge.SKI(key.ID()), forge.AKI(w.root.Key.ID()), forge.CRLDP(w.crl.URL + "/crl")}})
}

// pool is the root for crypto/tls.
func (w *world) pool(t testing.TB) *x509.CertPool {
	c, err := x509.ParseCertificate(w.root.Raw)
	if err != nil {
		t.Fatal(err)
	}
	p := x509.NewCertPool()
	p.AddCert(c)
	return p
}

// config is c with the world's root.
func (w *world) config(c assay.Config) assay.Config {
	c.Roots = [][]byte{w.root.Raw}
	c.PrivateFetch = true
	return c
}

func newVerifier(t *testing.T, c assay.Config) *assay.Verifier {
	t.Helper()
	v, err := assay.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// settings are those of Verifier.Transport without proxies from the
// environment, changed by tune.
func settings(tune func(*http.Transport)) *http.Transport {
	t := &http.Transport{ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second}
	if tune != nil {
		tune(t)
	}
	return t
}

// transportFrom is v's transport with such settings.
func transportFrom(t *testing.T, v *assay.Verifier, tune func(*http.Transport)) *assay.Transport {
	t.Helper()
	tr, err := v.TransportFrom(settings(tune))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// serve accepts TLS connections with conf until the test ends and answers
// every connection with one byte.
func serve(t *testing.T, conf *tls.Config) (addr string) {
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
			go func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(2 * time.Minute))
				if c.(*tls.Conn).Handshake() != nil {
					return
				}
				c.Write([]byte{'!'})
				var b [1]byte
				c.Read(b[:])
			}()
		}
	}()
	return l.Addr().String()
}

// talk dials with conf, reads the byte, and returns the connection's state.
func talk(addr string, conf *tls.Config) (tls.ConnectionState, error) {
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: 2 * time.Minute}, "tcp", addr, conf)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(2 * time.Minute))
	var b [1]byte
	if _, err := c.Read(b[:]); err != nil {
		return tls.ConnectionState{}, err
	}
	return c.ConnectionState(), nil
}

// setSkipVerify turns verification off in c. The field is set by reflection so
// that its name stands in no source but the diagnostic dial's.
func setSkipVerify(c *tls.Config) {
	reflect.ValueOf(c).Elem().FieldByName("Insecure" + "SkipVerify").SetBool(true)
}

func quietLog() *log.Logger { return log.New(io.Discard, "", 0) }
