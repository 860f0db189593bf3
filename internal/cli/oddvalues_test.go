package cli

import (
	"strings"
	"testing"
)

// Values that a flag cannot mean are said to be wrong, not passed over: the
// zero time would mean now.
func TestOddValues(t *testing.T) {
	var m moment
	for _, s := range []string{"0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "1949-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00", "1950-01-01T00:00:00+01:00"} {
		if m.Set(s) == nil {
			t.Errorf("--time %s: taken for %v", s, m.t)
		}
	}
	for _, s := range []string{"1950-01-01T00:00:00Z", "9999-12-31T23:59:59Z"} {
		if err := m.Set(s); err != nil || m.t.IsZero() {
			t.Errorf("--time %s: %v", s, err)
		}
	}
	w := words{check: checkALPN}
	if w.Set(strings.Repeat("a", 256)) == nil || w.Set(strings.Repeat("a", 255)) != nil {
		t.Error("--alpn")
	}
}
