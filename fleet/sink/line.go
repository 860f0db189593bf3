package sink

import (
	"encoding/json"
	"time"

	"github.com/assaytls/assay/report"
)

// Line is the JSON form of a row, a line of the JSON Lines: the members of
// report.Row, then these. docs/scan.schema.json describes it.
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

// AppendJSON appends the row's line, without its end.
func (r *Row) AppendJSON(b []byte) []byte {
	line, _ := json.Marshal(Line{Row: r.Row, Input: r.Input, Address: r.Address, Started: r.Started, ElapsedMS: r.Elapsed.Milliseconds(),
		Attempts: r.Attempts, Skipped: r.Skipped, Failure: r.Failure, Sources: r.Sources, Evidence: r.Evidence}) // nothing in a row fails
	return append(b, line...)
}

// row is the row of a line, without its position.
func (l *Line) row() Row {
	return Row{Row: l.Row, Input: l.Input, Address: l.Address, Started: l.Started, Elapsed: time.Duration(l.ElapsedMS) * time.Millisecond,
		Attempts: l.Attempts, Skipped: l.Skipped, Failure: l.Failure, Sources: l.Sources, Evidence: l.Evidence}
}
