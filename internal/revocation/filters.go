package revocation

import (
	"encoding/base64"
	"fmt"
	"time"

	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// filtersKey stands for the signer of what filters say: they have none of their
// own, and what one set says follows what an older one said.
var filtersKey = evidence.HashOf([]byte("CRLite"))

// askFilters asks OneCRL and the CRLite filters about the certificate. No
// information is none that is lacking: most certificates of private authorities,
// and new ones, are not in any filter.
func (s *inquiry) askFilters() {
	set := s.in.Filters
	if set == nil || len(set.Filters) == 0 && set.OneCRL.Len() == 0 {
		if s.in.Policy.Schemes != 0 { // named, not merely among all
			s.note(report.Answer{Scheme: policy.CRLite, Detail: "no filters are stored"}, finding.New(finding.CRLiteMissing))
		}
		return
	}
	a := report.Answer{Scheme: policy.CRLite}
	if id, bug, ok := set.OneCRL.Lookup(s.cert.RawIssuer, s.cert.Serial, s.cert.RawSubject, evidence.HashOf(s.cert.RawSPKI)); ok {
		a.Status, a.Filter, a.ThisUpdate, a.Detail = report.Revoked, report.OneCRL, set.OneCRLMade, "record "+id
		if bug != "" {
			a.Detail += ", " + bug
		}
		s.answered(a, set.OneCRLMade)
		return
	}
	if len(set.Filters) == 0 || s.in.Time.After(s.cert.NotAfter) { // filters have no certificates that have expired
		return
	}
	q := &crlite.Subject{Issuer: s.issuerKey, Serial: s.cert.Serial}
	if s.at < len(s.in.SCTs) && len(s.chain) == 0 {
		q.SCTs = s.in.SCTs[s.at]
	}
	r := set.Ask(q, s.in.Time)
	if r.By >= 0 {
		a.Filter, a.FilterSHA256 = set.Filters[r.By].Name, fmt.Sprintf("%x", set.Filters[r.By].SHA256)
	}
	if r.SCT >= 0 {
		a.CoveredLog, a.CoveredAt = base64.StdEncoding.EncodeToString(q.SCTs[r.SCT].Log[:]), time.UnixMilli(int64(q.SCTs[r.SCT].Time)).UTC()
	}
	a.ThisUpdate, a.NextUpdate = r.Made, r.Made.Add(crlite.MaxAge)
	age := s.in.Time.Sub(r.Made)
	limit := crlite.MaxAge
	if m := s.in.Policy.MaxAge; m > 0 {
		limit = min(limit, m)
	}
	old := r.Old || age > limit
	a.AgeSeconds = int64(age / time.Second)
	switch {
	case r.Answer == crlite.Revoked:
		a.Status = report.Revoked
		s.answered(a, r.Made)
	case r.Answer == crlite.Good && old:
		a.Coverage, a.Detail = "old", "the filters are too old to show that it is good"
		s.note(a, finding.New(finding.CRLiteOld, "made", finding.Time(r.Made), "limit", lasting(limit)))
		s.answers[len(s.answers)-1].none = true
	case r.Answer == crlite.Good:
		a.Status = report.Good
		s.answered(a, r.Made)
	default:
		a.Coverage, a.Detail = r.Answer.String(), "no filter covers the certificate: none has the log and time of its SCTs"
		switch {
		case r.Answer == crlite.NotEnrolled:
			a.Detail = "the filters do not know its issuer"
		case len(q.SCTs) == 0:
			a.Detail = "no filter covers the certificate: it has no SCT"
		}
		s.answers = append(s.answers, answer{shown: a, none: true})
	}
}

// answered records what the filters say, and teaches it: a revocation holds as
// long as the set is young enough, for the next full filter may lack it.
func (s *inquiry) answered(a report.Answer, made time.Time) {
	s.answers = append(s.answers, answer{status: a.Status, shown: a})
	h := heard{scheme: policy.CRLite, signer: filtersKey, thisUpdate: made}
	if a.Status == report.Good {
		s.heard = append(s.heard, h)
		return
	}
	x := s.lesson(h, s.issuer, "", made.Add(crlite.MaxAge))
	x.Signer, x.Hold = nil, true
	s.learn(x)
}

// lasting says a duration in days or hours.
func lasting(d time.Duration) string {
	if d < 48*time.Hour {
		return fmt.Sprintf("%.1f hours", d.Hours())
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}
