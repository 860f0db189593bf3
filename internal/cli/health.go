package cli

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/cert/bundle"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// healthInfo is how a list or responder does that a CA publishes.
type healthInfo struct {
	URL     string `json:"url"`
	Healthy bool   `json:"healthy"` // it was had, is signed for the issuer, and is within its time
	Bytes   int    `json:"bytes,omitempty"`
	Millis  int64  `json:"milliseconds,omitempty"` // that the download took
	Serial  string `json:"serial,omitempty"`       // that was asked about
	Status  string `json:"status,omitempty"`       // of that serial number
}

// health checks the CRLs and OCSP responders at the addresses args for whoever runs the CA whose
// certificate --issuer holds. The exit status is 1 for what is published and wrong, 3 for what
// cannot be had.
func (a *app) health(ctx context.Context, f *checkFlags, args []string) error {
	b, err := session.ReadFile(f.issuer, nil, session.MaxCertFile)
	if err != nil {
		return usagef("--issuer: %v", err)
	}
	ders, err := session.Certificates(ctx, a.Run, f.issuer, b, f.conn.PassFile)
	if err != nil {
		return session.Flagged("--issuer", err)
	}
	issuer := cert.Parse(ders[0])
	if len(issuer.RawTBS) == 0 {
		return usagef("--issuer: the certificate in %s cannot be decoded", f.issuer)
	}
	k := shown{kind: kindAuto, verbose: f.out.verbose}
	if f.serial != "" {
		if k.serial, err = serialNumber(f.serial); err != nil {
			return err
		}
	}
	for _, url := range args {
		if err := session.CheckURL(url); err != nil {
			return usagef("%v", err).Hint("with --issuer assay check takes addresses of CRLs and OCSP responders; without it, servers")
		}
	}
	if f.network.Offline {
		return usagef("--issuer and --offline exclude each other")
	}
	limit := f.conn.Timeout
	if limit == 0 {
		limit = session.DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := f.network.Through(&f.conn.Connection); err != nil {
		return err
	}
	client := f.network.Client()
	var all []object
	for _, url := range args {
		o, status := k.healthOf(ctx, client, url, issuer)
		a.Status = command.Worse(a.Status, status)
		all = append(all, o)
	}
	switch {
	case f.out.format == formatJSON:
		for i := range all {
			all[i].Rows = nil
		}
		return render.Value(a.Stdout, all, true)
	case f.out.quiet:
		return a.tellBriefly(all)
	}
	var sheets []render.Sheet
	for i := range all {
		sheets = append(sheets, all[i].sheet(f.out.verbose))
	}
	return render.Sheets(a.Stdout, sheets, f.out.options(a))
}

// healthOf asks one address. What answers to a plain GET with a CRL, or has the name of one, is a
// list; anything else is asked as an OCSP responder.
func (k shown) healthOf(ctx context.Context, client *fetch.Client, url string, issuer *cert.Certificate) (object, int) {
	resp, failure := client.Do(ctx, fetch.Request{URL: url, Scope: session.UserScope(url), PastCaches: true})
	isList := strings.HasSuffix(strings.ToLower(url), ".crl")
	if failure == nil {
		if o := bundle.Read(resp.Body, 1); len(o) == 1 && o[0].Kind == bundle.CRL {
			resp.Body, isList = o[0].Bytes, true
		}
	}
	if isList {
		if failure != nil {
			return unhad("CRL", url, failure)
		}
		return k.listHealth(ctx, resp, url, issuer)
	}
	return k.responderHealth(ctx, client, url, issuer)
}

// unhad is an address that gave nothing.
func unhad(kind, url string, failure *fetch.Failure) (object, int) {
	o := object{Kind: kind, From: url, Health: &healthInfo{URL: url}}
	o.Findings = []finding.Finding{finding.New(failure.ID, "url", url, "detail", failure.Detail, "status", fmt.Sprint(failure.Status))}
	o.add("health", "cannot be fetched: "+failure.Detail)
	return o, command.Inconclusive
}

// about is a certificate that stands for those that issuer issues: only what CRLs and OCSP ask of one is in it.
func about(issuer *cert.Certificate, serial []byte) *cert.Certificate {
	return &cert.Certificate{RawIssuer: issuer.RawSubject, Issuer: issuer.Subject, Serial: serial, Key: issuer.Key, PathLen: -1, Version: 3,
		NotBefore: issuer.NotBefore, NotAfter: issuer.NotAfter}
}

// anySerial is a random serial number. Nobody has it.
func anySerial() []byte {
	b := make([]byte, 16)
	rand.Read(b)
	b[0] = b[0]&0x7f | 0x40
	return b
}

// healthSkew is by how much clocks may differ.
const healthSkew = 5 * time.Minute

// listHealth judges a CRL as it would be judged for a certificate in its scope.
func (k shown) listHealth(ctx context.Context, resp *fetch.Response, url string, issuer *cert.Certificate) (object, int) {
	lookedUp := k.serial
	if k.serial == nil {
		k.serial = anySerial()
	}
	o := k.crlObject(resp.Body, url)
	h := &healthInfo{URL: url, Bytes: len(resp.Body), Millis: resp.Duration.Milliseconds()}
	o.Health = h
	if !o.decoded {
		o.add("health", "cannot be read")
		return o, command.Reject
	}
	if lookedUp == nil {
		o.CRL.Serial, o.CRL.Listed = "", nil
		o.Rows = o.Rows[:len(o.Rows)-1] // that a random number is not listed
	}
	l, c := o.list, about(issuer, k.serial)
	if d := l.IDP; d != nil {
		c.CA, c.HasBasicConstraints = d.OnlyCA, d.OnlyCA
		c.CRLPoints = []cert.DistributionPoint{{FullName: d.FullName, Relative: d.Relative, HasName: d.HasName}}
	}
	res := crl.Check(ctx, crl.Query{Cert: c, Issuer: issuer, Time: time.Now(), Skew: healthSkew, Sources: []crl.Source{{List: l, URL: url, Point: -1}}})
	h.Healthy = res.Status != report.Unknown
	for _, f := range res.Findings {
		if l.Delta() && f.ID == finding.CRLDeltaWithoutBase {
			h.Healthy = true // alone it says nothing of a certificate, which is right
			continue
		}
		o.Findings = append(o.Findings, f)
	}
	if lookedUp != nil {
		h.Serial, h.Status = hex.EncodeToString(lookedUp), "not listed"
		if len(o.CRL.Revoked) > 0 {
			h.Status = "listed"
		}
	}
	return o.pronounced(h)
}

// responderHealth asks an OCSP responder about the serial number, or about one that nobody has.
func (k shown) responderHealth(ctx context.Context, client *fetch.Client, url string, issuer *cert.Certificate) (object, int) {
	serial := k.serial
	if serial == nil {
		serial = anySerial()
	}
	c := about(issuer, serial)
	resp, failure := client.Do(ctx, fetch.Request{Method: "POST", URL: url, Body: ocsp.NewRequest(c, issuer, crypto.SHA1, nil),
		ContentType: "application/ocsp-request", Accept: "application/ocsp-response", Scope: session.UserScope(url), PastCaches: true, MaxBytes: ocsp.MaxSize})
	if failure != nil {
		return unhad("OCSP responder", url, failure)
	}
	h := &healthInfo{URL: url, Bytes: len(resp.Body), Millis: resp.Duration.Milliseconds()}
	all := k
	all.serial = nil
	o := all.responseObject(resp.Body, url)
	o.Kind, o.Health = "OCSP responder", h
	if o.Response == nil {
		o.add("health", "the answer is not an OCSP response that can be read")
		return o, command.Reject
	}
	res := ocsp.Check(ocsp.Query{Cert: c, Issuer: issuer, Time: time.Now(), Skew: healthSkew, Source: policy.OCSP, URL: url,
		// The delegate's signature, dates and right are judged; whether it is revoked is a question to another address.
		Delegate: func(*cert.Certificate) (report.Status, *finding.Finding) { return report.Good, nil }}, resp.Body)
	o.Findings = res.Findings
	h.Healthy = res.Fresh
	if k.serial != nil {
		h.Serial, h.Status = hex.EncodeToString(serial), string(res.Status)
	} else if o.Response.Status == ocsp.Unauthorized.String() {
		// RFC 5019, 2.2.3: it has no answer for a number that nobody has. The refusal is not signed and shows nothing.
		o.add("note", "the responder refuses a serial number that nobody has (unauthorized); --serial asks about one that it knows")
		o.pronounce(h, "not known")
		return o, command.Inconclusive
	}
	return o.pronounced(h)
}

// pronounced adds the result and gives the exit status for it.
func (o object) pronounced(h *healthInfo) (object, int) {
	status, word := command.Reject, "not healthy"
	if h.Healthy {
		status, word = command.Accept, "healthy"
	}
	o.pronounce(h, word)
	return o, status
}

// pronounce puts the result before all other rows.
func (o *object) pronounce(h *healthInfo, word string) {
	if h.Serial != "" && h.Status != "" {
		word += "; " + h.Serial + " is " + h.Status
	}
	o.Rows = append([]render.Row{{Label: "health", Value: word}, {Label: "download", Value: fmt.Sprintf("%d bytes in %d ms", h.Bytes, h.Millis)}}, o.Rows...)
}
