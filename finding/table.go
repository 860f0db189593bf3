package finding

import (
	"slices"
	"strings"
)

// tables are the kinds by topic; each topic has a file of its own.
var tables = [][]Kind{
	connectionKinds, certKinds, profileKinds, pathKinds, nameKinds, crlKinds, ocspKinds,
	revocationKinds, ctKinds, engineKinds,
}

var (
	kinds = slices.SortedFunc(slices.Values(slices.Concat(tables...)), func(a, b Kind) int {
		return strings.Compare(string(a.ID), string(b.ID))
	})
	byID = func() map[ID]int {
		m := make(map[ID]int, len(kinds))
		for i, k := range kinds {
			m[k.ID] = i
		}
		return m
	}()
)

// Kinds returns a copy of the table, sorted by ID.
func Kinds() []Kind { return slices.Clone(kinds) }

// Lookup returns the table entry of id.
func Lookup(id ID) (Kind, bool) {
	i, ok := byID[id]
	if !ok {
		return Kind{}, false
	}
	return kinds[i], true
}

func sortedParams(m map[string]string) []Param {
	var ps []Param
	for n, v := range m {
		ps = append(ps, Param{n, v})
	}
	slices.SortFunc(ps, func(a, b Param) int { return strings.Compare(a.Name, b.Name) })
	return ps
}
