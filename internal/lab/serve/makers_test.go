package serve

import (
	"maps"
	"slices"
	"testing"

	"github.com/assaytls/assay/internal/lab/scenarios"
)

// Every scenario of the catalogue has its server, and there is no other server.
func TestEveryScenarioHasItsServer(t *testing.T) {
	told, made := slices.Sorted(slices.Values(scenarios.Names())), slices.Sorted(maps.Keys(makers))
	if !slices.Equal(told, made) {
		t.Errorf("the catalogue tells of %v\nservers are made for %v", told, made)
	}
}
