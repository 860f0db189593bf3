package engine

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// What is at hand is judged in the first round, a delta list that the list at hand
// names too; what is not is asked for after it, and nothing at all is added to
// evidence that is judged as it stands.
func TestHandIn(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	var url string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		list := forge.CRL{Extensions: []forge.Ext{forge.CRLNumber(7), forge.FreshestCRL(forge.DP{FullName: [][]byte{forge.URI(url + "/delta")}})}}
		if r.URL.Path == "/delta" {
			list = forge.CRL{Extensions: []forge.Ext{forge.CRLNumber(8), forge.DeltaIndicator(7)}}
		}
		w.Write(root.CRL(list))
	}))
	defer s.Close()
	url = s.URL
	e := guardEngine(t, root.Raw)
	access := download.Access{Scope: download.ScopePrivate}
	of := func(name string) *judgement {
		ev := &evidence.Evidence{Time: time.Now(), Target: evidence.Target{Host: name}, Chain: []evidence.Entry{{Cert: root.Server(name, nil, forge.CRLDP(url+"/list")).Raw}}}
		return e.newJudgement(ev, policy.Policy{}, access)
	}
	told := func(j *judgement, last *round) string {
		r := j.report(last)
		var kinds []report.FetchKind
		for _, f := range r.Fetches {
			kinds = append(kinds, f.Kind)
		}
		slices.Sort(kinds)
		return fmt.Sprint(r.Verdict, kinds, r.Checks)
	}
	first := of("a.test")
	want := told(first, first.resolve(t.Context()))
	if len(first.fetches) != 2 || first.fetches[0].Outcome != report.Fetched {
		t.Fatal(want)
	}
	j := of("a.test")
	j.live = true
	last := j.judge(t.Context())
	if got := told(j, last); len(last.wants) != 0 || got != want || len(last.used) != len(j.ev.Artefacts) {
		t.Errorf("%s and %d needs after one round, want %s", got, len(last.wants), want)
	}
	asIs := of("a.test")
	if last := asIs.judge(t.Context()); len(last.wants) != 1 || len(asIs.ev.Artefacts) != 0 {
		t.Errorf("judged as it stands: %d needs, %d artefacts", len(last.wants), len(asIs.ev.Artefacts))
	}
	full := of("a.test")
	full.live = true
	for n := range maxNeeds {
		full.ask(download.Need{URL: fmt.Sprint(n)})
	}
	if full.judge(t.Context()); len(full.ev.Artefacts) != 0 || len(full.asked) != maxNeeds {
		t.Errorf("%d artefacts beyond the limit of needs", len(full.ev.Artefacts))
	}
}
