// Package forge builds certificates, CRLs, OCSP responses, SCTs and log lists
// for tests and for the lab: well-formed ones, and ones that are broken on
// purpose. It refuses nothing and hides nothing: what the caller asks for is
// what is encoded. It panics on misuse, since only tests call it.
package forge

import (
	"math/big"
	"strconv"
	"strings"
	"time"
)

// TLV encodes one element with the identifier octet tag and a minimal length.
func TLV(tag byte, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	out := make([]byte, 0, n+6)
	out = append(out, tag)
	switch {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 1<<8:
		out = append(out, 0x81, byte(n))
	case n < 1<<16:
		out = append(out, 0x82, byte(n>>8), byte(n))
	case n < 1<<24:
		out = append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	default:
		out = append(out, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// LongTLV encodes an element whose length has k octets after the first, more
// than DER allows.
func LongTLV(tag byte, k int, body []byte) []byte {
	out := []byte{tag, 0x80 | byte(k)}
	for i := k - 1; i >= 0; i-- {
		out = append(out, byte(len(body)>>(8*i)))
	}
	return append(out, body...)
}

// Seq, Set, Octets, Explicit and Context are elements of those types;
// Explicit(n) is the constructed context tag [n], Context(n) the primitive one.
func Seq(parts ...[]byte) []byte             { return TLV(0x30, parts...) }
func Set(parts ...[]byte) []byte             { return TLV(0x31, parts...) }
func Octets(parts ...[]byte) []byte          { return TLV(0x04, parts...) }
func Explicit(n int, parts ...[]byte) []byte { return TLV(0xa0|byte(n), parts...) }
func Context(n int, parts ...[]byte) []byte  { return TLV(0x80|byte(n), parts...) }

// UTF8, Printable and IA5 are string elements; nothing checks the characters.
func UTF8(s string) []byte      { return TLV(0x0c, []byte(s)) }
func Printable(s string) []byte { return TLV(0x13, []byte(s)) }
func IA5(s string) []byte       { return TLV(0x16, []byte(s)) }

// Null is the NULL element.
func Null() []byte { return []byte{5, 0} }

// Bool is a DER BOOLEAN.
func Bool(v bool) []byte {
	if v {
		return []byte{1, 1, 0xff}
	}
	return []byte{1, 1, 0}
}

// Int is an INTEGER in its shortest form.
func Int(v int64) []byte { return BigInt(big.NewInt(v)) }

// BigInt is an INTEGER in its shortest form.
func BigInt(v *big.Int) []byte { return TLV(2, intBody(v)) }

func intBody(v *big.Int) []byte {
	if v.Sign() >= 0 {
		b := v.Bytes()
		if len(b) == 0 || b[0]&0x80 != 0 {
			b = append([]byte{0}, b...)
		}
		return b
	}
	n := (new(big.Int).Not(v).BitLen())/8 + 1
	m := new(big.Int).Add(v, new(big.Int).Lsh(big.NewInt(1), uint(8*n)))
	return m.FillBytes(make([]byte, n))
}

// Enum is an ENUMERATED.
func Enum(v int) []byte { return TLV(0x0a, intBody(big.NewInt(int64(v)))) }

// Bits is a BIT STRING of whole octets.
func Bits(b []byte) []byte { return TLV(3, []byte{0}, b) }

// NamedBits is a BIT STRING in which the given bits are set, in DER's form for
// named bit lists: no trailing zero bits.
func NamedBits(bits ...int) []byte { return TLV(3, namedBits(bits)) }

func namedBits(bits []int) []byte {
	top := -1
	for _, n := range bits {
		top = max(top, n)
	}
	if top < 0 {
		return []byte{0}
	}
	b := make([]byte, top/8+2)
	b[0] = byte(7 - top%8)
	for _, n := range bits {
		b[1+n/8] |= 0x80 >> (n % 8)
	}
	return b
}

// OID is the OBJECT IDENTIFIER with the dotted form s.
func OID(s string) []byte { return TLV(6, oidBody(s)) }

func oidBody(s string) []byte {
	var out []byte
	first, n := uint64(0), 0
	for a := range strings.SplitSeq(s, ".") {
		arc, err := strconv.ParseUint(a, 10, 64)
		switch n++; {
		case err != nil:
			return bigOIDBody(s)
		case n == 1:
			first = arc
		case n == 2 && (first > 2 || arc > 1<<60):
			return bigOIDBody(s)
		case n == 2:
			out = appendArc(out, first*40+arc)
		default:
			out = appendArc(out, arc)
		}
	}
	if n < 2 {
		panic("forge: bad OID " + s)
	}
	return out
}

func appendArc(b []byte, n uint64) []byte {
	shift := 0
	for n>>shift > 0x7f {
		shift += 7
	}
	for ; shift > 0; shift -= 7 {
		b = append(b, byte(n>>shift)|0x80)
	}
	return append(b, byte(n)&0x7f)
}

// bigOIDBody is oidBody for arcs of any size.
func bigOIDBody(s string) []byte {
	var arcs []*big.Int
	for a := range strings.SplitSeq(s, ".") {
		n, ok := new(big.Int).SetString(a, 10)
		if !ok {
			panic("forge: bad OID " + s)
		}
		arcs = append(arcs, n)
	}
	if len(arcs) < 2 {
		panic("forge: bad OID " + s)
	}
	first := new(big.Int).Add(new(big.Int).Mul(arcs[0], big.NewInt(40)), arcs[1])
	var out []byte
	for _, n := range append([]*big.Int{first}, arcs[2:]...) {
		var group []byte
		for n = new(big.Int).Set(n); ; n.Rsh(n, 7) {
			group = append([]byte{byte(n.Uint64()&0x7f) | 0x80}, group...)
			if n.BitLen() <= 7 {
				break
			}
		}
		group[len(group)-1] &= 0x7f
		out = append(out, group...)
	}
	return out
}

// Time is a UTCTime up to 2049 and a GeneralizedTime after, as RFC 5280 wants.
func Time(t time.Time) []byte {
	if y := t.UTC().Year(); y >= 1950 && y < 2050 {
		return UTCTime(t)
	}
	return GeneralizedTime(t)
}

// UTCTime is t with two digits for the year.
func UTCTime(t time.Time) []byte { return TLV(0x17, []byte(t.UTC().Format("060102150405Z"))) }

// GeneralizedTime is t with four digits for the year.
func GeneralizedTime(t time.Time) []byte {
	return TLV(0x18, []byte(t.UTC().Format("20060102150405Z")))
}

// SplitTLV returns the identifier octet, contents and rest of the first
// element of b, for surgery on what forge built (single-octet tags only).
func SplitTLV(b []byte) (tag byte, body, rest []byte) {
	l, n := int(b[1]), 2
	if l >= 0x80 {
		k := l & 0x7f
		l = 0
		for _, c := range b[2 : 2+k] {
			l = l<<8 | int(c)
		}
		n += k
	}
	return b[0], b[n : n+l], b[n+l:]
}

// Children returns the elements inside the first element of b, whole.
func Children(b []byte) [][]byte {
	_, body, _ := SplitTLV(b)
	var out [][]byte
	for len(body) > 0 {
		_, _, rest := SplitTLV(body)
		out = append(out, body[:len(body)-len(rest)])
		body = rest
	}
	return out
}

// Replace returns the constructed element b with its child i replaced, by any
// number of elements.
func Replace(b []byte, i int, with ...[]byte) []byte {
	kids := Children(b)
	var parts [][]byte
	parts = append(parts, kids[:i]...)
	parts = append(parts, with...)
	parts = append(parts, kids[i+1:]...)
	return TLV(b[0], parts...)
}

func itoa(n int) string { return strconv.Itoa(n) }
