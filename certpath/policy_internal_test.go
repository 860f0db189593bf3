package certpath

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
)

// The reference is the tree of RFC 5280, 6.1: exponential, but written as the
// RFC has it. RFC 9618's graph must give the same answers.

type treeNode struct {
	policy   string
	expected []string
	children []*treeNode
	depth    int
}

func (n *treeNode) at(depth int) []*treeNode {
	if n.depth == depth {
		return []*treeNode{n}
	}
	var out []*treeNode
	for _, c := range n.children {
		out = append(out, c.at(depth)...)
	}
	return out
}

// prune deletes nodes above depth without children; true when n itself goes.
func (n *treeNode) prune(depth int) bool {
	n.children = slices.DeleteFunc(n.children, func(c *treeNode) bool { return c.prune(depth) })
	return n.depth < depth && len(n.children) == 0
}

// treePolicies processes certs (the one below the anchor first) and returns the
// user-constrained policies, and whether the path is valid.
func treePolicies(certs []*cert.Certificate, o Options) ([]string, bool) {
	n := len(certs)
	root := &treeNode{policy: anyPolicy, expected: []string{anyPolicy}}
	skip := func(on bool) int {
		if on {
			return 0
		}
		return n + 1
	}
	explicit, mapping, inhibit := skip(o.ExplicitPolicy), skip(o.InhibitMapping), skip(o.InhibitAnyPolicy)
	for i := 1; i <= n; i++ {
		c := certs[i-1]
		if c.HasPolicies && root != nil {
			done := map[string]bool{}
			for _, p := range c.Policies {
				if p == anyPolicy || done[p] {
					continue
				}
				done[p] = true
				matched := false
				for _, above := range root.at(i - 1) {
					if slices.Contains(above.expected, p) {
						matched = true
						above.children = append(above.children, &treeNode{p, []string{p}, nil, i})
					}
				}
				if !matched {
					for _, above := range root.at(i - 1) {
						if above.policy == anyPolicy {
							above.children = append(above.children, &treeNode{p, []string{p}, nil, i})
						}
					}
				}
			}
			if slices.Contains(c.Policies, anyPolicy) && (inhibit > 0 || i < n && c.SelfIssued()) {
				for _, above := range root.at(i - 1) {
					for _, e := range above.expected {
						if !slices.ContainsFunc(above.children, func(k *treeNode) bool { return k.policy == e }) {
							above.children = append(above.children, &treeNode{e, []string{e}, nil, i})
						}
					}
				}
			}
			if root.prune(i) {
				root = nil
			}
		} else {
			root = nil
		}
		if explicit == 0 && root == nil {
			return nil, false
		}
		if i == n {
			break
		}
		if root != nil {
			subjects := map[string][]string{}
			var order []string
			for _, m := range c.PolicyMappings {
				if m.Issuer == anyPolicy || m.Subject == anyPolicy {
					continue
				}
				if subjects[m.Issuer] == nil {
					order = append(order, m.Issuer)
				}
				subjects[m.Issuer] = append(subjects[m.Issuer], m.Subject)
			}
			for _, id := range order {
				if mapping == 0 {
					var drop func(*treeNode)
					drop = func(t *treeNode) {
						t.children = slices.DeleteFunc(t.children, func(k *treeNode) bool { return k.depth == i && k.policy == id })
						for _, k := range t.children {
							drop(k)
						}
					}
					drop(root)
					continue
				}
				found := false
				for _, node := range root.at(i) {
					if node.policy == id {
						node.expected, found = subjects[id], true
					}
				}
				if !found && slices.ContainsFunc(root.at(i), func(k *treeNode) bool { return k.policy == anyPolicy }) {
					for _, above := range root.at(i - 1) {
						if above.policy == anyPolicy {
							above.children = append(above.children, &treeNode{id, subjects[id], nil, i})
						}
					}
				}
			}
			if root.prune(i) {
				root = nil
			}
		}
		if !c.SelfIssued() {
			explicit, mapping, inhibit = max(explicit-1, 0), max(mapping-1, 0), max(inhibit-1, 0)
		}
		for _, l := range []struct {
			counter *int
			to      int
		}{{&explicit, c.RequireExplicitPolicy}, {&mapping, c.InhibitPolicyMapping}, {&inhibit, c.InhibitAnyPolicy}} {
			if l.to >= 0 && l.to < *l.counter {
				*l.counter = l.to
			}
		}
	}
	if n > 0 {
		explicit = max(explicit-1, 0)
		if certs[n-1].RequireExplicitPolicy == 0 {
			explicit = 0
		}
	}
	set := map[string]bool{}
	if root != nil {
		anyUser := len(o.Policies) == 0 || slices.Contains(o.Policies, anyPolicy)
		open := slices.ContainsFunc(root.at(n), func(k *treeNode) bool { return k.policy == anyPolicy })
		// The valid policies in the anchor's terms are the children of
		// anyPolicy nodes.
		var walk func(*treeNode)
		walk = func(t *treeNode) {
			for _, k := range t.children {
				if t.policy == anyPolicy && k.policy != anyPolicy && (anyUser || slices.Contains(o.Policies, k.policy)) {
					set[k.policy] = true
				}
				walk(k)
			}
		}
		walk(root)
		if open && anyUser {
			set[anyPolicy] = true
		}
		if open && !anyUser {
			for _, p := range o.Policies {
				set[p] = true
			}
		}
	}
	var out []string
	for p := range set {
		out = append(out, p)
	}
	slices.Sort(out)
	return out, explicit > 0 || len(out) > 0
}

// policyCerts reads a path's policy extensions from octets: up to five
// certificates, policies out of a handful.
func policyCerts(data []byte) ([]*cert.Certificate, Options) {
	next := func() byte {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return b
	}
	name := func(b byte) string { return [...]string{anyPolicy, "1.1", "1.2", "1.3", "1.4", "1.5"}[b%6] }
	flags := next()
	o := Options{ExplicitPolicy: flags&1 != 0, InhibitMapping: flags&2 != 0, InhibitAnyPolicy: flags&4 != 0, Purpose: policy.PurposeAny}
	for i := flags >> 3 & 3; i > 0; i-- {
		o.Policies = append(o.Policies, name(next()))
	}
	var certs []*cert.Certificate
	for range 1 + next()%5 {
		c := &cert.Certificate{RequireExplicitPolicy: -1, InhibitPolicyMapping: -1, InhibitAnyPolicy: -1, Key: &cert.PublicKey{}}
		b := next()
		c.Subject.Canon, c.Issuer.Canon = "a", "b"
		if b&1 != 0 {
			c.Issuer.Canon = "a"
		}
		if b&2 != 0 {
			c.RequireExplicitPolicy = int(b >> 6)
		}
		if b&4 != 0 {
			c.InhibitPolicyMapping = int(b >> 6)
		}
		if b&8 != 0 {
			c.InhibitAnyPolicy = int(b >> 6)
		}
		c.HasPolicies = b&16 != 0 || b&32 != 0
		if c.HasPolicies {
			for range 1 + next()%4 {
				c.Policies = append(c.Policies, name(next()))
			}
		}
		for range next() % 4 {
			m := next()
			c.PolicyMappings = append(c.PolicyMappings, cert.PolicyMapping{Issuer: name(m), Subject: name(m >> 4)})
		}
		certs = append(certs, c)
	}
	return certs, o
}

func FuzzPolicies(f *testing.F) {
	f.Add([]byte{1, 2, 16, 0, 1, 0, 16, 0, 1})
	f.Add([]byte{9, 1, 3, 32, 2, 1, 2, 3, 2, 0x21, 0x31, 32, 1, 2, 3})
	f.Add([]byte{0, 4, 0xff, 3, 0, 1, 2, 3, 3, 0x12, 0x23, 0x41, 0xff, 1, 0, 2})
	f.Fuzz(comparePolicies)
}

// TestPoliciesAgainstTree is the comparison on many small paths.
func TestPoliciesAgainstTree(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 60)
	for range 30_000 {
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		comparePolicies(t, data)
	}
}

func comparePolicies(t *testing.T, data []byte) {
	certs, o := policyCerts(data)
	o.Time = time.Now()
	want, ok := treePolicies(certs, o)
	chain := []*cert.Certificate{{RequireExplicitPolicy: -1, InhibitPolicyMapping: -1, InhibitAnyPolicy: -1}}
	for _, c := range certs {
		chain = slices.Insert(chain, 0, c)
	}
	w := newWorker(t.Context(), &o)
	j := judgement{worker: w, chain: chain, out: make([][]finding.Finding, len(chain))}
	got, missing := j.policies()
	if ok != (missing == nil) {
		t.Fatalf("valid %v, reference %v: %v", missing == nil, ok, policyText(certs, o))
	}
	if ok && !slices.Equal(got, want) {
		t.Fatalf("policies %v, reference %v: %v", got, want, policyText(certs, o))
	}
}

func policyText(certs []*cert.Certificate, o Options) string {
	s := fmt.Sprintf("explicit %v, no mapping %v, no any %v, user %v", o.ExplicitPolicy, o.InhibitMapping, o.InhibitAnyPolicy, o.Policies)
	for _, c := range certs {
		s += fmt.Sprintf("\n  self-issued %v policies %v %v mappings %v constraints %d %d %d", c.SelfIssued(), c.HasPolicies, c.Policies,
			c.PolicyMappings, c.RequireExplicitPolicy, c.InhibitPolicyMapping, c.InhibitAnyPolicy)
	}
	return s
}
