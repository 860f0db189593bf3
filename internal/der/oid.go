package der

import (
	"math/big"
	"strconv"
	"strings"
	"sync"
)

// OIDText returns the dotted form of an OBJECT IDENTIFIER's contents; ok is
// false when they are empty, truncated, padded or an arc exceeds 224 bits.
// Common OIDs cost no allocation.
func OIDText(body []byte) (text string, ok bool) {
	if text, ok = common()[string(body)]; ok {
		return text, true
	}
	return oidText(body)
}

// ValidOID reports whether OIDText could write body, and does not write it.
func ValidOID(body []byte) bool {
	start := 0
	for i, c := range body {
		switch {
		case i == start && c == 0x80, i-start >= maxArc:
			return false
		case c&0x80 == 0:
			start = i + 1
		}
	}
	return len(body) > 0 && start == len(body)
}

// maxArc bounds the octets of one arc: UUIDs (2.25.…) have 19.
const maxArc = 32

func oidText(body []byte) (text string, ok bool) {
	if len(body) == 0 || body[len(body)-1]&0x80 != 0 {
		return "", false
	}
	var buf [64]byte
	b := buf[:0]
	for first := true; len(body) > 0; first = false {
		n := 0
		for body[n]&0x80 != 0 {
			n++
		}
		arc := body[:n+1]
		body = body[n+1:]
		if arc[0] == 0x80 || len(arc) > maxArc {
			return "", false
		}
		switch {
		case !first:
			b = appendArcText(append(b, '.'), arc, 0)
		case len(arc) == 1 && arc[0] < 80:
			b = append(b, '0'+arc[0]/40, '.')
			b = strconv.AppendUint(b, uint64(arc[0]%40), 10)
		default:
			b = appendArcText(append(b, '2', '.'), arc, 80)
		}
	}
	return string(b), true
}

// appendArcText appends the decimal form of an arc's base-128 digits, less minus.
func appendArcText(b, arc []byte, minus uint64) []byte {
	if len(arc) <= 9 {
		var v uint64
		for _, c := range arc {
			v = v<<7 | uint64(c&0x7f)
		}
		return strconv.AppendUint(b, v-minus, 10)
	}
	v := new(big.Int)
	for _, c := range arc {
		v.Lsh(v, 7).Or(v, big.NewInt(int64(c&0x7f)))
	}
	return v.Sub(v, new(big.Int).SetUint64(minus)).Append(b, 10)
}

// OIDBytes returns the contents of the OBJECT IDENTIFIER that text names; ok is
// false when text is not a dotted OID.
func OIDBytes(text string) (body []byte, ok bool) {
	first := uint64(0)
	n := 0
	for arc := range strings.SplitSeq(text, ".") {
		v, err := strconv.ParseUint(arc, 10, 56)
		if err != nil || len(arc) > 1 && arc[0] == '0' || arc[0] == '+' {
			return nil, false
		}
		switch n++; n {
		case 1:
			if v > 2 {
				return nil, false
			}
			first = v
		case 2:
			if first < 2 && v > 39 {
				return nil, false
			}
			body = appendArc(body, first*40+v)
		default:
			body = appendArc(body, v)
		}
	}
	return body, n >= 2
}

func appendArc(b []byte, v uint64) []byte {
	shift := 0
	for v>>(shift+7) != 0 {
		shift += 7
	}
	for ; shift > 0; shift -= 7 {
		b = append(b, byte(v>>shift)|0x80)
	}
	return append(b, byte(v&0x7f))
}

// common maps the contents of the OIDs that nearly every certificate, CRL or
// OCSP response carries to their text.
var common = sync.OnceValue(func() map[string]string {
	m := make(map[string]string, len(commonOIDs))
	for _, t := range commonOIDs {
		if b, ok := OIDBytes(t); ok {
			m[string(b)] = t
		}
	}
	return m
})

var commonOIDs = [...]string{
	// Attributes.
	"2.5.4.3", "2.5.4.4", "2.5.4.5", "2.5.4.6", "2.5.4.7", "2.5.4.8", "2.5.4.9", "2.5.4.10", "2.5.4.11", "2.5.4.12",
	"2.5.4.15", "2.5.4.17", "2.5.4.42", "2.5.4.97", "1.2.840.113549.1.9.1", "0.9.2342.19200300.100.1.25",
	"1.3.6.1.4.1.311.60.2.1.1", "1.3.6.1.4.1.311.60.2.1.2", "1.3.6.1.4.1.311.60.2.1.3",
	// Extensions of certificates, CRLs and OCSP.
	"2.5.29.9", "2.5.29.14", "2.5.29.15", "2.5.29.16", "2.5.29.17", "2.5.29.18", "2.5.29.19", "2.5.29.20", "2.5.29.21",
	"2.5.29.24", "2.5.29.27", "2.5.29.28", "2.5.29.29", "2.5.29.30", "2.5.29.31", "2.5.29.32", "2.5.29.33", "2.5.29.35",
	"2.5.29.36", "2.5.29.37", "2.5.29.46", "2.5.29.54", "2.5.29.56", "1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.1.3",
	"1.3.6.1.5.5.7.1.7", "1.3.6.1.5.5.7.1.8", "1.3.6.1.5.5.7.1.11", "1.3.6.1.5.5.7.1.12", "1.3.6.1.5.5.7.1.14",
	"1.3.6.1.5.5.7.1.24", "1.3.6.1.4.1.11129.2.4.2", "1.3.6.1.4.1.11129.2.4.3", "1.3.6.1.4.1.11129.2.4.5",
	"1.3.6.1.5.5.7.48.1", "1.3.6.1.5.5.7.48.1.1", "1.3.6.1.5.5.7.48.1.2", "1.3.6.1.5.5.7.48.1.5", "1.3.6.1.5.5.7.48.2",
	"2.16.840.1.113730.1.1", "2.16.840.1.113730.1.13", "1.3.6.1.4.1.311.20.2", "1.3.6.1.4.1.311.21.1",
	"1.3.6.1.4.1.311.21.7", "1.3.6.1.4.1.311.21.10",
	// Key purposes and policies.
	"2.5.29.37.0", "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.3", "1.3.6.1.5.5.7.3.4",
	"1.3.6.1.5.5.7.3.8", "1.3.6.1.5.5.7.3.9", "2.16.840.1.113730.4.1", "1.3.6.1.4.1.311.10.3.3",
	"2.5.29.32.0", "2.23.140.1.1", "2.23.140.1.2.1", "2.23.140.1.2.2", "2.23.140.1.2.3",
	"1.3.6.1.5.5.7.2.1", "1.3.6.1.5.5.7.2.2", "1.3.6.1.4.1.44947.1.1.1", "1.3.6.1.4.1.6449.1.2.2.7",
	// Algorithms and curves.
	"1.2.840.113549.1.1.1", "1.2.840.113549.1.1.5", "1.2.840.113549.1.1.8", "1.2.840.113549.1.1.10",
	"1.2.840.113549.1.1.11", "1.2.840.113549.1.1.12", "1.2.840.113549.1.1.13", "1.2.840.10045.2.1",
	"1.2.840.10045.3.1.7", "1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3", "1.2.840.10045.4.3.4",
	"1.3.132.0.34", "1.3.132.0.35", "1.3.101.112", "1.3.14.3.2.26",
	"2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3",
}
