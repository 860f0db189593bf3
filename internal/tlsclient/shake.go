package tlsclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"reflect"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/tlsnames"
)

// lingerTime is how long the dial listens after the handshake, or after it
// gave up, for what the server still has to say.
const lingerTime = 300 * time.Millisecond

// lingerData bounds the application data read meanwhile.
const lingerData = 64 << 10

// session is the outcome of one handshake.
type session struct {
	conn    evidence.Connection
	chain   []evidence.Entry
	scts    []byte
	failure *evidence.Failure
	visit   *evidence.Visit // of the request that followed it; nil without
	alert   int             // the alert that ended it: the server's, or our own for its version; -1 if none
}

// shake runs one handshake on conn and reads what follows it. The caller
// closes conn.
func (c *Config) shake(ctx context.Context, conn net.Conn) *session {
	w := &wire{Conn: conn}
	keys := &keyLog{next: c.KeyLog}
	sessions := c.Sessions
	if sessions == nil {
		// Without a cache crypto/tls does not offer to take tickets, and servers
		// send none.
		sessions = tls.NewLRUClientSessionCache(1)
	}
	var request clientCert
	conf := c.gathering(&request)
	conf.KeyLogWriter, conf.ClientSessionCache = keys, sessions
	if c.path != "" {
		conf.Renegotiation = tls.RenegotiateOnceAsClient
	}
	tc := tls.Client(w, conf)
	start := time.Now()
	conn.SetDeadline(start.Add(c.HandshakeTimeout))
	err := tc.HandshakeContext(ctx)
	took := time.Since(start)
	done, first := err == nil, tc.ConnectionState()
	unframed(conn)

	var visit *evidence.Visit
	var after error // what ended the reading after a complete handshake
	switch {
	case done && c.path != "":
		if visit, after = c.visit(ctx, tc, w); after == nil {
			after = linger(tc, w, keys, false)
		}
		visit.Renegotiated = first.Version < tls.VersionTLS13 && keys.made() > 1
	case done:
		after = linger(tc, w, keys, request.asked != nil && first.Version == tls.VersionTLS13)
	case worthDraining(err, w):
		conn.SetReadDeadline(time.Now().Add(lingerTime))
		io.Copy(io.Discard, w)
	}
	t := readTranscript(w.received(), keys.all())
	s := newSession(t, w, took, request.shown)
	s.visit = visit
	if request.asked != nil && !t.asked { // in the renegotiation, which the recording hides
		s.askedFor(request.asked)
	}
	s.offered(c)
	if code, ok := remoteAlert(err); ok {
		s.alert = int(code)
		s.noteAlert(code, "handshake")
	}
	if done {
		s.complete(first, t)
		if code, ok := remoteAlert(after); ok {
			s.noteAlert(code, "after-handshake")
		}
		if after == io.EOF && !w.eof {
			s.conn.CloseNotify = true
		}
		s.failure = c.afterFailure(s, after)
		return s
	}
	s.failure = c.classify(ctx, err, s, t, w)
	return s
}

// clientCert is what came of a server's request for a client certificate.
type clientCert struct {
	asked *tls.CertificateRequestInfo // the last request; nil when there was none
	shown bool                        // a certificate was sent
}

// gathering returns the configuration of a handshake that gathers evidence: it
// verifies that the server has the key of its certificate and nothing else.
// Judging comes later and elsewhere.
func (c *Config) gathering(request *clientCert) *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true,
		ServerName:         c.SNI,
		NextProtos:         c.ALPN,
		MinVersion:         c.MinVersion,
		MaxVersion:         c.MaxVersion,
		CipherSuites:       c.Suites,
		CurvePreferences:   curveIDs(c.Groups),
		GetClientCertificate: func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			request.asked = info
			if c.Certificate == nil {
				return &tls.Certificate{}, nil
			}
			request.shown = true
			return c.Certificate, nil
		},
	}
}

// offered notes the application protocols that were offered.
func (s *session) offered(c *Config) {
	for _, name := range c.ALPN {
		s.conn.ALPNOffered = append(s.conn.ALPNOffered, clean(name))
	}
	s.conn.ALPNAsked = c.alpnAsked
}

// linger reads after a handshake and returns what ended the reading. The
// server is told that nothing more will come, so that its tickets, alerts and
// close arrive at once. But one that asked for a certificate in TLS 1.3 tells
// only now what it thinks of the answer, and is given the time to do so.
func linger(tc *tls.Conn, w *wire, keys *keyLog, asked bool) error {
	buf := make([]byte, 4096)
	total := 0
	for end := time.Now().Add(lingerTime); asked && time.Now().Before(end) && total < lingerData; {
		w.SetReadDeadline(time.Now().Add(lingerTime / 20))
		n, err := tc.Read(buf)
		if err != nil && !isTimeout(err) {
			return err
		}
		total += n
		// A ticket comes after the client's certificate has been accepted.
		asked = readTranscript(w.received(), keys.all()).tickets == 0
	}
	w.SetDeadline(time.Now().Add(lingerTime))
	tc.CloseWrite()
	for total < lingerData {
		n, err := tc.Read(buf)
		if err != nil {
			return err
		}
		total += n
	}
	return nil
}

// worthDraining reports whether a server may have more to say after a failure
// that was not its own doing.
func worthDraining(err error, w *wire) bool {
	if _, remote := remoteAlert(err); remote || w.eof || w.err != nil {
		return false
	}
	return !isTimeout(err) && !errors.Is(err, context.Canceled) && !errors.Is(err, net.ErrClosed)
}

// complete takes over what crypto/tls says about a finished handshake and
// holds it against the recording.
func (s *session) complete(cs tls.ConnectionState, t *transcript) {
	s.conn.Version, s.conn.Suite, s.conn.ALPN = cs.Version, cs.CipherSuite, cs.NegotiatedProtocol
	s.conn.Group = uint16(cs.CurveID)
	s.conn.Resumed = cs.DidResume
	if cs.DidResume {
		// A resumed handshake carries no certificates: these are the session's.
		s.chain = nil
		for _, cert := range cs.PeerCertificates {
			s.chain = append(s.chain, evidence.Entry{Cert: bytes.Clone(cert.Raw)})
		}
		if len(s.chain) > 0 {
			s.chain[0].Staple = bytes.Clone(cs.OCSPResponse)
		}
		s.scts = sctList(cs.SignedCertificateTimestamps)
		return
	}
	if !t.hasCerts || !sameChain(s.chain, cs) {
		detail := "its certificates are not those of the connection"
		if t.err != nil {
			detail = clean(t.err.Error())
		}
		s.failure = &evidence.Failure{ID: finding.InternalError, Stage: "handshake", Params: map[string]string{
			"what": "the recorded handshake", "detail": detail}}
	}
}

func sameChain(chain []evidence.Entry, cs tls.ConnectionState) bool {
	if len(chain) != len(cs.PeerCertificates) {
		return false
	}
	for i, e := range chain {
		if !bytes.Equal(e.Cert, cs.PeerCertificates[i].Raw) {
			return false
		}
	}
	return true
}

// sctList is the inverse of what crypto/tls does to a list of SCTs.
func sctList(scts [][]byte) []byte {
	if len(scts) == 0 {
		return nil
	}
	var b cryptobyte.Builder
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, s := range scts {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(s) })
		}
	})
	out, err := b.Bytes()
	if err != nil {
		return nil
	}
	return out
}

func (s *session) noteAlert(code uint8, when string) {
	if a := s.conn.Alert; a != nil && a.Description == code {
		a.When = when
		return
	}
	s.conn.Alert = &evidence.Alert{Level: 2, Description: code, Name: tlsnames.Alert(code), When: when}
}

// into moves the outcome to the evidence.
func (s *session) into(ev *evidence.Evidence) {
	s.conn.Addr, s.conn.StartTLS = ev.Connection.Addr, ev.Connection.StartTLS
	s.conn.DNS, s.conn.Connect = ev.Connection.DNS, ev.Connection.Connect
	ev.Connection, ev.Chain, ev.TLSSCTs, ev.Failure, ev.Visit = s.conn, s.chain, s.scts, s.failure, s.visit
}

// probeReason names the alert for which a second, wider dial is worth while.
func (s *session) probeReason() string {
	if s.failure == nil || s.failure.ID == finding.ClientCertRequired || s.failure.ID == finding.ClientCertRefused {
		return ""
	}
	if s.alert == 40 || s.alert == 70 {
		return tlsnames.Alert(uint8(s.alert))
	}
	return ""
}

// remoteAlert returns the alert a server sent, if err is one. crypto/tls keeps
// the alert's type to itself; its kind is uint8.
func remoteAlert(err error) (uint8, bool) {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return 0, false
	}
	if v := reflect.ValueOf(op.Err); v.Kind() == reflect.Uint8 {
		return uint8(v.Uint()), true
	}
	return 0, false
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

func curveIDs(groups []uint16) []tls.CurveID {
	var ids []tls.CurveID
	for _, g := range groups {
		ids = append(ids, tls.CurveID(g))
	}
	return ids
}
