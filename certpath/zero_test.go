package certpath_test

import (
	"context"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Options with nothing but a time are the default policy, and no number
// switches a limit off by making no sense.
func TestZeroOptions(t *testing.T) {
	for name, o := range map[string]certpath.Options{
		"zero": {}, "MinRSA -5": {MinRSA: -5}, "MinRSA 1": {MinRSA: 1}, "MinRSA 511": {MinRSA: 511},
		"a level beyond the last": {SecurityLevel: 200}, "a level beyond the last and MinRSA 1": {SecurityLevel: 200, MinRSA: 1},
	} {
		o.Time = time.Now()
		for what, c := range map[string]struct {
			p    pki
			want finding.ID
		}{
			"RSA 1024 leaf": {pki{leafKey: forge.RSA(1024), o: o}, finding.LeafKeyWeak},
			"RSA 1024 CA":   {pki{caKey: forge.RSA(1024), o: o}, finding.CAKeyWeak},
			"SHA-1":         {pki{caKey: forge.RSA(2048), leafCert: func(c *forge.Cert) { c.Alg = forge.SHA1WithRSA }, o: o}, finding.SignatureWeak},
		} {
			if r := c.p.build(); !ids(&r.Paths[0], finding.Error)[c.want] {
				t.Errorf("%s, %s: %s", name, what, describe(r))
			}
		}
	}
	sound := pki{o: certpath.Options{Time: time.Now()}}
	if r := sound.build(); !r.Paths[0].Clean() {
		t.Error("a sound path:", describe(r))
	}
	// Who asks for no limit gets none.
	free := pki{leafKey: forge.RSA(1024), o: certpath.Options{Time: time.Now(), SecurityLevel: policy.Level0}}
	if r := free.build(); !r.Paths[0].Clean() {
		t.Error("RSA 1024 at level 0:", describe(r))
	}
	if (&certpath.Path{}).Clean() {
		t.Error("the zero path is clean")
	}
}

// Without a time no certificate is valid, one from the year 1 neither.
func TestZeroTime(t *testing.T) {
	ever := func(c *forge.Cert) { c.NotBefore = time.Time{}.Add(time.Nanosecond) } // the forge fills in a zero one
	for name, p := range map[string]pki{"now": {}, "always": {rootCert: ever, caCert: ever, leafCert: ever}} {
		r := p.build()
		for i, fs := range r.Paths[0].CertFindings {
			if report.Worst(fs) < finding.Error {
				t.Errorf("%s: certificate %d is valid: %v", name, i, fs)
			}
		}
	}
}

// Zero certificates and sets refuse, and nothing panics.
func TestZeroCertificates(t *testing.T) {
	o := certpath.Options{Time: time.Now()}
	root := forge.NewRoot("Root", nil)
	leaf := cert.Parse(root.Server("a.test", nil).Raw)
	var set certpath.Anchors
	for _, s := range []*certpath.Anchors{nil, &set, anchors(t, root.Raw)} {
		for _, c := range []*cert.Certificate{nil, {}} {
			if r := certpath.Build(context.Background(), c, []*cert.Certificate{nil, {}, leaf}, s, o); r.Paths[0].Clean() {
				t.Error("a path from a zero certificate:", describe(r))
			}
		}
	}
	for _, chain := range [][]*cert.Certificate{nil, {nil}, {leaf, nil}, {{}}, {{}, {}}, {leaf, {}}, {{}, cert.Parse(root.Raw)}} {
		if p := certpath.Validate(context.Background(), chain, o); p.Clean() {
			t.Errorf("%d zero certificates are a clean path", len(chain))
		}
	}
	if r := certpath.Build(context.Background(), leaf, nil, &set, o); r.Paths[0].Clean() {
		t.Error("an empty set has an anchor")
	}
	if err := set.Add(root.Raw); err != nil || set.Len() != 1 {
		t.Error("the zero set cannot be added to:", err)
	}
	if r := certpath.Build(context.Background(), leaf, nil, &set, o); !r.Paths[0].Clean() {
		t.Error(describe(r))
	}
	o.Names = []certpath.Identifier{{}}
	if r := certpath.Build(context.Background(), leaf, nil, &set, o); r.Paths[0].Clean() {
		t.Error("the zero identifier matches")
	}
}
