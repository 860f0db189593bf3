package programs

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/cert"
)

// alternatives are Chrome's sets of constraints: the best of them decides. A
// refusal tells of a set that is for the browser's version, if there is one.
func (e *Entry) alternatives(leaf *cert.Certificate, scts SCTs, version string) Judgement {
	if len(e.Alternatives) == 0 {
		return Judgement{Status: Accepted}
	}
	var best Judgement
	for i, c := range e.Alternatives {
		j := c.judge(leaf, scts, version)
		if i == 0 || j.Better(best) || j.Status == Refused && best.Status == Refused && best.ofVersion() && !j.ofVersion() {
			best = j
		}
	}
	return best
}

// ofVersion reports whether a version decided.
func (j Judgement) ofVersion() bool { return j.Reason == MinVersion || j.Reason == MaxVersion }

// judge applies one set: all that is set must be met.
func (c Constraints) judge(leaf *cert.Certificate, scts SCTs, version string) Judgement {
	j := Judgement{Status: Accepted}
	switch { // the version first: a set for other versions says nothing else
	case c.MinVersion != "" && version != "" && CompareVersions(version, c.MinVersion) < 0:
		return Judgement{Status: Refused, Reason: MinVersion, Version: c.MinVersion}
	case c.MaxVersionExclusive != "" && (version == "" || CompareVersions(version, c.MaxVersionExclusive) >= 0):
		return Judgement{Status: Refused, Reason: MaxVersion, Version: c.MaxVersionExclusive}
	}
	if c.PermittedDNSNames != nil {
		if name, outside := outside(leaf, c.PermittedDNSNames); outside {
			return Judgement{Status: Refused, Reason: PermittedNames, DNSName: name}
		}
		j.Reason = PermittedNames
	}
	if !c.SCTNotAfter.IsZero() {
		j = j.and(scts.notAfter(c.SCTNotAfter))
	}
	if !c.SCTAllAfter.IsZero() {
		j = j.and(scts.allAfter(c.SCTAllAfter))
	}
	return j
}

// notAfter asks for one valid SCT that is not later than date. One that could not
// be verified may be it; if none of them is, nothing depends on them.
func (s SCTs) notAfter(date time.Time) Judgement {
	early := func(t time.Time) bool { return !t.After(date) }
	j := Judgement{Status: Refused, Reason: SCTNotAfter, Since: date, LastIssue: date}
	switch {
	case slices.ContainsFunc(s.Verified, early):
		j.Status = Accepted
	case slices.ContainsFunc(s.Unverified, early), !s.Complete:
		j.Status = DependsOnSCTs
	}
	return j
}

// allAfter asks for a valid SCT, and that all valid ones are later than date.
func (s SCTs) allAfter(date time.Time) Judgement {
	early := func(t time.Time) bool { return !t.After(date) }
	j := Judgement{Status: Accepted, Reason: SCTAllAfter, Since: date}
	switch {
	case slices.ContainsFunc(s.Verified, early):
		j.Status = Refused
	case !s.Complete, slices.ContainsFunc(s.Unverified, early):
		j.Status = DependsOnSCTs
	case len(s.Verified) > 0:
	case len(s.Unverified) > 0:
		j.Status = DependsOnSCTs
	default:
		j.Status = Refused
	}
	return j
}

// outside returns a DNS name of the leaf that is neither one of the permitted nor
// below one. Other kinds of names are not limited (RFC 5280, 4.2.1.10).
func outside(leaf *cert.Certificate, permitted []string) (string, bool) {
	for _, n := range leaf.SAN {
		if n.Type == cert.DNSName && !slices.ContainsFunc(permitted, func(base string) bool { return within(n.Value, base) }) {
			return n.Value, true
		}
	}
	return "", false
}

// within reports whether a DNS name is base or below it; base with a leading dot
// has only what is below. A wildcard is below base when all that it stands for is.
func within(name, base string) bool {
	name, base = strings.ToLower(strings.TrimSuffix(name, ".")), strings.ToLower(strings.TrimSuffix(base, "."))
	if base == "" {
		return true
	}
	if below, dotted := strings.CutPrefix(base, "."); dotted {
		return strings.HasSuffix(name, "."+below)
	}
	return name == base || strings.HasSuffix(name, "."+base)
}

// maxVersionParts bounds the numbers of a version; Chrome's have four.
const maxVersionParts = 8

// ValidVersion reports whether s is a version as rules and [Input] have them:
// decimal numbers with dots between them.
func ValidVersion(s string) bool {
	parts := strings.Split(s, ".")
	return len(parts) <= maxVersionParts && !slices.ContainsFunc(parts, func(p string) bool {
		_, err := strconv.ParseUint(p, 10, 32)
		return err != nil
	})
}

// CompareVersions compares two versions number by number, as cmp.Compare does; one that is not given
// is 0, and so is what is no number.
func CompareVersions(a, b string) int {
	return slices.Compare(versionParts(a), versionParts(b))
}

// versionParts returns the numbers of a version, maxVersionParts of them.
func versionParts(s string) []uint64 {
	parts := make([]uint64, maxVersionParts)
	for i, p := range strings.SplitN(s, ".", maxVersionParts+1) {
		if i < maxVersionParts {
			parts[i], _ = strconv.ParseUint(p, 10, 32)
		}
	}
	return parts
}
