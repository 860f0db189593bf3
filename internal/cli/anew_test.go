//go:build unix

package cli

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// askedSite has a certificate at three ports, with a list and a responder that
// note what they are asked.
type askedSite struct {
	t           *testing.T
	ca, leaf    *forge.CA
	root, cache string // files
	ports       []string
	web         *httptest.Server

	mu      sync.Mutex
	down    bool
	control string // Cache-Control of the list
	edition int    // of the list, and its tag
	list    []byte
	asked   []*http.Request // since the last call of requests
}

func newAskedSite(t *testing.T) *askedSite {
	s := &askedSite{t: t, ca: forge.NewRoot("Asked CA", nil), root: filepath.Join(t.TempDir(), "root.pem"), cache: filepath.Join(t.TempDir(), "cache")}
	s.web = httptest.NewServer(s)
	t.Cleanup(s.web.Close)
	key := forge.P256()
	s.leaf = s.ca.Issue(forge.Cert{Subject: forge.CN("localhost"), Key: key, NotAfter: time.Now().AddDate(0, 0, 60), Extensions: append(
		s.ca.ServerExts(key, forge.DNS("localhost")), forge.CRLDP(s.web.URL+"/list.crl"), forge.AIA([]string{s.web.URL + "/ocsp"}, nil))})
	s.publish()
	for range 3 {
		s.ports = append(s.ports, listenAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.leaf.TLS()}}))
	}
	if err := os.WriteFile(s.root, forge.PEM("CERTIFICATE", s.ca.Raw), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// publish makes the next edition of the list and returns the one before it.
func (s *askedSite) publish(entries ...forge.Entry) (before []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before = s.list
	s.edition++
	s.list = s.ca.CRL(forge.CRL{Entries: entries, Extensions: []forge.Ext{forge.CRLNumber(int64(s.edition))}})
	return before
}

func (s *askedSite) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *askedSite) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r)
	tag := fmt.Sprintf(`"%d"`, s.edition)
	switch {
	case s.down:
		http.NotFound(rw, r)
	case r.URL.Path == "/log-list.json":
		rw.Header().Set("Cache-Control", "max-age=3600")
		rw.Header().Set("Etag", tag)
		if r.Header.Get("If-None-Match") == tag {
			rw.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprintf(rw, `{"version":"1.0","log_list_timestamp":%q,"operators":[{"name":"op","logs":[{"description":"a","key":"AAAA"}]}]}`, time.Now().UTC().Format(time.RFC3339))
	case r.URL.Path == "/list.crl":
		rw.Header().Set("Etag", tag)
		if s.control != "" {
			rw.Header().Set("Cache-Control", s.control)
		}
		if r.Header.Get("If-None-Match") == tag {
			rw.WriteHeader(http.StatusNotModified)
			return
		}
		rw.Write(s.list)
	default:
		rw.Header().Set("Content-Type", "application/ocsp-response")
		rw.Header().Set("Etag", tag)
		rw.Write(forge.OCSP{Singles: []forge.Single{s.ca.Good(s.leaf.Serial)}}.Sign(s.ca))
	}
}

// requests wants n requests since the last call and returns them.
func (s *askedSite) requests(n int) []*http.Request {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	if len(asked) != n {
		s.t.Errorf("%d requests, want %d", len(asked), n)
		return make([]*http.Request, n)
	}
	return asked
}

// run checks the server n times, at its ports in turn, with the list alone unless flags say
// otherwise, in a process of its own.
func (s *askedSite) run(n, want int, flags ...string) (stdout string) {
	s.t.Helper()
	args := []string{"check", "--roots", s.root, "--cache-dir", s.cache, "--revocation", "crl"}
	for i := range n {
		p := s.ports[i%len(s.ports)]
		args = append(args, "localhost:"+p, "--resolve", "localhost:"+p+":127.0.0.1")
	}
	status, stdout, stderr := finish(s.t, exec.Command("assay", append(args, flags...)...))
	if status != want {
		s.t.Errorf("%q: exit status %d, want %d\n%s%s", flags, status, want, stdout, stderr)
	}
	return stdout
}

// age makes what the cache holds older by d.
func (s *askedSite) age(d time.Duration) {
	s.t.Helper()
	times := regexp.MustCompile(`(?m)^(fetched|came|again) (.*)$`)
	files, _ := filepath.Glob(filepath.Join(s.cache, "v1/entries/*"))
	aged := 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil || len(b) < 65 {
			s.t.Fatal(f, err)
		}
		record := times.ReplaceAllStringFunc(string(b[65:]), func(line string) string {
			name, value, _ := strings.Cut(line, " ")
			at, err := time.Parse(time.RFC3339Nano, value)
			if err != nil {
				s.t.Fatal(err)
			}
			aged++
			return name + " " + at.Add(-d).Format(time.RFC3339Nano)
		})
		sum := sha256.Sum256([]byte(record))
		if err := os.WriteFile(f, []byte(hex.EncodeToString(sum[:])+"\n"+record), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	if aged == 0 {
		s.t.Fatal("there is nothing to age")
	}
}

// want wants out to have a line that matches each of the patterns.
func want(t *testing.T, out string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile(`(?s)` + strings.ReplaceAll(p, " ", `\s+`)).MatchString(out) {
			t.Errorf("it does not say %q:\n%s", p, out)
		}
	}
}

// A failure that another process remembers never answers for check, which asks
// the address again; a handshake of the library respects it.
func TestFailureOfAnotherProcess(t *testing.T) {
	s := newAskedSite(t)
	s.set(func() { s.down = true })
	for range 2 {
		out := s.run(1, command.Inconclusive)
		want(t, out, "HTTP status 404")
		if strings.Contains(out, "remembered") {
			t.Errorf("it was not asked:\n%s", out)
		}
		s.requests(1)
	}
	connect := func() (status int, stderr string) {
		p := s.ports[0]
		status, _, stderr = finish(t, exec.Command("assay", "connect", "--roots", s.root, "--cache-dir", s.cache, "--revocation", "crl",
			"localhost:"+p, "--resolve", "localhost:"+p+":127.0.0.1"))
		return status, stderr
	}
	s.set(func() { s.down = false })
	if status, errs := connect(); status == command.Accept || !strings.Contains(errs, "remembered from the last attempt") {
		t.Errorf("a handshake: %d %s", status, errs)
	}
	s.requests(0)
	s.run(1, command.Accept)
	s.requests(1)
	if status, errs := connect(); status != command.Accept { // check has told that the address is well again
		t.Errorf("a handshake after that: %d %s", status, errs)
	}
	s.requests(0)
}

// Within one run a failure answers for the targets that follow.
func TestFailureWithinOneRun(t *testing.T) {
	s := newAskedSite(t)
	s.set(func() { s.down = true })
	const targets = concurrent + 4 // the last ones begin when the first ones have ended
	if out := s.run(targets, command.Inconclusive, "-v"); strings.Count(out, "HTTP status 404") < targets {
		t.Errorf("the failure is not told %d times:\n%s", targets, out)
	}
	s.requests(1)
}

// What is older than ten minutes is confirmed by a conditional request, once for
// all targets, whatever HTTP says of it; what is younger answers, and its age is
// told.
func TestGoodDataIsConfirmed(t *testing.T) {
	for _, control := range []string{"", "max-age=86400", "no-cache"} {
		t.Run(control, func(t *testing.T) {
			s := newAskedSite(t)
			s.set(func() { s.control = control })
			s.run(3, command.Accept)
			s.requests(1)
			if control == "no-cache" {
				s.run(3, command.Accept)
				s.requests(1)
			}
			s.age(14 * time.Minute)
			out := s.run(3, command.Accept, "-v")
			if r := s.requests(1)[0]; r != nil && r.Header.Get("If-None-Match") != `"1"` {
				t.Errorf("it was asked for with %v", r.Header)
			}
			want(t, out, "revalidated crl")
			if strings.Contains(out, "14 min ago") {
				t.Errorf("it was confirmed:\n%s", out)
			}
			if control == "no-cache" {
				return
			}
			s.run(3, command.Accept) // that was kept for the next process
			s.requests(0)
			s.age(4 * time.Minute)
			want(t, s.run(1, command.Accept), "good by CRL .*cached 4 min ago")
			want(t, s.run(1, command.Accept, "-v"), "crl good; .*; cached 4 min ago")
			want(t, s.run(1, command.Accept, "-v"), "cached crl http.*list.crl, [^,]*, cached 4 min ago")
			want(t, s.run(1, command.Accept, "-q"), `^accept localhost:\d+ .*\(cached 4 min ago\)\n$`)
			var r report.Report
			if err := json.Unmarshal([]byte(s.run(1, command.Accept, "--format", "json")), &r); err != nil {
				t.Fatal(err)
			}
			if a, f := r.Paths[0].Certs[0].Revocation.Sources[0], r.Fetches[0]; a.CachedSeconds/60 != 4 || f.CachedSeconds/60 != 4 || !a.Cached {
				t.Errorf("%+v %+v", a, f)
			}
			s.requests(0)
		})
	}
}

// When it cannot be confirmed the copy counts, and its age is told; what came
// instead of it shows no age.
func TestAgeOfWhatStandsIn(t *testing.T) {
	s := newAskedSite(t)
	s.run(1, command.Accept)
	s.age(14 * time.Minute)
	s.set(func() { s.down, s.asked = true, nil })
	want(t, s.run(3, command.Accept, "-v"), "crl good; .*; cached 14 min ago", "not revalidated: HTTP status 404")
	s.requests(1)
	want(t, s.run(1, command.Accept, "-q"), `\(cached 14 min ago\)`)
	s.requests(1)
	want(t, s.run(1, command.Accept, "--offline", "-q"), `\(cached 14 min ago\)`)
	want(t, s.run(1, command.Accept, "--refresh", "-q"), `\(cached 14 min ago\)`)
	s.requests(1)
	s.set(func() { s.down = false })
	s.publish()
	if out := s.run(1, command.Accept, "-q"); strings.Contains(out, "cached") {
		t.Errorf("it was asked for: %s", out)
	}
	s.requests(1)
}

// A response is asked for whole.
func TestResponsesAreAskedForAgain(t *testing.T) {
	s := newAskedSite(t)
	ocsp := []string{"--revocation", "ocsp"}
	s.run(3, command.Accept, ocsp...)
	s.requests(1)
	s.age(9 * time.Minute)
	want(t, s.run(3, command.Accept, append(ocsp, "-v")...), "ocsp good; .*; cached 9 min ago")
	s.requests(0)
	s.age(5 * time.Minute)
	if out := s.run(3, command.Accept, ocsp...); strings.Contains(out, "min ago") {
		t.Errorf("it was asked for:\n%s", out)
	}
	if r := s.requests(1)[0]; r != nil && r.Header.Get("If-None-Match") != "" {
		t.Errorf("it was asked for with %v", r.Header)
	}
	// One that rests on an answer of now too is no cached status.
	s.run(1, command.Accept)
	s.age(6 * time.Minute)
	os.RemoveAll(filepath.Join(s.cache, "v1"))
	s.run(1, command.Accept)
	s.age(6 * time.Minute)
	s.requests(2)
	if out := s.run(1, command.Accept, "--revocation", "crl,ocsp", "-q"); strings.Contains(out, "cached") {
		t.Errorf("OCSP was asked now: %s", out)
	}
	s.requests(1)
}

// --refresh asks for what is young, once for all targets, whole and past the
// caches on the way. It takes nothing back that was proved.
func TestRefresh(t *testing.T) {
	s := newAskedSite(t)
	s.run(1, command.Accept)
	s.requests(1)
	s.run(3, command.Accept, "--refresh")
	if r := s.requests(1)[0]; r != nil && (r.Header.Get("If-None-Match") != "" || r.Header.Get("Cache-Control") != "no-cache") {
		t.Errorf("it was asked for with %v", r.Header)
	}
	s.set(func() { s.down = true })
	s.run(1, command.Inconclusive, "--refresh", "--cache-dir", filepath.Join(t.TempDir(), "other"))
	s.set(func() { s.down, s.asked = false, nil })

	good := s.publish(forge.Revoke(s.leaf.Serial, forge.KeyCompromise))
	s.run(1, command.Accept) // the copy is young
	s.requests(0)
	s.run(3, command.Reject, "--refresh")
	s.requests(1)
	s.set(func() { s.list = good })
	want(t, s.run(3, command.Reject, "--refresh", "-v"), "REVOKED", "the address now serves an older edition")
	s.requests(1)
}

// Who asks past every cache wants the network.
func TestRefreshExcludesOffline(t *testing.T) {
	for _, words := range [][]string{{"check", "a.example"}, {"cache", "prefetch", "a.example"}} {
		status, _, errs := finish(t, exec.Command("assay", append(words, "--refresh", "--offline")...))
		if status != command.UsageError || !strings.Contains(errs, "--refresh and --offline exclude each other") {
			t.Errorf("%s: %d %s", words, status, errs)
		}
	}
}

// Prefetching is a person's run too.
func TestPrefetchAsksAnew(t *testing.T) {
	s := newAskedSite(t)
	prefetch := func(want int, flags ...string) {
		t.Helper()
		args := append([]string{"cache", "prefetch", "--roots", s.root, "--cache-dir", s.cache, "localhost:" + s.ports[0], "--resolve", "localhost:" + s.ports[0] + ":127.0.0.1"}, flags...)
		if status, out, errs := finish(t, exec.Command("assay", args...)); status != want {
			t.Errorf("%d %s%s", status, out, errs)
		}
	}
	s.set(func() { s.down = true })
	prefetch(command.Inconclusive)
	s.set(func() { s.down, s.asked = false, nil })
	prefetch(command.Accept)
	s.requests(2) // the list, the response
	prefetch(command.Accept)
	s.requests(0)
	prefetch(command.Accept, "--refresh")
	s.requests(2)
}

// The log list that a URL names is as recent as all else.
func TestLogListIsConfirmed(t *testing.T) {
	s := newAskedSite(t)
	flags := []string{"--revocation", "off", "--log-list", s.web.URL + "/log-list.json"}
	s.run(1, command.Accept, flags...)
	s.requests(1)
	s.age(9 * time.Minute)
	s.run(1, command.Accept, flags...)
	s.requests(0)
	s.age(5 * time.Minute)
	s.run(1, command.Accept, flags...)
	if r := s.requests(1)[0]; r != nil && r.Header.Get("If-None-Match") == "" {
		t.Errorf("it was asked for with %v", r.Header)
	}
	s.run(1, command.Accept, append(flags, "--refresh")...)
	if r := s.requests(1)[0]; r != nil && (r.Header.Get("If-None-Match") != "" || r.Header.Get("Cache-Control") != "no-cache") {
		t.Errorf("it was asked for with %v", r.Header)
	}
}
