package engine

import (
	"strconv"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
)

// order looks for a certificate behind the first one that was meant to be the first: a chain
// that begins with the CA, or an expired certificate with its renewed one behind it. It judges nothing anew:
// the first certificate is the one that is judged.
func (j *judgement) order() []finding.Finding {
	if len(j.sent) < 2 {
		return nil
	}
	var names []certpath.Identifier
	for _, n := range assemble.Names(j.p, j.ev.Target) {
		id, err := certpath.ParseIdentifier(n)
		if err != nil {
			return nil
		}
		names = append(names, id)
	}
	first := j.sent[0]
	others := len(names) > 0 && len(certpath.MatchNames(first, names, j.p.NoWildcards)) > 0
	ended := !first.NotAfter.IsZero() && j.now.After(first.NotAfter)
	for i, c := range j.sent[1:] {
		if c.CA || len(c.RawTBS) == 0 {
			continue
		}
		wanted := len(names) > 0 && len(certpath.MatchNames(c, names, j.p.NoWildcards)) == 0
		number := strconv.Itoa(i + 2)
		switch {
		case others && wanted:
			return []finding.Finding{finding.New(finding.ChainOrderWrong, "number", number, "first", assemble.Name(first))}
		case ended && j.now.Before(c.NotAfter) && (wanted || len(names) == 0 && sameNames(first, c)):
			return []finding.Finding{finding.New(finding.ChainHasNewer, "number", number, "not-after", finding.Time(c.NotAfter))}
		}
	}
	return nil
}

// sameNames reports whether two certificates are for the same names, in the same order.
func sameNames(a, b *cert.Certificate) bool {
	if len(a.SAN) == 0 || len(a.SAN) != len(b.SAN) {
		return false
	}
	for i := range a.SAN {
		if a.SAN[i].String() != b.SAN[i].String() {
			return false
		}
	}
	return true
}
