// Package peers finds the independent programs that tests talk to.
package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
// unless ASSAY_REQUIRE_PEERS=1, when it fails; heavy and built programs are
// required only with ASSAY_FULL=1 too.
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
	required, how := os.Getenv("ASSAY_REQUIRE_PEERS") == "1", ""
	if pkg, ok := built[name]; ok || slices.Contains(heavy, name) {
		required = required && os.Getenv("ASSAY_FULL") == "1"
		if ok {
			how = "; go install " + pkg + " makes it"
		}
	}
	if required {
		t.Fatalf("the program %s is required and not installed%s", name, how)
	}
	t.Skipf("the program %s is not installed%s", name, how)
	return ""
}
