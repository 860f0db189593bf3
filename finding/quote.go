package finding

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// quoteMax is how many characters of a peer's text Quote lets through.
const quoteMax = 256

// Quote makes text from a peer safe to print on a terminal or in a log:
// control characters (C0, C1, DEL), bidirectional controls, characters that are
// shown as nothing (Unicode's Cf and Default_Ignorable_Code_Point), line and
// paragraph separators and invalid UTF-8 become \u{hex}, and at most 256 characters are kept, followed by an ellipsis. Quote is
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

// unsafeRune reports whether r steers, reorders or hides text: controls, line
// and paragraph separators, format characters (Cf: bidirectional controls, tags,
// musical and shorthand format controls and more), and whatever Unicode's
// Default_Ignorable_Code_Point says is shown as nothing, Hangul fillers among
// them. Blocks that Unicode sets aside for such characters count as a whole.
func unsafeRune(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0x9f: // C0, DEL, C1
		return true
	case r < 0xad:
		return false
	case r == 0x2028, r == 0x2029:
		return true
	case r >= 0x2060 && r <= 0x206f, r >= 0xfff0 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe0fff:
		return true // set aside, the unassigned ones too
	}
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
