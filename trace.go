package assay

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// handshakeTrace calls the httptrace hooks of a request for the handshakes that
// dial makes. net/http calls them for what DialTLSContext returns too, when all
// is over: those calls are left out. Its methods may be called on nil.
type handshakeTrace struct {
	callers, shown *httptrace.ClientTrace // the request's, and what net/http sees of it
	told           atomic.Int32           // handshakes of which net/http will tell again
}

type traceKey struct{}

// tracedContext is a request's context in which net/http finds shown.
type tracedContext struct {
	context.Context
	trace *handshakeTrace
}

func (c tracedContext) Value(key any) any {
	if key == (traceKey{}) {
		return c.trace
	}
	value := c.Context.Value(key)
	if _, ok := value.(*httptrace.ClientTrace); ok {
		return c.trace.shown
	}
	return value
}

// traced returns r, or a copy with a context for dial when somebody wants to be
// told of handshakes.
func traced(r *http.Request) *http.Request {
	callers := httptrace.ContextClientTrace(r.Context())
	if callers == nil || callers.TLSHandshakeStart == nil && callers.TLSHandshakeDone == nil {
		return r
	}
	shown := *callers
	h := &handshakeTrace{callers: callers, shown: &shown}
	shown.TLSHandshakeStart = func() {
		if h.told.Load() == 0 { // a handshake behind a proxy
			h.start()
		}
	}
	shown.TLSHandshakeDone = func(cs tls.ConnectionState, err error) {
		if h.told.Load() > 0 {
			h.told.Add(-1)
		} else if callers.TLSHandshakeDone != nil {
			callers.TLSHandshakeDone(cs, err)
		}
	}
	return r.WithContext(tracedContext{r.Context(), h})
}

func (h *handshakeTrace) start() {
	if h != nil && h.callers.TLSHandshakeStart != nil {
		h.callers.TLSHandshakeStart()
	}
}

// done tells of the end of a handshake; c is nil when it failed with err.
func (h *handshakeTrace) done(c *tls.Conn, err error) {
	if h == nil {
		return
	}
	var cs tls.ConnectionState
	if err == nil {
		cs = c.ConnectionState()
		h.told.Add(1)
	}
	if h.callers.TLSHandshakeDone != nil {
		h.callers.TLSHandshakeDone(cs, err)
	}
}
