package download

import (
	"sync/atomic"
	"testing"
)

// Of those that wait for one download one writes it, and another one when it is the
// first to learn of a revocation.
func TestStoredOnce(t *testing.T) {
	a := &Artefact{stored: new(atomic.Int32)}
	b := *a // judged as a copy
	for i, step := range []struct {
		a        *Artefact
		revoking bool
		want     bool
	}{{a, false, true}, {&b, false, false}, {&b, true, true}, {a, true, false}, {a, false, false}, {&Artefact{}, false, true}} {
		if got := step.a.toBeStored(step.revoking); got != step.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
}
