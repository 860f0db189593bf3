package certpath

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Validate judges one given path: leaf first, and the last certificate is the
// anchor, trusted by the caller's word. Names must chain from each certificate
// to the next.
func Validate(ctx context.Context, chain []*cert.Certificate, o Options) Path {
	if len(chain) == 0 || slices.Contains(chain, nil) {
		return Path{End: report.EndNoIssuer, Findings: []finding.Finding{finding.New(finding.PathEmpty)}}
	}
	w := newWorker(ctx, &o)
	p := w.validate(chain, report.EndAnchor, nil)
	w.public(&p)
	told := w.spent != nil
	for i, c := range chain {
		for _, above := range chain[i+1:] {
			if w.step(1) && sameEntity(c, above) {
				p.CertFindings[i] = append(p.CertFindings[i], finding.New(finding.PathLoop))
				break
			}
		}
		if i+1 < len(chain) && (c.Issuer.Canon == "" || c.Issuer.Canon != chain[i+1].Subject.Canon) {
			p.CertFindings[i] = append(p.CertFindings[i], finding.New(finding.IssuerNameMismatch,
				"issuer", c.Issuer.String(), "subject", chain[i+1].Subject.String()))
		}
	}
	if depth := o.depth(); len(chain)-2 > depth {
		p.Findings = append(p.Findings, finding.New(finding.PathTooLong, "limit", strconv.Itoa(depth)))
	}
	if w.spent != nil && !told {
		p.Findings = append(p.Findings, *w.spent)
	}
	return p
}

// judgement is the state of RFC 5280, 6.1 for one path.
type judgement struct {
	*worker
	chain    []*cert.Certificate
	anchored bool
	out      [][]finding.Finding
	purpose  purposeRow
	purposed bool
}

// validate judges a path from its end down to the leaf. On a path that does
// not reach an anchor the last certificate's name and key are taken as if they
// were trusted, so that whatever else is wrong is found too.
func (w *worker) validate(chain []*cert.Certificate, end report.PathEnd, limits *AnchorConstraints) Path {
	j := judgement{worker: w, chain: chain, anchored: end == report.EndAnchor}
	j.purpose, j.purposed = ruleOf(w.o.Purpose)
	j.out = make([][]finding.Finding, len(chain))
	spent := w.spent
	for i := range chain {
		j.own(i)
		j.dates(i)
		j.critical(i)
		j.keys(i)
		j.signature(i)
		j.keyIdentifiers(i)
		if i > 0 {
			j.issuer(i)
		}
	}
	j.pathLengths()
	j.features()
	j.leaf()
	j.nameConstraints(limits)
	p := Path{Certs: chain, End: end, CertFindings: j.out}
	var missing *finding.Finding
	p.Policies, missing = j.policies()
	if missing != nil {
		p.Findings = append(p.Findings, *missing)
	}
	j.ends(end, limits)
	if w.spent != nil && (spent == nil || end == report.EndBudget) {
		p.Findings = append(p.Findings, *w.spent)
	}
	return p
}

func (j *judgement) add(i int, f finding.Finding) { j.out[i] = append(j.out[i], f) }

func (j *judgement) isAnchor(i int) bool { return j.anchored && i == len(j.chain)-1 }

// own takes over what the parser found. An anchor is trusted for its name and
// key: how it is encoded and signed is told, not judged. When it is the leaf
// too, only its version, serial number and signature are not.
func (j *judgement) own(i int) {
	c := j.chain[i]
	fs := c.Findings[:len(c.Findings):len(c.Findings)]
	if j.o.Strict && !j.isAnchor(i) {
		fs = c.StrictFindings()
	}
	if j.isAnchor(i) && len(fs) > 0 {
		graded := make([]finding.Finding, len(fs))
		for k, f := range fs {
			if f.ID != finding.NotAfterBad && (i > 0 || notJudgedOfAnchors[f.ID]) {
				f = f.Graded(finding.Info, "the certificate is a trusted root")
			}
			graded[k] = f
		}
		fs = graded
	}
	j.out[i] = fs
}

// notJudgedOfAnchors are the parser's findings that do not count even when the
// leaf itself is the anchor; the rest of a leaf's contents is in use.
var notJudgedOfAnchors = map[finding.ID]bool{
	finding.VersionInvalid: true, finding.ExtensionsNeedV3: true, finding.SignatureAlgorithmInconsistent: true,
	finding.AlgorithmParametersBad: true, finding.AlgorithmParametersNull: true, finding.SerialInvalid: true, finding.SerialZero: true,
	finding.KeyUnsupported: true,
}

func (j *judgement) dates(i int) {
	c, t := j.chain[i], j.o.Time
	if t.Before(c.NotBefore) || t.IsZero() { // nobody said when: no moment is a good one
		j.add(i, finding.New(finding.CertNotYetValid, "not-before", finding.Time(c.NotBefore), "ahead", span(t, c.NotBefore)))
	}
	if t.After(c.NotAfter) && !unreadableEnd(c) {
		j.add(i, finding.New(finding.CertExpired, "not-after", finding.Time(c.NotAfter), "ago", span(c.NotAfter, t)))
	}
}

// unreadableEnd reports whether c has an error that says that its end date cannot
// be read: then nobody knows when it expires.
func unreadableEnd(c *cert.Certificate) bool {
	return slices.ContainsFunc(c.Findings, func(f finding.Finding) bool { return f.ID == finding.NotAfterBad && f.Severity == finding.Error })
}

// span tells the time between two moments as people do. A time.Duration holds
// no more than 292 years.
func span(from, to time.Time) string {
	n, unit := to.Unix()-from.Unix(), "second"
	switch {
	case n >= 48*3600:
		n, unit = n/(24*3600), "day"
	case n >= 2*3600:
		n, unit = n/3600, "hour"
	case n >= 2*60:
		n, unit = n/60, "minute"
	}
	text := strconv.FormatInt(n, 10) + " " + unit
	if n != 1 {
		text += "s"
	}
	return text
}

// maxUnknown bounds the unknown critical extensions of a certificate that are
// told: one refuses.
const maxUnknown = 16

func (j *judgement) critical(i int) {
	for k, told := 0, 0; k < len(j.chain[i].Extensions) && told < maxUnknown; k++ {
		x := &j.chain[i].Extensions[k]
		if !x.Critical {
			continue
		}
		oid := x.OID
		if x.Known && oid != "2.5.29.32" {
			continue
		}
		if x.Known {
			if oid = unknownQualifier(x.Value); oid == "" {
				continue
			}
		}
		told++
		j.add(i, finding.New(finding.CriticalUnknown, "oid", oid))
	}
}

// unknownQualifier returns the first policy qualifier that RFC 5280, 4.2.1.4
// does not define: critical policies must be understood with their qualifiers.
func unknownQualifier(policies []byte) string {
	list, err := der.NewReader(policies, 0).Expect(der.Sequence)
	if err != nil {
		return ""
	}
	for r := list.Contents(); !r.Empty(); {
		policy, err := r.Expect(der.Sequence)
		if err != nil {
			return ""
		}
		in := policy.Contents()
		in.Next()
		qualifiers, _, _ := in.Optional(der.Sequence)
		for q := qualifiers.Contents(); !q.Empty(); {
			info, err := q.Expect(der.Sequence)
			if err != nil {
				return ""
			}
			id, err := info.Contents().Expect(der.OID)
			if err != nil {
				return ""
			}
			if text, _ := der.OIDText(id.Body); text != "1.3.6.1.5.5.7.2.1" && text != "1.3.6.1.5.5.7.2.2" {
				return text
			}
		}
	}
	return ""
}

// signature judges the signature on certificate i: by whom, and by what
// algorithm. The anchor's is not judged, and of a root that is not trusted
// only that it is its own.
func (j *judgement) signature(i int) {
	c := j.chain[i]
	if i == len(j.chain)-1 {
		if !j.anchored && !c.SelfIssued() {
			j.algorithm(i)
		}
		return
	}
	j.algorithm(i)
	issuer := j.chain[i+1]
	err := j.worker.signature(c, issuer)
	var budget errBudget
	switch {
	case err == nil:
	case errors.As(err, &budget):
		j.add(i, *j.spent)
	case c.Algorithm.Weak == "MD5":
		// Never verified; the algorithm's finding says so.
	case errors.Is(err, cert.ErrBadSignature):
		j.add(i, finding.New(finding.SignatureInvalid, "issuer", issuer.Subject.String()))
	case errors.Is(err, cert.ErrKeyMismatch):
		j.add(i, finding.New(finding.SignatureKeyMismatch, "algorithm", c.Algorithm.Name, "key", keyName(issuer.Key)))
	case errors.Is(err, cert.ErrKeyTooSmall):
		j.add(i, finding.New(finding.IssuerKeyTooSmall, "key", keyName(issuer.Key)))
	case issuer.Key != nil && issuer.Key.Problem != "":
		j.add(i, finding.New(finding.IssuerKeyUnusable, "detail", issuer.Key.Problem))
	default:
		j.add(i, finding.New(finding.SignatureUnsupported, "algorithm", c.Algorithm.Described(), "key", keyName(issuer.Key)))
	}
}

func keyName(k *cert.PublicKey) string {
	switch {
	case k == nil:
		return "unreadable"
	case k.Curve != "":
		return k.Algorithm + " " + k.Curve
	case k.Bits > 0 && (k.Kind == cert.KeyRSA || k.Kind == cert.KeyPSS):
		return k.Algorithm + " " + strconv.Itoa(k.Bits)
	}
	return k.Algorithm
}

func (j *judgement) keyIdentifiers(i int) {
	c := j.chain[i]
	if i == len(j.chain)-1 {
		return
	}
	issuer := j.chain[i+1]
	grade := func(f finding.Finding) finding.Finding {
		if j.o.Strict {
			f = f.Graded(finding.Error, "--strict")
		}
		return f
	}
	if len(c.AuthorityKeyID) > 0 && len(issuer.SubjectKeyID) > 0 && !bytes.Equal(c.AuthorityKeyID, issuer.SubjectKeyID) {
		j.add(i, grade(finding.New(finding.IssuerKeyIDMismatch, "wanted", hexID(c.AuthorityKeyID), "found", hexID(issuer.SubjectKeyID))))
	}
	if len(c.AuthoritySerial) > 0 && !namesIssuer(c, issuer) {
		j.add(i, grade(finding.New(finding.IssuerSerialMismatch)))
	}
	// RFC 5280, 4.2.1.1: only a self-signed certificate may leave it out.
	if j.o.Strict && !c.HasAuthorityKeyID && c.Version == 3 && !(c.SelfIssued() && j.worker.signature(c, c) == nil) {
		j.add(i, finding.New(finding.AuthorityKeyIDAbsent))
	}
}

func namesIssuer(c, issuer *cert.Certificate) bool {
	if !bytes.Equal(c.AuthoritySerial, issuer.Serial) {
		return false
	}
	for i := range c.AuthorityIssuer {
		n := &c.AuthorityIssuer[i]
		if n.Type == cert.DirectoryName {
			return n.Dir.Canon == issuer.Issuer.Canon
		}
	}
	return true
}

func hexID(b []byte) string {
	const digits = "0123456789abcdef"
	out := make([]byte, 0, 2*len(b))
	for _, c := range b {
		out = append(out, digits[c>>4], digits[c&15])
	}
	return string(out)
}

// issuer judges the right of certificate i to issue the one below it: RFC
// 5280, 6.1.4 (k) and (n), and extended key usage as a limit of CAs. What an
// anchor's certificate says about itself counts too, except that an old root
// of version 1 cannot say that it is a CA.
func (j *judgement) issuer(i int) {
	c := j.chain[i]
	switch {
	case j.isAnchor(i) && !c.HasBasicConstraints && (c.Version == 1 || c.Version == 2) && c.SelfIssued():
	case !c.HasBasicConstraints:
		why := ": it has no basic constraints"
		if c.Version == 1 || c.Version == 2 {
			why = ": version " + strconv.Itoa(c.Version) + " certificates cannot say that they are"
		}
		j.add(i, finding.New(finding.IssuerNotCA, "why", why))
	case !c.CA:
		j.add(i, finding.New(finding.IssuerNotCA, "why", ": its basic constraints say so"))
	}
	if c.HasKeyUsage && c.KeyUsage&cert.KeyCertSign == 0 {
		j.add(i, finding.New(finding.IssuerMayNotSign))
	}
	j.constrained(i)
}

// constrained holds an authority's extended key usage against the purpose: it
// limits what is below the authority.
func (j *judgement) constrained(i int) {
	c := j.chain[i]
	if j.purposed && j.purpose.nested && c.HasExtKeyUsage && !allows(c, j.purpose.oid, true) {
		j.add(i, finding.New(finding.CAPurposeNotAllowed, "purpose", j.purpose.label, "allowed", listUsages(c)))
	}
}

func allows(c *cert.Certificate, oid string, any bool) bool {
	for _, u := range c.ExtKeyUsage {
		if u == oid || any && u == oidAnyEKU {
			return true
		}
	}
	return false
}

func listUsages(c *cert.Certificate) string {
	var names []string
	for i, u := range c.ExtKeyUsage {
		if i == 5 {
			names = append(names, strconv.Itoa(len(c.ExtKeyUsage)-5)+" more")
			break
		}
		if name := cert.OIDName(u); name != "" {
			u = name
		}
		names = append(names, u)
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// pathLengths is RFC 5280, 6.1.4 (l) and (m): self-issued CAs are not counted.
func (j *judgement) pathLengths() {
	left, by := -1, 0
	for i := len(j.chain) - 1; i > 0; i-- {
		c := j.chain[i]
		if left >= 0 && !c.SelfIssued() {
			if left == 0 {
				ca := j.chain[by]
				j.add(i, finding.New(finding.PathLenExceeded, "ca", ca.Subject.String(), "limit", strconv.Itoa(ca.PathLen)))
			} else {
				left--
			}
		}
		if c.HasBasicConstraints && c.CA && c.PathLen >= 0 && (left < 0 || c.PathLen < left) {
			left, by = c.PathLen, i
		}
	}
}

// leaf judges what is asked of the leaf alone.
func (j *judgement) leaf() {
	c := j.chain[0]
	for _, f := range MatchNames(c, j.o.Names, j.o.NoWildcards) {
		j.add(0, f)
	}
	if !j.purposed {
		return
	}
	if j.o.ListSigner {
		if c.CA {
			j.constrained(0)
		}
		return
	}
	switch {
	case c.HasExtKeyUsage && !allows(c, j.purpose.oid, !j.purpose.required):
		j.add(0, finding.New(finding.PurposeNotAllowed, "purpose", j.purpose.label, "allowed", listUsages(c)))
	case !c.HasExtKeyUsage && j.purpose.required:
		j.add(0, finding.New(finding.PurposeNotAllowed, "purpose", j.purpose.label, "allowed", "everything but uses that must be named"))
	}
	if j.purpose.only {
		j.exclusive(c)
	}
	if c.HasKeyUsage {
		j.leafKeyUsage(c)
	}
	if c.CA && c.HasBasicConstraints {
		j.add(0, finding.New(finding.LeafIsCA))
	}
}

// exclusive judges certificates for signing code and time stamps, whose keys
// must not serve anything else: RFC 3161, 2.3 wants a critical extension with
// the one purpose; the CA/Browser Forum's code signing requirements (7.1.2.3)
// a critical key usage and neither serverAuth nor any; both no CA usages.
func (j *judgement) exclusive(c *cert.Certificate) {
	refuse := func(allowed string) {
		j.add(0, finding.New(finding.PurposeNotAllowed, "purpose", j.purpose.label, "allowed", allowed))
	}
	stamps := j.purpose.oid == purposes[policy.PurposeTimestamp].oid
	switch {
	case stamps && c.HasExtKeyUsage && len(c.ExtKeyUsage) != 1:
		refuse(listUsages(c) + ", but it must be the only one")
	case stamps && !isCritical(c, "2.5.29.37"):
		refuse(listUsages(c) + ", but it is not critical")
	case !stamps && (allows(c, oidAnyEKU, false) || allows(c, purposes[policy.PurposeServer].oid, false)):
		refuse(listUsages(c) + ", and code must not be signed by a key with that use too")
	case !stamps && !isCritical(c, "2.5.29.15"):
		refuse("it, but the key usage is not critical")
	case c.KeyUsage&(cert.KeyCertSign|cert.CRLSign) != 0:
		refuse("it, but the key usage is that of a CA")
	}
}

func isCritical(c *cert.Certificate, oid string) bool {
	for i := range c.Extensions {
		if c.Extensions[i].OID == oid {
			return c.Extensions[i].Critical
		}
	}
	return false
}

func (j *judgement) leafKeyUsage(c *cert.Certificate) {
	if used := j.o.UsedKeyUsage; used != 0 {
		if missing := used &^ c.KeyUsage; missing != 0 {
			j.add(0, finding.New(finding.KeyUsageInsufficient, "needed", usageNames(missing), "what", "the handshake used"))
		}
		return
	}
	if j.purpose.usage != 0 && c.KeyUsage&j.purpose.usage == 0 {
		j.add(0, finding.New(finding.KeyUsageInsufficient, "needed", "any of "+usageNames(j.purpose.usage), "what", j.purpose.label+" need"))
	}
}

func usageNames(u cert.KeyUsage) string { return strings.Join(u.Names(), ", ") }

// ends adds what the way the path ends means.
func (j *judgement) ends(end report.PathEnd, limits *AnchorConstraints) {
	top := len(j.chain) - 1
	c := j.chain[top]
	switch end {
	case report.EndUntrusted:
		if top == 0 {
			j.add(0, finding.New(finding.LeafSelfSigned))
		} else {
			j.add(top, finding.New(finding.RootUntrusted, "subject", c.Subject.String()))
		}
	case report.EndNoIssuer:
		j.add(top, finding.New(finding.IssuerNotFound, "issuer", c.Issuer.String()))
	}
	if limits == nil {
		return
	}
	if after := limits.DistrustAfter; !after.IsZero() && j.chain[0].NotBefore.After(after) {
		j.add(top, finding.New(finding.AnchorDistrusted, "after", finding.Time(after), "not-before", finding.Time(j.chain[0].NotBefore)))
	}
	if limits.Purposes != nil && j.purposed && !j.trustedFor(limits.Purposes) {
		j.add(top, finding.New(finding.AnchorNotForPurpose, "purpose", j.purpose.label))
	}
}

func (j *judgement) trustedFor(ps []policy.Purpose) bool {
	for _, p := range ps {
		if row, limited := ruleOf(p); !limited || row.oid == j.purpose.oid {
			return true
		}
	}
	return false
}
