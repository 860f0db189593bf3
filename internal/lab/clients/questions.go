package clients

import (
	"fmt"
	"path"
	"slices"

	"github.com/assaytls/assay/internal/lab/scenarios"
)

// Kind is the group that a question belongs to: a column of the table.
type Kind string

// The kinds, in the order of the columns.
const (
	Good       Kind = "good"       // a server that must be accepted
	Path       Kind = "path"       // the chain is wrong
	Name       Kind = "name"       // the certificate is for somebody else
	Wire       Kind = "wire"       // the handshake is wrong
	Encoding   Kind = "encoding"   // not what DER and RFC 5280 allow: strictness
	Revocation Kind = "revocation" // the certificate was revoked
	Info       Kind = "info"       // shown, and not counted
)

// Kinds are the kinds whose questions a client must answer with no.
var Kinds = []Kind{Path, Name, Wire, Encoding, Revocation}

// Question is one server of the lab that a client is led to.
type Question struct {
	Scenario string `json:"question"` // name of the lab's scenario
	Kind     Kind   `json:"kind"`
	Rule     string `json:"rule"` // why a client must answer so, with the source

	// Needs13 questions can be asked only of clients that offer TLS 1.3.
	Needs13 bool `json:"needs_tls13,omitempty"`
	// Last questions are asked one by one after all others: an answer may never come.
	Last bool `json:"last,omitempty"`
	// Address questions can be asked of a client that is led to the address: their host is one, or the
	// certificate is for neither.
	Address bool `json:"address,omitempty"`

	// Case is the defect's name in the collection that the exam follows, Errors what libraries call the error.
	Case   string   `json:"case,omitempty"`
	Errors []string `json:"errors,omitempty"`
}

// Accept reports whether a client must accept the server. Of an informative question
// neither answer is wrong.
func (q Question) Accept() bool { return q.Kind == Good }

// Scored reports whether an answer can be wrong.
func (q Question) Scored() bool { return q.Kind != Info }

// Story is what the server does.
func (q Question) Story() string {
	all := scenarios.All()
	if i := slices.IndexFunc(all, func(s scenarios.Scenario) bool { return s.Name == q.Scenario }); i >= 0 {
		return all[i].Story
	}
	return ""
}

// The questions that say whether a client can be examined at all: it reaches and trusts the lab, and
// it does refuse somebody.
var (
	controls = []string{"good", "good-rsa", "good-tls12"}
	refusals = []string{"untrusted-root", "really-wrong-host"}
)

// labExam are the questions that every TLS client can fairly be asked: the answer follows from the
// standards alone, within what HTTPS on a port of loopback can show.
var labExam = []Question{
	{Scenario: "good", Kind: Good, Rule: "A complete chain to a trusted root, the right name, within its time (RFC 5280, 6.1)."},
	{Scenario: "good-rsa", Kind: Good, Rule: "RSA keys of 2048 bits and more are sound (RFC 9325, 4.5)."},
	{Scenario: "good-p384", Kind: Good, Rule: "P-384 is a curve of TLS 1.2 and 1.3 (RFC 8422, 5.1.1; RFC 8446, 4.2.3)."},
	{Scenario: "good-tls12", Kind: Good, Rule: "TLS 1.2 with forward secrecy and AEAD is sound (RFC 9325, 3.1.1)."},
	{Scenario: "good-tls13", Kind: Good, Rule: "TLS 1.3 is the current version (RFC 8446).", Needs13: true},
	{Scenario: "good-ip", Kind: Good, Rule: "An address in the subject alternative name identifies the server (RFC 9525, 6.5).", Address: true},
	{Scenario: "good-wildcard", Kind: Good, Rule: "A wildcard is the whole left-most label (RFC 9525, 6.3)."},
	{Scenario: "good-staple", Kind: Good, Rule: "A staple that says good is good news (RFC 6066, 8)."},
	{Scenario: "good-name-constraints", Kind: Good, Rule: "The name is one that the CA may issue for (RFC 5280, 4.2.1.10)."},
	{Scenario: "unordered-chain", Kind: Good, Rule: "A client should be ready for certificates in any order (RFC 8446, 4.4.2)."},
	{Scenario: "extra-certificates", Kind: Good, Rule: "A client should be ready for certificates that are not needed (RFC 8446, 4.4.2)."},
	{Scenario: "cross-signed", Kind: Good, Rule: "One good path is enough (RFC 4158, 1.4)."},
	{Scenario: "client-certificate-optional", Kind: Good, Rule: "A client without a certificate answers with an empty list (RFC 8446, 4.4.2)."},

	{Scenario: "expired", Kind: Path, Rule: "The time is after notAfter (RFC 5280, 6.1.3 (a)(2))."},
	{Scenario: "not-yet-valid", Kind: Path, Rule: "The time is before notBefore (RFC 5280, 6.1.3 (a)(2))."},
	{Scenario: "expired-intermediate", Kind: Path, Rule: "Every certificate of the path must be within its time (RFC 5280, 6.1.3 (a)(2))."},
	{Scenario: "self-signed", Kind: Path, Rule: "A path ends at a trust anchor (RFC 5280, 6.1)."},
	{Scenario: "untrusted-root", Kind: Path, Rule: "A path ends at a trust anchor; a root that the server sends is none (RFC 5280, 6.1)."},
	{Scenario: "unknown-issuer", Kind: Path, Rule: "A path ends at a trust anchor (RFC 5280, 6.1)."},
	{Scenario: "missing-intermediate-no-aia", Kind: Path, Rule: "Without the intermediate there is no path (RFC 5280, 6.1)."},
	{Scenario: "same-name-other-key", Kind: Path, Rule: "The signature is verified with the issuer's key, not with its name (RFC 5280, 6.1.3 (a)(1))."},
	{Scenario: "bad-signature", Kind: Path, Rule: "The signature must verify (RFC 5280, 6.1.3 (a)(1))."},
	{Scenario: "tampered", Kind: Path, Rule: "The signature must verify (RFC 5280, 6.1.3 (a)(1))."},
	{Scenario: "weak-key", Kind: Path, Rule: "RSA keys below 2048 bits must not be used (RFC 9325, 4.5)."},
	{Scenario: "sha1", Kind: Path, Rule: "SHA-1 signatures must not be accepted (RFC 9155; RFC 8446, 4.2.3)."},
	{Scenario: "md5", Kind: Path, Rule: "MD5 signatures must not be accepted (RFC 9155)."},
	{Scenario: "issuer-not-a-ca", Kind: Path, Rule: "An issuer's basic constraints say cA (RFC 5280, 6.1.4 (k))."},
	{Scenario: "issuer-version-1", Kind: Path, Rule: "An issuer of version 1 or 2 cannot say cA and is refused (RFC 5280, 6.1.4 (k))."},
	{Scenario: "path-length", Kind: Path, Rule: "pathLenConstraint bounds the CAs below (RFC 5280, 6.1.4 (l, m))."},
	{Scenario: "issuer-key-usage", Kind: Path, Rule: "An issuer's key usage has keyCertSign (RFC 5280, 6.1.4 (n))."},
	{Scenario: "client-eku", Kind: Path, Rule: "A server's extended key usage has serverAuth (RFC 5280, 4.2.1.12; RFC 8446, 4.4.2.2)."},
	{Scenario: "issuer-eku", Kind: Path, Rule: "A CA for other purposes does not vouch for servers: what browsers, Windows and Go agree on."},
	{Scenario: "leaf-key-usage", Kind: Path, Rule: "Key usage without digitalSignature forbids to sign a handshake (RFC 8446, 4.4.2.2)."},
	{Scenario: "critical-extension", Kind: Path, Rule: "A critical extension that is not understood refuses (RFC 5280, 4.2)."},
	{Scenario: "precertificate", Kind: Path, Rule: "The poison is a critical extension that nobody may accept (RFC 6962, 3.1)."},
	{Scenario: "explicit-policy", Kind: Path, Rule: "The issuer demands a policy, and the path has none (RFC 5280, 6.1.5 (g))."},

	{Scenario: "really-wrong-host", Kind: Name, Rule: "Neither name of the certificate is the host's (RFC 9525, 6.1).", Address: true},
	{Scenario: "wrong-host", Kind: Name, Rule: "Where there are names in the SAN the common name does not count (RFC 9525, 2)."},
	{Scenario: "wildcard-too-deep", Kind: Name, Rule: "A wildcard stands for one label (RFC 9525, 6.3)."},
	{Scenario: "ip-as-dns-name", Kind: Name, Rule: "An address is compared with iPAddress names alone (RFC 9525, 6.5).", Address: true},
	{Scenario: "common-name-only", Kind: Name, Rule: "The common name is no identifier of a server (RFC 9525, 2)."},
	{Scenario: "name-constraints", Kind: Name, Rule: "The CA may not issue for this name (RFC 5280, 4.2.1.10)."},
	{Scenario: "name-excluded", Kind: Name, Rule: "The CA is excluded from this name (RFC 5280, 4.2.1.10)."},
	{Scenario: "ip-range-excluded", Kind: Name, Rule: "The CA is excluded from this range of addresses (RFC 5280, 4.2.1.10).", Address: true},

	{Scenario: "wrong-key", Kind: Wire, Rule: "The handshake is signed with the certificate's key (RFC 8446, 4.4.3)."},
	{Scenario: "downgrade", Kind: Wire, Rule: "A server's random that ends in DOWNGRD says that somebody hid TLS 1.3 (RFC 8446, 4.1.3).", Needs13: true},

	{Scenario: "unparsable", Kind: Encoding, Rule: "What is no certificate is not accepted as one (RFC 5280, 4.1)."},
	{Scenario: "truncated", Kind: Encoding, Rule: "What is cut short is no certificate (RFC 5280, 4.1)."},
	{Scenario: "trailing-byte", Kind: Encoding, Rule: "Nothing stands behind a certificate (RFC 5280, 4.1)."},
	{Scenario: "long-length", Kind: Encoding, Rule: "DER has one form of a length (X.690, 10.1)."},
	{Scenario: "duplicate-extension", Kind: Encoding, Rule: "An extension stands once (RFC 5280, 4.2)."},
	{Scenario: "month-thirteen", Kind: Encoding, Rule: "A time that does not exist is no time (RFC 5280, 4.1.2.5)."},
	{Scenario: "algorithms-differ", Kind: Encoding, Rule: "Both places name the same signature algorithm (RFC 5280, 4.1.1.2)."},
	{Scenario: "negative-serial", Kind: Encoding, Rule: "Serial numbers are positive (RFC 5280, 4.1.2.2)."},

	{Scenario: "revoked", Kind: Revocation, Rule: "The CRL and the responder both say revoked (RFC 5280, 6.3; RFC 6960)."},
	{Scenario: "revoked-by-ocsp", Kind: Revocation, Rule: "The responder says revoked (RFC 6960, 2.2)."},
	{Scenario: "revoked-by-crl", Kind: Revocation, Rule: "The CRL lists the certificate (RFC 5280, 6.3.3)."},
	{Scenario: "revoked-by-staple", Kind: Revocation, Rule: "The server's own staple says revoked (RFC 6066, 8)."},
	{Scenario: "revoked-good-staple", Kind: Revocation, Rule: "A later CRL says what the staple could not know yet."},
	{Scenario: "revoked-intermediate", Kind: Revocation, Rule: "Every certificate of the path is looked up, not the first alone (RFC 5280, 6.1.3 (a)(3))."},
	{Scenario: "sources-disagree", Kind: Revocation, Rule: "One authentic source that says revoked is enough."},
	{Scenario: "must-staple-missing", Kind: Revocation, Rule: "The certificate promises a staple, and none came (RFC 7633, 4.2.3.1)."},
	{Scenario: "must-staple-stale", Kind: Revocation, Rule: "The certificate promises a staple, and an old one came (RFC 7633; RFC 6960, 3.2)."},
	{Scenario: "crl-indirect", Kind: Revocation, Rule: "The list is signed by the CRL issuer that the certificate names (RFC 5280, 6.3.3 (b))."},
	{Scenario: "crl-delta", Kind: Revocation, Rule: "The delta list revokes what the base does not (RFC 5280, 5.2.4)."},

	{Scenario: "ocsp-down", Kind: Info, Rule: "Nobody answers for the certificate: who goes on has no revocation against an attacker."},
	{Scenario: "missing-intermediate", Kind: Info, Rule: "Some clients fetch the intermediate that the certificate names (AIA)."},
	{Scenario: "equivalent-names", Kind: Info, Rule: "Names in other capitals are equal (RFC 5280, 7.1); many compare octets."},
	{Scenario: "good-ed25519", Kind: Info, Rule: "Ed25519 certificates are allowed (RFC 8410), and browsers do not take them."},
	{Scenario: "critical-must-staple", Kind: Info, Rule: "The TLS feature extension may be critical (RFC 7633, 4)."},
	{Scenario: "sct-none", Kind: Info, Rule: "No client asks for Certificate Transparency below a private root."},
	{Scenario: "silent", Kind: Info, Rule: "The server never answers: does the client give up by itself?", Last: true},
}

// The exams.
const (
	LabExam        = "lab"        // the lab's own scenarios
	X509ErrorsExam = "x509errors" // the collection of x509errors.org, forged anew
)

// Exams are their names.
var Exams = []string{LabExam, X509ErrorsExam}

// Questions returns an exam in its order: what a browser caches of an earlier question is good news
// first. There is none by another name.
func Questions(exam string) []Question {
	switch exam {
	case LabExam:
		return slices.Clone(labExam)
	case X509ErrorsExam:
		return slices.Clone(x509errorsExam)
	}
	return nil
}

// Choose returns the questions of an exam whose names match one of the patterns (path.Match), and the controls, without
// which there is no score; all without patterns. A pattern that no name matches is an error.
func Choose(exam string, patterns []string) (out []Question, err error) {
	all := Questions(exam)
	if len(patterns) == 0 {
		return all, nil
	}
	for _, q := range all {
		wanted := slices.Contains(controls, q.Scenario) || slices.Contains(refusals, q.Scenario)
		for _, p := range patterns {
			ok, err := path.Match(p, q.Scenario)
			if err != nil {
				return nil, fmt.Errorf("bad pattern %q: %w", p, err)
			}
			wanted = wanted || ok
		}
		if wanted {
			out = append(out, q)
		}
	}
	for _, p := range patterns {
		if !slices.ContainsFunc(all, func(q Question) bool { ok, _ := path.Match(p, q.Scenario); return ok }) { // it was a pattern above
			return nil, fmt.Errorf("the exam %s has no question %q", exam, p)
		}
	}
	return out, nil
}
