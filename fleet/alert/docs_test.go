package alert_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/fleet/alert"
	"github.com/assaytls/assay/fleet/watch"
)

// The example of the documentation is a configuration.
func TestDocumentation(t *testing.T) {
	b, err := os.ReadFile("../../docs/watch.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(b), "\n    alerts:\n")
	text, _, ok2 := strings.Cut(text, "\n\n")
	if !ok || !ok2 {
		t.Fatal("the example is gone")
	}
	dir := t.TempDir()
	for _, name := range []string{"hook.secret", "mail.secret"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := watch.ParseConfig(filepath.Join(dir, "watch.yaml"), []byte("alerts:\n"+text+"\n"))
	got := alert.Read(c.Section("alerts"))
	if err := c.Err(); err != nil || len(got.Receivers) != 3 || len(got.Rules) != 3 {
		t.Errorf("%+v, %v", got, err)
	}
}
