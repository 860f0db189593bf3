// Package bounded has the one map in which caches remember: bounded by count
// and by octets, forgetting what was not used for longest.
package bounded

import "iter"

// Map is a map of at most so many entries and octets. It keeps two generations:
// when the newer one has grown to half of either bound, the older one is
// forgotten and the newer takes its place; what is looked up stays in the newer.
// Forgetting costs nothing that way, and no entry keeps another alive. A Map is
// not safe for concurrent use. A nil *Map remembers nothing.
type Map[K comparable, V any] struct {
	count    int
	octets   int64
	now, old generation[K, V]
}

type generation[K comparable, V any] struct {
	entries map[K]sized[V]
	octets  int64
}

type sized[V any] struct {
	value  V
	octets int64
}

// New returns a Map of at most count entries and octets; octets 0 means that
// they are not counted.
func New[K comparable, V any](count int, octets int64) *Map[K, V] {
	return &Map[K, V]{count: max(count, 1), octets: octets}
}

// Get returns what is remembered under k and marks it as used.
func (m *Map[K, V]) Get(k K) (v V, ok bool) {
	if m == nil {
		return v, false
	}
	if e, ok := m.now.entries[k]; ok {
		return e.value, true
	}
	e, ok := m.old.entries[k]
	if ok {
		m.Put(k, e.value, e.octets)
	}
	return e.value, ok
}

// Peek is Get without marking it as used.
func (m *Map[K, V]) Peek(k K) (v V, ok bool) {
	if m == nil {
		return v, false
	}
	e, ok := m.now.entries[k]
	if !ok {
		e, ok = m.old.entries[k]
	}
	return e.value, ok
}

// Put remembers v, of so many octets, in place of what stood under k. What is
// larger than all that may be remembered is not, and then nothing stands there.
func (m *Map[K, V]) Put(k K, v V, octets int64) {
	if m == nil {
		return
	}
	m.Delete(k)
	counted := m.octets > 0
	if counted && octets > m.octets {
		return
	}
	if n := len(m.now.entries); n > 0 && (2*(n+1) > m.count+1 || counted && 2*(m.now.octets+octets) > m.octets) {
		m.old, m.now = m.now, generation[K, V]{}
	}
	if counted && m.old.octets+m.now.octets+octets > m.octets || len(m.old.entries)+len(m.now.entries) >= m.count {
		m.old = generation[K, V]{}
	}
	if m.now.entries == nil {
		m.now.entries = make(map[K]sized[V])
	}
	m.now.entries[k] = sized[V]{v, octets}
	m.now.octets += octets
}

// Delete forgets what stands under k.
func (m *Map[K, V]) Delete(k K) {
	if m == nil {
		return
	}
	for _, g := range []*generation[K, V]{&m.now, &m.old} {
		if e, ok := g.entries[k]; ok {
			g.octets -= e.octets
			delete(g.entries, k)
		}
	}
}

// All are all entries, without marking them as used. None may be put meanwhile.
func (m *Map[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if m == nil {
			return
		}
		for _, g := range []generation[K, V]{m.now, m.old} {
			for k, e := range g.entries {
				if !yield(k, e.value) {
					return
				}
			}
		}
	}
}

// Clear forgets everything.
func (m *Map[K, V]) Clear() {
	if m != nil {
		m.now, m.old = generation[K, V]{}, generation[K, V]{}
	}
}

// Len returns how many entries are remembered.
func (m *Map[K, V]) Len() int {
	if m == nil {
		return 0
	}
	return len(m.now.entries) + len(m.old.entries)
}

// Octets returns the octets of all that is remembered.
func (m *Map[K, V]) Octets() int64 {
	if m == nil {
		return 0
	}
	return m.now.octets + m.old.octets
}
