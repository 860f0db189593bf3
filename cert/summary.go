package cert

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// summaryMax is how many octets of an unknown extension are shown.
const summaryMax = 32

// ExtensionSummary describes extension i on one line for people: its decoded
// value, or the beginning of its octets when it is not decoded. Text from the
// peer is in it as it stands: quote it before printing. It is "" when there is
// no extension i.
func (c *Certificate) ExtensionSummary(i int) string {
	if i < 0 || i >= len(c.Extensions) {
		return ""
	}
	x := &c.Extensions[i]
	if c.ext(x.OID) == x {
		if s, ok := c.summary(x.OID); ok {
			return s
		}
	}
	return octets(x.Value)
}

// summary describes a decoded extension; ok is false for others.
func (c *Certificate) summary(oid string) (string, bool) {
	switch oid {
	case oidBasicConstraints:
		s := "CA: " + strconv.FormatBool(c.CA)
		if c.PathLen >= 0 {
			s += ", pathLen: " + strconv.Itoa(c.PathLen)
		}
		return s, c.HasBasicConstraints
	case oidKeyUsage:
		return strings.Join(c.KeyUsage.Names(), ", "), c.HasKeyUsage
	case oidExtKeyUsage:
		return oidNamesOf(c.ExtKeyUsage), c.HasExtKeyUsage
	case oidSAN:
		return generalNamesText(c.SAN), c.HasSAN
	case oidIAN:
		return generalNamesText(c.IssuerAltNames), c.IssuerAltNames != nil
	case oidSubjectKeyID:
		return hex.EncodeToString(c.SubjectKeyID), c.SubjectKeyID != nil
	case oidAuthorityKeyID:
		return c.authorityText(), c.HasAuthorityKeyID
	case oidAIA:
		var parts []string
		for _, u := range c.OCSPServers {
			parts = append(parts, "OCSP: "+u)
		}
		for _, u := range c.CAIssuers {
			parts = append(parts, "caIssuers: "+u)
		}
		return strings.Join(parts, ", "), parts != nil
	case oidCRLPoints:
		return pointsText(c.CRLPoints), c.CRLPoints != nil
	case oidFreshestCRL:
		return pointsText(c.FreshestCRL), c.FreshestCRL != nil
	case oidPolicies:
		return oidNamesOf(c.Policies), c.HasPolicies
	case oidPolicyMappings:
		var parts []string
		for _, m := range c.PolicyMappings {
			parts = append(parts, OIDName(m.Issuer)+" = "+OIDName(m.Subject))
		}
		return strings.Join(parts, ", "), parts != nil
	case oidPolicyConstraints:
		var parts []string
		if c.RequireExplicitPolicy >= 0 {
			parts = append(parts, "requireExplicitPolicy: "+strconv.Itoa(c.RequireExplicitPolicy))
		}
		if c.InhibitPolicyMapping >= 0 {
			parts = append(parts, "inhibitPolicyMapping: "+strconv.Itoa(c.InhibitPolicyMapping))
		}
		return strings.Join(parts, ", "), c.HasPolicyConstraints
	case oidInhibitAnyPolicy:
		return strconv.Itoa(c.InhibitAnyPolicy), c.InhibitAnyPolicy >= 0
	case oidNameConstraints:
		return c.constraintsText(), c.NameConstraints != nil
	case oidTLSFeature:
		var parts []string
		for _, f := range c.TLSFeatures {
			parts = append(parts, featureName(f))
		}
		return strings.Join(parts, ", "), c.HasTLSFeatures
	case oidSCTList:
		n, ok := sctCount(c.SCTList)
		return strconv.Itoa(n) + " SCTs", ok
	case oidPoison:
		return "precertificate", c.IsPrecertificate
	case oidNoRevAvail:
		return "no revocation information is published", c.NoRevAvail
	case oidOCSPNoCheck:
		return "the responder's certificate is not checked for revocation", c.OCSPNoCheck
	}
	return "", false
}

// sctCount counts the SCTs of a well-framed list.
func sctCount(b []byte) (n int, ok bool) {
	if len(b) < 2 {
		return 0, false
	}
	for b = b[2:]; len(b) > 0; n++ {
		if len(b) < 2 || int(b[0])<<8|int(b[1]) > len(b)-2 {
			return n, false
		}
		b = b[2+(int(b[0])<<8|int(b[1])):]
	}
	return n, true
}

func oidNamesOf(oids []string) string {
	names := make([]string, len(oids))
	for i, o := range oids {
		names[i] = OIDName(o)
	}
	return strings.Join(names, ", ")
}

func generalNamesText(names []GeneralName) string {
	parts := make([]string, len(names))
	for i := range names {
		parts[i] = names[i].String()
	}
	return strings.Join(parts, ", ")
}

func (c *Certificate) authorityText() string {
	var parts []string
	if c.AuthorityKeyID != nil {
		parts = append(parts, hex.EncodeToString(c.AuthorityKeyID))
	}
	if c.AuthorityIssuer != nil {
		parts = append(parts, "issuer: "+generalNamesText(c.AuthorityIssuer))
	}
	if c.AuthoritySerial != nil {
		parts = append(parts, "serial: "+hex.EncodeToString(c.AuthoritySerial))
	}
	return strings.Join(parts, ", ")
}

func pointsText(points []DistributionPoint) string {
	parts := make([]string, len(points))
	for i := range points {
		p := &points[i]
		s := generalNamesText(p.FullName)
		if p.Relative != nil {
			var b strings.Builder
			writeRDN(&b, p.Relative)
			s = "relative: " + b.String()
		}
		if p.HasReasons {
			s += " reasons: " + strings.Join(p.Reasons.Names(), ", ")
		}
		if p.CRLIssuer != nil {
			s += " issuer: " + generalNamesText(p.CRLIssuer)
		}
		parts[i] = strings.TrimSpace(s)
	}
	return strings.Join(parts, ", ")
}

func (c *Certificate) constraintsText() string {
	if c.NameConstraints == nil {
		return ""
	}
	var parts []string
	for i, list := range [...][]Subtree{c.NameConstraints.Permitted, c.NameConstraints.Excluded} {
		word := [...]string{"permitted ", "excluded "}[i]
		for k := range list {
			s := &list[k]
			if s.Prefix.IsValid() {
				parts = append(parts, word+"ip:"+s.Prefix.String())
			} else {
				parts = append(parts, word+s.Base.String())
			}
		}
	}
	return strings.Join(parts, ", ")
}

func featureName(n int) string {
	switch n {
	case 5:
		return "status_request"
	case 17:
		return "status_request_v2"
	}
	return strconv.Itoa(n)
}

func octets(b []byte) string {
	if len(b) > summaryMax {
		return "#" + hex.EncodeToString(b[:summaryMax]) + "… (" + strconv.Itoa(len(b)) + " bytes)"
	}
	return "#" + hex.EncodeToString(b)
}
