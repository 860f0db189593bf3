// Package assemble makes the report of what was gathered and of what was
// concluded from it: it judges nothing, and leaves the verdict to
// [report.Decide]. It is pure.
package assemble

import (
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Judged is everything of which a report tells. Nothing in it is changed.
type Judged struct {
	Evidence *evidence.Evidence
	Policy   policy.Policy
	Time     time.Time // the moment judged for
	// AnchorsHash, LogListHash and FiltersHash name what was trusted, hex; "" = no
	// log list, no filters.
	AnchorsHash, LogListHash, FiltersHash string
	// ProgramsHash names the tables of root programs, hex; "" = they were not asked.
	ProgramsHash string
	// AnchorStore says where an anchor was read from; "" for what is none, or not
	// known. nil: nobody knows.
	AnchorStore func(*cert.Certificate) string
	// Public says that the chosen path ends in a publicly trusted anchor.
	Public bool
	Detail Detail // how much of it is told

	Sent   []*cert.Certificate // the chain as it was sent, as far as it was read
	Paths  []Path              // every candidate path, best first
	Chosen int                 // index in Paths; not looked at when there are none
	CT     *report.CT          // nil: Certificate Transparency was not looked at

	Audit   bool      // logs were to be asked
	Audited *ct.Audit // what came of that; nil: nothing

	DANE *report.DANE // nil: no TLSA records were asked for

	SecondOpinion report.SecondOpinion // whether crypto/x509 was asked, and what it said

	Programs []Program // the answers of the root programs that were asked

	Findings []finding.Finding // about the report as a whole
	Fetches  []report.Fetch
	Judging  time.Duration // without downloads
}

// Path is a candidate path with what was found on it.
type Path struct {
	Certs    []PathCert // leaf first
	End      report.PathEnd
	Findings []finding.Finding // about the path as a whole
}

// PathCert is a certificate in its place on a path.
type PathCert struct {
	*cert.Certificate
	Findings   []finding.Finding  // about it, in this place
	Revocation *report.Revocation // nil for the anchor and where it was not looked at
	Fetched    string             // the address that it was fetched from; "" = it was sent, or given
}

// NewPath is p before anything but the path itself is judged: it shares nothing
// with p that could be appended to.
func NewPath(p certpath.Path) Path {
	out := Path{Certs: make([]PathCert, len(p.Certs)), End: p.End, Findings: append([]finding.Finding(nil), p.Findings...)}
	for i, c := range p.Certs {
		out.Certs[i].Certificate = c
		if i < len(p.CertFindings) {
			out.Certs[i].Findings = append([]finding.Finding(nil), p.CertFindings[i]...)
		}
	}
	return out
}

// Worst returns the highest severity on the path, its certificates included.
func (p *Path) Worst() finding.Severity {
	worst := report.Worst(p.Findings)
	for i := range p.Certs {
		worst = max(worst, report.Worst(p.Certs[i].Findings))
	}
	return worst
}

// anchored reports whether the path's last certificate is a trust anchor.
func (p *Path) anchored() bool { return p.End == report.EndAnchor }

// Report is the whole report, decided.
func Report(j Judged) *report.Report {
	r := header(&j)
	r.DANE, r.SecondOpinion = j.DANE, j.SecondOpinion
	connection(&j, r)
	otherTrust(&j, r)
	switch {
	case len(j.Evidence.Chain) == 0:
		r.Findings = append(r.Findings, j.Findings...)
		if j.Evidence.Failure == nil {
			r.Findings = append(r.Findings, finding.New(finding.NoCertificates))
		}
		r.Checks = append(r.Checks, report.Check{Name: report.PathCheck, Cert: -1, State: report.NotDone, Required: true, Detail: "no certificate was received"})
	default:
		r.Findings = append(r.Findings, j.Findings...)
		paths(&j, r)
		allow(r, j.Policy.Allow)
		r.Fetches = j.Fetches
	}
	if r.Timing != nil {
		r.Timing.Judge = Milliseconds(j.Judging)
	}
	report.Decide(r)
	return r
}

// Refusal is a report of f alone, for a judgement that could not be ended. f
// must be an error.
func Refusal(j Judged, f finding.Finding) *report.Report {
	r := header(&j)
	r.Findings = append(r.Findings, f)
	report.Decide(r)
	return r
}

// header is the report before anything is told.
func header(j *Judged) *report.Report {
	t := j.Evidence.Target
	r := &report.Report{
		Version: report.Version, Verdict: report.Inconclusive, Chosen: -1, Time: j.Time,
		Target:      report.Target{Input: t.Input, Host: t.Host, Port: t.Port, Names: Names(j.Policy, t), Source: report.FromEvidence},
		AnchorsHash: j.AnchorsHash, LogListHash: j.LogListHash, FiltersHash: j.FiltersHash, ProgramsHash: j.ProgramsHash,
	}
	if j.Detail != Brief {
		r.PolicyHash = hashText(j.Policy.Hash())
	}
	return r
}

// Names are the reference identifiers as text: the policy's, or else the target's.
func Names(p policy.Policy, t evidence.Target) []string {
	if p.NoName {
		return nil
	}
	names := append([]string(nil), p.Names...)
	if len(names) == 0 {
		names = append(names, t.Names...)
	}
	if len(names) == 0 && t.Host != "" {
		names = append(names, t.Host)
	}
	return names
}

// paths tells of the certificates and the paths, and of what was checked on the
// one that was chosen.
func paths(j *Judged, r *report.Report) {
	table := newCertTable(len(j.Sent)+1, j.Detail)
	r.Sent = make([]int, 0, len(j.Sent))
	for _, c := range j.Sent {
		r.Sent = append(r.Sent, table.add(c, report.CertSent))
	}
	r.Paths = make([]report.Path, 0, len(j.Paths))
	for i := range j.Paths {
		r.Paths = append(r.Paths, path(&table, &j.Paths[i]))
	}
	for i := range j.Programs {
		p := &j.Programs[i]
		r.Programs = append(r.Programs, p.program(&table, j.Time))
		r.Findings = append(r.Findings, p.warning(j.Time, j.Policy.Trust)...)
	}
	r.Findings = append(r.Findings, aged(j.Programs, j.Time)...)
	r.Certs, r.CT = table.certs, j.CT
	for i := range r.Certs {
		if j.Detail >= Rows {
			break
		}
		r.Certs[i].Age(j.Time)
		if j.AnchorStore != nil {
			r.Certs[i].Store = j.AnchorStore(table.from[i])
		}
	}
	if len(j.Paths) > 0 {
		r.Chosen = j.Chosen
		sent(j, r)
		expiring(j, r)
		checks(j, r)
	}
}

func path(table *certTable, p *Path) report.Path {
	out := report.Path{Certs: make([]report.PathCert, 0, len(p.Certs)), Findings: p.Findings, End: p.End}
	for i := range p.Certs {
		c := &p.Certs[i]
		role, source := report.Intermediate, report.CertSent
		switch {
		case i == 0:
			role = report.Leaf
		case i == len(p.Certs)-1 && p.anchored():
			role, source = report.Anchor, report.CertAnchor
		case p.End == report.EndUntrusted && i == len(p.Certs)-1:
			role = report.Root
		}
		if c.Fetched != "" {
			source = report.CertAIA
		}
		out.Certs = append(out.Certs, report.PathCert{Cert: table.add(c.Certificate, source), Role: role, Findings: c.Findings, Revocation: c.Revocation})
	}
	return out
}

// Milliseconds is a duration as reports give it.
func Milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
