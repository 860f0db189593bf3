package rootstores

import (
	"fmt"
	"strconv"
	"strings"
)

// The bounds of a text in Protocol Buffers' text format.
const (
	maxDepth  = 16
	maxFields = 200000
)

// message is a message in the text format: its fields in order. What a field means
// is for its reader; the schema is not needed.
type message []field

// field is one field: a scalar as text, without quotation marks, or a message.
type field struct {
	name    string
	text    string
	quoted  bool
	message message // not nil for messages
	comment string  // the line of comment that stands right before it
}

// get returns the scalar named, "" without.
func (m message) get(name string) string {
	for _, f := range m {
		if f.name == name && f.message == nil {
			return f.text
		}
	}
	return ""
}

// parseTextproto reads the text format (protobuf.dev/reference/protobuf/textformat-spec)
// as far as the Chrome Root Store uses it: scalars, strings, nested messages, lists in brackets
// and comments. Extensions and Any are not read.
func parseTextproto(s string) (message, error) {
	p := &textproto{s: s}
	m, err := p.fields(0)
	if err == nil && p.at < len(p.s) {
		err = p.errorf("a bracket too many")
	}
	return m, err
}

type textproto struct {
	s       string
	at      int
	fieldsN int
	comment string
}

func (p *textproto) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: %s", 1+strings.Count(p.s[:min(p.at, len(p.s))], "\n"), fmt.Sprintf(format, args...))
}

// skip passes white space and comments, and notes the last line of comment.
func (p *textproto) skip() {
	for p.at < len(p.s) {
		switch c := p.s[p.at]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			p.at++
		case c == '#':
			line, _, _ := strings.Cut(p.s[p.at:], "\n")
			p.comment = strings.TrimSpace(strings.TrimLeft(line, "#"))
			p.at += len(line)
		default:
			return
		}
	}
}

// fields reads fields up to the end or a closing bracket, which is left.
func (p *textproto) fields(depth int) (message, error) {
	m := message{}
	if depth > maxDepth {
		return nil, p.errorf("messages in more than %d messages", maxDepth)
	}
	for {
		p.skip()
		if p.at == len(p.s) || p.s[p.at] == '}' || p.s[p.at] == '>' {
			return m, nil
		}
		f := field{comment: p.comment, name: p.word()}
		if f.name == "" {
			return nil, p.errorf("no name of a field: %.20q", p.s[p.at:])
		}
		p.skip()
		colon := p.take(':')
		p.skip()
		if p.at == len(p.s) {
			return nil, p.errorf("the file ends within a field: it was cut off")
		}
		var err error
		if colon && p.s[p.at] == '[' {
			m, err = p.list(m, f, depth)
		} else {
			m, err = p.value(m, f, colon, depth)
		}
		if err != nil {
			return nil, err
		}
		p.comment = "" // what comes now stands before the next field
		p.skip()
		if !p.take(',') {
			p.take(';')
		}
	}
}

// list reads [value, …], which is the field several times.
func (p *textproto) list(m message, f field, depth int) (message, error) {
	p.at++
	for first := true; ; first = false {
		p.skip()
		if p.take(']') {
			return m, nil
		}
		if !first && !p.take(',') {
			return nil, p.errorf("a list without an end")
		}
		p.skip()
		var err error
		if m, err = p.value(m, f, true, depth); err != nil {
			return nil, err
		}
	}
}

// value reads one value of f and appends the field to m.
func (p *textproto) value(m message, f field, colon bool, depth int) (message, error) {
	if p.fieldsN++; p.fieldsN > maxFields {
		return nil, p.errorf("more than %d fields", maxFields)
	}
	if p.at == len(p.s) {
		return nil, p.errorf("a field without a value")
	}
	switch c := p.s[p.at]; {
	case c == '{' || c == '<':
		p.at++
		inner, err := p.fields(depth + 1)
		if err != nil {
			return nil, err
		}
		if !p.take(map[byte]byte{'{': '}', '<': '>'}[c]) {
			return nil, p.errorf("the message %s has no end", shorten(f.name))
		}
		f.message = inner
	case !colon:
		return nil, p.errorf("the field %s has no colon", shorten(f.name))
	case c == '"' || c == '\'':
		f.quoted = true
		for p.at < len(p.s) && (p.s[p.at] == '"' || p.s[p.at] == '\'') { // adjacent strings are one
			text, err := p.quoted()
			if err != nil {
				return nil, err
			}
			f.text += text
			p.skip()
		}
	default:
		if f.text = p.word(); f.text == "" {
			return nil, p.errorf("the field %s has no value", shorten(f.name))
		}
	}
	return append(m, f), nil
}

// word reads a name, a number or an enumeration's value.
func (p *textproto) word() string {
	from := p.at
	for p.at < len(p.s) {
		c := p.s[p.at]
		if c != '_' && c != '-' && c != '+' && c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			break
		}
		p.at++
	}
	return p.s[from:p.at]
}

func (p *textproto) take(c byte) bool {
	if p.at < len(p.s) && p.s[p.at] == c {
		p.at++
		return true
	}
	return false
}

// quoted reads a string with escapes.
func (p *textproto) quoted() (string, error) {
	mark := p.s[p.at]
	p.at++
	var b strings.Builder
	for p.at < len(p.s) {
		c := p.s[p.at]
		switch {
		case c == mark:
			p.at++
			return b.String(), nil
		case c == '\n':
			return "", p.errorf("a string without an end")
		case c != '\\':
			b.WriteByte(c)
			p.at++
		default:
			p.at++
			v, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteByte(v)
		}
	}
	return "", p.errorf("the file ends within a string: it was cut off")
}

// escape reads what follows a backslash: a letter, or up to three octal or two
// hexadecimal digits. \u is not read: no name here needs it.
func (p *textproto) escape() (byte, error) {
	rest := p.s[p.at:]
	if rest == "" {
		return 0, p.errorf("the file ends within a string: it was cut off")
	}
	if i := strings.IndexByte(`abfnrtv?\'"`, rest[0]); i >= 0 {
		p.at++
		return "\a\b\f\n\r\t\v?\\'\""[i], nil
	}
	digits, base, most := rest, 8, 3
	if rest[0] == 'x' || rest[0] == 'X' {
		digits, base, most = rest[1:], 16, 2
	}
	n := 0
	for n < most && n < len(digits) && isDigit(digits[n], base) {
		n++
	}
	v, err := strconv.ParseUint(digits[:n], base, 8)
	if err != nil {
		return 0, p.errorf("an escape that is not known: %.6q", `\`+rest)
	}
	p.at += len(rest) - len(digits) + n
	return byte(v), nil
}

func isDigit(c byte, base int) bool {
	_, err := strconv.ParseUint(string(c), base, 8)
	return err == nil
}
