package assay_test

import (
	"crypto/tls"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/internal/bench/cpu"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
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

// benchListener answers every connection with the next certificate of pairs.
type benchListener struct {
	net.Listener
	pairs chan tls.Certificate
}

func newBenchListener(b *testing.B) *benchListener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	bl := &benchListener{l, make(chan tls.Certificate, 1)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{<-bl.pairs}, SessionTicketsDisabled: true})
			s.Handshake()
			s.Read(make([]byte, 1))
			s.Close()
		}
	}()
	return bl
}

// handshake makes one full handshake and returns the CPU time of the client's
// thread, and the allocations of the process meanwhile, the server's too.
func (l *benchListener) handshake(b *testing.B, conf *tls.Config, pair tls.Certificate) (time.Duration, uint64) {
	l.pairs <- pair
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	c := tls.Client(raw, conf)
	defer c.Close()
	allocs, start := allocations(), cpu.Thread()
	err = c.Handshake()
	took := cpu.Thread() - start
	allocs = allocations() - allocs
	if err != nil {
		b.Fatal(err)
	}
	return took, allocs
}

// allocations are the objects allocated by the process.
func allocations() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// versus makes b.N handshakes with each of two configurations, in turn, so that
// whatever else the machine does falls on both, and reports the medians of the
// client's CPU time, their ratio, and the difference in allocations.
func versus(b *testing.B, plain, ours *tls.Config, pair func() tls.Certificate) {
	l := newBenchListener(b)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	confs := [2]*tls.Config{plain.Clone(), ours.Clone()}
	var cpu [2][]time.Duration
	var allocs [2][]uint64
	const warmUp = 20
	for i := range b.N + warmUp {
		for k := range confs {
			which := (i + k) % 2
			confs[which].ServerName = "localhost"
			t, n := l.handshake(b, confs[which], pair())
			if i >= warmUp {
				cpu[which], allocs[which] = append(cpu[which], t), append(allocs[which], n)
			}
		}
	}
	for which := range confs {
		slices.Sort(cpu[which])
		slices.Sort(allocs[which])
	}
	m := [2]float64{float64(cpu[0][b.N/2].Nanoseconds()), float64(cpu[1][b.N/2].Nanoseconds())}
	b.ReportMetric(0, "ns/op") // of both, and of the server: it says nothing
	b.ReportMetric(m[0]/1e3, "plain-µs")
	b.ReportMetric(m[1]/1e3, "assay-µs")
	b.ReportMetric(m[1]/m[0], "of-plain")
	b.ReportMetric(float64(allocs[1][b.N/2])-float64(allocs[0][b.N/2]), "more-allocs")
}

// BenchmarkHandshake compares the client's CPU time of a full handshake verified
// by crypto/tls alone with the same under assay. Goals: first contact with a
// staple and two SCTs at most 1.45 times, seen before 1.03, checks off 1.01.
//
//	go test -run xxx -bench Handshake -benchtime 1000x .
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
	full := assay.Config{LogList: s.list, CT: policy.CTRequire, Schemes: policy.Only(policy.Staple), Depth: policy.DepthLeaf}
	b.Run("first", func(b *testing.B) { versus(b, plain, under(full), s.fresh) })
	b.Run("seen", func(b *testing.B) { versus(b, plain, under(full), same) })
	b.Run("off", func(b *testing.B) { versus(b, plain, under(assay.Config{Schemes: policy.Off, CT: policy.CTOff}), same) })
	b.Run("itself", func(b *testing.B) { versus(b, plain, plain, same) }) // how far off a ratio may be
}
