package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// TestFilters goes the way of a user: filters from a directory are stored, listed,
// asked by check without a flag, and by verify as files.
func TestFilters(t *testing.T) {
	l, err := lab.Start(t.Context(), lab.Options{Only: []string{"crlite-*", "good"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	s, _ := l.Scenario("crlite-revoked-by-delta")
	from, cache := strings.TrimSuffix(s.Filters, "-filters")+"-files", t.TempDir()

	status, out, errs := run("", "update", "filters", from, "--cache-dir", cache)
	if status != command.Accept || !strings.Contains(out, "CRLite filters from "+from+": 3") || !strings.Contains(out, "as the directory has them") {
		t.Fatalf("status %d\n%s%s", status, out, errs)
	}
	if _, out, _ := run("", "update", "filters", from, "--cache-dir", cache); !strings.Contains(out, "stored already") {
		t.Errorf("the second time: %s", out)
	}
	if _, out, _ := run("", "cache", "list", "--cache-dir", cache); !strings.Contains(out, "CRLite filters from") {
		t.Errorf("cache list: %s", out)
	}
	if _, out, _ := run("", "cache", "list", "--format", "json", "--cache-dir", cache); strings.Count(out, `"crlite"`) != 3 {
		t.Errorf("cache list as JSON: %s", out)
	}

	// check asks what is stored, without a flag and without the network.
	check := func(args ...string) report.Report {
		t.Helper()
		_, out, errs := run("", append([]string{"check", "--format", "json", "--roots", l.RootFile, "--resolve", s.Target() + ":127.0.0.1", "--offline", "--cache-dir", cache, s.Target()}, args...)...)
		var r report.Report
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatalf("%v\n%s%s", err, out, errs)
		}
		return r
	}
	r := check()
	if r.Verdict != report.Reject || r.FiltersHash == "" {
		t.Errorf("verdict %s, filters %q", r.Verdict, r.FiltersHash)
	}
	a := r.Paths[r.Chosen].Certs[0].Revocation.Sources[0]
	if a.Filter == "" || len(a.FilterSHA256) != 64 || a.CoveredLog == "" || a.CoveredAt.IsZero() || a.Status != report.Revoked {
		t.Errorf("%+v", a)
	}
	if r := check("--revocation", "crl,ocsp"); r.Verdict == report.Reject || r.FiltersHash != "" {
		t.Errorf("without the scheme: %s", r.Verdict)
	}

	// verify asks files.
	chain := filepath.Join(t.TempDir(), "chain.pem")
	if err := os.WriteFile(chain, forge.PEM("CERTIFICATE", append([][]byte{s.Leaf}, s.Chain...)...), 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(from, "*.filter*"))
	if err != nil || len(files) != 3 {
		t.Fatal(files, err)
	}
	verify := []string{"verify", "-q", chain, "--roots", l.RootFile, "--name", s.Host, "--revocation", "crlite", "--revocation-depth", "leaf"}
	for n, want := range []int{command.Accept, command.Accept, command.Reject} {
		args := append([]string{}, verify...)
		for _, f := range files[:n+1] {
			args = append(args, "--filter", f)
		}
		if status, out, errs := run("", args...); status != want {
			t.Errorf("with %d filters: status %d\n%s%s", n+1, status, out, errs)
		}
	}
	onecrl := filepath.Join(t.TempDir(), "onecrl.json")
	leaf := cert.Parse(s.Leaf)
	if err := os.WriteFile(onecrl, forge.OneCRL(leaf.RawIssuer, leaf.Serial), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, out, errs := run("", append(verify, "--onecrl", onecrl)...); status != command.Reject {
		t.Errorf("OneCRL lists it: status %d\n%s%s", status, out, errs)
	}

	// What is wrong is a usage error and changes nothing.
	for _, args := range [][]string{
		{"update", "filters"}, {"update", "filters", "nobody"}, {"update", "filters", t.TempDir(), "--cache-dir", cache}, {"update", "filters", from, "--signer-root", "12"},
		append(verify, "--filter", chain), append(verify, "--filter", "gone"), append(verify, "--onecrl", files[0]), append(verify, "--filters", t.TempDir()),
		append(verify, "--filters", cache, "--filter", files[0]), {"verify", chain, "--revocation", "crl", "--filter", files[0]},
	} {
		if status, out, errs := run("", args...); status != command.UsageError {
			t.Errorf("%v: status %d\n%s%s", args, status, out, errs)
		}
	}
	if err := os.Remove(filepath.Join(cache, "filters", "set.json")); err != nil {
		t.Fatal(err)
	}
	if r := check(); r.FiltersHash != "" {
		t.Error("filters without their list are asked")
	}
}

// A source that cannot be had, and one that is not authentic, have statuses of
// their own.
func TestUpdateFiltersStatus(t *testing.T) {
	if status, _, errs := run("", "update", "filters", "http://127.0.0.1:1/v1", "--cache-dir", t.TempDir()); status != command.Inconclusive || !strings.Contains(errs, "cannot be fetched") {
		t.Errorf("nobody there: status %d, %s", status, errs)
	}
}
