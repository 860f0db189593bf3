package serve_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/lab/serve"
)

// A named directory is made, nothing in it is overwritten, no link is followed, and
// what the lab wrote goes with it.
func TestDir(t *testing.T) {
	start := func(dir string) (*serve.Lab, error) {
		return serve.Start(t.Context(), serve.Options{Dir: dir, Only: []string{"good", "crlite-good"}})
	}
	dir := filepath.Join(t.TempDir(), "a", "b")
	l, err := start(dir)
	if err != nil {
		t.Fatal(err)
	}
	// Programs of other users read the roots: servers that drop their rights, browsers in a box.
	if st, err := os.Stat(l.RootFile); err != nil || filepath.Dir(l.RootFile) != dir || st.Mode().Perm() != 0o644 {
		t.Errorf("%s: %v", l.RootFile, err)
	}
	if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o755 {
		t.Errorf("%s: %v", dir, err)
	}
	if again, err := start(dir); err == nil || !strings.Contains(err.Error(), "overwrites nothing") {
		t.Errorf("a second lab in %s: %v", dir, err)
		again.Close()
	}
	if _, err := os.Stat(l.RootFile); err != nil {
		t.Errorf("the second lab removed the first one's files: %v", err)
	}
	l.Close()
	if _, err := os.Stat(dir); err == nil {
		t.Error("the directory stays")
	}

	mine := t.TempDir()
	keep := filepath.Join(mine, "keep")
	os.WriteFile(keep, []byte("mine"), 0o600)
	if l, err = start(mine); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if got, _ := os.ReadDir(mine); len(got) != 1 || got[0].Name() != "keep" {
		t.Errorf("what is left: %v", got)
	}
	for _, at := range []string{"root.pem", "log-list.json"} { // a link in the place of a file, to one that exists and to one that does not
		for _, to := range []string{keep, filepath.Join(mine, "none")} {
			link := filepath.Join(mine, at)
			if err := os.Symlink(to, link); err != nil {
				t.Skip(err)
			}
			if l, err := start(mine); err == nil {
				t.Errorf("%s was followed", at)
				l.Close()
			}
			if b, _ := os.ReadFile(keep); string(b) != "mine" {
				t.Fatalf("%s: the file of another was changed", at)
			}
			if _, err := os.Lstat(link); err != nil {
				t.Errorf("%s: the link is gone", at)
			}
			os.Remove(link)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	os.Symlink(mine, link)
	for _, bad := range []string{link, keep} {
		if l, err := start(bad); err == nil {
			t.Errorf("%s is taken", bad)
			l.Close()
		}
	}
}
