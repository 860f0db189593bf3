// Package der reads the Distinguished Encoding Rules of X.690, leniently
// where that is useful: an element whose encoding is legal BER but not DER is
// still decoded, and its flaws are returned with it, so that a caller can
// report every breach with its offset. Nothing here allocates for contents:
// elements alias the input.
//
// The package is pure. Depth is bounded by the callers, who never recurse on
// input.
package der

import (
	"errors"
	"fmt"
)

// Tag is an identifier: class and constructed bits as in the first octet, and
// the tag number above them.
type Tag uint32

// Universal tags, and helpers for context-specific ones.
const (
	Boolean         Tag = 0x01
	Integer         Tag = 0x02
	BitString       Tag = 0x03
	OctetString     Tag = 0x04
	Null            Tag = 0x05
	OID             Tag = 0x06
	Enumerated      Tag = 0x0a
	UTF8String      Tag = 0x0c
	Sequence        Tag = 0x30
	Set             Tag = 0x31
	NumericString   Tag = 0x12
	PrintableString Tag = 0x13
	T61String       Tag = 0x14
	IA5String       Tag = 0x16
	UTCTime         Tag = 0x17
	GeneralizedTime Tag = 0x18
	VisibleString   Tag = 0x1a
	UniversalString Tag = 0x1c
	BMPString       Tag = 0x1e
)

// Context returns the primitive context-specific tag n (n < 31).
func Context(n int) Tag { return Tag(0x80 | n) }

// Explicit returns the constructed context-specific tag n (n < 31).
func Explicit(n int) Tag { return Tag(0xa0 | n) }

// Flaw is a set of ways in which an element is BER but not DER.
type Flaw uint8

// The flaws.
const (
	LongLength  Flaw = 1 << iota // length in more octets than needed
	Indefinite                   // indefinite length
	LongTag                      // high tag number form where the low form fits, or padded
	Constructed                  // constructed encoding of a string type
)

// Element is one tag-length-value. Raw and Body alias the input.
type Element struct {
	Tag    Tag
	Offset int // of the identifier octet, from the start of the outermost input
	Raw    []byte
	Body   []byte
	Flaws  Flaw
}

// BodyOffset returns the offset of the contents.
func (e Element) BodyOffset() int { return e.Offset + len(e.Raw) - len(e.Body) - e.eoc() }

func (e Element) eoc() int {
	if e.Flaws&Indefinite != 0 {
		return 2
	}
	return 0
}

// Contents returns a Reader over the element's contents.
func (e Element) Contents() *Reader { return &Reader{buf: e.Body, off: e.BodyOffset()} }

// Count returns how many elements b holds, up to the first unreadable one, so
// that a caller can allocate once.
func Count(b []byte) int {
	n := 0
	for len(b) > 0 {
		e, err := parse(b, 0, 0)
		if err != nil {
			break
		}
		b = b[len(e.Raw):]
		n++
	}
	return n
}

// Reader is Contents as a value: it costs no allocation where it is handed on.
func (e Element) Reader() Reader { return Reader{buf: e.Body, off: e.BodyOffset()} }

// Reader reads consecutive elements. The zero Reader is empty.
type Reader struct {
	buf []byte
	off int // offset of buf[0] in the outermost input
}

// NewReader reads b, whose first octet has offset off.
func NewReader(b []byte, off int) *Reader { return &Reader{b, off} }

// Empty reports whether everything has been read.
func (r *Reader) Empty() bool { return len(r.buf) == 0 }

// Rest returns what has not been read.
func (r *Reader) Rest() []byte { return r.buf }

// Offset returns the offset of the next octet.
func (r *Reader) Offset() int { return r.off }

// Error is a syntax error with its place.
type Error struct {
	Offset int
	Reason string
}

// Error returns "reason at offset n".
func (e *Error) Error() string { return fmt.Sprintf("%s at offset %d", e.Reason, e.Offset) }

// ErrEmpty is returned by Next at the end of input.
var ErrEmpty = errors.New("no more elements")

// PeekTag returns the next element's tag without reading it, 0 at the end or
// when it is not readable.
func (r *Reader) PeekTag() Tag {
	if len(r.buf) == 0 {
		return 0
	}
	if r.buf[0]&0x1f != 0x1f {
		return Tag(r.buf[0])
	}
	t, _, _, err := readTag(r.buf, r.off)
	if err != nil {
		return 0
	}
	return t
}

// Next reads one element of any tag. The error is ErrEmpty or an *Error; on
// error nothing has been read.
func (r *Reader) Next() (e Element, err error) {
	b := r.buf
	if len(b) == 0 {
		return e, ErrEmpty
	}
	// The common case: a low tag number and the shortest definite length.
	if len(b) >= 4 && b[0]&0x1f != 0x1f {
		n, l := 2, int(b[1])
		switch {
		case l == 0x81 && b[2] >= 0x80:
			n, l = 3, int(b[2])
		case l == 0x82 && b[2] != 0:
			n, l = 4, int(b[2])<<8|int(b[3])
		}
		if (l < 0x80 || n > 2) && n+l <= len(b) {
			e.Tag, e.Offset, e.Raw, e.Body = Tag(b[0]), r.off, b[:n+l:n+l], b[n:n+l:n+l]
			if b[0]&0xe0 == 0x20 {
				e.Flaws = constructedString(e.Tag)
			}
			r.buf = b[n+l:]
			r.off += n + l
			return e, nil
		}
	}
	if e, err = parse(b, r.off, 0); err != nil {
		return Element{}, err
	}
	r.buf = r.buf[len(e.Raw):]
	r.off += len(e.Raw)
	return e, nil
}

// Expect reads one element that must have tag want.
func (r *Reader) Expect(want Tag) (Element, error) {
	if len(r.buf) == 0 {
		return Element{}, &Error{r.off, fmt.Sprintf("missing element with tag %#02x", uint32(want))}
	}
	if got := r.PeekTag(); got != want {
		return Element{}, &Error{r.off, fmt.Sprintf("tag %#02x where %#02x is required", uint32(got), uint32(want))}
	}
	return r.Next()
}

// Optional reads the next element if it has tag want.
func (r *Reader) Optional(want Tag) (Element, bool, error) {
	if len(r.buf) == 0 || r.PeekTag() != want {
		return Element{}, false, nil
	}
	e, err := r.Next()
	return e, err == nil, err
}

// maxDepth bounds nested indefinite lengths, the only recursion here.
const maxDepth = 16

func readTag(b []byte, off int) (t Tag, n int, flaws Flaw, err error) {
	first := b[0]
	if first&0x1f != 0x1f {
		return Tag(first), 1, 0, nil
	}
	var num uint32
	for n = 1; ; n++ {
		if n >= len(b) || n > 4 {
			return 0, 0, 0, &Error{off, "truncated or oversized tag number"}
		}
		if n == 1 && b[n] == 0x80 {
			flaws |= LongTag
		}
		num = num<<7 | uint32(b[n]&0x7f)
		if b[n]&0x80 == 0 {
			n++
			break
		}
	}
	if num < 31 {
		flaws |= LongTag
	}
	return Tag(uint32(first) | num<<8), n, flaws, nil
}

func parse(b []byte, off, depth int) (Element, error) {
	tag, n, flaws, err := readTag(b, off)
	if err != nil {
		return Element{}, err
	}
	if len(b) == n {
		return Element{}, &Error{off, "element ends before its length"}
	}
	l := int(b[n])
	n++
	switch {
	case l < 0x80:
	case l == 0x80:
		if tag&0x20 == 0 {
			return Element{}, &Error{off, "indefinite length on a primitive element"}
		}
		return parseIndefinite(b, off, n, tag, flaws|Indefinite, depth)
	default:
		k := l & 0x7f
		if k > len(b)-n {
			return Element{}, &Error{off, "truncated length"}
		}
		l = 0
		for i := range k {
			if l > 1<<23-1 {
				return Element{}, &Error{off, "length too large"}
			}
			l = l<<8 | int(b[n+i])
		}
		if b[n] == 0 || l < 0x80 {
			flaws |= LongLength
		}
		n += k
	}
	if l > len(b)-n {
		return Element{}, &Error{off, fmt.Sprintf("element of %d bytes runs past its container, which has %d left", l, len(b)-n)}
	}
	return Element{Tag: tag, Offset: off, Raw: b[: n+l : n+l], Body: b[n : n+l : n+l], Flaws: flaws | constructedString(tag)}, nil
}

func parseIndefinite(b []byte, off, n int, tag Tag, flaws Flaw, depth int) (Element, error) {
	if depth >= maxDepth {
		return Element{}, &Error{off, "indefinite lengths nested too deeply"}
	}
	for i := n; ; {
		if len(b)-i < 2 {
			return Element{}, &Error{off, "indefinite length without end-of-contents"}
		}
		if b[i] == 0 && b[i+1] == 0 {
			return Element{Tag: tag, Offset: off, Raw: b[: i+2 : i+2], Body: b[n:i:i], Flaws: flaws | constructedString(tag)}, nil
		}
		e, err := parse(b[i:], off+i, depth+1)
		if err != nil {
			return Element{}, err
		}
		i += len(e.Raw)
	}
}

// constructedString flags constructed encodings of types that DER wants
// primitive.
func constructedString(t Tag) Flaw {
	if t&0xe0 == 0x20 && t != Sequence && t != Set && t&0x1f != 0x08 && t&0x1f != 0x0b {
		return Constructed
	}
	return 0
}
