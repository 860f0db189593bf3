package engine

import (
	"context"
	"slices"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
	"github.com/assaytls/assay/report"
)

// judgedBy is a program's answer about paths, whose SCTs are verified where they matter.
func (j *judgement) judgedBy(ctx context.Context, p policy.Program, paths []certpath.Path) assemble.Program {
	in := programs.Input{Seen: j.atHand(), At: j.now}
	for _, path := range paths {
		one := programs.Path{Certs: path.Certs}
		if j.needsSCTs(p, path) {
			one.SCTs.Verified, one.SCTs.Unverified, one.SCTs.Complete = j.stamped(ctx, path)
		}
		in.Paths = append(in.Paths, one)
	}
	return assemble.Program{Judgement: j.t.tablesOf().Judge(p, in), Logs: j.t.LogList != nil}
}

// needsSCTs reports whether the program asks for SCTs below an anchor of the path.
func (j *judgement) needsSCTs(p policy.Program, path certpath.Path) bool {
	return slices.ContainsFunc(path.Certs, func(c *cert.Certificate) bool {
		e, ok := j.t.tablesOf().Lookup(p, c.SHA256)
		return ok && len(e.Alternatives) > 0
	})
}

// verifiedSCTs are the SCTs of a path's leaf, from all ways of delivery, judged by a
// browser's policy.
func (j *judgement) verifiedSCTs(ctx context.Context, path certpath.Path, mode policy.CTMode, brief bool) ct.Result {
	scts := j.delivered(path)
	in := revocation.Input{Path: path.Certs, Staples: j.staples(path), Pool: j.pool, Time: j.now, Memo: j.e.memo, Policy: j.p, Public: true}
	scts.add(report.SCTOCSP, revocation.StapledSCTs(ctx, in))
	return ct.CheckSCTs(ct.Input{Path: path.Certs, Embedded: scts.embedded, Delivered: scts.delivered, List: j.t.LogList, Policy: mode, Time: j.now, Memo: j.e.memo, Brief: brief})
}

// stamped is when the SCTs of a path's leaf were made.
func (j *judgement) stamped(ctx context.Context, path certpath.Path) (verified, unverified []time.Time, complete bool) {
	res := j.verifiedSCTs(ctx, path, policy.CTReport, true)
	return res.Stamps()
}

// programs are the answers of the programs that are asked, and of the one whose roots
// decide.
func (j *judgement) programs(ctx context.Context, last *round) (all []assemble.Program) {
	asked := j.p.Programs
	if j.p.Trust != policy.ProgramSystem {
		asked |= policy.ProgramsOf(j.p.Trust)
	}
	if asked == 0 || j.sent == nil || len(last.paths) == 0 {
		return nil
	}
	for _, p := range asked.List() {
		opt := last.opt
		built := j.built.Paths
		if p != j.p.Trust || j.chains != nil && p == policy.ProgramSystem {
			built = j.buildFor(ctx, p, opt).Paths
		}
		all = append(all, j.answer(ctx, p, built, last))
	}
	return all
}

// answer is the program's answer by the best of its paths.
func (j *judgement) answer(ctx context.Context, p policy.Program, built []certpath.Path, last *round) assemble.Program {
	var valid, unclear, broken []certpath.Path
	for _, path := range built {
		switch worst := apart(path); {
		case path.End != report.EndAnchor:
		case worst >= finding.Error:
			broken = append(broken, path)
		case worst >= finding.Inconclusive:
			unclear = append(unclear, path)
		default:
			valid = append(valid, path)
		}
	}
	a := j.judged(ctx, p, valid)
	if len(valid) == 0 && (p == policy.ProgramSystem || a.Reason != programs.NoTable && a.Reason != programs.TableTooOld) {
		switch { // there are paths, and something else is wrong with them
		case len(unclear) > 0:
			a = faulty(p, programs.CannotTell, unclear[0], a.Table)
		case len(broken) > 0:
			a = faulty(p, programs.Refused, broken[0], a.Table)
		}
	}
	path := built[0]
	switch {
	case a.Fault != nil:
		return a
	case a.Path >= 0:
		path = valid[a.Path]
	}
	a.Certs, a.End = path.Certs, path.End
	if a.Status == programs.Accepted || a.Status == programs.AcceptedUntil || a.Status == programs.DependsOnSCTs {
		a.Browser = j.browser(ctx, p, path, last)
	}
	return a
}

// judged is a program's answer about valid paths. The configured anchors are those of
// no program: whoever built paths to them knows.
func (j *judgement) judged(ctx context.Context, p policy.Program, valid []certpath.Path) assemble.Program {
	if p.Published() {
		return j.judgedBy(ctx, p, valid)
	}
	a := assemble.Program{Judgement: programs.Judgement{Program: p, Status: programs.Refused, Reason: programs.NotIncluded, Path: -1, At: -1}}
	if len(valid) > 0 {
		a.Status, a.Reason, a.Path, a.At = programs.Accepted, programs.Unconditional, 0, len(valid[0].Certs)-1
	}
	return a
}

// faulty is the answer about a path that leads to a root and is not valid otherwise.
func faulty(p policy.Program, status programs.Status, path certpath.Path, table programs.Table) assemble.Program {
	a := assemble.Program{Judgement: programs.Judgement{Program: p, Status: status, Path: -1, At: -1, Table: table}, Certs: path.Certs, End: path.End}
	for _, fs := range append(slices.Clone(path.CertFindings), path.Findings) {
		for _, f := range fs {
			if ofProgram(f) || f.Severity < finding.Inconclusive {
				continue
			}
			if a.Fault == nil || f.Severity > a.Fault.Severity || f.Severity == a.Fault.Severity && f.Kind().Rank > a.Fault.Kind().Rank {
				a.Fault = &f
			}
		}
	}
	return a
}

// apart is the worst severity on a path without what programs say of it.
func apart(p certpath.Path) finding.Severity {
	worst := report.Worst(slices.DeleteFunc(slices.Clone(p.Findings), ofProgram))
	for _, fs := range p.CertFindings {
		worst = max(worst, report.Worst(slices.DeleteFunc(slices.Clone(fs), ofProgram)))
	}
	return worst
}

func ofProgram(f finding.Finding) bool { return f.Kind().Class == finding.ClassProgram }

// browser is what the program's browser asks for in addition, on one path.
func (j *judgement) browser(ctx context.Context, p policy.Program, path certpath.Path, last *round) []report.BrowserCheck {
	switch p {
	case policy.ProgramChrome:
		return []report.BrowserCheck{j.transparent(ctx, path, policy.CTChrome), lifetime(path)}
	case policy.ProgramApple:
		return []report.BrowserCheck{j.transparent(ctx, path, policy.CTApple), lifetime(path)}
	case policy.ProgramMozilla:
		return j.filtered(last)
	}
	return nil
}

// transparent applies a browser's policy on Certificate Transparency.
func (j *judgement) transparent(ctx context.Context, path certpath.Path, mode policy.CTMode) report.BrowserCheck {
	b := report.BrowserCheck{Rule: report.BrowserCT, State: report.BrowserUnknown}
	if j.t.LogList == nil {
		b.Detail = "no log list"
		return b
	}
	res := j.verifiedSCTs(ctx, path, mode, false)
	switch met := res.CT.Met; {
	case met == nil:
		b.Detail = "the log list is too old"
	case *met:
		b.State = report.BrowserMet
	default:
		b.State = report.BrowserUnmet
		for _, f := range res.Findings {
			if f.ID == finding.CTPolicyUnmet {
				b.Detail = f.Param("detail")
			}
		}
	}
	return b
}

// lifetime is whether the leaf lives longer than public certificates may.
func lifetime(path certpath.Path) report.BrowserCheck {
	for _, f := range path.CertFindings[0] {
		if f.ID == finding.ValidityTooLong {
			return report.BrowserCheck{Rule: report.BrowserLifetime, State: report.BrowserUnmet, Detail: f.Param("days") + " days, and " + f.Param("limit") + " are allowed"}
		}
	}
	return report.BrowserCheck{Rule: report.BrowserLifetime, State: report.BrowserMet}
}

// filtered is what CRLite and OneCRL say on the path that counts.
func (j *judgement) filtered(last *round) []report.BrowserCheck {
	filter := report.BrowserCheck{Rule: report.BrowserCRLite, State: report.BrowserUnknown, Detail: "no filters are stored"}
	one := report.BrowserCheck{Rule: report.BrowserOneCRL, State: report.BrowserUnknown, Detail: "the list is not stored"}
	if j.filters == nil {
		return []report.BrowserCheck{filter, one}
	}
	filter.Detail = ""
	if len(j.filters.Filters) == 0 {
		filter.Detail = "no filters are stored"
	}
	if j.filters.OneCRL != nil {
		one.State, one.Detail = report.BrowserMet, ""
	}
	for i, c := range last.paths[last.chosen].Certs {
		if c.Revocation == nil {
			continue
		}
		for _, s := range c.Revocation.Sources {
			switch {
			case s.Scheme != policy.CRLite:
			case s.Filter == report.OneCRL && s.Status == report.Revoked:
				one.State, one.Detail = report.BrowserUnmet, assemble.Name(c.Certificate)+" is revoked"
			case i > 0 || s.Filter == report.OneCRL:
			case s.Status == report.Revoked:
				filter.State, filter.Detail = report.BrowserUnmet, "the certificate is revoked"
			case s.Status == report.Good:
				filter.State, filter.Detail = report.BrowserMet, ""
			case s.Coverage != "":
				filter.Detail = s.Detail
			}
		}
	}
	return []report.BrowserCheck{filter, one}
}
