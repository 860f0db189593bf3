package revocation_test

import (
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/revocation"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// filters makes a set, made some time ago, in which the world's authority is
// enrolled with the leaf and another certificate, and the SCTs by which it
// covers the leaf. deltas hold the serial numbers that later filters add.
func (w *world) filters(t *testing.T, age time.Duration, revokes [][]byte, oneCRL *crlite.OneCRL, deltas ...[][]byte) (*crlite.Set, [][]crlite.SCT) {
	t.Helper()
	log := sha256.Sum256([]byte("log"))
	ms := func(at time.Time) uint64 { return uint64(at.UnixMilli()) }
	set := &crlite.Set{OneCRL: oneCRL, OneCRLMade: w.now.Add(-age)}
	for _, revoked := range append([][][]byte{revokes}, deltas...) {
		b, err := forge.Clubcard{Version: crlite.V3, Logs: []forge.ClubcardLog{{ID: log, First: ms(w.now.Add(-90 * day)), Last: ms(w.now)}},
			Issuers: []forge.ClubcardIssuer{{SPKI: sha256.Sum256(parse(w.ca)[0].RawSPKI), Issued: [][]byte{parse(w.leaf)[0].Serial, parse(w.other)[0].Serial}, Revoked: revoked}}}.Make()
		if err != nil {
			t.Fatal(err)
		}
		f, err := crlite.Open(b)
		if err != nil {
			t.Fatal(err)
		}
		set.Filters = append(set.Filters, crlite.Held{Filter: f, Name: "test", SHA256: sha256.Sum256(b), Made: w.now.Add(-age)})
	}
	return set, [][]crlite.SCT{{{Log: log, Time: ms(w.now.Add(-10 * day))}}}
}

// TestFilters: what CRLite says, alone and beside others.
func TestFilters(t *testing.T) {
	w := newWorld()
	leaf, ca := parse(w.leaf)[0], parse(w.ca)[0]
	self := [][]byte{leaf.Serial}
	both := [][]byte{leaf.Serial, parse(w.other)[0].Serial}
	onlyCRLite := policy.Only(policy.CRLite)
	none := func(in *revocation.Input) { in.SCTs = nil }
	for name, c := range map[string]struct {
		age      time.Duration
		revoked  [][]byte
		deltas   [][][]byte
		schemes  policy.Schemes
		beside   state // of OCSP
		change   func(*revocation.Input)
		status   report.Status
		coverage string
		finding  finding.ID
	}{
		"good":                                {schemes: onlyCRLite, status: report.Good},
		"revoked":                             {revoked: self, schemes: onlyCRLite, status: report.Revoked, finding: finding.CertRevoked},
		"the other one is revoked":            {revoked: both[1:], schemes: onlyCRLite, status: report.Good},
		"revoked by an inverted block":        {revoked: both, schemes: onlyCRLite, status: report.Revoked, finding: finding.CertRevoked},
		"revoked by a delta":                  {deltas: [][][]byte{nil, self, nil}, schemes: onlyCRLite, status: report.Revoked, finding: finding.CertRevoked},
		"no SCT":                              {schemes: onlyCRLite, change: none, status: report.Unknown, coverage: "not-covered", finding: finding.RevocationUnavailable},
		"no SCT, and revoked":                 {revoked: self, schemes: onlyCRLite, change: none, status: report.Unknown, coverage: "not-covered"},
		"another issuer":                      {schemes: onlyCRLite, change: func(in *revocation.Input) { in.Filters, _ = newWorld().filters(t, 0, nil, nil) }, status: report.Unknown, coverage: "not-enrolled"},
		"too old for good":                    {age: 11 * day, schemes: onlyCRLite, status: report.Unknown, coverage: "old", finding: finding.CRLiteOld},
		"old, and revoked":                    {age: 400 * day, revoked: self, schemes: onlyCRLite, status: report.Revoked, finding: finding.CertRevoked},
		"no filters although named":           {schemes: onlyCRLite, change: func(in *revocation.Input) { in.Filters = nil }, status: report.Unknown, finding: finding.CRLiteMissing},
		"no filters among all":                {beside: good, change: func(in *revocation.Input) { in.Filters = nil }, status: report.Good},
		"revoked beside a good response":      {revoked: self, beside: good, status: report.Revoked, finding: finding.RevocationDisagree},
		"good beside a revoking response":     {beside: isRevoked, status: report.Revoked, finding: finding.RevocationDisagree},
		"good beside a dead responder":        {beside: unavailable, status: report.Good},
		"not covered beside a dead responder": {beside: unavailable, change: none, status: report.Unknown, coverage: "not-covered", finding: finding.RevocationUnavailable},
		"not asked":                           {revoked: self, schemes: policy.Only(policy.OCSP), beside: good, status: report.Good},
		"expired":                             {revoked: self, schemes: onlyCRLite, change: func(in *revocation.Input) { in.Time = leaf.NotAfter.Add(time.Second) }, status: report.Unknown},
		"OneCRL by serial":                    {schemes: onlyCRLite, change: func(in *revocation.Input) { in.Filters.OneCRL = oneCRLOf(t, leaf) }, status: report.Revoked, finding: finding.CertRevoked},
	} {
		in := w.input()
		in.Policy.Schemes, in.Policy.Depth = c.schemes, policy.DepthLeaf
		in.Filters, in.SCTs = w.filters(t, c.age, c.revoked, nil, c.deltas...)
		if c.beside != "" {
			in.Policy.Schemes = policy.Only(policy.CRLite, policy.OCSP)
			in.Artefacts = append(in.Artefacts, w.artefact("ocsp", ocspURL, c.beside, w.response)...)
		}
		if c.schemes != 0 {
			in.Policy.Schemes = c.schemes
		}
		if c.change != nil {
			c.change(&in)
		}
		got := judge(in).Certs[0]
		if got.Revocation.Status != c.status {
			t.Errorf("%s: %s, want %s: %v", name, got.Revocation.Status, c.status, got.Findings)
		}
		if c.finding != "" && !slices.ContainsFunc(got.Findings, func(f finding.Finding) bool { return f.ID == c.finding }) {
			t.Errorf("%s: %v, want %s", name, got.Findings, c.finding)
		}
		for _, f := range got.Findings {
			if f.ID == finding.CertRevoked && f.Param("revoked-at") == "" {
				t.Errorf("%s: %s", name, f.Title())
			}
		}
		for _, a := range got.Revocation.Sources {
			if a.Scheme == policy.CRLite && a.Coverage != c.coverage {
				t.Errorf("%s: coverage %q, want %q", name, a.Coverage, c.coverage)
			}
		}
	}

	in := w.input() // an intermediate
	in.Filters, _ = w.filters(t, 0, nil, oneCRLOf(t, ca))
	if got := judge(in).Certs[1]; got.Revocation.Status != report.Revoked || got.Revocation.Scheme != policy.CRLite {
		t.Errorf("an intermediate that OneCRL lists: %+v", got.Revocation)
	}

	private := newWorldWithout() // nobody expects a status of a certificate without pointers
	in = private.input()
	in.Artefacts, in.Policy.Depth = nil, policy.DepthLeaf
	in.Filters, _ = w.filters(t, 0, nil, nil)
	if got := judge(in).Certs[0]; got.Revocation.Status != report.NotApplicable {
		t.Errorf("a private certificate that names no source, with filters stored: %s %v", got.Revocation.Status, got.Findings)
	}
}

// TestFiltersAreLearnt: when filters that revoke are gone, what they said counts
// as long as they would; a newer set that says good ends it.
func TestFiltersAreLearnt(t *testing.T) {
	w := newWorld()
	in := w.input()
	in.Policy.Depth = policy.DepthLeaf
	in.Filters, in.SCTs = w.filters(t, time.Hour, [][]byte{parse(w.leaf)[0].Serial}, nil)
	learnt := judge(in).Lessons.Learnt
	if len(learnt) != 1 || learnt[0].Scheme != policy.CRLite || !learnt[0].Hold {
		t.Fatalf("learnt %+v", learnt)
	}
	in.Past = revocation.Past{About: func(c, _ *cert.Certificate) []evidence.Learnt { return learnt }}
	in.Filters = nil
	in.Artefacts = append(in.Artefacts, w.artefact("ocsp", ocspURL, good, w.response)...)
	if got := judge(in).Certs[0]; got.Revocation.Status != report.Revoked {
		t.Errorf("the filters are gone: %s", got.Revocation.Status)
	}
	in.Filters, in.SCTs = w.filters(t, 0, nil, nil)
	if got := judge(in); got.Certs[0].Revocation.Status != report.Good || len(got.Lessons.Ended) != 1 {
		t.Errorf("a newer set says good: %s, ended %v", got.Certs[0].Revocation.Status, got.Lessons.Ended)
	}
	in.Filters, in.SCTs = w.filters(t, 2*time.Hour, nil, nil)
	if got := judge(in); got.Certs[0].Revocation.Status != report.Revoked {
		t.Errorf("an older set says good: %s", got.Certs[0].Revocation.Status)
	}
}

// newWorldWithout is a PKI whose leaf names no source.
func newWorldWithout() *world {
	w := newWorld()
	w.leaf = w.ca.Server("quiet.example", nil)
	return w
}

func oneCRLOf(t *testing.T, c *cert.Certificate) *crlite.OneCRL {
	t.Helper()
	o, err := crlite.ParseOneCRL(forge.OneCRL(c.RawIssuer, c.Serial))
	if err != nil {
		t.Fatal(err)
	}
	return o
}
