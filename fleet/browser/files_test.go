package browser

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/fleet/command"
	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/page"
)

// TestReportFiles: what assay check --format html writes is a page that loads nothing
// and is fit for all, whatever names the server has: of one server, and of many.
func TestReportFiles(t *testing.T) {
	l, err := lab.Start(t.Context(), lab.Options{Only: []string{"good", "revoked", "expired", "hostile-*", "many-paths", "two-certificates", "sct-none"}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	i := newInspector(t)
	dir := t.TempDir()
	look := func(name string, sheets ...*page.Sheet) {
		var b bytes.Buffer
		if err := page.Report(&b, sheets...); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name+".html")
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		i.page(name, fileURL(file))
		i.keyboard(name, fileURL(file))
	}
	var all []*page.Sheet
	for n, o := range l.Check(t.Context(), nil) {
		all = append(all, page.Of(o.Report, page.Options{ID: fmt.Sprintf("r%d", n), EvidenceSHA256: strings.Repeat("0123456789abcdef", 4)}))
		if o.Scenario.Name == "good" || o.Scenario.Name == "revoked" || o.Scenario.Name == "hostile-subject" || o.Scenario.Name == "many-paths" || o.Scenario.Name == "hostile-banner" {
			look("check-"+o.Scenario.Name, page.Of(o.Report, page.Options{ID: "r", Certs: true}))
		}
	}
	look("check-many", all...)
}

// TestScanFiles: so is the report.html of a scan.
func TestScanFiles(t *testing.T) {
	l, err := lab.Start(t.Context(), lab.Options{Only: []string{"good*", "revoked*", "expired*", "hostile-*", "sct-*", "crl-stale", "wrong-host", "self-signed"}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := filepath.Join(t.TempDir(), "a job")
	var list bytes.Buffer
	for _, s := range l.Scenarios {
		list.WriteString("127.0.0.1," + s.Host + ",," + s.Port + "\n")
	}
	hosts := filepath.Join(t.TempDir(), "hosts.csv")
	if err := os.WriteFile(hosts, list.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	if status := command.Main([]string{"scan", hosts, "-o", dir, "-q", "--private", "--roots", l.RootFile, "--log-list", l.LogListFile}, nil, &out, &errs); status > 1 {
		t.Fatalf("exit status %d: %s %s", status, out.String(), errs.String())
	}
	i := newInspector(t)
	i.page("scan", fileURL(filepath.Join(dir, "report.html")))
	i.keyboard("scan", fileURL(filepath.Join(dir, "report.html")))
}
