package revocation

import (
	"bytes"
	"slices"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Past is what earlier judgements learnt, as the judges see it. The zero Past
// knows nothing.
type Past struct {
	// About returns what is known about a certificate that issuer issued.
	About func(c, issuer *cert.Certificate) []evidence.Learnt
	// Signer returns a certificate by its hash; nil when it is not there.
	Signer func(evidence.Hash) *cert.Certificate
	// Anchored reports whether an anchor with this key counts in this judgement.
	// The key of the path's own anchor always does.
	Anchored func(key evidence.Hash) bool
}

// Lessons are what a judgement teaches the next ones.
type Lessons struct {
	Learnt  []evidence.Learnt // revocations seen, each once
	Signers [][]byte          // the certificates that they name, DER
	// Ended are entries of the past that are over before their time: holds that
	// were released, and what a signer said who is himself revoked.
	Ended []evidence.Learnt
}

func (x *Lessons) learn(l evidence.Learnt, path []*cert.Certificate) {
	if o := x.find(&l); o != nil {
		if l.Outweighs(o) {
			*o = l
		}
		return
	}
	x.Learnt = append(x.Learnt, l)
	for _, c := range path {
		if !slices.ContainsFunc(x.Signers, func(b []byte) bool { return bytes.Equal(b, c.Raw) }) {
			x.Signers = append(x.Signers, c.Raw)
		}
	}
}

// find returns the entry about the same certificate from the same source.
func (x *Lessons) find(l *evidence.Learnt) *evidence.Learnt {
	for i := range x.Learnt {
		if o := &x.Learnt[i]; o.SameSource(l) && o.IssuerKey == l.IssuerKey && bytes.Equal(o.Serial, l.Serial) {
			return o
		}
	}
	return nil
}

// has reports whether a source at hand says itself what the entry says.
func (x *Lessons) has(l *evidence.Learnt) bool {
	o := x.find(l)
	return o != nil && !l.Outweighs(o)
}

// Speaks reports whether an entry says something under a policy and at a time:
// its scheme is run, an anchor counts that it was learnt under, it has been made,
// and it has not ended. It lives for as much longer as clocks may differ.
func Speaks(l *evidence.Learnt, p policy.Policy, at time.Time, anchored func(evidence.Hash) bool) bool {
	skew := p.Skew
	if skew == 0 {
		skew = policy.DefaultSkew
	}
	return p.Schemes.Has(l.Scheme) && anchored(l.Anchor) && !at.Before(l.ThisUpdate.Add(-skew)) &&
		(l.Until.IsZero() || !at.After(l.Until.Add(skew)))
}

// heard is one authentic statement about the certificate of an inquiry: that it
// is revoked, or that it is not.
type heard struct {
	scheme     policy.Scheme
	signer     evidence.Hash // key
	scope      evidence.Hash
	number     []byte
	thisUpdate time.Time
	released   bool // it ends a hold and says nothing else
}

// hearList notes what a list that is authentic says about the certificate.
func (s *inquiry) hearList(src crl.Source, res crl.Result, u crl.Use) {
	if !u.Authentic || u.Answer < 0 || src.List == nil || u.Signer == nil {
		return
	}
	l, e := src.List, u.Entry
	h := heard{scheme: policy.CRL, signer: evidence.HashOf(u.Signer.RawSPKI), number: bytes.Clone(l.Number), thisUpdate: l.ThisUpdate}
	if l.IDP != nil {
		h.scope = evidence.HashOf(l.IDP.Raw)
	}
	switch {
	case e != nil && !e.Releases() && (u.Revoked || u.Old):
		x := s.lesson(h, u.Signer, src.URL, l.NextUpdate)
		x.Reason, x.RevokedAt, x.Hold, x.Old = "", e.Date, !e.Final(), u.Old
		if e.HasReason {
			x.Reason = e.Reason.String()
		}
		s.learn(x)
	case u.Answered && !u.Revoked && e == nil && !l.Delta():
		s.heard = append(s.heard, h)
	case u.Answered && !u.Revoked && e != nil && e.Releases():
		h.released = true
		s.heard = append(s.heard, h)
	}
}

// hearResponse notes what a response that is authentic says about the certificate.
func (s *inquiry) hearResponse(scheme policy.Scheme, res ocsp.Result) {
	if !res.Authentic || res.Signer == nil {
		return
	}
	a := res.Answer
	h := heard{scheme: scheme, signer: evidence.HashOf(res.Signer.RawSPKI), thisUpdate: a.ThisUpdate}
	switch {
	case res.Status == report.Revoked || res.Old:
		ends := a.NextUpdate
		if ends.IsZero() {
			ends = a.ThisUpdate.Add(ocsp.DefaultMaxAge)
		}
		x := s.lesson(h, res.Signer, a.URL, ends)
		x.Reason, x.RevokedAt, x.Hold, x.Old = a.Reason, a.RevokedAt, res.Hold, res.Old
		s.learn(x)
	case res.Status == report.Good:
		s.heard = append(s.heard, h)
	}
}

// lesson is an entry about the certificate without what was said about it.
func (s *inquiry) lesson(h heard, signer *cert.Certificate, url string, ends time.Time) evidence.Learnt {
	anchor := s.in.Path[len(s.in.Path)-1]
	l := evidence.Learnt{Issuer: bytes.Clone(s.cert.RawIssuer), IssuerKey: s.issuerKey, Serial: bytes.Clone(s.cert.Serial), Cert: s.cert.SHA256,
		Learnt: s.in.Time, Scheme: h.scheme, URL: url, SignerKey: h.signer, Anchor: evidence.HashOf(anchor.RawSPKI), Scope: h.scope, Number: h.number,
		ThisUpdate: h.thisUpdate, NextUpdate: ends}
	for _, c := range s.pathOf(signer) {
		l.Signer = append(l.Signer, c.SHA256)
	}
	return l
}

// learn adds an entry to the lessons. A hold ends with the statement, anything
// else with the certificate.
func (s *inquiry) learn(l evidence.Learnt) {
	if l.Until = s.cert.NotAfter; l.Hold {
		l.Until = l.NextUpdate
	}
	if l.Valid() != nil { // a certificate that cannot be named cannot be remembered
		return
	}
	var path []*cert.Certificate
	for _, h := range l.Signer {
		path = append(path, s.lessons.paths[h])
	}
	s.lessons.learn(l, path)
}

// lessonsOf are the lessons of one Judge, and the certificates of signers' paths.
type lessonsOf struct {
	Lessons
	paths map[evidence.Hash]*cert.Certificate
	via   map[evidence.Hash][]*cert.Certificate // by signer: the path by which it counts
}

// came notes by which path a signer counts that does not stand above the
// certificate itself.
func (s *inquiry) came(signer *cert.Certificate, path []*cert.Certificate) {
	if s.lessons.via == nil {
		s.lessons.via, s.lessons.paths = map[evidence.Hash][]*cert.Certificate{}, map[evidence.Hash]*cert.Certificate{}
	}
	s.lessons.via[signer.SHA256] = path
	for _, c := range path {
		s.lessons.paths[c.SHA256] = c
	}
}

// pathOf is the path of a signer to its anchor, nil when it stands above the
// certificate.
func (s *inquiry) pathOf(signer *cert.Certificate) []*cert.Certificate {
	if signer.SHA256 == s.issuer.SHA256 || slices.ContainsFunc(s.above, func(o *cert.Certificate) bool { return o.SHA256 == signer.SHA256 }) {
		return nil
	}
	return s.lessons.via[signer.SHA256]
}

// recall returns what the past says about the certificate, as answers. What a
// source at hand says itself is not repeated.
func (s *inquiry) recall() (out []answer) {
	about := s.past()
	atHand := slices.ContainsFunc(s.answers, func(a answer) bool { return a.status == report.Revoked })
	for i := range about {
		l := &about[i]
		newer := slices.IndexFunc(s.heard, func(h heard) bool { return h.follows(l) })
		switch {
		case atHand, s.lessons.has(l):
			continue
		case newer >= 0 && l.Hold, s.fromRevoked(l):
			s.lessons.Ended = append(s.lessons.Ended, *l)
			continue
		}
		a := answer{status: report.Revoked, shown: report.Answer{Scheme: l.Scheme, URL: l.URL, Status: report.Revoked, ThisUpdate: l.ThisUpdate, NextUpdate: l.NextUpdate,
			RevokedAt: l.RevokedAt, Reason: l.Reason, Cached: true, Learnt: l.Learnt, AgeSeconds: int64(s.in.Time.Sub(l.ThisUpdate) / time.Second), Detail: "learnt on " + finding.Time(l.Learnt) + " from " + from(l)}}
		var f finding.Finding
		switch {
		case newer >= 0:
			a.status = report.Unknown // more than a "good" of others
			f = finding.New(finding.RevocationWithdrawn, "source", l.Scheme.String(), "learnt", finding.Time(l.Learnt), "newer", finding.Time(s.heard[newer].thisUpdate))
		case l.Old:
			a.status = ""
			id := finding.OCSPStaleRevoked
			if l.Scheme == policy.CRL {
				id = finding.CRLStaleListed
			}
			f = finding.New(id, "source", l.Scheme.String(), "revoked-at", finding.Time(l.RevokedAt), "reason", reasonOf(l.Reason))
		}
		if f.ID != "" {
			if l.URL != "" {
				f = f.With("url", l.URL)
			}
			a.findings = append(a.findings, f)
		}
		a.shown.Status = a.status
		out = append(out, a)
	}
	return out
}

// past are the entries about the certificate that speak in this judgement.
func (s *inquiry) past() (out []evidence.Learnt) {
	in := s.in
	if in.Past.About == nil || s.issuer == nil {
		return nil
	}
	own := evidence.HashOf(in.Path[len(in.Path)-1].RawSPKI)
	anchored := func(key evidence.Hash) bool { return key == own || in.Past.Anchored != nil && in.Past.Anchored(key) }
	for _, l := range in.Past.About(s.cert, s.issuer) {
		if Speaks(&l, in.Policy, in.Time, anchored) {
			out = append(out, l)
		}
	}
	return out
}

// follows reports whether h comes from the source of l, after it: numbered lists
// go by their numbers, as an issuer may set its clock right.
func (h heard) follows(l *evidence.Learnt) bool {
	same := h.signer == l.SignerKey && h.scope == l.Scope && (h.scheme == policy.CRL) == (l.Scheme == policy.CRL) && (!h.released || l.Hold)
	if l.Number != nil && h.number != nil {
		return same && bytesAfter(h.number, l.Number)
	}
	return same && h.thisUpdate.After(l.ThisUpdate)
}

// bytesAfter reports whether one non-negative INTEGER is greater than another,
// by their contents.
func bytesAfter(a, b []byte) bool {
	a, b = bytes.TrimLeft(a, "\x00"), bytes.TrimLeft(b, "\x00")
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return bytes.Compare(a, b) > 0
}

// fromRevoked reports whether one of those is known to be revoked by whose
// authority an entry was signed: then it is worth nothing. Of whom nothing is
// known may revoke.
func (s *inquiry) fromRevoked(l *evidence.Learnt) bool {
	if len(l.Signer) == 0 || s.in.Past.Signer == nil {
		return false
	}
	var path []*cert.Certificate
	for _, h := range l.Signer {
		c := s.in.Past.Signer(h)
		if c == nil {
			return false
		}
		path = append(path, c)
	}
	return s.along(path).standing == withdrawn
}

// from says for people where an entry comes from.
func from(l *evidence.Learnt) string {
	switch l.Scheme {
	case policy.Staple:
		return "the staple of an earlier connection"
	case policy.CRL:
		return "a list that an earlier judgement had"
	case policy.CRLite:
		return "a CRLite filter that an earlier judgement had"
	}
	return "a response that an earlier judgement had"
}

func reasonOf(reason string) string {
	if reason == "" {
		return "not given"
	}
	return reason
}
