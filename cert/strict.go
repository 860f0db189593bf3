package cert

import (
	"strconv"

	"github.com/assaytls/assay/finding"
)

// rule is one rule of RFC 5280's profile that strict mode adds, judged on one
// certificate alone. Rules that need the path (OpenSSL's code 85, and the
// right of an issuer) are certpath's.
type rule struct {
	id    finding.ID
	code  int    // X509_V_ERR number, 0 where OpenSSL has none
	spec  string // the clause that says MUST, or SHOULD where should is set
	check func(r *strictRun)
	// should marks a recommendation: its findings are warnings.
	should bool
}

// strictRules is the table: one row per rule.
var strictRules = [...]rule{
	{finding.PathLenWithoutCA, 80, "RFC 5280, 4.2.1.9", pathLenWithoutCA, false},
	{finding.PathLenWithoutCertSign, 81, "RFC 5280, 4.2.1.9", pathLenWithoutCertSign, false},
	{finding.CertSignWithoutCA, 82, "RFC 5280, 4.2.1.3 and 4.2.1.9", certSignWithoutCA, false},
	{finding.IssuerEmpty, 83, "RFC 5280, 4.1.2.4", issuerEmpty, false},
	{finding.SubjectEmpty, 84, "RFC 5280, 4.1.2.6", subjectEmpty, false},
	{finding.SubjectKeyIDAbsent, 86, "RFC 5280, 4.2.1.2", subjectKeyIDAbsent, false},
	{finding.SANNotCritical, 88, "RFC 5280, 4.2.1.6", sanNotCritical, false},
	{finding.BasicConstraintsNotCritical, 89, "RFC 5280, 4.2.1.9", basicConstraintsNotCritical, false},
	{finding.KeyUsageAbsent, 92, "RFC 5280, 4.2.1.3", keyUsageAbsent, false},
	{finding.UniqueIDPresent, 0, "RFC 5280, 4.1.2.8", uniqueIDs, false},
	{finding.SerialZero, 0, "RFC 5280, 4.1.2.2", raise(finding.SerialZero), false},
	{finding.TimeTypeWrong, 0, "RFC 5280, 4.1.2.5", raise(finding.TimeTypeWrong), false},
	{finding.EncodingDefault, 0, "X.690, 11.5", raise(finding.EncodingDefault), false},
	{finding.EncodingNamedBits, 0, "X.690, 11.2.2", raise(finding.EncodingNamedBits), false},
	{finding.AlgorithmParametersNull, 0, "RFC 4055, 5; RFC 5758, 3.2", raise(finding.AlgorithmParametersNull), false},
	{finding.NameStringOdd, 0, "X.680, 41.4", raise(finding.NameStringOdd), false},
	{finding.NameStringType, 0, "RFC 5280, 4.1.2.4 and appendix A.1", nameStringTypes, false},
	{finding.NameAttributeTooLong, 0, "RFC 5280, appendix A.1", nameLengths, false},
	{finding.EmailNotInSAN, 0, "RFC 5280, 4.1.2.6", emailNotInSAN, false},
	{finding.AuthorityKeyIDIncomplete, 0, "RFC 5280, 4.2.1.1", authorityKeyIDIncomplete, false},
	{finding.KeyUsageWrongForKey, 0, "RFC 3279, 2.3.1; RFC 5480, 3; RFC 8813, 3; RFC 8410, 5; RFC 9881, 5", keyUsageForKey, false},
	{finding.KeyUsageInconsistent, 0, "RFC 5280, 4.2.1.12", keyUsageInconsistent, false},
	{finding.ExtensionNotCritical, 0, "RFC 5280, 4.2.1.10, 4.2.1.11 and 4.2.1.14", mustBeCritical, false},
	{finding.ExtensionNotCritical, 0, "RFC 5280, 4.2.1.3 and 4.2.1.5", shouldBeCritical, true},
	{finding.ExtensionCritical, 0, "RFC 5280, 4.2.1.8, 4.2.1.15 and 4.2.2.2", mustNotBeCritical, false},
	{finding.ExtensionCritical, 0, "RFC 5280, 4.2.1.7, 4.2.1.12 and 4.2.1.13", shouldNotBeCritical, true},
	{finding.ExtensionNeedsCA, 0, "RFC 5280, 4.2.1.10, 4.2.1.11 and 4.2.1.14", needsCA, false},
	{finding.PolicyQualifierBad, 0, "RFC 5280, 4.2.1.4", policyQualifiers, false},
	{finding.PolicyMappingUnasserted, 0, "RFC 5280, 4.2.1.5", mappingsAsserted, true},
	{finding.GeneralNameSyntax, 0, "RFC 5280, 4.2.1.6", generalNameSyntax, false},
	{finding.NameConstraintDistance, 0, "RFC 5280, 4.2.1.10", constraintDistance, false},
	{finding.DistributionPointIncomplete, 0, "RFC 5280, 4.2.1.13", pointsComplete, false},
}

// strictRun is one judgement of one certificate by one rule.
type strictRun struct {
	c     *Certificate
	rule  *rule
	found []finding.Finding
}

// Strict returns the findings that strict mode adds to c's. They are made when
// they are first asked for, and must not be changed.
func (c *Certificate) Strict() []finding.Finding {
	c.strictOnce.Do(func() { c.strict = judgeStrict(c) })
	return c.strict
}

// judgeStrict runs the table.
func judgeStrict(c *Certificate) []finding.Finding {
	r := strictRun{c: c}
	for i := range strictRules {
		r.rule = &strictRules[i]
		r.rule.check(&r)
	}
	return r.found
}

func (r *strictRun) flag(off int, field, detail string) {
	r.add(finding.New(r.rule.id, "offset", strconv.Itoa(max(off, 0)), "field", field, "detail", detail))
}

func (r *strictRun) add(f finding.Finding) {
	if r.rule.should {
		f = f.Graded(finding.Warning, "the standard recommends it but does not require it")
	}
	if len(r.found) < maxFindings {
		r.found = append(r.found, f)
	}
}

// full reports whether no more findings are kept: what could only add more need
// not be looked for.
func (r *strictRun) full() bool { return len(r.found) == maxFindings }

// raise repeats the findings of kind id, which are warnings by default, as the
// errors they are to the letter.
func raise(id finding.ID) func(*strictRun) {
	return func(r *strictRun) {
		for _, f := range r.c.Findings {
			if f.ID == id && f.Severity == finding.Warning {
				r.add(f.Graded(finding.Error, "--strict"))
			}
		}
	}
}

// StrictFindings returns what strict mode finds: Findings and Strict's, without
// the warnings that Strict repeats as errors.
func (c *Certificate) StrictFindings() []finding.Finding {
	strict := c.Strict()
	all := make([]finding.Finding, 0, len(c.Findings)+len(strict))
	for _, f := range c.Findings {
		repeated := false
		for _, s := range strict {
			repeated = repeated || s.ID == f.ID && s.Param("offset") == f.Param("offset")
		}
		if !repeated {
			all = append(all, f)
		}
	}
	return append(all, strict...)
}

// ext returns the first extension with oid, nil when there is none.
func (c *Certificate) ext(oid string) *Extension {
	for i := range c.Extensions {
		if c.Extensions[i].OID == oid {
			return &c.Extensions[i]
		}
	}
	return nil
}

// at returns the offset of the first extension with oid, 0 when there is none.
func (c *Certificate) at(oid string) int {
	if x := c.ext(oid); x != nil {
		return x.Offset
	}
	return 0
}

func pathLenWithoutCA(r *strictRun) {
	if c := r.c; c.PathLen >= 0 && !c.CA {
		r.flag(c.at(oidBasicConstraints), "extensions.basicConstraints", "pathLenConstraint "+strconv.Itoa(c.PathLen))
	}
}

func pathLenWithoutCertSign(r *strictRun) {
	if c := r.c; c.PathLen >= 0 && c.CA && c.HasKeyUsage && c.KeyUsage&KeyCertSign == 0 {
		r.flag(c.at(oidBasicConstraints), "extensions.basicConstraints", "pathLenConstraint "+strconv.Itoa(c.PathLen))
	}
}

func certSignWithoutCA(r *strictRun) {
	if c := r.c; c.KeyUsage&KeyCertSign != 0 && !c.CA {
		r.flag(c.at(oidKeyUsage), "extensions.keyUsage", "keyCertSign")
	}
}

func issuerEmpty(r *strictRun) {
	if c := r.c; c.RawIssuer != nil && c.Issuer.Empty() {
		r.flag(offsetIn(c.Raw, c.RawIssuer), "issuer", "no attributes")
	}
}

func subjectEmpty(r *strictRun) {
	if c := r.c; c.RawSubject != nil && c.Subject.Empty() && (c.CA || !c.HasSAN) {
		r.flag(offsetIn(c.Raw, c.RawSubject), "subject", "no attributes")
	}
}

func subjectKeyIDAbsent(r *strictRun) {
	if c := r.c; c.CA && c.ext(oidSubjectKeyID) == nil {
		r.flag(0, "extensions.subjectKeyIdentifier", "absent")
	}
}

func sanNotCritical(r *strictRun) {
	if x := r.c.ext(oidSAN); x != nil && !x.Critical && r.c.RawSubject != nil && r.c.Subject.Empty() {
		r.flag(x.Offset, sanField, "not critical")
	}
}

func basicConstraintsNotCritical(r *strictRun) {
	if x := r.c.ext(oidBasicConstraints); x != nil && !x.Critical && r.c.CA {
		r.flag(x.Offset, "extensions.basicConstraints", "not critical")
	}
}

func keyUsageAbsent(r *strictRun) {
	if r.c.CA && r.c.ext(oidKeyUsage) == nil {
		r.flag(0, "extensions.keyUsage", "absent")
	}
}

func uniqueIDs(r *strictRun) {
	for _, u := range r.c.uniqueIDs {
		r.flag(u.offset, u.field, "present")
	}
}

func authorityKeyIDIncomplete(r *strictRun) {
	switch c := r.c; {
	case !c.HasAuthorityKeyID:
	case (c.AuthorityIssuer == nil) != (c.AuthoritySerial == nil):
		r.flag(c.at(oidAuthorityKeyID), "extensions.authorityKeyIdentifier", "issuer and serial number go together")
	case c.AuthorityKeyID == nil && !c.SelfIssued():
		r.flag(c.at(oidAuthorityKeyID), "extensions.authorityKeyIdentifier", "no keyIdentifier")
	}
}

// keyUsageForKey compares the key usage with what the kind of key can do.
func keyUsageForKey(r *strictRun) {
	c := r.c
	if !c.HasKeyUsage || c.Key == nil {
		return
	}
	var never KeyUsage
	switch c.Key.Kind {
	case KeyRSA, KeyPSS:
		never = KeyAgreement | EncipherOnly | DecipherOnly
	case KeyECDSA:
		never = KeyEncipherment | DataEncipherment
	case KeyEd25519, KeyEd448, KeyMLDSA: // RFC 8410, 5; RFC 9881, 5
		never = KeyEncipherment | DataEncipherment | KeyAgreement | EncipherOnly | DecipherOnly
	case KeyX25519, KeyX448:
		never = DigitalSignature | ContentCommitment | KeyCertSign | CRLSign | KeyEncipherment | DataEncipherment
	}
	bad := c.KeyUsage & never
	if c.KeyUsage&KeyAgreement == 0 {
		bad |= c.KeyUsage & (EncipherOnly | DecipherOnly)
	}
	if bad != 0 {
		r.flag(c.at(oidKeyUsage), "extensions.keyUsage", bad.Names()[0]+" with "+c.Key.Algorithm)
	}
}

// keyUsageInconsistent looks for key purposes none of whose key usages is set
// (RFC 5280, 4.2.1.12 lists them).
func keyUsageInconsistent(r *strictRun) {
	c := r.c
	if !c.HasKeyUsage || c.CA {
		return
	}
	for _, oid := range c.ExtKeyUsage {
		var fit KeyUsage
		switch oid {
		case "1.3.6.1.5.5.7.3.1": // serverAuth
			fit = DigitalSignature | KeyEncipherment | KeyAgreement
		case "1.3.6.1.5.5.7.3.2": // clientAuth
			fit = DigitalSignature | KeyAgreement
		case "1.3.6.1.5.5.7.3.3": // codeSigning
			fit = DigitalSignature
		case "1.3.6.1.5.5.7.3.4": // emailProtection
			fit = DigitalSignature | ContentCommitment | KeyEncipherment | KeyAgreement
		case "1.3.6.1.5.5.7.3.8", "1.3.6.1.5.5.7.3.9": // timeStamping, OCSPSigning
			fit = DigitalSignature | ContentCommitment
		}
		if fit != 0 && c.KeyUsage&fit == 0 {
			r.flag(c.at(oidExtKeyUsage), "extensions.extKeyUsage", OIDName(oid))
		}
	}
}

// critical checks the criticality of the extensions named.
func (r *strictRun) critical(want bool, oids ...string) {
	for _, oid := range oids {
		if x := r.c.ext(oid); x != nil && x.Critical != want {
			r.flag(x.Offset, "extensions."+OIDName(oid), "critical is "+strconv.FormatBool(x.Critical))
		}
	}
}

func mustBeCritical(r *strictRun) {
	r.critical(true, oidNameConstraints, oidPolicyConstraints, oidInhibitAnyPolicy)
}

func shouldBeCritical(r *strictRun) { r.critical(true, oidKeyUsage, oidPolicyMappings) }

func mustNotBeCritical(r *strictRun) {
	r.critical(false, oidFreshestCRL, oidSIA, oidSubjectDirectory, oidNoRevAvail)
}

func shouldNotBeCritical(r *strictRun) {
	r.critical(false, oidIAN, oidCRLPoints)
	for _, oid := range r.c.ExtKeyUsage {
		if oid == oidAnyExtKeyUsage {
			r.critical(false, oidExtKeyUsage)
			break
		}
	}
}

func needsCA(r *strictRun) {
	if r.c.CA {
		return
	}
	for _, oid := range [...]string{oidNameConstraints, oidPolicyConstraints, oidInhibitAnyPolicy, oidPolicyMappings} {
		if x := r.c.ext(oid); x != nil {
			r.flag(x.Offset, "extensions."+OIDName(oid), "not a CA")
		}
	}
}

func mappingsAsserted(r *strictRun) {
	if len(r.c.PolicyMappings) == 0 {
		return
	}
	asserted := make(map[string]bool, len(r.c.Policies))
	for _, p := range r.c.Policies {
		asserted[p] = true
	}
	for _, m := range r.c.PolicyMappings {
		if !asserted[m.Issuer] && !asserted[oidAnyPolicy] {
			r.flag(r.c.at(oidPolicyMappings), "extensions.policyMappings", m.Issuer)
		}
	}
}

func constraintDistance(r *strictRun) {
	nc := r.c.NameConstraints
	if nc == nil {
		return
	}
	for _, list := range [...][]Subtree{nc.Permitted, nc.Excluded} {
		for i := range list {
			if list[i].Minimum != 0 || list[i].Maximum >= 0 {
				r.flag(r.c.at(oidNameConstraints), "extensions.nameConstraints", list[i].Base.String())
			}
		}
	}
}

func pointsComplete(r *strictRun) {
	for i := range r.c.CRLPoints {
		if p := &r.c.CRLPoints[i]; !p.HasName && len(p.CRLIssuer) == 0 {
			r.flag(r.c.at(oidCRLPoints), "extensions.cRLDistributionPoints", "neither a name nor an issuer")
		}
	}
	for i := range r.c.FreshestCRL {
		if p := &r.c.FreshestCRL[i]; !p.HasName && len(p.CRLIssuer) == 0 {
			r.flag(r.c.at(oidFreshestCRL), "extensions.freshestCRL", "neither a name nor an issuer")
		}
	}
}
