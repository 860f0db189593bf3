package tlsclient

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/evidence"
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

// rdpConfirm is a server's part of the negotiation of RDP.
func rdpConfirm(negotiation string) string {
	n := byte(len(negotiation))
	return "\x03\x00\x00" + string([]byte{11 + n, 6 + n}) + "\xd0\x00\x00\x12\x34\x00" + negotiation
}

// tdsAnswer is the answer to a pre-login message in the form that MS-TDS, 4.2, shows of a
// SQL Server.
func tdsAnswer(encryption byte) string {
	return "\x04\x01\x00\x2b\x00\x00\x01\x00\x00\x00\x1a\x00\x06\x01\x00\x20\x00\x01\x02\x00\x21\x00\x01\x03\x00\x22\x00\x00\x04\x00\x22\x00\x01\xff" +
		"\x09\x00\x03\xe8\x00\x00" + string([]byte{encryption}) + "\x00\x00"
}

const (
	sieveHello = ">\"IMPLEMENTATION\" \"Test\"\r\n\"SIEVE\" {6}\r\nreject\r\n\"starttls\"\r\nOK \"ready\"\r\n"
	rdpRequest = "\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00"
)

// mysqlPacket gives a packet its length.
func mysqlPacket(s string) string { return string(rune(len(s)-4)) + s[1:] }

func TestStartTLS(t *testing.T) {
	cert := chainFor(t)
	tdsRequest := string(tdsPacket([]byte("\x00\x00\x1a\x00\x06\x01\x00\x20\x00\x01\x02\x00\x21\x00\x01\x03\x00\x22\x00\x04\x04\x00\x26\x00\x01\xff" +
		"\x11\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00")))
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
		{"smtp", []string{">220 ready\r\n", "*", ">504 5.5.2 <assay.invalid>: Helo command rejected\r\n"}, finding.StartTLSRefused, "504 5.5.2 <assay.invalid>: Helo command rejected"},
		{"smtp", []string{">220 LMTP ready\r\n", "*", ">500 try LHLO\r\n"}, finding.StartTLSRefused, "500 try LHLO"},
		{"lmtp", []string{">220 LMTP ready\r\n", "LHLO assay.invalid\r\n", ">250-x\r\n250 STARTTLS\r\n", "STARTTLS\r\n", ">220 go\r\n"}, "", ""},
		{"lmtp", []string{">220 ready\r\n", "*", ">250 8BITMIME\r\n"}, finding.StartTLSNotOffered, "250 8BITMIME"},
		{"sieve", []string{sieveHello, "STARTTLS\r\n", ">OK {2}\r\ngo\r\n"}, "", ""},
		{"sieve", []string{">\"IMPLEMENTATION\" \"Test\"\r\nok\r\n"}, finding.StartTLSNotOffered, "ok"},
		{"sieve", []string{">BYE \"too many\"\r\n"}, finding.StartTLSRefused, "BYE \"too many\""},
		{"sieve", []string{sieveHello, "*", ">NO \"no certificate\"\r\n"}, finding.StartTLSRefused, "NO \"no certificate\""},
		{"sieve", []string{sieveHello, "*", ">OK \"go\"\r\nOK injected\r\n"}, finding.StartTLSInjection, "OK injected"},
		{"sieve", []string{">* OK IMAP\r\n"}, finding.StartTLSFailure, ""},
		{"sieve", []string{">\"X\" {99999999}\r\nab"}, finding.StartTLSFailure, ""},
		{"nntp", []string{">201 ready\r\n", "CAPABILITIES\r\n", ">101 list\r\nVERSION 2\r\nSTARTTLS\r\n.\r\n", "STARTTLS\r\n", ">382 go\r\n"}, "", ""},
		{"nntp", []string{">200 ready\r\n", "*", ">500 what\r\n", "STARTTLS\r\n", ">382 go\r\n"}, "", ""},
		{"nntp", []string{">200 ready\r\n", "*", ">500 what\r\n", "*", ">500 what\r\n"}, finding.StartTLSNotOffered, "500 what"},
		{"nntp", []string{">200 ready\r\n", "*", ">101 list\r\nVERSION 2\r\n.\r\n"}, finding.StartTLSNotOffered, "101 list"},
		{"nntp", []string{">400 too busy\r\n"}, finding.StartTLSRefused, "400 too busy"},
		{"nntp", []string{">200 ready\r\n", "*", ">101 list\r\nSTARTTLS\r\n.\r\n", "*", ">580 no certificate\r\n"}, finding.StartTLSRefused, "580 no certificate"},
		{"nntp", []string{">200 ready\r\n", "*", ">101 list\r\nSTARTTLS\r\n.\r\n", "*", ">382 go\r\n205 injected\r\n"}, finding.StartTLSInjection, "205 injected"},
		{"irc", []string{">:irc.test NOTICE * :*** Looking up your hostname\r\n", "STARTTLS\r\n", ">NOTICE AUTH :*** found it\r\n:irc.test 670 * :go\r\n"}, "", ""},
		{"irc", []string{"STARTTLS\r\n", ">:irc.test 421 * STARTTLS :Unknown command\r\n"}, finding.StartTLSNotOffered, ":irc.test 421 * STARTTLS :Unknown command"},
		{"irc", []string{"STARTTLS\r\n", ">:irc.test 691 * :no\r\n"}, finding.StartTLSRefused, ":irc.test 691 * :no"},
		{"irc", []string{"STARTTLS\r\n", ">ERROR :Closing link\r\n"}, finding.StartTLSRefused, "ERROR :Closing link"},
		{"irc", []string{"STARTTLS\r\n", ">:irc.test 670 * :go\r\n:irc.test 001 x :injected\r\n"}, finding.StartTLSInjection, ":irc.test 001 x :injected"},
		{"irc", []string{">220 mail\r\n"}, finding.StartTLSFailure, ""},
		{"rdp", []string{rdpRequest, ">" + rdpConfirm("\x02\x00\x08\x00\x01\x00\x00\x00")}, "", ""},
		{"rdp", []string{rdpRequest, ">" + rdpConfirm("\x02\x1f\x08\x00\x02\x00\x00\x00")}, "", ""},
		{"rdp", []string{rdpRequest, ">" + rdpConfirm("\x02\x00\x08\x00\x00\x00\x00\x00")}, finding.StartTLSNotOffered, "standard RDP security alone"},
		{"rdp", []string{rdpRequest, ">" + rdpConfirm("")}, finding.StartTLSNotOffered, "standard RDP security alone"},
		{"rdp", []string{rdpRequest, ">" + rdpConfirm("\x03\x00\x08\x00\x02\x00\x00\x00")}, finding.StartTLSNotOffered, "negotiation failure SSL_NOT_ALLOWED_BY_SERVER"},
		{"rdp", []string{rdpRequest, ">" + rdpConfirm("\x03\x00\x08\x00\x03\x00\x00\x00")}, finding.StartTLSRefused, "negotiation failure SSL_CERT_NOT_ON_SERVER"},
		{"rdp", []string{rdpRequest, ">" + rdpConfirm("\x03\x00\x08\x00\xff\xff\xff\xff")}, finding.StartTLSRefused, "negotiation failure 4294967295"},
		{"rdp", []string{rdpRequest, ">" + rdpConfirm("\x02\x00\x08\x00\x01\x00\x00\x00") + "x"}, finding.StartTLSInjection, "x"},
		{"rdp", []string{rdpRequest, ">HTTP/1.1 400\r\n\r\n"}, finding.StartTLSFailure, ""},
		{"mssql", []string{tdsRequest, ">" + tdsAnswer(2)}, finding.StartTLSNotOffered, "encryption is not supported"},
		{"mssql", []string{tdsRequest, ">" + tdsAnswer(9)}, finding.StartTLSRefused, "encryption 9"},
		{"mssql", []string{tdsRequest, ">" + tdsAnswer(1) + "\x16"}, finding.StartTLSInjection, ""},
		{"mssql", []string{tdsRequest, ">\x04\x01\x00\x0e\x00\x00\x01\x00\x01\x00\x40\x00\x01\xff"}, finding.StartTLSFailure, ""}, // the option is outside
		{"mssql", []string{tdsRequest, ">HTTP/1.1 400\r\n\r\n"}, finding.StartTLSFailure, ""},
		{"nosuch", []string{">220 ready\r\n"}, finding.StartTLSFailure, ""},
	} {
		name := c.protocol + " " + string(c.want)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf := Config{Port: script(t, cert, c.steps...), SNI: "dial.test", StartTLS: c.protocol, HandshakeTimeout: 1500 * time.Millisecond}
			ev := dial(t, conf)
			roundTrips(t, ev)
			conf.Lean = true
			if lean := dial(t, conf); c.want == "" && (lean.Failure != nil || lean.Source != evidence.SourceLean || len(lean.Chain) != 2) ||
				c.want != "" && (lean.Failure == nil || lean.Failure.ID != c.want) {
				t.Errorf("lean: source %s, failure %+v", lean.Source, lean.Failure)
			}
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

// TestHalfAnswers has servers that stop in the middle of what they say. It is told
// what came, and not that nothing did.
func TestHalfAnswers(t *testing.T) {
	for _, c := range []struct{ protocol, said, want string }{
		{"smtp", "220 mx.te", "220 mx.te"}, {"smtp", "220-mx.test\r\n220-hello\r\n", "220-hello"}, {"imap", "* OK", "* OK"},
		{"sieve", "\"IMPLEMENTATION\" \"x\"\r\n", "\"IMPLEMENTATION\" \"x\""}, {"mysql", "\x4a\x00\x00\x00\x0a8.0", "8.0"},
	} {
		for _, closes := range []bool{false, true} {
			port := listen(t, func(conn net.Conn) {
				io.WriteString(conn, c.said)
				if !closes {
					io.Copy(io.Discard, conn)
				}
			})
			ev := dial(t, Config{Port: port, StartTLS: c.protocol, HandshakeTimeout: 100 * time.Millisecond})
			wantFailure(t, ev, finding.StartTLSFailure)
			if detail := ev.Failure.Params["detail"]; !strings.HasSuffix(detail, c.want) || strings.Contains(detail, "nothing") {
				t.Errorf("%s %q, closes %v: %s", c.protocol, c.said, closes, detail)
			}
		}
	}
	silent := listen(t, func(conn net.Conn) { io.Copy(io.Discard, conn) })
	ev := dial(t, Config{Port: silent, StartTLS: "smtp", HandshakeTimeout: 100 * time.Millisecond})
	if detail := ev.Failure.Params["detail"]; detail != "it said nothing for 100 ms; perhaps the port begins with TLS" {
		t.Errorf("%s", detail)
	}
}

// A name for EHLO is sent as it is.
func TestEHLO(t *testing.T) {
	cert := chainFor(t)
	for protocol, verb := range map[string]string{"smtp": "EHLO", "lmtp": "LHLO"} {
		port := script(t, cert, ">220 ready\r\n", verb+" client.test\r\n", ">250 STARTTLS\r\n", "STARTTLS\r\n", ">220 go\r\n")
		if ev := dial(t, Config{Port: port, StartTLS: protocol, EHLO: "client.test"}); ev.Failure != nil {
			t.Errorf("%s: %+v", protocol, ev.Failure)
		}
	}
}
