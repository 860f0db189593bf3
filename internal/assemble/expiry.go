package assemble

import (
	"strconv"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// expiring adds, for the chosen path, what ends soon: certificates, and where the
// reader probably runs the CA the CRLs and OCSP responses that say good. It changes
// neither which path counts nor what a list or response is worth.
func expiring(j *Judged, r *report.Report) {
	certs := r.Paths[j.Chosen].Certs
	for i := range certs {
		at := &certs[i]
		own := at.Findings[:len(at.Findings):len(at.Findings)] // shared with what was judged
		if f, ok := expiresSoon(j.Paths[j.Chosen].Certs[i].Certificate, j.Time, j.Policy.ExpiresWithin, i == 0); ok {
			own = append(own, f)
		}
		if !j.Public && at.Revocation != nil {
			own = append(own, staleSoon(at.Revocation, j.Time)...)
		}
		at.Findings = own
	}
}

// expiresSoon returns the finding about a certificate that is valid and of which
// little is left: an error when less is left than the policy asks for.
func expiresSoon(c *cert.Certificate, now time.Time, margin policy.Margin, leaf bool) (finding.Finding, bool) {
	if c.NotBefore.IsZero() || c.NotAfter.IsZero() || now.IsZero() || now.After(c.NotAfter) {
		return finding.Finding{}, false // findings of their own say so
	}
	limit, ruled := margin.Reached(c.NotBefore, c.NotAfter, leaf)
	refused := ruled && now.After(limit)
	if !refused && !now.After(c.NotAfter.Add(-policy.Soon(c.NotBefore, c.NotAfter))) {
		return finding.Finding{}, false
	}
	facts := report.Cert{NotBefore: c.NotBefore, NotAfter: c.NotAfter}
	facts.Age(now)
	remains := "nothing of its lifetime left"
	if facts.LifeLeft != nil {
		remains = strconv.Itoa(*facts.LifeLeft) + "% of its lifetime left"
	}
	if refused {
		remains += ", rejected by your --expires-within " + margin.String()
	}
	f := finding.New(finding.CertExpiresSoon, "not-after", finding.Time(c.NotAfter), "left", finding.Duration(c.NotAfter.Sub(now)), "remains", remains)
	if refused {
		f = f.Graded(finding.Error, "--expires-within "+margin.String())
	}
	return f, true
}

// staleSoon returns a finding for each list and response that says good and ends
// soon: when less than a tenth of its time is left, which is how early common CAs
// publish the next one, and less than a day.
func staleSoon(v *report.Revocation, now time.Time) (fs []finding.Finding) {
	for _, a := range v.Sources {
		if a.Status != report.Good || !a.Learnt.IsZero() || a.ThisUpdate.IsZero() || a.NextUpdate.IsZero() || now.After(a.NextUpdate) {
			continue
		}
		id := finding.OCSPStaleSoon
		switch a.Scheme {
		case policy.CRL:
			id = finding.CRLStaleSoon
		case policy.OCSP, policy.Staple:
		default:
			continue
		}
		left := a.NextUpdate.Sub(now)
		if left >= 24*time.Hour || left >= a.NextUpdate.Sub(a.ThisUpdate)/10 {
			continue
		}
		f := finding.New(id, "next-update", finding.Time(a.NextUpdate), "left", finding.Duration(left), "source", a.Scheme.String())
		if a.URL != "" {
			f = f.With("url", a.URL)
		}
		fs = append(fs, f)
	}
	return fs
}
