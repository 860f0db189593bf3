package finding

import (
	"iter"
	"slices"
	"strings"
	"sync"
)

// tables are the kinds by topic; each topic has a file of its own.
var tables = [][]Kind{
	connectionKinds, certKinds, profileKinds, pathKinds, nameKinds, crlKinds, ocspKinds,
	revocationKinds, crliteKinds, ctKinds, engineKinds, serverKinds, daneKinds, programKinds,
}

// index finds the kinds by ID; made when first asked for, so that a program
// that starts pays nothing.
var index = sync.OnceValue(func() map[ID]*Kind {
	n := 0
	for _, t := range tables {
		n += len(t)
	}
	byID := make(map[ID]*Kind, n)
	for _, t := range tables {
		for i := range t {
			byID[t[i].ID] = &t[i]
		}
	}
	return byID
})

// Kinds returns a copy of the table, sorted by ID.
func Kinds() []Kind {
	kinds := slices.Concat(tables...)
	slices.SortFunc(kinds, func(a, b Kind) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return kinds
}

// All yields the entries of the table, in no order that means anything, and copies no
// more than one at a time.
func All() iter.Seq[Kind] {
	return func(yield func(Kind) bool) {
		for _, t := range tables {
			for i := range t {
				if !yield(t[i]) {
					return
				}
			}
		}
	}
}

// Lookup returns the table entry of id.
func Lookup(id ID) (Kind, bool) {
	k, ok := index()[id]
	if !ok {
		return Kind{}, false
	}
	return *k, true
}

func sortedParams(m map[string]string) []Param {
	var ps []Param
	for n, v := range m {
		ps = append(ps, Param{n, v})
	}
	slices.SortFunc(ps, func(a, b Param) int { return strings.Compare(a.Name, b.Name) })
	return ps
}
