package engine

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"iter"
	"slices"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
	"github.com/assaytls/assay/report"
)

// maxAtHand bounds the roots at hand that are looked at for one chain.
const maxAtHand = 64

// tablesOf are the tables of root programs; nil when there are none.
func (t *Trust) tablesOf() *programs.Tables {
	if t.Programs == nil {
		return nil
	}
	return t.Programs()
}

// atHand are the sets with roots that are at hand.
func (t *Trust) atHand() []*certpath.Anchors {
	if t.Known == nil {
		return []*certpath.Anchors{t.Anchors}
	}
	return []*certpath.Anchors{t.Anchors, t.Known()}
}

// member reports whether a program's table has the very certificate as one of its
// anchors. A name or a key alone makes nobody one.
func (t *Trust) member(p policy.Program, c *cert.Certificate) bool {
	e, ok := t.tablesOf().Lookup(p, c.SHA256)
	return ok && e.Trust == programs.Anchor
}

// anchoredBy reports whether an anchor of the program has this key, as far as
// certificates are at hand; of no program: a configured one.
func (t *Trust) anchoredBy(p policy.Program, key evidence.Hash) bool {
	if p == policy.ProgramSystem {
		return t.anchored(key)
	}
	keys, ok := t.programKeys.Load(p)
	if !ok {
		all := map[evidence.Hash]bool{}
		for c := range t.roots(p) {
			all[evidence.HashOf(c.RawSPKI)] = true
		}
		keys, _ = t.programKeys.LoadOrStore(p, all)
	}
	return keys.(map[evidence.Hash]bool)[key]
}

// roots yields the anchors of a program whose certificates are at hand.
func (t *Trust) roots(p policy.Program) iter.Seq[*cert.Certificate] {
	return func(yield func(*cert.Certificate) bool) {
		for _, set := range t.atHand() {
			for _, der := range set.Certificates() {
				if e, ok := t.tablesOf().Lookup(p, sha256.Sum256(der)); ok && e.Trust == programs.Anchor && !yield(cert.Parse(der)) {
					return
				}
			}
		}
	}
}

// Pool returns the anchors of a program whose certificates are at hand, for
// crypto/x509, and how many these are. What it cannot read is not among them. The
// pool must not be changed.
func (t *Trust) Pool(p policy.Program) (pool *x509.CertPool, n int) {
	type made struct {
		pool *x509.CertPool
		n    int
	}
	if m, ok := t.pools.Load(p); ok {
		return m.(made).pool, m.(made).n
	}
	pool = x509.NewCertPool()
	for c := range t.roots(p) {
		if x, err := x509.ParseCertificate(c.Raw); err == nil {
			pool.AddCert(x)
			n++
		}
	}
	m, _ := t.pools.LoadOrStore(p, made{pool, n})
	return m.(made).pool, m.(made).n
}

// ProgramsHash names the tables, hex; "" when there are none.
func (t *Trust) ProgramsHash() string {
	t.tablesNamed.Do(func() {
		if tables := t.tablesOf(); tables != nil {
			t.tables = evidence.HashOf(tables.Encode()).String()
		}
	})
	return t.tables
}

// programsHash names the tables when this judgement asks them.
func (j *judgement) programsHash() string {
	if j.p.Trust == policy.ProgramSystem && j.p.Programs&^policy.ProgramsOf(policy.ProgramSystem) == 0 {
		return ""
	}
	return j.t.ProgramsHash()
}

// atHand are the certificates that a path to a program's root may have: what was
// sent, given or fetched, the leaf first, and the roots at hand that by name may have
// issued one of these.
func (j *judgement) atHand() []*cert.Certificate {
	if j.near != nil {
		return j.near
	}
	seen := map[[32]byte]bool{}
	add := func(c *cert.Certificate) {
		if !seen[c.SHA256] {
			seen[c.SHA256] = true
			j.near = append(j.near, c)
		}
	}
	add(j.sent[0])
	for _, c := range j.pool {
		add(c)
	}
	most := len(j.near) + maxAtHand
	for i := 0; i < len(j.near) && len(j.near) < most; i++ {
		for _, set := range j.t.atHand() {
			for _, c := range set.Issuers(j.near[i]) {
				add(c)
			}
		}
	}
	return j.near
}

// anchorsOf are a program's anchors among the certificates, with or without those
// that are no roots.
func (j *judgement) anchorsOf(p policy.Program, certs []*cert.Certificate, intermediates bool) (anchors *certpath.Anchors, some bool) {
	anchors = certpath.NewAnchors()
	for _, c := range certs {
		if !j.t.member(p, c) {
			continue
		}
		e, _ := j.t.tablesOf().Lookup(p, c.SHA256)
		if some = some || e.Intermediate; !e.Intermediate || intermediates {
			anchors.Add(c.Raw) // what cannot be added is no certificate
		}
	}
	return anchors, some
}

// anchors are those that decide.
func (j *judgement) anchors() *certpath.Anchors {
	if j.p.Trust == policy.ProgramSystem {
		return j.t.Anchors
	}
	if j.own == nil {
		j.own, _ = j.anchorsOf(j.p.Trust, j.atHand(), true)
	}
	return j.own
}

// publicAnchor reports whether an anchor is publicly trusted: every root of a program
// is.
func (j *judgement) publicAnchor(anchor *cert.Certificate) bool {
	return j.t.publicAnchor(anchor) || j.p.Trust != policy.ProgramSystem && j.t.member(j.p.Trust, anchor)
}

// store says where an anchor was read from.
func (j *judgement) store(anchor *cert.Certificate) string {
	for _, set := range j.t.atHand() {
		if s := set.Store(anchor); s != "" {
			return s
		}
	}
	return ""
}

// anchored reports whether an anchor that decides has this key: a program's may have
// come with the chain.
func (j *judgement) anchored(key evidence.Hash) bool {
	return j.t.anchoredBy(j.p.Trust, key) || j.p.Trust != policy.ProgramSystem && slices.ContainsFunc(j.atHand(), func(c *cert.Certificate) bool {
		return j.t.member(j.p.Trust, c) && evidence.HashOf(c.RawSPKI) == key
	})
}

// buildFor finds the paths to the anchors of a program, and to those that it does
// not have. Where an intermediate is an anchor of its own, paths end there and go on
// from there: either may keep the program's conditions.
func (j *judgement) buildFor(ctx context.Context, p policy.Program, opt certpath.Options) certpath.Result {
	opt.Public = func(*cert.Certificate) bool { return true }
	if p == policy.ProgramSystem {
		opt.Public = j.t.publicAnchor
		return certpath.Build(ctx, j.sent[0], j.pool, j.t.Anchors, opt)
	}
	certs := j.atHand()
	roots, more := j.anchorsOf(p, certs, false)
	res := certpath.Build(ctx, certs[0], certs[1:], roots, opt)
	if !more {
		return res
	}
	all, _ := j.anchorsOf(p, certs, true)
	short := certpath.Build(ctx, certs[0], certs[1:], all, opt)
	for _, path := range short.Paths {
		if path.End == report.EndAnchor && !roots.Contains(path.Certs[len(path.Certs)-1]) {
			res.Paths = append(res.Paths, path)
		}
	}
	res.Findings = append(res.Findings, short.Findings...)
	arrange(res.Paths)
	return res
}

// arrange puts paths without errors first, those that reach an anchor before others,
// and keeps the order of equals.
func arrange(paths []certpath.Path) {
	weight := func(p *certpath.Path) int {
		w := max(int(p.Worst()-finding.Warning), 0)
		if p.End != report.EndAnchor {
			w += 3
		}
		return w
	}
	slices.SortStableFunc(paths, func(a, b certpath.Path) int { return weight(&a) - weight(&b) })
}

// underProgram adds to each path what the program whose roots decide says of it, and
// puts the paths in order anew.
func (j *judgement) underProgram(ctx context.Context, res *certpath.Result) {
	if j.p.Trust == policy.ProgramSystem {
		return
	}
	for i := range res.Paths {
		p := &res.Paths[i]
		answer := j.judgedBy(ctx, j.p.Trust, []certpath.Path{*p})
		answer.Certs, answer.End = p.Certs, p.End
		f, at, wrong := answer.RootFinding()
		if !wrong {
			continue
		}
		switch answer.Reason {
		case programs.AnchorNotGiven:
			lessen(p, "the certificate of a root of "+j.p.Trust.Name()+" is not at hand")
		case programs.NoTable:
			lessen(p, "the roots of "+j.p.Trust.Name()+" are not known")
		}
		p.CertFindings[at] = append(slices.Clip(p.CertFindings[at]), f)
	}
	arrange(res.Paths)
}

// notFound are the findings on a path that does not reach an anchor.
var notFound = []finding.ID{finding.IssuerNotFound, finding.RootUntrusted, finding.LeafSelfSigned}

// lessen takes the findings that say that a path leads nowhere down to inconclusive:
// nobody can tell, for the reason that is given.
func lessen(p *certpath.Path, because string) {
	for i, fs := range p.CertFindings {
		fs = slices.Clone(fs)
		for k, f := range fs {
			if slices.Contains(notFound, f.ID) {
				fs[k] = f.Graded(finding.Inconclusive, because)
			}
		}
		p.CertFindings[i] = fs
	}
}
