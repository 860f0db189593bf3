package engine

import (
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/policy"
)

// What a handshake did with the peer's key is a fact of the handshake: clients
// always sign, servers sign or have the secret encrypted to their key.
func TestUsedKeyUsage(t *testing.T) {
	for _, c := range []struct {
		version, suite uint16
		purpose        policy.Purpose
		client         bool // the peer is a client: chains from crypto/tls, of a server
		want           cert.KeyUsage
	}{
		{0x0304, 0x1301, policy.PurposeServer, false, cert.DigitalSignature},
		{0x0303, 0xc02f, policy.PurposeServer, false, cert.DigitalSignature},
		{0x0303, 0x009c, policy.PurposeServer, false, cert.KeyEncipherment},
		{0x0304, 0x1301, policy.PurposeClient, true, cert.DigitalSignature},
		{0x0303, 0x009c, policy.PurposeClient, true, cert.DigitalSignature},
		{0x0304, 0x1301, policy.PurposeEmail, false, 0},
		{0, 0, policy.PurposeServer, false, 0},
	} {
		j := &judgement{p: policy.Policy{Purpose: c.purpose}, ev: &evidence.Evidence{Connection: evidence.Connection{Version: c.version, Suite: c.suite}}}
		if c.client {
			j.chains = [][][]byte{{{0x30, 0}}}
		}
		if got := j.usedKeyUsage(); got != c.want {
			t.Errorf("%+v: %v", c, got.Names())
		}
	}
}
