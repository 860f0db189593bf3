package engine

import (
	"fmt"
	"sync"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/programs"
)

// Trust is what counts as trusted in one judgement. The zero Trust trusts
// nobody. It is not changed once it is in use and safe for concurrent use; one
// engine judges by as many as are wanted, and nothing that was accepted under
// one is believed under another: engines remember bytes, and signatures by the
// key that made them, and neither depends on an anchor.
type Trust struct {
	Anchors *certpath.Anchors // nil: none
	// Excerpt says that Anchors are those of a larger set that the certificates to
	// be judged lead to: that there are none is no mistake.
	Excerpt bool
	LogList *ct.LogList // nil: SCTs are shown, not verified
	// Filters returns the CRLite filters to ask, nil when there are none; each
	// judgement asks for them once. It must be safe for concurrent use. nil: none.
	Filters func() *crlite.Set
	// Lists returns the lists that the application gave; each judgement asks for them
	// once. It must be safe for concurrent use, and what it returned is not changed.
	// nil: none.
	Lists func() []*Given
	// Public says of an anchor's SubjectPublicKeyInfo whether it is publicly
	// trusted: browsers' CT policies and the lifetime limits of public certificates
	// apply below such anchors. nil: none is.
	Public func(spki []byte) bool

	// Programs returns the tables of root programs, always the same; it is called when
	// a policy asks for a program. It must be safe for concurrent use. nil: there are
	// none, so that no program accepts anything.
	Programs func() *programs.Tables
	// Known returns certificates of roots that nobody trusts by their being here: they
	// count for a program whose table has them, as what was sent and Anchors do. It is
	// as Programs. nil: there are none.
	Known func() *certpath.Anchors

	programKeys sync.Map // the keys of a program's roots at hand
	pools       sync.Map // the roots themselves, for crypto/x509
	tablesNamed sync.Once
	tables      string // the hash of Programs

	public sync.Map // what Public said of an anchor, by its SHA-256

	keyed sync.Once
	keys  map[evidence.Hash]bool // of the anchors

	named         sync.Once // the hashes, hex
	anchors, logs string
}

// anchored reports whether an anchor has this key.
func (t *Trust) anchored(key evidence.Hash) bool {
	t.keyed.Do(func() {
		t.keys = map[evidence.Hash]bool{}
		for _, der := range t.Anchors.Certificates() {
			t.keys[evidence.HashOf(cert.Parse(der).RawSPKI)] = true
		}
	})
	return t.keys[key]
}

// publicAnchor reports whether a trust anchor is publicly trusted.
func (t *Trust) publicAnchor(anchor *cert.Certificate) bool {
	if t.Public == nil {
		return false
	}
	if known, ok := t.public.Load(anchor.SHA256); ok {
		return known.(bool)
	}
	yes := t.Public(anchor.RawSPKI)
	t.public.Store(anchor.SHA256, yes) // as many as there are anchors
	return yes
}

// names are the hashes of the anchors and of the log list, hex; "" when there is
// no log list.
func (t *Trust) names() (anchors, logs string) {
	t.named.Do(func() {
		t.anchors = fmt.Sprintf("%x", t.Anchors.Hash())
		if t.LogList != nil {
			t.logs = fmt.Sprintf("%x", t.LogList.Hash())
		}
	})
	return t.anchors, t.logs
}
