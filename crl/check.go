package crl

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Source is a list and where it came from.
type Source struct {
	List    *List     // complete or delta
	URL     string    // where it came from
	Point   int       // index in the certificate's CRLPoints; -1 when not known (a file)
	Cached  bool      // not downloaded for this judgement
	Fetched time.Time // when, UTC
	// Awaited says that a later edition is on its way: past its end the list counts
	// as not had yet, unless it lists the certificate.
	Awaited bool
}

// Query asks about one certificate.
type Query struct {
	Cert   *cert.Certificate // whose status is wanted
	Issuer *cert.Certificate // the next certificate on the path

	// Above are the certificates above Issuer on the path, the anchor last;
	// empty when Issuer is the anchor.
	Above []*cert.Certificate

	Time time.Time     // the moment to judge for
	Skew time.Duration // tolerated around thisUpdate and nextUpdate

	// MaxAge bounds the age of thisUpdate; 0 means that nextUpdate alone
	// bounds it, and a list without nextUpdate is treated as stale.
	MaxAge time.Duration
	Stale  policy.Stale // what a list past its time is worth

	// Strict lets no list say good that departs from RFC 5280's profile, see
	// [List.Strict]. What it revokes is revoked all the same.
	Strict bool

	// MinRSA is the least RSA modulus, in bits, that may sign a list; 0 means
	// 2048, unless SecurityLevel says what is asked of keys and hashes.
	MinRSA        int
	SecurityLevel policy.SecurityLevel

	Sources []Source // the lists at hand

	// OtherKey lets lists count that are signed with another key of the issuer's
	// name than the one that issued Cert: the relying party knows that its
	// authority changed its key and speaks with the new one for both.
	OtherKey bool

	// Pool holds certificates of possible signers that are not on the path. Signer
	// returns the status of one of them. If it is Good, the signer has a valid path to
	// the path's anchor and its CRLs count. If it is Revoked, its CRLs are not used. If
	// it is Unknown, they can say "revoked" and not "good". "" means that there is no
	// such path. Signer must not check that path for a server's name. A finding that
	// Signer returns is reported in place of the usual one. A nil Signer trusts none.
	Pool   []*cert.Certificate
	Signer func(c *cert.Certificate) (report.Status, *finding.Finding)
	Memo   *cert.Memo
}

// Result is the answer.
type Result struct {
	Status  report.Status   // Good, Revoked or Unknown
	Answers []report.Answer // one for each list
	Used    []Use           // what became of each of Query.Sources, in their order

	// Findings are the defects of the lists, each with "source" and "url".
	// When the status could be had all the same they are warnings. That the
	// certificate is revoked is not among them: Status and Answers say it, and
	// the combination of all sources reports it once.
	Findings []finding.Finding

	Needs   []Need    // what would have helped; empty when nothing would
	Issuers []string  // where lists say that the certificate of their signer can be had, which is not at hand
	Expires time.Time // until when Status may be reused; zero when Unknown
}

// Use is what became of one source.
type Use struct {
	Answer int // index in Result.Answers; -1 for a list about other certificates altogether

	// Authentic is set when it is in scope and somebody signed it who may speak
	// about the certificate, whatever else is wrong with it.
	Authentic bool

	// Answered is set when the list is authentic, current and in scope and
	// spoke, alone or together with others, about the certificate; Revoked when
	// it said that it is revoked.
	Answered, Revoked bool

	// Signer is whose key signed it, nil unless Authentic. Entry is what lists the
	// certificate, nil when nothing does or the list is not Authentic. Old is set
	// when that is a revocation for good and the list is past its time.
	Signer *cert.Certificate
	Entry  *Entry
	Old    bool
}

// Final reports whether the entry cannot be taken back: it is neither a hold nor
// the end of one.
func (e *Entry) Final() bool { return !e.held() }

// Releases reports whether the entry ends a hold (RFC 5280, 5.3.1: removeFromCRL).
func (e *Entry) Releases() bool { return e.HasReason && e.Reason == RemoveFromCRL }

// Need names a delta CRL that would improve the result. To provide it, add a Source
// with this URL. It is a freshest CRL (RFC 5280, 4.2.1.15 and 5.2.6).
type Need struct {
	URL   string // where from
	Point int    // index in the certificate's CRLPoints of the complete list; -1 when not known
}

// maxSources bounds the lists that are judged for one certificate.
const maxSources = 256

// judge is the state of one Check.
type judge struct {
	ctx context.Context
	q   Query
	res Result

	signatures int  // verified so far
	final      bool // an entry revokes that is no hold
}

// judged is what one source came to.
type judged struct {
	Source
	answer  *report.Answer
	signer  *cert.Certificate
	leave   string       // why the signer may say "good" though the issuer's own key did not sign; "" when it did
	reasons cert.Reasons // covered
	entry   *Entry       // that lists the certificate
	sound   bool         // may say "good"
}

// Check determines the status of q.Cert from the CRLs in q.Sources by RFC 5280,
// 6.3.3. A CRL that is stale, not authentic, or not about the certificate gives no
// status. A CRL with a defect that leaves it authentic, current and in scope, such
// as an unknown critical extension, can say "revoked" and not "good". The same is
// true of a CRL that was signed with another key of the issuer than the key that
// issued the certificate, unless the certificates say that this other key signs the
// issuer's CRLs (RFC 5280, 5.2.1, 6.3.3 (f) and 8). If a CRL's signer is not on the
// path, q.Signer says whether the CRL is used.
func Check(ctx context.Context, q Query) Result {
	return (&judge{q: q}).check(ctx)
}

func (j *judge) check(ctx context.Context) Result {
	q := j.q
	j.ctx = ctx
	j.res.Status = report.Unknown
	j.res.Used = make([]Use, len(q.Sources))
	for i := range j.res.Used {
		j.res.Used[i].Answer = -1
	}
	if q.Cert == nil || q.Issuer == nil {
		j.res.Findings = append(j.res.Findings, finding.New(finding.InternalError, "what", "the lists", "detail", "there is no certificate or no issuer to judge them for"))
		return j.res
	}
	if len(q.Sources) > maxSources {
		j.res.Findings = append(j.res.Findings, finding.New(finding.CRLBudget, "source", "crl", "detail", fmt.Sprintf("%d lists, the limit is %d", len(q.Sources), maxSources)))
		return j.res
	}
	var complete, deltas []*judged
	j.res.Answers = make([]report.Answer, 0, len(q.Sources))
	for i, s := range q.Sources {
		if ctx.Err() != nil {
			j.res.Findings = append(j.res.Findings, finding.New(finding.CRLBudget, "source", "crl", "detail", "the time was up: "+ctx.Err().Error()))
			return j.res
		}
		switch d := j.source(i, s); {
		case d == nil:
		case s.List.Delta():
			deltas = append(deltas, d)
		default:
			complete = append(complete, d)
		}
	}
	j.combine(complete, deltas)
	j.used()
	j.needs(complete)
	j.grade()
	return j.res
}

// used notes which sources answered.
func (j *judge) used() {
	for i := range j.res.Used {
		u := &j.res.Used[i]
		if u.Answer < 0 {
			continue
		}
		a := j.res.Answers[u.Answer]
		u.Revoked = a.Status == report.Revoked
		u.Answered = u.Revoked || a.Status == report.Good || a.Partial
	}
}

// source judges one list, the i-th, by itself. It returns nil for one that
// gives no information, after reporting why.
func (j *judge) source(i int, s Source) *judged {
	l := s.List
	if l == nil {
		return nil
	}
	where := scopeOf(l, j.q.Cert)
	if where.why != nil && where.why.ID == finding.CRLOtherIssuer && s.URL == "" {
		return nil // one of many files, and about other certificates
	}
	d := &judged{Source: s, reasons: where.reasons, sound: true}
	j.res.Answers = append(j.res.Answers, report.Answer{Scheme: policy.CRL, URL: s.URL, ThisUpdate: l.ThisUpdate, NextUpdate: l.NextUpdate,
		Cached: s.Cached, AgeSeconds: int64(j.q.Time.Sub(l.ThisUpdate) / time.Second)})
	d.answer = &j.res.Answers[len(j.res.Answers)-1]
	j.res.Used[i].Answer = len(j.res.Answers) - 1
	found := l.Findings
	if j.q.Strict {
		found = l.StrictFindings()
	}
	for _, f := range found {
		j.add(d, f)
		if f.Severity >= finding.Inconclusive {
			d.sound = false
			d.answer.Detail = f.Title()
		}
	}
	if where.why != nil {
		return j.useless(d, *where.why)
	}
	if hasFinding(l, finding.CRLScopeContradictory) {
		return nil
	}
	by, why := j.signer(l)
	if why != nil {
		if why.ID == finding.CRLIssuerUnknown || why.ID == finding.CRLSignatureInvalid {
			j.issuers(l)
		}
		return j.useless(d, *why)
	}
	used := &j.res.Used[i]
	used.Authentic, used.Signer = true, by.cert
	d.signer, d.leave = by.cert, leaves[by.right]
	d.answer.Signer = by.cert.Subject.String()
	if by.note != nil {
		j.add(d, *by.note)
	}
	if by.status != report.Good {
		d.sound = false
		d.answer.Detail = by.note.Title()
	}
	if by.right == otherKey {
		j.otherKey(d)
	}
	if l.Algorithm.Weak != "" {
		j.add(d, finding.New(finding.CRLHashWeak, "algorithm", l.Algorithm.Name))
	}
	if !l.Algorithm.ParamsOK {
		j.add(d, finding.New(finding.CRLProfile, "detail", "the signature algorithm has wrong parameters"))
	}
	if err := j.lookup(d); err != nil {
		e, ok := err.(*Error)
		if !ok {
			e = &Error{ID: finding.CRLUnreadable, Reason: err.Error()}
		}
		return j.useless(d, e.Finding())
	}
	used.Entry = d.entry
	if why := j.times(d); why != nil {
		e := d.entry
		used.Old = e != nil && !e.held() && (why.ID == finding.CRLStale || why.ID == finding.CRLTooOld || why.ID == finding.CRLNoNextUpdate)
		if s.Awaited && !used.Old && why.ID == finding.CRLStale {
			f := finding.New(finding.RevocationNotFetched)
			d.answer.Detail = f.With("source", "crl").With("url", s.URL).Title()
			j.add(d, f)
			return nil
		}
		j.useless(d, *why)
		if used.Old {
			j.add(d, finding.New(finding.CRLStaleListed, "revoked-at", finding.Time(e.Date), "reason", e.reason()))
		}
		return nil
	}
	return d
}

// issuers notes where the certificate of l's signer can be had: none at hand is.
func (j *judge) issuers(l *List) {
	for _, u := range l.CAIssuers() {
		if len(j.res.Issuers) < maxNeeds && !slices.Contains(j.res.Issuers, u) {
			j.res.Issuers = append(j.res.Issuers, u)
		}
	}
}

// otherKey takes "good" away from a list that another key of the issuer's name
// signed. An authority that gets a new key has two keys of one name, and often a
// list for each: absence from the one says nothing about certificates of the other.
func (j *judge) otherKey(d *judged) {
	f := finding.New(finding.CRLOtherKey, "signer", d.answer.Signer)
	if j.q.OtherKey {
		j.add(d, f.Graded(finding.Warning, "allow"))
		return
	}
	d.sound = false
	d.answer.Detail = f.Title()
	j.add(d, f)
}

// lookup finds the entry that lists the certificate; of several the worst.
func (j *judge) lookup(d *judged) error {
	l := d.List
	return l.Lookup(j.q.Cert.Serial, func(e Entry) bool {
		about := sameName(l.Issuer, j.q.Cert.Issuer)
		if e.Issuer != nil {
			about = names0(e.Issuer, j.q.Cert.Issuer)
		}
		if about && (d.entry == nil || e.weight() > d.entry.weight()) {
			d.entry = &e
		}
		return true
	})
}

// held reports whether the entry may be taken back.
func (e *Entry) held() bool {
	return e.HasReason && (e.Reason == CertificateHold || e.Reason == RemoveFromCRL)
}

// weight orders entries of one serial number by how final they are.
func (e *Entry) weight() int {
	switch {
	case e.HasReason && e.Reason == RemoveFromCRL:
		return 0
	case e.held():
		return 1
	}
	return 2
}

func (e *Entry) reason() string {
	if name := e.Reason.String(); name != "" {
		return name
	}
	return fmt.Sprintf("code %d", e.Reason)
}

// times returns why a list does not count at the judged time; nil if it does.
func (j *judge) times(d *judged) *finding.Finding {
	l, now := d.List, j.q.Time
	this, next := finding.Time(l.ThisUpdate), finding.Time(l.NextUpdate)
	if l.ThisUpdate.After(now.Add(j.q.Skew)) {
		return found(finding.CRLNotYetValid, "this-update", this)
	}
	if !l.NextUpdate.IsZero() && l.NextUpdate.Before(l.ThisUpdate) {
		return found(finding.CRLTimesInvalid, "this-update", this, "next-update", next)
	}
	var f *finding.Finding
	switch {
	case l.NextUpdate.IsZero() && j.q.MaxAge == 0:
		f = found(finding.CRLNoNextUpdate)
	case !l.NextUpdate.IsZero() && now.After(l.NextUpdate.Add(j.q.Skew)):
		f = found(finding.CRLStale, "next-update", next)
	case j.q.MaxAge > 0 && now.After(l.ThisUpdate.Add(j.q.MaxAge+j.q.Skew)):
		f = found(finding.CRLTooOld, "this-update", this, "limit", finding.Duration(j.q.MaxAge))
	default:
		return nil
	}
	switch j.q.Stale {
	case policy.StaleAllow:
		j.add(d, f.Graded(finding.Info, "--stale allow"))
		return nil
	case policy.StaleWarn:
		j.add(d, f.Graded(finding.Warning, "--stale warn"))
		return nil
	}
	return f
}

// add reports a finding about a source.
func (j *judge) add(d *judged, f finding.Finding) {
	f = f.With("source", "crl")
	if d.URL != "" {
		f = f.With("url", d.URL)
	}
	j.res.Findings = append(j.res.Findings, f)
}

// useless reports why a source gives no information.
func (j *judge) useless(d *judged, f finding.Finding) *judged {
	d.answer.Detail = f.Title()
	j.add(d, f)
	return nil
}

// grade lowers the defects of single lists when the status is known all the same.
func (j *judge) grade() {
	if j.res.Status == report.Unknown {
		return
	}
	for i, f := range j.res.Findings {
		if f.Severity == finding.Inconclusive && f.ID != finding.CRLStaleListed {
			j.res.Findings[i] = f.Graded(finding.Warning, "another CRL covers the certificate")
		}
	}
}
