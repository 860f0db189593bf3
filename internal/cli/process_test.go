package cli

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
)

// patience bounds every wait of the tests with processes; only a fault lasts
// so long.
const patience = time.Minute

// process is a running assay.
type process struct {
	cmd    *exec.Cmd
	errs   *peers.Output
	out    *peers.Output // nil when the test reads standard output itself
	exited chan struct{}
}

// assayProcess prepares a process of its own; the test sets its streams where
// the defaults (nothing, buffers) do not fit, and calls start.
func assayProcess(t testing.TB, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command("assay", args...), out: &peers.Output{}, errs: &peers.Output{}, exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+t.TempDir(), "SSLKEYLOGFILE=", "HTTPS_PROXY=", "ALL_PROXY=")
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.errs
	return p
}

func (p *process) start(t testing.TB) *process {
	t.Helper()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.cmd.Wait(); close(p.exited) }()
	t.Cleanup(func() { p.cmd.Process.Kill(); <-p.exited })
	return p
}

// status waits for the end and returns the exit status, -1 for a signal.
func (p *process) status(t testing.TB) int {
	t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.cmd.Process.Signal(syscall.SIGQUIT) // shows where it hangs
		select {
		case <-p.exited:
		case <-time.After(patience):
		}
		t.Fatalf("it does not end:\n%s", p.errs)
	}
	return p.cmd.ProcessState.ExitCode()
}

// says waits until text has come on standard output.
func (p *process) says(t testing.TB, text string) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(p.out.String(), text); time.Sleep(2 * time.Millisecond) {
		select {
		case <-p.exited:
			if !strings.Contains(p.out.String(), text) {
				t.Fatalf("it ended without %q:\n%q\n%s", text, p.out, p.errs)
			}
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("%q does not come:\n%q\n%s", text, p.out, p.errs)
		}
	}
}

// silentListener accepts connections, says that it did, and never answers.
func silentListener(t testing.TB) (addr string, accepted chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	accepted = make(chan struct{}, 16)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.ReadFull(c, make([]byte, 1))
				accepted <- struct{}{}
				io.Copy(io.Discard, c)
			}()
		}
	}()
	return l.Addr().String(), accepted
}

func await(t testing.TB, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
}

// An interrupt, or a request to terminate, ends a real process at once,
// whatever it waits for: exit status 130, nothing half-written, no dump.
func TestInterruptedProcess(t *testing.T) {
	s := newSite(t)
	list, asked := silentListener(t)
	slow := newSite(t, forge.CRLDP("http://"+list+"/list.crl"))
	slowPort := listenAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{slow.cert}})
	slowAt := "localhost:" + slowPort
	for name, line := range map[string]string{
		"check":                "check --roots ROOT --save-evidence EVIDENCE SILENT",
		"check, as JSON":       "check --format json --roots ROOT SILENT",
		"check, a download":    "check --format json --roots SLOWROOT SLOW --resolve SLOW:127.0.0.1 --save-evidence EVIDENCE",
		"check, STARTTLS":      "check --starttls postgres --roots ROOT SILENT",
		"check, every address": "check --all-addresses --roots ROOT SILENT",
		"check, a proxy":       "check --proxy http://SILENT --roots ROOT a.test",
		"connect":              "connect --roots ROOT SILENT",
		"connect, a download":  "connect --roots SLOWROOT SLOW --resolve SLOW:127.0.0.1",
		"show":                 "show SILENT",
		"prefetch":             "cache prefetch --roots ROOT SILENT",
		"prefetch, a download": "cache prefetch --roots SLOWROOT SLOW --resolve SLOW:127.0.0.1",
	} {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run(name+" "+sig.String(), func(t *testing.T) {
				silent, waits := silentListener(t)
				if strings.Contains(line, "SLOW ") {
					waits = asked
				}
				evidence := filepath.Join(t.TempDir(), "evidence")
				args := strings.NewReplacer("SLOWROOT", slow.root, "ROOT", s.root, "EVIDENCE", evidence, "SILENT", silent, "SLOW", slowAt).Replace(line)
				p := assayProcess(t, strings.Fields(args)...).start(t)
				await(t, "the process to begin", waits)
				begin := time.Now()
				p.cmd.Process.Signal(sig)
				status, said := p.status(t), p.errs.String()
				if strings.HasPrefix(name, "check") { // says what was known by then, and nothing else
					known := "known by then: "
					if name == "check, a download" {
						known += "connected to 127.0.0.1:" + slowPort + " with TLS 1.3, 1 certificate received"
					}
					if !strings.HasPrefix(said, "assay: interrupted before the check of ") || !strings.Contains(said, known) || strings.Count(said, "\n") != 1 {
						t.Errorf("it says %q", said)
					}
					said = ""
				}
				if status != command.Interrupted || p.out.String() != "" || said != "" {
					t.Errorf("status %d, output %q\n%s", status, p.out, p.errs)
				}
				if took := time.Since(begin); took > 8*time.Second { // the program's shortest limit is 10 s
					t.Errorf("it took %v", took)
				}
				if left, err := os.ReadDir(filepath.Dir(evidence)); err != nil || len(left) > 0 {
					t.Errorf("left behind: %v, %v", left, err)
				}
			})
		}
	}
}

// Of several targets those judged before the interrupt are printed whole.
func TestInterruptedBetweenTargets(t *testing.T) {
	s := newSite(t)
	port := listenAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.cert}})
	silent, waits := silentListener(t)
	at := "localhost:" + port
	p := assayProcess(t, "check", "--format", "json", "--roots", s.root, "--offline", "--resolve", at+":127.0.0.1", at, silent)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p.cmd.Stdout = w
	p.start(t)
	w.Close()
	await(t, "the second target", waits)
	d := json.NewDecoder(r)
	var one, two map[string]any
	if err := d.Decode(&one); err != nil || one["verdict"] != "accept" {
		t.Fatalf("%v, %v\n%s", one, err, p.errs)
	}
	p.cmd.Process.Signal(os.Interrupt)
	if status := p.status(t); status != command.Interrupted || d.Decode(&two) != io.EOF || !strings.HasPrefix(p.errs.String(), "assay: interrupted before the check of 127.0.0.1 port ") {
		t.Errorf("status %d, %v\n%s", status, two, p.errs)
	}
}

// An interrupt while data is relayed: what came is there, the server is told
// with close_notify, and the status is 130.
func TestInterruptedRelay(t *testing.T) {
	s := newSite(t)
	for name, version := range tlsVersions {
		t.Run("TLS "+name, func(t *testing.T) {
			ended := make(chan error, 1)
			port := s.serve(t, version, func(c *tls.Conn) {
				io.WriteString(c, "so far")
				_, err := io.Copy(io.Discard, c)
				ended <- err
			})
			p := assayProcess(t, s.connectArgs(t, port)...)
			stdin, err := p.cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			defer stdin.Close()
			p.cmd.Stdout = nil
			out, err := p.cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			p.start(t)
			b := make([]byte, 6)
			if _, err := io.ReadFull(out, b); err != nil || string(b) != "so far" {
				t.Fatalf("%q, %v\n%s", b, err, p.errs)
			}
			p.cmd.Process.Signal(os.Interrupt)
			if status := p.status(t); status != command.Interrupted || p.errs.String() != "" {
				t.Errorf("status %d\n%s", status, p.errs)
			}
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("the server saw %v", err)
				}
			case <-time.After(patience):
				t.Error("the server was not told")
			}
		})
	}
}

// `assay connect ... | head -c 1`: the reader has what it wanted, and the
// program ends in silence, with the status that SIGPIPE has in a shell.
func TestProcessBrokenPipe(t *testing.T) {
	s := newSite(t)
	port := s.serve(t, 0, func(c *tls.Conn) {
		for {
			if _, err := c.Write(make([]byte, 1<<14)); err != nil {
				return
			}
		}
	})
	p := assayProcess(t, s.connectArgs(t, port)...)
	stdin, err := p.cmd.StdinPipe() // nothing comes on it
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout = w
	p.start(t)
	w.Close()
	head := exec.Command("head", "-c", "1")
	head.Stdin = r
	b, err := head.Output()
	r.Close()
	if err != nil || len(b) != 1 {
		t.Fatalf("head: %q, %v", b, err)
	}
	if status := p.status(t); status != exitPipe || p.errs.String() != "" {
		t.Errorf("status %d\n%s", status, p.errs)
	}
	// A report that nobody reads ends in silence too; SIGPIPE itself does it.
	p = assayProcess(t, "explain")
	if r, w, err = os.Pipe(); err != nil {
		t.Fatal(err)
	}
	r.Close()
	p.cmd.Stdout = w
	p.start(t)
	w.Close()
	if status := p.status(t); p.errs.String() != "" || !p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
		t.Errorf("explain: status %d\n%s", status, p.errs)
	}
}

// A gigabyte (a quarter in the quick tier) goes down, and half as much up, in
// memory that does not grow.
func TestConnectFlatMemory(t *testing.T) {
	if _, err := os.ReadFile("/proc/self/status"); err != nil {
		t.Skip("no /proc here")
	}
	s := newSite(t)
	const warm = 32 << 20
	down, up := 256<<20, 128<<20
	if os.Getenv("ASSAY_FULL") == "1" {
		down, up = 1<<30, 512<<20
	}
	block := make([]byte, 1<<20)
	port := s.serve(t, 0, func(c *tls.Conn) {
		c.SetDeadline(time.Now().Add(4 * patience))
		for range down / len(block) {
			if _, err := c.Write(block); err != nil {
				return
			}
		}
		n, _ := io.Copy(io.Discard, c)
		fmt.Fprintf(c, "got %d", n)
		c.Close()
	})
	p := assayProcess(t, append(s.connectArgs(t, port), "--timeout", "60s")...)
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout = nil
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { p.cmd.Process.Kill(); p.cmd.Wait() }()
	if n, err := io.CopyN(io.Discard, out, warm); err != nil {
		t.Fatalf("after %d bytes: %v\n%s", n, err, p.errs)
	}
	before := peakMemory(t, p.cmd.Process.Pid)
	if n, err := io.CopyN(io.Discard, out, int64(down-warm)); err != nil {
		t.Fatalf("after %d bytes: %v\n%s", n, err, p.errs)
	}
	for range up / len(block) {
		if _, err := stdin.Write(block); err != nil {
			t.Fatalf("%v\n%s", err, p.errs)
		}
	}
	after := peakMemory(t, p.cmd.Process.Pid)
	stdin.Close()
	rest, err := io.ReadAll(out)
	if err != nil || string(rest) != fmt.Sprintf("got %d", up) {
		t.Fatalf("%q, %v\n%s", rest, err, p.errs)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, p.errs)
	}
	t.Logf("peak memory %d KiB after %d MiB, %d KiB after all", before, warm>>20, after)
	if after-before > 16<<10 {
		t.Errorf("peak memory grew from %d to %d KiB", before, after)
	}
}

// peakMemory reads VmHWM, in KiB.
func peakMemory(t testing.TB, pid int) (kib int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "VmHWM:")
	if _, err := fmt.Sscan(rest, &kib); !ok || err != nil {
		t.Fatalf("no VmHWM in %s", b)
	}
	return kib
}
