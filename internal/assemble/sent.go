package assemble

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// maxChainOctets is what clients that use OpenSSL read of certificates unless
// they are told otherwise (SSL_MAX_CERT_LIST_DEFAULT).
const maxChainOctets = 100 << 10

// dialled are the sources of evidence that have a Certificate message as it was sent.
var dialled = []evidence.Source{evidence.SourceDial, evidence.SourceLean, evidence.SourceLook}

// sent says what each certificate of the Certificate message is good for, and
// what is wrong with the message as a whole. It wants a connection that assay made.
func sent(j *Judged, r *report.Report) {
	if j.Detail == Brief || !slices.Contains(dialled, j.Evidence.Source) || len(j.Paths) == 0 {
		return
	}
	add := func(f finding.Finding) { r.Findings = append(r.Findings, f) }
	var unrelated []string
	for i, c := range j.Sent {
		as := use(j, i)
		r.SentAs = append(r.SentAs, as)
		switch {
		case as == report.SentRoot:
			add(finding.New(finding.SentRoot, "subject", Name(c)))
		case as == report.SentDuplicate:
			add(finding.New(finding.SentDuplicate, "subject", Name(c)))
		case as == report.SentUnused && !related(j, c):
			unrelated = append(unrelated, Name(c))
		}
	}
	p := &j.Paths[j.Chosen]
	if order := wrongOrder(j, p); order != "" {
		add(finding.New(finding.SentOrder, "order", order))
	}
	if len(unrelated) > 0 {
		names := listed(unrelated)
		if !replaced(r, names) {
			add(finding.New(finding.SentUnused, "subject", names))
		}
	}
	size := 0
	for _, e := range j.Evidence.Chain {
		size += len(e.Cert)
	}
	if size > maxChainOctets {
		add(finding.New(finding.SentLarge, "bytes", strconv.Itoa(size), "count", strconv.Itoa(len(j.Evidence.Chain))))
	}
}

// use says what the i-th certificate that was sent is good for.
func use(j *Judged, i int) report.SentAs {
	c := j.Sent[i]
	same := func(o *cert.Certificate) bool { return o.SHA256 == c.SHA256 }
	switch {
	case i == 0:
		return report.SentLeaf
	case slices.ContainsFunc(j.Sent[:i], same):
		return report.SentDuplicate
	}
	for _, p := range j.Paths {
		if p.End == report.EndBudget {
			return report.SentIntermediate // not every path was looked at
		}
		for k := range p.Certs {
			if !same(p.Certs[k].Certificate) {
				continue
			}
			if k == len(p.Certs)-1 && bytes.Equal(c.Subject.Raw, c.Issuer.Raw) {
				return report.SentRoot
			}
			return report.SentIntermediate
		}
	}
	return report.SentUnused
}

// related reports whether c has the name of an issuer on a path: another path may
// need it, in another client.
func related(j *Judged, c *cert.Certificate) bool {
	for _, p := range j.Paths {
		for k := range p.Certs {
			if p.Certs[k].SHA256 != c.SHA256 && bytes.Equal(p.Certs[k].Issuer.Raw, c.Subject.Raw) {
				return true
			}
		}
	}
	return false
}

// wrongOrder lists the certificates as they were sent when their order is not
// that of the path; "" when it is.
func wrongOrder(j *Judged, p *Path) string {
	last, wrong := -1, false
	var names []string
	for i, c := range j.Sent {
		names = append(names, Name(c))
		at := slices.IndexFunc(p.Certs, func(o PathCert) bool { return o.SHA256 == c.SHA256 })
		if at < 0 || slices.ContainsFunc(j.Sent[:i], func(o *cert.Certificate) bool { return o.SHA256 == c.SHA256 }) {
			continue
		}
		wrong = wrong || at < last
		last = at
	}
	if !wrong {
		return ""
	}
	return listed(names)
}

// replaced tells, where the chosen path ends because an issuer is missing, that
// other certificates were sent in its place: those are the cause. It reports
// whether it did.
func replaced(r *report.Report, names string) (done bool) {
	p := &r.Paths[r.Chosen]
	for i := range p.Certs {
		fs := slices.Clone(p.Certs[i].Findings)
		for k, f := range fs {
			if f.ID == finding.IssuerNotFound {
				fs[k] = finding.New(finding.IssuerNotSent, "issuer", f.Param("issuer"), "sent", names)
				done = true
			}
		}
		p.Certs[i].Findings = fs
	}
	return done
}

// listed joins at most five names.
func listed(names []string) string {
	if n := len(names) - 5; n > 0 {
		names = append(slices.Clone(names[:5]), fmt.Sprintf("%d more", n))
	}
	return strings.Join(names, "; ")
}
