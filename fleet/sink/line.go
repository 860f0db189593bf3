package sink

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/assaytls/assay/report"
)

// Line is the JSON form of a row, a line of the JSON Lines: the members of
// report.Row, then these. fleet/summary/schema.json describes it.
type Line struct {
	report.Row
	Input     string        `json:"input,omitempty"`
	Address   string        `json:"address,omitempty"`
	Started   time.Time     `json:"started,omitzero"`
	ElapsedMS int64         `json:"elapsed_ms,omitempty"`
	Attempts  int           `json:"attempts,omitempty"`
	Skipped   Skip          `json:"skipped,omitempty"`
	Failure   string        `json:"failure,omitempty"`
	Sources   []string      `json:"sources,omitempty"`
	Evidence  EvidenceState `json:"evidence,omitempty"`
}

// AppendJSON appends the row's line, without its end: what encoding/json makes
// of its Line, without reflection.
func (r *Row) AppendJSON(b []byte) []byte {
	b = r.Row.AppendJSON(b)
	b = b[:len(b)-1] // the brace
	b = appendMember(b, "input", r.Input)
	b = appendMember(b, "address", r.Address)
	if !r.Started.IsZero() {
		b = append(r.Started.UTC().AppendFormat(append(b, `,"started":"`...), time.RFC3339Nano), '"')
	}
	if ms := r.Elapsed.Milliseconds(); ms != 0 {
		b = strconv.AppendInt(append(b, `,"elapsed_ms":`...), ms, 10)
	}
	if r.Attempts != 0 {
		b = strconv.AppendInt(append(b, `,"attempts":`...), int64(r.Attempts), 10)
	}
	b = appendMember(b, "skipped", string(r.Skipped))
	b = appendMember(b, "failure", r.Failure)
	if len(r.Sources) > 0 {
		b = append(b, `,"sources":[`...)
		for i, s := range r.Sources {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, s)
		}
		b = append(b, ']')
	}
	b = appendMember(b, "evidence", string(r.Evidence))
	return append(b, '}')
}

// appendMember appends a text that is not empty.
func appendMember(b []byte, name, s string) []byte {
	if s == "" {
		return b
	}
	return appendString(append(append(append(b, `,"`...), name...), `":`...), s)
}

// appendString appends s as encoding/json writes it.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) // no string fails
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// row is the row of a line, without its position.
func (l *Line) row() Row {
	return Row{Row: l.Row, Input: l.Input, Address: l.Address, Started: l.Started, Elapsed: time.Duration(l.ElapsedMS) * time.Millisecond,
		Attempts: l.Attempts, Skipped: l.Skipped, Failure: l.Failure, Sources: l.Sources, Evidence: l.Evidence}
}
