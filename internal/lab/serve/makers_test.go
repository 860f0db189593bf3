package serve

import (
	"maps"
	"reflect"
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

// What the catalogue says of a scenario its server leaves as it is, but for flags
// that name a file or an address of this run.
func TestServersKeepTheCatalogue(t *testing.T) {
	l, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for i, told := range scenarios.All() {
		running := l.Scenarios[i].Scenario
		if n := len(told.Flags); len(running.Flags) < n || !slices.Equal(running.Flags[:n], told.Flags) {
			t.Errorf("%s: flags %q, told %q", told.Name, running.Flags, told.Flags)
		}
		running.Flags = told.Flags
		if !reflect.DeepEqual(running, told) {
			t.Errorf("%s runs as %+v, told as %+v", told.Name, running, told)
		}
	}
}
