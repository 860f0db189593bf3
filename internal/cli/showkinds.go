package cli

import (
	"context"
	"crypto"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/report"
)

// maxEntries is how many entries of a CRL are listed.
const maxEntries = 100

func when(t time.Time) string {
	if t.IsZero() {
		return "none"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// crlObject decodes a CRL.
func crlObject(b []byte, from string) object {
	o := object{Kind: "CRL", From: from}
	l, err := crl.Parse(context.Background(), b)
	if err != nil {
		if e, ok := err.(*crl.Error); ok {
			o.Findings = append(o.Findings, e.Finding())
		} else {
			o.Findings = append(o.Findings, finding.New(finding.CRLNotAList, "detail", err.Error()))
		}
		return o
	}
	o.decoded = true
	for _, f := range l.StrictFindings() {
		if f.Policy != "" { // nobody asked for strictness: it is said, and no error
			f.Severity, f.Policy = finding.Warning, ""
		}
		o.Findings = append(o.Findings, f)
	}
	o.add("issuer", l.Issuer.String())
	o.add("version", fmt.Sprint(l.Version))
	o.add("this update", when(l.ThisUpdate))
	o.add("next update", when(l.NextUpdate))
	o.addHex("number", l.Number)
	if l.Delta() {
		o.addHex("base", l.BaseNumber)
	}
	o.addHex("issuer ID", l.AuthorityKeyID)
	o.add("signature", l.Algorithm.Name)
	if d := l.IDP; d != nil {
		o.add("scope", idpText(d))
	}
	o.extensions(l.Extensions)
	o.add("size", fmt.Sprintf("%d bytes", l.Size))
	o.add("entries", fmt.Sprint(l.Len()))
	n := 0
	_ = l.All(func(e crl.Entry) bool { // the list was just read whole
		if n++; n > maxEntries {
			o.add("", fmt.Sprintf("and %d more", l.Len()-maxEntries))
			return false
		}
		s := hex.EncodeToString(e.Serial) + " since " + when(e.Date)
		if e.HasReason {
			s += ", " + e.Reason.String()
		}
		if len(e.Issuer) > 0 {
			s += ", issued by " + e.Issuer[0].String()
		}
		o.add("revoked", s)
		return true
	})
	return o
}

// idpText describes an issuing distribution point.
func idpText(d *crl.IDP) string {
	var parts []string
	for _, n := range d.FullName {
		parts = append(parts, n.String())
	}
	for _, f := range []struct {
		set  bool
		text string
	}{{d.OnlyUser, "only end-entity certificates"}, {d.OnlyCA, "only CA certificates"}, {d.OnlyAttribute, "only attribute certificates"},
		{d.Indirect, "indirect"}, {d.HasReasons, "only some reasons"}} {
		if f.set {
			parts = append(parts, f.text)
		}
	}
	return strings.Join(parts, ", ")
}

// requestObject decodes an OCSP request.
func requestObject(b []byte, from string) object {
	r := ocsp.ParseRequest(b)
	o := object{Kind: "OCSP request", From: from, Findings: r.Findings, decoded: len(r.IDs) > 0}
	for _, id := range r.IDs {
		o.certID(id)
	}
	o.addHex("nonce", r.Nonce)
	if r.Signed {
		o.add("signed", "yes, not verified")
	}
	o.extensions(r.Extensions)
	return o
}

// responseObject decodes an OCSP response and the certificates in it.
func responseObject(b []byte, from string) object {
	r := ocsp.Parse(b)
	o := object{Kind: "OCSP response", From: from, Findings: r.Findings}
	o.decoded = r.Status != ocsp.Successful && len(r.Findings) == 0 || len(r.Singles) > 0
	o.add("status", r.Status.String())
	if !o.decoded || r.Status != ocsp.Successful {
		return o
	}
	if r.ResponderName != nil {
		n, _ := cert.ParseName(r.ResponderName)
		o.add("responder", n.String())
	}
	o.addHex("responder", r.ResponderKey)
	o.add("produced", when(r.ProducedAt))
	o.add("signature", r.Algorithm.Name)
	o.addHex("nonce", r.Nonce)
	o.extensions(r.Extensions)
	for _, s := range r.Singles {
		o.certID(s.CertID)
		status := s.Status.String()
		if s.Status == ocsp.Revoked {
			status += " since " + when(s.RevokedAt)
			if n := s.ReasonName(); n != "" {
				status += ", " + n
			}
		}
		o.add("status", status)
		o.add("this update", when(s.ThisUpdate))
		o.add("next update", when(s.NextUpdate))
		if !s.ArchiveCutoff.IsZero() {
			o.add("archive", "since "+when(s.ArchiveCutoff))
		}
		if len(s.SCTList) > 0 {
			o.scts = append(o.scts, shownSCTs{raw: s.SCTList, source: report.SCTOCSP, serial: s.CertID.Serial})
		}
	}
	for _, raw := range r.Certs {
		c := cert.Parse(raw)
		o.add("encloses", c.Subject.String()+", issued by "+c.Issuer.String())
	}
	return o
}

// sctObject decodes a SignedCertificateTimestampList.
func sctObject(b []byte, from string) object {
	o := object{Kind: "SCT list", From: from}
	if _, err := ct.ParseSCTList(b); err != nil {
		o.Findings = append(o.Findings, finding.New(finding.CTSCTListBad, "detail", err.Error()))
		return o
	}
	o.decoded = true
	o.scts = []shownSCTs{{raw: b, source: report.SCTTLS}}
	return o
}

// add appends a row, unless there is nothing to say.
func (o *object) add(label, value string) {
	if value != "" {
		o.Rows = append(o.Rows, render.Row{Label: label, Value: value})
	}
}

func (o *object) addHex(label string, b []byte) {
	if len(b) > 0 {
		o.add(label, hex.EncodeToString(b))
	}
}

func (o *object) certID(id ocsp.CertID) {
	o.add("serial", hex.EncodeToString(id.Serial))
	h := id.HashOID
	if id.Hash != crypto.Hash(0) {
		h = id.Hash.String()
	}
	o.add("issuer", fmt.Sprintf("name %x, key %x (%s)", id.IssuerNameHash, id.IssuerKeyHash, h))
}

func (o *object) extensions(exts []cert.Extension) {
	for _, x := range exts {
		name := cert.OIDName(x.OID)
		if name == "" {
			name = x.OID
		}
		if x.Critical {
			name += " (critical)"
		}
		o.add("extension", name)
	}
}
