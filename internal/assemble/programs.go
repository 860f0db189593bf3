package assemble

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
	"github.com/assaytls/assay/report"
)

// Program is the answer of one root program and what it rests on.
type Program struct {
	programs.Judgement
	Certs []*cert.Certificate // the path that decides, or the one that comes closest, leaf first
	End   report.PathEnd      // of that path
	// Fault is what keeps that path, which leads to a root of the program, from being
	// valid by RFC 5280; nil: nothing.
	Fault *finding.Finding
	// Logs says that there was a list of logs to verify SCTs with.
	Logs    bool
	Browser []report.BrowserCheck // what the program's browser adds
}

// soon is how long before its end a program's trust is warned of.
const soon = 90 * 24 * time.Hour

// statuses are the answers in the report's words.
var statuses = map[programs.Status]report.ProgramStatus{
	programs.CannotTell: report.ProgramCannotTell, programs.Accepted: report.ProgramAccepted, programs.AcceptedUntil: report.ProgramAcceptedUntil,
	programs.DependsOnSCTs: report.ProgramDependsOnSCTs, programs.Refused: report.ProgramRefused,
}

// rules are the reasons in the report's words.
var rules = map[programs.Reason]report.ProgramRule{
	programs.Unconditional: "", programs.NotIncluded: report.RuleNotIncluded, programs.UsageNotIncluded: report.RuleUsageNotIncluded,
	programs.IsDistrusted: report.RuleDistrusted, programs.DistrustAfter: report.RuleDistrustAfter, programs.NotBefore: report.RuleNotBefore,
	programs.Disallowed: report.RuleDisallowed, programs.SCTNotAfter: report.RuleSCTNotAfter, programs.SCTAllAfter: report.RuleSCTAllAfter,
	programs.MinVersion: report.RuleMinVersion, programs.MaxVersion: report.RuleMaxVersion, programs.PermittedNames: report.RulePermittedNames,
	programs.AnchorExpired: report.RuleAnchorExpired, programs.NoTable: report.RuleNoTable, programs.TableTooOld: report.RuleTableTooOld,
	programs.RuleUndated: report.RuleUndated, programs.UsageUnknown: report.RuleUsageUnknown, programs.AnchorNotGiven: report.RuleAnchorNotGiven,
	programs.NoPath: report.RuleNoPath,
}

// program is the answer as the report has it.
func (p *Program) program(table *certTable, now time.Time) report.Program {
	out := report.Program{Program: p.Program, Status: statuses[p.Status], Rule: rules[p.Reason], Detail: p.why(), At: p.At,
		Since: p.Since, Until: p.Until, LastIssue: p.LastIssue, Browser: p.Browser}
	if p.Fault != nil {
		out.Rule, out.At = report.RulePathInvalid, len(p.Certs)-1
		if p.Status == programs.CannotTell {
			out.Rule = report.RulePathUnclear
		}
	}
	for _, c := range p.Certs {
		out.Certs = append(out.Certs, table.add(c, report.CertAnchor)) // those that were sent are in the table
	}
	if out.At >= len(out.Certs) {
		out.At = -1
	}
	for _, e := range p.Missing {
		out.Missing = append(out.Missing, entryName(e))
	}
	if len(p.Table.Sources) > 0 {
		out.Table = &report.ProgramTable{Source: p.Table.Sources[0].Name, Version: p.Table.Version(), AsOf: p.Table.AsOf(), AgeDays: days(p.Table.Age(now))}
	}
	return out
}

func days(d time.Duration) int { return int(d / (24 * time.Hour)) }

// entryName names a certificate that is not at hand.
func entryName(e programs.Entry) string {
	if e.Name != "" {
		return e.Name
	}
	return "SHA-256 " + hex.EncodeToString(e.SHA256[:])
}

// why says what decides, in words that go on after "refused since DATE: " and its like.
func (p *Program) why() string {
	if p.Fault != nil {
		return "the path to " + Name(p.Certs[len(p.Certs)-1]) + " is not valid: " + p.Fault.Title()
	}
	switch p.Status {
	case programs.Accepted:
		if !p.LastIssue.IsZero() {
			return "a certificate of this root that is issued after " + finding.Time(p.LastIssue) + " is refused"
		}
		return ""
	case programs.DependsOnSCTs:
		return p.sctRule() + p.unverified()
	}
	switch p.Reason {
	case programs.NotIncluded:
		return p.ending()
	case programs.UsageNotIncluded:
		return "the program does not have the root for TLS servers"
	case programs.IsDistrusted:
		return "the program distrusts " + p.deciding()
	case programs.DistrustAfter:
		return "certificates of this root that were issued later are refused; this one was issued on " + p.issued()
	case programs.NotBefore:
		return "certificates of this root that were issued at that time or later are refused; this one was issued on " + p.issued()
	case programs.Disallowed:
		return "the program does not accept the root from that time on"
	case programs.SCTNotAfter:
		return p.sctRule() + ", and none is that old"
	case programs.SCTAllAfter:
		return p.sctRule() + ", and that is not so"
	case programs.MinVersion:
		return "the root is for the browser's version " + p.Version + " and later"
	case programs.MaxVersion:
		return "the browser refuses the root from its version " + p.Version + " on"
	case programs.PermittedNames:
		return "the root is accepted for some names only, and " + p.DNSName + " is not among them"
	case programs.AnchorExpired:
		return p.deciding() + " expires then"
	}
	return p.unknown()
}

// unknown says which datum lacks.
func (p *Program) unknown() string {
	switch p.Reason {
	case programs.NoTable:
		return "there is no table of this program's roots"
	case programs.TableTooOld:
		return "the table of this program's roots was made on " + finding.Time(p.Table.AsOf()) + ", more than " + strconv.Itoa(days(programs.MaxAge)) + " days ago"
	case programs.RuleUndated:
		return "the program restricts the root, and the table does not say from when"
	case programs.UsageUnknown:
		return "the table does not say whether the root is for TLS servers"
	case programs.AnchorNotGiven:
		var names []string
		for _, e := range p.Missing {
			names = append(names, entryName(e))
		}
		return "the certificate of a root that may lead to a path is not at hand: " + listed(names)
	case programs.NoPath:
		return "there is no certificate"
	}
	return ""
}

// sctRule says what is asked of SCTs.
func (p *Program) sctRule() string {
	if p.Reason == programs.SCTAllAfter {
		return "all SCTs of a certificate of this root must be later than " + finding.Time(p.Since)
	}
	return "a certificate of this root needs an SCT of " + finding.Time(p.Since) + " or earlier"
}

// unverified says why SCTs could not be verified.
func (p *Program) unverified() string {
	if p.Logs {
		return " (the log list does not have the log of an SCT)"
	}
	return " (no log list)"
}

// deciding names the certificate that decides.
func (p *Program) deciding() string {
	if p.At >= 0 && p.At < len(p.Certs) {
		return Name(p.Certs[p.At])
	}
	return "the root"
}

// issued is when the leaf was issued.
func (p *Program) issued() string {
	if len(p.Certs) == 0 || p.Certs[0].NotBefore.IsZero() {
		return "an unknown time"
	}
	return finding.Time(p.Certs[0].NotBefore)
}

// ending says where the path ends that comes closest to a root of the program.
func (p *Program) ending() string {
	roots := "a root of the program"
	if !p.Program.Published() {
		roots = "a trusted root"
	}
	if len(p.Certs) > 0 {
		last := p.Certs[len(p.Certs)-1]
		switch p.End {
		case report.EndAnchor, report.EndUntrusted:
			return Name(last) + " is not " + roots
		case report.EndNoIssuer:
			return "the issuer " + last.Issuer.String() + " is not " + roots + ", and its certificate was not found"
		}
	}
	return "no path leads to " + roots
}

// RootFinding is what the answer says of the certificate at position at of p.Certs,
// for a program whose roots decide. ok is false when nothing is wrong with it.
func (p *Program) RootFinding() (f finding.Finding, at int, ok bool) {
	name := p.Program.Name()
	at = p.At
	if at < 0 || at >= len(p.Certs) {
		at = len(p.Certs) - 1
	}
	switch p.Status {
	case programs.Accepted, programs.AcceptedUntil:
		return f, at, false
	case programs.DependsOnSCTs, programs.CannotTell:
		return finding.New(finding.RootProgramUnclear, "program", name, "why", p.why()), at, true
	}
	if p.Reason == programs.NotIncluded {
		subject := Name(p.Certs[at])
		if p.End == report.EndNoIssuer {
			subject = p.Certs[at].Issuer.String()
		}
		return finding.New(finding.RootNotInProgram, "program", name, "subject", subject), at, true
	}
	return p.distrusted(), at, true
}

// distrusted is the finding that the program refuses, under a rule of its own.
func (p *Program) distrusted() finding.Finding {
	period := ""
	if !p.Since.IsZero() {
		period = " since " + finding.Time(p.Since)
	}
	return finding.New(finding.RootDistrusted, "program", p.Program.Name(), "period", period, "why", p.why())
}

// aged is the finding about programs whose tables are old, nil when there is none. Of
// several the oldest table's date is told.
func aged(all []Program, now time.Time) []finding.Finding {
	var names []string
	var oldest programs.Table
	for i := range all {
		p := &all[i]
		if len(p.Table.Sources) == 0 || !p.Table.Old(now) {
			continue
		}
		names = append(names, p.Program.Name())
		if oldest.Sources == nil || p.Table.AsOf().Before(oldest.AsOf()) {
			oldest = p.Table
		}
	}
	if names == nil {
		return nil
	}
	return []finding.Finding{finding.New(finding.RootProgramOld, "program", strings.Join(names, ", "), "age", strconv.Itoa(days(oldest.Age(now))), "date", finding.Time(oldest.AsOf()))}
}

// warning is what the answer gives to think about: that the program's trust ends
// soon, or that a program refuses the certificate which does not decide. decides is
// whose roots do.
func (p *Program) warning(now time.Time, decides policy.Program) []finding.Finding {
	name := p.Program.Name()
	accepts := p.Status == programs.Accepted || p.Status == programs.AcceptedUntil
	ending := func(t time.Time) bool { return !t.IsZero() && t.Sub(now) <= soon }
	switch {
	case p.Fault != nil:
	case p.Status == programs.AcceptedUntil && ending(p.Until):
		return []finding.Finding{finding.New(finding.RootDistrustSoon, "program", name, "why", "it accepts this certificate until "+finding.Time(p.Until))}
	case accepts && ending(p.LastIssue):
		return []finding.Finding{finding.New(finding.RootDistrustSoon, "program", name, "why", "it accepts no certificate that is issued after "+finding.Time(p.LastIssue))}
	case p.Status == programs.Refused && p.Program != decides && p.Reason != programs.NotIncluded && p.Reason != programs.UsageNotIncluded:
		return []finding.Finding{p.distrusted().Graded(finding.Warning, "the roots of "+decides.Name()+" decide")}
	}
	return nil
}
