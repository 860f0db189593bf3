package tlsclient

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/tlsnames"
)

// failed makes a failure of the handshake; kv alternates parameters' names and
// values.
func (c *Config) failed(id finding.ID, err error, kv ...string) *evidence.Failure {
	f := &evidence.Failure{ID: id, Stage: "handshake", Params: map[string]string{"host": c.Host, "port": c.Port}}
	if err != nil {
		f.Detail = clean(err.Error())
	}
	for i := 0; i+1 < len(kv); i += 2 {
		f.Params[kv[i]] = clean(kv[i+1])
	}
	return f
}

// classify finds the precise reason why a handshake did not complete.
func (c *Config) classify(ctx context.Context, err error, s *session, t *transcript, w *wire) *evidence.Failure {
	in := w.received()
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return cancelled(ctx, "handshake")
	case len(in) > 0 && !looksTLS(in):
		return c.plaintext(in, err)
	case errors.Is(w.err, errWireFull):
		return c.failed(finding.HandshakeTooLarge, err, "detail", errWireFull.Error())
	case s.alert >= 0:
		return c.alerted(uint8(s.alert), err, s, "handshake")
	case isTimeout(err) || ctx.Err() != nil:
		return c.failed(finding.HandshakeTimeout, err, "timeout", waited(c.HandshakeTimeout, s.conn.TLS), "bytes", strconv.FormatInt(w.nin, 10))
	case isReset(err):
		return c.failed(finding.ConnectionReset, err, "stage", "during the TLS handshake", "bytes", strconv.FormatInt(w.nin, 10))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return c.failed(finding.HandshakeEOF, err, "bytes", strconv.FormatInt(w.nin, 10))
	}
	return c.ownRefusal(err, s, t)
}

// ownRefusal classifies the cases in which crypto/tls gave up. Its errors have
// no types; the texts are those of Go 1.26, and what is not recognized is
// still reported, with its text.
func (c *Config) ownRefusal(err error, s *session, t *transcript) *evidence.Failure {
	text := strings.TrimPrefix(err.Error(), "tls: ")
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(text, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("server selected unsupported protocol version"):
		s.alert = 70
		return c.failed(finding.TLSVersionUnsupported, err, "detail", "it chose "+tlsnames.Version(t.version))
	case has("downgrade attempt detected"):
		return c.failed(finding.HandshakeDowngrade, err, "version", tlsnames.Version(t.version))
	case has("handshake message of length"):
		return c.failed(finding.HandshakeTooLarge, err, "detail", text)
	case has("failed to parse certificate", "RSA key larger than", "unsupported type of public key", "keys are insecure", "invalid signature algorithm", "unsupported elliptic curve"):
		return c.failed(finding.HandshakeCertUnusable, err, "detail", text)
	case has("invalid signature by the server certificate"):
		return c.failed(finding.HandshakeSignatureInvalid, err, "detail", text)
	case has("ALPN"):
		return c.failed(finding.ALPNNoCommon, err, "offered", strings.Join(c.ALPN, ", "), "detail", text)
	}
	return c.failed(finding.HandshakeMalformed, err, "detail", text)
}

// alerted classifies an alert from the server.
func (c *Config) alerted(code uint8, err error, s *session, when string) *evidence.Failure {
	meaning := tlsnames.AlertMeaning(code)
	if s.conn.Version == 0 && s.conn.ClientCert == "" {
		meaning = c.meaningAtOnce(code)
	}
	kv := []string{"alert", tlsnames.Alert(code), "code", strconv.Itoa(int(code)), "meaning", meaning, "when", when, "sni", c.SNI}
	id := finding.TLSAlert
	switch {
	case code == 116 || s.conn.ClientCert == "requested" && certAlert(code):
		id = finding.ClientCertRequired
	case s.conn.ClientCert == "sent" && certAlert(code):
		id = finding.ClientCertRefused
	case code == 40:
		id = finding.NoCommonParameters
		kv = append(kv, "detail", "it accepts none of the parameters offered")
	case code == 70:
		id = finding.TLSVersionUnsupported
		kv = append(kv, "detail", "alert protocol_version")
	case code == 112 && c.SNI == "":
		id = finding.ServerNameMissing
	case code == 112:
		id = finding.UnrecognizedName
	case code == 120:
		id = finding.ALPNNoCommon
		kv = append(kv, "offered", strings.Join(c.ALPN, ", "))
	}
	return c.failed(id, err, kv...)
}

// meaningAtOnce is what an alert tells that answers the ClientHello: nothing was
// asked of the client yet, and the name is most of what the server knows of it.
func (c *Config) meaningAtOnce(code uint8) string {
	name := "the name " + c.SNI
	if c.SNI == "" {
		name = "a client that sends no name (SNI)"
	}
	switch code {
	case 49:
		return "the server refused the client before it asked for a certificate, often because it does not serve " + name
	case 80:
		return "the server failed, often because it has no certificate for " + name
	}
	return tlsnames.AlertMeaning(code)
}

// certAlert reports whether servers use the alert to refuse a client's
// certificate or the lack of one. Before TLS 1.3 handshake_failure was usual;
// GnuTLS says decode_error.
func certAlert(code uint8) bool {
	return code >= 40 && code <= 51
}

// afterFailure judges what followed a complete handshake: nothing, normally.
func (c *Config) afterFailure(s *session, after error) *evidence.Failure {
	if s.failure != nil {
		return s.failure
	}
	if s.visit != nil {
		if f := c.visitFailure(s, after); f != nil || s.visit.Status != "" {
			return f
		}
	}
	if code, ok := remoteAlert(after); ok && code != 90 {
		f := c.alerted(code, after, s, "after-handshake")
		f.Stage = "after-handshake"
		return f
	}
	if s.conn.ClientCert == "requested" && s.conn.Version == tls.VersionTLS13 && isReset(after) {
		f := c.failed(finding.ClientCertRequired, after, "alert", "connection reset")
		f.Stage = "after-handshake"
		return f
	}
	if after != nil && strings.Contains(after.Error(), "no renegotiation") {
		f := c.failed(finding.RenegotiationDemanded, after)
		f.Stage = "after-handshake"
		return f
	}
	return nil
}

// waited is how long a step that timed out was given: its own limit, or less
// when the whole run's was nearer.
func waited(limit, took time.Duration) string {
	if took < limit {
		return finding.Duration(took)
	}
	return finding.Duration(limit)
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNABORTED)
}

// cancelled is the failure of a dial whose context ended.
func cancelled(ctx context.Context, stage string) *evidence.Failure {
	return &evidence.Failure{ID: finding.DialCancelled, Stage: stage, Detail: ctx.Err().Error(),
		Params: map[string]string{"stage": stage, "detail": ctx.Err().Error()}}
}

// looksTLS reports whether in begins like a TLS record.
func looksTLS(in []byte) bool {
	return in[0] >= recordCCS && in[0] <= recordData && (len(in) < 2 || in[1] == 3)
}
