package crl

import (
	"strconv"

	"github.com/assaytls/assay/finding"
)

// strictExtension is a rule of RFC 5280, 5.2 about one extension of a list.
type strictExtension struct {
	oid, name   string
	required    bool // every list of a conforming CA has it
	mayCritical bool
}

var strictExtensions = [...]strictExtension{
	{oid: extAuthorityKeyID, name: "the authority key identifier", required: true}, // 5.2.1
	{oid: extNumber, name: "the CRL number", required: true},                       // 5.2.3
	{oid: extDelta, name: "the delta CRL indicator", mayCritical: true},            // 5.2.4
	{oid: extIDP, name: "the issuing distribution point", mayCritical: true},       // 5.2.5
	{oid: extFreshest, name: "the freshest CRL"},                                   // 5.2.6
	{oid: extAuthorityInfo, name: "the authority information access"},              // 5.2.7
}

// Strict returns the findings that strict mode adds to l's: departures from the
// profile that are warnings otherwise, as errors, and what RFC 5280, 5.2 wants
// of every list and the field often leaves out.
func (l *List) Strict() (found []finding.Finding) {
	for _, f := range l.Findings {
		if raised(f) {
			found = append(found, f.Graded(finding.Error, "--strict"))
		}
	}
	add := func(detail string, kv ...string) {
		found = append(found, finding.New(finding.CRLProfile, append([]string{"detail", detail}, kv...)...).Graded(finding.Error, "--strict"))
	}
	if l.Version == 1 {
		add("it has version 1, which cannot have a CRL number and an authority key identifier")
		return found
	}
	for _, rule := range strictExtensions {
		there := false
		for _, x := range l.Extensions {
			if x.OID != rule.oid {
				continue
			}
			there = true
			if x.Critical && !rule.mayCritical {
				add(rule.name+" is critical", "offset", strconv.Itoa(x.Offset))
			}
		}
		if !there && rule.required {
			add(rule.name + " is missing")
		}
	}
	return found
}

// raised reports whether strict mode makes an error of f.
func raised(f finding.Finding) bool {
	return f.ID == finding.CRLProfile && f.Severity == finding.Warning
}

// StrictFindings returns what strict mode finds: Findings and Strict's, without
// the warnings that Strict repeats as errors.
func (l *List) StrictFindings() []finding.Finding {
	all := make([]finding.Finding, 0, len(l.Findings)+2)
	for _, f := range l.Findings {
		if !raised(f) {
			all = append(all, f)
		}
	}
	return append(all, l.Strict()...)
}
