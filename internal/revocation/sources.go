package revocation

import (
	"context"
	"crypto"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// assignOffered gives each response from a file to the certificates it names;
// one that names none of the path goes to the leaf, to be shown as foreign.
func assignOffered(in *Input) [][]int {
	out := make([][]int, len(in.Path))
	for n, body := range in.OfferedOCSP {
		if n == maxOffered || len(in.Path) < 2 {
			break
		}
		r := ocsp.Parse(body)
		placed := false
		for i := 0; i+1 < len(in.Path); i++ {
			for k := range r.Singles {
				if r.Singles[k].CertID.Matches(in.Path[i], in.Path[i+1]) {
					out[i] = append(out[i], n)
					placed = true
					break
				}
			}
		}
		if !placed {
			out[0] = append(out[0], n)
		}
	}
	return out
}

// askStaple judges the staple, if there is one.
func (s *inquiry) askStaple() {
	if s.at >= len(s.in.Staples) || s.in.Staples[s.at] == nil {
		return
	}
	s.stapled = true
	res := s.checkOCSP(ocsp.Query{Source: policy.Staple}, s.in.Staples[s.at], -1)
	// A signer that nobody has asked about yet is for the policy on unknown
	// status to judge, or must-staple could not be met at first contact.
	s.stapleGood = res.Status == report.Good && res.Fresh || res.Withheld == report.Good && s.unasked
}

// askOCSP judges what responders answered and says whom to ask.
func (s *inquiry) askOCSP() (needs []Need) {
	for _, n := range s.offered {
		res := s.checkOCSP(ocsp.Query{Source: policy.OCSP}, s.in.OfferedOCSP[n], -1)
		s.files.note(&s.files.responses[n], res.Status != "", res.Answer.Detail)
	}
	urls := s.ptr.ocsp
	if len(urls) > maxResponders {
		s.note(report.Answer{Scheme: policy.OCSP, Detail: "too many responders"},
			finding.New(finding.RevocationBudget, "count", strconv.Itoa(len(urls)), "what", "OCSP responders", "limit", strconv.Itoa(maxResponders)))
		urls = urls[:maxResponders]
	}
	for _, u := range urls {
		k := s.response(u, 0)
		if k < 0 {
			var nonce []byte
			if s.in.NonceFor != nil {
				nonce = s.in.NonceFor(s.at)
			}
			req := ocsp.NewRequest(s.cert, s.issuer, crypto.SHA1, nonce)
			needs = append(needs, s.need(KindOCSP, u, req))
		}
		for ; k >= 0; k = s.response(u, k+1) { // all count: what came may not supersede what was there
			a := &s.in.Artefacts[k]
			if a.Failure != "" {
				s.failed(policy.OCSP, k)
				continue
			}
			s.checkOCSP(ocsp.Query{Source: policy.OCSP, URL: u, Nonce: ocsp.ParseRequest(a.Request).Nonce}, a.Body, k)
		}
	}
	return needs
}

// response returns the index of the first artefact, from the given one, of asking
// the responder at url about this certificate; -1 when there is none.
func (s *inquiry) response(url string, from int) int {
	for k := from; k < len(s.in.Artefacts); k++ {
		a := &s.in.Artefacts[k]
		if a.Kind != KindOCSP || a.URL != url || !a.isFor(s.issuerKey) {
			continue
		}
		for _, id := range ocsp.ParseRequest(a.Request).IDs {
			if id.Matches(s.cert, s.issuer) {
				return k
			}
		}
	}
	return -1
}

// isFor reports whether a was had for the issuer with the given key: what was
// for another is never believed for this one.
func (a *Artefact) isFor(key [32]byte) bool {
	return a.IssuerKey == key || a.IssuerKey == [32]byte{}
}

// checkOCSP judges one response, of the artefact at index k (-1: it is none),
// and records the answer.
func (s *inquiry) checkOCSP(q ocsp.Query, body []byte, k int) ocsp.Result {
	p := s.in.Policy
	q.Cert, q.Issuer, q.Time, q.Memo = s.cert, s.issuer, s.in.Time, s.in.Memo
	q.Skew, q.MaxAge, q.Stale, q.Strict = p.Skew, p.MaxAge, p.Stale, p.Strict
	q.MinRSA, _, _ = p.SecurityLevel.Least(p.MinRSA)
	q.SecurityLevel, q.RequireNonce = p.SecurityLevel, p.RequireNonce
	q.Delegate, s.unasked = s.delegate, false
	res := ocsp.Check(q, body)
	s.hearResponse(q.Source, res)
	if k >= 0 {
		a := &s.in.Artefacts[k]
		res.Answer.Cached, res.Answer.CachedSeconds = a.Cached, int64(a.Age/time.Second)
		if s.in.Background && a.Cached && res.Status == "" && !res.Old {
			res.Findings = notHadYet(res.Findings, q.URL)
		}
		s.used[k].Add(useOf(res))
	}
	if s.at == 0 && len(s.chain) == 0 {
		scts := s.fetchedSCTs
		if q.Source == policy.Staple {
			scts = s.stapledSCTs
		}
		if len(*scts) == 0 {
			*scts = res.SCTList
		}
	}
	s.answers = append(s.answers, answer{status: res.Status, shown: res.Answer, findings: res.Findings})
	return res
}

// useOf is what a response was good for.
func useOf(res ocsp.Result) Use {
	switch {
	case res.Status == report.Revoked:
		return Use{Revoking, res.Answer.NextUpdate}
	case res.Status == report.Good:
		return Use{Answered, res.Answer.NextUpdate}
	case res.Authentic:
		return Use{Outcome: Authentic}
	}
	return Use{Outcome: Useless}
}

// failed records that the artefact at index k has no body.
func (s *inquiry) failed(scheme policy.Scheme, k int) {
	a := &s.in.Artefacts[k]
	s.used[k].Add(Use{Outcome: Useless})
	f := finding.New(a.Failure, "source", scheme.String(), "url", a.URL, "detail", a.Detail)
	s.note(report.Answer{Scheme: scheme, URL: a.URL, Detail: f.Title()}, f)
}

func (s *inquiry) need(kind, url string, req []byte) Need {
	return Need{Kind: kind, URL: url, Request: req, IssuerKey: s.issuerKey, Cert: s.at}
}

// askCRL judges the lists at hand and says which to fetch.
func (s *inquiry) askCRL() []Need {
	l := s.lists()
	s.answers = append(s.answers, l.answers...)
	if !l.asked {
		return l.needs
	}
	whole := answer{findings: l.result.Findings}
	if l.result.Status == report.Good || l.result.Status == report.Revoked {
		whole.status = l.result.Status
	}
	if len(l.result.Answers) == 0 {
		if len(whole.findings) == 0 { // lists from files, all of them about others
			return l.needs
		}
		whole.shown = report.Answer{Scheme: policy.CRL, Status: whole.status}
		s.answers = append(s.answers, whole)
	}
	// One status and one set of findings stand for all lists together; they go
	// with the list that decided.
	first := 0
	for k, a := range l.result.Answers {
		if a.Status == whole.status {
			first = k
			break
		}
	}
	for k, a := range l.result.Answers {
		v := answer{more: true}
		if k == first {
			v = whole
		}
		v.shown = a
		s.answers = append(s.answers, v)
	}
	return l.needs
}

// listing is what lists say about one certificate.
type listing struct {
	result  crl.Result
	sources []crl.Source
	at      []int    // of each source, the index of its artefact, or fileAt its file
	asked   bool     // there was a list to ask
	answers []answer // failures
	needs   []Need
}

// lists gathers the lists of the certificate's distribution points, and those
// from files, and asks them about it.
func (s *inquiry) lists() (l listing) {
	points := s.ptr.points
	if len(points) > maxPoints {
		l.answers = append(l.answers, answer{shown: report.Answer{Scheme: policy.CRL, Detail: "too many distribution points"},
			findings: []finding.Finding{finding.New(finding.RevocationBudget, "count", strconv.Itoa(len(points)), "what", "distribution points", "limit", strconv.Itoa(maxPoints))}})
		points = points[:maxPoints]
	}
	for n, urls := range points {
		if len(urls) > maxResponders {
			urls = urls[:maxResponders]
		}
		for k, u := range urls { // alternatives: the first that delivers a list that answers counts
			added, asked := s.list(KindCRL, u, n, &l)
			if !asked || k+1 < len(urls) && s.answering(l.sources[len(l.sources)-added:]) {
				break
			}
		}
	}
	for n, list := range s.in.Offered {
		if relevant(s.cert, list) {
			l.sources, l.at = append(l.sources, crl.Source{List: list, Point: -1}), append(l.at, fileAt(n))
		}
	}
	if len(l.sources) == 0 {
		return l
	}
	l.asked = true
	q := s.query(l.sources)
	l.result = crl.Check(s.ctx, q)
	deltas := 0
	for n, want := range l.result.Needs {
		if n == maxPoints {
			break
		}
		d, _ := s.list(KindDelta, want.URL, want.Point, &l)
		deltas += d
	}
	if deltas > 0 {
		q.Sources = l.sources
		l.result = crl.Check(s.ctx, q)
	}
	s.issuers = append(s.issuers, l.result.Issuers...)
	for n, u := range l.result.Used {
		s.hearList(q.Sources[n], l.result, u)
		why := ""
		if u.Answer >= 0 {
			a := &l.result.Answers[u.Answer]
			if why = a.Detail; l.at[n] >= 0 {
				a.CachedSeconds = int64(s.in.Artefacts[l.at[n]].Age / time.Second)
			}
		}
		s.noteUse(l.at[n], useOfList(l.result, u), why)
	}
	return l
}

// answering reports whether one of the lists answers: it is authentic, current and
// about the certificate.
func (s *inquiry) answering(sources []crl.Source) bool {
	return len(sources) > 0 && slices.ContainsFunc(crl.Check(s.ctx, s.query(sources)).Used, func(u crl.Use) bool { return u.Answered })
}

// notHadYet replaces the finding that a response in the cache is past its end where
// downloads run beside the judgement: it revokes nothing, and its successor is on
// its way.
func notHadYet(fs []finding.Finding, url string) []finding.Finding {
	out := slices.Clone(fs)
	for i, f := range out {
		if f.ID == finding.OCSPStale && f.Severity >= finding.Inconclusive {
			out[i] = finding.New(finding.RevocationNotFetched, "source", f.Param("source"), "url", url)
		}
	}
	return out
}

// query asks lists about the certificate.
func (s *inquiry) query(sources []crl.Source) crl.Query {
	p := s.in.Policy
	return crl.Query{Cert: s.cert, Issuer: s.issuer, Above: s.above, Time: s.in.Time, Skew: p.Skew, MaxAge: p.MaxAge, Stale: p.Stale,
		MinRSA: p.MinRSA, SecurityLevel: p.SecurityLevel, Strict: p.Strict, OtherKey: slices.Contains(p.Allow, finding.CRLOtherKey), Sources: sources, Pool: s.in.Pool, Signer: s.listSigner, Memo: s.in.Memo}
}

func useOfList(res crl.Result, u crl.Use) (v Use) {
	switch {
	case u.Revoked:
		v.Outcome = Revoking
	case u.Answered:
		v.Outcome = Answered
	case u.Authentic:
		return Use{Outcome: Authentic}
	default:
		return Use{Outcome: Useless}
	}
	if u.Answer >= 0 {
		v.Until = res.Answers[u.Answer].NextUpdate
	}
	return v
}

// list adds the list at url to the sources and returns how many there are; asked
// is false when nobody has asked there yet, and then it is among the needs. There
// are several when what came does not supersede what was there: then all of them
// count.
func (s *inquiry) list(kind, url string, point int, l *listing) (n int, asked bool) {
	for k := range s.in.Artefacts {
		a := &s.in.Artefacts[k]
		if a.Kind != kind || a.URL != url || !a.isFor(s.issuerKey) {
			continue
		}
		asked = true
		bad := func(f finding.Finding) {
			s.used[k].Add(Use{Outcome: Useless})
			l.answers = append(l.answers, answer{shown: report.Answer{Scheme: policy.CRL, URL: url, Detail: f.Title()}, findings: []finding.Finding{f}})
		}
		if a.Failure != "" {
			bad(finding.New(a.Failure, "source", policy.CRL.String(), "url", url, "detail", a.Detail))
			continue
		}
		list, err := a.parsed(s.ctx)
		if err != nil {
			f := finding.New(finding.CRLNotAList, "detail", err.Error())
			var ce *crl.Error
			if errors.As(err, &ce) {
				f = ce.Finding()
			}
			bad(f.With("source", policy.CRL.String()).With("url", url))
			continue
		}
		l.sources, l.at = append(l.sources, crl.Source{List: list, URL: url, Point: point, Cached: a.Cached, Fetched: a.Fetched, Awaited: s.in.Background && a.Cached}), append(l.at, k)
		n++
	}
	if !asked {
		l.needs = append(l.needs, s.need(kind, url, nil))
	}
	return n, asked
}

// parsed is the artefact's body as a list.
func (a *Artefact) parsed(ctx context.Context) (*crl.List, error) {
	if a.List != nil {
		return a.List, nil
	}
	return crl.Parse(ctx, a.Body)
}

// relevant reports whether a list from a file could speak about c.
func relevant(c *cert.Certificate, l *crl.List) bool {
	if l.Issuer.Canon == c.Issuer.Canon || l.IDP != nil && l.IDP.Indirect {
		return true
	}
	for _, dp := range c.CRLPoints {
		for _, g := range dp.CRLIssuer {
			if g.Type == cert.DirectoryName && g.Dir.Canon == l.Issuer.Canon {
				return true
			}
		}
	}
	return false
}
