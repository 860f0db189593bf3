package command

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/cli"
)

// What a scan keeps of the rejected is what assay verify judges again, offline, to
// the same end; of the accepted it keeps nothing.
func TestKeepEvidence(t *testing.T) {
	w := newWorld(t)
	var more []string
	names := map[string]string{}
	for _, s := range w.lab.Scenarios {
		more = append(more, line(s.Host, s.Addr))
		_, port, _ := net.SplitHostPort(s.Addr)
		names[s.Name] = net.JoinHostPort(s.Host, port)
	}
	dir := dirOf(t)
	if status, out := call(t, w.flagged("scan", w.list(t, 5, more...), "-o", dir, "--keep-evidence", "reject")...); status != 1 {
		t.Fatalf("status %d, %s", status, out)
	}
	roots, logs := copied(t, w.lab.RootFile), copied(t, w.lab.LogListFile)
	w.lab.Close()
	all := rows(t, dir)
	for name, finding := range map[string]string{"expired": "cert-expired", "revoked": "cert-revoked"} {
		status, out, errs := typed("scan", "show", dir, "--evidence", names[name])
		ev, err := evidence.Decode([]byte(out))
		if status != 0 || err != nil || ev.Target.Host == "" || len(ev.Chain) == 0 {
			t.Fatalf("%s: status %d, %v, %s", name, status, err, errs)
		}
		if row := all[names[name]]; row.Evidence != "kept" || string(row.Headline) != finding {
			t.Errorf("%s: %+v", name, row)
		}
		file := filepath.Join(t.TempDir(), "evidence.json")
		if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		// Nobody is left to ask, and the cache is empty.
		t.Setenv("XDG_CACHE_HOME", t.TempDir())
		var said, wrong bytes.Buffer
		status = cli.Main([]string{"verify", "--evidence", file, "--roots", roots, "--log-list", logs, "--format", "json"}, strings.NewReader(""), &said, &wrong)
		if status != 1 || !strings.Contains(said.String(), finding) {
			t.Errorf("%s judged again: status %d, %.300s, %s", name, status, said.String(), wrong.String())
		}
	}
	for _, of := range []string{names["good"], "h1.many.test:443"} {
		if status, out, _ := typed("scan", "show", dir, "--evidence", of); status != 2 || out != "" {
			t.Errorf("%s: status %d", of, status)
		}
	}
}

// copied is a copy of a file that the lab takes away at its end.
func copied(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	name = filepath.Join(t.TempDir(), filepath.Base(name))
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
