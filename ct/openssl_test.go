package ct_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/report"
)

// buildOpenSSL compiles testdata/openssl_sct.c and converts the log list.
func buildOpenSSL(t testing.TB, list *ct.LogList) (program, logs string) {
	t.Helper()
	dir := t.TempDir()
	program, logs = filepath.Join(dir, "openssl_sct"), filepath.Join(dir, "logs.cnf")
	cc := exec.Command(peers.Path(t, "cc"), "-O2", "-o", program, filepath.Join("testdata", "openssl_sct.c"), "-lcrypto")
	if out, err := cc.CombinedOutput(); err != nil {
		if os.Getenv("ASSAY_REQUIRE_PEERS") == "1" {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Skipf("OpenSSL's headers are not here: %v\n%s", err, out)
	}
	var names []string
	var body strings.Builder
	for i, l := range list.Logs() {
		names = append(names, "log"+strconv.Itoa(i))
		fmt.Fprintf(&body, "[log%d]\ndescription = log %d\nkey = %s\n", i, i, base64.StdEncoding.EncodeToString(l.Key.Raw))
	}
	if err := os.WriteFile(logs, []byte("enabled_logs="+strings.Join(names, ",")+"\n"+body.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return program, logs
}

func record(out []byte, leaf, issuer []byte, at time.Time) []byte {
	for _, b := range [][]byte{leaf, issuer} {
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(b))), b...)
	}
	return binary.BigEndian.AppendUint64(out, uint64(at.UnixMilli()))
}

func runOpenSSL(t testing.TB, program, logs string, rounds int, in []byte) []string {
	t.Helper()
	cmd := exec.Command(program, logs, strconv.Itoa(rounds))
	cmd.Stdin = bytes.NewReader(in)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// OpenSSL gives every SCT of the real chains, of copies with one flipped bit,
// and at a time before the SCTs, the status that assay gives.
func TestOpenSSLAgrees(t *testing.T) {
	list := currentList(t)
	program, logs := buildOpenSSL(t, list)
	rnd := rand.New(rand.NewSource(5))
	type item struct {
		name string
		path []*cert.Certificate
		at   time.Time
	}
	var items []item
	var in []byte
	add := func(name string, raw []byte, c realChain, at time.Time) {
		items = append(items, item{name, append([]*cert.Certificate{cert.Parse(raw)}, c.Path[1:]...), at})
		in = record(in, raw, c.Path[1].Raw, at)
	}
	for _, c := range realChains(t) {
		leaf := c.Path[0].Raw
		add(c.URL, leaf, c, c.At)
		add(c.URL+" before", leaf, c, c.Path[0].NotBefore.AddDate(0, -3, 0))
		anywhere := rnd.Intn(len(leaf))
		inSCTs := bytes.Index(leaf, c.Path[0].SCTList) + 4 + rnd.Intn(len(c.Path[0].SCTList)-4)
		for _, i := range []int{anywhere, inSCTs} {
			b := slices.Clone(leaf)
			b[i] ^= 1 << rnd.Intn(8)
			add(fmt.Sprintf("%s, octet %d", c.URL, i), b, c, c.At)
		}
	}
	names := map[string]report.SCTStatus{"valid": report.SCTValid, "invalid": report.SCTInvalid, "unknown log": report.SCTUnknownLog, "unknown version": report.SCTUnknownVersion, "unverified": report.SCTUnverified}
	lines := runOpenSSL(t, program, logs, 0, in)
	if len(lines) != len(items) {
		t.Fatalf("%d lines for %d records", len(lines), len(items))
	}
	compared, differ := 0, 0
	for i, it := range items {
		var theirs []report.SCTStatus
		rest := lines[i]
		for rest != "" {
			for long, ours := range names {
				if after, ok := strings.CutPrefix(rest, long+" "); ok {
					theirs, rest = append(theirs, ours), after
					break
				}
			}
		}
		if len(theirs) == 0 {
			continue // OpenSSL does not read the certificate or its list
		}
		var ours []report.SCTStatus
		for _, s := range ct.CheckSCTs(ct.Input{Path: it.path, List: list, Time: it.at}).CT.SCTs {
			if s.Cert == 0 {
				ours = append(ours, s.Status)
			}
		}
		compared++
		for k := range theirs {
			if k < len(ours) && misnamed(it.path[0], list, k) && ours[k] == report.SCTInvalid {
				theirs[k] = report.SCTInvalid
			}
		}
		if !slices.Equal(ours, theirs) {
			differ++
			t.Errorf("%s: ours %v, OpenSSL's %v", it.name, ours, theirs)
		}
	}
	t.Logf("%d certificates compared, %d differ", compared, differ)
	if compared < 300 {
		t.Errorf("only %d certificates compared", compared)
	}
}

// misnamed reports whether an SCT names RSA where its log has an ECDSA key, or
// the other way round. The ledger's only entry: OpenSSL goes by the key and does
// not compare; assay refuses, as RFC 5246, 4.7 asks.
func misnamed(c *cert.Certificate, list *ct.LogList, i int) bool {
	raws, err := ct.ParseSCTList(c.SCTList)
	if err != nil || i >= len(raws) {
		return false
	}
	s, err := ct.ParseSCT(raws[i])
	log := list.Lookup(s.LogID)
	if err != nil || log == nil {
		return false
	}
	return s.HashAlg == 4 && (s.SigAlg == 1 && log.Key.Algorithm == "ECDSA" || s.SigAlg == 3 && log.Key.Algorithm == "RSA")
}

// BenchmarkChains judges the 115 real chains, parsing included, against
// OpenSSL doing the same with the same logs.
func BenchmarkChains(b *testing.B) {
	list := currentList(b)
	chains := realChains(b)
	program, logs := buildOpenSSL(b, list)
	var in []byte
	for _, c := range chains {
		in = record(in, c.Path[0].Raw, c.Path[1].Raw, c.At)
	}
	lines := runOpenSSL(b, program, logs, 20, in)
	var theirs []float64
	for _, l := range lines[len(chains):] {
		n, err := strconv.ParseFloat(l, 64)
		if err != nil {
			b.Fatal(err)
		}
		theirs = append(theirs, n)
	}
	var ours []float64
	for b.Loop() {
		start := time.Now()
		for _, c := range chains {
			path := []*cert.Certificate{cert.Parse(c.Path[0].Raw), cert.Parse(c.Path[1].Raw)}
			ct.CheckSCTs(ct.Input{Path: path, List: list, Time: c.At})
		}
		ours = append(ours, float64(time.Since(start)))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	b.ReportMetric(ours[0]/115/1000, "ours-µs/chain")
	b.ReportMetric(theirs[0]/115/1000, "openssl-µs/chain")
	b.ReportMetric(ours[0]/theirs[0], "ratio")
}
