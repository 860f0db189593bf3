package tlsclient

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
)

// recorded makes one handshake over a pipe and returns what the server sent
// and the key log's secrets.
func recorded(t testing.TB, version uint16, suite uint16, cert tls.Certificate) ([]byte, map[string][]byte) {
	t.Helper()
	client, server := net.Pipe()
	go func() {
		s := tls.Server(server, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: version, MaxVersion: version, CipherSuites: []uint16{suite},
			ClientAuth: tls.RequestClientCert})
		s.Handshake()
		s.Close()
		server.Close()
	}()
	w, k := &wire{Conn: client}, &keyLog{}
	c := tls.Client(w, &tls.Config{InsecureSkipVerify: true, KeyLogWriter: k, ClientSessionCache: tls.NewLRUClientSessionCache(1)})
	c.SetDeadline(time.Now().Add(5 * time.Second))
	check(t, c.Handshake())
	io.Copy(io.Discard, c)
	return w.received(), k.all()
}

func FuzzTranscript(f *testing.F) {
	cert := chainFor(f)
	cert.OCSPStaple = []byte("staple")
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		in, secrets := recorded(f, v, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, cert)
		f.Add(in, secrets["SERVER_HANDSHAKE_TRAFFIC_SECRET"], secrets["SERVER_TRAFFIC_SECRET_0"])
	}
	f.Add([]byte{21, 3, 3, 0, 2, 2, 40}, []byte(nil), []byte(nil))
	f.Fuzz(func(t *testing.T, in, hs, app []byte) {
		secrets := map[string][]byte{"SERVER_HANDSHAKE_TRAFFIC_SECRET": hs, "SERVER_TRAFFIC_SECRET_0": app}
		if len(hs) == 0 {
			secrets = nil
		}
		inputs(t, readTranscript(in, secrets))
		(&ownHello{message: in}).secrets(in)
	})
}

// FuzzMessages feeds handshake messages in the clear, where mutation reaches
// the parsers behind TLS 1.3's encryption too.
func FuzzMessages(f *testing.F) {
	cert := chainFor(f)
	in, _ := recorded(f, tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, cert)
	f.Add(uint16(0x0303), in[5:])
	f.Add(uint16(0x0304), append([]byte{11, 0, 0, 30, 0, 0, 0, 26, 0, 0, 3, 1, 2, 3, 0, 18, 0, 5, 0, 5, 1, 0, 0, 1, 9, 0, 18, 0, 5, 0, 3, 0, 1, 7}, 13, 0, 0, 11, 0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3))
	f.Fuzz(func(t *testing.T, version uint16, in []byte) {
		r := &reader{t: &transcript{version: version, suite: 0x1301}}
		for chunk := range bytes.SplitSeq(in, []byte{0xfe, 0xfe}) {
			if r.handshake(chunk) != nil {
				break
			}
		}
		inputs(t, r.t)
	})
}

// inputs checks what must hold of every transcript.
func inputs(t *testing.T, tr *transcript) {
	t.Helper()
	ev := &evidence.Evidence{Version: evidence.Version, Time: time.Unix(1, 0).UTC(), Chain: tr.chain, TLSSCTs: tr.scts}
	ev.Connection.ALPN, ev.Connection.ClientCAs, ev.Connection.ClientSchemes = tr.alpn, tr.cas, tr.schemes
	if n := len(tr.alerts); n > 0 {
		ev.Connection.Alert = &tr.alerts[n-1]
	}
	if _, err := evidence.Encode(ev); err != nil {
		t.Fatal(err)
	}
	if tr.hasCerts && len(tr.chain) > 0 && tr.chain[0].SCTs != nil {
		t.Fatal("the leaf's SCTs stand in two places")
	}
}

func FuzzDialog(f *testing.F) {
	for i, p := range StartTLSProtocols() {
		f.Add(i, "220 x\r\n250 STARTTLS\r\n220 go\r\n")
		_ = p
	}
	f.Add(0, "220 x\r\n234 go\r\n")
	f.Add(1, "* OK\r\n* CAPABILITY STARTTLS\r\na1 OK\r\na2 OK\r\n")
	f.Add(2, "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00")
	f.Add(3, mysqlPacket(mysqlHello))
	f.Add(4, "+OK\r\n+OK\r\nSTLS\r\n.\r\n+OK\r\n")
	for i := range StartTLSProtocols() {
		f.Add(i, "\"IMPLEMENTATION\" {3}\r\nabc\r\n\"STARTTLS\"\r\nOK\r\nOK {2}\r\ngo\r\n")
		f.Add(i, "201 news\r\n101 list\r\nSTARTTLS\r\n.\r\n382 go\r\n")
		f.Add(i, ":irc.test NOTICE * :hello\r\n:irc.test 670 * :go\r\n")
		f.Add(i, rdpConfirm("\x02\x00\x08\x00\x01\x00\x00\x00"))
		f.Add(i, tdsAnswer(1))
	}
	f.Add(7, xmppFeatures[1:]+"<proceed/>")
	names := StartTLSProtocols()
	f.Fuzz(func(t *testing.T, which int, in string) {
		d := &dialog{r: bufio.NewReader(bytes.NewReader([]byte(in))), w: io.Discard, name: "dial.test"}
		err := dialogs[names[uint(which)%uint(len(names))]].run(d)
		var r *refusal
		if errors.As(err, &r) {
			if _, ok := finding.Lookup(r.id); !ok {
				t.Fatalf("%s is not a kind", r.id)
			}
		}
	})
}

func FuzzBanner(f *testing.F) {
	for _, s := range []string{"SSH-2.0-x", "220 ftp", "\x5d\x00\x00\x00\x0a5.5\x00", "E\x00\x00\x00\x20S", "\x30\x84\x00\x00\x00\x10\x02\x01\x00", "\x00\x00\x06\x04\x00\x00\x00\x00\x00"} {
		f.Add([]byte(s))
	}
	c := &Config{}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) == 0 || looksTLS(in) {
			return
		}
		failure := c.plaintext(in, io.EOF)
		if _, ok := finding.Lookup(failure.ID); !ok {
			t.Fatalf("%s is not a kind", failure.ID)
		}
		ev := &evidence.Evidence{Version: evidence.Version, Time: time.Unix(1, 0).UTC(), Failure: failure}
		if _, err := evidence.Encode(ev); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzFramed reads TDS packets as they come.
func FuzzFramed(f *testing.F) {
	f.Add([]byte("\x12\x01\x00\x0b\x00\x00\x00\x00abc\x04\x01\x00\x09\x00\x00\x00\x00d\x17\x03\x03"), 5)
	f.Add([]byte("\x12\x01\x00\x08\x00\x00\x00\x00"), 1)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		c := &framedConn{Conn: readerConn{nil, bytes.NewReader(in)}}
		b, total := make([]byte, 1+uint(size)%4096), 0
		for {
			n, err := c.Read(b)
			if total += n; total > len(in) {
				t.Fatal("more came out than went in")
			}
			if err != nil {
				return
			}
		}
	})
}
