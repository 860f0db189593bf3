package command

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/fleet/job"
	"github.com/assaytls/assay/fleet/summary"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/report"
)

// What a scan keeps is judged again without the network, and comes to the same; its
// rows have the answers of root programs, and its folder has the page.
func TestKept(t *testing.T) {
	w := newWorld(t)
	var more []string
	for _, s := range w.lab.Scenarios {
		more = append(more, line(s.Host, s.Addr))
	}
	dir := dirOf(t)
	status, out := call(t, w.flagged("scan", w.list(t, 1, more...), "-o", dir, "--keep-evidence", "accept,reject,inconclusive", "--programs=system,mozilla")...)
	if status != 1 {
		t.Fatalf("status %d, %s", status, out)
	}
	if page, err := os.ReadFile(filepath.Join(dir, summary.PageName)); err != nil || !strings.Contains(string(page), "mozilla: refused") {
		t.Errorf("%v\n%s", err, page)
	}
	m, err := job.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, c := &judgeFlags{}, &cobra.Command{}
	f.add(c)
	if err := setFlags(c, m.Flags); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	run := command.NewRun("assay", strings.NewReader(""), io.Discard, io.Discard)
	judge, trust, err := session.Asked{Trust: &f.trust, Logs: &f.logs, Filters: &f.filters}.Engine(t.Context(), run, f.rules)
	if err != nil {
		t.Fatal(err)
	}
	all := rows(t, dir)
	if len(all) != 4 {
		t.Errorf("%d rows", len(all))
	}
	for name, row := range all {
		if row.Programs.System == "" || row.Programs.Mozilla != report.RowRefused || row.Programs.Chrome != "" {
			t.Errorf("%s: root programs answer %+v", name, row.Programs)
		}
		status, out, errs := typed("scan", "show", dir, "--evidence", name)
		ev, err := evidence.Decode([]byte(out))
		if status != 0 || err != nil {
			t.Fatalf("%s: status %d, %v, %s", name, status, err, errs)
		}
		again := judge.Judge(t.Context(), ev, trust, f.rules, download.Access{Offline: true, NoAIA: true}, assemble.Rows).Row()
		if again.Verdict != row.Verdict || again.Headline != row.Headline || again.Leaf != row.Leaf || again.Programs != row.Programs ||
			!slices.Equal(again.Errors, row.Errors) || !slices.Equal(again.Revocation, row.Revocation) {
			t.Errorf("%s: the evidence gives\n%+v\nwant\n%+v", name, again, row.Row)
		}
	}
}
