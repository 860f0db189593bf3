package ocsp_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	f "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/report"
)

// Slips of encoding are warnings; in strict mode a response with one says good
// no more, and still revokes.
func TestStrict(t *testing.T) {
	root := f.NewRoot("Root", nil)
	leaf := root.Server("a.test", nil)
	q := ocsp.Query{Cert: cert.Parse(leaf.Raw), Issuer: cert.Parse(root.Raw), Time: time.Now()}
	behind := func(b []byte) []byte { return append(bytes.Clone(b), "\r\n"...) }
	for name, c := range map[string]struct {
		single       f.Single
		mutate       func([]byte) []byte
		plain, exact report.Status
	}{
		"sound":           {root.Good(leaf.Serial), nil, report.Good, report.Good},
		"a slip":          {root.Good(leaf.Serial), behind, report.Good, ""},
		"a slip, revoked": {root.RevokedSingle(leaf.Serial, 1), behind, report.Revoked, report.Revoked},
	} {
		b := f.OCSP{Singles: []f.Single{c.single}, MutateRaw: c.mutate}.Sign(root)
		for strict, want := range map[bool]report.Status{false: c.plain, true: c.exact} {
			q.Strict = strict
			r := ocsp.Check(q, b)
			if r.Status != want {
				t.Errorf("%s, strict %v: %q, %v", name, strict, r.Status, r.Findings)
			}
			least := finding.Info
			switch {
			case c.mutate != nil && strict:
				least = finding.Error
			case c.mutate != nil:
				least = finding.Warning
			}
			if got := report.Worst(r.Findings); got != least {
				t.Errorf("%s, strict %v: the worst is %s: %v", name, strict, got, r.Findings)
			}
		}
		if r := ocsp.Parse(b); len(r.StrictFindings()) != len(r.Findings) || (len(r.Strict()) == 1) != (c.mutate != nil) {
			t.Errorf("%s: %v", name, r.StrictFindings())
		}
	}
}
