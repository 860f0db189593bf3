package worker

import (
	"crypto/sha256"
	"sync"

	"github.com/assaytls/assay/fleet/sink"
	"github.com/assaytls/assay/internal/bounded"
	"github.com/assaytls/assay/report"
)

// facts remembers what the table of certificates says of issuers, which come again
// and again.
type facts struct {
	mu    sync.Mutex
	known *bounded.Map[report.Hash, sink.Certificate]
}

// maxFacts bounds the issuers that are remembered, and maxFactsOctets their DER.
const (
	maxFacts       = 1024
	maxFactsOctets = 4 << 20
)

// of returns what is said of a certificate; issuer says that it will come again.
func (f *facts) of(der []byte, issuer, keep bool) sink.Certificate {
	if !issuer {
		return sink.NewCertificate(der, keep)
	}
	sum := report.Hash(sha256.Sum256(der))
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		f.known = bounded.New[report.Hash, sink.Certificate](maxFacts, maxFactsOctets)
	}
	c, ok := f.known.Get(sum)
	if !ok {
		c = sink.NewCertificate(der, keep)
		f.known.Put(sum, c, int64(len(der)+2048))
	}
	return c
}

// hashes is a set of the hashes of what was handed over lately.
type hashes struct {
	mu    sync.Mutex
	known *bounded.Map[report.Hash, struct{}]
}

func (h *hashes) has(sum report.Hash) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.known.Get(sum)
	return ok
}

func (h *hashes) add(sum report.Hash) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil {
		h.known = bounded.New[report.Hash, struct{}](4*maxFacts, 0)
	}
	h.known.Put(sum, struct{}{}, 0)
}
