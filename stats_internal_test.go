package assay

import (
	"slices"
	"testing"

	"github.com/assaytls/assay/finding"
)

// Refusals of every class are counted as what they are.
func TestClassesAreCounted(t *testing.T) {
	for _, k := range finding.Kinds() {
		if !slices.Contains(classes[:], k.Class) {
			t.Errorf("class %s of %s is not counted", k.Class, k.ID)
		}
	}
}
