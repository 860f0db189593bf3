package summary

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/sink"
	pieces "github.com/assaytls/assay/internal/page"
	"github.com/assaytls/assay/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var at = time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)

// target makes one row of a small job: of ten, one is rejected, one not decided
// and one skipped.
func target(n int) sink.Row {
	days := n*11 - 5
	r := sink.Row{
		Row: report.Row{Version: report.RowVersion, Target: fmt.Sprintf("host%03d.example.com:443", n), Time: at, Verdict: report.Accept, NotAfter: at.AddDate(0, 0, days), Days: &days,
			Warnings: []finding.ID{finding.CertExpiresSoon}, Leaf: report.Hash{1, byte(n), byte(n >> 8)}, Issuer: report.Hash{2, byte(n % 3)}, Revocation: []report.Status{report.Good, report.Good},
			CT: report.CTMet, Protocol: "TLS 1.3",
			Programs: report.RowPrograms{System: report.RowAccepted, Mozilla: report.RowAccepted, Chrome: report.RowDependsOnSCTs, Apple: report.RowCannotTell, Microsoft: report.RowAcceptedUntil}},
		Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, byte(n / 4), byte(n)}), 443).String(), Started: at.Add(time.Duration(n) * time.Minute),
		Elapsed: time.Duration(20+n) * time.Millisecond, Attempts: 1, Sources: []string{"crl", "crl"},
	}
	switch n % 10 {
	case 3:
		r.Verdict, r.Headline, r.HeadlineRole, r.Title = report.Reject, finding.CertRevoked, report.Leaf, "the certificate is revoked"
		r.Programs.Mozilla, r.Programs.Android = report.RowRefused, report.RowRefused
		r.Errors, r.Revocation = []finding.ID{finding.CertRevoked}, []report.Status{report.Revoked, report.Good}
	case 4:
		r.Verdict, r.Headline, r.Title = report.Inconclusive, finding.RevocationUndetermined, "no revocation source gave a status"
		r.Inconclusive, r.Revocation, r.Sources = []finding.ID{finding.RevocationUndetermined}, []report.Status{report.Unknown}, []string{""}
	case 5:
		r = sink.Row{Row: report.Row{Version: report.RowVersion, Target: r.Target, Verdict: report.Inconclusive}, Skipped: sink.SkipExcluded, Failure: "excluded by line 3 of optout.txt"}
	}
	return r
}

func rows(n int) (all []sink.Row) {
	for i := range n {
		all = append(all, target(i))
	}
	return all
}

// job stores rows as the results of a job.
func job(t testing.TB, all []sink.Row) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "job")
	w, err := sink.Open(dir, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const size = 100
	for i := 0; i < len(all); i += size {
		b := sink.Batch{Number: uint64(i / size), Rows: all[i:min(i+size, len(all))]}
		b.Size = len(b.Rows)
		for k := range b.Rows {
			b.Rows[k].Position = k
		}
		if i == 0 {
			b.Certificates = []sink.Certificate{{SHA256: report.Hash{2, 0}, Subject: "CN=Example CA 0"}, {SHA256: report.Hash{2, 1}, Subject: "CN=<script>alert(1)</script>"}}
		}
		if err := w.Add(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func compile(t *testing.T, at string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json" + at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, b []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err == nil {
		err = s.Validate(v)
	}
	if err != nil {
		t.Errorf("%v\n%.2000s", err, b)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s (go test -update rewrites it): %v\n%s\nwant\n%s", name, err, got, want)
	}
}

func TestSummary(t *testing.T) {
	dir := job(t, rows(40))
	if err := os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`{"counts":{"targets":50}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s.Targets != 50 || s.Done != 40 || s.Accept != 28 || s.Reject != 4 || s.Inconclusive != 4 || s.Skipped != 4 || len(s.Problems) != 4 {
		t.Errorf("%+v", s)
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	validate(t, compile(t, ""), b)
	golden(t, "summary.json", append(b, '\n'))
	var text bytes.Buffer
	if err := s.Text(&text, 100); err != nil {
		t.Fatal(err)
	}
	golden(t, "summary.txt", text.Bytes())
	page, err := os.ReadFile(filepath.Join(dir, PageName))
	if err != nil {
		t.Fatal(err)
	}
	style := []byte(pieces.Alone())
	if !bytes.Contains(page, style) {
		t.Error("the page has not the stylesheet of all pages")
	}
	golden(t, "report.html", bytes.Replace(page, style, []byte("<!-- the stylesheet of all pages -->"), 1))
}

// A job without results has a summary and a page too.
func TestEmpty(t *testing.T) {
	s, err := Write(job(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(s)
	validate(t, compile(t, ""), b)
	if err := s.Text(new(bytes.Buffer), 80); err != nil {
		t.Error(err)
	}
	if _, err := Read(t.TempDir()); err == nil {
		t.Error("a folder of something else is summed up")
	}
}

// The page loads nothing, runs nothing, and stays small whatever the names are
// and however many there are.
func TestPage(t *testing.T) {
	hostile := []string{"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "javascript:alert(1)", "&lt;b&gt;", "</svg></section></main>", "{{.}}"}
	all := rows(5000)
	for i := range all {
		bad := hostile[i%len(hostile)]
		all[i].Target = fmt.Sprintf("%s%d", bad, i)
		if all[i].Skipped != "" {
			all[i].Skipped = sink.Skip("<b>" + fmt.Sprint(i%50))
			continue
		}
		all[i].Verdict, all[i].Headline, all[i].Title = report.Reject, finding.ID(fmt.Sprintf("<i>x-%d", i)), strings.Repeat(bad, 1000/len(bad))
		all[i].Errors, all[i].Protocol, all[i].Issuer = []finding.ID{all[i].Headline}, fmt.Sprintf("%.30s%d", bad, i), report.Hash{3, byte(i), byte(i >> 8)}
	}
	s, err := Read(job(t, all))
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := s.HTML(&page, hostile[0]); err != nil {
		t.Fatal(err)
	}
	if page.Len() > 300<<10 {
		t.Errorf("the page has %d octets", page.Len())
	}
	for _, bad := range []string{"<script", "<img", "<b>", "<i>", "http:", "https:", "src=", "href=", "url(", "@import", "</svg></section></main>", "\u202e", " style="} {
		text := strings.ReplaceAll(page.String(), `" onerror`, "")
		if bad == "src=" { // as text of a name it is harmless
			text = strings.ReplaceAll(text, "&lt;img src=x", "")
		}
		if strings.Contains(text, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	b, _ := json.Marshal(s)
	validate(t, compile(t, ""), b)
	if len(s.Findings) > maxWords+1 || len(s.Protocols) > maxWords+1 || len(s.Problems) > maxProblems {
		t.Errorf("%d kinds, %d versions, %d problems", len(s.Findings), len(s.Protocols), len(s.Problems))
	}
}

// No colour of the page stands without a word: each bar has its label.
func TestPageWords(t *testing.T) {
	s := &Summary{Done: 10, Accept: 4, Reject: 3, Inconclusive: 2, Skipped: 1}
	var page bytes.Buffer
	if err := s.HTML(&page, "x"); err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"accept", "reject", "inconclusive", "skipped"} {
		if !strings.Contains(page.String(), ">"+word+"</text><rect class=\"bar "+word+"\"") {
			t.Errorf("the bar of %s has no word", word)
		}
	}
}

// However many networks there are, their number is bounded and no time is lost.
func TestNetworks(t *testing.T) {
	var ns networks
	const n = 200_000
	for i := range n {
		a := netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i), 1})
		ns.add(netip.AddrPortFrom(a, 443).String(), 10*time.Millisecond)
		ns.add(netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, byte(i >> 16), byte(i >> 8), byte(i)}), 443).String(), 10*time.Millisecond)
	}
	ns.add("no address", time.Hour)
	var sum times
	for _, t := range ns.all {
		sum = sum.plus(t)
	}
	if len(ns.all) > maxNetworks+256 || sum.n != 2*n || sum.sum != 20*n || ns.size == 0 {
		t.Errorf("%d networks, %+v", len(ns.all), sum)
	}
	few := networks{}
	few.add("192.0.2.1:443", 30*time.Millisecond)
	few.add("192.0.2.9:443", 50*time.Millisecond)
	few.add("[2001:db8::1]:443", 90*time.Millisecond)
	few.add("[::ffff:198.51.100.7]:443", time.Millisecond)
	want := []Network{{"2001:db8::/48", 1, 90, 90}, {"192.0.2.0/24", 2, 40, 50}, {"198.51.100.0/24", 1, 1, 1}}
	if got := few.slowest(9); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

// changed is the second scan: what became worse, better, another, new and gone.
func changed() []sink.Row {
	all := rows(40)
	reject := func(r *sink.Row, id finding.ID) {
		r.Verdict, r.Headline, r.Title, r.Errors = report.Reject, id, "the certificate is not good", []finding.ID{id}
	}
	reject(&all[0], finding.CertExpired)                               // accept before
	all[3] = target(2)                                                 // reject before
	all[3].Target = target(3).Target                                   //
	all[13].Errors = append(all[13].Errors, finding.CertExpired)       // one finding more
	reject(&all[23], finding.CertExpired)                              // for another reason
	all[33].Errors, all[33].Inconclusive = nil, all[33].Errors         // the same kind
	all[1].Leaf = report.Hash{7}                                       // another certificate
	all[5] = target(6)                                                 // skipped before
	all[5].Target, all[7].Target = target(5).Target, "new.example:443" // one new, one gone
	return all
}

func TestDiff(t *testing.T) {
	a, b := job(t, rows(40)), job(t, changed())

	var text, doc bytes.Buffer
	counts, err := DiffText(&text, a, b)
	if err != nil {
		t.Fatal(err)
	}
	want := DiffCounts{Same: 34, Worse: 2, Better: 1, Other: 2, New: 1, Gone: 1, Certificates: 2}
	if *counts != want {
		t.Errorf("%+v\nwant\n%+v", *counts, want)
	}
	golden(t, "diff.txt", text.Bytes())
	again, err := DiffJSON(&doc, a, b)
	if err != nil || *again != want {
		t.Errorf("%v %+v", err, again)
	}
	validate(t, compile(t, "#/$defs/diff"), doc.Bytes())
	golden(t, "diff.json", bytes.NewBuffer(bytes.ReplaceAll(bytes.ReplaceAll(doc.Bytes(), []byte(a), []byte("A")), []byte(b), []byte("B"))).Bytes())
	if counts, err := DiffText(&text, a, a); err != nil || counts.Same != 40 || counts.Certificates != 0 {
		t.Errorf("a scan and itself: %v %+v", err, counts)
	}
}

// Scans that are too large for the memory are compared through a file, with the
// same result.
func TestDiffLarge(t *testing.T) {
	a, b := job(t, rows(3000)), job(t, append(changed(), rows(3000)[40:]...))
	var small, large []Change
	keep := func(to *[]Change) func(*Change) error {
		return func(c *Change) error { *to = append(*to, *c); return nil }
	}
	n1, err1 := diff(a, b, 1<<20, keep(&small))
	n2, err2 := diff(a, b, 200, keep(&large))
	slices.SortFunc(large, func(a, b Change) int { return strings.Compare(a.Target, b.Target) })
	if err1 != nil || err2 != nil || *n1 != *n2 || !reflect.DeepEqual(small, large) || len(small) != 8 {
		t.Errorf("%v %v\n%+v\n%+v\n%d and %d changes", err1, err2, n1, n2, len(small), len(large))
	}
}

func TestLineSchema(t *testing.T) {
	s := compile(t, "#/$defs/line")
	for _, r := range rows(20) {
		r.Input, r.Evidence = "https://x", sink.EvidenceKept
		validate(t, s, r.AppendJSON(nil))
	}
}
