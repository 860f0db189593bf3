package certpath_test

import (
	"strings"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

// A URI matches whole: scheme and host in any case, the rest byte for byte. A
// certificate with two URIs is nobody's SPIFFE identity.
func TestURINames(t *testing.T) {
	root := forge.NewRoot("URI Root", nil)
	for _, c := range []struct {
		sans [][]byte
		name string
		ok   bool
	}{
		{[][]byte{forge.URI("spiffe://a.test/ns/x")}, "spiffe://a.test/ns/x", true},
		{[][]byte{forge.URI("spiffe://a.test/ns/x")}, "SPIFFE://A.test/ns/x", true},
		{[][]byte{forge.URI("spiffe://a.test/ns/x"), forge.DNS("a.test")}, "spiffe://a.test/ns/x", true},
		{[][]byte{forge.URI("spiffe://a.test/ns/x")}, "spiffe://a.test/ns/X", false},
		{[][]byte{forge.URI("spiffe://a.test/ns/x")}, "spiffe://a.test/ns/x/", false},
		{[][]byte{forge.URI("spiffe://a.test/ns/x")}, "spiffe://a.test/ns", false},
		{[][]byte{forge.URI("spiffe://a.test/ns/x"), forge.URI("spiffe://a.test/ns/y")}, "spiffe://a.test/ns/x", false},
		{[][]byte{forge.URI("https://a.test/1"), forge.URI("https://a.test/2")}, "https://a.test/2", true},
		{[][]byte{forge.URI("spiffe://a.test/ns/x")}, "a.test", false},
		{[][]byte{forge.DNS("spiffe://a.test/ns/x")}, "spiffe://a.test/ns/x", false},
		{[][]byte{forge.DNS("a.test")}, "spiffe://a.test/ns/x", false},
	} {
		key := forge.P256()
		leaf := cert.Parse(root.Issue(forge.Cert{Key: key, Extensions: root.ServerExts(key, c.sans...)}).Raw)
		id, err := certpath.ParseIdentifier(c.name)
		if err != nil {
			t.Fatal(err)
		}
		found := certpath.MatchNames(leaf, []certpath.Identifier{id}, false)
		if (len(found) == 0) != c.ok {
			t.Errorf("%s: %v", c.name, found)
		}
		if len(found) > 0 && id.Type == cert.URIName && found[0].ID != finding.URIMismatch {
			t.Errorf("%s: %s", c.name, found[0].ID)
		}
	}
	for _, bad := range []string{"://a", "spiffe://", "spiffe://a.test?x", "spiffe://a.test#x", "spiffe://a.test:1/x", "https://user@a.test/", "spiffe://b\u00fc.test/", "spiffe://a.test/" + strings.Repeat("a", 2048)} {
		if id, err := certpath.ParseIdentifier(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, id)
		}
	}
}

func FuzzURIName(f *testing.F) {
	f.Add("spiffe://a.test/ns/x")
	f.Add("https://[::1]:443/a?b#c")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := certpath.ParseIdentifier(s)
		if err != nil || id.Type != cert.URIName {
			return
		}
		if again, err := certpath.ParseIdentifier(id.Value); err != nil || again != id {
			t.Fatalf("%q: %+v, then %+v (%v)", s, id, again, err)
		}
	})
}
