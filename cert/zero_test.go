package cert_test

import (
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// The zero certificate and the zero key verify nothing, and neither panics.
func TestZeroValues(t *testing.T) {
	real := cert.Parse(forge.NewRoot("Root", nil).Raw)
	zero := &cert.Certificate{}
	var key cert.PublicKey
	for name, err := range map[string]error{
		"zero by real": zero.VerifySignatureFrom(nil, real.Key), "zero by zero": zero.VerifySignatureFrom(nil, zero.Key),
		"real by zero": real.VerifySignatureFrom(nil, zero.Key), "real by the zero key": real.VerifySignatureFrom(nil, &key),
		"nothing": key.Verify(nil, cert.Algorithm{}, nil, nil), "nothing by nobody": (*cert.PublicKey)(nil).Verify(nil, cert.Algorithm{}, nil, nil),
		"nothing by a real key": real.Key.Verify(nil, cert.Algorithm{}, nil, nil), "a digest": real.Key.VerifyDigest(cert.Algorithm{}, nil, nil),
		"in the zero memo": real.VerifySignatureFrom(&cert.Memo{}, &key),
	} {
		if err == nil {
			t.Errorf("%s: verified", name)
		}
	}
	if err := real.VerifySignatureFrom(&cert.Memo{}, real.Key); err != nil {
		t.Error("the zero memo:", err)
	}
	if key.Supported() || key.Public() != nil || key.Kind != cert.KeyOther || zero.CA || zero.NoRevAvail || zero.OCSPNoCheck {
		t.Error("a zero has rights")
	}
	zero.Strict()
	zero.StrictFindings()
	_ = zero.Subject.String() + zero.Subject.CommonName() + cert.GeneralName{}.String()
	if c := cert.Parse(nil); report.Worst(c.Findings) < finding.Error || c.Key == nil {
		t.Error("no bytes are a certificate")
	}
	var cache *cert.Cache
	if c := cache.Parse(real.Raw); c.SHA256 != real.SHA256 || cache.Len() != 0 {
		t.Error("the nil cache")
	}
	if c := new(cert.Cache).Parse(real.Raw); c.SHA256 != real.SHA256 {
		t.Error("the zero cache")
	}
}
