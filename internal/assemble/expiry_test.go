package assemble_test

import (
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

const day = 24 * time.Hour

// lives is a judgement at now of a leaf and a root with these lifetimes.
func lives(now time.Time, leafAge, leafLeft, rootLeft time.Duration) assemble.Judged {
	j := judged()
	root := forge.NewRoot("Root", nil)
	leaf := root.Issue(forge.Cert{Subject: forge.CN("a.test"), NotBefore: now.Add(-leafAge), NotAfter: now.Add(leafLeft)})
	key := forge.P256()
	top := forge.Cert{Issuer: root.Name, Subject: root.Name, Key: key, NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.Add(rootLeft)}.Sign(key)
	certs := []*cert.Certificate{cert.Parse(leaf.Raw), cert.Parse(top)}
	p := assemble.NewPath(certpath.Path{Certs: certs, CertFindings: [][]finding.Finding{nil, nil}, End: report.EndAnchor})
	p.Certs[0].Revocation = &report.Revocation{Status: report.Good}
	j.Time, j.Sent, j.Paths = now, certs[:1], []assemble.Path{p}
	return j
}

// What ends soon is a warning at its certificate, and an error where the policy
// asks for more; what has ended or has not begun has findings of its own.
func TestExpiresSoon(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Second)
	for name, c := range map[string]struct {
		age, left, root time.Duration
		margin          string
		leaf, above     finding.Severity // Info: no finding
		verdict         report.Verdict
	}{
		"much is left":               {30 * day, 60 * day, 900 * day, "", finding.Info, finding.Info, report.Accept},
		"at the bound":               {70 * day, 20 * day, 900 * day, "", finding.Info, finding.Info, report.Accept},
		"below it":                   {70 * day, 20*day - time.Second, 900 * day, "", finding.Warning, finding.Info, report.Accept},
		"the root":                   {30 * day, 60 * day, 19 * day, "", finding.Info, finding.Warning, report.Accept},
		"short, more than a day":     {4 * day, 2 * day, 900 * day, "", finding.Info, finding.Info, report.Accept},
		"short, less than a day":     {5 * day, day - time.Second, 900 * day, "", finding.Warning, finding.Info, report.Accept},
		"within, at the bound":       {30 * day, 60 * day, 900 * day, "60d", finding.Info, finding.Info, report.Accept},
		"within":                     {30 * day, 60*day - time.Second, 900 * day, "60d", finding.Error, finding.Info, report.Reject},
		"the root within":            {30 * day, 60 * day, 50 * day, "55d", finding.Info, finding.Error, report.Reject},
		"less asked than the bound":  {70 * day, 15 * day, 900 * day, "14d", finding.Warning, finding.Info, report.Accept},
		"a share":                    {60 * day, 25 * day, 900 * day, "30%", finding.Error, finding.Info, report.Reject},
		"a share is the leaf's only": {30 * day, 60 * day, 19 * day, "30%", finding.Info, finding.Warning, report.Accept},
		"expired":                    {60 * day, -time.Second, 900 * day, "30%", finding.Info, finding.Info, report.Accept}, // by findings that certpath makes
	} {
		j := lives(now, c.age, c.left, c.root)
		if c.margin != "" {
			j.Policy.ExpiresWithin, _ = policy.ParseMargin(c.margin)
		}
		r := assemble.Report(j)
		for i, want := range []finding.Severity{c.leaf, c.above} {
			got := finding.Info
			for _, f := range r.Paths[0].Certs[i].Findings {
				if f.ID == finding.CertExpiresSoon {
					got = f.Severity
				}
			}
			if got != want {
				t.Errorf("%s, certificate %d: %v, want %v", name, i, got, want)
			}
		}
		if r.Verdict != c.verdict {
			t.Errorf("%s: %s", name, r.Verdict)
		}
		if len(j.Paths[0].Certs[0].Findings) != 0 {
			t.Errorf("%s: the input was changed", name)
		}
	}
}

// Lists and responses that end soon are told where the CA is private, when they say
// good and are at hand.
func TestStaleSoon(t *testing.T) {
	now := time.Now()
	good := report.Answer{Scheme: policy.CRL, Status: report.Good, ThisUpdate: now.Add(-7 * day), NextUpdate: now.Add(5 * time.Hour)}
	for name, c := range map[string]struct {
		change func(*report.Answer, *assemble.Judged)
		want   finding.ID
	}{
		"list":        {func(*report.Answer, *assemble.Judged) {}, finding.CRLStaleSoon},
		"response":    {func(a *report.Answer, _ *assemble.Judged) { a.Scheme = policy.OCSP }, finding.OCSPStaleSoon},
		"staple":      {func(a *report.Answer, _ *assemble.Judged) { a.Scheme = policy.Staple }, finding.OCSPStaleSoon},
		"filter":      {func(a *report.Answer, _ *assemble.Judged) { a.Scheme = policy.CRLite }, ""},
		"a public CA": {func(_ *report.Answer, j *assemble.Judged) { j.Public = true }, ""},
		"a day is left": {func(a *report.Answer, _ *assemble.Judged) {
			a.ThisUpdate, a.NextUpdate = now.AddDate(-1, 0, 0), now.Add(day)
		}, ""},
		"a tenth is left":  {func(a *report.Answer, _ *assemble.Judged) { a.ThisUpdate = now.Add(-45 * time.Hour) }, ""},
		"it has ended":     {func(a *report.Answer, _ *assemble.Judged) { a.NextUpdate = now.Add(-time.Second) }, ""},
		"it never ends":    {func(a *report.Answer, _ *assemble.Judged) { a.NextUpdate = time.Time{} }, ""},
		"it says nothing":  {func(a *report.Answer, _ *assemble.Judged) { a.Status = "" }, ""},
		"only remembered":  {func(a *report.Answer, _ *assemble.Judged) { a.Learnt = now }, ""},
		"it says revoked":  {func(a *report.Answer, _ *assemble.Judged) { a.Status = report.Revoked }, ""},
		"no date to begin": {func(a *report.Answer, _ *assemble.Judged) { a.ThisUpdate = time.Time{} }, ""},
	} {
		j, a := judged(), good
		c.change(&a, &j)
		j.Time = now
		j.Paths[0].Certs[0].Revocation = &report.Revocation{Status: report.Good, Sources: []report.Answer{a}}
		var got finding.ID
		for _, f := range assemble.Report(j).Paths[0].Certs[0].Findings {
			got = f.ID
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
