package engine

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
)

// Whoever fills the memory about a certificate by way of many anchors pushes no
// entry out of a judgement: only what is saved with the evidence is bounded.
func TestAllThatIsLearntCounts(t *testing.T) {
	root := forge.NewRoot("Consulted Root", nil)
	issuer, leaf := cert.Parse(root.Raw), cert.Parse(root.Server("a.test", nil).Raw)
	e := New(Options{})
	const n = maxConsulted + 10
	var all []evidence.Learnt
	for i := range n {
		var anchor evidence.Hash
		binary.BigEndian.PutUint32(anchor[:], uint32(i+1))
		all = append(all, evidence.Learnt{Issuer: leaf.RawIssuer, IssuerKey: evidence.HashOf(issuer.RawSPKI), Serial: leaf.Serial, Cert: leaf.SHA256,
			RevokedAt: time.Now().Add(-time.Hour), Learnt: time.Now(), Until: leaf.NotAfter, Scheme: policy.CRL,
			SignerKey: evidence.Hash{1}, Anchor: anchor, ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour)})
	}
	e.learnt.Add(time.Now(), all, nil)
	j := e.newJudgement(&evidence.Evidence{}, nil, policy.Policy{}, download.Access{}, assemble.Full)
	j.live = true
	for range 2 {
		if got := len(j.about(leaf, issuer)); got != n {
			t.Errorf("%d entries, want %d", got, n)
		}
	}
	if len(j.ev.Learnt) > maxConsulted {
		t.Errorf("%d entries in the evidence", len(j.ev.Learnt))
	}
}
