package assay

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/report"
)

// verdictMemo remembers accepted judgements by everything they rest on: every
// chain byte, staples, SCTs, the name and the purpose; policy, anchors and log
// list are fixed for a Verifier. It is bounded and forgets everything when a
// revocation is learnt.
type verdictMemo struct {
	mu      sync.Mutex
	entries map[[32]byte]memoEntry
}

type memoEntry struct {
	report *report.Report
	until  time.Time
}

// The bounds of the memo.
const (
	memoMax = 4096
	memoFor = time.Hour
)

func newVerdictMemo() *verdictMemo { return &verdictMemo{entries: map[[32]byte]memoEntry{}} }

func (m *verdictMemo) get(key [32]byte, now time.Time) (*report.Report, time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[key]
	if !ok || !now.Before(e.until) {
		return nil, time.Time{}
	}
	return e.report, e.until
}

func (m *verdictMemo) put(key [32]byte, r *report.Report, until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.entries) >= memoMax {
		clear(m.entries)
	}
	m.entries[key] = memoEntry{r, until}
}

func (m *verdictMemo) drop() {
	m.mu.Lock()
	clear(m.entries)
	m.mu.Unlock()
}

func memoKey(ev *evidence.Evidence, chains [][][]byte, purpose string) (key [32]byte) {
	h := sha256.New()
	var n [8]byte
	add := func(b []byte) {
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	add([]byte(purpose))
	add([]byte(ev.Target.Host))
	add([]byte(ev.Target.Port))
	add(ev.TLSSCTs)
	for _, e := range ev.Chain {
		add(e.Cert)
		add(e.Staple)
	}
	for _, chain := range chains {
		binary.BigEndian.PutUint64(n[:], uint64(len(chain)))
		h.Write(n[:])
		for _, c := range chain {
			add(c)
		}
	}
	h.Sum(key[:0])
	return key
}

// holds returns until when r may be relied on: the earliest of the chosen
// path's notAfter, its answers' nextUpdate, and an hour from now.
func holds(r *report.Report, now time.Time) time.Time {
	until := now.Add(memoFor)
	earlier := func(t time.Time) {
		if !t.IsZero() && t.Before(until) {
			until = t
		}
	}
	if r.Chosen < 0 || r.Chosen >= len(r.Paths) {
		return now
	}
	for _, pc := range r.Paths[r.Chosen].Certs {
		earlier(r.Certs[pc.Cert].NotAfter)
		if pc.Revocation == nil {
			continue
		}
		for _, a := range pc.Revocation.Sources {
			if a.Status != "" {
				earlier(a.NextUpdate)
			}
		}
	}
	return until
}

func hasRevoked(r *report.Report) bool {
	for _, p := range r.Paths {
		for _, c := range p.Certs {
			if c.Revocation != nil && c.Revocation.Status == report.Revoked {
				return true
			}
		}
	}
	return false
}
