package engine

import (
	"testing"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/policy"
)

// The zone of a target's address is this machine's business: the certificate
// is compared with the address.
func TestZone(t *testing.T) {
	e := New(Options{})
	for host, want := range map[string]string{"fe80::1%eth0": "fe80::1", "::1": "::1", "192.0.2.1": "192.0.2.1", "a.test": "a.test"} {
		opt, err := e.newJudgement(&evidence.Evidence{Target: evidence.Target{Host: host}}, nil, policy.Policy{}, download.Access{}, assemble.Full).pathOptions()
		if err != nil || len(opt.Names) != 1 || opt.Names[0].Value != want {
			t.Errorf("%s: %v, %v", host, opt.Names, err)
		}
	}
}
