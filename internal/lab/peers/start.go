package peers

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// FreePort returns a loopback port that nobody listens on.
func FreePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	check(t, err)
	return port
}

// Server is a running server program.
type Server struct {
	cmd    *exec.Cmd
	exited chan struct{}
	out    *Output
}

// Output is what a program has written so far; programs may write to it while
// others read.
type Output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// Shows waits until the server has written text.
func (s *Server) Shows(t testing.TB, text string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !strings.Contains(s.out.String(), text); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the server does not write %q: %s", text, s.out)
		}
	}
}

// Kill ends the server and its children at once, so that they cannot say
// goodbye.
func (s *Server) Kill() {
	kill(s.cmd)
	<-s.exited
}

// Start runs a server program until the test ends and waits until port
// answers.
func Start(t testing.TB, port, program string, args ...string) *Server {
	t.Helper()
	cmd := exec.Command(Path(t, program), args...)
	Tie(cmd)
	out := &Output{}
	cmd.Stdout, cmd.Stderr = out, out
	stdin, err := cmd.StdinPipe()
	check(t, err)
	check(t, cmd.Start())
	s := &Server{cmd, make(chan struct{}), out}
	go func() { cmd.Wait(); close(s.exited) }()
	t.Cleanup(func() { stdin.Close(); End(cmd, s.exited) })
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		select {
		case <-s.exited:
			t.Fatalf("%s ended: %s", program, out.String())
		default:
		}
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			return s
		}
	}
	t.Fatalf("%s does not listen", program)
	return nil
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// config writes a server's configuration and returns its path. $KEY, $CERT,
// $DIR and $PORT are replaced.
func config(t testing.TB, cert, key, port, text string) (path, dir string) {
	t.Helper()
	dir = t.TempDir()
	text = strings.NewReplacer("$KEY", key, "$CERT", cert, "$DIR", dir, "$PORT", port).Replace(text)
	path = filepath.Join(dir, "config.cfg.lua") // prosody wants the suffix, the others do not mind
	check(t, os.WriteFile(path, []byte(text), 0o644))
	return path, dir
}

// open lets other users into the test's directories: some servers give up
// root's rights before they read.
func open(t testing.TB, dirs ...string) {
	t.Helper()
	for _, d := range dirs {
		for ; len(d) > len(os.TempDir()); d = filepath.Dir(d) {
			os.Chmod(d, 0o777)
		}
	}
}
