package bundle

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
)

const (
	begin  = "-----BEGIN "
	end    = "-----END "
	dashes = "-----"
)

// maxRoom bounds the objects for which room is made before they are read.
const maxRoom = 1024

// pem adds the objects in the PEM blocks of b. Unlike pem.Decode it does not
// pass over blocks that are damaged.
func (r *reader) pem(b []byte) {
	// A system's bundle has some 150 blocks; room for each is made once.
	if n := bytes.Count(b, []byte(begin)); r.out == nil {
		r.out = make([]Object, 0, min(n, r.limit, maxRoom))
	}
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
		if !r.block(text, line, before(b, i)) {
			return
		}
		i = next
	}
}

// before returns what stands on the line before its i-th byte, the last 100 bytes of it.
func before(b []byte, i int) []byte {
	start := max(0, i-100)
	return b[start+bytes.LastIndexByte(b[start:i], '\n')+1 : i]
}

// block adds the objects in the block that text begins with, in the given line
// and behind what is before it there.
func (r *reader) block(text []byte, line int, before []byte) bool {
	o := Object{Line: line}
	block := decoded(text)
	switch {
	case len(before) > 0:
		o.Damage = fmt.Sprintf("line %d does not begin with %s%s", line, strings.TrimSpace(begin), misplaced(before))
	case block == nil:
		o.Damage = fault(text, line)
	case len(block.Bytes) == 0:
		o.Damage = fmt.Sprintf("the block in line %d is empty", line)
	default:
		o.Label = plainLabel(block.Type)
		if block.Headers["DEK-Info"] != "" {
			o.Kind, o.Detail = PrivateKey, "encrypted as OpenSSL once did it"
			return r.add(o)
		}
		r.der(block.Bytes, o)
		return !r.full
	}
	first, _, _ := bytes.Cut(text[len(begin):], []byte("\n"))
	label, _, _ := bytes.Cut(first, []byte(dashes))
	o.Label = plainLabel(string(bytes.TrimSpace(label)))
	if o.Kind, o.Detail = labels[o.Label].kind, labels[o.Label].detail; secretLabel(o.Label) {
		o.Kind = PrivateKey
	}
	return r.add(o)
}

// decoded is pem.Decode for the block that text begins with. Blocks as every program
// writes them, base64 and nothing else between their lines, are read without
// pem.Decode, which copies and searches each line: a system's bundle of anchors, which
// every run reads, takes a third of the time.
func decoded(text []byte) *pem.Block {
	if label, body, ok := plainBlock(text); ok {
		der := make([]byte, base64.StdEncoding.DecodedLen(len(body)))
		if n, err := base64.StdEncoding.Decode(der, body); err == nil {
			return &pem.Block{Type: string(label), Bytes: der[:n:n]}
		}
	}
	block, _ := pem.Decode(text)
	return block
}

// plainBlock returns the label of the block that text begins with, and what stands
// between its BEGIN and its END line, when these are nothing but that.
func plainBlock(text []byte) (label, body []byte, ok bool) {
	head, rest, ok := bytes.Cut(text, []byte("\n"))
	if !ok || !bytes.HasPrefix(head, []byte(begin)) || !bytes.HasSuffix(head, []byte(dashes)) || len(head) <= len(begin)+len(dashes) {
		return nil, nil, false
	}
	label = head[len(begin) : len(head)-len(dashes)]
	at := bytes.Index(rest, []byte("\n"+end))
	if at < 0 {
		return nil, nil, false
	}
	last, _, _ := bytes.Cut(rest[at+1+len(end):], []byte("\n"))
	if len(last) != len(label)+len(dashes) || !bytes.HasPrefix(last, label) || string(last[len(label):]) != dashes {
		return nil, nil, false
	}
	return label, rest[:at], true
}

// misplaced says why a BEGIN does not stand at the start of its line.
func misplaced(before []byte) string {
	switch {
	case len(bytes.TrimLeft(before, " \t")) == 0:
		return ": it is indented"
	case bytes.HasSuffix(before, []byte(dashes)):
		return ": the END of another block stands before it, and a line break is missing between them"
	case bytes.HasSuffix(before, []byte(`\n`)):
		return literal
	}
	return ": something stands before it"
}

const literal = `: it has the two characters \n where a line break belongs`

// plainLabel returns a label as it may be shown: what is no label is not repeated.
func plainLabel(label string) string {
	if secretLabel(strings.ToUpper(label)) && !secretLabel(label) {
		return "PRIVATE KEY"
	}
	if len(label) > maxLabel || strings.Trim(label, labelChars) != "" {
		return "(no label that can be shown)"
	}
	return label
}

// labelChars are those of the labels in use.
const labelChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 #.-"

// maxLabel bounds the label that is kept of a block.
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
			if bytes.Contains(l, []byte(`\n`)) {
				return fmt.Sprintf("line %d cannot be read%s", line, literal)
			}
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
