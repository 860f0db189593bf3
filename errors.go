package assay

import (
	"crypto/tls"
	"errors"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/roots"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Error is a refusal with the whole report. It is what handshakes, Dial and
// Transport return; errors.As finds it through net/http too.
//
//	errors.Is(err, finding.CertRevoked)      // is there an error finding of this kind
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
		f := e.Report.Headline.Finding
		return s + ": " + f.Title() + " (" + finding.Quote(string(f.ID)) + ")"
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

// Is reports whether target is a finding.ID or finding.Class of which the
// report has a finding of severity error, on itself or on the chosen path.
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
	if e.Report == nil {
		return false
	}
	for _, f := range e.Report.Counted() {
		if f.Severity >= finding.Error && match(f) {
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

// Explain turns the error of a failed handshake into a report: that of an
// *Error as it is, that of the standard library's
// *tls.CertificateVerificationError by judging the certificates it carries
// against the system's anchors (a Verifier's own: [Verifier.Explain]). name is
// the host that was wanted. It returns nil for errors that are neither.
func Explain(err error, name string) *report.Report {
	if r := carried(err); r != nil {
		return r
	}
	if !verificationError(err) {
		return nil
	}
	anchors, aerr := roots.Load(roots.Options{})
	if aerr != nil {
		anchors = certpath.NewAnchors()
	}
	return explain(engine.New(engine.Options{}), &engine.Trust{Anchors: anchors}, policy.Policy{Schemes: policy.Off}, err, name)
}

// Explain is the package's Explain with v's anchors and policy.
func (v *Verifier) Explain(err error, name string) *report.Report {
	if r := carried(err); r != nil {
		return r
	}
	if !verificationError(err) {
		return nil
	}
	if v.core == nil {
		return Explain(err, name)
	}
	return explain(v.engine, v.trust, v.policy, err, name)
}

func carried(err error) *report.Report {
	var own *Error
	if errors.As(err, &own) {
		return own.Report
	}
	return nil
}

func verificationError(err error) bool {
	var verr *tls.CertificateVerificationError
	return errors.As(err, &verr) && len(verr.UnverifiedCertificates) > 0 && verr.Err != nil
}

func explain(e *engine.Engine, t *engine.Trust, p policy.Policy, err error, name string) *report.Report {
	var verr *tls.CertificateVerificationError
	errors.As(err, &verr)
	ev := &evidence.Evidence{Version: evidence.Version, Source: evidence.SourceFiles, Time: time.Now().UTC(), Target: evidence.Target{Host: name, SNI: name}}
	for _, c := range verr.UnverifiedCertificates {
		ev.Chain = append(ev.Chain, evidence.Entry{Cert: c.Raw})
	}
	return e.Refused(ev, t, p, verr.Err.Error())
}

// wrap makes an *Error of a certificate refusal by the standard library, so
// that callers find one kind of error whoever refused first. Other errors are
// returned as they are.
func (v *Verifier) wrap(err error, name string) error {
	var own *Error
	if err == nil || errors.As(err, &own) || !verificationError(err) {
		return err
	}
	return &Error{Report: v.Explain(err, name), cause: err}
}
