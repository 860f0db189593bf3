package bundle

import "encoding/binary"

// Sizes of the fixed parts of an SCT (RFC 6962, 3.2).
const (
	sctHead = 1 + 32 + 8 // version, log ID, time
	sctTail = 2 + 2      // algorithm, length of the signature
)

// isSCT reports whether b is one SCT of version 1, from its first byte to its last, with
// one of the two signature algorithms that logs may use.
func isSCT(b []byte) bool {
	if len(b) < sctHead+2+sctTail || b[0] != 0 {
		return false
	}
	ext := int(binary.BigEndian.Uint16(b[sctHead:]))
	tail := b[sctHead+2:]
	if len(tail) < ext+sctTail {
		return false
	}
	tail = tail[ext:]
	hash, signature := tail[0], tail[1]
	return hash == 4 && (signature == 1 || signature == 3) && int(binary.BigEndian.Uint16(tail[2:])) == len(tail)-sctTail
}

// isSCTList reports whether b is a list of SCTs of version 1 (RFC 6962, 3.3), at least one.
func isSCTList(b []byte) bool {
	if len(b) < 4 || int(binary.BigEndian.Uint16(b)) != len(b)-2 {
		return false
	}
	for b = b[2:]; len(b) > 0; {
		if len(b) < 2 {
			return false
		}
		n := int(binary.BigEndian.Uint16(b))
		if n > len(b)-2 || !isSCT(b[2:2+n]) {
			return false
		}
		b = b[2+n:]
	}
	return true
}

// ListOf returns an SCT list that holds the one SCT; nil when sct is too long for one.
func ListOf(sct []byte) []byte {
	if len(sct) > 1<<16-3 {
		return nil
	}
	out := binary.BigEndian.AppendUint16(nil, uint16(len(sct)+2))
	out = binary.BigEndian.AppendUint16(out, uint16(len(sct)))
	return append(out, sct...)
}
