package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/internal/tlsnames"
)

// allSchemes are run unless some are chosen, in order of cost.
var allSchemes = []string{"staple", "crl", "ocsp"}

// maxSkew bounds Policy.Skew: lists and answers live for days, and a skew
// prolongs that.
const maxSkew = 24 * time.Hour

// Validate reports what is wrong with p: a usage error, before anything runs.
func (p Policy) Validate() error {
	if _, err := p.identifiers(nil); err != nil {
		return err
	}
	if _, err := parsePurpose(p.Purpose); err != nil {
		return err
	}
	if err := validateAllow(p.Allow); err != nil {
		return err
	}
	for _, s := range p.Schemes {
		if !slices.Contains(allSchemes, s) {
			return fmt.Errorf("unknown revocation scheme %q (known: staple, crl, ocsp)", s)
		}
	}
	for what, v := range map[string]string{"unknown": p.Unknown, "stale": p.Stale} {
		if !slices.Contains([]string{"", "allow", "warn", "deny"}, v) {
			return fmt.Errorf("%s: %q is not allow, warn or deny", what, v)
		}
	}
	if !slices.Contains([]string{"", "off", "report", "strict", "chrome", "apple"}, p.CT) {
		return fmt.Errorf("unknown CT policy %q (known: off, report, strict, chrome, apple)", p.CT)
	}
	if p.Skew < 0 || p.Skew > maxSkew {
		return fmt.Errorf("a clock skew of %s is not 0 to %s", p.Skew, maxSkew)
	}
	if l := p.SecurityLevel; l != nil && (*l < 0 || *l > 5) {
		return fmt.Errorf("security level %d is not 0 to 5", *l)
	}
	return nil
}

// identifiers parses the reference identifiers; names stand in for the host.
func (p Policy) identifiers(names []string) (ids []certpath.Identifier, err error) {
	for _, n := range slices.Concat(names, p.Names, p.RequireDNS, p.RequireIP, p.RequireEmail) {
		id, err := certpath.ParseIdentifier(n)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (j *judgement) pathOptions() (certpath.Options, error) {
	p := j.p
	var host []string
	if len(p.Names) == 0 && !p.NoName && j.ev.Target.Host != "" {
		host = []string{j.ev.Target.Host}
		if a, err := netip.ParseAddr(host[0]); err == nil {
			host[0] = a.WithZone("").String() // a zone means something on this machine only
		}
	}
	if p.NoName {
		p.Names = nil
	}
	ids, err := p.identifiers(host)
	if err != nil {
		return certpath.Options{}, err
	}
	purpose, err := parsePurpose(p.Purpose)
	if err != nil {
		return certpath.Options{}, err
	}
	level := -1
	if p.SecurityLevel != nil {
		level = *p.SecurityLevel
	}
	return certpath.Options{
		Time: j.now, Names: ids, Purpose: purpose, Strict: p.Strict, SecurityLevel: level,
		MinRSA: p.MinRSA, MaxDepth: p.MaxDepth, NoWildcards: p.NoWildcards, Policies: p.Policies,
		ExplicitPolicy: p.ExplicitPolicy, InhibitMapping: p.InhibitMapping, InhibitAnyPolicy: p.InhibitAnyPolicy,
		UsedKeyUsage: j.usedKeyUsage(), Memo: j.e.memo,
	}, nil
}

// usedKeyUsage is what the handshake did with the leaf's key: signed, as
// clients always do, except for the suites of TLS 1.2 and older that encrypt to
// a server's RSA key.
func (j *judgement) usedKeyUsage() cert.KeyUsage {
	c := j.ev.Connection
	switch {
	case j.p.Purpose == "client" && j.chains != nil && c.Version != 0:
		return cert.DigitalSignature
	case c.Version == 0 || j.ev.Failure != nil || j.p.Purpose != "" && j.p.Purpose != "server":
		return 0
	case c.Version < 0x0304 && tlsnames.RSATransport(c.Suite):
		return cert.KeyEncipherment
	}
	return cert.DigitalSignature
}

// parsePurpose reads a purpose's name; "" is "server".
func parsePurpose(s string) (certpath.Purpose, error) {
	p, ok := certpath.ParsePurpose(s)
	if !ok {
		return "", fmt.Errorf("unknown purpose %q (known: server, client, email, code, ocsp, timestamp, any, or an OID)", s)
	}
	return p, nil
}

func (j *judgement) schemesOff() bool { return j.p.Schemes != nil && len(j.p.Schemes) == 0 }

func (j *judgement) revocationPolicy() revocation.Policy {
	p := j.p
	schemes := p.Schemes
	if schemes == nil {
		schemes = allSchemes
	}
	return revocation.Policy{Schemes: schemes, StopFirst: p.StopFirst, LeafOnly: p.LeafOnly, OtherKey: slices.Contains(p.Allow, finding.CRLOtherKey),
		Unknown: p.Unknown, Stale: p.Stale, Nonce: p.Nonce, MaxAge: p.MaxAge, Skew: p.Skew}
}
