package certpath_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
)

// TestLifetime checks the limits at their edges: both end points count.
func TestLifetime(t *testing.T) {
	day := func(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		from time.Time
		days int
	}{
		{day(2018, 2, 28), 5000}, {day(2018, 3, 1), 825}, {day(2020, 8, 31), 825}, {day(2020, 9, 1), 398}, {day(2026, 3, 14), 398},
		{day(2026, 3, 15), 200}, {day(2027, 3, 14), 200}, {day(2027, 3, 15), 100}, {day(2029, 3, 14), 100}, {day(2029, 3, 15), 47},
	} {
		for _, late := range []bool{false, true} {
			end := c.from.Add(time.Duration(c.days)*24*time.Hour - time.Second)
			if late {
				end = end.Add(time.Second)
			}
			p := pki{leafCert: func(l *forge.Cert) { l.NotBefore, l.NotAfter = c.from, end },
				caCert:   func(l *forge.Cert) { l.NotBefore, l.NotAfter = day(2010, 1, 1), day(2040, 1, 1) },
				rootCert: func(l *forge.Cert) { l.NotBefore, l.NotAfter = day(2010, 1, 1), day(2040, 1, 1) },
				o:        certpath.Options{Time: c.from, Public: everyAnchor}}
			r := p.build()
			warned := ids(&r.Paths[0], finding.Warning)[finding.ValidityTooLong]
			if want := late && c.days < 5000; warned != want || !r.Paths[0].Clean() {
				t.Errorf("%s for %d days, a second more %v: warned %v: %s", c.from, c.days, late, warned, describe(r))
			}
			p.o.Public = nil
			if r := p.build(); ids(&r.Paths[0], finding.Warning)[finding.ValidityTooLong] {
				t.Error("warned about a private CA")
			}
		}
	}
}

// TestSecurityLevel compares with OpenSSL's table of what each level asks for.
func TestSecurityLevel(t *testing.T) {
	for kind, highest := range map[string]int{"RSA-1024": 1, "RSA-2048": 2, "RSA-3072": 3, "P-224": 2, "P-256": 3, "P-384": 4, "P-521": 5, "Ed25519": 3} {
		for level := range 6 {
			p := pki{rootKey: forge.NewKey("P-521"), caKey: forge.NewKey("P-521"), leafKey: forge.NewKey(kind), o: certpath.Options{Time: time.Now(), SecurityLevel: policy.Level0 + policy.SecurityLevel(level)}}
			r := p.build()
			if weak := ids(&r.Paths[0], finding.Error)[finding.LeafKeyWeak]; weak != (level > highest) {
				t.Errorf("%s at level %d: weak %v", kind, level, weak)
			}
		}
	}
	sha1, sha256 := forge.SHA1WithRSA, forge.SHA256WithRSA
	for name, c := range map[string]struct {
		alg     forge.Alg
		highest int
	}{"SHA-1": {sha1, 0}, "SHA-256": {sha256, 3}, "SHA-384": {forge.SHA384WithRSA, 4}, "SHA-512": {forge.SHA512WithRSA, 5}} {
		for level := range 7 {
			p := pki{caKey: forge.RSA(2048), leafCert: func(l *forge.Cert) { l.Alg = c.alg }, o: certpath.Options{Time: time.Now(), SecurityLevel: policy.Level0 + policy.SecurityLevel(level)}}
			r := p.build()
			weak := false
			for _, f := range r.Paths[0].CertFindings[0] {
				weak = weak || f.ID == finding.SignatureWeak
			}
			if weak != (level > c.highest && (level < 6 || c.highest < 5)) {
				t.Errorf("%s at level %d: weak %v", name, level, weak)
			}
		}
	}
}

func TestParsePurpose(t *testing.T) {
	for s, want := range map[string]bool{"": false, "server": true, "any": true, "1.3.6.1.5.5.7.3.17": true, "sever": false, "1": false, ".1.2": false, "1..2.3": false, "1.2.": false} {
		if _, err := policy.ParsePurpose(s); (err == nil) != want {
			t.Errorf("%q: %v", s, err)
		}
	}
	p := pki{leafExts: []forge.Ext{forge.EKU("1.3.6.1.5.5.7.3.17")}, o: certpath.Options{Time: time.Now(), Purpose: "1.3.6.1.5.5.7.3.17"}}
	if r := p.build(); !r.Paths[0].Clean() {
		t.Error("a purpose by OID:", describe(r))
	}
}

// TestBudgets wants every bound to refuse, and no more work than it allows.
func TestBudgets(t *testing.T) {
	for _, b := range hostile() {
		set := anchors(t, b.root)
		for _, budget := range []certpath.Budget{{Signatures: 1}, {Paths: 1}, {Steps: 10}, {Signatures: -1}, {Paths: -1}, {Steps: -1}} {
			o := options("")
			o.Budget = budget
			r := build(b.leaf, b.pool, set, o)
			if len(r.Paths) == 0 || r.Paths[0].Clean() && len(r.Findings) == 0 && budget.Paths == 0 {
				t.Errorf("%+v: %s", budget, fmt.Sprint(len(r.Paths), r.Findings))
			}
			if budget.Paths != 0 && len(r.Paths) > 1 {
				t.Errorf("%+v: %d paths", budget, len(r.Paths))
			}
		}
	}
}

// TestBudgetTold wants a bound that was hit told once on the path it cut short.
func TestBudgetTold(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	ca := root.Intermediate("CA", nil)
	leaf := ca.Server("www.example.com", nil)
	chain := parse(leaf.Raw, ca.Raw, root.Raw)
	told := func(fs []finding.Finding) (n int) {
		for _, f := range fs {
			if f.ID == finding.BudgetPaths {
				n++
			}
		}
		return n
	}
	for _, b := range []certpath.Budget{{Signatures: 1}, {Steps: 1}} {
		o := options("")
		o.Budget = b
		if p := certpath.Validate(t.Context(), chain, o); told(p.Findings) != 1 {
			t.Errorf("Validate, %+v: %v", b, p.Findings)
		}
		r := certpath.Build(t.Context(), chain[0], chain, anchors(t, root.Raw), o)
		if told(r.Findings) != 1 || told(r.Paths[0].Findings) != 1 {
			t.Errorf("Build, %+v: %v, path %v", b, r.Findings, r.Paths[0].Findings)
		}
	}
}
