package assay

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"sync"
	"time"

	"github.com/assaytls/assay/internal/bounded"
	"github.com/assaytls/assay/internal/learnt"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// verdictMemo remembers accepted judgements by everything they rest on: every
// chain byte, staple, SCTs, name, port, purpose, what the handshake did with the
// key, and the hash of policy, anchors and log list. It says nothing about
// possession of the key, which TLS 1.3 proves only later. It is bounded, by count and
// octets. Whoever uses it asks whether a revocation was learnt meanwhile of a
// certificate that the judgement rests on: what is learnt of one server costs no
// other its judgement.
type verdictMemo struct {
	mu      sync.Mutex
	entries *bounded.Map[[32]byte, *memoEntry]
}

type memoEntry struct {
	report  *report.Report
	until   time.Time
	renewal time.Time // from when its revocation data should be fetched anew
	path    learnt.Path
}

// The bounds of the memo.
const (
	memoMax    = 4096
	memoOctets = 64 << 20
	entryMax   = 128 << 10 // of one report; what a server pads with junk is judged each time
	memoFor    = time.Hour
	renewEvery = 10 * time.Minute
)

func newVerdictMemo() *verdictMemo {
	return &verdictMemo{entries: bounded.New[[32]byte, *memoEntry](memoMax, memoOctets)}
}

// get returns what is remembered, without a report if nothing is. Of those who ask after the
// time for renewal, one in renewEvery is told that it is due.
func (m *verdictMemo) get(key [32]byte, now time.Time) (got memoEntry, due bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, _ := m.entries.Get(key)
	if e == nil || !now.Before(e.until) {
		return memoEntry{}, false
	}
	if !e.renewal.IsZero() && !now.Before(e.renewal) {
		e.renewal, due = now.Add(renewEvery), true
	}
	return *e, due
}

func (m *verdictMemo) put(key [32]byte, e memoEntry) {
	octets := sizeOf(&e)
	if octets > entryMax {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries.Put(key, &e, octets)
}

// keyBuffers hold the bytes of which keys are hashes.
var keyBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 8192); return &b }}

// memoKey is the key of a connection's judgement.
func memoKey(hash [32]byte, d dialled, cs *tls.ConnectionState, purpose string) [32]byte {
	buf := keyBuffers.Get().(*[]byte)
	defer keyBuffers.Put(buf)
	b := append((*buf)[:0], hash[:]...)
	b = binary.BigEndian.AppendUint16(b, cs.Version)
	b = binary.BigEndian.AppendUint16(b, cs.CipherSuite)
	b = appendSized(b, purpose)
	b = appendSized(b, cs.ServerName)
	b = appendSized(b, d.host)
	b = appendSized(b, d.port)
	b = appendSized(b, cs.OCSPResponse)
	b = binary.BigEndian.AppendUint32(b, uint32(len(cs.SignedCertificateTimestamps)))
	for _, s := range cs.SignedCertificateTimestamps {
		b = appendSized(b, s)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(cs.PeerCertificates)))
	for _, c := range cs.PeerCertificates {
		b = appendSized(b, c.Raw)
	}
	for _, chain := range cs.VerifiedChains {
		b = binary.BigEndian.AppendUint32(b, uint32(len(chain)))
		for _, c := range chain {
			if i := position(cs.PeerCertificates, c); i >= 0 {
				b = binary.BigEndian.AppendUint32(append(b, 1), uint32(i)) // its bytes stand above
			} else {
				b = appendSized(append(b, 0), c.Raw)
			}
		}
	}
	*buf = b
	return sha256.Sum256(b)
}

// judgedBy names the rules, the trust, the filters and the lists by which v judges now.
func (v *Verifier) judgedBy() [32]byte {
	by := v.trustedBy()
	if set := v.filters.set.Load(); set != nil && v.policy.Schemes.Has(policy.CRLite) {
		h := set.Hash()
		by = sha256.Sum256(append(by[:], h[:]...))
	}
	if lists := v.crlFiles.now.Load(); lists != nil && v.policy.Schemes.Has(policy.CRL) {
		by = sha256.Sum256(append(by[:], lists.hash[:]...))
	}
	return by
}

// position finds the very certificate c, not an equal one.
func position(certs []*x509.Certificate, c *x509.Certificate) int {
	for i := range certs {
		if certs[i] == c {
			return i
		}
	}
	return -1
}

func appendSized[T string | []byte](b []byte, s T) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// holds returns until when r may be relied on under p: the earliest of the chosen
// path's notAfter, less the margin that p asks for, the end of its root's trust by the
// program that decides, its answers' nextUpdate and,
// with p's MaxAge, their age, and an hour from now. renewal is when the first of the downloaded answers has lived
// half its life, zero when there is none.
func holds(r *report.Report, now time.Time, p policy.Policy) (until, renewal time.Time) {
	until = now.Add(memoFor)
	earlier := func(t *time.Time, u time.Time) {
		if !u.IsZero() && (t.IsZero() || u.Before(*t)) {
			*t = u
		}
	}
	if r.Chosen < 0 || r.Chosen >= len(r.Paths) {
		return now, time.Time{}
	}
	for _, a := range r.Programs {
		if a.Program == p.Trust {
			earlier(&until, a.Until)
		}
	}
	for i, pc := range r.Paths[r.Chosen].Certs {
		c := r.Certs[pc.Cert]
		earlier(&until, c.NotAfter)
		if soon, ok := p.ExpiresWithin.Reached(c.NotBefore, c.NotAfter, i == 0); ok {
			earlier(&until, soon)
		}
		if pc.Revocation == nil {
			continue
		}
		for _, a := range pc.Revocation.Sources {
			if a.Status == "" {
				continue
			}
			earlier(&until, a.NextUpdate)
			if p.MaxAge > 0 {
				earlier(&until, a.ThisUpdate.Add(p.MaxAge))
			}
			if a.Scheme != policy.Staple && !a.NextUpdate.IsZero() {
				earlier(&renewal, a.ThisUpdate.Add(a.NextUpdate.Sub(a.ThisUpdate)/2))
			}
		}
	}
	return until, renewal
}
