package house

import (
	"bytes"
	"crypto"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/cli"
	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/ocsp"
)

// assayCommand runs a command line in this process.
func assayCommand(args ...string) (exit int, output string) {
	var out bytes.Buffer
	exit = cli.Main(args, strings.NewReader(""), &out, &out)
	return exit, out.String()
}

// exitSaid is the exit status that a guide's comment on a command names.
var exitSaid = regexp.MustCompile(`exit status (\d)`)

// The command lines in the guides run here against a healthy server of the lab, with
// the files that they name, and exit as the guide says: with 0 where it says nothing.
func TestGuideCommands(t *testing.T) {
	l, err := lab.Start(t.Context(), lab.Options{Only: []string{"good", "crlite-good"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	resolver, err := l.Resolver()
	if err != nil {
		t.Fatal(err)
	}
	net.DefaultResolver = resolver // for the whole process: no other test here asks for names
	good, _ := l.Scenario("good")
	database := net.JoinHostPort(good.Host, postgresPort(t, good.Addr))
	dir := t.TempDir()
	t.Setenv("SSL_CERT_FILE", l.RootFile)
	fetch := func(resp *http.Response, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	leaf, issuer := cert.Parse(good.Leaf), cert.Parse(good.Chain[0])
	for name, b := range map[string][]byte{
		"list.json": l.LogList,
		"list.crl":  fetch(http.Get(leaf.CRLPoints[0].FullName[0].Value)),
		"response.der": fetch(http.Post(leaf.OCSPServers[0], "application/ocsp-request",
			bytes.NewReader(ocsp.NewRequest(leaf, issuer, crypto.SHA1, nil)))),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ran := 0
	for path, text := range guideTexts(t) {
		server := good
		if programName(path) == "crlite" { // filters say nothing of certificates that were not logged when they were made
			server, _ = l.Scenario("crlite-good")
		}
		t.Setenv("XDG_CACHE_HOME", t.TempDir())
		writeLeaf(t, dir, server)
		for line := range strings.Lines(text) {
			if command, ok := strings.CutPrefix(line, "    openssl "); ok {
				beside(t, path, strings.ReplaceAll(command, "example.com:443", server.Addr+" -servername "+server.Host))
			}
			line, ok := strings.CutPrefix(line, "    assay ")
			if !ok || strings.HasPrefix(line, "lab ") {
				continue // the lab serves until it is interrupted: TestGuidePrograms
			}
			line, comment, _ := strings.Cut(line, "#")
			want := 0
			if m := exitSaid.FindStringSubmatch(comment); m != nil {
				want = int(m[1][0] - '0')
			}
			args := strings.Fields(line)
			for i, a := range args {
				switch {
				case i > 0 && args[i-1] == "--name":
					args[i] = server.Host
				case a == "example.com":
					args[i] = server.Target()
				case a == "mozilla": // what the lab offers in a directory, in place of Mozilla's server
					args[i] = filepath.Join(l.Dir, "crlite-good-files")
				case a == "db.internal:5432":
					args[i] = database
				case strings.HasSuffix(a, ".pem") || strings.HasSuffix(a, ".json") || strings.HasSuffix(a, ".crl") || strings.HasSuffix(a, ".der"):
					args[i] = filepath.Join(dir, a)
				}
			}
			if exit, out := assayCommand(args...); exit != want || out == "" {
				t.Errorf("%s: assay %s: exit status %d, the guide says %d\n%s", path, line, exit, want, out)
			}
			ran++
		}
	}
	if ran < 15 {
		t.Errorf("only %d commands were run", ran)
	}
}

// beside runs OpenSSL's command as a guide has it, where it is installed.
func beside(t *testing.T, path, command string) {
	t.Helper()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Log("openssl is not installed")
		return
	}
	command, ok := strings.CutSuffix(strings.TrimSpace(command), " </dev/null")
	if !ok {
		t.Errorf("%s: openssl %s would wait for input", path, command)
	}
	if out, err := exec.CommandContext(t.Context(), openssl, strings.Fields(command)...).CombinedOutput(); err != nil {
		t.Errorf("%s: openssl %s: %v\n%s", path, command, err, out)
	}
}

// writeLeaf writes the certificates of s to leaf.pem and ca.pem in dir.
func writeLeaf(t *testing.T, dir string, s lab.Scenario) {
	t.Helper()
	for name, der := range map[string][]byte{"leaf.pem": s.Leaf, "ca.pem": s.Chain[0]} {
		if err := os.WriteFile(filepath.Join(dir, name), forge.PEM("CERTIFICATE", der), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// postgresPort is the port of a server on loopback that is asked for TLS as
// PostgreSQL is, and then is the server at addr.
func postgresPort(t *testing.T, addr string) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := io.ReadFull(c, make([]byte, 8)); err != nil { // SSLRequest
					return
				}
				server, err := net.Dial("tcp", addr)
				if err != nil {
					return
				}
				defer server.Close()
				c.Write([]byte{'S'})
				go io.Copy(server, c)
				io.Copy(c, server)
			}()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

var (
	flagName  = regexp.MustCompile("`[^`\n]*`")
	oneFlag   = regexp.MustCompile(`--[a-z][a-z0-9-]*`)
	fenceLine = regexp.MustCompile("(?m)^```.*$")
)

// Flags that the guides name exist.
func TestGuideFlags(t *testing.T) {
	var help strings.Builder
	for _, command := range []string{"check", "connect", "verify", "show", "update filters", "update log-list", "update programs", "lab", "cache"} {
		_, out := assayCommand(append(strings.Fields(command), "--help")...)
		help.WriteString(out)
	}
	known := map[string]bool{}
	for _, f := range oneFlag.FindAllString(help.String(), -1) {
		known[f] = true
	}
	for path, text := range guideTexts(t) {
		for _, code := range flagName.FindAllString(text, -1) {
			for _, f := range oneFlag.FindAllString(code, -1) {
				if !known[f] {
					t.Errorf("%s: there is no flag %s", path, f)
				}
			}
		}
	}
}

// There is no code in the guides but Go, which TestGuides compares with the
// examples, and indented command lines.
func TestGuideFences(t *testing.T) {
	for path, text := range guideTexts(t) {
		open := false
		for _, fence := range fenceLine.FindAllString(text, -1) {
			if open = !open; open && fence != "```go" || !open && fence != "```" {
				t.Errorf("%s: a block of code begins or ends with %q", path, fence)
			}
		}
	}
}

func guideTexts(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("docs/guides/*.md")
	if err != nil || len(paths) != 7 {
		t.Fatalf("%d guides, error %v", len(paths), err)
	}
	texts := map[string]string{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		texts[p] = string(b)
	}
	return texts
}
