package cli

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
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
		{[]string{"--handshake-timeout", "200ms", silent}, []string{" handshake-timeout: ", "within 200ms"}},
		{[]string{"--handshake-timeout", "200ms", "--starttls", "imap", silent}, []string{" starttls-failure: ", "said nothing for 200ms"}},
		{[]string{"--handshake-timeout", "200ms", "--starttls", "smtp", half}, []string{" starttls-failure: ", "220 mx.te"}},
		{[]string{"--starttls", "smtp", strict}, []string{" starttls-refused: ", "504 5.5.2 need a name"}},
		{[]string{"--starttls", "smtp", "--ehlo", "client.test", strict}, []string{" starttls-refused: ", "504 5.5.2 need a name"}},
	} {
		status, out, errs := run("", append([]string{"check", "-q", "--offline", "--cache-dir", t.TempDir()}, c.args...)...)
		for _, want := range c.want {
			if status != exitInconclusive || !strings.Contains(out, want) {
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
