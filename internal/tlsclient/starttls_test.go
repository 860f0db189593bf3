package tlsclient

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
)

// script plays a server's part: lines that begin with ">" are sent, the others
// must come from the client ("*" = anything). After it TLS begins.
func script(t *testing.T, cert tls.Certificate, steps ...string) (port string) {
	return listen(t, func(c net.Conn) {
		c.SetDeadline(time.Now().Add(5 * time.Second))
		r := bufio.NewReader(c)
		for _, s := range steps {
			if text, send := strings.CutPrefix(s, ">"); send {
				io.WriteString(c, text)
				continue
			}
			b := make([]byte, len(s))
			if s == "*" {
				r.ReadString('\n')
			} else if _, err := io.ReadFull(r, b); err != nil || string(b) != s {
				t.Errorf("client said %q, want %q (%v)", b, s, err)
				return
			}
		}
		s := tls.Server(readerConn{c, r}, &tls.Config{Certificates: []tls.Certificate{cert}})
		if s.Handshake() == nil {
			s.Read(make([]byte, 1))
			s.Close()
		}
	})
}

// readerConn is a connection whose first octets were buffered.
type readerConn struct {
	net.Conn
	r io.Reader
}

func (c readerConn) Read(b []byte) (int, error) { return c.r.Read(b) }

const (
	mysqlHello   = "\x4a\x00\x00\x00\x0a8.0.test\x00\x01\x00\x00\x0012345678\x00\xff\xff\x21\x02\x00\xff\xff\x15\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	ldapRequest  = "\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
	xmppOpen     = "<?xml version='1.0'?><stream:stream to='dial.test' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
	xmppFeatures = ">" + "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' id='1'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
	xmppStart    = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
)

// mysqlPacket gives a packet its length.
func mysqlPacket(s string) string { return string(rune(len(s)-4)) + s[1:] }

func TestStartTLS(t *testing.T) {
	cert := chainFor(t)
	mysqlReply := "\x20\x00\x00\x01\x00\x8a\x00\x00\xff\xff\xff\x00\x2d" + strings.Repeat("\x00", 23)
	for _, c := range []struct {
		protocol string
		steps    []string
		want     finding.ID // "" = TLS follows
		reply    string
	}{
		{"smtp", []string{">220-mx.test ESMTP\r\n220 ready\r\n", "EHLO assay.invalid\r\n", ">250-mx.test\r\n250-SIZE 1\r\n250-starttls\r\n250 HELP\r\n", "STARTTLS\r\n", ">220 go\r\n"}, "", ""},
		{"smtp", []string{">220 ready\r\n", "*", ">250-mx.test\r\n250 AUTH PLAIN\r\n"}, finding.StartTLSNotOffered, "250-mx.test"},
		{"smtp", []string{">554 go away\r\n"}, finding.StartTLSRefused, "554 go away"},
		{"smtp", []string{">220 ready\r\n", "*", ">250 STARTTLS\r\n", "*", ">454 no certificate\r\n"}, finding.StartTLSRefused, "454 no certificate"},
		{"smtp", []string{">220 ready\r\n", "*", ">250 STARTTLS\r\n", "*", ">220 go\r\n250 injected\r\n"}, finding.StartTLSInjection, "250 injected"},
		{"smtp", []string{">220 ready\r\n", "*", ">250 STARTTLS\r\n220 go\r\n"}, finding.StartTLSInjection, "220 go"},
		{"smtp", []string{">+OK wrong protocol\r\n"}, finding.StartTLSFailure, ""},
		{"smtp", []string{">" + strings.Repeat("x", 9000) + "\r\n"}, finding.StartTLSFailure, ""},
		{"smtp", []string{">" + strings.Repeat("220-x\r\n", 20000)}, finding.StartTLSFailure, ""},
		{"smtp", nil, finding.StartTLSFailure, ""}, // begins with TLS
		{"imap", []string{">* OK ready\r\n", "a1 CAPABILITY\r\n", ">* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK done\r\n", "a2 STARTTLS\r\n", ">a2 OK go\r\n"}, "", ""},
		{"imap", []string{">* OK ready\r\n", "*", ">* CAPABILITY IMAP4rev1\r\na1 OK done\r\n"}, finding.StartTLSNotOffered, "* CAPABILITY IMAP4rev1"},
		{"imap", []string{">* PREAUTH hello\r\n"}, finding.StartTLSRefused, "* PREAUTH hello"},
		{"imap", []string{">* OK ready\r\n", "*", ">* CAPABILITY STARTTLS\r\na1 OK done\r\n", "*", ">a2 BAD no\r\n"}, finding.StartTLSRefused, "a2 BAD no"},
		{"imap", []string{">* OK ready\r\n", "*", ">* CAPABILITY STARTTLS\r\na1 OK done\r\n", "*", ">a2 OK go\r\n* BYE injected\r\n"}, finding.StartTLSInjection, "* BYE injected"},
		{"pop3", []string{">+OK ready\r\n", "CAPA\r\n", ">+OK\r\nUIDL\r\nSTLS\r\n.\r\n", "STLS\r\n", ">+OK go\r\n"}, "", ""},
		{"pop3", []string{">+OK ready\r\n", "*", ">+OK\r\nUIDL\r\n.\r\n"}, finding.StartTLSNotOffered, "+OK"},
		{"pop3", []string{">+OK ready\r\n", "*", ">-ERR what\r\n", "STLS\r\n", ">+OK go\r\n"}, "", ""},
		{"pop3", []string{">+OK ready\r\n", "*", ">-ERR what\r\n", "*", ">-ERR no\r\n"}, finding.StartTLSNotOffered, "-ERR no"},
		{"pop3", []string{">+OK ready\r\n", "*", ">+OK\r\nSTLS\r\n.\r\n", "*", ">-ERR no\r\n"}, finding.StartTLSRefused, "-ERR no"},
		{"pop3", []string{">+OK ready\r\n", "*", ">+OK\r\nSTLS\r\n.\r\n", "*", ">+OK go\r\n+OK injected\r\n"}, finding.StartTLSInjection, "+OK injected"},
		{"ftp", []string{">120 wait\r\n220 ready\r\n", "AUTH TLS\r\n", ">234 go\r\n"}, "", ""},
		{"ftp", []string{">220 ready\r\n", "*", ">530 please log in\r\n"}, finding.StartTLSNotOffered, "530 please log in"},
		{"ftp", []string{">220 ready\r\n", "*", ">431 no resource\r\n"}, finding.StartTLSRefused, "431 no resource"},
		{"ftp", []string{">220 ready\r\n", "*", ">234 go\r\n230 injected\r\n"}, finding.StartTLSInjection, "230 injected"},
		{"postgres", []string{"\x00\x00\x00\x08\x04\xd2\x16\x2f", ">S"}, "", ""},
		{"postgres", []string{"\x00\x00\x00\x08\x04\xd2\x16\x2f", ">N"}, finding.StartTLSNotOffered, "N"},
		{"postgres", []string{"\x00\x00\x00\x08\x04\xd2\x16\x2f", ">SR\x00\x00\x00\x08\x00\x00\x00\x00"}, finding.StartTLSInjection, ""},
		{"postgres", []string{"\x00\x00\x00\x08\x04\xd2\x16\x2f", ">E\x00\x00\x00\x10SFATAL\x00no\x00\x00"}, finding.StartTLSFailure, ""},
		{"mysql", []string{">" + mysqlPacket(mysqlHello), mysqlReply}, "", ""},
		{"mysql", []string{">" + mysqlPacket(strings.Replace(mysqlHello, "\xff\xff\x21", "\xff\xf7\x21", 1))}, finding.StartTLSNotOffered, "server 8.0.test"},
		{"mysql", []string{">\x0d\x00\x00\x00\xff\x6a\x04Host 'x'ab"}, finding.StartTLSRefused, ""},
		{"mysql", []string{">" + mysqlPacket(mysqlHello) + "\x01\x00\x00\x01\x00"}, finding.StartTLSInjection, ""},
		{"mysql", []string{">220 mail\r\n"}, finding.StartTLSFailure, ""},
		{"ldap", []string{ldapRequest, ">\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"}, "", ""},
		{"ldap", []string{ldapRequest, ">\x30\x84\x00\x00\x00\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"}, "", ""}, // Active Directory
		{"ldap", []string{ldapRequest, ">\x30\x0f\x02\x01\x01\x78\x0a\x0a\x01\x02\x04\x00\x04\x03bad"}, finding.StartTLSNotOffered, "result 2 bad"},
		{"ldap", []string{ldapRequest, ">\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x34\x04\x00\x04\x00"}, finding.StartTLSRefused, "result 52 "},
		{"ldap", []string{ldapRequest, ">\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00\x30\x00"}, finding.StartTLSInjection, ""},
		{"ldap", []string{ldapRequest, ">HTTP/1.1 400 Bad Request\r\n"}, finding.StartTLSFailure, ""},
		{"xmpp", []string{xmppOpen, xmppFeatures, xmppStart, "><proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"}, "", ""},
		{"xmpp", []string{xmppOpen, "><stream:stream><stream:features><mechanisms/></stream:features>"}, finding.StartTLSNotOffered, ""},
		{"xmpp", []string{xmppOpen, "><stream:stream><stream:error><host-unknown/></stream:error>"}, finding.StartTLSRefused, ""},
		{"xmpp", []string{xmppOpen, xmppFeatures, xmppStart, "><failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"}, finding.StartTLSRefused, ""},
		{"xmpp", []string{xmppOpen, xmppFeatures, xmppStart, "><proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><success/>"}, finding.StartTLSInjection, "<success/>"},
		{"nosuch", []string{">220 ready\r\n"}, finding.StartTLSFailure, ""},
	} {
		name := c.protocol + " " + string(c.want)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ev := dial(t, Config{Port: script(t, cert, c.steps...), SNI: "dial.test", StartTLS: c.protocol, HandshakeTimeout: 1500 * time.Millisecond})
			roundTrips(t, ev)
			if c.want == "" {
				if ev.Failure != nil || len(ev.Chain) != 2 || ev.Connection.StartTLS != c.protocol || ev.Connection.ALPN != "" {
					t.Fatalf("failure %+v, connection %+v", ev.Failure, ev.Connection)
				}
				return
			}
			wantFailure(t, ev, c.want)
			if c.reply != "" && ev.Failure.Params["reply"] != c.reply {
				t.Errorf("reply %q, want %q", ev.Failure.Params["reply"], c.reply)
			}
			if ev.Failure.Stage != "starttls" || len(ev.Chain) != 0 {
				t.Errorf("%+v", ev.Failure)
			}
		})
	}
}
