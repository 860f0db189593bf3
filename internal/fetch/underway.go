package fetch

import (
	"context"
	"io"
	"sync"
)

// MaxUnderWay bounds the octets of all bodies that a process is downloading,
// wherever they go, beyond the first 2 MiB of each, which never wait: a body of
// at most 1 MiB has room to grow there. One download at a time may go past the
// bound, or all could wait for each other. So the memory of all downloads under
// way is at most MaxUnderWay, 2 MiB for each, and once and a half the largest
// body that is allowed, whose buffer may be growing.
const MaxUnderWay = 256 << 20

// freely is what each download may have without waiting.
const freely = 2 << 20

// account is the octets that downloads under way have.
type account struct {
	limit int64

	mu      sync.Mutex
	used    int64         // beyond freely, of all shares
	beyond  *share        // the one that has gone past the limit
	changed chan struct{} // closed when somebody has given back
}

// process is the account of all Clients.
var process = &account{limit: MaxUnderWay}

// share is what one download has.
type share struct {
	of   *account
	have int64
}

func counted(have int64) int64 { return max(0, have-freely) }

// take waits until the share may have n octets more, at the latest until ctx
// is done.
func (s *share) take(ctx context.Context, n int64) error {
	a := s.of
	for {
		a.mu.Lock()
		more := counted(s.have+n) - counted(s.have)
		fits := a.used+more <= a.limit
		if fits || more == 0 || a.beyond == nil || a.beyond == s {
			if !fits && more > 0 {
				a.beyond = s
			}
			a.used += more
			s.have += n
			a.mu.Unlock()
			return nil
		}
		if a.changed == nil {
			a.changed = make(chan struct{})
		}
		changed := a.changed
		a.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return errBusy
		}
	}
}

// give gives n octets back; without any left the share no longer goes past the
// limit.
func (s *share) give(n int64) {
	a := s.of
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used -= counted(s.have) - counted(s.have-n)
	s.have -= n
	if s.have == 0 && a.beyond == s {
		a.beyond = nil
	}
	if a.changed != nil {
		close(a.changed)
		a.changed = nil
	}
}

// busyError says that a download ended waiting for its share.
type busyError struct{}

func (busyError) Error() string { return "other downloads had all the memory until the time ended" }

var errBusy error = busyError{}

// body takes what is downloaded, for which it has a share: up to most octets
// in memory, or as many as into accepts.
type body struct {
	ctx   context.Context
	share share
	into  io.Writer // nil = memory
	most  int64
	buf   []byte
}

// Write appends b, waiting for a share of it.
func (w *body) Write(b []byte) (int, error) {
	if w.into != nil {
		if err := w.share.take(w.ctx, int64(len(b))); err != nil {
			return 0, err
		}
		return w.into.Write(b)
	}
	if need := len(w.buf) + len(b); need > cap(w.buf) {
		old, size := cap(w.buf), max(need, int(min(2*int64(cap(w.buf)), w.most)))
		if err := w.share.take(w.ctx, int64(size)); err != nil {
			return 0, err
		}
		grown := make([]byte, len(w.buf), size)
		copy(grown, w.buf)
		w.buf = grown
		w.share.give(int64(old))
	}
	w.buf = append(w.buf, b...)
	return len(b), nil
}

// end gives the share back: the download is not under way any more.
func (w *body) end() { w.share.give(w.share.have) }
