package learnt

import (
	"slices"

	"github.com/assaytls/assay/evidence"
)

// Path names the certificates whose revocation was judged on the path that an
// acceptance rests on, and its anchor. The zero Path names none.
type Path struct {
	Certs  []ID
	Anchor evidence.Hash // of its key
}

// Equal reports whether p and q name the same.
func (p Path) Equal(q Path) bool { return p.Anchor == q.Anchor && slices.Equal(p.Certs, q.Certs) }

// Append appends p's binary form to b.
func (p Path) Append(b []byte) []byte {
	b = append(append(b, byte(len(p.Certs))), p.Anchor[:]...)
	for _, id := range p.Certs {
		b = append(b, id[:]...)
	}
	return b
}

// ParsePath reads what Append wrote from the front of b.
func ParsePath(b []byte) (p Path, rest []byte, ok bool) {
	const size = len(p.Anchor)
	if len(b) < 1+size || len(b) < 1+size+int(b[0])*size {
		return p, nil, false
	}
	n := int(b[0])
	copy(p.Anchor[:], b[1:])
	b = b[1+size:]
	for range n {
		p.Certs = append(p.Certs, ID(b[:size]))
		b = b[size:]
	}
	return p, b, true
}
