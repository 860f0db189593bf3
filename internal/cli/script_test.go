package cli

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/lab"
	"github.com/assaytls/assay/internal/lab/forge"
)

func TestMain(m *testing.M) {
	// With the race detector each process would wait a second before it ends.
	os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	testscript.Main(m, map[string]func(){
		"assay": func() { os.Exit(Main(withTestFlags(os.Args[1:]), os.Stdin, os.Stdout, os.Stderr)) },
	})
}

// testFlags is the variable with flags that the tests' assay adds to check and
// connect, one a line: they lead names to the lab.
const testFlags = "ASSAY_TEST_FLAGS"

// withTestFlags adds the flags of testFlags to the commands that dial.
func withTestFlags(args []string) []string {
	if flags := os.Getenv(testFlags); flags != "" && len(args) > 0 && (args[0] == "check" || args[0] == "connect") {
		return append(args, strings.Split(flags, "\n")...)
	}
	return args
}

// TestScript runs every testdata/script/*.txtar: commands as a user types them.
func TestScript(t *testing.T) {
	l := startLab(t)
	good, _ := l.Scenario("sct-embedded")
	revoked, _ := l.Scenario("revoked-by-crl")
	key, other := forge.RSA(2048), forge.P256()
	var once atomic.Bool
	older := forge.LogList(time.Now().AddDate(0, 0, -30), forge.Log{Key: key, Description: "Old", Operator: "op", URL: "https://old.test/"})
	empty := []byte(`{"operators":[{"name":"op","logs":[{"description":"a","key":"AAAA"},{"description":"b","key":"AAAA"},{"key":"AAAA"},{"key":"AAAA"},{"key":"AAAA"}]}]}`)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/list.json", "/unsigned.json", "/forged.json":
			w.Write(l.LogList)
		case "/older.json":
			w.Write(older)
		case "/older.sig":
			w.Write(key.Sign(forge.SHA256WithRSA, older))
		case "/empty.json":
			w.Write(empty)
		case "/some.json":
			io.WriteString(w, strings.Replace(string(empty), `"logs":[`, `"logs":[{"description":"good","key":"`+base64.StdEncoding.EncodeToString(other.SPKI)+`"},`, 1))
		case "/empty.sig":
			w.Write(key.Sign(forge.SHA256WithRSA, empty))
		case "/once.json":
			if once.Swap(true) {
				http.Error(w, "no", http.StatusServiceUnavailable)
				return
			}
			w.Write(l.LogList)
		case "/list.sig":
			w.Write(key.Sign(forge.SHA256WithRSA, l.LogList))
		case "/forged.sig":
			w.Write(forge.FlipMiddle(key.Sign(forge.SHA256WithRSA, l.LogList)))
		case "/apple.yaml":
			io.WriteString(w, appleStore)
		case "/unsigned.sig":
			http.NotFound(w, r)
		default:
			io.WriteString(w, "{}")
		}
	}))
	t.Cleanup(srv.Close)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", os.Getenv("GORACE"))
			e.Setenv("ESC", "\x1b")
			e.Setenv("ROOTS", l.RootFile)
			e.Setenv("LOGS", l.LogListFile)
			e.Setenv("LISTURL", srv.URL+"/list.json")
			e.Setenv("URL", srv.URL)
			e.Setenv("GOOD", good.Target())
			e.Setenv("GOODAT", good.Target()+":127.0.0.1")
			for name, k := range map[string]*forge.Key{"list-key.pem": key, "other-key.pem": other} {
				if err := os.WriteFile(filepath.Join(e.WorkDir, name), forge.PEM("PUBLIC KEY", k.SPKI), 0o600); err != nil {
					return err
				}
			}
			e.Setenv("REVOKEDHASH", evidence.HashOf(revoked.Leaf).String())
			e.Setenv("NOLISTURL", srv.URL+"/other.json")
			// Nothing of the developer's machine: no cache, anchors or proxies.
			e.Setenv("XDG_CACHE_HOME", e.WorkDir+"/cache")
			for _, v := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NO_COLOR"} {
				e.Setenv(v, "")
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status,
			"check":  func(ts *testscript.TestScript, neg bool, args []string) { check(ts, l, neg, args) },
		},
	})
}

// appleStore is a table of a root program, served.
const appleStore = `platform: APPLE
version: iOS 27
date_fetched: 2026-10-01
trusted_certificates:
- subject_name: Lab Root
  fingerprint: 1111111111111111111111111111111111111111111111111111111111111111
`

// check runs assay check on a scenario of the lab and wants its exit status:
// check N SCENARIO [FLAG]...
func check(ts *testscript.TestScript, l *lab.Lab, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: check N SCENARIO [FLAG]...")
	}
	s, ok := l.Scenario(args[1])
	if !ok {
		ts.Fatalf("no scenario %s", args[1])
	}
	status(ts, false, append(append([]string{args[0], "assay"}, l.Assay(s)...), args[2:]...))
}

// status runs a command and wants its exit status: status N COMMAND [ARG]...
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND [ARG]...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(interface{ ExitCode() int }); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if args[0] != strconv.Itoa(got) {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}
