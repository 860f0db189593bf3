// Package peers finds the independent programs that tests talk to.
package peers

import (
	"os"
	"os/exec"
	"testing"
)

// Path returns the path of program name. Without it the test is skipped,
// unless ASSAY_REQUIRE_PEERS=1, when it fails.
func Path(t testing.TB, name string) string {
	t.Helper()
	for _, n := range []string{name, "/usr/sbin/" + name} {
		if p, err := exec.LookPath(n); err == nil {
			return p
		}
	}
	if os.Getenv("ASSAY_REQUIRE_PEERS") == "1" {
		t.Fatalf("the program %s is required and not installed", name)
	}
	t.Skipf("the program %s is not installed", name)
	return ""
}
