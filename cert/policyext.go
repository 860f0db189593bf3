package cert

import (
	"math/bits"
	"net/netip"
	"slices"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
)

func (p *parser) policies(c *Certificate, x *Extension, r *der.Reader, field string) {
	_, in, ok := p.list(r, field)
	if !ok {
		return
	}
	c.HasPolicies = true
	c.Policies = p.spare.policies[:0]
	seen := oidSet{}
	for !in.Empty() {
		info, ok := p.expect(&in, der.Sequence, finding.ExtensionUnreadable, field)
		if !ok {
			return
		}
		pi := info.Contents()
		id, ok := p.expect(pi, der.OID, finding.ExtensionUnreadable, field)
		if !ok {
			continue
		}
		oid, ok := p.oid(id, finding.ExtensionUnreadable, field)
		if !ok {
			continue
		}
		if !seen.add(c.Policies, oid) {
			p.flag(finding.PolicyDuplicate, id.Offset, field, oid)
		}
		c.Policies = append(c.Policies, oid)
		p.qualifiers(pi, field)
	}
}

// oidSet finds repetitions in a list that grows: by looking while it is short,
// with a map when it is long.
type oidSet struct{ long map[string]bool }

// add reports whether oid is not in list yet, to which the caller adds it.
func (s *oidSet) add(list []string, oid string) bool {
	const short = 16
	if len(list) < short {
		return !slices.Contains(list, oid)
	}
	if s.long == nil {
		s.long = make(map[string]bool)
		for _, o := range list {
			s.long[o] = true
		}
	}
	repeated := s.long[oid]
	s.long[oid] = true
	return !repeated
}

// qualifiers checks the qualifiers of one policy; they have no effect.
func (p *parser) qualifiers(r *der.Reader, field string) {
	if r.Empty() {
		return
	}
	list, ok := p.expect(r, der.Sequence, finding.ExtensionUnreadable, field)
	if !ok {
		return
	}
	p.end(r, field)
	if len(list.Body) == 0 {
		p.flag(finding.ExtensionEmpty, list.Offset, field, "a list of policy qualifiers is empty")
	}
	in := list.Contents()
	for !in.Empty() {
		q, ok := p.expect(in, der.Sequence, finding.ExtensionUnreadable, field)
		if !ok {
			return
		}
		qi := q.Contents()
		id, ok := p.expect(qi, der.OID, finding.ExtensionUnreadable, field)
		if !ok {
			continue
		}
		oid, _ := p.oid(id, finding.ExtensionUnreadable, field)
		v, ok := p.next(qi, finding.ExtensionUnreadable, field)
		if !ok {
			continue
		}
		p.end(qi, field)
		p.walk(v, finding.ExtensionUnreadable, field, 0)
		want := der.Tag(0)
		switch oid {
		case oidCPS:
			want = der.IA5String
		case oidUserNotice:
			want = der.Sequence
		}
		if want != 0 && v.Tag != want {
			p.flag(finding.ExtensionUnreadable, v.Offset, field, "a policy qualifier of the wrong type")
		}
	}
}

func (p *parser) policyMappings(c *Certificate, x *Extension, r *der.Reader, field string) {
	_, in, ok := p.list(r, field)
	if !ok {
		return
	}
	for !in.Empty() {
		e, ok := p.expect(&in, der.Sequence, finding.ExtensionUnreadable, field)
		if !ok {
			return
		}
		var pair [2]string
		m := e.Contents()
		for i := range pair {
			id, ok := p.expect(m, der.OID, finding.ExtensionUnreadable, field)
			if !ok {
				return
			}
			if pair[i], ok = p.oid(id, finding.ExtensionUnreadable, field); !ok {
				return
			}
			if pair[i] == oidAnyPolicy {
				p.flag(finding.PolicyMappingAny, id.Offset, field, "anyPolicy")
			}
		}
		p.end(m, field)
		c.PolicyMappings = append(c.PolicyMappings, PolicyMapping{pair[0], pair[1]})
	}
}

func (p *parser) policyConstraints(c *Certificate, x *Extension, r *der.Reader, field string) {
	_, in, ok := p.list(r, field)
	if !ok {
		return
	}
	c.HasPolicyConstraints = true
	if e, ok, bad := p.optional(&in, der.Context(0), finding.ExtensionUnreadable, field); bad {
		return
	} else if ok {
		c.RequireExplicitPolicy = p.skipCerts(e, field)
	}
	if e, ok, bad := p.optional(&in, der.Context(1), finding.ExtensionUnreadable, field); bad {
		return
	} else if ok {
		c.InhibitPolicyMapping = p.skipCerts(e, field)
	}
	p.end(&in, field)
}

// skipCerts decodes a SkipCerts; what cannot be read takes effect at once.
func (p *parser) skipCerts(e der.Element, field string) int {
	n, _ := p.smallInt(e, finding.ExtensionUnreadable, field)
	return max(n, 0)
}

func (p *parser) inhibitAnyPolicy(c *Certificate, x *Extension, r *der.Reader, field string) {
	if e, _, ok := p.one(r, der.Integer, field); ok {
		c.InhibitAnyPolicy = p.skipCerts(e, field)
	}
}

func (p *parser) nameConstraints(c *Certificate, x *Extension, r *der.Reader, field string) {
	_, in, ok := p.list(r, field)
	if !ok {
		return
	}
	nc := &NameConstraints{Critical: x.Critical}
	c.NameConstraints = nc
	for i, list := range [...]*[]Subtree{&nc.Permitted, &nc.Excluded} {
		e, ok, bad := p.optional(&in, der.Explicit(i), finding.ExtensionUnreadable, field)
		if bad {
			return
		}
		if !ok {
			continue
		}
		if len(e.Body) == 0 {
			p.flag(finding.ExtensionEmpty, e.Offset, field, "a list of subtrees is empty")
		}
		*list = p.subtrees(e, field)
	}
	p.end(&in, field)
}

func (p *parser) subtrees(e der.Element, field string) []Subtree {
	list := make([]Subtree, 0, der.Count(e.Body))
	r := e.Contents()
	for !r.Empty() {
		e, ok := p.expect(r, der.Sequence, finding.ExtensionUnreadable, field)
		if !ok {
			break
		}
		if s, ok := p.subtree(e, field); ok {
			list = append(list, s)
		}
	}
	return list
}

func (p *parser) subtree(e der.Element, field string) (s Subtree, ok bool) {
	s.Maximum = -1
	in := e.Contents()
	base, ok := p.next(in, finding.ExtensionUnreadable, field)
	if !ok {
		return s, false
	}
	if s.Base, ok = p.generalName(base, true, field); !ok {
		return s, false
	}
	switch s.Base.Type {
	case IPName:
		p.ipRange(&s, base, field)
	case DNSName, EmailName, URIName:
		if detail := constraintText(s.Base); detail != "" {
			p.flag(finding.NameConstraintInvalid, base.Offset, field, detail)
		}
	}
	if e, ok, bad := p.optional(in, der.Context(0), finding.ExtensionUnreadable, field); bad {
		return s, true
	} else if ok {
		var readable bool
		if s.Minimum, readable = p.smallInt(e, finding.ExtensionUnreadable, field); readable && s.Minimum == 0 {
			p.flag(finding.EncodingDefault, e.Offset, field, "minimum 0 is left out in DER")
		}
	}
	if e, ok, bad := p.optional(in, der.Context(1), finding.ExtensionUnreadable, field); bad {
		return s, true
	} else if ok {
		s.Maximum, _ = p.smallInt(e, finding.ExtensionUnreadable, field)
	}
	p.end(in, field)
	return s, true
}

// ipRange decodes address and mask (RFC 5280, 4.2.1.10).
func (p *parser) ipRange(s *Subtree, e der.Element, field string) {
	n := len(e.Body) / 2
	if len(e.Body) != 8 && len(e.Body) != 32 {
		p.flag(finding.NameConstraintInvalid, e.Offset, field, "an address range has 8 or 32 bytes")
		return
	}
	ones := 0
	mask := e.Body[n:]
	for i, m := range mask {
		k := bits.LeadingZeros8(^m)
		ones += k
		if k == 8 {
			continue
		}
		ok := m == ^(byte(0xff) >> k)
		for _, rest := range mask[i+1:] {
			ok = ok && rest == 0
		}
		if !ok {
			p.flag(finding.NameConstraintInvalid, e.Offset, field, "the mask of an address range has a gap")
			return
		}
		break
	}
	addr, _ := netip.AddrFromSlice(e.Body[:n])
	s.Prefix = netip.PrefixFrom(addr, ones).Masked()
}
