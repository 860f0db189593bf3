package engine

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/internal/tlsnames"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// judgement is one report in the making: what was parsed stays parsed from
// round to round.
type judgement struct {
	e     *Engine
	p     policy.Policy
	a     Access
	brief bool // what nobody reads in the report of an accepted handshake is left out
	ev    *evidence.Evidence
	now   time.Time

	sent       []*cert.Certificate // ev.Chain, in order
	pool       []*cert.Certificate // all that may complete a path, sent ones included
	chains     [][][]byte          // when not nil, the only candidate paths
	fromAIA    map[[32]byte][]int  // certificates that were fetched, by hash: the artefacts that brought them; this and the maps below are nil until needed
	aiaSeen    int                 // AIA artefacts already in the pool
	policyHash string
	built      *certpath.Result  // valid while the pool does not grow
	lists      map[int]*crl.List // by index in ev.Artefacts
	setup      []finding.Finding // what is wrong with the policy or the evidence itself

	asked    map[string]bool // needs asked for already, in any round
	needs    map[int]need    // by index in ev.Artefacts: what was asked to get it
	aiaAsks  int
	dropped  int // needs beyond the limit
	fetches  []report.Fetch
	used     []revocation.Use // parallel to ev.Artefacts: what the last round used them for
	aged     atomic.Bool      // the caches gave what ought to be asked for again
	nonces   map[int][]byte   // by position on the path
	sctLists map[int]pathSCTs // by index in built.Paths
}

func (e *Engine) newJudgement(ev *evidence.Evidence, p policy.Policy, a Access) *judgement {
	p.Purpose = canonical(p.Purpose)
	j := &judgement{e: e, p: p, a: a, ev: ev, now: p.Time}
	if j.now.IsZero() {
		j.now = ev.Time
	}
	if j.now.IsZero() {
		j.now = time.Now()
	}
	j.now = j.now.UTC()
	ev.AnchorsHash, ev.LogListHash = e.anchorsHash, cmp.Or(e.logListHash, ev.LogListHash)
	return j
}

func hexHash(h [32]byte) string { return hex.EncodeToString(h[:]) }

// judge makes the report of what is known now and says what is still needed.
func (j *judgement) judge(ctx context.Context) (r *report.Report, needs []need) {
	start := time.Now()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // bodies may be mapped files,
	defer runtime.KeepAlive(j)                               // whose owners the evidence has
	defer func() {
		if v := recover(); v != nil {
			r, needs = j.panicked(v), nil
		}
	}()
	r = j.blank()
	j.connection(r)
	if len(j.ev.Chain) == 0 {
		r.Findings = append(r.Findings, j.setup...)
		if j.ev.Failure == nil {
			r.Findings = append(r.Findings, finding.New(finding.NoCertificates))
		}
		r.Checks = append(r.Checks, report.Check{Name: report.PathCheck, Cert: -1, State: report.NotDone, Required: true, Detail: "no certificate was received"})
		report.Decide(r)
		return r, nil
	}
	j.parse()
	needs = j.paths(ctx, r)
	if j.chains == nil {
		j.compare(r)
	}
	r.Findings = append(r.Findings, j.setup...) // now that everything has been read
	j.allow(r)
	r.Fetches = j.fetches
	if r.Timing != nil {
		r.Timing.Judge += milliseconds(time.Since(start))
	}
	report.Decide(r)
	return r, needs
}

// panicked is the report of a judgement that v ended.
func (j *judgement) panicked(v any) *report.Report {
	r := j.blank()
	r.Findings = append(r.Findings, finding.New(finding.InternalError, "what", j.ev.Target.Host,
		"detail", fmt.Sprint(v), "at", panicSite()))
	report.Decide(r)
	return r
}

// blank is the report before anything is judged.
func (j *judgement) blank() *report.Report {
	ev := j.ev
	r := &report.Report{
		Version: report.Version, Verdict: report.Inconclusive, Chosen: -1, Time: j.now,
		Target:      report.Target{Input: ev.Target.Input, Host: ev.Target.Host, Port: ev.Target.Port, Names: j.names(), Source: report.FromEvidence},
		AnchorsHash: ev.AnchorsHash, LogListHash: ev.LogListHash,
	}
	if !j.brief {
		if j.policyHash == "" {
			j.policyHash = hexHash(j.p.Hash())
		}
		r.PolicyHash = j.policyHash
	}
	return r
}

// names are the reference identifiers as text.
func (j *judgement) names() []string {
	if j.p.NoName {
		return nil
	}
	names := append([]string(nil), j.p.Names...)
	if len(names) == 0 && j.ev.Target.Host != "" {
		names = append(names, j.ev.Target.Host)
	}
	return names
}

// connection reports what was seen on the wire.
func (j *judgement) connection(r *report.Report) {
	ev := j.ev
	if ev.Source == evidence.SourceFiles {
		return
	}
	if j.brief && ev.Failure == nil {
		r.Checks = append(r.Checks, report.Check{Name: report.HandshakeCheck, Cert: -1, Required: true, State: report.Done})
		return
	}
	c := ev.Connection
	rc := &report.Connection{
		Addr: c.Addr, Proxy: ev.Target.Proxy, ALPN: c.ALPN, ServerName: ev.Target.SNI, Resumed: c.Resumed, ClientCert: c.ClientCert,
		Version: tlsnames.Version(c.Version), Suite: tlsnames.Suite(c.Suite), Group: tlsnames.Group(c.Group),
		Signature: tlsnames.Signature(c.Signature), BytesIn: c.BytesIn, BytesOut: c.BytesOut,
		TLSSCTs: sctCount(ev.TLSSCTs),
	}
	if len(ev.Chain) > 0 {
		rc.Stapled = len(ev.Chain[0].Staple) > 0
	}
	for _, raw := range c.ClientCAs {
		name, _ := cert.ParseName(raw)
		rc.ClientCAs = append(rc.ClientCAs, name.String())
	}
	for _, s := range c.ClientSchemes {
		rc.ClientSchemes = append(rc.ClientSchemes, tlsnames.Signature(s))
	}
	if c.Alert != nil {
		rc.Alert = c.Alert.Name
	}
	for _, a := range ev.Attempts {
		rc.Attempts = append(rc.Attempts, report.Attempt{Addr: a.Addr, Outcome: a.Outcome, MS: milliseconds(a.Duration), Detail: a.Detail})
	}
	if ev.Probe != nil {
		rc.Probe = ev.Probe.Reason
		rc.Version = tlsnames.Version(ev.Probe.Connection.Version)
		rc.Suite = tlsnames.Suite(ev.Probe.Connection.Suite)
	}
	r.Connection = rc
	r.Timing = &report.Timing{DNS: milliseconds(c.DNS), Connect: milliseconds(c.Connect), TLS: milliseconds(c.TLS)}
	check := report.Check{Name: report.HandshakeCheck, Cert: -1, Required: true, State: report.Done}
	if f := ev.Failure; f != nil {
		check.State, check.Detail = report.NotDone, f.Detail
		var kv []string
		for k, v := range f.Params {
			kv = append(kv, k, v)
		}
		r.Findings = append(r.Findings, finding.New(f.ID, sortPairs(kv)...))
	}
	r.Checks = append(r.Checks, check)
}

// sctCount counts the SCTs of a SignedCertificateTimestampList without
// reading them.
func sctCount(list []byte) (n int) {
	if len(list) < 2 {
		return 0
	}
	for b := list[2:]; len(b) >= 2; n++ {
		l := int(b[0])<<8 | int(b[1])
		if l > len(b)-2 {
			break
		}
		b = b[2+l:]
	}
	return n
}

// parse reads the certificates that are not read yet.
func (j *judgement) parse() {
	if j.sent == nil {
		for i, entry := range j.ev.Chain {
			if i == maxSent {
				j.setup = append(j.setup, finding.New(finding.BudgetCertificates, "count", fmt.Sprint(len(j.ev.Chain)), "limit", fmt.Sprint(maxSent)))
				break
			}
			j.sent = append(j.sent, j.e.certs.Parse(entry.Cert))
		}
		j.pool = append(j.pool, j.sent[1:]...)
		for i, raw := range j.ev.Extra {
			if i == maxSent {
				j.setup = append(j.setup, finding.New(finding.BudgetCertificates, "count", fmt.Sprint(len(j.ev.Extra)), "limit", fmt.Sprint(maxSent)))
				break
			}
			j.pool = append(j.pool, j.e.certs.Parse(raw))
		}
	}
	for ; j.aiaSeen < len(j.ev.Artefacts); j.aiaSeen++ {
		a := j.ev.Artefacts[j.aiaSeen]
		if a.Kind != kindAIA || a.Failure != "" {
			continue
		}
		certs, err := issuerCertificates(a.Body)
		if err != nil {
			j.ev.Artefacts[j.aiaSeen].Failure = finding.AIAUnavailable
			j.ev.Artefacts[j.aiaSeen].Detail = err.Error()
			continue
		}
		for _, raw := range certs {
			c := j.e.certs.Parse(raw)
			j.pool = append(j.pool, c)
			if j.fromAIA == nil {
				j.fromAIA = map[[32]byte][]int{}
			}
			j.fromAIA[c.SHA256] = append(j.fromAIA[c.SHA256], j.aiaSeen)
			j.built, j.sctLists = nil, nil
		}
	}
}

// paths builds the paths, judges revocation and CT on the best of them, and
// fills in the report.
func (j *judgement) paths(ctx context.Context, r *report.Report) (needs []need) {
	opt, err := j.pathOptions()
	if err != nil {
		r.Findings = append(r.Findings, finding.New(finding.InternalError, "what", "the policy", "detail", err.Error()))
		return nil
	}
	if j.built == nil && j.chains != nil {
		j.built = j.validateChains(ctx, opt)
	}
	if j.built == nil {
		opt.Public = j.e.publicAnchor
		res := certpath.Build(ctx, j.sent[0], j.pool, j.e.opt.Anchors, opt)
		j.built = &res
	}
	if j.e.opt.Anchors.Len() == 0 && j.chains == nil {
		r.Findings = append(r.Findings, finding.New(finding.AnchorsEmpty))
	}
	r.Findings = append(r.Findings, j.built.Findings...)

	table := newCertTable(len(j.sent)+1, j.brief)
	for _, c := range j.sent {
		r.Sent = append(r.Sent, table.add(c, report.CertSent))
	}
	for _, p := range j.built.Paths {
		r.Paths = append(r.Paths, j.reportPath(&table, p))
	}
	if len(r.Paths) == 0 {
		r.Findings = append(r.Findings, finding.New(finding.InternalError, "what", "the chain", "detail", "no path was built"))
		r.Certs = table.certs
		return nil
	}
	needs = j.choose(ctx, r, opt)
	r.Certs = table.certs
	j.missingIssuers(r, &needs)
	return needs
}

// reportPath turns a candidate path into the report's form.
func (j *judgement) reportPath(table *certTable, p certpath.Path) report.Path {
	rp := report.Path{Findings: append([]finding.Finding(nil), p.Findings...), End: p.End}
	for i, c := range p.Certs {
		role, source := report.Intermediate, report.CertSent
		switch {
		case i == 0:
			role = report.Leaf
		case i == len(p.Certs)-1 && p.End == report.EndAnchor:
			role, source = report.Anchor, report.CertAnchor
		}
		if from := j.fromAIA[c.SHA256]; from != nil && role != report.Anchor {
			source = report.CertAIA
			rp.Findings = append(rp.Findings, finding.New(finding.AIAMissing, "subject", displayName(c), "url", j.ev.Artefacts[from[0]].URL))
		}
		pc := report.PathCert{Cert: table.add(c, source), Role: role}
		if i < len(p.CertFindings) {
			pc.Findings = append(pc.Findings, p.CertFindings[i]...)
		}
		rp.Certs = append(rp.Certs, pc)
	}
	return rp
}

// choose judges revocation on the best path and, when an intermediate of it is
// revoked, on the next ones that have no errors.
func (j *judgement) choose(ctx context.Context, r *report.Report, opt certpath.Options) (needs []need) {
	j.used = make([]revocation.Use, len(j.ev.Artefacts))
	first := j.revoke(ctx, r, 0, opt, &needs)
	scts := first.scts
	r.Chosen = 0
	if first.intermediateRevoked {
		tried := 1
		for i := 1; i < len(r.Paths) && tried < maxPaths; i++ {
			if j.built.Paths[i].End != report.EndAnchor || r.Paths[i].Worst() >= finding.Error {
				continue
			}
			tried++
			if st := j.revoke(ctx, r, i, opt, &needs); !st.intermediateRevoked && !st.leafRevoked && r.Paths[i].Worst() < finding.Error {
				r.Paths[i].Findings = append(r.Paths[i].Findings, finding.New(finding.AlternatePathRevoked, "subject", first.subject))
				r.Chosen, scts = i, st.scts
				break
			}
		}
	}
	j.checks(r)
	return append(needs, j.transparency(r, scts)...)
}

// revoked says what revocation found on a path.
type revoked struct {
	leafRevoked, intermediateRevoked bool
	subject                          string
	scts                             []byte // the SCT list in the leaf's valid staple or response
}

// revoke judges the revocation of every certificate of path n but the anchor.
// Pointers are followed only when the path's signatures reach an anchor.
func (j *judgement) revoke(ctx context.Context, r *report.Report, n int, opt certpath.Options, needs *[]need) (st revoked) {
	path := j.built.Paths[n]
	if path.End != report.EndAnchor || !proven(path) || j.p.Schemes == policy.Off {
		return st
	}
	var nonceFor func(int) []byte
	if j.a.Nonce {
		nonceFor = j.nonce
	}
	in := revocation.Input{
		Path: path.Certs, Staples: j.staples(path), Pool: j.pool, Time: j.now, Memo: j.e.memo,
		Policy: j.p, Anchored: j.anchored(ctx, path, opt), NonceFor: nonceFor, NoHandshake: j.ev.Source == evidence.SourceFiles,
	}
	from := j.artefacts(&in)
	res := revocation.Judge(ctx, in)
	for k, u := range res.Used {
		j.used[from[k]].Add(u)
	}
	for i, c := range res.Certs {
		if i >= len(r.Paths[n].Certs)-1 { // the last one is the anchor
			continue
		}
		pc := &r.Paths[n].Certs[i]
		rev := c.Revocation
		pc.Revocation = &rev
		pc.Findings = append(pc.Findings, c.Findings...)
		if rev.Status == report.Revoked {
			if report.Worst(pc.Findings) < finding.Error { // revoked always wins, whatever a judge forgot to say
				pc.Findings = append(pc.Findings, finding.New(finding.InternalError, "what", displayName(path.Certs[i]), "detail", "revoked without a finding"))
			}
			if i == 0 {
				st.leafRevoked = true
			} else {
				st.intermediateRevoked, st.subject = true, displayName(path.Certs[i])
			}
		}
	}
	for _, want := range res.Needs {
		*needs = append(*needs, need{Need: want})
	}
	st.scts = res.SCTList
	return st
}

// public reports whether a path ends in a publicly trusted anchor.
func (j *judgement) public(p certpath.Path) bool {
	return p.End == report.EndAnchor && j.e.publicAnchor(p.Certs[len(p.Certs)-1])
}

// publicAnchor reports whether a trust anchor is publicly trusted.
func (e *Engine) publicAnchor(anchor *cert.Certificate) bool {
	if e.opt.PublicRoots == nil {
		return false
	}
	if known, ok := e.public.Load(anchor.SHA256); ok {
		return known.(bool)
	}
	yes := e.opt.PublicRoots(anchor.RawSPKI)
	e.public.Store(anchor.SHA256, yes) // as many as there are anchors
	return yes
}

// unprovenKinds are what a path carries when a signature on it was not verified.
var unprovenKinds = []finding.ID{finding.SignatureInvalid, finding.SignatureUnsupported, finding.SignatureKeyMismatch,
	finding.IssuerKeyUnusable, finding.IssuerKeyTooSmall}

// proven reports whether every signature on a path to an anchor verified; if
// not, its pointers are anybody's text.
func proven(p certpath.Path) bool {
	for _, fs := range p.CertFindings {
		if slices.ContainsFunc(fs, func(f finding.Finding) bool { return slices.Contains(unprovenKinds, f.ID) }) {
			return false
		}
	}
	return true
}

// staples lines the staples up with the path's certificates.
func (j *judgement) staples(p certpath.Path) [][]byte {
	out := make([][]byte, len(p.Certs))
	for i, c := range p.Certs {
		for k, s := range j.sent {
			if s.SHA256 == c.SHA256 && len(j.ev.Chain[k].Staple) > 0 {
				out[i] = j.ev.Chain[k].Staple
				break
			}
		}
	}
	return out
}

// anchored validates a separate CRL issuer's path to the same anchor (RFC
// 5280, 6.3.3 (f)), without names.
func (j *judgement) anchored(ctx context.Context, p certpath.Path, opt certpath.Options) func(*cert.Certificate) bool {
	opt.Names, opt.Purpose, opt.UsedKeyUsage = nil, policy.PurposeAny, 0 // of no purpose, so not one of a public certificate either
	anchor := p.Certs[len(p.Certs)-1]
	known := map[[32]byte]bool{} // many lists may name one issuer
	return func(issuer *cert.Certificate) (ok bool) {
		if ok, done := known[issuer.SHA256]; done {
			return ok
		}
		defer func() { known[issuer.SHA256] = ok }()
		res := certpath.Build(ctx, issuer, append(append([]*cert.Certificate(nil), j.pool...), p.Certs...), j.e.opt.Anchors, opt)
		for _, q := range res.Paths {
			if q.End == report.EndAnchor && q.Worst() < finding.Inconclusive && q.Certs[len(q.Certs)-1].SHA256 == anchor.SHA256 {
				return true
			}
		}
		return false
	}
}

// artefacts hands the judges what was fetched or given. It returns the indexes
// in the evidence of in.Artefacts.
func (j *judgement) artefacts(in *revocation.Input) (from []int) {
	for i, a := range j.ev.Artefacts {
		switch a.Kind {
		case kindAIA, kindCT, kindSCTFile:
		case kindOCSPFile:
			in.OfferedOCSP = append(in.OfferedOCSP, a.Body)
		case kindCRLFile:
			if l := j.list(i); l != nil {
				in.Offered = append(in.Offered, l)
			}
		default:
			x := revocation.Artefact{Kind: a.Kind, URL: a.URL, Request: a.Request, Body: a.Body,
				Failure: a.Failure, Detail: a.Detail, Cached: a.Cached, Fetched: a.Fetched}
			copy(x.IssuerKey[:], a.IssuerKey)
			if a.Failure == "" && a.Kind != "ocsp" {
				x.List = j.list(i)
			}
			in.Artefacts, from = append(in.Artefacts, x), append(from, i)
		}
	}
	return from
}

// list parses artefact i as a CRL, once.
func (j *judgement) list(i int) *crl.List {
	if l, done := j.lists[i]; done {
		return l
	}
	l, err := j.e.cache.parseList(j.ev.Artefacts[i].Body, j.ev.Artefacts[i].Owner)
	if err != nil {
		l = nil
		if a := j.ev.Artefacts[i]; a.Kind == kindCRLFile {
			f := finding.New(finding.EvidenceInvalid, "detail", a.URL+": "+err.Error())
			if e := (*crl.Error)(nil); errors.As(err, &e) {
				f = e.Finding().With("source", "crl").With("url", a.URL)
			}
			j.setup = append(j.setup, f)
		}
	}
	if j.lists == nil {
		j.lists = map[int]*crl.List{}
	}
	j.lists[i] = l
	return l
}
