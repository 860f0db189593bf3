package assay

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/assaytls/assay/internal/bounded"
	"github.com/assaytls/assay/internal/learnt"
)

// sessionCache keeps TLS sessions only as long as the judgement of the
// connection they came from holds. A failing VerifyConnection drops a session
// for good, so that every second connection would fail; declining the session
// instead costs a full handshake and nothing else.
//
// Each session is stamped, in SessionState.Extra, with the judgement's expiry,
// the policy's hash and the certificates that it rests on. Unstamped, expired and
// foreign ones are declined, and those of which a certificate was learnt to be
// revoked. None allows early data: QUIC would send it before the handshake, and
// with it the judgement, has said who receives it (RFC 9001, 4.6).
type sessionCache struct {
	inner  tls.ClientSessionCache
	now    func() [32]byte        // the hash of rules and trust
	stands func(learnt.Path) bool // nothing is known against a path

	mu    sync.Mutex
	names *bounded.Map[string, tenure] // by server name, "" for IP targets
}

// tenure is what acceptances of connections to one name rest on, whose tickets
// cannot be told apart: the earliest end of a judgement, and all their paths.
type tenure struct {
	until time.Time
	paths []learnt.Path
}

// maxSessionNames bounds the names remembered between judgement and ticket.
const maxSessionNames = 4096

// maxSessionPaths bounds the paths on which tickets of one name may rest; more
// than that and none is kept.
const maxSessionPaths = 8

var stampPrefix = []byte("assay2\x00")

func newSessionCache(inner tls.ClientSessionCache, hash [32]byte, stands func(learnt.Path) bool) *sessionCache {
	return &sessionCache{inner: inner, now: func() [32]byte { return hash }, stands: stands, names: bounded.New[string, tenure](maxSessionNames, 0)}
}

// judged notes until when the judgement of a connection to name holds, and on
// which path; the zero time means that it was refused. Of connections at the same
// time, whose tickets cannot be told apart, the judgement that ends first counts,
// and every path.
func (s *sessionCache) judged(name string, until time.Time, path learnt.Path) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := tenure{until: until, paths: []learnt.Path{path}}
	if old, _ := s.names.Get(name); time.Now().Before(old.until) && !until.IsZero() {
		if old.until.Before(until) {
			t.until = old.until
		}
		t.paths = old.paths
		if !slices.ContainsFunc(old.paths, path.Equal) {
			t.paths = append(slices.Clip(old.paths), path)
		}
		if len(t.paths) > maxSessionPaths {
			t = tenure{}
		}
	}
	s.names.Put(name, t, 0)
}

func (s *sessionCache) lastJudged(key string) tenure {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, _ := s.names.Get(sniOf(key))
	return t
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
	if err != nil || state == nil || state.EarlyData || !s.valid(state.Extra, time.Now()) {
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
	t := s.lastJudged(key)
	ticket, state, err := cs.ResumptionState()
	if err != nil || state == nil || t.until.IsZero() {
		return
	}
	state.Extra = append(withoutStamp(state.Extra), s.stamp(t))
	state.EarlyData = false
	stamped, err := tls.NewResumptionState(ticket, state)
	if err != nil {
		return
	}
	s.inner.Put(key, stamped)
}

func (s *sessionCache) stamp(t tenure) []byte {
	b := binary.BigEndian.AppendUint64(bytes.Clone(stampPrefix), uint64(t.until.Unix()))
	hash := s.now()
	b = append(b, hash[:]...)
	for _, p := range t.paths {
		b = p.Append(b)
	}
	return b
}

func (s *sessionCache) valid(extra [][]byte, now time.Time) bool {
	hash := s.now()
	for _, e := range extra {
		rest, ok := bytes.CutPrefix(e, stampPrefix)
		const head = 8 + len(hash)
		if !ok || len(rest) <= head { // it rests on one path at least
			continue
		}
		until := time.Unix(int64(binary.BigEndian.Uint64(rest)), 0)
		return bytes.Equal(rest[8:head], hash[:]) && now.Before(until) && s.standing(rest[head:])
	}
	return false
}

// standing reports whether nothing was learnt against the paths of a stamp.
func (s *sessionCache) standing(paths []byte) bool {
	for len(paths) > 0 {
		p, rest, ok := learnt.ParsePath(paths)
		if !ok || !s.stands(p) {
			return false
		}
		paths = rest
	}
	return true
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
