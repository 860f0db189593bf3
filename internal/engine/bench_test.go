package engine_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/bench/cpu"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// BenchmarkResolve judges leaves that are all new, of one CA, with two SCTs each and
// lists that are in memory: what a scan does behind its connections. Besides time it
// gives the median of the processor time in signatures of P-256, which were verified in turn with it:
// three are needed.
func BenchmarkResolve(b *testing.B) {
	for _, d := range []struct {
		name   string
		detail assemble.Detail
		public bool
	}{{"full", assemble.Full, false}, {"short", assemble.Short, false}, {"rows", assemble.Rows, false}, {"rows-public", assemble.Rows, true}} {
		b.Run(d.name, func(b *testing.B) { benchResolve(b, d.detail, d.public) })
	}
}

func benchResolve(b *testing.B, d assemble.Detail, public bool) {
	root, logs := forge.NewRoot("Bench Root", nil), []*forge.Key{forge.P256(), forge.P256()}
	var ca *forge.CA
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/root" {
			w.Write(root.CRL(forge.CRL{}))
			return
		}
		w.Write(ca.CRL(forge.CRL{}))
	}))
	defer s.Close()
	ca = root.Intermediate("Bench CA", nil, forge.CRLDP(s.URL+"/root"))
	leaf := func() *evidence.Evidence {
		key := forge.P256()
		c := ca.WithSCTs(forge.Cert{Key: key, Extensions: append(ca.ServerExts(key, forge.DNS("a.test")), forge.CRLDP(s.URL+"/ca"))}, func(tbs []byte) [][]byte {
			at := forge.SCT{Time: time.Now().Add(-time.Hour)}
			return [][]byte{at.SignPrecert(logs[0], ca.Key, tbs), at.SignPrecert(logs[1], ca.Key, tbs)}
		})
		return &evidence.Evidence{Version: evidence.Version, Source: evidence.SourceDial, Time: time.Now(), Chain: []evidence.Entry{{Cert: c.Raw}, {Cert: ca.Raw}}}
	}
	list, err := ct.ParseLogList(forge.LogList(time.Now().Add(-time.Hour), forge.Log{Key: logs[0], Description: "A", Operator: "A", URL: "https://a.test/"},
		forge.Log{Key: logs[1], Description: "B", Operator: "B", URL: "https://b.test/"}))
	if err != nil {
		b.Fatal(err)
	}
	anchors := certpath.NewAnchors()
	if err := anchors.Add(root.Raw); err != nil {
		b.Fatal(err)
	}
	e, trust := engine.New(engine.Options{}), &engine.Trust{Anchors: anchors, LogList: list, Public: func([]byte) bool { return public }}
	p, access := policy.Policy{Names: []string{"a.test"}, CT: policy.CTRequire}, here()
	judge := func(ev *evidence.Evidence) {
		if r, _ := e.Resolve(context.Background(), ev, trust, p, access, d); r.Verdict != report.Accept {
			b.Fatalf("%s %v", r.Verdict, findings(r))
		}
	}
	for range 3 {
		judge(leaf())
	}
	hosts := make([]*evidence.Evidence, b.N)
	for i := range hosts {
		hosts[i] = leaf()
	}
	key := forge.P256()
	sum := sha256.Sum256([]byte("a"))
	sig := key.Sign(key.DefaultAlg(), []byte("a"))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	took, signature := make([]time.Duration, b.N), make([]time.Duration, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	for i, ev := range hosts {
		b.StopTimer()
		at := cpu.Thread()
		ecdsa.VerifyASN1(key.Signer.Public().(*ecdsa.PublicKey), sum[:], sig)
		signature[i] = cpu.Thread() - at
		at = cpu.Thread()
		b.StartTimer()
		judge(ev)
		took[i] = cpu.Thread() - at
	}
	slices.Sort(took)
	slices.Sort(signature)
	b.ReportMetric(float64(took[b.N/2])/float64(signature[b.N/2]), "signatures/op")
	b.ReportMetric(float64(took[b.N/2].Microseconds()), "cpu-us/op")
}
