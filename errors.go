package assay

import (
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// Error is a refusal with the whole report. It is what handshakes, Dial and
// Transport return; errors.As finds it through net/http too.
//
//	errors.Is(err, finding.CertRevoked)      // did a finding of this kind refuse
//	errors.Is(err, finding.ClassRevocation)  // … or of this class
//
// A refusal by the standard library is wrapped: errors.As finds its
// *tls.CertificateVerificationError and the x509 types in it.
type Error struct {
	Report *report.Report // why: everything that was found, the headline first; never nil in errors of this package
	cause  error          // the standard library's refusal, if that came first
}

// Error returns one line with the root cause. Peer text in it is quoted.
func (e *Error) Error() string {
	s := "assay: refused"
	if e.Report != nil && e.Report.Target.Host != "" {
		s = "assay: " + finding.Quote(e.Report.Target.Host) + " refused"
	}
	if e.Report != nil && e.Report.Headline != nil {
		return s + ": " + e.Report.Cause() + " (" + finding.Quote(string(e.Report.Headline.Finding.ID)) + ")"
	}
	if e.cause != nil {
		return s + ": " + finding.Quote(e.cause.Error())
	}
	if e.Report != nil {
		for _, c := range e.Report.Checks {
			if c.Required && c.State != report.Done && c.State != report.CheckNotApplicable {
				return s + ": the check of " + string(c.Name) + " could not be done: " + finding.Quote(c.Detail)
			}
		}
	}
	return s
}

// Unwrap returns the standard library's error if it refused first, so that
// errors.As finds the x509 types.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is a finding.ID or finding.Class of something that
// refused: of a finding, on the report or on the chosen path, of severity error,
// or of severity inconclusive when none is an error. The headline, which
// Error names, always matches.
func (e *Error) Is(target error) bool {
	var match func(finding.Finding) bool
	switch t := target.(type) {
	case finding.ID:
		match = func(f finding.Finding) bool { return f.ID == t }
	case finding.Class:
		match = func(f finding.Finding) bool { return f.Kind().Class == t }
	default:
		return false
	}
	r := e.Report
	if r == nil {
		return false
	}
	if r.Headline != nil && match(r.Headline.Finding) {
		return true
	}
	refuses := finding.Error
	if r.Verdict == report.Inconclusive {
		refuses = finding.Inconclusive
	}
	for _, f := range r.Counted() {
		if f.Severity >= refuses && match(f) {
			return true
		}
	}
	return false
}

// refusal is an Error whose report has one finding.
func refusal(f finding.Finding) *Error {
	r := &report.Report{Version: report.Version, Chosen: -1, Time: time.Now().UTC(), Findings: []finding.Finding{f}}
	report.Decide(r)
	return &Error{Report: r}
}
