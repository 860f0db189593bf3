package ocsp

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// DefaultMaxAge bounds the age of a response that does not say when it ends.
const DefaultMaxAge = 10 * 24 * time.Hour

// minRSABits is the key size below which a signature is called weak.
const minRSABits = 2048

// Query says for whom and when a response is judged.
type Query struct {
	Cert   *cert.Certificate // the certificate in question
	Issuer *cert.Certificate // who issued it, on the path that is judged

	Time   time.Time     // the moment to judge for
	Skew   time.Duration // by how much clocks may differ, in both directions
	MaxAge time.Duration // upper bound on thisUpdate's age; 0 = DefaultMaxAge where nextUpdate is absent, else none
	Stale  policy.Stale  // what an answer past its time is worth
	Strict bool          // let no response say good that breaks a rule of encoding, see [Response.Strict]

	// MinRSA is the least RSA modulus, in bits, that may sign a response; 0 means
	// that less than 2048 bits are a warning. A SecurityLevel asks for more of keys,
	// and of hashes.
	MinRSA        int
	SecurityLevel policy.SecurityLevel

	Nonce        []byte // sent with the request, nil = none
	RequireNonce bool   // let no response say good that does not return Nonce; not for a staple

	Memo *cert.Memo // may be nil

	Source policy.Scheme // how the response came: policy.Staple or policy.OCSP
	URL    string        // "" for a staple

	// Delegate returns the revocation status of a responder's own certificate, which
	// Issuer signed. If it is Good, the response counts. If it is Revoked, the
	// response is not used. If it is Unknown, the response can say "revoked" and not
	// "good". A finding that Delegate returns is reported in place of the usual one.
	// If Delegate is nil, the status is not known.
	Delegate func(d *cert.Certificate) (report.Status, *finding.Finding)
}

// Result is what one response says about one certificate.
type Result struct {
	// Status is Good, Revoked, Unknown (a signed, fresh "unknown"), or "" when
	// the response gives no information; then a finding says why.
	Status report.Status
	Answer report.Answer

	// Findings are the defects of the response. That the certificate is
	// revoked is not among them: Status says it, and the combination of all
	// sources reports it once.
	Findings []finding.Finding

	// Authentic is set when a responder that may speak about the certificate has
	// signed an answer about it, whatever else is wrong with that.
	Authentic bool

	// Signer is who signed it: the issuer or its delegate; nil unless Authentic.
	Signer *cert.Certificate

	// Hold is set when what it says is that the certificate is on hold. Old is set
	// when it says that it is revoked for good, and is past its time.
	Hold, Old bool

	// Fresh is set when the answer is authentic and within its time; an answer
	// that counts only because Query.Stale allows it is not fresh.
	Fresh bool

	// Withheld is what an authentic and fresh answer says that does not count
	// only because its signer may be revoked; "" otherwise.
	Withheld report.Status

	// SCTList is from an authentic answer that says good, outer length included. An
	// answer that does not count because its signer may be revoked has one too.
	SCTList []byte

	// Expires is when the answer stops counting; zero without one.
	Expires time.Time
}

// Check judges response. It verifies at most a handful of signatures.
func Check(q Query, response []byte) Result {
	c := check{q: q}
	c.res.Answer = report.Answer{Scheme: q.Source, URL: q.URL}
	c.run(Parse(response))
	if c.res.Status == "" && c.res.Answer.Detail == "" {
		for _, f := range c.res.Findings {
			if f.Severity > finding.Warning {
				c.res.Answer.Detail = f.Title()
				break
			}
		}
	}
	return c.res
}

type check struct {
	q      Query
	res    Result
	sigs   int
	signer *cert.Certificate // the delegate, nil when the issuer signed
}

// add records a finding with where it came from.
func (c *check) add(id finding.ID, kv ...string) {
	c.addFinding(finding.New(id, kv...))
}

func (c *check) addFinding(f finding.Finding) {
	f = f.With("source", c.q.Source.String())
	if c.q.URL != "" {
		f = f.With("url", c.q.URL)
	}
	c.res.Findings = append(c.res.Findings, f)
}

func (c *check) run(r *Response) {
	found := r.Findings
	if c.q.Strict {
		found = r.StrictFindings()
	}
	for _, f := range found {
		c.addFinding(f)
	}
	if !r.usable() {
		return
	}
	if r.Status != Successful {
		c.errorStatus(r.Status)
		return
	}
	c.res.Answer.ProducedAt = r.ProducedAt
	singles := c.matching(r)
	if singles == nil {
		return
	}
	if !c.authentic(r) {
		return
	}
	c.res.Authentic, c.res.Signer = true, c.q.Issuer
	if c.signer != nil {
		c.res.Signer = c.signer
	}
	// From here on the answer is the responder's own word. What follows may
	// make it unusable, but all of it is said.
	worst := c.worst(singles)
	ans := &c.res.Answer
	ans.ThisUpdate, ans.NextUpdate = worst.ThisUpdate, worst.NextUpdate
	ans.RevokedAt, ans.Reason = worst.RevokedAt, worst.ReasonName()
	c.res.Hold = worst.Status == Revoked && (worst.Reason == certificateHold || worst.Reason == removeFromCRL)
	ans.AgeSeconds = int64(c.q.Time.Sub(worst.ThisUpdate) / time.Second)
	usable, replayed := c.nonce(r)
	understood := c.critical(r.Extensions) && c.critical(worst.Extensions)
	slipped := c.q.Strict && len(r.Strict()) > 0
	fresh, counts := c.times(r, worst)
	signer := c.delegateStatus()
	c.res.Old = c.res.Old && signer != report.Revoked
	if !usable || !counts || signer == report.Revoked {
		return
	}
	// What only casts doubt on an answer takes "good" away from it, and never
	// "revoked".
	if worst.Status != Revoked && (!understood || slipped || replayed || signer != report.Good) {
		if understood && worst.Status == Good {
			c.res.SCTList = worst.SCTList // authentic, and logs vouch for SCTs themselves
		}
		if understood && !slipped && !replayed && fresh {
			c.res.Withheld = [...]report.Status{Good: report.Good, Unknown: report.Unknown}[worst.Status]
		}
		return
	}
	c.res.Fresh = fresh
	c.res.Expires = c.expires(worst)
	switch worst.Status {
	case Good:
		c.res.Status = report.Good
		c.res.SCTList = worst.SCTList
	case Revoked:
		c.res.Status = report.Revoked
	default:
		c.res.Status = report.Unknown
		ans.Detail = "the responder does not know the certificate"
		c.add(finding.OCSPStatusUnknown)
	}
	ans.Status = c.res.Status
}

func (c *check) errorStatus(s Status) {
	c.res.Answer.Detail = "the responder answered " + s.String()
	switch {
	case c.q.Source == policy.Staple:
		c.add(finding.StapleErrorStatus, "status", s.String())
	case s == TryLater || s == InternalError:
		c.add(finding.OCSPTryLater, "status", s.String())
	default:
		c.add(finding.OCSPErrorStatus, "status", s.String())
	}
}

// matching returns the answers whose CertID names the certificate in all four
// fields, or nil after saying why there is none.
func (c *check) matching(r *Response) []*Single {
	other := func(detail string) []*Single {
		c.add(finding.OCSPOtherCertificate, "detail", detail)
		return nil
	}
	if !named(c.q.Cert, c.q.Issuer) || c.q.Cert.Issuer.Canon != c.q.Issuer.Subject.Canon {
		return other("its issuer is not the one it is judged under")
	}
	var cache idHashes
	var out []*Single
	detail := "it holds no answers"
	for i := range r.Singles {
		s := &r.Singles[i]
		if why := cache.mismatch(c.q.Cert, c.q.Issuer, s.CertID); why != "" {
			if out == nil && len(r.Singles) == 1 {
				detail = why
			} else {
				detail = "none of its " + strconv.Itoa(len(r.Singles)) + " answers matches"
			}
			continue
		}
		out = append(out, s)
	}
	if out == nil {
		return other(detail)
	}
	return out
}

// Matches reports whether id names c, as issued by issuer, in all four fields.
func (id CertID) Matches(c, issuer *cert.Certificate) bool {
	if !named(c, issuer) {
		return false
	}
	var h idHashes
	return h.mismatch(c, issuer, id) == ""
}

// SameSerial reports whether two identifications name the same serial number,
// whatever they say of the issuer and however the INTEGER is padded.
func (id CertID) SameSerial(other CertID) bool { return equalInteger(id.Serial, other.Serial) }

// named reports whether there are a certificate and an issuer to speak of.
func named(c, issuer *cert.Certificate) bool {
	return c != nil && issuer != nil && issuer.Key != nil && len(c.Serial) > 0
}

// idHashes holds the hashes of the issuer's name and key, each computed once.
type idHashes [4]struct{ name, alt, key []byte }

func (h *idHashes) mismatch(c, issuer *cert.Certificate, id CertID) string {
	if !equalInteger(id.Serial, c.Serial) {
		return "it is about serial number " + hex.EncodeToString(id.Serial)
	}
	n := slices.IndexFunc(hashes[:], func(row hashRow) bool { return row.hash == id.Hash && id.Hash != 0 })
	if n < 0 {
		return "it names the issuer by the hash algorithm " + id.HashOID + ", which assay does not know"
	}
	e := &h[n]
	if e.name == nil {
		e.name, e.key = digest(id.Hash, c.RawIssuer), digest(id.Hash, issuer.Key.KeyBits)
		e.alt = e.name
		if !bytes.Equal(c.RawIssuer, issuer.RawSubject) {
			e.alt = digest(id.Hash, issuer.RawSubject)
		}
	}
	if !bytes.Equal(id.IssuerNameHash, e.name) && !bytes.Equal(id.IssuerNameHash, e.alt) {
		return "it names another issuer"
	}
	if !bytes.Equal(id.IssuerKeyHash, e.key) {
		return "it names another key of the issuer"
	}
	return ""
}

func digest(h crypto.Hash, b []byte) []byte {
	if h == crypto.SHA1 {
		s := sha1.Sum(b)
		return s[:]
	}
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

// equalInteger compares the contents of two INTEGERs by value, sign included.
func equalInteger(a, b []byte) bool {
	return len(a) > 0 && len(b) > 0 && bytes.Equal(trimInteger(a), trimInteger(b))
}

func trimInteger(b []byte) []byte {
	for len(b) > 1 && (b[0] == 0 && b[1]&0x80 == 0 || b[0] == 0xff && b[1]&0x80 != 0) {
		b = b[1:]
	}
	return b
}

// worst returns the strictest of several answers: revoked, then unknown, then
// good; of equal ones the newest.
func (c *check) worst(singles []*Single) *Single {
	rank := [...]int{Good: 0, Unknown: 1, Revoked: 2}
	w := singles[0]
	differ := false
	for _, s := range singles[1:] {
		differ = differ || s.Status != w.Status
		if rank[s.Status] > rank[w.Status] || s.Status == w.Status && s.ThisUpdate.After(w.ThisUpdate) {
			w = s
		}
	}
	if differ {
		var detail []byte
		for i, s := range singles {
			if i == 4 {
				detail = append(detail, ", …"...)
				break
			}
			if i > 0 {
				detail = append(detail, ", "...)
			}
			detail = append(detail, s.Status.String()...)
		}
		c.add(finding.OCSPStatusesDiffer, "detail", string(detail))
	}
	return w
}

// nonce reports whether the response's nonce lets it count, and whether it may
// have been made for another request: another nonce than was sent makes it
// worthless, none at all is usual and in doubt only where one is required.
func (c *check) nonce(r *Response) (usable, doubtful bool) {
	required := c.q.RequireNonce && c.q.Source != policy.Staple
	switch {
	case c.q.Nonce != nil && r.Nonce != nil && !bytes.Equal(r.Nonce, c.q.Nonce):
		c.add(finding.OCSPNonceMismatch)
		return false, true
	case required && (c.q.Nonce == nil || r.Nonce == nil):
		c.add(finding.OCSPNonceRequired)
		return true, true
	case c.q.Nonce != nil && r.Nonce == nil:
		c.add(finding.OCSPNonceAbsent)
	}
	return true, false
}

func (c *check) critical(exts []cert.Extension) bool {
	ok := true
	for _, x := range exts {
		if x.Critical && !x.Known {
			c.add(finding.OCSPCriticalExtension, "oid", x.OID)
			ok = false
		}
	}
	return ok
}

// times reports whether the answer is within its time, and whether it counts:
// an answer past its time counts where the policy says so, no other flaw of
// its times is forgiven.
func (c *check) times(r *Response, s *Single) (fresh, counts bool) {
	now, skew := c.q.Time, c.q.Skew
	counts = true
	bad := func(id finding.ID, kv ...string) {
		c.add(id, kv...)
		counts = false
	}
	switch {
	case s.ThisUpdate.After(now.Add(skew)):
		bad(finding.OCSPNotYetValid, "this-update", finding.Time(s.ThisUpdate))
	case r.ProducedAt.After(now.Add(skew)):
		bad(finding.OCSPNotYetValid, "this-update", finding.Time(r.ProducedAt))
	}
	switch {
	case !s.NextUpdate.IsZero() && s.NextUpdate.Before(s.ThisUpdate):
		bad(finding.OCSPTimesInvalid, "detail", "nextUpdate is before thisUpdate")
	case r.ProducedAt.Before(c.q.Cert.NotBefore.Add(-skew)): // an unreadable notBefore is zero: nothing is before it
		bad(finding.OCSPTimesInvalid, "detail", "it was produced on "+finding.Time(r.ProducedAt)+", before the certificate's start date (notBefore)")
	case !c.q.Cert.NotAfter.IsZero() && r.ProducedAt.After(c.q.Cert.NotAfter.Add(skew)):
		bad(finding.OCSPTimesInvalid, "detail", "it was produced on "+finding.Time(r.ProducedAt)+", after the certificate's notAfter")
	}
	if !counts {
		return false, false
	}
	fresh = true
	old := func(f finding.Finding) {
		fresh = false
		switch c.q.Stale {
		case policy.StaleAllow:
			f = f.Graded(finding.Info, "--stale allow")
		case policy.StaleWarn:
			f = f.Graded(finding.Warning, "--stale warn")
		default:
			counts = false
			if s.Status == Revoked && s.Reason != certificateHold && s.Reason != removeFromCRL {
				c.res.Old = true
				c.add(finding.OCSPStaleRevoked, "revoked-at", finding.Time(s.RevokedAt), "reason", reasonText(s))
			}
		}
		c.addFinding(f)
	}
	if !s.NextUpdate.IsZero() && s.NextUpdate.Before(now.Add(-skew)) {
		old(finding.New(finding.OCSPStale, "next-update", finding.Time(s.NextUpdate), "status", s.Status.String()))
	} else if limit := c.maxAge(s); limit > 0 && s.ThisUpdate.Add(limit).Before(now.Add(-skew)) {
		old(finding.New(finding.OCSPTooOld, "this-update", finding.Time(s.ThisUpdate), "max-age", finding.Duration(limit), "status", s.Status.String()))
	}
	return fresh, counts
}

func (c *check) maxAge(s *Single) time.Duration {
	if c.q.MaxAge <= 0 && s.NextUpdate.IsZero() {
		return DefaultMaxAge
	}
	return c.q.MaxAge
}

func (c *check) expires(s *Single) time.Time {
	t := s.NextUpdate
	earlier := func(u time.Time) {
		if t.IsZero() || u.Before(t) {
			t = u
		}
	}
	if limit := c.maxAge(s); limit > 0 {
		earlier(s.ThisUpdate.Add(limit))
	}
	if c.signer != nil {
		earlier(c.signer.NotAfter)
	}
	return t
}

func reasonText(s *Single) string {
	if n := s.ReasonName(); n != "" {
		return n
	}
	return "not given"
}
