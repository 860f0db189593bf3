package tlsclient

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
)

// A server may want a client certificate for one path only. It learns the path
// after the handshake: before TLS 1.3 it renegotiates then, in TLS 1.3 it can ask
// clients that offered post-handshake authentication, which crypto/tls does not.

// replyMax bounds what is read of a reply, headers included.
const replyMax = 64 << 10

// refusals are what servers write into the page with which they refuse a request
// for the lack of a client certificate.
var refusals = []string{noPostHandshake, "No required SSL certificate was sent", "The SSL certificate error"}

// noPostHandshake is what Apache says when a client did not offer post-handshake
// authentication.
const noPostHandshake = "Cannot perform Post-Handshake Authentication"

// visit requests c.path over tc and reads the reply. crypto/tls renegotiates
// meanwhile if the server wants it to. The error is what ended it without a reply.
func (c *Config) visit(ctx context.Context, tc *tls.Conn, w *wire) (*evidence.Visit, error) {
	v := &evidence.Visit{Path: c.path}
	if noRenegotiationInfo(tc, w) {
		// crypto/tls would renegotiate, and an attacker could have begun the
		// connection (CVE-2009-3555).
		return v, errUnsafeVisit
	}
	defer context.AfterFunc(ctx, func() { w.SetDeadline(time.Unix(1, 0)) })()
	w.SetDeadline(time.Now().Add(c.HandshakeTimeout))
	host := c.SNI
	if host == "" {
		host = c.Host
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if c.Port != "443" {
		host += ":" + c.Port
	}
	in := &erring{r: tc}
	if _, err := io.WriteString(tc, "GET "+c.path+" HTTP/1.1\r\nHost: "+host+"\r\nUser-Agent: assay\r\nAccept: */*\r\nConnection: close\r\n\r\n"); err != nil {
		// What the server said before it stopped listening tells more.
		if _, why := io.Copy(io.Discard, io.LimitReader(tc, replyMax)); why != nil {
			err = why
		}
		return v, err
	}
	r := bufio.NewReader(io.LimitReader(in, replyMax))
	for range 8 { // replies 1xx come before the one that counts
		reply, err := http.ReadResponse(r, nil)
		if err != nil {
			if in.err != nil {
				err = in.err
			}
			return v, err
		}
		if reply.StatusCode < 200 {
			continue
		}
		v.Status = clean(reply.Status)
		page, _ := io.ReadAll(reply.Body)
		for _, text := range refusals {
			if reply.StatusCode >= 400 && bytes.Contains(page, []byte(text)) {
				v.Status += ": " + text
				break
			}
		}
		return v, nil
	}
	return v, errors.New("it sent provisional replies only")
}

var errUnsafeVisit = errors.New("it does not support secure renegotiation, so assay did not send the request")

// noRenegotiationInfo reports whether the server could not renegotiate safely.
func noRenegotiationInfo(tc *tls.Conn, w *wire) bool {
	return tc.ConnectionState().Version < tls.VersionTLS13 && !readTranscript(w.received(), nil).renegotiation
}

// erring keeps the error that ended the reading: net/http replaces some.
type erring struct {
	r   io.Reader
	err error
}

func (e *erring) Read(b []byte) (int, error) {
	n, err := e.r.Read(b)
	if err != nil {
		e.err = err
	}
	return n, err
}

// visitFailure says why there was no good reply to the request for c.path; nil
// when there was one, or when the alert in after says it.
func (c *Config) visitFailure(s *session, after error) *evidence.Failure {
	text, detail := "", ""
	if after != nil {
		text = after.Error()
	}
	switch {
	case s.visit.Status != "":
		if !strings.HasSuffix(s.visit.Status, noPostHandshake) {
			return nil
		}
		return c.unvisited(finding.PostHandshakeAuth, after, "it replied "+s.visit.Status)
	case strings.Contains(text, "certificateRequestMsg"): // crypto/tls has no type for it
		return c.unvisited(finding.PostHandshakeAuth, after, "it requested one although assay did not offer that")
	case errors.Is(after, errUnsafeVisit):
		detail = text
	case strings.Contains(text, "no renegotiation"):
		detail = "it requires a second renegotiation, and assay follows one"
	case strings.Contains(text, "identity changed"):
		detail = "it showed another certificate in the renegotiation"
	case isTimeout(after):
		detail = "it did not answer within " + finding.Duration(c.HandshakeTimeout)
	case isReset(after):
		detail = "it reset the connection"
	case errors.Is(after, io.EOF), errors.Is(after, io.ErrUnexpectedEOF), errors.Is(after, net.ErrClosed):
		detail = "it closed the connection"
	default:
		if _, ok := remoteAlert(after); ok {
			return nil
		}
		detail = "what it sent is not HTTP: " + text
	}
	return c.unvisited(finding.PathUnanswered, after, detail)
}

func (c *Config) unvisited(id finding.ID, err error, detail string) *evidence.Failure {
	f := c.failed(id, err, "path", c.path, "detail", detail)
	f.Stage = "after-handshake"
	if f.Detail == "" {
		f.Detail = clean(detail)
	}
	return f
}

// CheckPath wants the path of a request: what a URL has behind the port.
func CheckPath(s string) error {
	if !strings.HasPrefix(s, "/") {
		return errors.New(strconv.Quote(s) + " does not begin with /")
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '#' {
			return errors.New(strconv.Quote(s) + " has a character that must be written as %XX")
		}
	}
	if len(s) > 1000 {
		return errors.New("it is longer than 1000 bytes")
	}
	return nil
}

// askedFor takes over what crypto/tls tells of a request for a client certificate.
func (s *session) askedFor(info *tls.CertificateRequestInfo) {
	if s.conn.ClientCert == "" {
		s.conn.ClientCert = "requested"
	}
	s.conn.ClientCAs = info.AcceptableCAs[:min(len(info.AcceptableCAs), maxWishes)]
	for _, scheme := range info.SignatureSchemes[:min(len(info.SignatureSchemes), maxWishes)] {
		s.conn.ClientSchemes = append(s.conn.ClientSchemes, uint16(scheme))
	}
}
