package crl

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
)

// ErrNotAsked is returned for a serial number that the Scan which made the
// list was not asked about.
var ErrNotAsked = errors.New("the list was scanned for other serial numbers")

// Listed reports whether an entry has the given serial number (contents of the
// INTEGER; leading octets that DER would not have do not matter), whatever its
// certificateIssuer. The error is ErrNotAsked, or an *Error when the bytes can
// no longer be read. The first few questions read the list through; then an
// index is built.
func (l *List) Listed(serial []byte) (found bool, err error) {
	if l.Size == 0 {
		return false, ErrNotAsked // the zero list was not read
	}
	defer runtime.KeepAlive(l) // and its owner
	defer unguard(debug.SetPanicOnFault(true), &err)
	serial = minimal(serial)
	if x := l.indexed(); x != nil {
		return x.find(l.entries, serial, nil), nil
	}
	return l.search(serial)
}

// search is Listed without an index.
func (l *List) search(serial []byte) (found bool, err error) {
	first := func(entry, []byte) bool { found = true; return false }
	switch {
	case l.watch != nil:
		err = l.eachHit(serial, first)
	case !l.surelyAbsent(serial):
		err = l.walk(serial, first)
	}
	return found, err
}

// Lookup calls yield for the entries that have the given serial number until
// it returns false. Serial numbers, errors and cost are those of Listed.
// What the entries refer to is copied.
func (l *List) Lookup(serial []byte, yield func(Entry) bool) (err error) {
	if l.Size == 0 {
		return ErrNotAsked
	}
	defer runtime.KeepAlive(l) // and its owner
	defer unguard(debug.SetPanicOnFault(true), &err)
	serial = minimal(serial)
	each := func(e entry, names []byte) bool {
		e.Serial = bytes.Clone(e.Serial)
		if names != nil {
			e.Issuer, _ = cert.ParseGeneralNames(bytes.Clone(names), 0)
			if e.Issuer == nil {
				e.Issuer = []cert.GeneralName{}
			}
		}
		return yield(e.named())
	}
	if l.watch != nil {
		return l.eachHit(serial, each)
	}
	if x := l.indexed(); x != nil {
		x.find(l.entries, serial, func(raw []byte) bool {
			var e entry
			if e, err = parseEntry(raw, 0); err != nil {
				return false
			}
			return each(e, nil)
		})
		return err
	}
	if l.surelyAbsent(serial) {
		return nil
	}
	return l.walk(serial, each)
}

// All calls yield for every entry, in order, until it returns false. The error
// is ErrNotAsked for a list that was scanned, or an *Error when the bytes can
// no longer be read.
func (l *List) All(yield func(Entry) bool) (err error) {
	if l.watch != nil {
		return ErrNotAsked
	}
	defer runtime.KeepAlive(l) // and its owner
	defer unguard(debug.SetPanicOnFault(true), &err)
	var names []byte
	for rest := l.entries; len(rest) > 0; {
		raw, _, ok := step(rest)
		if !ok {
			return errChanged
		}
		rest = rest[len(raw):]
		e, err := parseEntry(bytes.Clone(raw), 0)
		if err != nil {
			return err
		}
		if e.issuer != nil {
			names = e.issuer
		}
		if names != nil {
			e.Issuer, _ = cert.ParseGeneralNames(names, 0)
		}
		if !yield(e.named()) {
			return nil
		}
	}
	return nil
}

// eachHit goes through what a Scan kept.
func (l *List) eachHit(serial []byte, yield func(e entry, names []byte) bool) error {
	asked := false
	for _, s := range l.watch.serials {
		asked = asked || bytes.Equal(s, serial)
	}
	if !asked {
		return ErrNotAsked
	}
	for _, h := range l.watch.hits {
		e, err := parseEntry(h.raw, h.offset)
		if err != nil {
			return err
		}
		if bytes.Equal(minimal(e.Serial), serial) && !yield(e, h.issuer) {
			return nil
		}
	}
	if l.watch.over {
		return &Error{finding.CRLTooLarge, 0, fmt.Sprintf("more than %d entries have the serial numbers that were looked for", maxHits)}
	}
	return nil
}

// surelyAbsent looks for the serial number's last octets, the most random
// ones, anywhere in the entries, which is several times faster than stepping
// over them.
func (l *List) surelyAbsent(serial []byte) bool {
	if len(serial) < 4 {
		return false
	}
	return !bytes.Contains(l.entries, serial[max(0, len(serial)-8):])
}

// walk steps over all entries.
func (l *List) walk(serial []byte, yield func(e entry, names []byte) bool) error {
	var names []byte
	for rest := l.entries; len(rest) > 0; {
		raw, s, ok := step(rest)
		if !ok {
			return errChanged
		}
		rest = rest[len(raw):]
		match := bytes.Equal(s, serial) || l.paddedSerials && bytes.Equal(minimal(s), serial)
		if !match && !l.certificateIssuers {
			continue
		}
		e, err := parseEntry(raw, 0)
		if err != nil {
			return err
		}
		if e.issuer != nil {
			names = e.issuer
		}
		if match && !yield(e, names) {
			return nil
		}
	}
	return nil
}

// step returns the first entry of b, which was checked before, and its serial
// number. It fails only when the bytes have changed since.
func step(b []byte) (raw, serial []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	size, at := int(b[1])+2, 2
	if b[1] >= 0x80 {
		h, err := readHead(b, 0)
		if err != nil {
			return nil, nil, false
		}
		size, at = int(h.end()), int(h.body)
	}
	if size > len(b) || at+2 > size {
		return nil, nil, false
	}
	n := int(b[at+1])
	at += 2
	if n >= 0x80 {
		h, err := readHead(b, int64(at-2))
		if err != nil {
			return nil, nil, false
		}
		n, at = int(h.len), int(h.body)
	}
	if at+n > size {
		return nil, nil, false
	}
	return b[:size], b[at : at+n], true
}
