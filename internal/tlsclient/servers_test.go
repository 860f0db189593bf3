package tlsclient

import (
	"strings"
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/peers"
)

func wantStartTLS(t *testing.T, protocol, port string, k keyPair) {
	t.Helper()
	ev := dial(t, Config{Port: port, SNI: "dial.test", StartTLS: protocol})
	if ev.Failure != nil {
		t.Fatalf("%s: %+v", protocol, ev.Failure)
	}
	wantChain(t, ev, k)
}

func rsaKey(t *testing.T) keyPair {
	return selfSigned(t, "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
}

func TestNginxMail(t *testing.T) {
	k := ecKey(t)
	smtp, imap, pop3, plain := peers.NginxMail(t, k.cert, k.key)
	wantStartTLS(t, "smtp", smtp, k)
	wantStartTLS(t, "imap", imap, k)
	wantStartTLS(t, "pop3", pop3, k)
	wantFailure(t, dial(t, Config{Port: plain, StartTLS: "imap"}), finding.StartTLSNotOffered)
	ev := dial(t, Config{Port: smtp})
	wantFailure(t, ev, finding.PlaintextStartTLS)
	if ev.Failure.Params["starttls"] != "smtp" {
		t.Errorf("%+v", ev.Failure)
	}
}

func TestExim(t *testing.T) {
	k := ecKey(t)
	smtp, smtps := peers.Exim(t, k.cert, k.key)
	wantStartTLS(t, "smtp", smtp, k)
	// It refuses a web client's offer, and takes a client that makes none.
	wantFailure(t, dial(t, Config{Port: smtps, SNI: "dial.test"}), finding.ALPNNoCommon)
	ev := dial(t, Config{Port: smtps, SNI: "dial.test", ALPN: []string{}})
	if ev.Failure != nil {
		t.Fatalf("%+v", ev.Failure)
	}
	wantChain(t, ev, k)
}

func TestDovecot(t *testing.T) {
	k := ecKey(t)
	imap, pop3, lmtp, sieve := peers.Dovecot(t, k.cert, k.key)
	wantStartTLS(t, "imap", imap, k)
	wantStartTLS(t, "pop3", pop3, k)
	wantStartTLS(t, "lmtp", lmtp, k)
	wantStartTLS(t, "sieve", sieve, k)
	wantPlain(t, sieve, "sieve")
	ev := dial(t, Config{Port: lmtp, StartTLS: "smtp"}) // it does not know EHLO
	wantFailure(t, ev, finding.StartTLSRefused)
	if reply := ev.Failure.Params["reply"]; !strings.HasPrefix(reply, "500 ") {
		t.Errorf("LMTP asked in SMTP: %s", reply)
	}
}

// wantPlain asks for TLS at once and wants to be told the protocol.
func wantPlain(t *testing.T, port, protocol string) {
	t.Helper()
	ev := dial(t, Config{Port: port, SNI: "dial.test"})
	wantFailure(t, ev, finding.PlaintextStartTLS)
	if got := ev.Failure.Params["starttls"]; got != protocol {
		t.Errorf("the protocol is %s, want %s", got, protocol)
	}
}

func TestInspircd(t *testing.T) {
	k := ecKey(t)
	wantStartTLS(t, "irc", peers.Inspircd(t, k.cert, k.key), k)
}

func TestXrdp(t *testing.T) {
	k := rsaKey(t)
	wantStartTLS(t, "rdp", peers.Xrdp(t, k.cert, k.key, true), k)
	wantFailure(t, dial(t, Config{Port: peers.Xrdp(t, k.cert, k.key, false), StartTLS: "rdp"}), finding.StartTLSNotOffered)
}

func TestNnrpd(t *testing.T) {
	k := rsaKey(t)
	port := peers.Nnrpd(t, k.cert, k.key)
	wantStartTLS(t, "nntp", port, k)
	wantPlain(t, port, "nntp")
}

func TestVsftpd(t *testing.T) {
	k := rsaKey(t)
	wantStartTLS(t, "ftp", peers.Vsftpd(t, k.cert, k.key), k)
}

func TestSlapd(t *testing.T) {
	k := ecKey(t)
	wantStartTLS(t, "ldap", peers.Slapd(t, k.cert, k.key), k)
	wantFailure(t, dial(t, Config{Port: peers.Slapd(t, "", ""), StartTLS: "ldap"}), finding.StartTLSNotOffered)
}

func TestProsody(t *testing.T) {
	k := ecKey(t)
	port := peers.Prosody(t, k.cert, k.key, "dial.test")
	wantStartTLS(t, "xmpp", port, k)
	ev := dial(t, Config{Port: port, SNI: "unknown.test", StartTLS: "xmpp"})
	wantFailure(t, ev, finding.StartTLSRefused)
	wantFailure(t, dial(t, Config{Port: port}), finding.PlaintextStartTLS)
}

func TestPostgres(t *testing.T) {
	k := ecKey(t)
	wantStartTLS(t, "postgres", peers.Postgres(t, k.cert, k.key, true), k)
	wantFailure(t, dial(t, Config{Port: peers.Postgres(t, k.cert, k.key, false), StartTLS: "postgres"}), finding.StartTLSNotOffered)
}

func TestMariaDB(t *testing.T) {
	k := rsaKey(t)
	port := peers.MariaDB(t, k.cert, k.key)
	wantStartTLS(t, "mysql", port, k)
	ev := dial(t, Config{Port: port})
	wantFailure(t, ev, finding.PlaintextStartTLS)
}
