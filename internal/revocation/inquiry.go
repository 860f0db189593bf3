package revocation

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// inquiry is the judgement of one certificate.
type inquiry struct {
	in      *Input
	ctx     context.Context
	at      int // position on the path of cert, or of the certificate for whose sake a signer is judged
	cert    *cert.Certificate
	issuer  *cert.Certificate
	above   []*cert.Certificate // what is above issuer on cert's path, the anchor last
	offered []int               // the responses from files that name this certificate
	used    []Use               // of in.Artefacts
	// issuerKey is the SHA-256 of the issuer's SubjectPublicKeyInfo.
	issuerKey [32]byte
	// What the leaf's responses have for Certificate Transparency: the staple, and
	// one that the server did not send.
	stapledSCTs, fetchedSCTs *[]byte

	ptr     pointers
	answers []answer
	needs   []Need
	issuers []string
	extra   []Need // wanted for the certificates of signers

	heard   []heard    // what authentic sources said
	lessons *lessonsOf // for all inquiries of one Judge

	known map[signerKey]signer // signers judged so far, for all inquiries of one Judge
	files *files               // what became of what the user gave
	chain []*cert.Certificate  // the signers for whose sake this one is judged, itself included; empty for a certificate of the path

	itself     bool // the certificate signed a list about itself, as it says
	unasked    bool // nobody has been asked about the last response's signer, or nobody could be
	stapled    bool // there was a staple
	stapleGood bool // and it is valid, fresh and says good, or would if its signer had been asked about
}

// answer is what one source said.
type answer struct {
	status   report.Status // what counts; "" = no information
	shown    report.Answer // as the report has it
	findings []finding.Finding
	more     bool // one more list of the answer before
	none     bool // a source that has no information and need not have any
}

func (s *inquiry) judge() CertResult {
	s.ptr = pointersOf(s.cert)
	var own []finding.Finding
	if s.ctx.Err() != nil {
		own = append(own, finding.New(finding.RevocationUndetermined, "detail", "the time for the judgement ran out"))
		return CertResult{report.Revocation{Status: report.Unknown}, own}
	}
	exempt, exemptFindings := s.exempt()
	own = append(own, exemptFindings...)
	s.ask(exempt != "")
	s.answers = append(s.answers, s.recall()...)

	rev := report.Revocation{}
	for _, a := range s.answers {
		rev.Sources = append(rev.Sources, a.shown)
	}
	d := decide(s.answers)
	if d >= 0 {
		rev.Status, rev.Scheme = s.answers[d].status, s.answers[d].shown.Scheme
	}
	switch {
	case d >= 0:
	case exempt != "":
		rev.Status, rev.Why = report.NotApplicable, exempt
	case !s.ptr.any && s.silent():
		own = append(own, finding.New(finding.RevocationNoPointer))
		rev.Status, rev.Why = report.NotApplicable, report.WhyNoPointer
		if s.demanded() {
			rev.Status, rev.Why = report.Unknown, ""
		}
	default:
		rev.Status = report.Unknown
	}
	out := CertResult{Revocation: rev}
	out.Findings = append(out.Findings, own...)
	if rev.Status == report.Revoked {
		out.Findings = append(out.Findings, revoked(s.answers[d].shown))
	}
	out.Findings = append(out.Findings, s.disagreement()...)
	out.Findings = append(out.Findings, s.graded(rev.Status, d)...)
	if s.at == 0 {
		out.Findings = append(out.Findings, s.mustStaple(rev.Status)...)
	}
	return out
}

// exempt returns why nobody expects revocation information about the
// certificate, "" when somebody does.
func (s *inquiry) exempt() (why report.Why, fs []finding.Finding) {
	if s.cert.NoRevAvail {
		switch {
		case s.cert.CA:
			fs = append(fs, finding.New(finding.NoRevAvailConflict, "detail", "it is the certificate of an authority"))
		case s.ptr.any || len(s.cert.FreshestCRL) > 0:
			fs = append(fs, finding.New(finding.NoRevAvailConflict, "detail", "it names where to ask for it"))
		default:
			return report.WhyNoRevAvail, nil
		}
	}
	// That subscribers' certificates may be short-lived instead of revocable is a
	// rule of public authorities alone.
	if shortLived(s.cert) && (len(s.chain) > 0 || s.in.Public || !s.demanded()) {
		return report.WhyShortLived, fs
	}
	return "", fs
}

// demanded reports whether no answer is unknown, for a certificate that names
// nobody to ask too: the policy denies what is unknown, or the user gave files
// and so said where answers are to come from.
func (s *inquiry) demanded() bool {
	schemes := s.in.Policy.Schemes
	return s.in.Policy.Unknown == policy.UnknownDeny ||
		len(s.in.Offered) > 0 && schemes.Has(policy.CRL) || len(s.in.OfferedOCSP) > 0 && schemes.Has(policy.OCSP)
}

// ask collects every source's answer, in the order of the schemes.
func (s *inquiry) ask(exempt bool) {
	stop := s.in.Policy.Stop == policy.StopFirst
	pending := false
	for _, scheme := range s.in.Policy.Schemes.List() {
		before := len(s.answers)
		var needs []Need
		switch scheme {
		case policy.Staple:
			s.askStaple()
		case policy.CRLite:
			s.askFilters()
		case policy.OCSP:
			needs = s.askOCSP()
		case policy.CRL:
			needs = s.askCRL()
		}
		needs, s.extra = append(needs, s.extra...), nil
		if !stop || !pending && !exempt {
			s.needs = append(s.needs, needs...)
			pending = pending || len(needs) > 0
			s.notFetched(needs)
		}
		if stop && definitive(s.answers[before:]) {
			// A hold may be over: the delta list that tells is still asked for.
			s.needs = nil
			if d := decide(s.answers[before:]); s.answers[before+d].status == report.Revoked {
				s.needs = slices.DeleteFunc(needs, func(n Need) bool { return n.Kind != KindDelta })
			}
			s.answers = withoutPending(s.answers, before)
			return
		}
	}
	for _, u := range s.ptr.other {
		s.note(report.Answer{Scheme: schemeOf(u, s.cert), URL: u, Detail: "not an http address"},
			finding.New(finding.RevocationPointerScheme, "url", u))
	}
}

// withoutPending drops the answers before the scheme that decided which only say
// that something has not been fetched.
func withoutPending(answers []answer, before int) []answer {
	out := answers[:0:0]
	for i, a := range answers {
		if i < before && len(a.findings) == 1 && a.findings[0].ID == finding.RevocationNotFetched {
			continue
		}
		out = append(out, a)
	}
	return out
}

func schemeOf(url string, c *cert.Certificate) policy.Scheme {
	for _, u := range c.OCSPServers {
		if u == url {
			return policy.OCSP
		}
	}
	return policy.CRL
}

// note records a source that gave no information.
func (s *inquiry) note(a report.Answer, fs ...finding.Finding) {
	s.answers = append(s.answers, answer{shown: a, findings: fs})
}

func (s *inquiry) notFetched(needs []Need) {
	for _, n := range needs {
		scheme := policy.CRL
		if n.Kind == KindOCSP {
			scheme = policy.OCSP
		}
		s.note(report.Answer{Scheme: scheme, URL: n.URL, Detail: "not asked yet"},
			finding.New(finding.RevocationNotFetched, "source", scheme.String(), "url", n.URL))
	}
}

// strictness orders statuses; sources with no information have none.
func strictness(st report.Status) int {
	switch st {
	case report.Revoked:
		return 3
	case report.Unknown:
		return 2
	case report.Good:
		return 1
	}
	return 0
}

func definitive(answers []answer) bool {
	for _, a := range answers {
		if a.status == report.Revoked || a.status == report.Good {
			return true
		}
	}
	return false
}

// decide returns the index of the strictest answer, -1 when nobody said
// anything: revoked wins over a signed "unknown", that over good.
func decide(answers []answer) int {
	best, at := 0, -1
	for i, a := range answers {
		if n := strictness(a.status); n > best {
			best, at = n, i
		}
	}
	return at
}

// revoked is the one finding that says so, whoever said it.
func revoked(a report.Answer) finding.Finding {
	reason := a.Reason
	if reason == "" {
		reason = "not given"
	}
	f := finding.New(finding.CertRevoked, "revoked-at", cmp.Or(finding.Time(a.RevokedAt), "an unknown date"), "reason", reason, "source", a.Scheme.String())
	if a.URL != "" {
		f = f.With("url", a.URL)
	}
	return f
}

// silent reports whether nobody was asked who ought to know.
func (s *inquiry) silent() bool {
	return !slices.ContainsFunc(s.answers, func(a answer) bool { return !a.none })
}

// disagreement tells of sources that say different things.
func (s *inquiry) disagreement() []finding.Finding {
	seen := report.Status("")
	differ := false
	for _, a := range s.answers {
		if a.status != "" {
			differ = differ || seen != "" && a.status != seen
			seen = a.status
		}
	}
	if !differ {
		return nil
	}
	var parts []string
	for _, a := range s.answers {
		if a.status == "" {
			continue
		}
		p := a.shown.Scheme.String()
		if a.shown.URL != "" {
			p += " " + a.shown.URL
		}
		parts = append(parts, p+": "+string(a.status))
	}
	if len(parts) > 6 {
		parts = append(parts[:6], strconv.Itoa(len(parts)-6)+" more")
	}
	return []finding.Finding{finding.New(finding.RevocationDisagree, "detail", strings.Join(parts, "; "))}
}

// graded returns the sources' findings with the weight they have beside the
// status that came out, and, when none did, the finding that says so.
func (s *inquiry) graded(st report.Status, d int) []finding.Finding {
	var out []finding.Finding
	settled := st == report.Good || st == report.NotApplicable
	for _, a := range s.answers {
		for _, f := range a.findings {
			out = append(out, s.grade(f, settled))
		}
	}
	if st != report.Unknown || d >= 0 {
		return out
	}
	var f finding.Finding
	switch {
	case s.defect() != "":
		f = finding.New(finding.RevocationUndetermined, "detail", "no source gave an authentic and current answer")
	case s.silent() && !s.ptr.any:
		f = finding.New(finding.RevocationUnavailable, "detail", "the certificate names none, and no file that you passed is about it")
	case s.silent() && len(s.answers) > 0: // a filter that knows nothing is all there was to ask
		f = finding.New(finding.RevocationUnavailable, "detail", s.answers[0].shown.Detail)
	case s.silent():
		f = finding.New(finding.RevocationUnavailable, "detail", "the certificate names no source of the kinds that you chose: "+s.in.Policy.Schemes.Join(", "))
	default:
		f = finding.New(finding.RevocationUnavailable, "detail", s.tried())
	}
	return append(out, s.grade(f, false))
}

// tried counts the sources, none of which gave a status: those that were asked,
// and those that were not.
func (s *inquiry) tried() string {
	asked, waiting, unsupported := len(s.answers), 0, 0
	for _, a := range s.answers {
		for _, f := range a.findings {
			switch f.ID {
			case finding.RevocationNotFetched:
				waiting++
			case finding.RevocationPointerScheme:
				unsupported++
			}
		}
	}
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{asked - waiting - unsupported, "tried"}, {waiting, "not asked"}, {unsupported, "of a kind that assay does not ask"}} {
		if p.n > 0 {
			parts = append(parts, strconv.Itoa(p.n)+" "+p.what)
		}
	}
	return strings.Join(parts, ", ")
}

// defect says what is wrong with what was there and gave no answer; "" when
// all that is lacking is known to be unavailable.
func (s *inquiry) defect() string {
	for _, a := range s.answers {
		if a.status != "" {
			continue
		}
		soft := a.more || a.none
		for _, f := range a.findings {
			if f.Kind().Class == finding.ClassRevocationUnavailable {
				soft = true
			} else if f.Severity >= finding.Inconclusive {
				return f.Title()
			}
		}
		if !soft {
			return cmp.Or(a.shown.Detail, "it gave no answer")
		}
	}
	return ""
}

// grade weighs one finding of a source. Beside a good answer a source that
// failed is a warning (ARCHITECTURE.md, rules 5 and 7); budgets and assay's own failures
// always refuse, and so does an authentic revocation that is merely old. Of
// the rest the policy for unknown status re-grades one class.
func (s *inquiry) grade(f finding.Finding, settled bool) finding.Finding {
	class := f.Kind().Class
	if f.Severity == finding.Inconclusive && settled && class != finding.ClassBudget && class != finding.ClassInternal &&
		f.ID != finding.CRLStaleListed && f.ID != finding.OCSPStaleRevoked {
		if f.ID == finding.RevocationNotFetched || f.ID == finding.RevocationPointerScheme {
			return f.Graded(finding.Info, "another source says good")
		}
		f = f.Graded(finding.Warning, "another source says good")
	}
	if class != finding.ClassRevocationUnavailable {
		return f
	}
	switch s.in.Policy.Unknown {
	case policy.UnknownAllow:
		return f.Graded(finding.Info, "--unknown allow")
	case policy.UnknownWarn:
		if f.Severity > finding.Warning {
			return f.Graded(finding.Warning, "--unknown warn")
		}
	case policy.UnknownDeny:
		if f.Severity == finding.Inconclusive {
			return f.Graded(finding.Error, "--unknown deny")
		}
	}
	return f
}

// mustStaple applies RFC 7633 to the leaf.
func (s *inquiry) mustStaple(st report.Status) []finding.Finding {
	if s.in.NoHandshake || !s.in.Policy.Schemes.Has(policy.Staple) || !mustStaple(s.in.Path) || s.stapleGood {
		return nil
	}
	if !s.stapled {
		return []finding.Finding{finding.New(finding.MustStapleMissing)}
	}
	if st == report.Revoked { // a consequence of what is said already
		return nil
	}
	return []finding.Finding{finding.New(finding.MustStapleInvalid)}
}
