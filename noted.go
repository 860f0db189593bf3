package assay

import (
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
	begun    atomic.Bool                // and has begun it
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
	const handshakeRecord = 22 // RFC 8446, 5.1: a ClientHello, which a proxy's own protocol never looks like
	if n.shakes != nil && len(b) > 0 && b[0] == handshakeRecord && n.begun.CompareAndSwap(false, true) {
		n.shakes.carries(n)
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
