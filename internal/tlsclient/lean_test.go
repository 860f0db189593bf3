package tlsclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
)

// counted counts the connections to servers of crypto/tls, and keeps the first
// ClientHello.
type counted struct {
	conns atomic.Int32
	mu    sync.Mutex
	first *tls.ClientHelloInfo
}

func (c *counted) config(conf *tls.Config) *tls.Config {
	conf.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if c.mu.Lock(); c.first == nil {
			c.first = h
		}
		c.mu.Unlock()
		return nil, nil
	}
	return conf
}

// serveCounted is serve for a server that counts.
func serveCounted(t *testing.T, conf *tls.Config) (port string, n *counted) {
	n = &counted{}
	conf = n.config(conf)
	port = listen(t, func(c net.Conn) {
		n.conns.Add(1)
		s := tls.Server(c, conf)
		c.SetDeadline(time.Now().Add(5 * time.Second))
		if s.Handshake() == nil {
			s.Read(make([]byte, 1))
			s.Close()
		}
	})
	return port, n
}

// The lean dial brings what the recorded one does, but for what its source says that
// it does not know.
func TestLeanIsAsGood(t *testing.T) {
	cert := chainFor(t)
	cert.OCSPStaple, cert.SignedCertificateTimestamps = []byte("a staple"), [][]byte{[]byte("sct one"), []byte("sct two")}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, group := range []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521} {
			port, n := serveCounted(t, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: version, MaxVersion: version,
				CurvePreferences: []tls.CurveID{group}, NextProtos: []string{"http/1.1"}})
			lean := dial(t, Config{Port: port, SNI: "dial.test", Lean: true})
			if lean.Failure != nil || lean.Source != evidence.SourceLean || n.conns.Load() != 1 {
				t.Fatalf("%x %s: %d connections, source %s, %+v", version, group, n.conns.Load(), lean.Source, lean.Failure)
			}
			roundTrips(t, lean)
			if slices.Contains(n.first.SupportedCurves, tls.X25519MLKEM768) || !slices.Contains(n.first.SupportedCurves, tls.CurveP521) {
				t.Errorf("it offered the groups %v", n.first.SupportedCurves)
			}
			full := dial(t, Config{Port: port, SNI: "dial.test"})
			if full.Source != evidence.SourceDial || full.Connection.BytesIn == 0 {
				t.Fatalf("%+v", full)
			}
			if !reflect.DeepEqual(lean.Chain, full.Chain) || !reflect.DeepEqual(lean.TLSSCTs, full.TLSSCTs) || len(lean.Chain) != 2 {
				t.Errorf("%x %s: other certificates, staple or SCTs", version, group)
			}
			if c := lean.Connection; c.BytesIn == 0 || c.BytesOut == 0 || c.BytesOut > 1000 || c.TLS == 0 || c.Connect == 0 {
				t.Errorf("%x %s: %+v", version, group, c)
			}
			if a := lean.Attempts; len(a) != 1 || a[0].Outcome != "connected" || a[0].Addr != full.Attempts[0].Addr {
				t.Errorf("attempts %+v", a)
			}
			known(&lean.Connection, &full.Connection)
			if !reflect.DeepEqual(lean.Connection, full.Connection) {
				t.Errorf("%x %s:\nlean     %+v\nrecorded %+v", version, group, lean.Connection, full.Connection)
			}
		}
	}
}

// known clears what a lean handshake does not know, and what differs each time. Of
// a handshake before TLS 1.3 all but the close is known.
func known(lean, full *evidence.Connection) {
	for _, c := range []*evidence.Connection{lean, full} {
		c.DNS, c.Connect, c.TLS, c.BytesIn, c.BytesOut, c.CloseNotify, c.Tickets = 0, 0, 0, 0, 0, false, 0
		if c.Version == tls.VersionTLS13 {
			c.Signature = 0
		}
	}
}

// What a lean handshake does not complete, or cannot explain, is dialled again.
func TestLeanDialsAgain(t *testing.T) {
	cert := chainFor(t)
	asks := &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS13}
	demands := &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAnyClientCert, ClientCAs: x509.NewCertPool()}
	hybrid := &tls.Config{Certificates: []tls.Certificate{cert}, CurvePreferences: []tls.CurveID{tls.X25519MLKEM768}}
	asks12 := &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert, MaxVersion: tls.VersionTLS12}
	for _, c := range []struct {
		what   string
		conf   *tls.Config
		client Config
		source evidence.Source
		conns  int32
		want   finding.ID
		group  uint16
	}{
		{"asks for a certificate", asks, Config{}, evidence.SourceDial, 2, "", 0},
		{"demands one", demands, Config{}, evidence.SourceDial, 2, finding.ClientCertRequired, 0},
		{"asks for one in TLS 1.2", asks12, Config{}, evidence.SourceLean, 1, "", 29},
		{"takes hybrid groups alone", hybrid, Config{}, evidence.SourceDial, 2, "", 0x11ec},
		{"is offered them", hybrid, Config{Groups: []uint16{0x11ec}}, evidence.SourceLean, 1, "", 0x11ec},
		{"a session", asks12, Config{Sessions: tls.NewLRUClientSessionCache(1)}, evidence.SourceDial, 1, "", 0},
		{"an RSA key alone", asks12, Config{KeyTypes: KeysRSA}, evidence.SourceDial, 3, finding.KeyTypeNotServed, 0},
	} {
		port, n := serveCounted(t, c.conf)
		c.client.Port, c.client.SNI, c.client.Lean = port, "dial.test", true
		ev := dial(t, c.client)
		if ev.Source != c.source || n.conns.Load() != c.conns || c.group != 0 && ev.Connection.Group != c.group {
			t.Errorf("%s: source %s, %d connections, group %d, %+v", c.what, ev.Source, n.conns.Load(), ev.Connection.Group, ev.Failure)
		}
		if c.want != "" {
			wantFailure(t, ev, c.want)
		} else if ev.Failure != nil {
			t.Errorf("%s: %+v", c.what, ev.Failure)
		}
		roundTrips(t, ev)
	}
}

// A server that cannot be reached a second time leaves what is not explained open.
func TestLeanLosesTheServer(t *testing.T) {
	cert := chainFor(t)
	for _, conf := range []*tls.Config{
		{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS13}, // complete, and unexplained
		{Certificates: []tls.Certificate{cert}, CurvePreferences: []tls.CurveID{tls.X25519MLKEM768}},             // refused
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		go func() {
			c, err := l.Accept()
			l.Close()
			if err == nil {
				tls.Server(c, conf).Handshake()
				c.Close()
			}
		}()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		ev := dial(t, Config{Port: port, Lean: true})
		if ev.Failure == nil || ev.Source != evidence.SourceLean {
			t.Errorf("%s %+v", ev.Source, ev.Failure)
		}
		roundTrips(t, ev)
	}
}

// slowly writes one octet at a time.
type slowly struct{ net.Conn }

func (s slowly) Write(b []byte) (int, error) {
	for i := range b {
		if _, err := s.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

// A server that sends octet by octet is read all the same, and its beginning is not
// read again for each.
func TestLeanFragments(t *testing.T) {
	cert := chainFor(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		conf := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: version, MaxVersion: version}
		port := listen(t, func(c net.Conn) {
			c.(*net.TCPConn).SetNoDelay(true)
			s := tls.Server(slowly{c}, conf)
			if s.Handshake() == nil {
				s.Read(make([]byte, 1))
			}
		})
		ev := dial(t, Config{Port: port, Lean: true})
		if ev.Failure != nil || ev.Source != evidence.SourceLean || len(ev.Chain) != 2 || ev.Connection.Version != version {
			t.Errorf("%x: %s %+v", version, ev.Source, ev.Failure)
		}
	}
	w := &wire{lean: true}
	for range 1000 {
		w.keep([]byte{22})
	}
	if w.looks != maxLooks {
		t.Errorf("looked %d times", w.looks)
	}
}

// A single address is dialled without a race; several are raced, and families that
// are not wanted are none.
func TestLeanAddresses(t *testing.T) {
	port, _ := serveCounted(t, &tls.Config{Certificates: []tls.Certificate{chainFor(t)}})
	one, two := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	for _, c := range []struct {
		conf Config
		want int // attempts
		fail finding.ID
	}{
		{Config{Host: "127.0.0.1"}, 1, ""},
		{Config{Host: "a.test", Resolve: map[string][]netip.Addr{"*:" + port: {one}}}, 1, ""},
		{Config{Host: "a.test", Resolve: map[string][]netip.Addr{"*:" + port: {one, two}}}, 2, ""},
		{Config{Host: "127.0.0.1", Network: "6"}, 0, finding.DNSNoAddress},
		{Config{Host: "127.0.0.1", Port: "1"}, 1, finding.ConnectionRefused},
	} {
		if c.conf.Port == "" {
			c.conf.Port = port
		}
		c.conf.Lean = true
		ev := dial(t, c.conf)
		if len(ev.Attempts) != c.want || (ev.Failure == nil) != (c.fail == "") || ev.Failure != nil && ev.Failure.ID != c.fail {
			t.Errorf("%s %s: %d attempts, %+v", c.conf.Host, c.conf.Port, len(ev.Attempts), ev.Failure)
		}
		roundTrips(t, ev)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	wantFailure(t, Dial(ctx, Config{Host: "127.0.0.1", Port: port, Lean: true}), finding.DialCancelled)
}
