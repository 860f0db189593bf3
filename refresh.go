package assay

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"net/url"
	"strings"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/policy"
)

// The bounds of background refreshes. In TLS 1.3 the peer has not proved its key
// yet, so its pointers are worth little. Of those whose data comes from one host
// only some run, so that a host that never answers does not starve the others.
const (
	maxRefreshes       = 64 // under way
	maxRefreshesOfHost = 16
	backgroundBudget   = 30 * time.Second // for each
)

// refreshes are the background refreshes under way. Whoever uses them locks.
type refreshes struct {
	keys  map[[32]byte]bool // leaf and policy
	hosts map[string]int    // from which they download
}

// begin notes a refresh, unless one with its key is under way or too many are.
func (r *refreshes) begin(key [32]byte, hosts []string) bool {
	if r.keys[key] || len(r.keys) >= maxRefreshes {
		return false
	}
	for _, h := range hosts {
		if r.hosts[h] >= maxRefreshesOfHost {
			return false
		}
	}
	if r.keys == nil {
		r.keys, r.hosts = map[[32]byte]bool{}, map[string]int{}
	}
	r.keys[key] = true
	for _, h := range hosts {
		r.hosts[h]++
	}
	return true
}

func (r *refreshes) end(key [32]byte, hosts []string) {
	delete(r.keys, key)
	for _, h := range hosts {
		if r.hosts[h]--; r.hosts[h] == 0 {
			delete(r.hosts, h)
		}
	}
}

// refreshInBackground fetches what a handshake lacked, once at a time for each leaf
// and policy.
func (v *Verifier) refreshInBackground(ev *evidence.Evidence, cs *tls.ConnectionState, d dialled, p *policy.Policy) {
	access := v.accessFor(d)
	access.Background = true
	chains, hosts := verifiedChains(cs), pointedTo(cs)
	key := sha256.Sum256(append(v.hash[:], chains[0][0]...))
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed || !v.refreshes.begin(key, hosts) {
		return
	}
	v.running.Add(1)
	go func() {
		defer v.running.Done()
		defer func() {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.refreshes.end(key, hosts)
		}()
		ctx, cancel := context.WithTimeout(v.ctx, backgroundBudget)
		defer cancel()
		v.engine.Handshake(ctx, ev, chains, v.trusted(), *p, access, assemble.Rows) // nobody reads it
	}()
}

// pointedTo are the hosts, each once, to which the certificates of the verified
// chains point for revocation data.
func pointedTo(cs *tls.ConnectionState) (hosts []string) {
	seen := map[string]bool{}
	for _, chain := range cs.VerifiedChains {
		for _, c := range chain {
			for _, pointers := range [][]string{c.OCSPServer, c.CRLDistributionPoints} {
				for _, p := range pointers {
					u, err := url.Parse(p)
					if err != nil || u.Host == "" {
						continue
					}
					if h := strings.ToLower(u.Host); !seen[h] {
						seen[h] = true
						hosts = append(hosts, h)
					}
				}
			}
		}
	}
	return hosts
}
