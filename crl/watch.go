package crl

import "bytes"

// watch looks for some serial numbers while a list streams by.
type watch struct {
	serials [][]byte // minimal contents
	last    [256]bool
	names   []byte // certificateIssuer in force, a copy
	hits    []hit
	over    bool // there were more
}

// hit is an entry that lists a watched serial number.
type hit struct {
	raw    []byte
	offset int64
	issuer []byte
}

// maxHits bounds what is kept of a list that has one serial many times.
const maxHits = 256

func newWatch(serials [][]byte) *watch {
	w := &watch{}
	for _, s := range serials {
		if s = minimal(s); len(s) > 0 {
			w.serials = append(w.serials, bytes.Clone(s))
			w.last[s[len(s)-1]] = true
		}
	}
	return w
}

var watchNothing [256]bool

// table returns the last octets that are looked for.
func (w *watch) table() *[256]bool {
	if w == nil {
		return &watchNothing
	}
	return &w.last
}

// issuer records a certificateIssuer, which holds for the entries that follow.
func (w *watch) issuer(names []byte) {
	if w != nil && !bytes.Equal(w.names, names) {
		w.names = bytes.Clone(names)
	}
}

// see keeps the entry b if its serial number is watched.
func (w *watch) see(b []byte, off int64) {
	if w == nil {
		return
	}
	_, serial, ok := step(b)
	if !ok {
		return
	}
	serial = minimal(serial)
	for _, s := range w.serials {
		if bytes.Equal(s, serial) {
			if len(w.hits) >= maxHits {
				w.over = true
				return
			}
			w.hits = append(w.hits, hit{bytes.Clone(b), off, w.names})
			return
		}
	}
}

// minimal strips an INTEGER's contents of octets that DER would not have.
func minimal(s []byte) []byte {
	for len(s) > 1 && (s[0] == 0 && s[1] < 0x80 || s[0] == 0xff && s[1] >= 0x80) {
		s = s[1:]
	}
	return s
}
