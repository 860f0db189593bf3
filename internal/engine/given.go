package engine

import (
	"slices"
	"sync/atomic"

	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/policy"
)

// Given is a revocation list that the application gave, from a file. It is judged
// like one that was downloaded: it counts for the issuer whose key signed it, and for
// nobody else.
type Given struct {
	File string
	Body []byte // DER
	List *crl.List

	proved atomic.Bool
}

// Proved reports whether a judgement has had an answer from the list: it is what it
// says, not just a file that looks like a list.
func (g *Given) Proved() bool { return g.proved.Load() }

// giveLists takes the lists that there are now, for all rounds.
func (j *judgement) giveLists() {
	if j.t.Lists != nil && j.p.Schemes.Has(policy.CRL) {
		j.given = j.t.Lists()
	}
}

// offerGiven hands the judges the given lists, but for those that the evidence has.
// Their indexes count down from -1: they are no artefacts.
func (j *judgement) offerGiven(in *revocation.Input, from *handed) {
	for k, g := range j.given {
		if slices.ContainsFunc(in.Offered, func(l *crl.List) bool { return l.SHA256 == g.List.SHA256 }) {
			continue
		}
		in.Offered, from.lists = append(in.Offered, g.List), append(from.lists, -1-k)
	}
}

// usedGiven notes that the given list with a (negative) index gave an answer. One that
// gave none is no finding: most lists of a server are about other clients.
func (j *judgement) usedGiven(i int, why string) {
	if why != "" {
		return
	}
	g := j.given[-1-i]
	g.proved.Store(true)
	if !slices.Contains(j.answered, g) {
		j.answered = append(j.answered, g)
	}
}

// addGiven adds the given lists that answered to the evidence, so that it can be
// judged again without them.
func (j *judgement) addGiven(ev *evidence.Evidence) {
	for _, g := range j.answered {
		ev.Artefacts = append(slices.Clip(ev.Artefacts), evidence.Artefact{Kind: kindCRLFile, URL: g.File, Body: g.Body, Fetched: j.began.UTC()})
	}
}
