package finding

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// quoteMax is how many characters of a peer's text Quote lets through.
const quoteMax = 256

// Quote makes text from a peer safe to print on a terminal or in a log:
// control characters (C0, C1, DEL), bidirectional controls, zero-width
// characters, line and paragraph separators and invalid UTF-8 become \u{hex},
// and at most 256 characters are kept, followed by an ellipsis. Quote is
// idempotent for text it did not have to shorten.
func Quote(s string) string {
	if quoteClean(s) {
		return s
	}
	var b strings.Builder
	n := 0
	for i := 0; i < len(s); n++ {
		if n == quoteMax {
			b.WriteString("…")
			break
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			escape(&b, rune(s[i]))
		case unsafeRune(r):
			escape(&b, r)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// quoteClean reports whether s needs no change: the common case, no allocation.
func quoteClean(s string) bool {
	if len(s) > quoteMax {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

func escape(b *strings.Builder, r rune) {
	b.WriteString(`\u{`)
	b.WriteString(strconv.FormatInt(int64(r), 16))
	b.WriteByte('}')
}

func unsafeRune(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0x9f: // C0, DEL, C1
		return true
	case r == 0xad, r == 0x34f, r == 0x61c, r == 0x180e: // soft hyphen, joiners, Arabic letter mark
		return true
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f:
		return true // zero width, separators, bidi embeddings, isolates
	case r >= 0xfe00 && r <= 0xfe0f, r == 0xfeff, r >= 0xfff0 && r <= 0xfffb:
		return true // variation selectors, BOM, specials
	case r >= 0xe0000 && r <= 0xe0fff: // tags
		return true
	}
	return false
}
