// Package peers finds the independent programs that tests talk to.
package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// heavy are the programs that only the full run of .ci/run installs
// (ASSAY_FULL=1); elsewhere a test without them is skipped.
var heavy = []string{"apache2", "haproxy", "stunnel4", "exim4", "dovecot", "slapd", "vsftpd", "prosody", "tinyproxy", "danted",
	"postgres", "mariadbd", "mariadb-install-db", "sshd", "strace"}

// built are the programs that `go install` makes, as .ci/run installs them.
var built = map[string]string{
	"cfssl":               "github.com/cloudflare/cfssl/cmd/cfssl@v1.6.5",
	"step-ca":             "github.com/smallstep/certificates/cmd/step-ca@v0.30.2",
	"pebble":              "github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1",
	"pebble-challtestsrv": "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv@v2.10.1",
	"caddy":               "github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9",
}

// Path returns the path of program name. Without it the test is skipped,
// unless ASSAY_REQUIRE_PEERS=1, when it fails; heavy programs are required
// only with ASSAY_FULL=1 too, and those built from the module proxy are built
// then if they are missing.
func Path(t testing.TB, name string) string {
	t.Helper()
	if pkg, ok := built[name]; ok {
		return install(t, name, pkg)
	}
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

// install returns the path of a program that `go install` makes, from PATH or
// else built into the user's cache directory. It takes minutes, so without
// ASSAY_FULL=1 the test is skipped.
func install(t testing.TB, name, pkg string) string {
	t.Helper()
	if os.Getenv("ASSAY_FULL") != "1" {
		t.Skipf("%s is built only with ASSAY_FULL=1", pkg)
	}
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	_, version, _ := strings.Cut(pkg, "@")
	bin := filepath.Join(dir, "assay-peers", version)
	if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
		cmd := exec.Command("go", "install", pkg)
		cmd.Env = append(os.Environ(), "GOBIN="+bin, "CGO_ENABLED=0", "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", pkg, err, out)
		}
	}
	return filepath.Join(bin, name)
}
