// Package peers finds the independent programs that tests talk to.
package peers

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"testing"
)

// heavy are the programs that only the full run of .ci/run installs
// (ASSAY_FULL=1); elsewhere a test without them is skipped.
var heavy = []string{"apache2", "haproxy", "stunnel4", "exim4", "dovecot", "slapd", "vsftpd", "prosody", "tinyproxy", "danted",
	"postgres", "mariadbd", "mariadb-install-db", "sshd"}

// Path returns the path of program name. Without it the test is skipped,
// unless ASSAY_REQUIRE_PEERS=1, when it fails; heavy programs are required
// only with ASSAY_FULL=1 too.
func Path(t testing.TB, name string) string {
	t.Helper()
	for _, n := range []string{name, "/usr/sbin/" + name} {
		if p, err := exec.LookPath(n); err == nil {
			return p
		}
	}
	// Debian keeps PostgreSQL's server out of the path.
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(found) > 0 {
		return found[len(found)-1]
	}
	required := os.Getenv("ASSAY_REQUIRE_PEERS") == "1"
	if slices.Contains(heavy, name) {
		required = required && os.Getenv("ASSAY_FULL") == "1"
	}
	if required {
		t.Fatalf("the program %s is required and not installed", name)
	}
	t.Skipf("the program %s is not installed", name)
	return ""
}

// Install returns the path of a program that `go install module@version`
// makes, from PATH or else built into the user's cache directory. It takes
// minutes, so without ASSAY_FULL=1 the test is skipped.
func Install(t testing.TB, pkg, version string) string {
	t.Helper()
	if os.Getenv("ASSAY_FULL") != "1" {
		t.Skipf("%s is built only with ASSAY_FULL=1", pkg)
	}
	name := path.Base(pkg)
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "assay-peers", version)
	if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
		cmd := exec.Command("go", "install", pkg+"@"+version)
		cmd.Env = append(os.Environ(), "GOBIN="+bin, "CGO_ENABLED=0", "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", pkg, err, out)
		}
	}
	return filepath.Join(bin, name)
}
