package watch

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/report"
)

// serverEnv has the file into which a test process writes the root of the servers
// that it is.
const serverEnv = "ASSAY_WATCH_TEST_SERVERS"

// manyServers answers for every name in .test with a certificate of its own, in a
// process of its own so that its work is not counted. It prints its port and ends
// with its standard input.
func manyServers() {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "servers:", err)
			os.Exit(1)
		}
	}
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		fail(err)
		return k
	}
	web, err := net.Listen("tcp4", "127.0.0.1:0")
	fail(err)
	now := time.Now()
	rootKey, ca := key(), &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Root of many"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte("root")}
	rootDER, err := x509.CreateCertificate(rand.Reader, ca, ca, rootKey.Public(), rootKey)
	fail(err)
	fail(os.WriteFile(os.Getenv(serverEnv), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER}), 0o600))
	root, err := x509.ParseCertificate(rootDER)
	fail(err)
	list, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now.Add(-time.Hour), NextUpdate: now.AddDate(0, 0, 7)}, root, rootKey)
	fail(err)
	go http.Serve(web, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(list) }))
	var mu sync.Mutex
	serial, leafKey, made := int64(1), key(), map[string]*tls.Certificate{}
	l, err := tls.Listen("tcp4", "127.0.0.1:0", &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		mu.Lock()
		defer mu.Unlock()
		if c := made[h.ServerName]; c != nil {
			return c, nil
		}
		serial++
		der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: h.ServerName}, DNSNames: []string{h.ServerName},
			NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 0, 90), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			CRLDistributionPoints: []string{"http://" + web.Addr().String() + "/list.crl"}}, root, leafKey.Public(), rootKey)
		if err != nil {
			return nil, err
		}
		made[h.ServerName] = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: leafKey}
		return made[h.ServerName], nil
	}})
	fail(err)
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for {
		c, err := l.Accept()
		fail(err)
		go func() {
			defer c.Close()
			c.SetDeadline(time.Now().Add(10 * time.Second))
			if c.(*tls.Conn).Handshake() == nil {
				io.Copy(io.Discard, c)
			}
		}()
	}
}

// startServers starts manyServers and returns their port and root.
func startServers(t testing.TB) (port, rootFile string) {
	t.Helper()
	rootFile = filepath.Join(t.TempDir(), "root.pem")
	c := exec.Command(os.Args[0])
	peers.Tie(c)
	c.Env, c.Stderr = append(os.Environ(), serverEnv+"="+rootFile), os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); c.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), rootFile
}

// memory is a line of /proc/self/status in MB; 0 where there is none.
func memory(name string) (mb float64) {
	b, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(b), "\n") {
		if rest, found := strings.CutPrefix(line, name+":"); found {
			var kb float64
			fmt.Sscan(rest, &kb)
			return kb / 1024
		}
	}
	return 0
}

const scaleTargets = 10_000

// BenchmarkScale watches 10,000 servers with certificates of their own, each twice,
// and prints what that costs:
//
//	go test ./watch -run '^$' -bench Scale -benchtime 1x
func BenchmarkScale(b *testing.B) {
	port, rootFile := startServers(b)
	var text strings.Builder
	fmt.Fprintf(&text, "groups:\n  - name: many\n    check: {roots: %s, resolve: '*:%s:127.0.0.1'}\n    targets:\n", rootFile, port)
	for i := range scaleTargets {
		fmt.Fprintf(&text, "      - host-%05d.test:%s\n", i, port)
	}
	for range b.N {
		c := ParseConfig("watch.yaml", []byte(text.String()))
		if err := c.Err(); err != nil {
			b.Fatal(err)
		}
		judges := &Judges{Stderr: os.Stderr, CacheDir: b.TempDir()}
		if err := judges.Use(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		file := filepath.Join(b.TempDir(), "watch.db")
		s, err := Open(b.Context(), file)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := s.Sync(b.Context(), c.Specs(), c.Names(), time.Now()); err != nil {
			b.Fatal(err)
		}
		for round, name := range []string{"first", "again"} {
			before := usage(b)
			w := &Watcher{Store: s, Judge: judges.Judge, Workers: DefaultWorkers, Trouble: func(err error) { b.Error(err) }}
			ctx, cancel := context.WithCancel(b.Context())
			done := make(chan struct{})
			go func() { defer close(done); w.Run(ctx) }()
			for w.Counts().Checks < scaleTargets {
				time.Sleep(20 * time.Millisecond)
			}
			time.Sleep(2 * gather)
			cancel()
			<-done
			each := (usage(b) - before) / scaleTargets
			b.ReportMetric(float64(each.Microseconds())/1000, "cpu-ms/check-"+name)
			if round > 0 {
				b.ReportMetric(100*each.Seconds()*scaleTargets/3600, "%core@10000/h")
			} else if err := s.Update(b.Context(), func(tx *Tx) error {
				_, err := tx.Exec("UPDATE schedule SET next_at = 0")
				return err
			}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(memory("VmRSS"), "MB-rss")
		b.ReportMetric(memory("VmHWM"), "MB-peak")
		sum, err := s.Summary(b.Context(), time.Now())
		if err != nil || sum.Accept != scaleTargets {
			b.Errorf("%+v, %v", sum, err)
		}
		answers(b, s)
		growth(b, s, file)
		s.Close()
	}
	b.ReportMetric(0, "ns/op")
}

// answers measures what an API asks, the median of several attempts.
func answers(b *testing.B, s *Store) {
	ctx, now := b.Context(), time.Now()
	for _, q := range []struct {
		name string
		ask  func() error
	}{
		{"ms-page", func() error { _, err := s.Targets(ctx, TargetQuery{}, now); return err }},
		{"ms-search", func() error { _, err := s.Targets(ctx, TargetQuery{Search: "host-0777"}, now); return err }},
		{"ms-by-end", func() error { _, err := s.Targets(ctx, TargetQuery{Order: ByEnd}, now); return err }},
		{"ms-rejected", func() error {
			_, err := s.Targets(ctx, TargetQuery{Verdicts: []report.Verdict{report.Reject}}, now)
			return err
		}},
		{"ms-finding", func() error { _, err := s.Targets(ctx, TargetQuery{Finding: finding.CertExpired}, now); return err }},
		{"ms-summary", func() error { _, err := s.Summary(ctx, now); return err }},
		{"ms-certs", func() error { _, err := s.Certificates(ctx, CertQuery{}); return err }},
		{"ms-issuers", func() error { _, err := s.Issuers(ctx); return err }},
		{"ms-findings", func() error { _, err := s.FindingCounts(ctx); return err }},
		{"ms-report", func() error { _, err := s.Report(ctx, 5000, 0); return err }},
		{"ms-history", func() error { _, err := s.History(ctx, 5000, 0, 0); return err }},
		{"ms-events", func() error { _, err := s.Events(ctx, EventQuery{After: 5000}); return err }},
	} {
		var all []time.Duration
		for range 21 {
			start := time.Now()
			if err := q.ask(); err != nil {
				b.Fatal(q.name, err)
			}
			all = append(all, time.Since(start))
		}
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, q.name)
	}
}

// growth measures the database: per target once everything was checked, and per
// change of certificate.
func growth(b *testing.B, s *Store, file string) {
	size := func() float64 {
		if _, err := s.write.ExecContext(b.Context(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
			b.Fatal(err)
		}
		st, err := os.Stat(file)
		if err != nil {
			b.Fatal(err)
		}
		return float64(st.Size()) / 1024
	}
	record := func(id int64, r *report.Report) {
		if err := s.CheckNow(b.Context(), id, time.Unix(1, 0)); err != nil {
			b.Fatal(err)
		}
		jobs, err := s.Claim(b.Context(), "bench", time.Unix(2, 0), time.Unix(3, 0), 1)
		if err != nil || len(jobs) != 1 {
			b.Fatal(len(jobs), err)
		}
		if _, _, err := s.Record(b.Context(), []Result{{Job: jobs[0], Outcome: Outcome{Report: r}, Next: time.Now().Add(time.Hour)}}); err != nil {
			b.Fatal(err)
		}
	}
	before := size()
	b.ReportMetric(before/scaleTargets, "KB/target")
	const changed, times = 200, 10
	page, err := s.Targets(b.Context(), TargetQuery{Limit: changed}, time.Now())
	if err != nil {
		b.Fatal(err)
	}
	for n := range times {
		for _, t := range page.Targets {
			r, err := s.Report(b.Context(), t.ID, 0)
			if err != nil {
				b.Fatal(err)
			}
			der := make([]byte, 1000) // as large as certificates are, and as random
			rand.Read(der)
			fresh := fakeCert(string(der), false)
			r.Certs[0].SHA256, r.Certs[0].SPKISHA256, r.Certs[0].PEM = fresh.SHA256, fresh.SPKISHA256, fresh.PEM
			r.Time = time.Now().UTC().Add(time.Duration(n) * time.Second)
			record(t.ID, r)
		}
	}
	b.ReportMetric((size()-before)/changed/times, "KB/change")

	// A target that comes to something else at every check, until retention has all
	// that it bounds.
	if _, err := s.Tidy(b.Context(), DefaultRetention, time.Now()); err != nil {
		b.Fatal(err)
	}
	before = size()
	flapping := page.Targets[0].ID
	bad, err := s.Report(b.Context(), flapping, 0)
	if err != nil {
		b.Fatal(err)
	}
	for n := range 2500 {
		r := *bad
		r.Time = time.Now().UTC()
		if n%2 == 0 {
			r.Findings = append(r.Findings[:0:0], finding.New(finding.InternalError, "what", "nothing", "detail", "this is a benchmark"))
		}
		report.Decide(&r)
		record(flapping, &r)
	}
	if _, err := s.Tidy(b.Context(), DefaultRetention, time.Now()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric((size()-before)/1024, "MB-worst/target")
}
