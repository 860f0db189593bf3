package watch

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/cert/bundle"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// ca is a CA of one's own whose CRLs and OCSP responders are watched: that they are
// there, signed for it, and within their time, as `assay check URL --issuer` does.
type ca struct {
	issuer *cert.Certificate
	serial []byte // asked about; nil is one that nobody has
	client *fetch.Client
}

const maxCertFile = 4 << 20

// open reads the CA's certificate.
func (a *Authority) open(ctx context.Context, run *command.Run) (*ca, error) {
	b, err := session.ReadFile(a.issuer, nil, maxCertFile)
	if err != nil {
		return nil, err
	}
	ders, err := session.Certificates(ctx, run, a.issuer, b, "")
	if err != nil {
		return nil, err
	}
	one := &ca{issuer: cert.Parse(ders[0]), client: (&session.Network{MaxDownload: fetch.DefaultMaxBytes}).Client()}
	if len(one.issuer.RawTBS) == 0 {
		return nil, fmt.Errorf("the certificate in %s cannot be decoded", a.issuer)
	}
	one.serial, err = parseSerial(a.serial)
	return one, err
}

// parseSerial reads a serial number in hexadecimal; nil for "".
func parseSerial(text string) ([]byte, error) {
	digits := strings.NewReplacer(":", "", " ", "").Replace(strings.TrimPrefix(strings.ToLower(text), "0x"))
	if digits == "" {
		return nil, nil
	}
	if len(digits)%2 != 0 {
		digits = "0" + digits
	}
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) > 64 {
		return nil, errors.New("it is not a serial number in hexadecimal")
	}
	return b, nil
}

// about is a certificate that stands for those that the CA issues: only what CRLs and
// OCSP ask of one is in it.
func (a *ca) about() *cert.Certificate {
	serial := a.serial
	if serial == nil {
		serial = make([]byte, 16)
		rand.Read(serial)
		serial[0] = serial[0]&0x7f | 0x40
	}
	i := a.issuer
	return &cert.Certificate{RawIssuer: i.RawSubject, Issuer: i.Subject, Serial: serial, Key: i.Key, PathLen: -1, Version: 3, NotBefore: i.NotBefore, NotAfter: i.NotAfter}
}

// healthSkew is by how much clocks may differ.
const healthSkew = policy.DefaultSkew

// health checks one address.
func (a *ca) health(ctx context.Context, s Spec) *report.Report {
	now := time.Now().UTC()
	answer := report.Answer{Scheme: policy.OCSP, URL: s.Target}
	var findings []finding.Finding
	healthy := false
	if s.Kind == CRL {
		answer.Scheme = policy.CRL
		findings, healthy = a.list(ctx, now, &answer)
	} else {
		findings, healthy = a.responder(ctx, now, &answer)
	}
	r := &report.Report{Version: report.Version, Time: now, Target: report.Target{Input: s.Target, Source: report.FromCheck},
		Certs:  []report.Cert{assemble.Facts(a.issuer, report.CertFile)},
		Checks: []report.Check{{Name: report.RevocationCheck, Cert: -1, State: report.NotDone, Required: true}}}
	status := report.Unknown
	if healthy {
		status, answer.Status, r.Checks[0].State = report.Good, report.Good, report.Done
	}
	r.Certs[0].Age(now)
	if !a.issuer.NotAfter.IsZero() && now.After(a.issuer.NotAfter) {
		findings = append(findings, finding.New(finding.CertExpired, "not-after", finding.Time(a.issuer.NotAfter), "ago", ""))
	}
	r.Paths = []report.Path{{End: report.EndAnchor, Certs: []report.PathCert{{Role: report.Anchor, Findings: findings,
		Revocation: &report.Revocation{Status: status, Scheme: answer.Scheme, Sources: []report.Answer{answer}}}}}}
	report.Decide(r)
	return r
}

// unhad is what an address comes to that gave nothing.
func unhad(url string, f *fetch.Failure) []finding.Finding {
	return []finding.Finding{finding.New(f.ID, "url", url, "detail", f.Detail, "status", fmt.Sprint(f.Status))}
}

// list downloads a CRL and judges it as for a certificate in its scope.
func (a *ca) list(ctx context.Context, now time.Time, answer *report.Answer) (findings []finding.Finding, healthy bool) {
	resp, failure := a.client.Do(ctx, fetch.Request{URL: answer.URL, Scope: session.UserScope(answer.URL), PastCaches: true})
	if failure != nil {
		return unhad(answer.URL, failure), false
	}
	body := resp.Body
	if o := bundle.Read(body, 1); len(o) == 1 && o[0].Kind == bundle.CRL {
		body = o[0].Bytes
	}
	l, err := crl.Parse(ctx, body)
	if err != nil {
		var e *crl.Error
		if errors.As(err, &e) {
			return []finding.Finding{e.Finding().With("url", answer.URL)}, false
		}
		return []finding.Finding{finding.New(finding.CRLNotAList, "detail", err.Error(), "url", answer.URL)}, false
	}
	answer.ThisUpdate, answer.NextUpdate = l.ThisUpdate, l.NextUpdate
	c := a.about()
	if d := l.IDP; d != nil {
		c.CA, c.HasBasicConstraints = d.OnlyCA, d.OnlyCA
		c.CRLPoints = []cert.DistributionPoint{{FullName: d.FullName, Relative: d.Relative, HasName: d.HasName}}
	}
	res := crl.Check(ctx, crl.Query{Cert: c, Issuer: a.issuer, Time: now, Skew: healthSkew, Sources: []crl.Source{{List: l, URL: answer.URL, Point: -1}}})
	healthy = res.Status != report.Unknown
	for _, f := range res.Findings {
		if l.Delta() && f.ID == finding.CRLDeltaWithoutBase {
			healthy = true // alone it says nothing of a certificate, which is right
			continue
		}
		findings = append(findings, f)
	}
	return findings, healthy
}

// responder asks an OCSP responder about the serial number, or about one that nobody
// has.
func (a *ca) responder(ctx context.Context, now time.Time, answer *report.Answer) (findings []finding.Finding, healthy bool) {
	c := a.about()
	resp, failure := a.client.Do(ctx, fetch.Request{Method: "POST", URL: answer.URL, Body: ocsp.NewRequest(c, a.issuer, crypto.SHA1, nil),
		ContentType: "application/ocsp-request", Accept: "application/ocsp-response", Scope: session.UserScope(answer.URL), PastCaches: true, MaxBytes: ocsp.MaxSize})
	if failure != nil {
		return unhad(answer.URL, failure), false
	}
	res := ocsp.Check(ocsp.Query{Cert: c, Issuer: a.issuer, Time: now, Skew: healthSkew, Source: policy.OCSP, URL: answer.URL,
		// The delegate's signature, dates and right are judged; whether it is revoked is a question to another address.
		Delegate: func(*cert.Certificate) (report.Status, *finding.Finding) { return report.Good, nil }}, resp.Body)
	answer.ThisUpdate, answer.NextUpdate, answer.ProducedAt, answer.Signer = res.Answer.ThisUpdate, res.Answer.NextUpdate, res.Answer.ProducedAt, res.Answer.Signer
	for _, f := range res.Findings {
		if f.ID == finding.OCSPStatusUnknown && a.serial == nil && res.Fresh {
			continue // it does not know a serial number that nobody has, which is right
		}
		findings = append(findings, f)
	}
	return findings, res.Fresh
}
