package tlsclient

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// wireMax bounds how much is recorded of a handshake. Real ones take a few
// kilobytes; a 256 KiB Certificate message, the most crypto/tls reads, cut
// into records of sixteen octets stays below it.
const wireMax = 1 << 20

// outMax bounds what is kept of the client's side: the ClientHellos.
const outMax = 16 << 10

var errWireFull = errors.New("the server sent more than 1 MiB before the handshake was over")

// wire is a connection that keeps what the server sent. The kept bytes are
// read only when no Read is running any more.
type wire struct {
	net.Conn
	relay    bool          // nothing is kept any more
	patience time.Duration // left for all reads together while it records; 0 = no limit
	waited   time.Duration // in reads

	// lean keeps what comes only while it is plain text: until a ServerHello of TLS
	// 1.3, which then stands in hello, or for the whole of an older handshake.
	lean  bool
	looks int // how often what was kept was read
	hello *transcript

	mu      sync.Mutex
	in, out []byte
	nin     int64
	nout    int64
	eof     bool  // the transport itself reached its end
	err     error // the first transport error other than the end
}

func (w *wire) Read(b []byte) (int, error) {
	if w.relay {
		return w.Conn.Read(b)
	}
	begin := time.Now()
	if w.patience > 0 {
		w.Conn.SetReadDeadline(begin.Add(w.patience))
	}
	n, err := w.Conn.Read(b)
	took := time.Since(begin)
	w.waited += took
	if w.patience > 0 {
		w.patience = max(w.patience-took, 1)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nin += int64(n)
	if w.hello == nil && len(w.in)+n > wireMax {
		w.err = errWireFull
		return 0, errWireFull
	}
	w.keep(b[:n])
	switch {
	case err == io.EOF:
		w.eof = true
	case err != nil && w.err == nil:
		w.err = err
	}
	return n, err
}

func (w *wire) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	if w.relay {
		return n, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nout += int64(n)
	if room := outMax - len(w.out); room > 0 && !w.lean {
		w.out = append(w.out, b[:min(n, room)]...)
	}
	return n, err
}

// keep keeps what has come, as far as it is wanted.
func (w *wire) keep(b []byte) {
	if w.hello != nil {
		return
	}
	if len(w.in) == 0 && w.look(b) { // nearly always: nothing needs to be copied
		return
	}
	if w.in = append(w.in, b...); len(w.in) > len(b) && w.look(w.in) {
		w.in = nil
	}
}

// maxLooks bounds how often the beginning is read again, for a server may send
// it octet by octet.
const maxLooks = 16

// look reports whether in has the ServerHello of TLS 1.3, after which nothing more
// need be kept.
func (w *wire) look(in []byte) bool {
	if !w.lean || w.looks >= maxLooks {
		return false
	}
	w.looks++
	t := readTranscript(in, nil)
	switch {
	case t.version != 0 && t.version < 0x0304:
		w.looks = maxLooks
	case t.version == 0x0304 && t.share != nil: // a HelloRetryRequest has none
		t.share, t.err = nil, nil
		w.hello = t
	}
	return w.hello != nil
}

// received returns everything the server has sent so far; with lean, what was kept
// of it.
func (w *wire) received() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.in
}

// keyLog collects the secrets of one handshake by their label (the format of
// SSLKEYLOGFILE) and passes each line on.
type keyLog struct {
	mu      sync.Mutex
	next    io.Writer
	secrets map[string][]byte
	masters int // handshakes before TLS 1.3 that came as far as their keys
}

func (k *keyLog) Write(line []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if f := strings.Fields(string(line)); len(f) == 3 {
		if f[0] == "CLIENT_RANDOM" {
			k.masters++
		}
		if secret, err := hexBytes(f[2]); err == nil {
			if k.secrets == nil {
				k.secrets = make(map[string][]byte)
			}
			k.secrets[f[0]] = secret
		}
	}
	if k.next != nil {
		// A key log that cannot be written must not break the handshake.
		_, _ = k.next.Write(line)
	}
	return len(line), nil
}

func (k *keyLog) all() map[string][]byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.secrets
}

// made counts the handshakes before TLS 1.3 that came as far as their keys: of
// more than one all but the first were renegotiations.
func (k *keyLog) made() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.masters
}
