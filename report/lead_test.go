package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// onLeaf is a report whose leaf has the findings and sources.
func onLeaf(sources []report.Answer, fs ...finding.Finding) *report.Report {
	r := &report.Report{
		Time: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC), Certs: []report.Cert{{Subject: "CN=leaf"}, {Subject: "CN=Example CA"}},
		Paths: []report.Path{{Certs: []report.PathCert{{Role: report.Leaf, Findings: fs, Revocation: &report.Revocation{Sources: sources}}, {Cert: 1, Role: report.Intermediate}}}},
	}
	report.Decide(r)
	return r
}

// The headline is the cause: of one source that gave no status its own finding,
// and not a consequence.
func TestLead(t *testing.T) {
	const a, b = "http://a.test/crl", "http://b.test/ocsp"
	none := func(urls ...string) (all []report.Answer) {
		for _, u := range urls {
			all = append(all, report.Answer{Scheme: policy.CRL, URL: u, Detail: "HTTP status 404"})
		}
		return all
	}
	sum := finding.New(finding.RevocationUnavailable, "detail", "1 tried")
	vague := finding.New(finding.RevocationUndetermined, "detail", "x")
	gone := func(url string) finding.Finding {
		return finding.New(finding.FetchHTTPStatus, "url", url, "detail", "HTTP status 404")
	}
	for name, c := range map[string]struct {
		r    *report.Report
		want finding.ID
		says string
	}{
		"one source":                   {onLeaf(none(a), gone(a), sum), finding.FetchHTTPStatus, a},
		"one source, undetermined":     {onLeaf(none(a), finding.New(finding.OCSPErrorStatus, "detail", "unauthorized"), vague), finding.OCSPErrorStatus, a},
		"several sources":              {onLeaf(none(a, b), gone(a), gone(b), sum), finding.RevocationUnavailable, ""},
		"one of another weight":        {onLeaf(none(a), gone(a).Graded(finding.Warning, "x"), sum), finding.RevocationUnavailable, ""},
		"something worse":              {onLeaf(none(a), gone(a), sum, finding.New(finding.CertExpired)), finding.CertExpired, ""},
		"default certificate":          {onLeaf(nil, finding.New(finding.LeafSelfSigned), finding.New(finding.NameMismatch, "name", "x.test")), finding.NameMismatch, "default certificate"},
		"self-signed":                  {onLeaf(nil, finding.New(finding.LeafSelfSigned)), finding.LeafSelfSigned, ""},
		"another name":                 {onLeaf(nil, finding.New(finding.NameMismatch, "name", "x.test")), finding.NameMismatch, ""},
		"must-staple of the CA":        {onLeaf(nil, finding.New(finding.MustStapleMissing), finding.New(finding.TLSFeatureNotInherited)), finding.TLSFeatureNotInherited, ""},
		"must-staple of its own":       {onLeaf(nil, finding.New(finding.MustStapleMissing)), finding.MustStapleMissing, ""},
		"self-signed, and worse still": {onLeaf(nil, finding.New(finding.LeafSelfSigned), finding.New(finding.NameMismatch), finding.New(finding.CertRevoked)), finding.CertRevoked, ""},
	} {
		if got := c.r.Headline.Finding.ID; got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if !strings.Contains(c.r.Cause(), c.says) {
			t.Errorf("%s: %q does not say %q", name, c.r.Cause(), c.says)
		}
		if c.says == "" && strings.Contains(c.r.Cause(), "default certificate") {
			t.Errorf("%s: %q", name, c.r.Cause())
		}
	}
	// Of several sources each has its line, and its finding no second one.
	r := onLeaf(none(a, b), gone(a), gone(b), sum)
	v := r.View().At(report.LevelDefault, false)
	if s := v.Headline.Sources; len(s) != 2 || !strings.Contains(s[0], a) || !strings.Contains(s[1], b) || !strings.Contains(s[1], "404") {
		t.Errorf("%q", s)
	}
	for _, i := range v.Sections[0].Items {
		if i.Finding != nil {
			t.Errorf("once more: %s", i.Finding.Title)
		}
	}
}

// One line names the certificate unless it is the leaf.
func TestCausePlace(t *testing.T) {
	r := onLeaf(nil)
	r.Paths[0].Certs[1].Findings = []finding.Finding{finding.New(finding.CertExpired)}
	report.Decide(r)
	if s := r.Cause(); !strings.HasSuffix(s, " (intermediate CN=Example CA)") {
		t.Errorf("%q", s)
	}
	r = onLeaf(nil, finding.New(finding.CertExpired))
	if s := r.Cause(); strings.Contains(s, "(leaf") {
		t.Errorf("%q", s)
	}
	if s := new(report.Report).Cause(); s != "" {
		t.Errorf("%q", s)
	}
}

// Every source that agrees is named.
func TestAgreeing(t *testing.T) {
	v := report.Revocation{Status: report.Good, Scheme: policy.CRL, Sources: []report.Answer{
		{Scheme: policy.CRL, Status: report.Good}, {Scheme: policy.OCSP, Status: report.Good}, {Scheme: policy.CRL, Status: report.Good}, {Scheme: policy.Staple}}}
	if s := v.Agreeing(); len(s) != 2 || s[0] != policy.CRL || s[1] != policy.OCSP {
		t.Errorf("%v", s)
	}
	r := report.Report{Certs: []report.Cert{{}}, Paths: []report.Path{{Certs: []report.PathCert{{Revocation: &v}}}}}
	found := false
	for _, l := range lines(r.View().At(report.LevelVerbose, false)) {
		found = found || strings.Contains(l, "good , by crl and ocsp")
	}
	if !found {
		t.Errorf("%q", lines(r.View()))
	}
	if s := (&report.Revocation{Status: report.Good, Scheme: policy.OCSP}).Agreeing(); len(s) != 1 || s[0] != policy.OCSP {
		t.Errorf("%v", s)
	}
}

// A report for which nobody was asked does not advise what only a check has, and
// the other way round.
func TestAdviceOffline(t *testing.T) {
	sources := []report.Answer{{Scheme: policy.CRL, URL: "http://a.test/crl", Detail: "not asked yet"}, {Scheme: policy.OCSP, URL: "http://a.test/ocsp", Detail: "not asked yet"}}
	for source, want := range map[report.TargetSource][2]bool{report.FromVerify: {false, true}, report.FromEvidence: {false, true}, report.FromCheck: {true, false}, "": {true, false}} {
		r := onLeaf(sources, finding.New(finding.RevocationNotFetched, "source", "CRL", "url", sources[0].URL), finding.New(finding.RevocationNotFetched, "source", "OCSP", "url", sources[1].URL),
			finding.New(finding.RevocationUnavailable, "detail", "2 not asked"))
		r.Target.Source = source
		v := r.View().At(report.LevelDefault, false)
		fix := strings.Join(v.Headline.Advice.Fix, " ")
		if got := [2]bool{strings.Contains(fix, "--offline"), strings.Contains(fix, "--crl FILE or --ocsp FILE")}; got != want {
			t.Errorf("%q: %s", source, fix)
		}
		said := len(v.Items) > 0 && strings.Contains(v.Items[0].Text, "asked nobody")
		if said != want[1] {
			t.Errorf("%q: %+v", source, v.Items)
		}
		if s := r.Cause(); !strings.Contains(s, sources[0].URL) || !strings.Contains(s, sources[1].URL) {
			t.Errorf("%q", s)
		}
	}
}
