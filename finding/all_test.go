package finding

import (
	"slices"
	"strings"
	"testing"
)

// All has what Kinds has, each once, and ends when it is told to.
func TestAll(t *testing.T) {
	all := slices.Collect(All())
	slices.SortFunc(all, func(a, b Kind) int { return strings.Compare(string(a.ID), string(b.ID)) })
	if kinds := Kinds(); len(all) != len(kinds) || !slices.EqualFunc(all, kinds, func(a, b Kind) bool { return a.ID == b.ID && a.Title == b.Title }) {
		t.Errorf("%d kinds, want %d", len(all), len(kinds))
	}
	for range All() {
		return
	}
}
