package finding

import (
	"slices"
	"strings"
	"sync"
)

// tables are the kinds by topic; each topic has a file of its own.
var tables = [][]Kind{
	connectionKinds, certKinds, profileKinds, pathKinds, nameKinds, crlKinds, ocspKinds,
	revocationKinds, ctKinds, engineKinds,
}

// index is the table, sorted, and the places of the IDs in it; made when first
// asked for, so that a program that starts pays nothing.
var index = sync.OnceValue(func() (t struct {
	kinds []Kind
	byID  map[ID]int
}) {
	t.kinds = slices.Concat(tables...)
	slices.SortFunc(t.kinds, func(a, b Kind) int { return strings.Compare(string(a.ID), string(b.ID)) })
	t.byID = make(map[ID]int, len(t.kinds))
	for i, k := range t.kinds {
		t.byID[k.ID] = i
	}
	return t
})

// Kinds returns a copy of the table, sorted by ID.
func Kinds() []Kind { return slices.Clone(index().kinds) }

// Lookup returns the table entry of id.
func Lookup(id ID) (Kind, bool) {
	t := index()
	i, ok := t.byID[id]
	if !ok {
		return Kind{}, false
	}
	return t.kinds[i], true
}

func sortedParams(m map[string]string) []Param {
	var ps []Param
	for n, v := range m {
		ps = append(ps, Param{n, v})
	}
	slices.SortFunc(ps, func(a, b Param) int { return strings.Compare(a.Name, b.Name) })
	return ps
}
