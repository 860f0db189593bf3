package certpath

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
)

// The reference compares every name with every base, by the rules as RFC 5280,
// 4.2.1.10 words them.

func below(name, domain string) bool { return strings.HasSuffix(name, "."+domain) }

// inDomain: any name made by adding labels to the left, or the domain itself;
// with a leading period only names with labels added.
func inDomain(name, base string) bool {
	switch {
	case base == "":
		return true
	case base[0] == '.':
		return below(name, base[1:])
	}
	return name == base || below(name, base)
}

// slowDNS: a wildcard stands for every label in its place. Whether one of its
// names is covered shows with the label that the base has there, whether all
// are with a label that no base has.
func slowDNS(name, base string, touch bool) bool {
	rest, wild := strings.CutPrefix(name, "*.")
	if !wild {
		return inDomain(name, base)
	}
	if inDomain("nobody-has-this."+rest, base) {
		return true
	}
	label, _, _ := strings.Cut(strings.TrimPrefix(base, "."), ".")
	return touch && inDomain(label+"."+rest, base)
}

func slowHost(host, base string) bool {
	if strings.HasPrefix(base, ".") {
		return below(host, base[1:])
	}
	return host == base
}

func slowCovers(base *cert.Subtree, n *cert.GeneralName, touch bool) bool {
	switch n.Type {
	case cert.DNSName:
		return slowDNS(strings.ToLower(strings.TrimSuffix(n.Value, ".")), strings.ToLower(base.Base.Value), touch)
	case cert.EmailName:
		local, host, _ := strings.Cut(n.Value, "@")
		if l, h, box := strings.Cut(base.Base.Value, "@"); box {
			return l == local && strings.EqualFold(h, host)
		}
		return slowHost(strings.ToLower(host), strings.ToLower(base.Base.Value))
	case cert.URIName:
		host, _, _ := strings.Cut(strings.TrimPrefix(n.Value, "https://"), "/")
		return slowHost(strings.ToLower(host), strings.ToLower(base.Base.Value))
	case cert.IPName:
		return base.Prefix.Contains(n.IP)
	case cert.DirectoryName:
		return strings.HasPrefix(n.Dir.Canon, base.Base.Dir.Canon)
	}
	return false
}

func slowCheck(nc *cert.NameConstraints, n *cert.GeneralName) finding.ID {
	for i := range nc.Excluded {
		if t := &nc.Excluded[i]; t.Base.Type == n.Type && slowCovers(t, n, true) {
			return finding.NameExcluded
		}
	}
	constrained := false
	for i := range nc.Permitted {
		if t := &nc.Permitted[i]; t.Base.Type == n.Type {
			constrained = true
			if slowCovers(t, n, false) {
				return ""
			}
		}
	}
	if constrained {
		return finding.NameNotPermitted
	}
	return ""
}

// octetSource deals out octets, then zeros.
type octetSource []byte

func (o *octetSource) next(n int) int {
	if len(*o) == 0 {
		return 0
	}
	b := (*o)[0]
	*o = (*o)[1:]
	return int(b) % n
}

func (o *octetSource) domain() string {
	labels := []string{"a", "B", "c", "xn--d"}
	s := labels[o.next(4)]
	for range o.next(4) {
		s += "." + labels[o.next(4)]
	}
	return s
}

func (o *octetSource) addr() netip.Addr {
	if o.next(3) == 0 {
		return netip.AddrFrom16([16]byte{0x20, 1, byte(o.next(256))})
	}
	return netip.AddrFrom4([4]byte{10, byte(o.next(4)), byte(o.next(256)), byte(o.next(256))})
}

var someForms = []cert.NameType{cert.DNSName, cert.DNSName, cert.EmailName, cert.URIName, cert.IPName, cert.DirectoryName}

// canon is a canonical form of n one-attribute RDNs over a tiny alphabet.
func (o *octetSource) canon() cert.Name {
	var b []byte
	for range o.next(4) {
		b = append(b, 2, byte('a'+o.next(2)))
	}
	return cert.Name{Canon: string(b)}
}

func (o *octetSource) base() cert.Subtree {
	t := cert.Subtree{Maximum: -1, Base: cert.GeneralName{Type: someForms[o.next(len(someForms))]}}
	switch t.Base.Type {
	case cert.DNSName:
		if o.next(12) > 0 {
			t.Base.Value = []string{"", "."}[o.next(2)] + o.domain()
		}
	case cert.EmailName:
		t.Base.Value = []string{"", ".", "u@", "U@"}[o.next(4)] + o.domain()
	case cert.URIName:
		t.Base.Value = []string{"", "."}[o.next(2)] + o.domain()
	case cert.IPName:
		a := o.addr()
		t.Prefix = netip.PrefixFrom(a, o.next(a.BitLen()+1)).Masked()
	case cert.DirectoryName:
		t.Base.Dir = o.canon()
	}
	return t
}

func (o *octetSource) name() cert.GeneralName {
	n := cert.GeneralName{Type: someForms[o.next(len(someForms))]}
	switch n.Type {
	case cert.DNSName:
		n.Value = []string{"", "*."}[o.next(2)] + o.domain() + []string{"", "."}[o.next(2)]
	case cert.EmailName:
		n.Value = []string{"u@", "U@"}[o.next(2)] + o.domain()
	case cert.URIName:
		n.Value = "https://" + o.domain() + "/p"
	case cert.IPName:
		n.IP = o.addr()
	case cert.DirectoryName:
		n.Dir = o.canon()
	}
	return n
}

func compareConstraints(t *testing.T, data []byte) {
	src := octetSource(data)
	nc := &cert.NameConstraints{}
	for range 1 + src.next(6) {
		if b := src.base(); src.next(2) == 0 {
			nc.Permitted = append(nc.Permitted, b)
		} else {
			nc.Excluded = append(nc.Excluded, b)
		}
	}
	w := newWorker(t.Context(), &Options{})
	k := w.constrainer(nc)
	for range 8 {
		n := src.name()
		got := k.check(form(n.Type), n.Value, &n)
		if want := slowCheck(nc, &n); got.id != want {
			t.Fatalf("%+v under permitted %+v, excluded %+v: %q, reference %q", n, nc.Permitted, nc.Excluded, got.id, want)
		}
	}
}

func FuzzConstraints(f *testing.F) {
	f.Add([]byte{1, 0, 1, 0, 1, 2, 1, 0, 0, 1})
	f.Add([]byte{3, 4, 1, 2, 3, 8, 1, 4, 1, 2, 3, 4, 4, 4, 1, 2, 3})
	f.Fuzz(compareConstraints)
}

func TestConstraintsAgainstReference(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	data := make([]byte, 120)
	for range 50_000 {
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		compareConstraints(t, data)
	}
}
