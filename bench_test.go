package assay_test

import (
	"crypto/tls"
	"net"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/internal/lab/forge"
)

// benchServer has an intermediate, a staple and two SCTs; it makes a new leaf
// for every use of fresh.
type benchServer struct {
	root, ca *forge.CA
	logs     []*forge.Key
	list     []byte
}

func newBenchServer() *benchServer {
	s := &benchServer{root: forge.NewRoot("Bench Root", nil), logs: []*forge.Key{forge.P256(), forge.P256()}}
	s.ca = s.root.Intermediate("Bench CA", nil)
	s.list = forge.LogList(time.Now().Add(-time.Hour), forge.Log{Key: s.logs[0], Description: "A", Operator: "A", URL: "https://a.test/"},
		forge.Log{Key: s.logs[1], Description: "B", Operator: "B", URL: "https://b.test/"})
	return s
}

func (s *benchServer) fresh() tls.Certificate {
	key := forge.P256()
	exts := append(s.ca.ServerExts(key, forge.DNS("localhost")), forge.AIA([]string{"http://ocsp.test/"}, nil))
	leaf := s.ca.WithSCTs(forge.Cert{Key: key, Extensions: exts}, func(tbs []byte) [][]byte {
		at := forge.SCT{Time: time.Now().Add(-time.Hour)}
		return [][]byte{at.SignPrecert(s.logs[0], s.ca.Key, tbs), at.SignPrecert(s.logs[1], s.ca.Key, tbs)}
	})
	pair := leaf.TLS(s.ca.Raw)
	pair.OCSPStaple = forge.OCSP{Singles: []forge.Single{s.ca.Good(leaf.Serial)}}.Sign(s.ca)
	return pair
}

// threadCPU is the CPU time of this thread.
func threadCPU(b *testing.B) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		b.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

// handshakes makes b.N full handshakes over loopback and reports the CPU time of
// the client's thread for each. pair gives the certificate of each.
func handshakes(b *testing.B, conf *tls.Config, pair func() tls.Certificate) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	pairs := make(chan tls.Certificate, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p := <-pairs
			s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{p}, SessionTicketsDisabled: true})
			s.Handshake()
			s.Read(make([]byte, 1))
			s.Close()
		}
	}()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	conf = conf.Clone()
	conf.ServerName = "localhost"
	var cpu time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		pairs <- pair()
		raw, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		c := tls.Client(raw, conf)
		b.StartTimer()
		before := threadCPU(b)
		err = c.Handshake()
		cpu += threadCPU(b) - before
		b.StopTimer()
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
		b.StartTimer()
	}
	b.StopTimer()
	b.ReportMetric(float64(cpu.Nanoseconds())/float64(b.N), "client-cpu-ns/op")
}

// BenchmarkHandshake compares the client's CPU time of a full handshake verified
// by crypto/tls alone with the same under assay. Goals: first contact with a
// staple and two SCTs at most 1.45 times, seen before 1.03, checks off 1.01.
func BenchmarkHandshake(b *testing.B) {
	s := newBenchServer()
	base := &world{root: s.root}
	plain := &tls.Config{RootCAs: base.pool(b)}
	under := func(c assay.Config) *tls.Config {
		c.Roots = [][]byte{s.root.Raw}
		v, err := assay.New(c)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { v.Close() })
		conf, err := v.ClientConfig(nil)
		if err != nil {
			b.Fatal(err)
		}
		return conf
	}
	one := s.fresh()
	same := func() tls.Certificate { return one }
	full := assay.Config{LogList: s.list, CT: "strict", Schemes: []string{"staple"}, LeafOnly: true}
	b.Run("plain/new", func(b *testing.B) { handshakes(b, plain, s.fresh) })
	b.Run("assay/new", func(b *testing.B) { handshakes(b, under(full), s.fresh) })
	b.Run("plain/seen", func(b *testing.B) { handshakes(b, plain, same) })
	b.Run("assay/seen", func(b *testing.B) { handshakes(b, under(full), same) })
	b.Run("assay/off", func(b *testing.B) { handshakes(b, under(assay.Config{Schemes: []string{}, CT: "off"}), same) })
}
