package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
)

// inHeadline reports whether the headline, which is about the revocation of one
// certificate, rests on a.
func (r *Report) inHeadline(a *Answer) bool {
	f := r.Headline.Finding
	if !sumsUp(f.ID) && !ofSource(f) {
		return false
	}
	if url := f.Param("url"); url != "" && url != a.URL {
		return false
	}
	if f.ID == finding.CertRevoked {
		return a.Status == Revoked
	}
	return a.Status == ""
}

// briefRevocation has one line for each certificate, with every source. Of a
// server that is not accepted the certificates that are good share a line: what
// they rest on is of no interest then.
func (r *Report) briefRevocation() (items []ViewItem) {
	p := r.chosen()
	if p == nil {
		return nil
	}
	var good []string
	label := "revocation"
	for i, pc := range p.Certs {
		rev := pc.Revocation
		if pc.Role == Anchor || rev == nil {
			continue
		}
		if rev.Status == Good && r.Verdict.known() != Accept {
			name := "the certificate"
			if i > 0 {
				name = r.subject(pc.Cert)
			}
			by := make([]string, 0, 3)
			for _, s := range rev.Agreeing() {
				by = append(by, sourceName(s))
			}
			good = append(good, name+": good by "+strings.Join(by, " and "))
			continue
		}
		item := ViewItem{Label: label, Text: "the certificate: "}
		if i > 0 {
			item.Text = r.subject(pc.Cert) + ": "
		}
		switch rev.Status {
		case "", Unknown:
			item.Text += string(Unknown)
			if !slices.ContainsFunc(rev.Sources, func(a Answer) bool { return a.Detail != notAskedYet }) && len(rev.Sources) > 0 {
				item.Text += ", not asked"
			}
		case Revoked:
			item.Text += "REVOKED"
			item.Class = Bad
		case NotApplicable:
			item.Text += whyWords(rev.Why)
		default:
			item.Text += finding.Quote(string(rev.Status))
		}
		item.Text += r.briefSources(*rev, r.Headline != nil && r.at(*r.Headline) == &p.Certs[i])
		items, label = append(items, item), ""
	}
	if items = fewItems(items); len(good) > 0 {
		items = append(items, ViewItem{Label: label, Text: strings.Join(few(good), "; ")})
	}
	return items
}

// briefSources says what each source said: those that agree with the status by
// their kind and age, the others in full, but for those that the headline of the
// same certificate has.
func (r *Report) briefSources(rev Revocation, headline bool) string {
	var agree, other []string
	for _, a := range rev.Sources {
		switch {
		case a.Status == rev.Status && a.Status != "":
			s := sourceName(a.Scheme)
			if age := r.age(&a); age != "" && r.Verdict.known() == Accept {
				s += " (" + age + ")"
			}
			agree = append(agree, s)
		case headline && r.inHeadline(&a):
		case a.Coverage != "" && (rev.Status == Good || rev.Status == Revoked): // filters know but few certificates
		case r.Verdict.known() != Accept:
			if a.Status != "" {
				other = append(other, sourceName(a.Scheme)+": "+finding.Quote(string(a.Status)))
			}
		default:
			other = append(other, r.said(&a))
		}
	}
	s := ""
	if agree = few(agree); len(agree) > 0 {
		s = " by " + strings.Join(agree, " and ")
	}
	for _, o := range few(other) {
		s += "; " + o
	}
	return s
}

// notAskedYet is the detail of a source that was not asked.
const notAskedYet = "not asked yet"

// few cuts a list of parts of a line.
func few(parts []string) []string {
	if len(parts) <= briefMost {
		return parts
	}
	return append(parts[:briefMost:briefMost], fmt.Sprintf("%d more", len(parts)-briefMost))
}

// whyWords say why no status is expected.
func whyWords(w Why) string {
	switch w {
	case WhyNoPointer:
		return "not checked, for the certificate names no CRL and no OCSP responder"
	case WhyShortLived:
		return "not needed, for the certificate is short-lived"
	case WhyNoRevAvail:
		return "not needed, for its CA offers none (noRevAvail)"
	case WhyNotAsked:
		return "not asked for"
	}
	return finding.Quote(string(w))
}

// sourceName is what people call a source of revocation data.
func sourceName(s policy.Scheme) string {
	switch s {
	case policy.Staple:
		return "stapled OCSP response"
	case policy.OCSP:
		return "OCSP"
	case policy.CRL:
		return "CRL"
	case policy.CRLite:
		return "CRLite"
	}
	return s.String()
}

// saidBeside is said without what stands in the title above it.
func (r *Report) saidBeside(a *Answer, title string) string {
	short := *a
	if detail := finding.Quote(a.Detail); detail != "" && (strings.Contains(title, detail) || strings.Contains(detail, title)) {
		short.Detail = ""
	}
	s := r.said(&short)
	if url := finding.Quote(a.URL); url != "" && strings.Contains(title, url) {
		s = strings.Replace(s, " "+url, "", 1)
	}
	return s
}

// said is what a source said, how old that is, and whether it was asked now.
func (r *Report) said(a *Answer) string {
	s := sourceName(a.Scheme)
	if a.URL != "" {
		s += " " + finding.Quote(a.URL)
	}
	status := "no status"
	if a.Status != "" {
		status = finding.Quote(string(a.Status))
	}
	if !a.RevokedAt.IsZero() {
		status += " since " + when(a.RevokedAt)
	}
	s += ": " + status
	if a.Detail != "" {
		s += ", " + finding.Quote(a.Detail)
	}
	if age := r.age(a); age != "" {
		s += ", " + age
	}
	return s
}

// age says when what a source said was made, and whether it was asked now.
func (r *Report) age(a *Answer) string {
	var parts []string
	if !a.ThisUpdate.IsZero() && !r.Time.IsZero() && !r.Time.Before(a.ThisUpdate) {
		parts = append(parts, "made "+span(a.ThisUpdate, r.Time)+" ago")
	}
	switch {
	case !a.Learnt.IsZero():
		parts = append(parts, "seen on "+when(a.Learnt))
	case a.Cached:
		parts = append(parts, cachedAgo(a.CachedSeconds))
	case r.asked(a):
		parts = append(parts, "asked now")
	}
	return strings.Join(parts, ", ")
}

// asked reports whether a is of a source that was asked for this report.
func (r *Report) asked(a *Answer) bool {
	return a.URL != "" && slices.ContainsFunc(r.Fetches, func(f Fetch) bool {
		return f.URL == a.URL && f.Outcome != Cached && f.Outcome != Refused
	})
}
