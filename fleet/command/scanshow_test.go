package command

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/sink"
	"github.com/assaytls/assay/report"
)

// typed runs a command line.
func typed(args ...string) (status int, out, errs string) {
	var o, e bytes.Buffer
	status = Main(args, strings.NewReader(""), &o, &e)
	return status, o.String(), e.String()
}

// scanned makes the folder of a scan of two targets; the first is rejected, and
// its evidence is kept.
func scanned(t *testing.T, verdict report.Verdict) (dir string, kept []byte) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "job")
	w, err := sink.Open(dir, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)
	row := func(position int, target string, v report.Verdict) sink.Row {
		return sink.Row{Row: report.Row{Version: report.RowVersion, Target: target, Verdict: v, Time: at}, Position: position, Started: at, Attempts: 1}
	}
	b := sink.Batch{Size: 2, Rows: []sink.Row{row(0, "a.example:443", report.Reject), row(1, "b.example:443", verdict)}}
	b.Rows[0].Headline, b.Rows[0].Errors, b.Rows[0].Evidence = finding.CertRevoked, []finding.ID{finding.CertRevoked}, sink.EvidenceKept
	ev := &evidence.Evidence{Version: evidence.Version, Target: evidence.Target{Host: "a.example", Port: "443"}, Time: at, Source: evidence.SourceDial, Chain: []evidence.Entry{{Cert: []byte("x")}},
		Artefacts: []evidence.Artefact{{Kind: "crl", URL: "http://crl.example/", Body: bytes.Repeat([]byte("crl"), 9999), Fetched: at}}}
	e, bodies, err := sink.TakeBodies(0, ev)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range bodies {
		if err := w.AddBody(body); err != nil {
			t.Fatal(err)
		}
	}
	b.Evidence = []sink.Evidence{e}
	if err := w.Add(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	kept, err = evidence.Encode(ev)
	if err != nil {
		t.Fatal(err)
	}
	return dir, kept
}

func TestScanShow(t *testing.T) {
	dir, kept := scanned(t, report.Accept)
	if status, out, errs := typed("scan", "show", dir); status != 0 || !strings.Contains(out, "2 of 2 targets are done") || !strings.Contains(errs, "report.html") {
		t.Errorf("%d\n%s%s", status, out, errs)
	}
	if page, err := os.ReadFile(filepath.Join(dir, "report.html")); err != nil || !bytes.Contains(page, []byte("<svg")) {
		t.Errorf("%v %s", err, page)
	}
	var s struct{ Done, Reject int }
	if status, out, errs := typed("scan", "show", dir, "--format", "json"); status != 0 || json.Unmarshal([]byte(out), &s) != nil || s.Done != 2 || s.Reject != 1 || errs != "" {
		t.Errorf("%d\n%s%s", status, out, errs)
	}
	if status, out, _ := typed("scan", "show", dir, "--format", "html"); status != 0 || !strings.HasPrefix(out, "<!DOCTYPE html>") {
		t.Errorf("%d %.200s", status, out)
	}
	if status, out, errs := typed("scan", "show", dir, "--evidence", "a.example:443"); status != 0 || out != string(kept) {
		t.Errorf("%d\n%.300s%s", status, out, errs)
	}
	for _, bad := range [][]string{{"scan", "show"}, {"scan", "show", dir, dir}, {"scan", "show", filepath.Join(dir, "none")}, {"scan", "show", t.TempDir()},
		{"scan", "show", dir, "--evidence", "b.example:443"}, {"scan", "show", dir, "--format", "yaml"}, {"scan", "diff", dir}, {"scan", "diff", dir, filepath.Join(dir, "none")}} {
		if status, out, errs := typed(bad...); status != 2 || out != "" || !strings.HasPrefix(errs, "assay: error: ") {
			t.Errorf("%q: %d\n%s%s", bad, status, out, errs)
		}
	}
}

func TestScanDiff(t *testing.T) {
	before, _ := scanned(t, report.Accept)
	after, _ := scanned(t, report.Inconclusive)
	if status, out, errs := typed("scan", "diff", before, after); status != 0 || !strings.Contains(out, "b.example:443: accept -> inconclusive") || errs != "" {
		t.Errorf("%d\n%s%s", status, out, errs)
	}
	var d struct{ Counts struct{ Worse, Same int } }
	if status, out, errs := typed("scan", "diff", before, after, "--format", "json"); status != 0 || json.Unmarshal([]byte(out), &d) != nil || d.Counts.Worse != 1 || d.Counts.Same != 1 {
		t.Errorf("%d\n%s%s", status, out, errs)
	}
}
