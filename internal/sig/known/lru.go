package known

import "container/list"

// lru remembers keys and their tables, in at most so many octets. It is not safe
// for concurrent use.
type lru struct {
	max, octets int64
	tables      int
	entries     map[string]*list.Element // by the octets of the point, of *entry
	recent      *list.List               // the most recently used first
}

// entry is a key that was used; key is nil until it has a table.
type entry struct {
	point  string
	uses   int  // signatures that crypto/ecdsa accepted, counted up to the table's making
	failed bool // it is not tried again
	key    key
}

// entryOctets is more than what a key takes without a table: its point twice, in
// the map and in the list.
const entryOctets = 512

func newLRU(max int64) lru {
	return lru{max: max, entries: make(map[string]*list.Element), recent: list.New()}
}

func (l *lru) octetsOf(e *entry) int64 {
	if e.key == nil {
		return entryOctets
	}
	return entryOctets + e.key.octets()
}

// get returns what is remembered of a key, nil if nothing is, and marks it as used.
func (l *lru) get(point []byte) *entry {
	at := l.entries[string(point)]
	if at == nil {
		return nil
	}
	l.recent.MoveToFront(at)
	return at.Value.(*entry)
}

// use counts a use of the key, which is remembered from then on.
func (l *lru) use(point []byte) {
	if e := l.get(point); e != nil {
		e.uses = min(e.uses+1, buildAt)
		return
	}
	e := &entry{point: string(point), uses: 1}
	l.entries[e.point] = l.recent.PushFront(e)
	l.octets += l.octetsOf(e)
	l.trim()
}

// give gives a key its table, if the key is still remembered.
func (l *lru) give(point []byte, k key) {
	e := l.get(point)
	if e == nil || e.key != nil {
		return
	}
	l.octets += k.octets()
	e.key = k
	l.tables++
	l.trim()
}

// trim forgets the least recently used until the rest fits.
func (l *lru) trim() {
	for l.octets > l.max && l.recent.Len() > 0 {
		e := l.recent.Remove(l.recent.Back()).(*entry)
		delete(l.entries, e.point)
		l.octets -= l.octetsOf(e)
		if e.key != nil {
			l.tables--
		}
	}
}
