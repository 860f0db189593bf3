package report_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// sameJSON wants AppendJSON to write what encoding/json does, behind what is there.
func sameJSON(t *testing.T, row report.Row) {
	t.Helper()
	want, err := json.Marshal(row)
	if err != nil {
		return // a time that has no form
	}
	if got := row.AppendJSON([]byte("x")); !bytes.Equal(got[1:], want) || got[0] != 'x' {
		t.Errorf("%s\nencoding/json: %s", got, want)
	}
}

// Every field is written, in its place, and the empty ones are not.
func TestRowJSON(t *testing.T) {
	var full report.Row
	fill(reflect.ValueOf(&full).Elem())
	full.Verdict = report.Reject
	for i := range full.Leaf {
		full.Leaf[i], full.Issuer[i] = byte(i), 0xff
	}
	sameJSON(t, full)
	sameJSON(t, report.Row{})
	v := reflect.ValueOf(&full).Elem()
	for i := range v.NumField() {
		without := full
		reflect.ValueOf(&without).Elem().Field(i).SetZero()
		sameJSON(t, without)
	}
	for name, r := range stored(t) {
		row := r.Row()
		t.Run(name, func(t *testing.T) { sameJSON(t, row) })
	}
	for _, zone := range []*time.Location{time.FixedZone("", 5400), time.FixedZone("", -1), time.FixedZone("", 26*3600)} {
		sameJSON(t, report.Row{Time: time.Date(2026, 11, 29, 1, 8, 49, 123456789, zone)})
	}
	odd := report.Row{Time: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)}
	if got, want := string(odd.AppendJSON(nil)), string((&report.Row{}).AppendJSON(nil)); got != want {
		t.Errorf("times that cannot be written: %s, want %s", got, want)
	}
	accept, room := stored(t)["accept.json"].Row(), make([]byte, 0, report.MaxRow)
	if n := testing.AllocsPerRun(100, func() { accept.AppendJSON(room) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzRowJSON(f *testing.F) {
	for _, s := range []string{"", "a", `<&>"\`, "\x00\b\t\n\f\r\x1f\x7f", "\u2028\u2029é😀\ufffd", "a\xffb\xc3", "\xed\xa0\x80"} {
		f.Add(s, s, int64(len(s)), int64(1e18), []byte(s), 0, false)
		f.Add(s, strings.Repeat(s, 40), int64(-1), int64(-62135596800), []byte{1}, -9, true)
	}
	f.Fuzz(func(t *testing.T, a, b string, sec, nano int64, h []byte, n int, some bool) {
		row := report.Row{Version: n, Target: a, Verdict: report.Verdict(b), Headline: finding.ID(b), HeadlineRole: report.Role(a), Title: b,
			Errors: []finding.ID{finding.ID(a), finding.ID(b)}, Infos: []finding.ID{finding.ID(b)}, More: n, Time: time.Unix(sec, nano).UTC(),
			Revocation: []report.Status{report.Status(b)}, CT: report.CTStatus(a), Protocol: b}
		copy(row.Leaf[:], h)
		if some {
			row.Days, row.NotAfter, row.Errors = &n, time.Unix(nano, sec), nil
		}
		sameJSON(t, row)
		if !utf8.Valid(row.AppendJSON(nil)) {
			t.Error("no UTF-8")
		}
		// As a report's row it is short, however long its texts are.
		r := report.Report{Target: report.Target{Host: a, Port: b, Input: b}, Headline: &report.Headline{Finding: finding.New(finding.FetchFailed, "url", b), Path: -1, Cert: -1},
			Connection: &report.Connection{Version: a}, Findings: []finding.Finding{{ID: finding.ID(a)}, {ID: finding.ID(b), Severity: finding.Info}}}
		short := r.Row()
		sameJSON(t, short)
		if got := short.AppendJSON(nil); len(got) > report.MaxRow {
			t.Errorf("%d octets: %s", len(got), got)
		}
	})
}

func BenchmarkRow(b *testing.B) {
	for name, r := range stored(b) {
		if name != "accept.json" {
			continue
		}
		b.Run("report", func(b *testing.B) {
			for b.Loop() {
				r.Row()
			}
		})
		row, room := r.Row(), make([]byte, 0, report.MaxRow)
		b.Run("append", func(b *testing.B) {
			for b.Loop() {
				row.AppendJSON(room)
			}
		})
		b.Run("encoding", func(b *testing.B) {
			for b.Loop() {
				json.Marshal(row)
			}
		})
	}
}
