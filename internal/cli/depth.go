package cli

import (
	"fmt"

	"github.com/assaytls/assay/policy"
)

// tellDepth warns about a depth that the CT policy does not have.
func (a *app) tellDepth(p policy.Policy) {
	if p.CTDepth == policy.CTChain && (p.CT == policy.CTChrome || p.CT == policy.CTApple) {
		a.Warn(fmt.Errorf("--ct-depth %s has no effect with --ct %s: browsers ask for the SCTs of the server's certificate only", p.CTDepth, p.CT))
	}
}
