package engine

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Only certificates that came without a connection are not missed a staple;
// evidence that does not say where it comes from is judged as a connection's.
func TestSourceDecidesWhatIsMissed(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	key := forge.P256()
	leaf := root.Issue(forge.Cert{Key: key, Extensions: append(root.ServerExts(key, forge.DNS("a.test")), forge.MustStaple())})
	e := guardEngine(t, root.Raw)
	for source, want := range map[evidence.Source]bool{"": true, evidence.SourceDial: true, evidence.SourceHandshake: true, evidence.SourceFiles: false} {
		ev := &evidence.Evidence{Source: source, Time: time.Now(), Target: evidence.Target{Host: "a.test"}, Chain: []evidence.Entry{{Cert: leaf.Raw}}}
		r := e.Judge(t.Context(), ev, e.trust, policy.Policy{}, download.Access{}, assemble.Full)
		missed := slices.ContainsFunc(r.Paths[0].Certs[0].Findings, func(f finding.Finding) bool { return f.ID == finding.MustStapleMissing })
		if missed != want || (r.Verdict == report.Reject) != want || (r.Connection != nil) != want {
			t.Errorf("%q: missed %v, %s", source, missed, r.Verdict)
		}
	}
}

// Judging leaves its input as it was: what is fetched, what is found wrong with
// it and what was trusted are in a copy.
func TestInputIsNotWritten(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	ca := root.Intermediate("CA", nil)
	leaf := ca.Server("a.test", nil, forge.AIA(nil, []string{"http://127.0.0.1:1/ca.cer"}))
	e := guardEngine(t, root.Raw)
	fresh := func() *evidence.Evidence {
		artefacts := make([]evidence.Artefact, 1, 8) // room, into which something could be appended
		artefacts[0] = evidence.Artefact{Kind: kindAIA, URL: "http://x.test/", Body: []byte("no certificate")}
		return &evidence.Evidence{Version: evidence.Version, Source: evidence.SourceDial, Time: time.Unix(1.8e9, 0), Target: evidence.Target{Host: "a.test"},
			Chain: []evidence.Entry{{Cert: leaf.Raw}}, Artefacts: artefacts}
	}
	for what, judge := range map[string]func(*evidence.Evidence) *evidence.Evidence{
		"Judge": func(ev *evidence.Evidence) *evidence.Evidence {
			e.Judge(t.Context(), ev, e.trust, policy.Policy{}, download.Access{}, assemble.Full)
			return nil
		},
		"Refused": func(ev *evidence.Evidence) *evidence.Evidence {
			e.Refused(ev, e.trust, policy.Policy{}, "why")
			return nil
		},
		"Resolve": func(ev *evidence.Evidence) *evidence.Evidence {
			_, gathered := e.Resolve(t.Context(), ev, e.trust, policy.Policy{}, download.Access{}, assemble.Full)
			return gathered
		},
		"Handshake": func(ev *evidence.Evidence) *evidence.Evidence {
			_, gathered, _, _ := e.Handshake(t.Context(), ev, [][][]byte{{leaf.Raw, ca.Raw, root.Raw}}, e.trust, policy.Policy{}, download.Access{}, assemble.Full)
			return gathered
		},
	} {
		ev := fresh()
		gathered := judge(ev)
		if !reflect.DeepEqual(ev, fresh()) || !reflect.DeepEqual(ev.Artefacts[:8], fresh().Artefacts[:8]) {
			t.Errorf("%s: the evidence was changed", what)
		}
		if gathered != nil && (gathered.AnchorsHash == "" || gathered.Artefacts[0].Failure != finding.AIAUnavailable) {
			t.Errorf("%s: gathered %+v", what, gathered)
		}
	}
}
