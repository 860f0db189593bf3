package certpath

import (
	"slices"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
)

// anyPolicy stands for every policy (RFC 5280, 4.2.1.4).
const anyPolicy = "2.5.29.32.0"

// policyNode is a node of the valid policy graph (RFC 9618, 3): at each depth
// there is at most one node for a policy, so that the graph never grows beyond
// what the certificates list.
type policyNode struct {
	policy   string
	expected []string // nil means the policy itself
	parents  []int    // positions in the level above
}

// policyLevel is the graph at one depth. No nodes: the graph is empty.
type policyLevel struct {
	nodes    []policyNode
	byPolicy map[string]int   // built when there are many
	byExpect map[string][]int // built when there are many
}

// manyPolicies is where a map beats looking through the nodes.
const manyPolicies = 12

func (l *policyLevel) find(policy string) int {
	if len(l.nodes) <= manyPolicies {
		for i := range l.nodes {
			if l.nodes[i].policy == policy {
				return i
			}
		}
		return -1
	}
	if len(l.byPolicy) != len(l.nodes) {
		l.byPolicy = make(map[string]int, len(l.nodes))
		for i := range l.nodes {
			l.byPolicy[l.nodes[i].policy] = i
		}
	}
	if i, ok := l.byPolicy[policy]; ok {
		return i
	}
	return -1
}

func (l *policyLevel) add(n policyNode) {
	if len(l.nodes) > manyPolicies && len(l.byPolicy) == len(l.nodes) {
		l.byPolicy[n.policy] = len(l.nodes)
	}
	l.nodes = append(l.nodes, n)
}

// expecting returns the nodes whose expected policies include policy.
func (l *policyLevel) expecting(policy string) []int {
	if l.byExpect == nil {
		l.byExpect = make(map[string][]int, len(l.nodes))
		for i := range l.nodes {
			n := &l.nodes[i]
			if n.expected == nil {
				l.byExpect[n.policy] = append(l.byExpect[n.policy], i)
			}
			for _, e := range n.expected {
				if have := l.byExpect[e]; len(have) == 0 || have[len(have)-1] != i {
					l.byExpect[e] = append(have, i)
				}
			}
		}
	}
	return l.byExpect[policy]
}

// policyState is the policy part of RFC 5280, 6.1 for one path.
type policyState struct {
	levels                        []policyLevel
	explicit, mapping, inhibitAny int
}

// policies processes certificate policies and returns the user-constrained
// policy set, sorted, or a finding when a required policy is missing.
func (j *judgement) policies() ([]string, *finding.Finding) {
	n := len(j.chain) - 1
	s := policyState{levels: make([]policyLevel, 1, n+1), explicit: n + 1, mapping: n + 1, inhibitAny: n + 1}
	s.levels[0].add(policyNode{policy: anyPolicy})
	if j.o.ExplicitPolicy {
		s.explicit = 0
	}
	if j.o.InhibitMapping {
		s.mapping = 0
	}
	if j.o.InhibitAnyPolicy {
		s.inhibitAny = 0
	}
	missing := finding.New(finding.PolicyMissing)
	for i := n - 1; i >= 0; i-- {
		c := j.chain[i]
		if !j.step(len(c.Policies) + 2*len(c.PolicyMappings)) {
			return nil, nil // the spent budget refuses
		}
		s.descend(c, i == 0)
		if s.explicit == 0 && s.empty() {
			f := missing.With("why", ": none is left at "+c.Subject.String())
			return nil, &f
		}
		if i > 0 {
			s.prepare(c)
		}
	}
	if n > 0 {
		if s.explicit > 0 {
			s.explicit--
		}
		if j.chain[0].RequireExplicitPolicy == 0 {
			s.explicit = 0
		}
	}
	set := s.constrained(j.o.Policies)
	if s.explicit == 0 && len(set) == 0 {
		why := ""
		if len(j.o.Policies) > 0 && !s.empty() {
			why = ": none of those that were asked for"
		}
		f := missing.With("why", why)
		return nil, &f
	}
	return set, nil
}

// empty reports whether the graph is empty (NULL in RFC 5280).
func (s *policyState) empty() bool { return len(s.levels[len(s.levels)-1].nodes) == 0 }

// descend is step (d) and (e) of 6.1.3 for the next certificate.
func (s *policyState) descend(c *cert.Certificate, leaf bool) {
	above := &s.levels[len(s.levels)-1]
	s.levels = append(s.levels, policyLevel{})
	next := &s.levels[len(s.levels)-1]
	if !c.HasPolicies || len(above.nodes) == 0 {
		return
	}
	wild := above.find(anyPolicy)
	hasAny := false
	for _, p := range c.Policies {
		if p == anyPolicy {
			hasAny = true
			continue
		}
		if next.find(p) >= 0 {
			continue
		}
		parents := above.expecting(p)
		if len(parents) == 0 && wild >= 0 {
			parents = []int{wild}
		}
		if len(parents) > 0 {
			next.add(policyNode{policy: p, parents: parents})
		}
	}
	if !hasAny || s.inhibitAny == 0 && (leaf || !c.SelfIssued()) {
		return
	}
	for i := range above.nodes {
		expected := above.nodes[i].expected
		if expected == nil {
			expected = []string{above.nodes[i].policy}
		}
		for _, p := range expected {
			if next.find(p) < 0 {
				next.add(policyNode{policy: p, parents: above.expecting(p)})
			}
		}
	}
}

// prepare is 6.1.4 (b), (h), (i), (j) for a CA certificate.
func (s *policyState) prepare(c *cert.Certificate) {
	if len(c.PolicyMappings) > 0 && !s.empty() {
		s.mappings(c.PolicyMappings)
	}
	if !c.SelfIssued() {
		for _, counter := range []*int{&s.explicit, &s.mapping, &s.inhibitAny} {
			if *counter > 0 {
				*counter--
			}
		}
	}
	lower := func(counter *int, to int) {
		if to >= 0 && to < *counter {
			*counter = to
		}
	}
	lower(&s.explicit, c.RequireExplicitPolicy)
	lower(&s.mapping, c.InhibitPolicyMapping)
	lower(&s.inhibitAny, c.InhibitAnyPolicy)
}

// mappings applies a CA's policy mappings to the last level. A mapping to or
// from any policy is the parser's finding and is left out here.
func (s *policyState) mappings(pairs []cert.PolicyMapping) {
	level := &s.levels[len(s.levels)-1]
	var order []string
	subjects := make(map[string][]string)
	for _, m := range pairs {
		if m.Issuer == anyPolicy || m.Subject == anyPolicy {
			continue
		}
		if _, ok := subjects[m.Issuer]; !ok {
			order = append(order, m.Issuer)
		}
		subjects[m.Issuer] = append(subjects[m.Issuer], m.Subject)
	}
	if s.mapping == 0 {
		level.nodes = slices.DeleteFunc(level.nodes, func(n policyNode) bool {
			_, mapped := subjects[n.policy]
			return mapped
		})
		level.byPolicy, level.byExpect = nil, nil
		return
	}
	wild := level.find(anyPolicy)
	for _, policy := range order {
		if i := level.find(policy); i >= 0 {
			level.nodes[i].expected = subjects[policy]
		} else if wild >= 0 {
			level.add(policyNode{policy: policy, expected: subjects[policy], parents: level.nodes[wild].parents})
		}
	}
	level.byExpect = nil
}

// constrained is 6.1.5 (g): the policies valid for the whole path in the
// terms of the anchor, limited to the user's.
func (s *policyState) constrained(user []string) []string {
	if s.empty() {
		return nil
	}
	last := len(s.levels) - 1
	valid := make(map[string]bool)
	open := s.levels[last].find(anyPolicy) >= 0
	live := make([]bool, len(s.levels[last].nodes))
	for i := range live {
		live[i] = true
	}
	for d := last; d > 0; d-- {
		above := &s.levels[d-1]
		root := above.find(anyPolicy)
		up := make([]bool, len(above.nodes))
		for i := range s.levels[d].nodes {
			if !live[i] {
				continue
			}
			n := &s.levels[d].nodes[i]
			for _, p := range n.parents {
				up[p] = true
				if p == root && n.policy != anyPolicy {
					valid[n.policy] = true
				}
			}
		}
		live = up
	}
	if len(user) == 0 || slices.Contains(user, anyPolicy) {
		user = nil
		if open {
			valid[anyPolicy] = true
		}
	}
	var set []string
	if user == nil {
		for p := range valid {
			set = append(set, p)
		}
	} else {
		for _, p := range user {
			if open || valid[p] {
				set = append(set, p)
			}
		}
	}
	slices.Sort(set)
	return slices.Compact(set)
}
