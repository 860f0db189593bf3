package certpath_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/lab/corpora/judge"
)

// describe lists what is wrong with the best path.
func describe(r certpath.Result) string {
	var b strings.Builder
	p := &r.Paths[0]
	b.WriteString(string(p.End))
	for i, fs := range p.CertFindings {
		for _, f := range fs {
			if f.Severity >= finding.Inconclusive {
				b.WriteString("\n      " + string(rune('0'+i%10)) + ": " + f.String())
				if d := f.Param("detail"); d != "" {
					b.WriteString(" (" + d + ")")
				}
			}
		}
	}
	for _, f := range append(slices.Clone(p.Findings), r.Findings...) {
		b.WriteString("\n      " + f.String())
	}
	return b.String()
}

// run judges every case and compares with the corpus but for the ledger: cases
// where we differ, each with its reason. A case of the ledger where we do not
// differ is a mistake in the ledger.
func run(t *testing.T, cases []corpora.Chain, err error, ledger map[string]string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	pass := 0
	used := make(map[string]bool)
	for i := range cases {
		c := &cases[i]
		r, err := judge.Ours(c)
		got := err == nil && judge.Accepts(r)
		reason, listed := ledger[c.Name]
		used[c.Name] = true
		switch {
		case got == c.OK && !listed:
			pass++
		case got == c.OK:
			t.Errorf("%s: passes, but the ledger says: %s", c.Name, reason)
		case !listed:
			text := ""
			if err == nil {
				text = describe(r)
			} else {
				text = err.Error()
			}
			t.Errorf("%s: accepted %v, want %v (%.160s): %s", c.Name, got, c.OK, c.Note, text)
		}
	}
	for name := range ledger {
		if !used[name] {
			t.Errorf("the ledger has %s, the corpus has not", name)
		}
	}
	t.Logf("%d of %d as expected, %d in the ledger", pass, len(cases), len(ledger))
}

func TestPKITS(t *testing.T) {
	cases, err := corpora.PKITS(corpora.Dir(t, "pkits"))
	cases = slices.DeleteFunc(cases, func(c corpora.Chain) bool { return c.NeedsCRL })
	run(t, cases, err, pkitsLedger)
	for i := range cases {
		c := &cases[i]
		if _, differs := pkitsLedger[c.Name]; differs || !c.OK {
			continue
		}
		r, err := judge.Ours(c)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(c.UserPolicies)
		if got := r.Paths[0].Policies; !slices.Equal(got, c.UserPolicies) {
			t.Errorf("%s: policies %v, want %v", c.Name, got, c.UserPolicies)
		}
	}
}

func TestBetterTLS(t *testing.T) {
	cases, err := corpora.BetterTLS(corpora.Dir(t, "bettertls"))
	run(t, cases, err, map[string]string{})
}

func TestBoringChains(t *testing.T) {
	cases, err := corpora.BoringChains(corpora.Dir(t, "boringssl-pki"))
	run(t, cases, err, boringLedger)
}

func TestOpenSSLChains(t *testing.T) {
	cases, err := corpora.OpenSSLChains(corpora.Dir(t, "openssl"))
	run(t, cases, err, opensslLedger)
}

// TestUsableChains wants the defect of every chain named, not just refused.
// The chains share flaws of their encoder, which are warnings.
func TestUsableChains(t *testing.T) {
	cases, err := corpora.UsableChains(corpora.Dir(t, "usable-cert-validation"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range cases {
		c := &cases[i]
		want, ok := usableDefects[c.Name]
		if !ok && !c.NeedsCRL {
			t.Errorf("%s: no expectation", c.Name)
		}
		r, err := judge.Ours(c)
		if err != nil {
			t.Fatal(err)
		}
		got := ids(&r.Paths[0], finding.Inconclusive)
		switch {
		case want == "" && len(got) > 0:
			t.Errorf("%s: %s", c.Name, describe(r))
		case want != "" && !got[want]:
			t.Errorf("%s (%s): want %s: %s", c.Name, c.Note, want, describe(r))
		}
	}
}

func TestRealChains(t *testing.T) {
	cases, err := corpora.RealChains(corpora.Dir(t, "real-chains"))
	run(t, cases, err, map[string]string{})
}
