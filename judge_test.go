package assay_test

import (
	"reflect"
	"sync"
	"testing"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/report"
)

// One piece of evidence may be judged by many at once, and is as it was before.
func TestJudgeLeavesEvidenceAlone(t *testing.T) {
	w := newWorld(t)
	v := newVerifier(t, w.config(assay.Config{Network: assay.Offline}))
	fresh := func() *evidence.Evidence {
		return &evidence.Evidence{Version: evidence.Version, Target: evidence.Target{Host: "localhost"}, Chain: []evidence.Entry{{Cert: []byte{0x30, 0}}},
			Artefacts: []evidence.Artefact{{Kind: "aia", URL: "http://x.test/", Body: []byte("no certificate")}}}
	}
	ev := fresh()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if r := v.Judge(t.Context(), ev); r.Verdict != report.Reject {
				t.Errorf("verdict %s", r.Verdict)
			}
		})
	}
	wg.Wait()
	if !reflect.DeepEqual(ev, fresh()) {
		t.Errorf("the evidence is now %+v", ev)
	}
	for name, ev := range map[string]*evidence.Evidence{"nil": nil, "zero": {}, "empty certificate": {Chain: []evidence.Entry{{}}}} {
		if r := v.Judge(t.Context(), ev); r == nil || r.Verdict == report.Accept {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
