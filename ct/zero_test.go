package ct_test

import (
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/finding"
	f "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Zero values prove nothing and do not panic.
func TestZeroValues(t *testing.T) {
	root := f.NewRoot("Root", nil)
	path := []*cert.Certificate{cert.Parse(root.Server("a.test", nil).Raw), cert.Parse(root.Raw)}
	for name, list := range map[string]*ct.LogList{"none": nil, "zero": {}} {
		for _, mode := range policy.AllCTMode() {
			for what, p := range map[string][]*cert.Certificate{"a path": path, "no path": nil, "zero certificates": {{}, {}}} {
				r := ct.CheckSCTs(ct.Input{Path: p, List: list, Policy: mode, Time: time.Now()})
				enforced := mode != policy.CTOff && mode != policy.CTReport
				if enforced && len(p) > 0 && report.Worst(r.Findings) < finding.Inconclusive {
					t.Errorf("%s, log list %s, %s: %v", what, name, mode, r.Findings)
				}
				if r.CT.Met != nil && *r.CT.Met && enforced {
					t.Errorf("%s, log list %s, %s: the policy is met", what, name, mode)
				}
			}
		}
		if list != nil {
			_, _ = list.Describe(time.Now()), list.Lookup([32]byte{})
		}
	}
	var log ct.Log
	if _, err := ct.ParseTreeHead([]byte("{}"), &log); err == nil {
		t.Error("the zero log signs tree heads")
	}
	if err := ct.VerifyInclusion(ct.TreeHead{}, 0, [32]byte{}, nil); err == nil {
		t.Error("a leaf is in the zero tree")
	}
	if err := ct.VerifyListSignature(nil, nil, nil); err == nil {
		t.Error("nothing is signed by nobody")
	}
	if _, err := ct.ParseSCT(nil); err == nil {
		t.Error("no bytes are an SCT")
	}
}
