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

// handshaking knows the connections of the servers' handshakes that are under way,
// by goroutine. VerifyConnection is not told whose handshake it ends, and a config
// for each connection, which GetConfigForClient could return, would undo what the
// application changes in its own copy, as net/http does. But crypto/tls calls both
// on one goroutine. Where that does not hold a connection is not found, and is told
// to Config.OnRevoked like those that others dialled.
type handshaking struct {
	mu    sync.Mutex
	conns map[uint64]*shaken
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
