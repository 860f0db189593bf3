package assay

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"weak"

	"github.com/assaytls/assay/report"
)

// noted is the transport of a connection made by Dial, Handshake or Transport.
// crypto/tls returns io.EOF whether the peer said close_notify or the transport just
// ended; noted remembers the second, and what the judgement said. When the
// connection is accepted no longer it carries nothing more, and its Read and Write
// say why.
type noted struct {
	net.Conn
	ended    atomic.Bool
	report   atomic.Pointer[report.Report]
	accepted atomic.Pointer[acceptance] // nil until it was judged
	forget   atomic.Pointer[func()]     // it is not watched any more
	shakes   *handshaking               // not nil: somebody else makes the handshake, with a config of ClientConfig
	begun    atomic.Bool                // and has begun it, or never will
	wrote    atomic.Bool                // something, to a proxy
	shaking  atomic.Uint64              // on this goroutine, until it is judged; 0: none
}

// carry makes a connection watched on which somebody else makes the handshake, as
// net/http does behind a proxy, with a config of ClientConfig.
func (v *Verifier) carry(c net.Conn, err error) (net.Conn, error) {
	if err != nil || c == nil || v.core == nil {
		return c, err
	}
	return &noted{Conn: c, shakes: &v.shaking}, nil
}

// judged notes why n was accepted, and has it watched until it is closed.
func (n *noted) judged(o *openConns, a *acceptance) {
	n.accepted.Store(a)
	w := weak.Make(n)
	id := o.add(&openConn{a, func() {
		if n := w.Value(); n != nil {
			n.Conn.Close()
		}
	}})
	forget := func() { o.remove(id) }
	n.forget.Store(&forget)
	runtime.AddCleanup(n, o.remove, id)
}

// refused returns why n carries nothing more, nil while it does.
func (n *noted) refused() error {
	if a := n.accepted.Load(); a != nil {
		if refused := a.standing(); refused != nil {
			n.Conn.Close()
			return refused
		}
	}
	return nil
}

// Read reads. What came before it was known that the connection is accepted no
// longer, and was not handed out, is not handed out then.
func (n *noted) Read(b []byte) (int, error) {
	k, err := n.Conn.Read(b)
	if refused := n.refused(); refused != nil {
		return 0, refused
	}
	if err == io.EOF {
		n.ended.Store(true)
	}
	return k, err
}

// Write writes, unless the connection is accepted no longer.
func (n *noted) Write(b []byte) (int, error) {
	if refused := n.refused(); refused != nil {
		return 0, refused
	}
	if n.shaking.Load() != 0 && carriesData(b) { // nobody asked assay
		n.Conn.Close()
		return 0, ErrReplaced
	}
	if n.shakes != nil && !n.begun.Load() {
		n.look(b)
	}
	k, err := n.Conn.Write(b)
	if err != nil {
		if refused := n.refused(); refused != nil {
			return k, refused
		}
	}
	return k, err
}

// Close closes the connection, which is not watched any more.
func (n *noted) Close() error {
	if forget := n.forget.Load(); forget != nil {
		(*forget)()
	}
	if id := n.shaking.Load(); id != 0 {
		n.shakes.dropped(id, n)
	}
	return n.Conn.Close()
}

// NetConn returns the connection below, for those who need its own type.
func (n *noted) NetConn() net.Conn { return n.Conn }

// look looks for the beginning of a handshake in what is written first, or after
// what is said to a proxy. Whatever else is said first is plain HTTP, in which
// anything may look like a handshake.
func (n *noted) look(b []byte) {
	const handshake, socks5 = 22, 5 // RFC 8446, 5.1; RFC 1928, 3
	switch {
	case len(b) == 0:
	case b[0] == handshake:
		if n.begun.CompareAndSwap(false, true) {
			n.shakes.carries(n)
		}
	case !n.wrote.Swap(true) && b[0] != socks5 && !bytes.HasPrefix(b, []byte("CONNECT ")):
		n.begun.Store(true)
	}
}

// carriesData reports whether b, whole TLS records, has one of application data
// (RFC 8446, 5.1) that is not just an alert: encrypted records of the handshake
// that follow the server's certificate look so too.
func carriesData(b []byte) bool {
	const head, applicationData, alert = 5, 23, 2 + 1 + 16
	for len(b) >= head {
		size := int(b[3])<<8 | int(b[4])
		if b[0] == applicationData && size > alert {
			return true
		}
		b = b[min(head+size, len(b)):]
	}
	return false
}
