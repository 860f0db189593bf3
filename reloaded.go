package assay

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/watched"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// The bounds of what Anchors.Watch looks at; the files themselves are read as without.
const (
	maxAnchorFile  = 64 << 20
	maxAnchorFiles = 1024
)

// reloadedAnchors are anchors that are read again when their files change, shared by
// a Verifier and its With.
type reloadedAnchors struct {
	now atomic.Pointer[anchorsNow]

	// The rest belongs to the goroutine that looks after the files.
	files   watched.Files
	pending bool   // the files have changed since the anchors were read
	told    string // why they could not be
}

// anchorsNow is what is trusted at one time.
type anchorsNow struct {
	trust *engine.Trust
	under [32]byte
	pool  *x509.CertPool
	gone  map[[32]byte]bool // anchors that were trusted before and are not now, by SHA-256
}

// watchAnchors begins to look at the files of Config.Anchors, which have been read.
func (v *Verifier) watchAnchors() error {
	a := &v.conf.Anchors
	if !a.Watch {
		return nil
	}
	if len(a.Files)+len(a.Dirs) == 0 {
		return errors.New("Config.Anchors.Watch is set, and Config.Anchors names no files and directories")
	}
	r := &reloadedAnchors{files: watched.Files{Paths: a.Files, Dirs: a.Dirs, Bytes: maxAnchorFile, Count: maxAnchorFiles}}
	r.files.Look(time.Now())
	r.pending = true // they may have changed between the two readings
	r.now.Store(&anchorsNow{trust: v.trust, under: v.under, pool: v.conf.rootPool})
	v.reloaded = r
	return nil
}

// trusted is what is trusted now.
func (v *Verifier) trusted() *engine.Trust {
	if v.reloaded == nil {
		return v.trust
	}
	return v.reloaded.now.Load().trust
}

// pool is what is trusted now, for crypto/tls; nil means the system's. Of a root
// program it has the roots whose certificates are at hand.
func (v *Verifier) pool() *x509.CertPool {
	if p := v.policy.Trust; p != policy.ProgramSystem {
		pool, _ := v.trusted().Pool(p)
		return pool
	}
	if v.reloaded == nil {
		return v.conf.rootPool
	}
	return v.reloaded.now.Load().pool
}

// trustedBy names the rules and what is trusted now. It is another after tables of
// known keys proved wrong, so that nothing judged until then is believed.
func (v *Verifier) trustedBy() [32]byte {
	by := v.hash
	if v.reloaded != nil {
		now := v.reloaded.now.Load()
		by = sha256.Sum256(append(by[:], now.under[:]...))
	}
	if v.engine.TablesFailed() {
		by = sha256.Sum256(append(by[:], "crypto/ecdsa alone"...))
	}
	return by
}

// standing is cs without the chains that end in an anchor that was withdrawn since
// crypto/tls had it, perhaps from a config that was made before.
func (v *Verifier) standing(cs *tls.ConnectionState) *tls.ConnectionState {
	if v.reloaded == nil {
		return cs
	}
	gone := v.reloaded.now.Load().gone
	if len(gone) == 0 {
		return cs
	}
	own := *cs
	own.VerifiedChains = slices.DeleteFunc(slices.Clone(cs.VerifiedChains), func(chain []*x509.Certificate) bool {
		return len(chain) == 0 || gone[sha256.Sum256(chain[len(chain)-1].Raw)]
	})
	return &own
}

// refuseWithdrawn refuses a connection whose anchor was withdrawn.
func (v *Verifier) refuseWithdrawn(d dialled, cs *tls.ConnectionState, p *policy.Policy) *report.Report {
	return v.engine.Refused(handshakeEvidence(d, cs), v.trusted(), *p, "the trust anchor of the chain is no longer among Config.Anchors")
}

// lookAtAnchors reads the anchors again when their files have changed and have come
// to rest, and has the open connections looked at.
func (v *Verifier) lookAtAnchors(now time.Time) {
	r := v.reloaded
	if r == nil {
		return
	}
	if len(r.files.Look(now)) > 0 {
		r.pending = true // somebody may be at it
		return
	}
	if !r.pending {
		return
	}
	conf := v.conf // whose pool is for the new anchors
	fresh := &Verifier{core: v.core, conf: conf}
	fresh.conf.Logger = nil // it has been told of certificates that cannot be read
	anchors, err := fresh.anchors()
	if err != nil { // tried again at every look
		if r.told != err.Error() {
			r.told = err.Error()
			if l := v.conf.Logger; l != nil {
				l.Warn("assay: the trust anchors were not replaced", "error", finding.Quote(err.Error()))
			}
		}
		return
	}
	r.pending, r.told = false, ""
	old := r.now.Load()
	trust := &engine.Trust{Anchors: anchors, LogList: v.trust.LogList, Filters: v.trust.Filters, Lists: v.trust.Lists, Public: v.trust.Public, Programs: v.trust.Programs, Known: v.trust.Known}
	next := &anchorsNow{trust: trust, under: trustHash(trust, v.conf.PublicRoots), pool: fresh.conf.rootPool, gone: map[[32]byte]bool{}}
	if next.under == old.under {
		return
	}
	for sum := range old.gone {
		next.gone[sum] = true
	}
	for _, der := range old.trust.Anchors.Certificates() {
		next.gone[sha256.Sum256(der)] = true
	}
	for _, der := range anchors.Certificates() {
		delete(next.gone, sha256.Sum256(der))
	}
	r.now.Store(next)
	if l := v.conf.Logger; l != nil {
		l.Info("assay: the trust anchors were replaced", "anchors", anchors.Len(), "withdrawn", len(next.gone))
	}
	v.review(underAnchors)
}
