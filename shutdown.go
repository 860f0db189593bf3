package assay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/assaytls/assay/report"
)

// Truncated reports whether c's transport ended without the peer's
// close_notify, so that what came may be cut short (RFC 8446, 6.1). Ask after
// Read has returned io.EOF. Truncated works for connections made by Dial,
// DialContext, Handshake and, except behind an https proxy, Transport. For all
// others it returns false.
func Truncated(c *tls.Conn) bool {
	n, ok := c.NetConn().(*noted)
	return ok && n.ended.Load()
}

// ReportOf returns the report by which c was accepted, a copy: findings that
// warn, and what of the path was checked and how. The facts of the connection
// and of certificates are in it when Config.Verify or Config.Observe is set. It
// is known for connections made by Dial, DialContext, Handshake and, except
// behind an https proxy, Transport; for others it is nil: Config.Observe tells of
// them when they are accepted, and [Verifier.JudgeConnection] afterwards.
func ReportOf(c *tls.Conn) *report.Report {
	n, ok := c.NetConn().(*noted)
	if !ok || n.report.Load() == nil {
		return nil
	}
	return deepCopy(n.report.Load())
}

// ErrTruncated is what Shutdown returns when the transport ended without the
// peer's close_notify.
var ErrTruncated = fmt.Errorf("assay: the peer ended the connection without close_notify: %w", io.ErrUnexpectedEOF)

// ErrUnread is what Shutdown returns, wrapped, when the peer sent data that
// nobody had read.
var ErrUnread = errors.New("assay: data came that was not read")

// Shutdown ends c without losing anything: it says close_notify, waits for the
// peer's, and closes c. Call it when everything expected has been read; what
// still comes is thrown away and reported as ErrUnread. It returns
// ErrTruncated when the transport ended without the peer's close_notify, where
// that can be told (see [Truncated]), and ctx's error when ctx ended first. To
// end only the sending, call c.CloseWrite and go on reading.
//
// Not for connections that net/http owns.
func Shutdown(ctx context.Context, c *tls.Conn) error {
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := c.CloseWrite(); err != nil {
		return shutdownError(ctx, err)
	}
	lost, err := io.Copy(io.Discard, c)
	switch {
	case err != nil:
		return shutdownError(ctx, err)
	case lost > 0:
		return fmt.Errorf("%w: %d bytes", ErrUnread, lost)
	case Truncated(c):
		return ErrTruncated
	}
	return nil
}

func shutdownError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
