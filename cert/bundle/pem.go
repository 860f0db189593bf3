package bundle

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"strings"
)

const (
	begin  = "-----BEGIN "
	end    = "-----END "
	dashes = "-----"
)

// pem adds the objects in the PEM blocks of b. Unlike pem.Decode it does not
// pass over blocks that are damaged.
func (r *reader) pem(b []byte) {
	line, at := 1, 0
	for i := bytes.Index(b, []byte(begin)); i >= 0; {
		line += bytes.Count(b[at:i], []byte("\n"))
		at = i
		next := bytes.Index(b[i+len(begin):], []byte(begin))
		text := b[i:]
		if next >= 0 {
			next += i + len(begin)
			text = b[i:next]
		}
		if !r.block(text, line, i == 0 || b[i-1] == '\n') {
			return
		}
		i = next
	}
}

// block adds the objects in the block that text begins with, in the given line
// and at its start or not.
func (r *reader) block(text []byte, line int, atStart bool) bool {
	o := Object{Line: line}
	block, _ := pem.Decode(text)
	switch {
	case !atStart:
		o.Damage = fmt.Sprintf("line %d does not begin with %s", line, strings.TrimSpace(begin))
	case block == nil:
		o.Damage = fault(text, line)
	case len(block.Bytes) == 0:
		o.Damage = fmt.Sprintf("the block in line %d is empty", line)
	default:
		o.Label = block.Type
		r.der(block.Bytes, o)
		return !r.full
	}
	first, _, _ := bytes.Cut(text[len(begin):], []byte("\n"))
	label, _, _ := bytes.Cut(first, []byte(dashes))
	o.Label = string(bytes.TrimSpace(label[:min(len(label), maxLabel)]))
	o.Kind = labels[o.Label]
	return r.add(o)
}

// maxLabel bounds the label that is kept of a damaged block.
const maxLabel = 64

// fault says what is wrong with a block that could not be decoded. Its first
// line has the given number.
func fault(text []byte, line int) string {
	n, headers := line-1, true
	var head []byte
	for l := range bytes.Lines(text) {
		n++
		l = bytes.TrimRight(l, " \t\r\n")
		switch {
		case n == line:
			head = l
			if len(l) < len(begin)+len(dashes) || !bytes.HasSuffix(l, []byte(dashes)) {
				return fmt.Sprintf("line %d does not end with %s", line, dashes)
			}
		case bytes.HasPrefix(l, []byte(end)):
			if !bytes.Equal(l[len(end):], head[len(begin):]) {
				return fmt.Sprintf("line %d ends another block than line %d begins", n, line)
			}
			return fmt.Sprintf("the block in line %d is not base64", line)
		case headers && bytes.ContainsRune(l, ':'):
		case len(bytes.Trim(l, alphabet)) > 0:
			return fmt.Sprintf("line %d is not base64", n)
		case len(l) > 0:
			headers = false
		}
	}
	return fmt.Sprintf("the block in line %d has no END line", line)
}

// alphabet is that of base64, and the spaces that pem.Decode allows in it.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \t"
