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

// signer finds the certificate whose key signed l and that may sign lists for
// the path being judged (RFC 5280, 6.3.3 (f), (g)). Without one the finding
// says why.
func (j *judge) signer(l *List) (*cert.Certificate, *finding.Finding) {
	alg := l.Algorithm
	if alg.Weak == "MD5" {
		return nil, found(finding.CRLHashBroken, "algorithm", alg.Name)
	}
	if hasFinding(l, finding.CRLAlgorithmMismatch) {
		return nil, found(finding.CRLSignatureUnsupported, "algorithm", alg.Name, "detail", "the list names two algorithms")
	}
	candidates := j.candidates(l)
	if len(candidates) == 0 {
		return nil, found(finding.CRLIssuerUnknown, "issuer", l.Issuer.String())
	}
	if len(candidates) > maxSigners {
		return nil, found(finding.CRLBudget, "detail", fmt.Sprintf("%d certificates may have signed one list, the limit is %d", len(candidates), maxSigners))
	}
	var why *finding.Finding
	for _, c := range candidates {
		if *j.signatures++; *j.signatures > maxSignatures {
			return nil, found(finding.CRLBudget, "detail", fmt.Sprintf("more than %d signatures", maxSignatures))
		}
		f := j.signedBy(l, c)
		if f == nil {
			return c, nil
		}
		// A signature that fits says more than one that does not.
		if why == nil || why.ID == finding.CRLSignatureInvalid {
			why = f
		}
	}
	return nil, why
}

// signedBy checks that c signed l and may do so.
func (j *judge) signedBy(l *List, c *cert.Certificate) *finding.Finding {
	name := c.Subject.String()
	switch err := l.VerifySignature(j.q.Memo, c.Key); {
	case err == nil:
	case errors.Is(err, cert.ErrBadSignature):
		return found(finding.CRLSignatureInvalid, "signer", name)
	case errors.Is(err, cert.ErrKeyTooSmall):
		return found(finding.CRLKeyWeak, "key", keyText(c.Key), "signer", name)
	default:
		var e *Error
		if errors.As(err, &e) {
			f := e.Finding()
			return &f
		}
		return found(finding.CRLSignatureUnsupported, "algorithm", l.Algorithm.Name, "detail", err.Error())
	}
	least := j.q.MinRSA
	if least == 0 {
		least = 2048
	}
	if k := c.Key; k.Exponent != 0 && k.Bits < least || k.Curve != "" && k.Bits < 224 {
		return found(finding.CRLKeyWeak, "key", keyText(k), "signer", name)
	}
	onPath := same(c, j.q.Issuer) || same(c, j.q.Anchor)
	if c.HasKeyUsage && c.KeyUsage&cert.CRLSign == 0 || !c.HasKeyUsage && !c.CA && !onPath {
		return found(finding.CRLSignNotAllowed, "signer", name)
	}
	if onPath {
		return nil
	}
	if j.q.Anchored == nil || !j.q.Anchored(c) {
		return found(finding.CRLIssuerUntrusted, "signer", name)
	}
	if j.signerStatus(c) == report.Revoked {
		return found(finding.CRLIssuerRevoked, "signer", name)
	}
	return nil
}

// signerStatus judges a separate CRL issuer by the lists at hand, except those
// that it signed itself.
func (j *judge) signerStatus(c *cert.Certificate) report.Status {
	for i, s := range j.signers {
		if same(s, c) {
			return j.signerStatuses[i]
		}
	}
	status := report.Unknown
	if len(j.without) < maxSignerDepth {
		q := j.q
		q.Cert = c
		for _, issuer := range append([]*cert.Certificate{j.q.Anchor, j.q.Issuer}, j.q.Pool...) {
			if issuer == nil || !sameName(issuer.Subject, c.Issuer) {
				continue
			}
			if *j.signatures++; *j.signatures > maxSignatures || c.VerifySignatureFrom(j.q.Memo, issuer.Key) != nil {
				continue
			}
			q.Issuer = issuer
			sub := &judge{q: q, signatures: j.signatures, without: append(j.without[:len(j.without):len(j.without)], c)}
			of := sub.check(j.ctx)
			for i, u := range of.Used {
				j.res.Used[i].Answered = j.res.Used[i].Answered || u.Answered
				j.res.Used[i].Revoked = j.res.Used[i].Revoked || u.Revoked
			}
			if status = of.Status; status != report.Unknown {
				break
			}
		}
	}
	j.signers, j.signerStatuses = append(j.signers, c), append(j.signerStatuses, status)
	return status
}

// maxSignerDepth bounds the chain of CRL issuers whose own lists have CRL
// issuers of their own.
const maxSignerDepth = 2

// candidates are the certificates with the name of l's issuer, the likeliest first.
func (j *judge) candidates(l *List) (out []*cert.Certificate) {
	for _, c := range append([]*cert.Certificate{j.q.Issuer, j.q.Anchor}, j.q.Pool...) {
		if c == nil || !sameName(c.Subject, l.Issuer) || slices.ContainsFunc(j.without, func(o *cert.Certificate) bool { return same(o, c) }) || slices.ContainsFunc(out, func(o *cert.Certificate) bool { return same(o, c) }) {
			continue
		}
		if out = append(out, c); len(out) > maxSigners {
			break
		}
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
