//go:build unix

package cli

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/bench/crlgen"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
)

// cacheSite has two certificates, one of them revoked, whose sources are an
// OCSP responder and a list that is large enough to be mapped.
type cacheSite struct {
	dir           string
	root          string // files
	ca            *forge.CA
	good, revoked *forge.CA
	ports         map[string]string // of TLS servers, by "good" and "revoked"
	url           string
	hits          atomic.Int64 // downloads
}

const cacheSiteEntries = 40_000 // 1.7 MB

func newCacheSite(t *testing.T) *cacheSite {
	t.Helper()
	set, err := crlgen.New()
	if err != nil {
		t.Fatal(err)
	}
	var list bytes.Buffer
	if err := set.Write(&list, cacheSiteEntries, time.Now()); err != nil {
		t.Fatal(err)
	}
	s := &cacheSite{dir: t.TempDir(), ports: map[string]string{}}
	ca := forge.NewRoot("Bench CA", forge.FromSigner("P-256", set.Key))
	s.ca = ca
	web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		if r.URL.Path == "/list.crl" {
			rw.Write(list.Bytes())
			return
		}
		if strings.HasPrefix(r.URL.Path, "/none") {
			http.NotFound(rw, r)
			return
		}
		status := ca.Good(s.good.Serial)
		if strings.HasPrefix(r.URL.Path, "/revoked") {
			status = ca.RevokedSingle(s.revoked.Serial, forge.KeyCompromise)
		}
		rw.Header().Set("Content-Type", "application/ocsp-response")
		rw.Write(forge.OCSP{Singles: []forge.Single{status}}.Sign(ca))
	}))
	t.Cleanup(web.Close)
	s.url = web.URL
	s.good, s.revoked = s.leaf("good", forge.RandomSerial(), s.url), s.leaf("revoked", crlgen.Serial(cacheSiteEntries/2), s.url)
	for name, c := range map[string]*forge.CA{"good": s.good, "revoked": s.revoked} {
		s.ports[name] = listenAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{c.TLS()}})
	}
	s.root = filepath.Join(s.dir, "root.pem")
	if err := os.WriteFile(s.root, forge.PEM("CERTIFICATE", ca.Raw), 0o644); err != nil {
		t.Fatal(err)
	}
	return s
}

// leaf issues a certificate that points to the list and a responder at url.
func (s *cacheSite) leaf(responder string, serial []byte, url string) *forge.CA {
	key := forge.P256()
	return s.ca.Issue(forge.Cert{Serial: serial, Subject: forge.CN("localhost"), Key: key, NotAfter: time.Now().AddDate(0, 0, 60),
		Extensions: append(s.ca.ServerExts(key, forge.DNS("localhost")), forge.CRLDP(url+"/list.crl"), forge.AIA([]string{url + "/" + responder}, nil))})
}

// check is the command line that checks a server, as a process of its own.
func (s *cacheSite) check(name, cache string, flags ...string) []string {
	port := s.ports[name]
	return append([]string{"assay", "check", "localhost:" + port, "--resolve", "localhost:" + port + ":127.0.0.1", "--roots", s.root, "--cache-dir", cache, "-v"}, flags...)
}

// finish runs a command and returns its exit status and what it said.
func finish(t *testing.T, cmd *exec.Cmd) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	if strings.Contains(errs.String(), "goroutine ") {
		t.Errorf("it crashed: %s", errs.String())
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func program(args []string) *exec.Cmd { return exec.Command(args[0], args[1:]...) }

// both checks the two servers; the verdicts are always the same.
func (s *cacheSite) both(t *testing.T, cache string, wrap func([]string) *exec.Cmd, flags ...string) (stderr string) {
	t.Helper()
	for name, want := range map[string]int{"good": command.Accept, "revoked": command.Reject} {
		status, out, errs := finish(t, wrap(s.check(name, cache, flags...)))
		if status != want {
			t.Errorf("%s: exit status %d\n%s%s", name, status, out, errs)
		}
		stderr += errs
	}
	return stderr
}

// sound wants a cache without damage.
func sound(t *testing.T, cache string) {
	t.Helper()
	if status, out, errs := finish(t, exec.Command("assay", "cache", "verify", "--cache-dir", cache)); status != 0 || !strings.Contains(out, "0 files were damaged") {
		t.Errorf("exit status %d: %s%s", status, out, errs)
	}
}

// A full disk changes no verdict: what cannot be kept is told, with the place
// and the reason. A bound on the size of files stands for it.
func TestFullDisk(t *testing.T) {
	s := newCacheSite(t)
	for name, blocks := range map[string]string{"nothing fits": "0", "the list does not fit": "1024"} {
		t.Run(name, func(t *testing.T) {
			cache := filepath.Join(t.TempDir(), "cache")
			full := func(args []string) *exec.Cmd {
				return exec.Command("sh", append([]string{"-c", `ulimit -f ` + blocks + `; exec "$@"`, "sh"}, args...)...)
			}
			for range 2 {
				errs := s.both(t, cache, full)
				if strings.Count(errs, "assay: warning: the cache in "+cache) != 2 || !strings.Contains(errs, "file too large") {
					t.Errorf("it says %q", errs)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(cache, "v1/*/tmp-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			sound(t, cache)
			if errs := s.both(t, cache, program); errs != "" { // there is room again
				t.Errorf("it says %q", errs)
			}
			before := s.hits.Load()
			s.both(t, cache, program, "--offline")
			if s.hits.Load() != before {
				t.Error("offline it downloads")
			}
			sound(t, cache)
		})
	}
}

// A cache that cannot be written serves what it has, and an empty one is told.
func TestReadOnlyCache(t *testing.T) {
	s := newCacheSite(t)
	base := t.TempDir()
	filled, empty := filepath.Join(base, "filled"), filepath.Join(base, "empty")
	s.both(t, filled, program)
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	as := program
	if os.Geteuid() == 0 { // permissions bind everybody else
		const nobody = 65534
		exe := filepath.Join(base, "assay")
		self, err := os.ReadFile(os.Args[0])
		if err == nil {
			err = os.WriteFile(exe, self, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, from := range []string{base, s.dir} {
			for d := from; d != filepath.Dir(os.TempDir()); d = filepath.Dir(d) {
				if info, err := os.Stat(d); err != nil || info.Mode().Perm()&5 != 5 {
					os.Chmod(d, 0o755)
				}
			}
		}
		for _, d := range []string{filled, empty} {
			filepath.Walk(d, func(p string, _ os.FileInfo, _ error) error { return os.Chown(p, nobody, nobody) })
		}
		as = func(args []string) *exec.Cmd {
			cmd := exec.Command(exe, args[1:]...)
			cmd.Dir = "/"
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			return cmd
		}
	}
	for _, d := range []string{filled, empty} {
		filepath.Walk(d, func(p string, info os.FileInfo, _ error) error {
			if info.IsDir() {
				return os.Chmod(p, 0o500)
			}
			return os.Chmod(p, 0o400)
		})
		t.Cleanup(func() {
			filepath.Walk(d, func(p string, _ os.FileInfo, _ error) error { return os.Chmod(p, 0o700) })
		})
	}
	before := s.hits.Load()
	for _, flags := range [][]string{nil, {"--offline"}} {
		if errs := s.both(t, filled, as, flags...); errs != "" {
			t.Errorf("it says %q", errs)
		}
	}
	if n := s.hits.Load() - before; n != 0 {
		t.Errorf("%d downloads beside a filled cache", n)
	}
	if errs := s.both(t, empty, as); strings.Count(errs, "assay: warning: the cache in "+empty) != 2 || !strings.Contains(errs, "permission denied") {
		t.Errorf("it says %q", errs)
	}
	status, out, errs := finish(t, as([]string{"assay", "cache", "list", "--cache-dir", filled}))
	if status != 0 || !strings.Contains(out, "3 entries") {
		t.Errorf("list: %d %s%s", status, out, errs)
	}
	if status, out, errs = finish(t, as([]string{"assay", "cache", "prune", "--all", "--cache-dir", filled})); status == 0 || !strings.Contains(errs, "permission denied") {
		t.Errorf("prune: %d %s%s", status, out, errs)
	}
	status, out, errs = finish(t, as([]string{"assay", "cache", "list", "--cache-dir", empty}))
	if status != 0 || !strings.Contains(out, "0 entries") {
		t.Errorf("list: %d %s%s", status, out, errs)
	}
}

// Processes that fill, use and empty one cache at the same time do not disturb
// each other.
func TestProcessesRace(t *testing.T) {
	s := newCacheSite(t)
	cache := filepath.Join(t.TempDir(), "cache")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 3 {
				if errs := s.both(t, cache, program); errs != "" {
					t.Errorf("it says %q", errs)
				}
			}
		})
	}
	wg.Go(func() {
		for range 6 {
			if _, err := os.Stat(cache); err != nil {
				time.Sleep(10 * time.Millisecond)
				continue
			}
			if status, out, errs := finish(t, exec.Command("assay", "cache", "prune", "--all", "--cache-dir", cache)); status != 0 {
				t.Errorf("prune: %d %s%s", status, out, errs)
			}
		}
	})
	wg.Wait()
	// Who puts a body that is being removed leaves an entry without it: a miss,
	// which the next one mends.
	s.both(t, cache, program)
	sound(t, cache)
	s.both(t, cache, program, "--offline")
}

// Killed at any of the calls by which it writes to the cache, a process leaves
// a cache that the next one can use.
func TestKilledWhileCaching(t *testing.T) {
	strace := peers.Path(t, "strace")
	s := newCacheSite(t)
	for _, call := range []string{"renameat", "write", "fsync", "openat", "unlinkat", "mkdirat", "mmap"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			killed := 0
			step := map[string]int{"mmap": 4}[call] // the runtime makes many of them
			for when := 1; ; when += max(step, 1) {
				cache := filepath.Join(t.TempDir(), "cache")
				inject := "inject=" + call + ":signal=SIGKILL:when=" + strconv.Itoa(when)
				cmd := exec.Command(strace, append([]string{"-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e", inject}, s.check("revoked", cache)...)...)
				out, _ := cmd.CombinedOutput()
				if cmd.ProcessState.ExitCode() == command.Reject {
					break // it was done before
				}
				if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() && ws.ExitStatus() != 128+int(syscall.SIGKILL) {
					t.Fatalf("at the %dth %s: %v %s", when, call, cmd.ProcessState, out)
				}
				killed++
				if _, err := os.Stat(cache); err == nil {
					sound(t, cache)
				}
				s.both(t, cache, program)
				s.both(t, cache, program, "--offline")
				sound(t, cache)
			}
			if killed == 0 {
				t.Error("it was never killed")
			}
		})
	}
}

// Files that somebody changes, or cuts while a process has them mapped, give
// no wrong verdict and no crash.
func TestTamperedCache(t *testing.T) {
	s := newCacheSite(t)
	for name, change := range map[string]func([]byte) []byte{
		"cut": func(b []byte) []byte { return b[:len(b)/2] }, "empty": func([]byte) []byte { return nil },
		"flipped": forge.FlipMiddle, "longer": func(b []byte) []byte { return append(b, 0) },
	} {
		for _, dir := range []string{"entries", "bodies", "indexes"} {
			t.Run(dir+" "+name, func(t *testing.T) {
				cache := filepath.Join(t.TempDir(), "cache")
				s.both(t, cache, program)
				files, _ := filepath.Glob(filepath.Join(cache, "v1", dir, "*"))
				if len(files) == 0 {
					t.Fatal("no files")
				}
				for _, f := range files {
					b, err := os.ReadFile(f)
					if err == nil {
						err = os.WriteFile(f, change(b), 0o600)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				for server, wrong := range map[string]int{"good": command.Reject, "revoked": command.Accept} {
					if status, out, errs := finish(t, program(s.check(server, cache, "--offline"))); status == wrong {
						t.Errorf("%s, offline: %d\n%s%s", server, status, out, errs)
					}
				}
				s.both(t, cache, program)
				if dir == "bodies" { // the answers that came instead are other files
					if status, out, _ := finish(t, exec.Command("assay", "cache", "verify", "--cache-dir", cache)); status != command.Reject || !strings.Contains(out, "2 files were damaged") {
						t.Errorf("verify: %d %s", status, out)
					}
				}
				sound(t, cache)
				if indexes, _ := filepath.Glob(filepath.Join(cache, "v1/indexes/*")); len(indexes) != 1 {
					t.Errorf("%d indexes are there afterwards", len(indexes))
				}
			})
		}
	}
}

// A process has the list mapped and uses it for one server; then somebody cuts
// the file, and the next server's certificate is looked up.
func TestCutWhileMapped(t *testing.T) {
	s := newCacheSite(t)
	cache := filepath.Join(t.TempDir(), "cache")
	s.both(t, cache, program)
	bodies, _ := filepath.Glob(filepath.Join(cache, "v1/bodies/*"))
	large := ""
	for _, f := range bodies {
		if info, err := os.Stat(f); err == nil && info.Size() > 1<<20 {
			large = f
		}
	}
	if large == "" {
		t.Fatal("no large body")
	}
	release := make(chan struct{})
	conf := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		<-release
		return &tls.Config{Certificates: []tls.Certificate{s.revoked.TLS()}}, nil
	}}
	port := listenAt(t, "127.0.0.1:0", conf)
	args := append(s.check("good", cache, "--revocation", "crl", "--timeout", "2m"), "localhost:"+port, "--resolve", "localhost:"+port+":127.0.0.1")
	cmd := program(args)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := make([]byte, 1<<16)
	n := 0
	for !strings.Contains(string(out[:n]), "ACCEPT  localhost:"+s.ports["good"]) {
		k, err := pipe.Read(out[n:])
		if err != nil {
			t.Fatalf("%v after %s%s", err, out[:n], errs.String())
		}
		n += k
	}
	if err := os.Truncate(large, 4096); err != nil {
		t.Fatal(err)
	}
	close(release)
	rest, _ := io.ReadAll(pipe)
	cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status != command.Reject || !strings.Contains(string(rest), "REJECT  localhost:"+port) || !strings.Contains(string(rest), "cert-revoked") {
		t.Errorf("exit status %d\n%s%s", status, rest, errs.String())
	}
	if strings.Contains(errs.String(), "goroutine ") {
		t.Error(errs.String())
	}
	s.both(t, cache, program)
	sound(t, cache)
}

// What prefetch gets for servers or files serves offline; what it cannot get
// it names, with the reason.
func TestPrefetch(t *testing.T) {
	s := newCacheSite(t)
	at := func(name string) []string {
		return []string{"localhost:" + s.ports[name], "--resolve", "localhost:" + s.ports[name] + ":127.0.0.1"}
	}
	file := func(c *forge.CA) string {
		p := filepath.Join(t.TempDir(), "chain.pem")
		if err := os.WriteFile(p, forge.PEM("CERTIFICATE", c.Raw), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	prefetch := func(cache string, args ...string) *exec.Cmd {
		return exec.Command("assay", append([]string{"cache", "prefetch", "--roots", s.root, "--cache-dir", cache}, args...)...)
	}
	t.Run("servers", func(t *testing.T) {
		cache := filepath.Join(t.TempDir(), "cache")
		args := append(at("good"), at("revoked")...)
		status, out, errs := finish(t, prefetch(cache, args...))
		if status != 0 || strings.Count(out, "fetched ocsp "+s.url) != 2 || strings.Count(out, "crl "+s.url+"/list.crl") != 2 || errs != "" {
			t.Fatalf("%d %s%s", status, out, errs)
		}
		before := s.hits.Load()
		s.both(t, cache, program, "--offline")
		if status, out, errs := finish(t, prefetch(cache, args...)); status != 0 || strings.Contains(out, " fetched ") {
			t.Errorf("again: %d %s%s", status, out, errs)
		}
		if n := s.hits.Load() - before; n != 0 {
			t.Errorf("%d downloads", n)
		}
	})
	// Behind a proxy any name will do: only public addresses are fetched from
	// for a file, since no server's address allows more.
	const host = "http://pki.assay.test"
	t.Run("files", func(t *testing.T) {
		cache := filepath.Join(t.TempDir(), "cache")
		good, revoked := s.leaf("good", forge.RandomSerial(), host), s.leaf("revoked", crlgen.Serial(7), host)
		s.good, s.revoked = good, revoked
		cmd := prefetch(cache, file(good), file(revoked))
		cmd.Env = append(os.Environ(), "HTTP_PROXY="+s.url, "NO_PROXY=")
		status, out, errs := finish(t, cmd)
		if status != 0 || strings.Count(out, "fetched ocsp "+host) != 2 || strings.Count(out, "crl "+host+"/list.crl") != 2 || errs != "" {
			t.Fatalf("%d %s%s", status, out, errs)
		}
		s.ports = map[string]string{"good": listenAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{good.TLS()}}),
			"revoked": listenAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{revoked.TLS()}})}
		s.both(t, cache, program, "--offline")
	})
	t.Run("refused", func(t *testing.T) {
		cache := filepath.Join(t.TempDir(), "cache")
		before := s.hits.Load()
		status, out, _ := finish(t, prefetch(cache, file(s.leaf("good", forge.RandomSerial(), s.url))))
		if status != command.Inconclusive || !strings.Contains(out, "refused crl "+s.url+"/list.crl") || !strings.Contains(out, "loopback") || s.hits.Load() != before {
			t.Errorf("%d %s", status, out)
		}
	})
	t.Run("not to be had", func(t *testing.T) {
		cache := filepath.Join(t.TempDir(), "cache")
		port := listenAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.leaf("none", forge.RandomSerial(), s.url).TLS()}})
		status, out, _ := finish(t, prefetch(cache, "localhost:"+port, "--resolve", "localhost:"+port+":127.0.0.1"))
		if status != command.Inconclusive || !strings.Contains(out, "failed ocsp "+s.url+"/none") || !strings.Contains(out, "404") {
			t.Errorf("%d %s", status, out)
		}
	})
}
