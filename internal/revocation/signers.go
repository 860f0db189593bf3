package revocation

import (
	"crypto/sha256"
	"slices"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// maxSignerDepth bounds the signers of lists about signers: those of a
// certificate on the path are at depth 1.
const maxSignerDepth = 2

// maxSignerPaths bounds the paths of one signer that are judged.
const maxSignerPaths = 4

// standing is what is known of the certificates with which somebody signs in
// an issuer's name: the signer's own and those above it. The greater is the
// better.
type standing int

const (
	unanchored   standing = iota // no valid path to the anchor
	withdrawn                    // one of them is revoked
	undetermined                 // what was said about one of them is no answer
	unavailable                  // nobody has been asked about one of them, or nobody could be
	unlisted                     // there is nobody to ask about one of them
	sound
)

// signer is a standing and the reason for it.
type signer struct {
	standing standing
	detail   string // why it is neither sound nor withdrawn
	needs    []Need
}

// signerKey names the judgement of one certificate at one depth: what is known
// of it depends on how many more signers may follow.
type signerKey struct {
	cert  [32]byte
	depth int
}

// listSigner tells crl.Check about a certificate off the path that signed a list.
func (s *inquiry) listSigner(c *cert.Certificate) (report.Status, *finding.Finding) {
	var best signer
	if s.in.Signers != nil {
		for n, path := range s.in.Signers(c) {
			if n == maxSignerPaths {
				break
			}
			if st := s.along(path); st.standing > best.standing {
				best = st
				s.came(c, path)
			}
			if best.standing == sound {
				break
			}
		}
	}
	s.extra = append(s.extra, best.needs...)
	return best.verdict(s.in.Policy, finding.CRLIssuerUnchecked, finding.CRLIssuerUndetermined, "signer", c)
}

// delegate tells ocsp.Check about a certificate of the issuer that signed a
// response. What is above it is the path of the certificate in question.
func (s *inquiry) delegate(d *cert.Certificate) (report.Status, *finding.Finding) {
	st := s.signer(d, s.issuer, s.above)
	s.extra = append(s.extra, st.needs...)
	s.unasked = st.standing == unavailable
	s.came(d, slices.Concat([]*cert.Certificate{d, s.issuer}, s.above))
	return st.verdict(s.in.Policy, finding.OCSPResponderUnchecked, finding.OCSPResponderUndetermined, "responder", d)
}

// verdict is what the judges make of a signer's standing.
func (g signer) verdict(p policy.Policy, unchecked, unsure finding.ID, role string, c *cert.Certificate) (report.Status, *finding.Finding) {
	id := unchecked
	switch g.standing {
	case sound:
		return report.Good, nil
	case withdrawn:
		return report.Revoked, nil
	case unanchored:
		return "", nil
	case undetermined:
		id = unsure
	}
	f := finding.New(id, role, c.Subject.String(), "detail", g.detail)
	if g.standing == unlisted && p.Unknown != policy.UnknownDeny {
		f = f.Graded(finding.Warning, "there is no source to ask")
		return report.Good, &f
	}
	return report.Unknown, &f
}

// along judges every certificate of a signer's path but the anchor, and those
// that are judged already because they stand on the path itself.
func (s *inquiry) along(path []*cert.Certificate) signer {
	worst := signer{standing: sound}
	for i, c := range path[:max(len(path)-1, 0)] {
		if slices.ContainsFunc(s.in.Path, func(o *cert.Certificate) bool { return o.SHA256 == c.SHA256 }) {
			continue
		}
		st := s.signer(c, path[i+1], path[i+2:])
		st.needs = append(worst.needs, st.needs...)
		if st.standing >= worst.standing {
			worst.needs = st.needs
			continue
		}
		worst = st
	}
	return worst
}

// signer judges one certificate of a signer's path by the sources at hand.
func (s *inquiry) signer(c, issuer *cert.Certificate, above []*cert.Certificate) signer {
	if i := slices.IndexFunc(s.chain, func(o *cert.Certificate) bool { return o.SHA256 == c.SHA256 }); i >= 0 {
		if i == len(s.chain)-1 && namesItself(c) {
			s.itself = true
			return signer{standing: unlisted, detail: ownList}
		}
		return signer{standing: undetermined, detail: "it vouches for itself"}
	}
	if len(s.chain) == maxSignerDepth {
		return signer{standing: undetermined, detail: "too many signers vouch for each other"}
	}
	key := signerKey{c.SHA256, len(s.chain) + 1}
	st, known := s.known[key]
	if !known {
		q := inquiry{in: s.in, ctx: s.ctx, at: s.at, cert: c, issuer: issuer, above: above, offered: offeredTo(s.in, c, issuer), used: s.used,
			issuerKey: sha256.Sum256(issuer.RawSPKI), stapledSCTs: s.stapledSCTs, fetchedSCTs: s.fetchedSCTs, known: s.known, files: s.files, lessons: s.lessons, chain: append(slices.Clone(s.chain), c)}
		st = q.asSigner()
		s.known[key] = st
	}
	return st
}

// ownList is why nobody can be asked about a CRL issuer that names itself.
const ownList = "its certificate names its own list and no other"

// namesItself reports whether every distribution point of a CRL issuer's
// certificate names that CRL issuer: whoever certified it left it to itself
// (PKITS 4.14.30), as with a certificate that names nobody.
func namesItself(c *cert.Certificate) bool {
	for _, p := range c.CRLPoints {
		if !slices.ContainsFunc(p.CRLIssuer, func(g cert.GeneralName) bool { return g.Type == cert.DirectoryName && g.Dir.Canon == c.Subject.Canon }) {
			return false
		}
	}
	return len(c.CRLPoints) > 0 && len(c.OCSPServers) == 0
}

// asSigner judges a certificate with which somebody signs. Lists at hand that
// are about it count wherever they are from; only when they say nothing it is
// asked for at the places that it names itself, for a list first.
func (s *inquiry) asSigner() signer {
	s.ptr = pointersOf(s.cert)
	if s.ctx.Err() != nil {
		return signer{standing: undetermined, detail: "the time for the judgement ran out"}
	}
	known, ok := s.atHand()
	if ok && known.standing == withdrawn {
		return known
	}
	if past := s.recall(); decide(past) >= 0 && past[decide(past)].status == report.Revoked {
		return signer{standing: withdrawn}
	} else if len(past) > 0 {
		return signer{standing: undetermined, detail: past[0].findings[0].Title()}
	}
	if ok {
		return known
	}
	if exempt, _ := s.exempt(); exempt != "" || s.cert.OCSPNoCheck && !s.cert.CA {
		return signer{standing: sound}
	}
	needs := s.askCRL()
	if len(needs) == 0 && !definitive(s.answers) {
		needs = s.askOCSP()
	}
	needs = append(needs, s.extra...)
	d := decide(s.answers)
	switch {
	case d >= 0 && s.answers[d].status == report.Revoked:
		return signer{standing: withdrawn}
	case d >= 0 && s.answers[d].status == report.Good && s.itself:
		return signer{standing: unlisted, detail: ownList}
	case d >= 0 && s.answers[d].status == report.Good:
		return signer{standing: sound}
	case d >= 0:
		return signer{undetermined, "its responder does not know it", needs}
	case !s.ptr.any && len(s.answers) == 0:
		return signer{unlisted, "its certificate names no list and no responder", nil}
	}
	if why := s.defect(); why != "" {
		return signer{undetermined, why, needs}
	}
	detail := "nobody has been asked yet"
	for _, a := range s.answers {
		if a.shown.Detail != "" {
			detail = a.shown.Detail
		}
	}
	return signer{unavailable, detail, needs}
}

// atHand asks every list that is at hand and about the certificate, whoever
// wanted or gave it. Only what such a list says for certain counts: that it gives no
// answer is no fault of the certificate's.
func (s *inquiry) atHand() (signer, bool) {
	var sources []crl.Source
	var at []int
	for k := range s.in.Artefacts {
		a := &s.in.Artefacts[k]
		if a.Kind == KindOCSP || a.Failure != "" || !a.isFor(s.issuerKey) {
			continue
		}
		if l, err := a.parsed(s.ctx); err == nil && l.Covers(s.cert) {
			sources, at = append(sources, crl.Source{List: l, URL: a.URL, Point: -1, Cached: a.Cached, Fetched: a.Fetched}), append(at, k)
		}
	}
	for n, l := range s.in.Offered {
		if l.Covers(s.cert) {
			sources, at = append(sources, crl.Source{List: l, Point: -1}), append(at, fileAt(n))
		}
	}
	if len(sources) == 0 {
		return signer{}, false
	}
	res := crl.Check(s.ctx, s.query(sources))
	for n, u := range res.Used {
		s.hearList(sources[n], res, u)
		if use := useOfList(res, u); use.Outcome != Useless {
			s.noteUse(at[n], use, "")
		}
	}
	switch res.Status {
	case report.Revoked:
		return signer{standing: withdrawn}, true
	case report.Good:
		if s.itself {
			return signer{standing: unlisted, detail: ownList}, true
		}
		return signer{standing: sound}, true
	}
	for _, f := range res.Findings {
		if f.ID == finding.CRLStaleListed {
			return signer{standing: undetermined, detail: f.Title()}, true
		}
	}
	return signer{}, false
}

// offeredTo are the indexes of the responses from files that are about c.
func offeredTo(in *Input, c, issuer *cert.Certificate) (out []int) {
	for n, body := range in.OfferedOCSP {
		if n == maxOffered {
			break
		}
		r := ocsp.Parse(body)
		if slices.ContainsFunc(r.Singles, func(x ocsp.Single) bool { return x.CertID.Matches(c, issuer) }) {
			out = append(out, n)
		}
	}
	return out
}
