package certpath_test

import (
	"encoding/base64"
	"path/filepath"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/lab/forge"
)

var signedLedger = ledger(map[string][]string{
	"keys for RSA-PSS alone are supported (RFC 4055, 1.2)": {"RsaPssSha256UsingPssKeyWithParams"},
})

// sound reports whether a certificate with the key could be on a clean path,
// and one signed with the algorithm.
func sound(spki []byte, a cert.Algorithm) bool {
	k := forge.P256()
	c := cert.Parse(forge.Cert{Subject: forge.CN("a"), Issuer: forge.CN("b"), SPKI: spki}.Sign(k))
	for _, f := range c.Findings {
		if f.Severity >= finding.Error && f.ID != finding.KeyTooSmall {
			return false
		}
	}
	return a.ParamsOK
}

// TestBoringSignedData verifies BoringSSL's signed data with the keys and
// algorithms that certificates are verified with.
func TestBoringSignedData(t *testing.T) {
	var d struct {
		Cases []struct {
			Test, Expected string
			SPKI           string `json:"spki_der"`
			Algorithm      string `json:"algorithm_der"`
			Data           string
			Signature      string `json:"signature_bitstring_der"`
		}
	}
	load(t, filepath.Join(corpora.Dir(t, "boringssl-pki"), "verify_signed_data.json"), &d)
	pass := 0
	for _, c := range d.Cases {
		dec := func(s string) []byte { b, _ := base64.StdEncoding.DecodeString(s); return b }
		key, err := cert.ParsePublicKey(dec(c.SPKI))
		if err == nil {
			var alg cert.Algorithm
			if alg, err = cert.ParseAlgorithm(dec(c.Algorithm)); err == nil {
				var bits der.Element
				if bits, err = der.NewReader(dec(c.Signature), 0).Expect(der.BitString); err == nil {
					err = cert.ErrBadSignature
					if len(bits.Body) > 0 && bits.Body[0] == 0 {
						err = key.Verify(nil, alg, dec(c.Data), bits.Body[1:])
					}
					if err == nil && !sound(dec(c.SPKI), alg) {
						err = cert.ErrUnsupported
					}
				}
			}
		}
		reason, listed := signedLedger[c.Test]
		switch got := err == nil; {
		case got != (c.Expected == "ok") && !listed:
			t.Errorf("%s: %v, want %s", c.Test, err, c.Expected)
		case got == (c.Expected == "ok") && listed:
			t.Errorf("%s: as wanted, but the ledger says: %s", c.Test, reason)
		case !listed:
			pass++
		}
	}
	t.Logf("%d of %d, %d in the ledger", pass, len(d.Cases), len(signedLedger))
}
