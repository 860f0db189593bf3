package crl

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// maxSignatures bounds the signatures that one Check verifies.
const maxSignatures = 512

// maxSigners bounds the keys that are tried on one list.
const maxSigners = 16

// right is what lets the signer of a list speak about the certificate.
type right int

const (
	ownKey      right = iota // it is the key that issued the certificate
	listKey                  // the issuer certified it for signing lists and nothing else (PKITS 4.5.6)
	twinKey                  // the issuer may not sign lists, and whoever certified it certified this key for that (PKITS 4.4.19)
	namedIssuer              // the certificate names it as its CRL issuer, and the list is indirect
	otherKey                 // none of these: another key of the issuer's name
)

// leaves says for people what the right of a signer other than the issuer is.
var leaves = [...]string{
	listKey:     "signed with a key that the issuer certified for its lists alone",
	twinKey:     "signed with the key for lists that was certified beside the issuer's, which may not sign lists",
	namedIssuer: "signed by the CRL issuer that the certificate names",
	otherKey:    "",
}

// signature is who signed a list.
type signature struct {
	cert   *cert.Certificate
	right  right
	status report.Status    // Good, or Unknown when it may be revoked
	note   *finding.Finding // what is to be said about the signer; never nil when status is not Good
}

// weight orders signers by what their lists may say: less is more.
func (s signature) weight() int {
	if s.status != report.Good {
		return int(s.right) + len(leaves)
	}
	return int(s.right)
}

// signer finds the certificate whose key signed l and that may sign lists for
// the path being judged (RFC 5280, 6.3.3 (f), (g)). Without one the finding
// says why.
func (j *judge) signer(l *List) (by signature, why *finding.Finding) {
	alg := l.Algorithm
	if alg.Weak == "MD5" {
		return by, found(finding.CRLHashBroken, "algorithm", alg.Name)
	}
	if hasFinding(l, finding.CRLAlgorithmMismatch) {
		return by, found(finding.CRLSignatureUnsupported, "algorithm", alg.Name, "detail", "the list names two algorithms")
	}
	candidates := j.candidates(l)
	if len(candidates) == 0 {
		return by, found(finding.CRLIssuerUnknown, "issuer", l.Issuer.String())
	}
	if len(candidates) > maxSigners {
		return by, found(finding.CRLBudget, "detail", fmt.Sprintf("%d certificates may have signed one list, the limit is %d", len(candidates), maxSigners))
	}
	for _, c := range candidates {
		if j.signatures++; j.signatures > maxSignatures {
			return by, found(finding.CRLBudget, "detail", fmt.Sprintf("more than %d signatures", maxSignatures))
		}
		s, f := j.signedBy(l, c)
		if f == nil {
			// One key may have several certificates: the one that lets the list say most counts.
			if by.cert == nil || s.weight() < by.weight() {
				by = s
			}
			if by.weight() == int(ownKey) {
				break
			}
			continue
		}
		// A signature that fits says more than one that does not.
		if why == nil || why.ID == finding.CRLSignatureInvalid {
			why = f
		}
	}
	if by.cert != nil {
		return by, nil
	}
	return by, why
}

// rightOf says by what right c, which signed l, speaks about the certificate.
// A name is not enough: an authority keeps its name when it gets a new key.
func (j *judge) rightOf(l *List, c *cert.Certificate) right {
	issuer := j.q.Issuer
	switch {
	case !sameName(l.Issuer, j.q.Cert.Issuer):
		return namedIssuer // scopeOf wants the certificate to name it, and the list to be indirect
	case issuer != nil && bytes.Equal(c.RawSPKI, issuer.RawSPKI):
		return ownKey
	case issuer == nil || !onlyLists(c):
		return otherKey
	case j.certifiedBy(c, issuer):
		return listKey
	case len(j.q.Above) > 0 && issuer.HasKeyUsage && issuer.KeyUsage&cert.CRLSign == 0 && j.certifiedBy(c, j.q.Above[0]):
		return twinKey
	}
	return otherKey
}

// onlyLists reports whether c's key is for signing lists and not for
// certificates. A key that signs certificates too has lists of its own, which
// say nothing about the certificates of other keys.
func onlyLists(c *cert.Certificate) bool {
	return c.HasKeyUsage && c.KeyUsage&cert.CRLSign != 0 && c.KeyUsage&cert.KeyCertSign == 0
}

// certifiedBy reports whether by's key signed the certificate c.
func (j *judge) certifiedBy(c, by *cert.Certificate) bool {
	if !sameName(c.Issuer, by.Subject) {
		return false
	}
	j.signatures++
	return j.signatures <= maxSignatures && c.VerifySignatureFrom(j.q.Memo, by.Key) == nil
}

// signedBy checks that c signed l and may do so.
func (j *judge) signedBy(l *List, c *cert.Certificate) (by signature, why *finding.Finding) {
	name := c.Subject.String()
	switch err := l.VerifySignature(j.q.Memo, c.Key); {
	case err == nil:
	case errors.Is(err, cert.ErrBadSignature):
		return by, found(finding.CRLSignatureInvalid, "signer", name)
	case errors.Is(err, cert.ErrKeyTooSmall):
		return by, found(finding.CRLKeyWeak, "key", keyText(c.Key), "signer", name)
	default:
		var e *Error
		if errors.As(err, &e) {
			f := e.Finding()
			return by, &f
		}
		return by, found(finding.CRLSignatureUnsupported, "algorithm", l.Algorithm.Described(), "detail", err.Error())
	}
	rsa, bits, all := j.q.SecurityLevel.Least(j.q.MinRSA)
	if c.Key.Below(rsa, bits, all) {
		return by, found(finding.CRLKeyWeak, "key", keyText(c.Key), "signer", name)
	}
	if n := l.Algorithm.Strength(); all && n >= 0 && n < bits {
		f := finding.New(finding.CRLHashWeak, "algorithm", l.Algorithm.Name).Graded(finding.Inconclusive, "security level "+j.q.SecurityLevel.String())
		return by, &f
	}
	onPath := same(c, j.q.Issuer) || slices.ContainsFunc(j.q.Above, func(o *cert.Certificate) bool { return same(o, c) })
	if c.HasKeyUsage && c.KeyUsage&cert.CRLSign == 0 || !c.HasKeyUsage && !c.CA && !onPath {
		return by, found(finding.CRLSignNotAllowed, "signer", name)
	}
	by = signature{cert: c, right: j.rightOf(l, c), status: report.Good}
	if onPath {
		return by, nil
	}
	if by.status = ""; j.q.Signer != nil {
		by.status, by.note = j.q.Signer(c)
	}
	usual := finding.CRLIssuerUnchecked
	switch by.status {
	case report.Good:
		return by, nil
	case report.Revoked:
		usual = finding.CRLIssuerRevoked
	case "":
		usual = finding.CRLIssuerUntrusted
	}
	if by.note == nil {
		by.note = found(usual, "signer", name)
	}
	if usual != finding.CRLIssuerUnchecked {
		return by, by.note
	}
	return by, nil
}

// candidates are the certificates with the name of l's issuer, the likeliest first.
func (j *judge) candidates(l *List) (out []*cert.Certificate) {
	add := func(c *cert.Certificate) {
		if c != nil && len(out) <= maxSigners && sameName(c.Subject, l.Issuer) && !slices.ContainsFunc(out, func(o *cert.Certificate) bool { return same(o, c) }) {
			out = append(out, c)
		}
	}
	add(j.q.Issuer)
	for _, c := range j.q.Above {
		add(c)
	}
	for _, c := range j.q.Pool {
		add(c)
	}
	fits := func(c *cert.Certificate) int {
		if len(l.AuthorityKeyID) > 0 && len(c.SubjectKeyID) > 0 && !bytes.Equal(l.AuthorityKeyID, c.SubjectKeyID) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(out, func(a, b *cert.Certificate) int { return fits(a) - fits(b) })
	return out
}

func same(a, b *cert.Certificate) bool { return a != nil && b != nil && a.SHA256 == b.SHA256 }

func keyText(k *cert.PublicKey) string {
	if k.Curve != "" {
		return k.Algorithm + " " + k.Curve
	}
	return fmt.Sprintf("%s %d", k.Algorithm, k.Bits)
}

func found(id finding.ID, kv ...string) *finding.Finding {
	f := finding.New(id, kv...)
	return &f
}

func hasFinding(l *List, id finding.ID) bool {
	return slices.ContainsFunc(l.Findings, func(f finding.Finding) bool { return f.ID == id })
}
