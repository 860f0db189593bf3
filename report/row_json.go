package report

import (
	"encoding/base64"
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendJSON appends the row's JSON form to b, without a line end: the octets that
// encoding/json makes of it, without reflection. A time that RFC 3339 cannot write,
// where encoding/json fails, is left out. It may be used concurrently.
func (row *Row) AppendJSON(b []byte) []byte {
	o := object{b: append(b, '{')}
	o.number("version", row.Version)
	o.text("target", row.Target)
	o.time("time", row.Time)
	o.text("verdict", row.Verdict.String())
	o.filled("headline", string(row.Headline))
	o.filled("headline_role", string(row.HeadlineRole))
	o.filled("title", row.Title)
	texts(&o, "error", row.Errors)
	texts(&o, "inconclusive", row.Inconclusive)
	texts(&o, "warning", row.Warnings)
	texts(&o, "info", row.Infos)
	if row.More != 0 {
		o.number("more", row.More)
	}
	o.time("not_after", row.NotAfter)
	if row.Days != nil {
		o.number("days", *row.Days)
	}
	o.hash("leaf", row.Leaf)
	o.hash("spki", row.SPKI)
	o.hash("issuer", row.Issuer)
	texts(&o, "revocation", row.Revocation)
	if row.Programs != (RowPrograms{}) {
		o.name("programs")
		o.b = row.Programs.appendJSON(o.b)
	}
	o.filled("ct", string(row.CT))
	o.filled("protocol", row.Protocol)
	o.hash("policy", row.Policy)
	return append(o.b, '}')
}

func (a *RowPrograms) appendJSON(b []byte) []byte {
	o := object{b: append(b, '{')}
	o.filled("system", string(a.System))
	o.filled("mozilla", string(a.Mozilla))
	o.filled("chrome", string(a.Chrome))
	o.filled("apple", string(a.Apple))
	o.filled("microsoft", string(a.Microsoft))
	o.filled("android", string(a.Android))
	return append(o.b, '}')
}

// object is a JSON object in the making.
type object struct {
	b    []byte
	some bool // it has a member
}

// name begins a member; names need no escapes.
func (o *object) name(s string) {
	if o.some {
		o.b = append(o.b, ',')
	}
	o.some = true
	o.b = append(append(append(o.b, '"'), s...), '"', ':')
}

func (o *object) number(name string, n int) {
	o.name(name)
	o.b = strconv.AppendInt(o.b, int64(n), 10)
}

func (o *object) text(name, s string) {
	o.name(name)
	o.b = appendText(o.b, s)
}

// filled is a text that is left out when it is empty.
func (o *object) filled(name, s string) {
	if s != "" {
		o.text(name, s)
	}
}

// time is a time that is left out when there is none.
func (o *object) time(name string, t time.Time) {
	if t.IsZero() {
		return
	}
	var room [len(time.RFC3339Nano)]byte
	if text, err := t.AppendText(room[:0]); err == nil {
		o.name(name)
		o.b = append(append(append(o.b, '"'), text...), '"')
	}
}

// hash is a hash that is left out when there is none.
func (o *object) hash(name string, h Hash) {
	if h != (Hash{}) {
		o.name(name)
		o.b = append(base64.StdEncoding.AppendEncode(append(o.b, '"'), h[:]), '"')
	}
}

// texts is a list that is left out when it is empty.
func texts[T ~string](o *object, name string, list []T) {
	if len(list) == 0 {
		return
	}
	o.name(name)
	for i, s := range list {
		o.b = appendText(append(o.b, "[,"[min(i, 1)]), string(s))
	}
	o.b = append(o.b, ']')
}

const hexDigits = "0123456789abcdef"

// appendText appends s as encoding/json writes it: what HTML reads is escaped, and
// so are the two line ends of JavaScript; what is no UTF-8 becomes U+FFFD.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	done := 0
	for i := 0; i < len(s); {
		if itself(s[i]) {
			i++
			continue
		}
		c, size := utf8.DecodeRuneInString(s[i:])
		esc := escapeOf(c, size)
		if esc == escapeNone {
			i += size
			continue
		}
		b = append(b, s[done:i]...)
		if esc == escapeCode {
			b = append(b, '\\', 'u', hexDigits[c>>12&15], hexDigits[c>>8&15], hexDigits[c>>4&15], hexDigits[c&15])
		} else {
			b = append(b, '\\', esc)
		}
		i += size
		done = i
	}
	return append(append(b, s[done:]...), '"')
}

// The octets of ASCII that stand for themselves, a bit each.
const (
	plainLow  uint64 = 0xffffffff_00000000 &^ (1<<'"' | 1<<'&' | 1<<'<' | 1<<'>')
	plainHigh uint64 = 0xffffffff_ffffffff &^ (1 << ('\\' - 64))
)

// itself reports whether c is a character that stands for itself.
func itself(c byte) bool {
	return c < 64 && plainLow>>c&1 != 0 || c >= 64 && c < 128 && plainHigh>>(c-64)&1 != 0
}

// What becomes of a character of a text, where it is not the letter that stands
// behind a backslash for it.
const (
	escapeNone = 0   // it stands for itself
	escapeCode = 'u' // \uXXXX
)

// escapeOf says how c is written, which takes size octets as it stands.
func escapeOf(c rune, size int) byte {
	switch {
	case c == '"' || c == '\\':
		return byte(c)
	case c == '\n':
		return 'n'
	case c == '\r':
		return 'r'
	case c == '\t':
		return 't'
	case c == '\b':
		return 'b'
	case c == '\f':
		return 'f'
	case c < 0x20 || c == '<' || c == '>' || c == '&' || c == '\u2028' || c == '\u2029' || c == utf8.RuneError && size == 1:
		return escapeCode
	}
	return escapeNone
}

// textLen is how many octets s takes in JSON, without the quotes.
func textLen(s string) (n int) {
	for i := 0; i < len(s); {
		if itself(s[i]) {
			n, i = n+1, i+1
			continue
		}
		c, size := utf8.DecodeRuneInString(s[i:])
		n, i = n+charLen(c, size), i+size
	}
	return n
}

// charLen is how many octets c takes in JSON, size as it stands.
func charLen(c rune, size int) int {
	switch escapeOf(c, size) {
	case escapeNone:
		return size
	case escapeCode:
		return len(`\u0000`)
	}
	return len(`\n`)
}
