package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/tlsclient"
)

// exitPipe is what a shell shows for a program that SIGPIPE ended.
const exitPipe = 128 + int(syscall.SIGPIPE)

func brokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }

const (
	// relayBuffer is read of the input at a time; of TLS a read brings one
	// record, 16 KiB.
	relayBuffer = 64 << 10
	// farewell bounds the wait for the other side when the relay ends.
	farewell = time.Second
	// lull is how long no input may be under way before it counts as none;
	// blink is for input of which nothing waits to be read.
	lull  = 25 * time.Millisecond
	blink = 200 * time.Microsecond
)

// relay carries bytes between the streams and a judged connection.
type relay struct {
	conn      *tls.Conn
	transport *tlsclient.Transport
	in        io.Reader
	out       io.Writer
	onEOF     string // eofHalfClose, eofWait, eofClose
	crlf      bool

	writing atomic.Bool  // input is on its way to the server
	written atomic.Int64 // how often it was
}

// ending says why a relay ended; the zero value is a proper end.
type ending struct {
	stdin, stdout error
	failure       *evidence.Failure
	unsent        bool // the failure is that the server did not take all of the input
	told          bool // the failure came after the server had been told that the input has ended
	torn          bool // the failure is an end in the middle of a record: data is missing
}

// sent and got are how the two directions ended.
type (
	sent struct{ read, write error } // nil, nil: the input ended
	got  struct{ read, write error } // read io.EOF: the server ended
)

// run relays until both sides have ended, one of them fails, or ctx ends. A
// read of the input that is under way then is left to itself.
func (r *relay) run(ctx context.Context) ending {
	// A reader of standard output that has gone is to be told by EPIPE, so that
	// the server gets its close_notify.
	signal.Ignore(syscall.SIGPIPE)
	defer signal.Reset(syscall.SIGPIPE)
	defer r.conn.Close()
	up, down := make(chan sent, 1), make(chan got, 1)
	go func() { up <- r.upward() }()
	go func() { down <- r.downward() }()
	sending, ended, lost := true, false, error(nil) // ended: the server said close_notify
	told := false                                   // that the input has ended
	var gone chan struct{}                          // the transport's end, after that
	var idle, late <-chan time.Time
	var before int64 // of written, when idle was set
	for {
		select {
		case <-ctx.Done():
			r.leave()
			return ending{}
		case s := <-up:
			sending = false
			switch {
			case s.read != nil:
				r.leave()
				return ending{stdin: s.read}
			case s.write != nil:
				// The server hung up or is about to say why it does not want more.
				lost = s.write
				late = time.After(farewell)
				if ended { // it did not want all of the input
					return r.unsent(lost)
				}
			case ended:
				return ending{}
			case r.onEOF == eofClose:
				r.leave()
				return ending{}
			case r.onEOF == eofHalfClose:
				r.conn.CloseWrite()
				told = true
			}
		case g := <-down:
			switch {
			case g.write != nil:
				r.leave()
				return ending{stdout: g.write}
			case g.read != io.EOF:
				return ending{failure: r.transport.Broken(r.conn.ConnectionState(), g.read), torn: errors.Is(g.read, io.ErrUnexpectedEOF), told: told}
			case assay.Truncated(r.conn):
				return ending{failure: r.transport.Cut(), told: told}
			case lost != nil:
				return r.unsent(lost)
			case !sending:
				return ending{}
			}
			ended = true
			if r.conn.ConnectionState().Version < tls.VersionTLS13 {
				// close_notify ends both directions: input that is under way now
				// will not be taken.
				idle, before = r.pause(), r.written.Load()
				lost, late = syscall.EPIPE, time.After(farewell)
				continue
			}
			gone = make(chan struct{})
			go func() { io.Copy(io.Discard, r.transport); close(gone) }()
		case <-gone:
			// The server hung up, or only has nothing more to say: that input is
			// still taken from us tells.
			gone = nil
			idle, before = r.pause(), r.written.Load()
		case <-idle:
			if r.written.Load() == before && !r.writing.Load() {
				return ending{}
			}
			idle, before = time.After(lull), r.written.Load()
		case <-late:
			return r.unsent(lost)
		}
	}
}

// pause is the time after which input that is under way would have shown.
func (r *relay) pause() <-chan time.Time {
	if r.writing.Load() || pending(r.in) {
		return time.After(lull)
	}
	return time.After(blink)
}

// unsent is the end when the server takes no more of the input.
func (r *relay) unsent(err error) ending {
	return ending{failure: r.transport.Broken(r.conn.ConnectionState(), err), unsent: true}
}

// leave ends the connection from this side: close_notify, then the transport,
// and a moment for what was sent to arrive. What still comes is thrown away.
func (r *relay) leave() {
	end := time.Now().Add(farewell)
	r.transport.SetDeadline(end)
	if r.conn.CloseWrite() != nil || r.transport.CloseWrite() != nil {
		return
	}
	// A reader of the connection that is under way reads its end.
	for time.Now().Before(end) {
		if _, err := io.CopyN(io.Discard, r.transport, relayBuffer); err != nil {
			return
		}
	}
}

// upward carries the input to the server.
func (r *relay) upward() sent {
	buf := make([]byte, relayBuffer)
	lines := crlfWriter{on: r.crlf}
	for {
		n, err := r.in.Read(buf)
		if n > 0 {
			r.writing.Store(true)
			_, err := r.conn.Write(lines.convert(buf[:n]))
			if err != nil {
				return sent{write: err}
			}
			r.written.Add(1)
			r.writing.Store(false)
		}
		switch {
		case err == io.EOF:
			return sent{}
		case err != nil:
			return sent{read: err}
		}
	}
}

// downward carries what the server says to the output.
func (r *relay) downward() got {
	buf := make([]byte, relayBuffer)
	for {
		n, err := r.conn.Read(buf)
		if n > 0 {
			if _, err := r.out.Write(buf[:n]); err != nil {
				return got{write: err}
			}
		}
		if err != nil {
			return got{read: err}
		}
	}
}

// crlfWriter turns LF into CR LF, and leaves CR LF as it is.
type crlfWriter struct {
	on  bool
	cr  bool // the last octet was CR
	out []byte
}

func (w *crlfWriter) convert(b []byte) []byte {
	if !w.on {
		return b
	}
	w.out = w.out[:0]
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			w.out = append(w.out, b...)
			w.cr = b[len(b)-1] == '\r'
			break
		}
		if i > 0 {
			w.cr = b[i-1] == '\r'
		}
		w.out = append(w.out, b[:i]...)
		if !w.cr {
			w.out = append(w.out, '\r')
		}
		w.out = append(w.out, '\n')
		w.cr = false
		b = b[i+1:]
	}
	return w.out
}
