package assay

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"runtime"
	"strconv"
	"sync"
)

// handshaking knows the connections of the handshakes that are under way and that
// this package does not make, by goroutine. VerifyConnection is not told whose
// handshake it ends, and a config for each connection, which GetConfigForClient
// could return, would undo what the application changes in its own copy, as net/http
// does. But crypto/tls calls both, and writes the ClientHello, on one goroutine.
// Where that does not hold a connection is not found, and is told to
// Config.OnRevoked like those that others dialled.
type handshaking struct {
	mu       sync.Mutex
	conns    map[uint64]*shaken // of servers
	carriers map[uint64]*noted  // of clients
}

type shaken struct{ net.Conn }

// begin notes the connection whose handshake runs on this goroutine.
func (h *handshaking) begin(hello *tls.ClientHelloInfo) {
	id, ok := goroutine()
	if !ok || hello.Conn == nil || hello.Context() == nil {
		return
	}
	c := &shaken{hello.Conn}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conns == nil {
		h.conns = map[uint64]*shaken{}
	}
	h.conns[id] = c
	context.AfterFunc(hello.Context(), func() { // crypto/tls ends it with the handshake
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.conns[id] == c {
			delete(h.conns, id)
		}
	})
}

// here returns the connection whose handshake runs on this goroutine, nil when it
// is not known.
func (h *handshaking) here() net.Conn {
	id, ok := goroutine()
	if !ok {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.conns[id]; c != nil {
		return c.Conn
	}
	return nil
}

// carries notes that a handshake begins on n, on this goroutine.
func (h *handshaking) carries(n *noted) {
	id, ok := goroutine()
	if !ok {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.carriers == nil {
		h.carriers = map[uint64]*noted{}
	}
	h.carriers[id] = n
	n.shaking.Store(id)
}

// carrier returns the connection whose handshake began on this goroutine, once;
// nil when none is known.
func (h *handshaking) carrier() *noted {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.carriers) == 0 {
		return nil
	}
	id, ok := goroutine()
	if !ok {
		return nil
	}
	n := h.carriers[id]
	if n != nil {
		delete(h.carriers, id)
		n.shaking.Store(0)
	}
	return n
}

// dropped forgets n, which is closed before it was judged.
func (h *handshaking) dropped(id uint64, n *noted) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.carriers[id] == n {
		delete(h.carriers, id)
	}
}

// goroutine is the number of this goroutine, which no other has before or after.
func goroutine() (id uint64, ok bool) {
	var buf [64]byte
	b, ok := bytes.CutPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	if !ok {
		return 0, false
	}
	b, _, ok = bytes.Cut(b, []byte(" "))
	if !ok {
		return 0, false
	}
	id, err := strconv.ParseUint(string(b), 10, 64)
	return id, err == nil
}
