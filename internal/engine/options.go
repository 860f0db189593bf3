package engine

import (
	"net/netip"
	"slices"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/internal/tlsnames"
	"github.com/assaytls/assay/policy"
)

// Validate reports what is wrong with p: a usage error, before anything runs.
func Validate(p policy.Policy) error {
	if _, err := identifiers(p, nil); err != nil {
		return err
	}
	return p.Validate()
}

// identifiers parses the reference identifiers; names stand in for the host.
func identifiers(p policy.Policy, names []string) (ids []certpath.Identifier, err error) {
	for _, n := range slices.Concat(names, p.Names, p.RequireDNS, p.RequireIP, p.RequireEmail) {
		id, err := certpath.ParseIdentifier(n)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// canonical is the one form of a purpose. What is none stays and is refused.
func canonical(p policy.Purpose) policy.Purpose {
	if q, err := policy.ParsePurpose(p.String()); err == nil {
		return q
	}
	return p
}

func (j *judgement) pathOptions() (certpath.Options, error) {
	p := j.p
	var host []string
	switch {
	case len(p.Names) > 0 || p.NoName:
	case len(j.ev.Target.Names) > 0:
		host = j.ev.Target.Names
	case j.ev.Target.Host != "":
		host = []string{j.ev.Target.Host}
		if a, err := netip.ParseAddr(host[0]); err == nil {
			host[0] = a.WithZone("").String() // a zone means something on this machine only
		}
	}
	if p.NoName {
		p.Names = nil
	}
	ids, err := identifiers(p, host)
	if err != nil {
		return certpath.Options{}, err
	}
	return certpath.Options{
		Time: j.now, Names: ids, Purpose: p.Purpose, Strict: p.Strict, SecurityLevel: p.SecurityLevel,
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
	case j.p.Purpose == policy.PurposeClient && j.chains != nil && c.Version != 0:
		return cert.DigitalSignature
	case c.Version == 0 || j.ev.Failure != nil || j.p.Purpose != policy.PurposeServer:
		return 0
	case c.Version < 0x0304 && tlsnames.RSATransport(c.Suite):
		return cert.KeyEncipherment
	}
	return cert.DigitalSignature
}
