package assay

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/roots"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Explain turns the error of a failed handshake into a report: that of an
// *Error as it is, that of the standard library's
// *tls.CertificateVerificationError by judging the certificates it carries
// against the system's anchors (a Verifier's own: [Verifier.Explain]). name is
// the host that was wanted. It returns nil for errors that are neither.
func Explain(err error, name string) *report.Report {
	if r := carried(err); r != nil {
		return r
	}
	if verificationError(err) == nil {
		return nil
	}
	return explain(engine.New(engine.Options{}), &engine.Trust{Anchors: systemAnchors()}, policy.Policy{Schemes: policy.Off}, err, name)
}

func systemAnchors() *certpath.Anchors {
	anchors, err := roots.Load(roots.Options{})
	if err != nil {
		return certpath.NewAnchors()
	}
	return anchors
}

// Explain is the package's Explain with v's anchors and policy. Roots that were
// in the base of a ClientConfig are not among v's anchors: give that config to
// [Verifier.ExplainFor].
func (v *Verifier) Explain(err error, name string) *report.Report {
	return v.ExplainFor(err, &tls.Config{ServerName: name})
}

// ExplainFor is Explain for a handshake made with conf: the name that was wanted
// is its ServerName, and its RootCAs, when it has some, are the anchors.
func (v *Verifier) ExplainFor(err error, conf *tls.Config) *report.Report {
	if r := carried(err); r != nil {
		return r
	}
	refused := verificationError(err)
	if refused == nil {
		return nil
	}
	if conf == nil {
		conf = &tls.Config{}
	}
	if v.core == nil {
		return Explain(err, conf.ServerName)
	}
	trust := v.trusted()
	if conf.RootCAs != nil && conf.RootCAs != v.pool() {
		trust = &engine.Trust{Anchors: anchorsIn(conf.RootCAs, refused.UnverifiedCertificates), Excerpt: true, LogList: v.trust.LogList, Filters: v.trust.Filters, Lists: v.trust.Lists, Public: v.trust.Public, Programs: v.trust.Programs, Known: v.trust.Known}
	}
	return explain(v.engine, trust, v.policy, err, conf.ServerName)
}

func carried(err error) *report.Report {
	var own *Error
	if errors.As(err, &own) {
		return own.Report
	}
	return nil
}

// verificationError is the standard library's refusal of a certificate in err,
// nil when there is none.
func verificationError(err error) *tls.CertificateVerificationError {
	var refused *tls.CertificateVerificationError
	if !errors.As(err, &refused) || len(refused.UnverifiedCertificates) == 0 || refused.Err == nil {
		return nil
	}
	return refused
}

func explain(e *engine.Engine, t *engine.Trust, p policy.Policy, err error, name string) *report.Report {
	refused := verificationError(err)
	ev := &evidence.Evidence{Version: evidence.Version, Source: evidence.SourceFiles, Time: time.Now().UTC(), Target: evidence.Target{Host: name, SNI: name}}
	for _, c := range refused.UnverifiedCertificates {
		ev.Chain = append(ev.Chain, evidence.Entry{Cert: c.Raw})
	}
	return e.Refused(ev, t, p, refused.Err.Error())
}

// maxPooled is of how many certificates of a chain the roots are looked for.
const maxPooled = 16

// anchorsIn returns the roots of pool from which certificates of a chain come.
// A pool cannot be read, but crypto/x509 gives the root away when it verifies
// one certificate alone, for a time when it was valid, with no question
// about names and usages.
func anchorsIn(pool *x509.CertPool, chain []*x509.Certificate) *certpath.Anchors {
	found, known := certpath.NewAnchors(), map[string]bool{}
	for _, c := range chain[:min(len(chain), maxPooled)] {
		for _, at := range []time.Time{time.Now(), c.NotAfter, c.NotBefore} {
			chains, err := c.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
			if err != nil {
				continue
			}
			for _, chain := range chains {
				if root := chain[len(chain)-1]; !known[string(root.Raw)] {
					known[string(root.Raw)] = true
					found.Add(root.Raw) // the error: assay cannot read it as an anchor, and it is none
				}
			}
		}
	}
	return found
}

// wrap makes an *Error of a certificate refusal by the standard library, so
// that callers find one kind of error whoever refused first. name was wanted, and
// roots, when not nil, were the handshake's. Other errors are returned as they are.
func (v *Verifier) wrap(err error, name string, roots *x509.CertPool) error {
	var own *Error
	if err == nil || errors.As(err, &own) || verificationError(err) == nil {
		return err
	}
	return &Error{Report: v.ExplainFor(err, &tls.Config{ServerName: name, RootCAs: roots}), cause: err}
}
