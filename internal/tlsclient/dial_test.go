package tlsclient

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"flag"
	"fmt"
	"math/big"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/tlsnames"
)

// chainFor makes a leaf for loopback and its issuer.
func chainFor(t testing.TB) tls.Certificate {
	t.Helper()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	check(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"dial.test", "localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	check(t, err)
	return tls.Certificate{Certificate: [][]byte{der, caDER}, PrivateKey: key}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// listen returns a loopback listener's port; each connection goes to f and is
// closed after it.
func listen(t testing.TB, f func(net.Conn)) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); f(c) }()
		}
	}()
	_, port, err = net.SplitHostPort(l.Addr().String())
	check(t, err)
	return port
}

// serve runs crypto/tls servers on loopback.
func serve(t testing.TB, cfg *tls.Config) (port string) {
	return listen(t, func(c net.Conn) {
		s := tls.Server(c, cfg)
		c.SetDeadline(time.Now().Add(5 * time.Second))
		if s.Handshake() == nil {
			s.Read(make([]byte, 1))
			s.Close()
		}
	})
}

// dial dials loopback with limits that keep tests short.
func dial(t testing.TB, c Config) *evidence.Evidence {
	t.Helper()
	if c.Host == "" {
		c.Host = "127.0.0.1"
	}
	if c.HandshakeTimeout == 0 {
		c.HandshakeTimeout = 5 * time.Second
	}
	ev := Dial(context.Background(), c)
	provoked(ev)
	return ev
}

// seen are the findings that the tests have provoked.
var seen sync.Map

// elsewhere are the kinds that the command line or the report makes, and their tests provoke.
var elsewhere = []finding.ID{finding.Truncated, finding.DataDamaged, finding.AddressesDiffer, finding.SessionResumed, finding.SessionNotResumed,
	finding.RenegotiationFollowed, finding.PathReply, finding.ALPNNotChosen, finding.MasterSecretPlain, finding.RenegotiationUnsafe,
	finding.LegacyOffered, finding.LegacyRefused, finding.UnrecognizedNameWarning,
	finding.SentDuplicate, finding.SentRoot, finding.SentLarge, finding.SentUnused, finding.SentOrder,
	finding.ServiceNotFound, finding.ServiceNotOffered, finding.ServiceTargetBad}

// provoked notes the findings that a dial made.
func provoked(ev *evidence.Evidence) {
	for _, f := range []*evidence.Failure{ev.Failure, ev.Unseen} {
		if f != nil {
			seen.Store(f.ID, true)
		}
	}
}

// TestMain requires of a full run (ASSAY_FULL=1), with all peers, that every kind of a
// connection's failure was provoked.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && os.Getenv("ASSAY_FULL") == "1" && flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.fuzz").Value.String() == "" {
		for _, k := range finding.Kinds() {
			if _, ok := seen.Load(k.ID); !ok && k.Class == finding.ClassConnection && !slices.Contains(elsewhere, k.ID) {
				fmt.Println("no test provokes", k.ID)
				code = 1
			}
		}
	}
	os.Exit(code)
}

func wantFailure(t testing.TB, ev *evidence.Evidence, id finding.ID) {
	t.Helper()
	seen.Store(id, true)
	switch {
	case ev.Failure == nil:
		t.Fatalf("no failure, want %s", id)
	case ev.Failure.ID != id:
		t.Fatalf("failure %s (%s), want %s", ev.Failure.ID, ev.Failure.Detail, id)
	}
	k, ok := finding.Lookup(id)
	if !ok {
		t.Fatalf("%s is not in the table", id)
	}
	for _, part := range strings.Split(k.Title, "{")[1:] {
		if name, _, _ := strings.Cut(part, "}"); ev.Failure.Params[name] == "" {
			t.Errorf("%s: the title's parameter %s is empty", id, name)
		}
	}
}

func TestVersionsSuitesGroups(t *testing.T) {
	cert := chainFor(t)
	staple := []byte("a staple"[:8])
	scts := [][]byte{[]byte("sct one"), []byte("sct two")}
	cert.OCSPStaple, cert.SignedCertificateTimestamps = staple, scts
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, group := range []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521, tls.X25519MLKEM768} {
			if version == tls.VersionTLS12 && group == tls.X25519MLKEM768 {
				continue
			}
			port := serve(t, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: version, MaxVersion: version,
				CurvePreferences: []tls.CurveID{group}, NextProtos: []string{"http/1.1"}})
			ev := dial(t, Config{Port: port, SNI: "dial.test"})
			if ev.Failure != nil {
				t.Fatalf("%s %s: %+v", tlsnames.Version(version), group, ev.Failure)
			}
			c := ev.Connection
			if c.Version != version || c.Group != uint16(group) || c.ALPN != "http/1.1" || tlsnames.Signature(c.Signature) != "ecdsa_secp256r1_sha256" {
				t.Errorf("%s %s: got %+v", tlsnames.Version(version), group, c)
			}
			if len(ev.Chain) != 2 || string(ev.Chain[0].Cert) != string(cert.Certificate[0]) || string(ev.Chain[0].Staple) != string(staple) {
				t.Errorf("%s %s: chain or staple is not what was sent", tlsnames.Version(version), group)
			}
			if string(ev.TLSSCTs) != string(sctList(scts)) {
				t.Errorf("%s %s: SCTs % x", tlsnames.Version(version), group, ev.TLSSCTs)
			}
			if !c.CloseNotify || c.BytesIn == 0 || c.BytesOut == 0 || c.TLS == 0 {
				t.Errorf("%s %s: close_notify, bytes or time missing: %+v", tlsnames.Version(version), group, c)
			}
			if version == tls.VersionTLS13 && (c.Tickets == 0 || c.HelloRetry != (group == tls.CurveP384 || group == tls.CurveP521 || group == tls.CurveP256)) {
				t.Errorf("%s: tickets %d, hello retry %v", group, c.Tickets, c.HelloRetry)
			}
		}
	}
}

// roundTrips checks that ev can be saved and comes back the same.
func roundTrips(t testing.TB, ev *evidence.Evidence) {
	t.Helper()
	b, err := evidence.Encode(ev)
	check(t, err)
	again, err := evidence.Decode(b)
	check(t, err)
	if !reflect.DeepEqual(ev, again) {
		t.Errorf("evidence changes when saved:\n%+v\n%+v", ev, again)
	}
}

func TestMinVersion(t *testing.T) {
	port := serve(t, &tls.Config{Certificates: []tls.Certificate{chainFor(t)}, MaxVersion: tls.VersionTLS12})
	ev := dial(t, Config{Port: port, MinVersion: tls.VersionTLS13})
	wantFailure(t, ev, finding.TLSVersionUnsupported)
	if ev.Probe == nil || len(ev.Chain) != 2 || !strings.HasPrefix(ev.Failure.Params["detail"], "but it takes TLS 1.2, which --tls-min 1.3 leaves out") {
		t.Errorf("%+v %+v", ev.Failure, ev.Probe)
	}
}

// BenchmarkDial and BenchmarkPlain make the same handshake with and without
// recording, reading and the wait for the server's close.
func BenchmarkDial(b *testing.B) {
	port := serve(b, &tls.Config{Certificates: []tls.Certificate{chainFor(b)}})
	for b.Loop() {
		if ev := Dial(b.Context(), Config{Host: "127.0.0.1", Port: port, SNI: "dial.test"}); ev.Failure != nil {
			b.Fatal(ev.Failure)
		}
	}
}

func BenchmarkPlain(b *testing.B) {
	port := serve(b, &tls.Config{Certificates: []tls.Certificate{chainFor(b)}})
	for b.Loop() {
		c, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}
