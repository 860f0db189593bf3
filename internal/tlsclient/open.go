package tlsclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
)

// Transport is a connection on which TLS can begin: connected, through the
// proxy, after the dialog of STARTTLS. It records the handshake, so that a
// failure can be explained, until Established is called.
type Transport struct {
	*wire
	c     Config
	keys  *keyLog
	ev    *evidence.Evidence
	begin time.Time
	asked bool // the server asked for a certificate
}

// Open makes a transport to c.Host. On failure it is nil and the evidence says
// why; else the evidence holds what is known so far.
func Open(ctx context.Context, c Config) (*Transport, *evidence.Evidence) {
	c = c.filled()
	ev := c.newEvidence()
	conn, failure := c.open(ctx, ev)
	if failure != nil {
		ev.Failure = failure
		return nil, ev
	}
	// The server's silence is bounded, not the time that judging it takes.
	return &Transport{wire: &wire{Conn: conn, patience: c.HandshakeTimeout}, c: c, keys: &keyLog{next: c.KeyLog}, ev: ev, begin: time.Now()}, ev
}

// TLSConfig returns a configuration that verifies as crypto/tls does and
// offers what the Config says. The caller sets ServerName.
func (t *Transport) TLSConfig() *tls.Config {
	return &tls.Config{
		NextProtos:       t.c.ALPN,
		MinVersion:       t.c.MinVersion,
		MaxVersion:       t.c.MaxVersion,
		CipherSuites:     t.c.Suites,
		CurvePreferences: curveIDs(t.c.Groups),
		KeyLogWriter:     t.keys,
		// The data is relayed in bulk; small first records would only cost.
		DynamicRecordSizingDisabled: true,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			t.asked = true
			if t.c.Certificate == nil {
				return &tls.Certificate{}, nil
			}
			return t.c.Certificate, nil
		},
	}
}

// RemoteAddr is the target's address; a proxy's is not shown as one, since
// nothing follows from it about the target.
func (t *Transport) RemoteAddr() net.Addr {
	if t.c.proxy != nil {
		return proxied{}
	}
	return t.Conn.RemoteAddr()
}

type proxied struct{}

func (proxied) Network() string { return "tcp" }
func (proxied) String() string  { return "through a proxy" }

// CloseWrite ends the sending direction of the transport.
func (t *Transport) CloseWrite() error { return closeWrite(t.Conn) }

// Proxied reports whether there is a proxy between here and the server.
func (t *Transport) Proxied() bool { return t.c.proxy != nil }

// Facts adds to the evidence what was recorded of a handshake, up to now. As
// its time counts what was spent waiting for the server: judging goes on
// meanwhile. It must not be called after Established.
func (t *Transport) Facts() {
	s := newSession(readTranscript(t.received(), t.keys.all()), t.wire, t.waited, t.asked && t.c.Certificate != nil)
	s.into(t.ev)
}

// Established ends the recording: the handshake is over. No Read or Write may
// be running.
func (t *Transport) Established() {
	t.relay = true
	unframed(t.Conn)
	t.in, t.out = nil, nil
	t.Conn.SetReadDeadline(time.Time{})
}

// Failed explains in the evidence why the handshake ended with err. The caller
// closes the transport.
func (t *Transport) Failed(ctx context.Context, err error) {
	took := time.Since(t.begin)
	if worthDraining(err, t.wire) {
		t.patience = lingerTime
		io.Copy(io.Discard, t.wire)
	}
	tr := readTranscript(t.received(), t.keys.all())
	s := newSession(tr, t.wire, took, t.asked && t.c.Certificate != nil)
	if code, ok := remoteAlert(err); ok {
		s.alert = int(code)
		s.noteAlert(code, "handshake")
	}
	s.failure = t.c.classify(ctx, err, s, tr, t.wire)
	if s.failure.ID != finding.HandshakeCertUnusable {
		s.chain, s.scts = nil, nil // not what it failed for
	}
	s.into(t.ev)
}

// Broken explains what ended the reading after the handshake; nil if err is no
// more than an end. It must not be called before Established.
func (t *Transport) Broken(cs tls.ConnectionState, err error) *evidence.Failure {
	if err == nil || err == io.EOF {
		return nil
	}
	s := &session{alert: -1}
	s.conn.Version = cs.Version
	if t.asked {
		s.conn.ClientCert = "requested"
		if t.c.Certificate != nil {
			s.conn.ClientCert = "sent"
		}
	}
	if f := t.c.afterFailure(s, err); f != nil {
		return f
	}
	if errors.Is(err, io.ErrUnexpectedEOF) { // in the middle of a record
		return t.c.failed(finding.Truncated, err)
	}
	if head := (tls.RecordHeaderError{}); errors.As(err, &head) {
		return t.c.failed(finding.DataDamaged, err, "detail", noRecord(head))
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Op == "local error" { // crypto/tls sent an alert
		return t.c.failed(finding.DataDamaged, err, "detail", strings.TrimPrefix(op.Err.Error(), "tls: "))
	}
	stage := "while sending data"
	if !isReset(err) {
		stage += " (" + plainError(err) + ")"
	}
	return t.c.failed(finding.ConnectionReset, err, "stage", stage)
}

// noRecord tells what came instead of a record.
func noRecord(e tls.RecordHeaderError) string {
	if isPrintable(e.RecordHeader[:]) {
		return fmt.Sprintf("plain text came that begins with %q", e.RecordHeader[:])
	}
	return e.Msg
}

func isPrintable(b []byte) bool {
	return !bytes.ContainsFunc(b, func(r rune) bool { return r >= 0x7f || r < 0x20 && r != '\r' && r != '\n' && r != '\t' })
}

// Cut is the failure of a transport that ended without close_notify.
func (t *Transport) Cut() *evidence.Failure { return t.c.failed(finding.Truncated, nil) }

// newSession is what the transcript and the wire say about a handshake.
func newSession(t *transcript, w *wire, took time.Duration, shown bool) *session {
	s := &session{chain: t.chain, scts: t.scts, alert: -1}
	s.conn = evidence.Connection{
		Version: t.version, Suite: t.suite, Group: t.group, Signature: t.scheme, ALPN: t.alpn,
		HelloRetry: t.retried, Tickets: t.tickets, CloseNotify: t.closeNotify,
		ClientCAs: t.cas, ClientSchemes: t.schemes,
		TLS: took, BytesIn: w.nin, BytesOut: w.nout,
	}
	if t.version != 0 && t.version < 0x0304 {
		s.conn.NoRenegotiationInfo, s.conn.NoMasterSecret = !t.renegotiation, !t.masterSecret
	}
	if t.asked {
		s.conn.ClientCert = "requested"
	}
	if shown {
		s.conn.ClientCert = "sent"
	}
	if n := len(t.alerts); n > 0 {
		s.conn.Alert = &t.alerts[n-1]
	}
	return s
}
