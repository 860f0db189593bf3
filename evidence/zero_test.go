package evidence_test

import (
	"testing"

	"github.com/assaytls/assay/evidence"
)

// Evidence of nothing is written and read by nobody.
func TestZeroValues(t *testing.T) {
	if b, err := evidence.Encode(&evidence.Evidence{}); err == nil {
		t.Errorf("the zero evidence was written: %s", b)
	}
	for _, b := range []string{"", "{}", "null", `{"version":0}`} {
		if ev, err := evidence.Decode([]byte(b)); err == nil {
			t.Errorf("%q was read as %+v", b, ev)
		}
	}
}
