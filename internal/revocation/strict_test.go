package revocation_test

import (
	"testing"

	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// A strict policy reaches the judges of lists and responses.
func TestStrictPolicy(t *testing.T) {
	w := newWorld().with(Cert{}, CRLDP(crlURL))
	behind := func(b []byte) []byte { return append(b, '\n') }
	for _, strict := range []bool{false, true} {
		want := report.Good
		if strict {
			want = report.Unknown
		}
		in := w.input()
		in.Policy.Strict = strict
		in.Offered = lists(t, w.ca.CRL(CRL{MutateRaw: behind}))
		if got := judge(in).Certs[0]; got.Revocation.Status != want {
			t.Errorf("a list, strict %v: %s, %v", strict, got.Revocation.Status, got.Findings)
		}
		in = w.input()
		in.Policy.Strict = strict
		in.OfferedOCSP = [][]byte{OCSP{Singles: []Single{w.ca.Good(w.leaf.Serial)}, MutateRaw: behind}.Sign(w.ca)}
		if got := judge(in).Certs[0]; got.Revocation.Status != want {
			t.Errorf("a response, strict %v: %s, %v", strict, got.Revocation.Status, got.Findings)
		}
	}
}
