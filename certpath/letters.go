package certpath

import (
	"strings"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/der"
)

// lettersOf sums up the ASCII letters and digits of a Name as encoded, without regard
// to case, and decodes nothing. Names that are equal by RFC 5280, 7.1 have the same
// sum, so most of a large set need not be decoded to know that none equals another
// name. 0 means that it cannot be told: a value that is not plain ASCII, or an odd encoding.
func lettersOf(raw []byte) (sum uint64) {
	name, err := der.NewReader(raw, 0).Expect(der.Sequence)
	if err != nil {
		return 0
	}
	for rdns := name.Contents(); !rdns.Empty(); {
		rdn, err := rdns.Expect(der.Set)
		if err != nil {
			return 0
		}
		for attributes := rdn.Contents(); !attributes.Empty(); {
			attribute, err := attributes.Expect(der.Sequence)
			if err != nil {
				return 0
			}
			r := attribute.Contents()
			if _, err := r.Expect(der.OID); err != nil {
				return 0
			}
			value, err := r.Next()
			if err != nil || value.Tag == der.BMPString || value.Tag == der.UniversalString {
				return 0
			}
			n := letters(value.Tag, value.Body)
			if n == 0 {
				return 0
			}
			sum += n
		}
	}
	return sum | 1
}

// lettersOfName is lettersOf for a name that is decoded.
func lettersOfName(n cert.Name) (sum uint64) {
	if strings.HasPrefix(n.Canon, "\x00") { // it could not be, and equals only the same bytes
		return 0
	}
	for _, rdn := range n.RDNs {
		for _, a := range rdn {
			v := letters(der.Tag(a.Tag), a.Value)
			if v == 0 {
				return 0
			}
			sum += v
		}
	}
	return sum | 1
}

// letters is the share of one attribute. Shares are added up, for the order of the
// attributes of one RDN does not count. Of what the comparison of names passes over or
// takes for the same, ASCII has spaces and case alone: letters and digits are safe to count.
func letters[T string | []byte](tag der.Tag, value T) uint64 {
	switch tag {
	case der.PrintableString, der.UTF8String, der.IA5String, der.NumericString, der.T61String, der.BMPString, der.UniversalString, der.VisibleString:
	default:
		return 0
	}
	h := uint64(14695981039346656037) // FNV-1a
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c >= 0x80:
			return 0
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c < '0' || c > '9' && c < 'a' || c > 'z':
			continue
		}
		h = (h ^ uint64(c)) * 1099511628211
	}
	return max(h, 1)
}
