package certpath_test

import (
	"context"
	"testing"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

// A certificate has the TLS features of its issuer, unless that is the anchor,
// which is a name and a key.
func TestFeatures(t *testing.T) {
	for name, c := range map[string]struct {
		root, ca, leaf []forge.Ext
		want           [2]string // of leaf and CA: the features that are missing
	}{
		"none":            {nil, nil, nil, [2]string{}},
		"lost":            {nil, []forge.Ext{forge.TLSFeature(5, 17)}, []forge.Ext{forge.TLSFeature(17)}, [2]string{"5 (must-staple)", ""}},
		"all lost":        {nil, []forge.Ext{forge.TLSFeature(5, 17)}, nil, [2]string{"5 (must-staple), 17", ""}},
		"kept":            {nil, []forge.Ext{forge.TLSFeature(5, 17)}, []forge.Ext{forge.TLSFeature(1, 17, 5)}, [2]string{}},
		"more below":      {nil, nil, []forge.Ext{forge.TLSFeature(5)}, [2]string{}},
		"of the anchor":   {[]forge.Ext{forge.TLSFeature(5)}, nil, nil, [2]string{}},
		"of both, CA's":   {[]forge.Ext{forge.TLSFeature(17)}, []forge.Ext{forge.TLSFeature(5)}, nil, [2]string{"5 (must-staple)", ""}},
		"no anchor there": {[]forge.Ext{forge.TLSFeature(5)}, nil, nil, [2]string{"", "5 (must-staple)"}},
	} {
		p := pki{rootExts: c.root, caExts: c.ca, leafExts: c.leaf, o: certpath.Options{Time: time.Now()}, noRoot: name == "no anchor there"}
		r := p.build()
		for i, want := range c.want {
			got := ""
			for _, f := range r.Paths[0].CertFindings[i] {
				if f.ID == finding.TLSFeatureNotInherited && f.Severity == finding.Error {
					got = f.Param("feature")
				}
			}
			if got != want {
				t.Errorf("%s, certificate %d: %q, want %q", name, i, got, want)
			}
		}
	}
	// In a handshake, where crypto/tls built the path, it is a rule as well.
	root := forge.NewRoot("Root", nil)
	ca := root.Intermediate("CA", nil, forge.MustStaple())
	leaf := ca.Server("a.test", nil)
	path := certpath.Validate(context.Background(), parse(leaf.Raw, ca.Raw, root.Raw), certpath.Options{Time: time.Now(), Signed: true})
	if !ids(&path, finding.Error)[finding.TLSFeatureNotInherited] {
		t.Error("not in a handshake")
	}
}
