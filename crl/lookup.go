package crl

import (
	"bytes"
	"errors"
)

// ErrNotAsked is returned by Lookup for a serial number that the Scan which
// made the list was not asked about.
var ErrNotAsked = errors.New("the list was scanned for other serial numbers")

// Lookup calls yield for every entry of the list with the given serial number
// (contents of the INTEGER; leading octets that DER would not have do not
// matter), whatever its certificateIssuer, until yield returns false. Entries
// alias the list's bytes. The error is ErrNotAsked, or an *Error when the
// bytes can no longer be read.
func (l *List) Lookup(serial []byte, yield func(Entry) bool) (err error) {
	defer guard(&err)()
	serial = minimal(serial)
	var names []byte
	for pos := 0; pos < len(l.entries); {
		h, err := readHead(l.entries, int64(pos))
		if err != nil {
			return err
		}
		b := l.entries[pos:h.end()]
		pos = int(h.end())
		e, err := parseEntry(b, 0)
		if err != nil {
			return err
		}
		if e.issuer != nil {
			names = e.issuer
		}
		_ = names
		if bytes.Equal(minimal(e.Serial), serial) && !yield(e.Entry) {
			break
		}
	}
	return nil
}
