package cert

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
)

// ParseName decodes a Name, the whole SEQUENCE (RFC 5280, 4.1.2.4). Breaches
// are findings whose "offset" counts from the start of raw; the name has what
// could be decoded.
func ParseName(raw []byte) (Name, []finding.Finding) {
	d := decoder{text: string(raw)}
	r := der.NewReader(raw, 0)
	e, ok := d.expect(r, der.Sequence, finding.NameMalformed, "name")
	if !ok {
		return Name{Raw: raw, Canon: opaque(raw)}, d.found
	}
	d.end(r, "name")
	return d.name(e, "name"), d.found
}

// opaque is the canonical form of a name that cannot be decoded: equal only to
// the same bytes.
func opaque(raw []byte) string { return "\x00" + string(raw) }

func (d *decoder) name(e der.Element, field string) Name {
	n := Name{Raw: e.Raw}
	if len(e.Body) == 0 {
		return n
	}
	attrs, rdns := d.room(der.Count(e.Body))
	var buf [256]byte
	canon := buf[:0]
	r := e.Contents()
	for !r.Empty() {
		set, ok := d.expect(r, der.Set, finding.NameMalformed, field)
		if !ok {
			n.RDNs, n.Canon = rdns, opaque(e.Raw)
			return n
		}
		first := len(attrs)
		if attrs, ok = d.rdn(attrs, set.Contents(), field); !ok {
			n.RDNs, n.Canon = rdns, opaque(e.Raw)
			return n
		}
		if len(attrs) == first {
			d.flag(finding.NameMalformed, set.Offset, field, "an RDN without attributes")
		}
		rdn := attrs[first:len(attrs):len(attrs)]
		rdns = append(rdns, rdn)
		canon = appendCanon(canon, rdn)
	}
	n.RDNs, n.Canon = rdns[:len(rdns):len(rdns)], string(canon)
	return n
}

// room returns empty slices for the attributes and RDNs of a name of n RDNs.
func (d *decoder) room(n int) ([]Attribute, [][]Attribute) {
	if n > cap(d.attrs) {
		return make([]Attribute, 0, n), make([][]Attribute, 0, n)
	}
	attrs, rdns := d.attrs[0:0:n], d.rdns[0:0:n]
	d.attrs, d.rdns = d.attrs[n:n:cap(d.attrs)], d.rdns[n:n:cap(d.rdns)]
	return attrs, rdns
}

// rdn decodes the attributes of one RelativeDistinguishedName.
func (d *decoder) rdn(attrs []Attribute, r *der.Reader, field string) (_ []Attribute, ok bool) {
	var last []byte
	for !r.Empty() {
		seq, ok := d.expect(r, der.Sequence, finding.NameMalformed, field)
		if !ok {
			return attrs, false
		}
		if slices.Compare(last, seq.Raw) > 0 {
			d.flag(finding.EncodingNotDER, seq.Offset, field, "the attributes of an RDN are not in order")
		}
		last = seq.Raw
		in := seq.Contents()
		id, ok := d.expect(in, der.OID, finding.NameMalformed, field)
		if !ok {
			return attrs, false
		}
		oid, ok := d.oid(id, finding.NameMalformed, field)
		if !ok {
			return attrs, false
		}
		value, ok := d.next(in, finding.NameMalformed, field)
		if !ok {
			return attrs, false
		}
		d.end(in, field)
		attrs = append(attrs, Attribute{OID: oid, Tag: uint32(value.Tag), Value: d.attributeText(value, field), Raw: value.Raw})
	}
	return attrs, true
}

// attributeText decodes a string of a name to UTF-8.
func (d *decoder) attributeText(e der.Element, field string) string {
	s := d.str(e)
	switch e.Tag {
	case der.PrintableString:
		if c, ok := printable(s); !ok {
			id := finding.NameStringInvalid
			if c == '*' || c == '&' {
				id = finding.NameStringOdd
			}
			d.flag(id, e.Offset, field, "a PrintableString has the character "+charName(c))
		}
	case der.UTF8String:
		if !utf8.ValidString(s) {
			d.flag(finding.NameStringInvalid, e.Offset, field, "a UTF8String is not UTF-8")
		}
	case der.IA5String:
		if !ascii(s) {
			d.flag(finding.NameStringInvalid, e.Offset, field, "an IA5String is not ASCII")
		}
	case der.NumericString:
		if strings.Trim(s, "0123456789 ") != "" {
			d.flag(finding.NameStringInvalid, e.Offset, field, "a NumericString has another character than a digit or space")
		}
	case der.T61String:
		return latin1(s)
	case der.BMPString:
		text, ok := bmp(s)
		if !ok {
			d.flag(finding.NameStringInvalid, e.Offset, field, "a BMPString is not UCS-2")
		}
		return text
	case der.UniversalString:
		d.flag(finding.NameStringInvalid, e.Offset, field, "a UniversalString")
		text, _ := ucs4(s)
		return text
	default:
		d.flag(finding.NameStringInvalid, e.Offset, field, "not a string type that names may have")
	}
	return s
}

// printable reports whether s has only the characters of PrintableString
// (X.680, 41.4), and else another one: an asterisk or ampersand only when
// there is no worse.
func printable(s string) (odd byte, ok bool) {
	ok = true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if alphanumeric(c) || strings.IndexByte(" '()+,-./:=?", c) >= 0 {
			continue
		}
		if odd, ok = c, false; c != '*' && c != '&' {
			break
		}
	}
	return odd, ok
}

func charName(c byte) string {
	if c > 0x20 && c < 0x7f {
		return string(rune(c))
	}
	const hex = "0123456789abcdef"
	return "0x" + string([]byte{hex[c>>4], hex[c&15]})
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// latin1 reads T.61 as practice does.
func latin1(s string) string {
	if ascii(s) {
		return s
	}
	r := make([]rune, len(s))
	for i := 0; i < len(s); i++ {
		r[i] = rune(s[i])
	}
	return string(r)
}

func bmp(s string) (string, bool) {
	if len(s)%2 != 0 {
		return latin1(s), false
	}
	s = strings.TrimSuffix(s, "\x00\x00") // a terminator, as some writers add
	u := make([]uint16, len(s)/2)
	ok := true
	for i := range u {
		u[i] = uint16(s[2*i])<<8 | uint16(s[2*i+1])
		r := rune(u[i])
		ok = ok && !utf16.IsSurrogate(r) && r < 0xfffe && (r < 0xfdd0 || r > 0xfdef)
	}
	return string(utf16.Decode(u)), ok
}

func ucs4(s string) (string, bool) {
	if len(s)%4 != 0 {
		return latin1(s), false
	}
	r := make([]rune, len(s)/4)
	for i := range r {
		v := binary.BigEndian.Uint32([]byte(s[4*i:]))
		if v > unicode.MaxRune || !utf8.ValidRune(rune(v)) {
			return latin1(s), false
		}
		r[i] = rune(v)
	}
	return string(r), true
}

// appendCanon appends the canonical form of one RDN: self-delimiting, so that
// one name is an ancestor of another exactly when its form is a prefix.
func appendCanon(b []byte, rdn []Attribute) []byte {
	b = binary.AppendUvarint(b, uint64(len(rdn)+1))
	if len(rdn) == 1 {
		return appendCanonAttribute(b, rdn[0])
	}
	parts := make([]string, len(rdn))
	for i, a := range rdn {
		parts[i] = string(appendCanonAttribute(nil, a))
	}
	slices.Sort(parts)
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func appendCanonAttribute(b []byte, a Attribute) []byte {
	b = binary.AppendUvarint(b, uint64(len(a.OID)))
	b = append(b, a.OID...)
	switch der.Tag(a.Tag) {
	case der.PrintableString, der.UTF8String, der.IA5String, der.NumericString, der.T61String, der.BMPString,
		der.UniversalString, der.VisibleString:
		return appendFolded(append(b, 0), a.Value)
	}
	b = append(b, 1)
	b = binary.AppendUvarint(b, uint64(len(a.Raw)))
	return append(b, a.Raw...)
}

// appendFolded appends s with its length, case folded, with runs of white
// space as one space and none at the ends (RFC 5280, 7.1). Of stringprep's
// tables simple case folding is applied; NFKC is not.
func appendFolded(b []byte, s string) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	space := true
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c == ' ' || c >= '\t' && c <= '\r':
				if !space {
					b = append(b, ' ')
				}
				space = true
				continue
			case c >= 'A' && c <= 'Z':
				c += 'a' - 'A'
			}
			b, space = append(b, c), false
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1: // invalid UTF-8 equals only itself
			b, space = append(b, c), false
		case unicode.IsSpace(r):
			if !space {
				b = append(b, ' ')
			}
			space = true
		default:
			b, space = utf8.AppendRune(b, fold(r)), false
		}
		i += n
	}
	if n := len(b); space && n > at+4 {
		b = b[:n-1]
	}
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

// fold returns the rune that stands for all that differ from r by case only.
func fold(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if least >= 'A' && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}

// Within reports whether n is base or lies below it in the directory, as
// directoryName constraints mean it (RFC 5280, 4.2.1.10).
func (n Name) Within(base Name) bool { return strings.HasPrefix(n.Canon, base.Canon) }

// Child returns the name that rdn forms below n, as nameRelativeToCRLIssuer
// means it (RFC 5280, 4.2.1.13). Raw is not set.
func (n Name) Child(rdn []Attribute) Name {
	return Name{RDNs: append(slices.Clip(n.RDNs), rdn), Canon: string(appendCanon([]byte(n.Canon), rdn))}
}
