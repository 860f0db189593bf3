package cli

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/peers"
)

// pty is a pseudo-terminal: what a user types goes in, what a user sees comes
// out.
type pty struct {
	master, slave *os.File
	seen          *peers.Output
	done          chan struct{}
}

func newPTY(t testing.TB) *pty {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := &pty{master, slave, &peers.Output{}, make(chan struct{})}
	go func() {
		defer close(p.done)
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			p.seen.Write(b[:n])
			if err != nil { // EIO: nobody holds the other side any more
				return
			}
		}
	}()
	t.Cleanup(func() { slave.Close(); <-p.done; master.Close() })
	return p
}

// control makes the pty the controlling terminal of p and its three streams,
// but for those that are set.
func (p *pty) control(pr *process) {
	pr.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
	pr.cmd.ExtraFiles = []*os.File{p.slave}
	pr.cmd.Env = append(pr.cmd.Env, "TERM=xterm", "NO_COLOR=")
}

func (p *pty) typed(t testing.TB, s string) {
	t.Helper()
	if _, err := p.master.WriteString(s); err != nil {
		t.Fatal(err)
	}
}

// shows waits until text is seen.
func (p *pty) shows(t testing.TB, text string) {
	t.Helper()
	for end := time.Now().Add(patience); !strings.Contains(p.seen.String(), text); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%q is not shown:\n%q", text, p.seen)
		}
	}
}

// hides waits until the terminal does not show what is typed.
func (p *pty) hides(t testing.TB) {
	t.Helper()
	for end := time.Now().Add(patience); p.state(t).Lflag&unix.ECHO != 0; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the terminal shows what is typed")
		}
	}
}

func (p *pty) state(t testing.TB) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

// Passwords are asked for on the terminal, once, whatever the streams are, and
// are not shown.
func TestPasswordPrompt(t *testing.T) {
	s := newSite(t)
	client := newClientFiles(t)
	port := listenAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.cert}, ClientAuth: tls.RequireAnyClientCert})
	at := "localhost:" + port
	base := []string{"check", "--format", "json", "--roots", s.root, "--offline", "--resolve", at + ":127.0.0.1"}
	for _, c := range []struct {
		name   string
		args   string
		typed  string
		status int
		says   string // on standard error
	}{
		{"PKCS#8", "--cert cert --key pkcs8", "sesame\n", 0, ""},
		{"PKCS#12", "--cert p12", "sesame\n", 0, ""},
		{"PKCS#8 wrong", "--cert cert --key pkcs8", "simsalabim\n", command.UsageError, "the password is wrong"},
		{"PKCS#12 wrong", "--cert p12", "simsalabim\n", command.UsageError, "the password is wrong"},
		{"empty", "--cert cert --key pkcs8", "\n", command.UsageError, "the password is wrong"},
		{"control-D is nothing", "--cert cert --key pkcs8", "\x04sesame\n", 0, ""},
		{"interrupt", "--cert cert --key pkcs8", "ses\x03", command.Interrupted, ""},
		{"interrupt PKCS#12", "--cert p12", "\x03", command.Interrupted, ""},
		{"file", "--cert p12 --pass-file pass", "", 0, ""},
		{"wrong file", "--cert cert --key pkcs8 --pass-file wrong", "", command.UsageError, "the password is wrong"},
	} {
		t.Run(c.name, func(t *testing.T) {
			term := newPTY(t)
			before := term.state(t)
			// Two targets: the password is asked for once.
			p := assayProcess(t, append(append(base, inDir(client, c.args)...), at, at)...)
			term.control(p)
			p.start(t)
			if c.typed != "" {
				term.shows(t, "Password for "+client)
				term.hides(t)
				term.typed(t, c.typed)
			}
			status := p.status(t)
			if status != c.status || !strings.Contains(p.errs.String(), c.says) || c.says == "" && p.errs.String() != "" {
				t.Errorf("status %d, want %d with %q\n%s", status, c.status, c.says, p.errs)
			}
			if n := strings.Count(p.out.String(), `"client_cert":"sent"`); (c.status == 0) != (n == 2) || c.status != 0 && p.out.String() != "" {
				t.Errorf("%d certificates were sent: %s", n, p.out)
			}
			if after := term.state(t); after != before {
				t.Errorf("the terminal was %+v and is %+v", before, after)
			}
			seen := term.seen.String()
			asked := 0
			if c.typed != "" {
				asked = 1
			}
			if strings.Count(seen, "Password for") != asked || strings.Contains(seen+p.errs.String()+p.out.String(), "ses") && strings.Contains(c.typed, "ses") {
				t.Errorf("seen %q", seen)
			}
		})
	}
	// Without a terminal there is nobody to ask, and the message says what to do.
	p := assayProcess(t, append(append(base, inDir(client, "--cert p12")...), at)...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	p.start(t)
	if status := p.status(t); status != command.UsageError || !strings.Contains(p.errs.String(), "--pass-file") {
		t.Errorf("no terminal: status %d\n%s", status, p.errs)
	}
}

// On a terminal an interrupt leaves a clean line, and a report is coloured.
func TestTerminal(t *testing.T) {
	s := newSite(t)
	silent, waits := silentListener(t)
	term := newPTY(t)
	before := term.state(t)
	p := assayProcess(t, "check", "--roots", s.root, silent)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = term.slave, term.slave, term.slave
	term.control(p)
	p.start(t)
	await(t, "the server", waits)
	term.shows(t, "checking "+silent)
	term.typed(t, "\x03")
	if status := p.status(t); status != command.Interrupted {
		t.Errorf("status %d", status)
	}
	term.shows(t, "no handshake yet\r\n") // what was known, where the line of progress was
	if seen := term.seen.String(); !strings.Contains(seen, "^C\r\x1b[Kassay: interrupted ") || !strings.HasSuffix(seen, "no handshake yet\r\n") || strings.Contains(seen, "goroutine") || term.state(t) != before {
		t.Errorf("the terminal shows %q", seen)
	}

	port := listenAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.cert}})
	at := "localhost:" + port
	term = newPTY(t)
	p = assayProcess(t, "check", "--roots", s.root, "--offline", "--resolve", at+":127.0.0.1", at)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = term.slave, term.slave, term.slave
	term.control(p)
	p.start(t)
	if status := p.status(t); status != 0 {
		t.Errorf("status %d", status)
	}
	term.shows(t, "shows everything")
	if seen := term.seen.String(); !strings.Contains(seen, "\x1b[1;32mACCEPT\x1b[0m") || !strings.Contains(seen, "\r\x1b[K") {
		t.Errorf("the terminal shows %q", seen)
	}
}
