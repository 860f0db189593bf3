package sink

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// likely is a batch as a scan of the Internet gives it: names, addresses, times
// and certificates that repeat nothing but issuers; one in fifty is rejected.
func likely(number uint64, random *rand.Rand) Batch {
	hash := func() (h report.Hash) {
		for i := range h {
			h[i] = byte(random.Uint32())
		}
		return h
	}
	const letters = "etaoinshrdlucmfwypvbgkjqxz"
	name := func() string {
		b := make([]byte, 4+random.IntN(12))
		for i := range b {
			b[i] = letters[min(random.IntN(26), random.IntN(26))]
		}
		return string(b) + []string{".com", ".de", ".org", ".net", ".co.uk"}[random.IntN(5)]
	}
	b := Batch{Number: number, Size: 100}
	for i := range b.Size {
		at := time.Unix(1_790_000_000, 0).Add(time.Duration(number*100+uint64(i))*time.Millisecond + time.Duration(random.IntN(2000))*time.Millisecond).UTC()
		end := at.Add(time.Duration(random.IntN(90*86400)) * time.Second).Truncate(time.Second)
		days := int(end.Sub(at).Hours() / 24)
		r := Row{
			Row: report.Row{
				Version: report.RowVersion, Target: name() + ":443", Time: at.Truncate(time.Second), Verdict: report.Accept, NotAfter: end, Days: &days,
				Infos: []finding.ID{"pq-hybrid-missing"}, Leaf: hash(), SPKI: hash(), Issuer: report.Hash{byte(random.IntN(20)), 7},
				Revocation: []report.Status{report.Good, report.Good}, CT: report.CTMet, Protocol: "TLS 1.3", Policy: report.Hash{9},
			},
			Position: i, Address: fmt.Sprintf("%d.%d.%d.%d:443", random.IntN(200)+1, random.IntN(256), random.IntN(256), random.IntN(256)),
			Started: at.Truncate(time.Millisecond), Elapsed: time.Duration(15+random.ExpFloat64()*80) * time.Millisecond, Attempts: 1, Sources: []string{"crl", "crl"},
		}
		if i%50 == 7 {
			r.Verdict, r.Headline, r.HeadlineRole, r.Title, r.Errors = report.Reject, finding.CertExpired, report.Leaf, "the certificate expired on "+end.Format(time.DateOnly), []finding.ID{finding.CertExpired}
		}
		b.Rows = append(b.Rows, r)
		c := certificate(r)
		c.Serial = fmt.Sprintf("%x", r.SPKI[:16])
		b.Certificates = append(b.Certificates, c)
	}
	return b
}

// BenchmarkStore stores likely batches as messages, to the end of the job:
// go test -run '^$' -bench Store -benchtime 10000x stores a million rows.
func BenchmarkStore(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	const prepared = 500 // then the batches come again under other numbers
	messages := make([]Batch, prepared)
	for i := range messages {
		messages[i] = likely(uint64(i), random)
	}
	var line []byte
	octets := 0
	for _, m := range messages {
		for i := range m.Rows {
			line = m.Rows[i].AppendJSON(line[:0])
			octets += len(line) + 1
		}
	}
	dir := b.TempDir()
	w, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	encoded := 0
	b.ResetTimer()
	for n := range b.N {
		m := messages[n%prepared]
		m.Number = uint64(n)
		for i := range m.Rows { // hashes must not repeat: nothing compresses them
			for _, h := range []*report.Hash{&m.Rows[i].Leaf, &m.Rows[i].SPKI} {
				for k := 0; k < len(h); k += 8 {
					v := random.Uint64()
					for j := range 8 {
						h[k+j] = byte(v >> (8 * j))
					}
				}
			}
			m.Certificates[i].SHA256, m.Certificates[i].SPKI = m.Rows[i].Leaf, m.Rows[i].SPKI
		}
		msgs, err := m.Encode()
		if err != nil {
			b.Fatal(err)
		}
		for _, msg := range msgs {
			encoded += len(msg)
			if _, err := w.AddMessage(msg); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := w.Finish(); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	rows := float64(b.N * 100)
	for _, folder := range []string{resultsDir, linesDir, certsDir} {
		b.ReportMetric(float64(folderSize(dir, folder))/rows, folder+"-B/row")
	}
	b.ReportMetric(float64(octets)/prepared/100, "B/line")
	b.ReportMetric(float64(encoded)/rows, "message-B/row")
	if status, err := os.ReadFile("/proc/self/status"); err == nil && runtime.GOOS == "linux" {
		for l := range bytes.Lines(status) {
			if rest, ok := strings.CutPrefix(string(l), "VmHWM:"); ok {
				kB, _ := strconv.Atoi(strings.Fields(rest)[0])
				b.ReportMetric(float64(kB)/1024, "MB-peak")
			}
		}
	}
}

func folderSize(dir, folder string) (n int64) {
	entries, _ := os.ReadDir(filepath.Join(dir, folder))
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			n += info.Size()
		}
	}
	return n
}
