package cert_test

import (
	"errors"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/lab/forge"
)

// Limits that cannot be read, negative ones above all, are taken at their
// strictest: -1 would mean that there is none.
func TestUnreadableLimits(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	for _, bad := range [][]byte{{0xff}, {0x80}, {0xff, 0xff, 0xff, 0xff, 0xff}, {}} {
		c := cert.Parse(root.Issue(forge.Cert{Extensions: []forge.Ext{
			{OID: "2.5.29.19", Critical: true, Value: forge.Seq(forge.Bool(true), forge.TLV(2, bad))},
			{OID: "2.5.29.36", Critical: true, Value: forge.Seq(forge.Context(0, bad), forge.Context(1, bad))},
			{OID: "2.5.29.54", Critical: true, Value: forge.TLV(2, bad)},
		}}).Raw)
		if c.PathLen != 0 || c.RequireExplicitPolicy != 0 || c.InhibitPolicyMapping != 0 || c.InhibitAnyPolicy != 0 || len(c.Findings) < 4 {
			t.Errorf("% x: %d %d %d %d, findings %v", bad, c.PathLen, c.RequireExplicitPolicy, c.InhibitPolicyMapping, c.InhibitAnyPolicy, c.Findings)
		}
	}
}

// What is not there verifies never.
func TestNothingVerifies(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	key := cert.Parse(root.Raw).Key
	for _, raw := range [][]byte{nil, {0x30, 0}, {0x30, 2, 0x30, 0}, root.Raw[:len(root.Raw)-80]} {
		if err := cert.Parse(raw).VerifySignatureFrom(nil, key); err == nil || !errors.Is(err, cert.ErrBadSignature) && !errors.Is(err, cert.ErrUnsupported) {
			t.Errorf("% x: %v", raw[:min(len(raw), 8)], err)
		}
		if err := cert.Parse(root.Raw).VerifySignatureFrom(nil, cert.Parse(raw).Key); err == nil {
			t.Errorf("% x: its key verifies", raw[:min(len(raw), 8)])
		}
	}
}
