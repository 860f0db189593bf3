package certpath

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// enoughClean ends the search: more alternatives than this are never needed.
const enoughClean = 8

// falseIssuers is how many candidates whose key did not make the signature are
// followed when there is none whose key did: to show what is wrong.
const falseIssuers = 3

// Build finds the paths from leaf over certificates of the pool, in whatever
// order, to the anchors, and validates each. A certificate that is an anchor
// ends its path, the leaf too. The result has every path that was tried, also
// those that end without an anchor, the best first: without errors before with
// errors, anchored before not anchored, then the fewest findings, then the
// shortest. The order is the same in every run.
func Build(ctx context.Context, leaf *cert.Certificate, pool []*cert.Certificate, anchors *Anchors, o Options) Result {
	if leaf == nil {
		return Result{Paths: []Path{{End: report.EndNoIssuer, Findings: []finding.Finding{finding.New(finding.PathEmpty)}}}}
	}
	o.Signed = false // nobody has verified what is only being put together
	b := &builder{worker: newWorker(ctx, &o), anchors: anchors, pool: distinct(pool), depth: o.depth()}
	start := link{c: leaf, a: anchors.find(leaf)}
	b.extend(append(make([]link, 0, 4), start))
	if b.clean == 0 && b.missed && b.spent == nil {
		// Anchors whose names are equal but encoded differently were left out
		// so far, because others fit exactly.
		b.wide, b.found = true, nil
		b.extend([]link{start})
	}
	if len(b.found) == 0 {
		b.finish([]link{start}, report.EndBudget)
	}
	slices.SortStableFunc(b.found, comparePaths)
	r := Result{Paths: make([]Path, len(b.found))}
	for i, f := range b.found {
		r.Paths[i] = f.path
		b.public(&r.Paths[i])
	}
	if b.spent != nil {
		r.Findings = append(r.Findings, *b.spent)
	}
	return r
}

type builder struct {
	*worker
	anchors *Anchors
	pool    []*cert.Certificate
	depth   int
	wide    bool // look for anchors with equivalent names even where names fit exactly
	missed  bool // there are such anchors
	found   []attempt
	clean   int
}

// link is a certificate in a chain under construction.
type link struct {
	c *cert.Certificate
	a *anchor // set when c is an anchor
}

type attempt struct {
	path   Path
	clean  bool
	errors int
	total  int
}

// distinct drops certificates that occur twice.
func distinct(pool []*cert.Certificate) []*cert.Certificate {
	if len(pool) == 1 && pool[0] != nil {
		return pool
	}
	seen := make(map[[32]byte]bool, len(pool))
	out := make([]*cert.Certificate, 0, len(pool))
	for _, c := range pool {
		if c != nil && !seen[c.SHA256] {
			seen[c.SHA256] = true
			out = append(out, c)
		}
	}
	return out
}

// extend follows every issuer of the chain's last certificate.
func (b *builder) extend(chain []link) {
	last := chain[len(chain)-1]
	if last.a != nil {
		b.finish(chain, report.EndAnchor)
		return
	}
	issuers := b.issuers(chain)
	if b.spent != nil {
		if len(b.found) == 0 {
			b.finish(chain, report.EndBudget)
		}
		return
	}
	if len(issuers) == 0 {
		end := report.EndNoIssuer
		if last.c.SelfIssued() && b.signature(last.c, last.c) == nil {
			end = report.EndUntrusted
		}
		b.finish(chain, end)
		return
	}
	deep := false
	for _, next := range issuers {
		if b.spent != nil || b.clean >= enoughClean {
			return
		}
		if next.a == nil && len(chain) > b.depth {
			deep = true
			continue
		}
		b.extend(append(chain, next))
	}
	if deep {
		b.finish(chain, report.EndBudget)
	}
}

// issuers returns the certificates to try as issuers of the chain's last one,
// likeliest first. Certificates whose key made the signature exclude all
// others; without one, those whose key cannot be tried and then a few whose
// key did not make it are returned, so that their path shows what is wrong.
func (b *builder) issuers(chain []link) []link {
	child := chain[len(chain)-1].c
	candidates := b.candidates(chain)
	var good, untried, bad []link
	var key []byte
	for _, n := range candidates {
		if key != nil && !bytes.Equal(key, n.c.RawSPKI) {
			continue
		}
		err := b.signature(child, n.c)
		switch {
		case err == nil:
			good, key = append(good, n), n.c.RawSPKI
		case errors.Is(err, cert.ErrBadSignature) || errors.Is(err, cert.ErrKeyMismatch):
			if len(bad) < falseIssuers {
				bad = append(bad, n)
			}
		case b.spent != nil:
			return nil
		default:
			untried = append(untried, n)
		}
	}
	if good != nil {
		return good
	}
	return append(untried, bad...)
}

// candidates returns the certificates whose subject is the issuer's name and
// that are not on the chain yet: a CA is its name, key and alternative names.
func (b *builder) candidates(chain []link) []link {
	child := chain[len(chain)-1].c
	if child.Issuer.Canon == "" || !b.step(1+len(b.pool)/64) {
		return nil
	}
	out := make([]link, 0, 2)
	add := func(n link) {
		for _, have := range chain {
			if sameEntity(have.c, n.c) {
				return
			}
		}
		if b.step(1) {
			out = append(out, n)
		}
	}
	for _, a := range b.anchorsFor(child) {
		add(link{a.cert(), a})
	}
	for _, c := range b.pool {
		if c.Subject.Canon == child.Issuer.Canon && b.anchors.find(c) == nil {
			add(link{c, nil})
		}
	}
	if len(out) > 1 {
		slices.SortStableFunc(out, func(x, y link) int {
			return cmp.Compare(b.unlikely(child, x), b.unlikely(child, y))
		})
	}
	return out
}

func (b *builder) anchorsFor(child *cert.Certificate) []*anchor {
	exact := b.anchors.named(child.RawIssuer)
	if len(exact) > 0 && !b.wide {
		// Names that are equal but encoded differently are rare: whether
		// there are any is found out only when the exact ones do not do.
		b.missed = true
		return exact
	}
	return b.anchors.equivalent(child.Issuer)
}

// unlikely orders candidates: key identifiers are hints, no more.
func (b *builder) unlikely(child *cert.Certificate, n link) int {
	score := 0
	switch {
	case len(child.AuthorityKeyID) == 0 || len(n.c.SubjectKeyID) == 0:
		score += 4
	case !bytes.Equal(child.AuthorityKeyID, n.c.SubjectKeyID):
		score += 8
	}
	if n.a == nil {
		score += 2
	}
	if b.o.Time.Before(n.c.NotBefore) || b.o.Time.After(n.c.NotAfter) {
		score++
	}
	return score
}

// sameEntity is the rule that cuts loops: two certificates of one subject and
// key with the same alternative names never help on one path.
func sameEntity(x, y *cert.Certificate) bool {
	if x == y {
		return true
	}
	return x.Subject.Canon == y.Subject.Canon && bytes.Equal(x.RawSPKI, y.RawSPKI) && bytes.Equal(rawSAN(x), rawSAN(y))
}

func rawSAN(c *cert.Certificate) []byte {
	if !c.HasSAN {
		return nil
	}
	for i := range c.Extensions {
		if c.Extensions[i].OID == "2.5.29.17" {
			return c.Extensions[i].Value
		}
	}
	return nil
}

// finish validates a chain that goes no further and keeps it.
func (b *builder) finish(chain []link, end report.PathEnd) {
	b.paths--
	if b.paths < 0 {
		b.exhaust("paths", b.limits.Paths)
		if len(b.found) > 0 {
			return
		}
	}
	certs := make([]*cert.Certificate, len(chain))
	for i := range chain {
		certs[i] = chain[i].c
	}
	var limits *AnchorConstraints
	if a := chain[len(chain)-1].a; a != nil {
		limits = a.limits
	}
	p := b.validate(certs, end, limits)
	if end == report.EndBudget && b.spent == nil {
		p.Findings = append(p.Findings, finding.New(finding.PathTooLong, "limit", strconv.Itoa(b.depth)))
	}
	a := attempt{path: p, clean: p.Clean()}
	for _, fs := range append(p.CertFindings, p.Findings) {
		for _, f := range fs {
			if f.Severity >= finding.Error {
				a.errors++
			}
			if f.Severity >= finding.Warning {
				a.total++
			}
		}
	}
	if a.clean {
		b.clean++
	}
	b.found = append(b.found, a)
}

var endOrder = map[report.PathEnd]int{report.EndAnchor: 0, report.EndUntrusted: 1, report.EndNoIssuer: 2, report.EndBudget: 3}

func comparePaths(x, y attempt) int {
	return cmp.Or(
		-compareBool(x.clean, y.clean),
		cmp.Compare(endOrder[x.path.End], endOrder[y.path.End]),
		cmp.Compare(x.errors, y.errors),
		cmp.Compare(x.total, y.total),
		cmp.Compare(len(x.path.Certs), len(y.path.Certs)))
}

func compareBool(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return 1
	}
	return -1
}
