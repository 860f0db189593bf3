package programs_test

import (
	"testing"

	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
)

// The embedded tables can be read, and there is one for every program.
func TestEmbedded(t *testing.T) {
	tables := programs.Embedded()
	for _, p := range policy.AllProgram() {
		about, ok := tables.Table(p)
		if ok != p.Published() {
			t.Errorf("%s: a table is there: %v", p, ok)
		}
		if ok && (about.Anchors < 90 || about.AsOf().IsZero()) {
			t.Errorf("%s: %+v", p, about)
		}
	}
}

// What Encode writes Parse reads, and writing it again gives the same bytes.
func TestEncode(t *testing.T) {
	first := programs.Embedded().Encode()
	again, err := programs.Parse(first)
	if err != nil {
		t.Fatal(err)
	}
	if second := again.Encode(); string(second) != string(first) {
		t.Error("two encodings of the same tables differ")
	}
}
