package ocsp_test

import (
	"bytes"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/corpora"
	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/report"
	xocsp "golang.org/x/crypto/ocsp"
)

// seed adds what other projects' fuzzers found interesting.
func seed(f *testing.F) {
	for _, b := range corpora.Seeds(f, "boringssl", "ocsp_") {
		f.Add(b)
	}
	for _, b := range corpora.Seeds(f, "gnutls", "ocsp_resp") {
		f.Add(b)
	}
}

// FuzzParse looks for panics, and for responses whose parts do not come from
// where they should.
func FuzzParse(f *testing.F) {
	seed(f)
	w := newWorld()
	f.Add(OCSP{Singles: []Single{w.good()}, Certs: [][]byte{w.ca.Raw}, Nonce: []byte("n")}.Sign(w.ca))
	f.Add(OCSP{Singles: []Single{w.ca.RevokedSingle(w.leaf.Serial, 1)}, ByKey: true}.Sign(w.ca))
	f.Add(OCSP{Status: TryLater}.Sign(w.ca))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := ocsp.Parse(b)
		if len(r.Findings) == 0 && r.Status == ocsp.Successful && (!bytes.Contains(b, r.RawTBS) || len(r.RawTBS) == 0 || r.ProducedAt.IsZero()) {
			t.Errorf("a sound response without its parts: %+v", r)
		}
		for i := range r.Singles {
			_ = r.Singles[i].CertID.String()
			_ = r.Singles[i].ReasonName()
		}
		for _, f := range r.Findings {
			_ = f.Title()
		}
	})
}

// FuzzCheck signs nothing: whatever the input, no answer may come of it.
func FuzzCheck(f *testing.F) {
	seed(f)
	w := newWorld()
	q := w.query()
	stranger := NewRoot("Test CA", nil)
	f.Add(OCSP{Singles: []Single{w.good()}, Certs: [][]byte{stranger.Raw}}.Sign(stranger))
	f.Add(OCSP{Singles: []Single{w.good()}, MutateSig: FlipMiddle}.Sign(w.ca))
	f.Add(OCSP{Singles: []Single{w.good()}, Certs: [][]byte{w.sibling.Raw}}.Sign(w.sibling))
	f.Fuzz(func(t *testing.T, b []byte) {
		res := ocsp.Check(q, b)
		if res.Status != "" || res.SCTList != nil {
			t.Errorf("an answer out of nothing: %+v", res)
		}
		if report.Worst(res.Findings) < finding.Inconclusive || res.Answer.Detail == "" {
			t.Errorf("no answer, and not said why: %+v", res)
		}
	})
}

func FuzzParseRequest(f *testing.F) {
	seed(f)
	w := newWorld()
	leaf, ca := cert.Parse(w.leaf.Raw), cert.Parse(w.ca.Raw)
	f.Add(ocsp.NewRequest(leaf, ca, 0, nil))
	f.Add(ocsp.NewRequest(leaf, ca, 0, []byte("nonce")))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := ocsp.ParseRequest(b)
		if len(r.Findings) > 0 {
			return
		}
		if x, err := xocsp.ParseRequest(b); err == nil && len(r.IDs) > 0 && r.IDs[0].Hash == x.HashAlgorithm && !bytes.Equal(x.IssuerNameHash, r.IDs[0].IssuerNameHash) {
			t.Errorf("x/crypto/ocsp reads another name hash")
		}
	})
}

// FuzzDifferential compares with x/crypto/ocsp. What it accepts and we do not
// is our strictness; but what we read without a finding it must read alike.
func FuzzDifferential(f *testing.F) {
	seed(f)
	w := newWorld()
	f.Add(OCSP{Singles: []Single{w.good()}}.Sign(w.ca))
	f.Add(OCSP{Singles: []Single{w.ca.RevokedSingle(w.leaf.Serial, 1)}, ByKey: true}.Sign(w.ca))
	f.Fuzz(func(t *testing.T, b []byte) { differ(t, b) })
}

func differ(t *testing.T, b []byte) {
	r := ocsp.Parse(b)
	x, err := xocsp.ParseResponse(b, nil)
	if len(r.Findings) > 0 || r.Status != ocsp.Successful || err != nil || len(r.Singles) != 1 {
		return
	}
	s := r.Singles[0]
	want := map[ocsp.CertStatus]int{ocsp.Good: xocsp.Good, ocsp.Revoked: xocsp.Revoked, ocsp.Unknown: xocsp.Unknown}[s.Status]
	if x.Status != want || !x.ThisUpdate.Equal(s.ThisUpdate) || !x.NextUpdate.Equal(s.NextUpdate) || !x.ProducedAt.Equal(r.ProducedAt) ||
		s.Status == ocsp.Revoked && (!x.RevokedAt.Equal(s.RevokedAt) || x.RevocationReason != max(s.Reason, 0)) || !bytes.Equal(x.TBSResponseData, r.RawTBS) {
		t.Errorf("x/crypto/ocsp reads %+v, we %+v", x, s)
	}
}
