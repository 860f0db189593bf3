package cli

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/command"
)

// answering starts a server that serves each connection by itself.
func answering(t *testing.T, serve func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
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
				c.SetDeadline(time.Now().Add(10 * time.Second))
				serve(c)
			}()
		}
	}()
	return l.Addr().String()
}

// The limit of the handshake is a flag of its own, which holds for greetings too,
// and what is told of a refusal are the server's words.
func TestFlagsOfTheDialog(t *testing.T) {
	greeted := make(chan string, 1)
	silent := answering(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	half := answering(t, func(c net.Conn) { io.WriteString(c, "220 mx.te"); io.Copy(io.Discard, c) })
	strict := answering(t, func(c net.Conn) {
		io.WriteString(c, "220 mx.test\r\n")
		line, _ := bufio.NewReader(c).ReadString('\n')
		greeted <- strings.TrimSpace(line)
		io.WriteString(c, "504 5.5.2 need a name\r\n")
	})
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--handshake-timeout", "200ms", silent}, []string{" handshake-timeout: ", "within 200 ms"}},
		{[]string{"--handshake-timeout", "200ms", "--starttls", "imap", silent}, []string{" starttls-failure: ", "said nothing for 200 ms"}},
		{[]string{"--handshake-timeout", "200ms", "--starttls", "smtp", half}, []string{" starttls-failure: ", "220 mx.te"}},
		{[]string{"--starttls", "smtp", strict}, []string{" starttls-refused: ", "504 5.5.2 need a name"}},
		{[]string{"--starttls", "smtp", "--ehlo", "client.test", strict}, []string{" starttls-refused: ", "504 5.5.2 need a name"}},
	} {
		status, out, errs := run("", append([]string{"check", "-q", "--offline", "--cache-dir", t.TempDir()}, c.args...)...)
		for _, want := range c.want {
			if status != command.Inconclusive || !strings.Contains(out, want) {
				t.Errorf("%q: status %d, want %q\n%s%s", c.args, status, want, out, errs)
			}
		}
		if c.args[len(c.args)-1] == strict {
			if line := <-greeted; line != "EHLO client.test" && line != "EHLO assay.invalid" || (line == "EHLO client.test") != (len(c.args) == 5) {
				t.Errorf("%q: greeted with %q", c.args, line)
			}
		}
	}
}

var commandFlags = regexp.MustCompile(`(?:assay (\w+) (?:without )?)?((?:--[a-z0-9-]+(?: [A-Z][A-Z:]*)?(?:, | and | or )?)+)`)

// The advice about a connection names no flag that the command which prints it
// refuses: check and connect both print it, and what one of them lacks is named
// with the other.
func TestAdviceNamesFlagsThatAreThere(t *testing.T) {
	a := &app{}
	commands := map[string]*cobra.Command{"check": a.checkCommand(), "connect": a.connectCommand()}
	has := func(command, flag string) bool {
		f := commands[command].Flags().Lookup(flag)
		return f != nil && !f.Hidden
	}
	seen := 0
	for _, k := range finding.Kinds() {
		if k.Class != finding.ClassConnection {
			continue
		}
		for _, m := range commandFlags.FindAllStringSubmatch(k.Fix, -1) {
			for _, flag := range regexp.MustCompile(`--([a-z0-9-]+)`).FindAllStringSubmatch(m[2], -1) {
				seen++
				for command := range commands {
					if (m[1] == "" || m[1] == command) && !has(command, flag[1]) {
						t.Errorf("%s: assay %s has no --%s: %s", k.ID, command, flag[1], k.Fix)
					}
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("%d flags were found", seen)
	}
}

// A connection that ends in the middle of a record, and one on which plain text
// follows, are told as what they are; the first is never ignored, for data is
// missing.
func TestConnectTornAndPlain(t *testing.T) {
	s := newSite(t)
	for name, version := range tlsVersions {
		for _, c := range []struct{ after, id, text string }{
			{"\x17\x03\x03\x01\x00abc", "truncated", "middle of a TLS record"},
			{"plain text after TLS\n", "data-damaged", `plain text came that begins with "plain"`},
			{"\x17\x03", "truncated", "middle of a TLS record"},
		} {
			port := s.serve(t, version, func(c2 *tls.Conn) {
				io.ReadFull(c2, make([]byte, 1))
				io.WriteString(c2, "so far")
				io.WriteString(c2.NetConn(), c.after)
				c2.NetConn().(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, c2.NetConn())
			})
			for _, flags := range [][]string{nil, {"--ignore-truncation"}} {
				status, out, errs := s.connect(t, "x", port, append(flags, "--on-eof", "wait")...)
				if status != command.Inconclusive || out != "so far" || !strings.Contains(errs, "["+c.id+"]") || !strings.Contains(errs, c.text) {
					t.Errorf("TLS %s, %q %q: status %d, output %q\n%s", name, c.after, flags, status, out, errs)
				}
			}
		}
	}
}

// A server that ends without close_notify when it has been told that the input
// has ended is not at fault alone, and what helps is named.
func TestConnectEndedAfterHalfClose(t *testing.T) {
	s := newSite(t)
	port := s.serve(t, tls.VersionTLS13, func(c *tls.Conn) {
		io.Copy(io.Discard, c)
		io.WriteString(c, "answer")
		c.NetConn().Close()
	})
	status, out, errs := s.connect(t, "x", port)
	if status != command.Inconclusive || out != "answer" || !strings.Contains(errs, "[truncated]") || !strings.Contains(errs, "--on-eof wait") || strings.Contains(errs, "make it send close_notify") {
		t.Errorf("status %d, output %q\n%s", status, out, errs)
	}
	port = s.serve(t, tls.VersionTLS13, func(c *tls.Conn) {
		io.ReadFull(c, make([]byte, 1))
		io.WriteString(c, "answer")
		c.NetConn().Close()
	})
	if status, _, errs := s.connect(t, "x", port, "--on-eof", "wait"); status != command.Inconclusive || !strings.Contains(errs, "make it send close_notify") {
		t.Errorf("not told: status %d\n%s", status, errs)
	}
}

// check and verify waive what connect can waive, and refuse the rest in the same
// words.
func TestCheckAllows(t *testing.T) {
	l := startLab(t)
	for _, s := range l.Scenarios {
		if s.Name != "must-staple-missing" {
			continue
		}
		args := append(l.Assay(s), "-q", "--cache-dir", t.TempDir())
		if status, out, errs := run("", args...); status != command.Reject {
			t.Errorf("status %d\n%s%s", status, out, errs)
		}
		if status, out, errs := run("", append(args, "--allow", string(finding.MustStapleMissing))...); status != command.Accept {
			t.Errorf("allowed: status %d\n%s%s", status, out, errs)
		}
	}
	for _, c := range []struct{ id, says string }{{"cert-expired", "assay explain cert-expired tells more"}, {"nonsense", "assay explain lists the findings"}} {
		if status, _, errs := run("", "check", "--allow", c.id, "a.test"); status != command.UsageError || !strings.Contains(errs, c.says) {
			t.Errorf("%s: status %d\n%s", c.id, status, errs)
		}
	}
}
