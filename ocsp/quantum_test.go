package ocsp_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Responses of CAs and responders with ML-DSA keys say good and revoked like others;
// those that are not exactly pure ML-DSA by the right key say nothing.
func TestMLDSAResponses(t *testing.T) {
	none := report.Status("")
	for kind, alg := range map[string]Alg{"ML-DSA-44": MLDSA44, "ML-DSA-65": MLDSA65, "ML-DSA-87": MLDSA87} {
		w := newWorld()
		w.ca = w.root.Intermediate("Test CA", NewKey(kind))
		w.leaf = w.ca.Server("good.example", nil)
		impostor := NewRoot("Test CA", NewKey(kind))
		delegate := w.ca.Responder("OCSP Responder", NewKey(kind))
		good, revoked := w.good(), w.good()
		revoked.Status = StatusRevoked
		by := func(ca *CA, o OCSP, s Single) []byte { o.Singles = []Single{s}; return o.Sign(ca) }
		null := alg.WithID(Seq(append(Children(alg.ID), Null())...))
		for name, c := range map[string]struct {
			body []byte
			want report.Status
			id   finding.ID
		}{
			"good":            {by(w.ca, OCSP{}, good), report.Good, ""},
			"revoked":         {by(w.ca, OCSP{}, revoked), report.Revoked, ""},
			"delegated":       {by(delegate, OCSP{Certs: [][]byte{delegate.Raw}}, good), report.Good, ""},
			"changed":         {by(w.ca, OCSP{MutateSig: FlipMiddle}, good), none, finding.OCSPSignatureInvalid},
			"another key":     {by(impostor, OCSP{}, good), none, finding.OCSPSignatureInvalid},
			"HashML-DSA":      {by(w.ca, OCSP{Alg: alg.WithID(Seq(OID("2.16.840.1.101.3.4.3.32")))}, good), none, finding.OCSPSignatureUnsupported},
			"SLH-DSA":         {by(w.ca, OCSP{Alg: alg.WithID(Seq(OID("2.16.840.1.101.3.4.3.20")))}, good), none, finding.OCSPSignatureUnsupported},
			"NULL parameters": {by(w.ca, OCSP{Alg: null}, good), none, finding.OCSPSignatureUnsupported},
		} {
			q := w.query()
			q.Issuer = cert.Parse(w.ca.Raw)
			got := ocsp.Check(q, c.body)
			if got.Status != c.want || c.id != "" && !slices.Contains(ids(got.Findings, finding.Info), c.id) {
				t.Errorf("%s, %s: %q %v, want %q %s", kind, name, got.Status, got.Findings, c.want, c.id)
			}
		}
		q := w.query()
		q.SecurityLevel = policy.Level5
		got := ocsp.Check(q, by(w.ca, OCSP{}, good))
		if (got.Status == report.Good) != (kind == "ML-DSA-87") {
			t.Errorf("%s at level 5: %q %v", kind, got.Status, got.Findings)
		}
		for _, f := range got.Findings {
			if strings.Contains(f.Title(), " 0 bits") {
				t.Errorf("%s: %s", kind, f.Title())
			}
		}
	}
}
