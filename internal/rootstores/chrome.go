package rootstores

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
)

// readChrome reads Chrome's root_store.textproto: net/cert/root_store.proto in
// Chromium. Fields of an anchor that are not known are passed over, for the schema grows
// (crs_root_id, trust_anchor_id); a constraint that is not known is refused, for to
// leave it out would trust what Chrome does not.
func readChrome(b []byte) (*Publication, error) {
	m, err := parseTextproto(string(b))
	if err != nil {
		return nil, err
	}
	p := &Publication{Kind: ChromeRootStore, Version: m.get("version_major")}
	if _, err := strconv.ParseUint(p.Version, 10, 32); err != nil {
		return nil, errors.New("it has no version_major")
	}
	var found entries
	left := map[string]int{}
	for _, f := range m {
		if f.message == nil {
			continue
		}
		additional := f.name == "additional_certs"
		switch {
		case f.name != "trust_anchors" && !additional:
			left[f.name]++
			continue
		case additional && f.message.get("tls_trust_anchor") != "true":
			left[f.name]++ // for qualified certificates alone (eutl)
			continue
		}
		e, err := chromeEntry(f)
		if err != nil {
			return nil, err
		}
		e.Intermediate = additional
		if err := found.add(e); err != nil {
			return nil, err
		}
	}
	p.Lists = []programs.List{{Program: policy.ProgramChrome, Entries: found.list}}
	p.leaveOut(left["additional_certs"], "additional certificate is no anchor", "additional certificates are no anchors", "for TLS")
	p.leaveOut(left["mtc_anchors"], "anchor", "anchors", "of Merkle tree certificates, which assay does not judge yet")
	return p, nil
}

// leaveOut notes how much of something is left out.
func (p *Publication) leaveOut(n int, one, several, what string) {
	if n == 1 {
		p.LeftOut = append(p.LeftOut, "1 "+one+" "+what)
	} else if n > 1 {
		p.LeftOut = append(p.LeftOut, fmt.Sprintf("%d %s %s", n, several, what))
	}
}

// chromeEntry makes an entry of one anchor.
func chromeEntry(f field) (programs.Entry, error) {
	id, err := hex.DecodeString(f.message.get("sha256_hex"))
	if err != nil || len(id) != 32 {
		return programs.Entry{}, fmt.Errorf("%.60q is no SHA-256 fingerprint", f.message.get("sha256_hex"))
	}
	e := programs.Entry{SHA256: [32]byte(id), Trust: programs.Anchor, Name: commonName(f.comment)}
	if e.EnforceExpiry, err = boolean(f.message, "enforce_anchor_expiry"); err != nil {
		return e, err
	}
	if e.EnforceConstraints, err = boolean(f.message, "enforce_anchor_constraints"); err != nil {
		return e, err
	}
	for _, c := range f.message {
		if c.name != "constraints" {
			continue
		}
		if c.message == nil {
			return e, fmt.Errorf("%x has constraints that are no message", id)
		}
		set, err := chromeConstraints(c.message)
		if err != nil {
			return e, fmt.Errorf("%x: %w", id, err)
		}
		e.Alternatives = append(e.Alternatives, set)
	}
	return e, nil
}

func boolean(m message, name string) (bool, error) {
	switch v := m.get(name); v {
	case "", "false", "f", "0":
		return false, nil
	case "true", "t", "1":
		return true, nil
	default:
		return false, fmt.Errorf("%s is %.20q", name, v)
	}
}

// chromeConstraints reads a ConstraintSet: all that is set must hold.
func chromeConstraints(m message) (programs.Constraints, error) {
	var c programs.Constraints
	for i, f := range m {
		if f.message != nil {
			return c, fmt.Errorf("a constraint that is not known: %.40q", f.name)
		}
		if f.name != "permitted_dns_names" && slices.ContainsFunc(m[:i], func(g field) bool { return g.name == f.name }) {
			return c, fmt.Errorf("the constraint %.40q twice", f.name)
		}
		var err error
		switch f.name {
		case "sct_not_after_sec":
			c.SCTNotAfter, err = unixTime(f.text)
		case "sct_all_after_sec":
			c.SCTAllAfter, err = unixTime(f.text)
		case "min_version":
			c.MinVersion = f.text
		case "max_version_exclusive":
			c.MaxVersionExclusive = f.text
		case "permitted_dns_names":
			c.PermittedDNSNames = append(c.PermittedDNSNames, f.text)
		default:
			err = fmt.Errorf("a constraint that is not known: %.40q", f.name)
		}
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

// latestTime is later than any date that a constraint can mean.
var latestTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func unixTime(s string) (time.Time, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n > latestTime.Unix() {
		return time.Time{}, fmt.Errorf("%.40q is no time", s)
	}
	return time.Unix(n, 0).UTC(), nil
}

// commonName finds the common name in a comment such as `"CN=WR1, O=Google Trust
// Services, C=US"`, or returns "". Commas within a name end it: it is for people.
func commonName(comment string) string {
	comment = strings.Trim(comment, `"`)
	for part := range strings.SplitSeq(comment, ",") {
		if name, ok := strings.CutPrefix(strings.TrimSpace(part), "CN="); ok {
			return shorten(name)
		}
	}
	return ""
}
