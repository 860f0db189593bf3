// Package render writes reports: as text and Markdown for people and as JSON for
// programs. internal/page has them as HTML.
// What is shown, and in which order, is decided by report.View; this package
// puts it into columns and colours. Every text that a peer could have chosen
// has gone through finding.Quote (text) or an escape (JSON).
//
// The functions are safe for concurrent use on different writers.
package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// JSON writes r's own JSON form and a newline: on one line, or indented.
// Characters that could steer a terminal or reorder text (C1 controls,
// bidirectional and zero-width characters) are written as \uXXXX, which every
// JSON reader turns back, so nothing is lost.
func JSON(w io.Writer, r *report.Report, indent bool) error {
	return Value(w, r, indent)
}

// Value writes any value in the way of [JSON].
func Value(w io.Writer, v any, indent bool) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding the report: %w", err)
	}
	b = escapeUnsafe(b)
	if indent {
		var out bytes.Buffer
		if err := json.Indent(&out, b, "", "  "); err != nil {
			return fmt.Errorf("encoding the report: %w", err)
		}
		b = out.Bytes()
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// escapeUnsafe replaces every character of the JSON text b that finding.Quote
// would not let through. Such characters occur only inside strings.
func escapeUnsafe(b []byte) []byte {
	clean := true
	for _, c := range b {
		if c >= 0x7f {
			clean = false
			break
		}
	}
	if clean {
		return b
	}
	out := make([]byte, 0, len(b)+64)
	for i := 0; i < len(b); {
		if b[i] < 0x7f {
			out = append(out, b[i])
			i++
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if s := string(b[i : i+size]); finding.Quote(s) == s {
			out = append(out, s...)
		} else if r > 0xffff {
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		} else {
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += size
	}
	return out
}
