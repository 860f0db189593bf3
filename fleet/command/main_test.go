package command

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/fleet/sink"
	"github.com/assaytls/assay/internal/lab/serve"
)

// The test's program is assay-fleet itself when this variable is set: so its
// processes can be killed.
const asProgram = "ASSAY_FLEET_TEST_PROGRAM"

// testAckWait is the programs' ackWait, so that work comes again while a test waits.
const testAckWait = 5 * time.Second

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		ackWait = testAckWait
		os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// full reports whether the long tests are asked for.
func full() bool { return os.Getenv("ASSAY_FULL") != "" }

// process is assay-fleet with arguments, in a process of its own.
type process struct {
	*exec.Cmd
	out said
	end chan error
}

// said is what a process has written, which may be read while it writes.
type said struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

func start(t testing.TB, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), end: make(chan error, 1)}
	p.Env = append(os.Environ(), asProgram+"=1", "XDG_CACHE_HOME="+filepath.Join(t.TempDir(), "cache"))
	p.Stdout, p.Stderr = &p.out, &p.out
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.end <- p.Wait() }()
	t.Cleanup(func() { p.Process.Kill() })
	return p
}

// ended waits for the end of the process and returns its exit status, -1 when it was
// killed.
func (p *process) ended(t testing.TB, most time.Duration) int {
	t.Helper()
	select {
	case <-p.end:
		return p.ProcessState.ExitCode()
	case <-time.After(most):
		p.Process.Kill()
		t.Fatalf("%v did not end: %s", p.Args[1:], p.out.String())
		return -1
	}
}

// call runs assay-fleet to its end.
func call(t testing.TB, args ...string) (status int, out string) {
	t.Helper()
	p := start(t, args...)
	status = p.ended(t, 5*time.Minute)
	return status, p.out.String()
}

// world is a server with a good certificate of the lab for every name below
// many.test, on one address of loopback, and one that takes connections and says
// nothing.
type world struct {
	lab          *serve.Lab
	addr, tarpit string
	flags        []string // that a scan of it needs
}

func newWorld(t testing.TB) *world {
	t.Helper()
	lab, err := serve.Start(t.Context(), serve.Options{Only: []string{"good", "expired", "revoked"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lab.Close)
	w := &world{lab: lab, flags: []string{"--private", "--roots", lab.RootFile, "--log-list", lab.LogListFile}}
	conf := &tls.Config{Certificates: []tls.Certificate{lab.ServerPair("*.many.test")}, SessionTicketsDisabled: true}
	w.addr = serveAll(t, func(c net.Conn) { tls.Server(c, conf).Handshake() })
	w.tarpit = serveAll(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	return w
}

// serveAll has f serve every connection to the returned address.
func serveAll(t testing.TB, f func(net.Conn)) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(30 * time.Second))
				f(c)
				bufio.NewReader(c).ReadByte() // the client's close comes first
			}()
		}
	}()
	return ln.Addr().String()
}

// line is a line of a list for a name at an address.
func line(name, addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	return fmt.Sprintf("%s,%s,,%s", host, name, port)
}

// list writes a list of n names of the world into a file.
func (w *world) list(t testing.TB, n int, more ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "hosts.csv")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriter(f)
	for i := range n {
		fmt.Fprintln(out, line(fmt.Sprintf("h%d.many.test", i), w.addr))
	}
	for _, m := range more {
		fmt.Fprintln(out, m)
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	return name
}

// rows are the results in a folder, by target. One that stands twice is an error.
func rows(t testing.TB, dir string) map[string]sink.Row {
	t.Helper()
	r, err := sink.OpenResults(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]sink.Row{}
	err = r.Rows(func(row *sink.Row) error {
		if _, twice := all[row.Target]; twice {
			t.Errorf("%s has two rows", row.Target)
		}
		all[row.Target] = *row
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// accepted wants every one of n targets to be accepted.
func accepted(t testing.TB, all map[string]sink.Row, n int) {
	t.Helper()
	if len(all) != n {
		t.Errorf("%d rows, want %d", len(all), n)
	}
	shown := 0
	for _, r := range all {
		if r.Verdict != "accept" {
			if shown++; shown < 5 {
				t.Errorf("%+v", r)
			}
		}
	}
}

// flagged puts the flags of the world behind words.
func (w *world) flagged(words ...string) []string { return append(words, w.flags...) }

// dirOf is a folder of a job that is not there yet.
func dirOf(t testing.TB) string { return filepath.Join(t.TempDir(), "job") }

func contains(t testing.TB, out string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("%q does not have %q", out, w)
		}
	}
}

// freeAddress is an address of loopback where nobody listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// answers reports whether somebody listens there.
func answers(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err == nil {
		c.Close()
	}
	return err == nil
}
