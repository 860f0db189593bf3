package assay

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/assaytls/assay/internal/bounded"
)

// sessionCache keeps TLS sessions only as long as the judgement of the
// connection they came from holds. A failing VerifyConnection drops a session
// for good, so that every second connection would fail; declining the session
// instead costs a full handshake and nothing else.
//
// Each session is stamped, in SessionState.Extra, with the judgement's expiry
// and the policy's hash. Unstamped, expired and foreign ones are declined.
type sessionCache struct {
	inner tls.ClientSessionCache
	hash  [32]byte

	mu    sync.Mutex
	until *bounded.Map[string, time.Time] // by server name, "" for IP targets: the earliest end of a judgement
}

// maxSessionNames bounds the names remembered between judgement and ticket.
const maxSessionNames = 4096

var stampPrefix = []byte("assay1\x00")

func newSessionCache(inner tls.ClientSessionCache, hash [32]byte) *sessionCache {
	return &sessionCache{inner: inner, hash: hash, until: bounded.New[string, time.Time](maxSessionNames, 0)}
}

// judged notes until when the judgement of a connection to name holds; the
// zero time means that it was refused. Of connections at the same time, whose
// tickets cannot be told apart, the judgement that ends first counts.
func (s *sessionCache) judged(name string, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, _ := s.until.Get(name); time.Now().Before(old) && old.Before(until) {
		until = old
	}
	s.until.Put(name, until, 0)
}

func (s *sessionCache) lastJudged(key string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	until, _ := s.until.Get(sniOf(key))
	return until
}

// sniOf is the server name of connections whose sessions crypto/tls keeps under
// key: "" for addresses, with or without a port, and no dot at the end.
func sniOf(key string) string {
	if _, err := netip.ParseAddrPort(key); err == nil {
		return ""
	}
	host := strings.TrimSuffix(strings.TrimPrefix(key, "["), "]")
	if _, err := netip.ParseAddr(host); err == nil {
		return ""
	}
	return strings.TrimRight(key, ".")
}

// Get returns the session for key if its stamp still holds.
func (s *sessionCache) Get(key string) (*tls.ClientSessionState, bool) {
	cs, ok := s.inner.Get(key)
	if !ok || cs == nil {
		return nil, false
	}
	_, state, err := cs.ResumptionState()
	if err != nil || state == nil || !s.valid(state.Extra, time.Now()) {
		return nil, false
	}
	return cs, true
}

// Put stamps the session and stores it; without a judgement that holds it is
// forgotten instead.
func (s *sessionCache) Put(key string, cs *tls.ClientSessionState) {
	if cs == nil {
		s.inner.Put(key, nil)
		return
	}
	until := s.lastJudged(key)
	ticket, state, err := cs.ResumptionState()
	if err != nil || state == nil || until.IsZero() {
		return
	}
	state.Extra = append(withoutStamp(state.Extra), s.stamp(until))
	stamped, err := tls.NewResumptionState(ticket, state)
	if err != nil {
		return
	}
	s.inner.Put(key, stamped)
}

func (s *sessionCache) stamp(until time.Time) []byte {
	b := binary.BigEndian.AppendUint64(bytes.Clone(stampPrefix), uint64(until.Unix()))
	return append(b, s.hash[:]...)
}

func (s *sessionCache) valid(extra [][]byte, now time.Time) bool {
	for _, e := range extra {
		rest, ok := bytes.CutPrefix(e, stampPrefix)
		if !ok || len(rest) != 8+len(s.hash) {
			continue
		}
		until := time.Unix(int64(binary.BigEndian.Uint64(rest)), 0)
		return bytes.Equal(rest[8:], s.hash[:]) && now.Before(until)
	}
	return false
}

func withoutStamp(extra [][]byte) [][]byte {
	var out [][]byte
	for _, e := range extra {
		if !bytes.HasPrefix(e, stampPrefix) {
			out = append(out, e)
		}
	}
	return out
}
