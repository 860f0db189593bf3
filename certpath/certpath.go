// Package certpath builds every path from a certificate to a trust anchor and
// validates each by RFC 5280, section 6.1 (policies by RFC 9618), keeping
// every attempt with all of its findings.
//
// The package is pure: it does no I/O, knows no clock and keeps no state. Work
// is bounded by Options.Budget and the context; hitting a bound is a finding
// of severity error. Everything may be called concurrently.
package certpath

import (
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Options say what a path is checked for. Always set Time: at the zero time no
// certificate is valid. The other zero values check for a TLS server by assay's
// default policy. Numbers that make no sense are taken as the default.
type Options struct {
	Time  time.Time    // the moment to judge for
	Names []Identifier // must all match the leaf; none means names are not checked

	Purpose      policy.Purpose // what the leaf is for; the zero Purpose is a TLS server
	UsedKeyUsage cert.KeyUsage  // what the handshake needed of the leaf's key; 0 means not known
	NoWildcards  bool           // refuse leaves that match by a wildcard only

	// ListSigner says that the leaf signs revocation lists about certificates
	// that are used for Purpose. No purpose covers that, so Purpose binds the
	// authorities above it, and the leaf where it is one.
	ListSigner bool

	Strict        bool                 // RFC 5280's profile to the letter
	SecurityLevel policy.SecurityLevel // as OpenSSL means them; the zero means the default policy
	// MinRSA is in bits. 0, and what is less than policy.LeastRSA, means 2048
	// under the default policy, and under a security level no limit of its own.
	MinRSA   int
	MaxDepth int // certificates between leaf and anchor; 0 means 20, negative means none

	// Public reports whether an anchor is publicly trusted: the leaf of a path to
	// one is judged by the rules for public certificates, too (warnings, which do
	// not change the order of paths). nil: none is.
	Public func(anchor *cert.Certificate) bool

	Policies                                         []string // the initial policy set, dotted OIDs; none means any
	ExplicitPolicy, InhibitMapping, InhibitAnyPolicy bool     // RFC 5280, 6.1.1 (e), (f), (g)

	Budget Budget     // limits on the work; its zero means the defaults
	Memo   *cert.Memo // may be nil
	// Signed says that the caller knows the signatures along the given path to
	// be right: crypto/tls has verified them. Only for Validate.
	Signed bool
}

func (o *Options) depth() int {
	if o.MaxDepth == 0 {
		return defaultDepth
	}
	return max(o.MaxDepth, 0)
}

// Budget bounds the work of one call. Zero fields mean the defaults.
type Budget struct {
	Signatures int // in verifications of P-256 (about 50 µs); larger keys count for more; default 160
	Paths      int // paths tried; default 64
	Steps      int // certificates considered and names compared; default 200,000
}

// Path is one attempt: leaf first, the anchor last if one was reached.
type Path struct {
	Certs []*cert.Certificate // leaf first, anchor last
	// CertFindings is parallel to Certs: what each certificate's own parse
	// found (strict rules too, if asked for) and what its place on this path
	// adds. An anchor's own findings are there for information only.
	CertFindings [][]finding.Finding
	Findings     []finding.Finding // about the path as a whole
	End          report.PathEnd
	Policies     []string // the user-constrained policy set, sorted; "2.5.29.32.0" is any policy
}

// Worst returns the highest severity on the path.
func (p *Path) Worst() finding.Severity {
	worst := report.Worst(p.Findings)
	for _, fs := range p.CertFindings {
		worst = max(worst, report.Worst(fs))
	}
	return worst
}

// Clean reports whether the path reaches an anchor without an error or an
// inconclusive finding.
func (p *Path) Clean() bool {
	return p.End == report.EndAnchor && p.Worst() < finding.Inconclusive
}

// Result is every path that was tried, and the bounds that were hit.
type Result struct {
	Paths    []Path            // best first, never empty
	Findings []finding.Finding // about the work as a whole
}

const (
	defaultSignatures = 160
	defaultPaths      = 64
	defaultSteps      = 200_000
	defaultDepth      = policy.DefaultMaxDepth
)

// purposeRow is what a purpose asks of certificates.
type purposeRow struct {
	oid      string
	label    string
	required bool          // the leaf must have the extension and name the purpose itself, not any
	nested   bool          // CAs with the extension must have the purpose too
	usage    cert.KeyUsage // one of these, if the leaf has a key usage; 0 means no rule
	only     bool          // signing for this purpose excludes some others, see exclusive
}

var purposes = map[policy.Purpose]purposeRow{
	policy.PurposeServer: {"1.3.6.1.5.5.7.3.1", "TLS servers (serverAuth)", false, true,
		cert.DigitalSignature | cert.KeyEncipherment | cert.KeyAgreement, false},
	policy.PurposeClient: {"1.3.6.1.5.5.7.3.2", "TLS clients (clientAuth)", false, true, cert.DigitalSignature | cert.KeyAgreement, false},
	policy.PurposeEmail: {"1.3.6.1.5.5.7.3.4", "e-mail (emailProtection)", false, true,
		cert.DigitalSignature | cert.ContentCommitment | cert.KeyEncipherment | cert.KeyAgreement, false},
	policy.PurposeCode: {"1.3.6.1.5.5.7.3.3", "signing code (codeSigning)", true, true, cert.DigitalSignature, true},
	// CAs limited to serverAuth delegate OCSP signing in practice: the
	// responder's own extension is what RFC 6960, 4.2.2.2 asks for.
	policy.PurposeOCSP: {"1.3.6.1.5.5.7.3.9", "signing OCSP responses (OCSPSigning)", true, false,
		cert.DigitalSignature | cert.ContentCommitment, false},
	policy.PurposeTimestamp: {"1.3.6.1.5.5.7.3.8", "time stamping (timeStamping)", true, true,
		cert.DigitalSignature | cert.ContentCommitment, true},
}

const oidAnyEKU = "2.5.29.37.0"

// ruleOf returns the rules of p; ok is false for policy.PurposeAny. An unknown
// word becomes an extended key usage that no certificate names.
func ruleOf(p policy.Purpose) (purposeRow, bool) {
	if known, err := policy.ParsePurpose(p.String()); err == nil {
		p = known
	}
	if p == policy.PurposeAny {
		return purposeRow{}, false
	}
	if r, ok := purposes[p]; ok {
		return r, true
	}
	return purposeRow{oid: string(p), label: string(p), required: true, nested: true}, true
}
