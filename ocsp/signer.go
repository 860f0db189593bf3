package ocsp

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// authentic reports whether the response is signed by the issuer or by a
// responder that the issuer itself appointed (RFC 6960, 4.2.2.2), and says why
// not otherwise.
func (c *check) authentic(r *Response) bool {
	// The issuer is tried first when it is named octet for octet, and else last:
	// bringing names into the form that is compared costs more than the rest.
	byIssuer := r.ResponderKey != nil && c.isIssuer(r) || r.ResponderKey == nil && bytes.Equal(r.ResponderName, c.q.Issuer.RawSubject)
	var err error
	if byIssuer {
		if err = c.verify(c.q.Issuer.Key, r); err == nil {
			return c.signedByIssuer(r)
		}
	}
	// Of several enclosed certificates the first that counts is taken; if none
	// does, the first one's defect is told.
	var first []finding.Finding
	before := len(c.res.Findings)
	for _, der := range r.Certs {
		if bytes.Equal(der, c.q.Issuer.Raw) { // the issuer itself is no delegate
			continue
		}
		d := cert.Parse(der)
		if !c.named(r, d.RawSubject, d.Subject.Canon, d.Key.KeyBits) {
			continue
		}
		if c.sigs >= maxSignature {
			c.add(finding.OCSPBudget, "detail", "more than "+strconv.Itoa(maxSignature)+" signatures to verify")
			return false
		}
		if c.delegate(r, d) {
			c.signer = d
			c.res.Answer.Signer = d.Subject.String()
			return true
		}
		if first == nil {
			first = slices.Clone(c.res.Findings[before:])
		}
		c.res.Findings = c.res.Findings[:before]
	}
	if !byIssuer && c.isIssuer(r) {
		byIssuer = true
		if err = c.verify(c.q.Issuer.Key, r); err == nil {
			return c.signedByIssuer(r)
		}
	}
	switch {
	case first != nil:
		c.res.Findings = append(c.res.Findings, first...)
	case byIssuer:
		c.badSignature(r, err)
	default:
		c.add(finding.OCSPResponderUnknown, "responder", responder(r))
	}
	return false
}

// isIssuer reports whether the ResponderID names the issuer.
func (c *check) isIssuer(r *Response) bool {
	return c.named(r, c.q.Issuer.RawSubject, c.q.Issuer.Subject.Canon, c.q.Issuer.Key.KeyBits)
}

// named reports whether the ResponderID is this name, or the hash of this key.
func (c *check) named(r *Response, rawName []byte, canon string, keyBits []byte) bool {
	if r.ResponderKey != nil {
		sum := sha1.Sum(keyBits)
		return bytes.Equal(r.ResponderKey, sum[:])
	}
	if bytes.Equal(r.ResponderName, rawName) {
		return true
	}
	n, fs := cert.ParseName(r.ResponderName)
	return len(fs) == 0 && n.Canon == canon
}

// verify checks the response's signature.
func (c *check) verify(key *cert.PublicKey, r *Response) error {
	c.sigs++
	return key.Verify(c.q.Memo, r.Algorithm, r.RawTBS, r.Signature)
}

func (c *check) signedByIssuer(r *Response) bool {
	c.res.Answer.Signer = c.q.Issuer.Subject.String()
	hash, key := c.hash(r.Algorithm, ""), c.key(c.q.Issuer.Key)
	return hash && key
}

func (c *check) badSignature(r *Response, err error) {
	if err == cert.ErrUnsupported || r.Algorithm.Weak == "MD5" {
		c.add(finding.OCSPSignatureUnsupported, "algorithm", r.Algorithm.Described())
		return
	}
	detail := "it is not the signature of " + responder(r)
	if err != nil && err != cert.ErrBadSignature {
		detail = err.Error()
	}
	c.add(finding.OCSPSignatureInvalid, "detail", detail)
}

// hash and key report whether what signed is as strong as is asked for, and note
// what is out of date. where says where a signature stands that is not the
// response's.
func (c *check) hash(a cert.Algorithm, where string) bool {
	_, bits, all := c.q.SecurityLevel.Least(c.q.MinRSA)
	n := a.Strength()
	ok := !all || n < 0 || n >= bits
	if !ok || a.Weak != "" {
		c.weak(a.Name+where, ok)
	}
	return ok
}

func (c *check) key(k *cert.PublicKey) bool {
	rsa, bits, all := c.q.SecurityLevel.Least(c.q.MinRSA)
	if c.q.MinRSA == 0 {
		rsa = 0
	}
	ok := !k.Below(rsa, bits, all)
	if !ok || k.Exponent > 0 && k.Bits < minRSABits {
		what := k.Algorithm + " key"
		if k.Bits > 0 {
			what += " of " + strconv.Itoa(k.Bits) + " bits"
		}
		c.weak(what, ok)
	}
	return ok
}

func (c *check) weak(what string, counts bool) {
	f := finding.New(finding.OCSPWeakSignature, "algorithm", what)
	if !counts {
		f = f.Graded(finding.Inconclusive, "the required key strength")
	}
	c.addFinding(f)
}

// delegate reports whether d signed r and may: issued directly by the issuer's
// own key, for OCSP signing, and valid now.
func (c *check) delegate(r *Response, d *cert.Certificate) bool {
	if err := c.verify(d.Key, r); err != nil {
		c.badSignature(r, err)
		return false
	}
	refuse := func(detail string) bool {
		c.add(finding.OCSPResponderUnauthorized, "responder", d.Subject.String(), "detail", detail)
		return false
	}
	if d.Issuer.Canon != c.q.Issuer.Subject.Canon {
		return refuse("its certificate is not from the issuer of the certificate in question")
	}
	c.sigs++
	if err := d.VerifySignatureFrom(c.q.Memo, c.q.Issuer.Key); err != nil {
		return refuse("its certificate is not signed by the issuer of the certificate in question: " + err.Error())
	}
	if !slices.Contains(d.ExtKeyUsage, oidOCSPSigning) {
		return refuse("its certificate is not for OCSP signing (id-kp-OCSPSigning)")
	}
	if d.HasKeyUsage && d.KeyUsage&(cert.DigitalSignature|cert.ContentCommitment) == 0 {
		return refuse("its certificate's key usage does not allow signatures")
	}
	for _, x := range d.Extensions {
		if x.Critical && !x.Known {
			return refuse("its certificate has the unknown critical extension " + x.OID)
		}
	}
	for _, f := range d.Findings {
		if f.Kind().Class == finding.ClassEncoding && f.Severity >= finding.Error {
			return refuse("its certificate is malformed: " + f.Title())
		}
	}
	now := c.q.Time
	switch {
	case d.NotAfter.Before(now.Add(-c.q.Skew)):
		c.add(finding.OCSPResponderExpired, "responder", d.Subject.String(), "detail", "it expired on "+finding.Time(d.NotAfter))
		return false
	case d.NotBefore.After(now.Add(c.q.Skew)):
		c.add(finding.OCSPResponderExpired, "responder", d.Subject.String(), "detail", "it begins on "+finding.Time(d.NotBefore))
		return false
	}
	hash, key, by := c.hash(r.Algorithm, ""), c.key(d.Key), c.hash(d.Algorithm, " on the responder's certificate")
	return hash && key && by
}

// delegateStatus is what the responder's own revocation leaves of its answer
// (RFC 6960, 4.2.2.2.1): Good, all; Unknown, no "good"; Revoked, nothing. A
// responder with id-pkix-ocsp-nocheck is trusted for its lifetime, unless
// somebody knows that it is revoked; one that names nobody to ask is left to
// the relying party.
func (c *check) delegateStatus() report.Status {
	d := c.signer
	if d == nil {
		return report.Good
	}
	var status report.Status
	var note *finding.Finding
	switch {
	case c.q.Delegate != nil:
		status, note = c.q.Delegate(d)
	case d.OCSPNoCheck:
		status = report.Good
	case len(d.CRLPoints) == 0:
		f := finding.New(finding.OCSPResponderUnchecked, "responder", c.res.Answer.Signer, "detail", "it names no list").
			Graded(finding.Warning, "there is no source to ask")
		status, note = report.Good, &f
	}
	if note == nil && status == report.Revoked {
		f := finding.New(finding.OCSPResponderRevoked, "responder", c.res.Answer.Signer)
		note = &f
	} else if note == nil && status != report.Good {
		f := finding.New(finding.OCSPResponderUnchecked, "responder", c.res.Answer.Signer, "detail", "nobody has looked")
		note = &f
	}
	if note != nil {
		c.addFinding(*note)
	}
	if status != report.Good && status != report.Revoked {
		return report.Unknown
	}
	return status
}

// Responder describes the ResponderID: a name, or the hash of a key.
func (r *Response) Responder() string { return responder(r) }

// responder describes the ResponderID.
func responder(r *Response) string {
	if r.ResponderKey != nil {
		return "key " + hex.EncodeToString(r.ResponderKey)
	}
	n, _ := cert.ParseName(r.ResponderName)
	return n.String()
}
