package peers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Zone is a zone of the DNS: its records as in a zone file, without SOA and NS.
type Zone struct {
	Name    string
	Records string
	Signed  bool
	Bogus   bool // signed, and the resolver trusts another key for it
}

// Named is BIND as the name server of zones. It returns its port and the
// DNSKEY records by which the signed ones are verified.
func Named(t testing.TB, zones ...Zone) (port string, anchors []string) {
	t.Helper()
	Path(t, "named")
	dir := t.TempDir()
	port = FreePort(t)
	var conf strings.Builder
	fmt.Fprintf(&conf, `options { directory %q; pid-file none; session-keyfile none; listen-on port %s { 127.0.0.1; }; listen-on-v6 { none; };
 recursion no; dnssec-validation no; notify no; };
controls { };
`, dir, port)
	for _, z := range zones {
		file := filepath.Join(dir, z.Name)
		text := fmt.Sprintf("$ORIGIN %s.\n$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n%s\n", z.Name, z.Records)
		check(t, os.WriteFile(file, []byte(text), 0o644))
		if z.Signed || z.Bogus {
			keys := key(t, dir, z.Name)
			run(t, dir, "dnssec-signzone", "-S", "-z", "-K", dir, "-o", z.Name, "-f", file+".signed", file)
			file += ".signed"
			if z.Bogus {
				keys = key(t, t.TempDir(), z.Name)
			}
			anchors = append(anchors, keys)
		}
		fmt.Fprintf(&conf, "zone %q { type master; file %q; };\n", z.Name, file)
	}
	path := filepath.Join(dir, "named.conf")
	check(t, os.WriteFile(path, []byte(conf.String()), 0o644))
	Start(t, port, "named", "-g", "-c", path)
	return port, anchors
}

// key makes a key that signs a zone and returns its DNSKEY record.
func key(t testing.TB, dir, zone string) (record string) {
	t.Helper()
	name := strings.TrimSpace(run(t, dir, "dnssec-keygen", "-q", "-K", dir, "-a", "ECDSAP256SHA256", "-f", "KSK", zone))
	b, err := os.ReadFile(filepath.Join(dir, name+".key"))
	check(t, err)
	for line := range strings.Lines(string(b)) {
		if !strings.HasPrefix(line, ";") {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	t.Fatal("no DNSKEY record")
	return ""
}

func run(t testing.TB, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(Path(t, program), args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return string(out)
}

// Unbound is a resolver that verifies DNSSEC for zones, which it asks at the
// name server on the port server. It speaks plain DNS at the first port, and at
// the second DNS over TLS.
func Unbound(t testing.TB, cert, key, server string, anchors []string, zones ...Zone) (dns, dot string) {
	t.Helper()
	Path(t, "unbound")
	dns, dot = FreePort(t), FreePort(t)
	var text strings.Builder
	fmt.Fprintf(&text, `server:
 interface: 127.0.0.1@%s
 interface: 127.0.0.1@%s
 tls-port: %s
 tls-service-pem: "$CERT"
 tls-service-key: "$KEY"
 do-daemonize: no
 username: ""
 chroot: ""
 directory: "$DIR"
 pidfile: ""
 use-syslog: no
 do-not-query-localhost: no
 access-control: 127.0.0.0/8 allow
 local-zone: "test." nodefault
 root-hints: ""
`, dns, dot, dot)
	for _, a := range anchors {
		fmt.Fprintf(&text, " trust-anchor: \"%s\"\n", a)
	}
	text.WriteString("remote-control:\n control-enable: no\n")
	for _, z := range zones {
		fmt.Fprintf(&text, "stub-zone:\n name: %q\n stub-addr: 127.0.0.1@%s\n", z.Name, server)
	}
	conf, _ := config(t, cert, key, "", text.String())
	Start(t, dns, "unbound", "-d", "-c", conf)
	return dns, dot
}
