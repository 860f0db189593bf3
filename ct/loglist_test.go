package ct_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/lab/forge"
)

// The field's log lists: publisher, number of logs, and what one of them says.
func TestLogLists(t *testing.T) {
	dir := filepath.Join(corpora.Dir(t, "ct"), "log-lists")
	for _, c := range []struct {
		file, text string
		logs       int
		err        string // the reason for a refusal
	}{
		{"gstatic-all_logs_list-89.25.json", "version 89.25 of 2026-08-20", 117, ""},
		{"gstatic-all_logs_list-54.12.json", "version 54.12 of 2025-05-23", 184, ""},
		{"gstatic-log_list-54.12.json", "version 54.12 of 2025-05-23", 42, ""},
		{"apple-511.json", "version 511, undated", 166, ""},
		{"firefox-esr140-log_list.json", "version 85.101 of 2026-06-07", 56, ""},
		{"mozilla-known_logs-20260811.json", "without version of 2026-08-11", 48, ""},
		{"bimi.json", "without version of 2026-01-29", 1, ""},
		{"crtsh-active.json", "without version, undated", 152, ""},
		{"crtsh-all.json", "without version, undated", 309, ""},
		{"ctgo-loglist3-excerpt-9.4.json", "version 9.4 of 2022-05-06", 5, ""},
		{"log_mimics_list.json", "without version, undated", 0, ""},
		{"gstatic-log_list_schema.json", "", 0, `no "operators"`},
		{"apple-log_list_schema_v4.json", "", 0, `no "operators"`},
	} {
		l, err := ct.ParseLogList(readFile(t, dir, c.file))
		if err != nil {
			if c.err == "" || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v", c.file, err)
			}
			continue
		}
		if c.err != "" || l.String() != c.text || l.Len() != c.logs {
			t.Errorf("%s: %s, %d logs, want %s, %d", c.file, l, l.Len(), c.text, c.logs)
		}
		for _, log := range l.Logs() {
			if l.Lookup(log.ID) != log || log.Operator == "" || !log.Key.Supported() {
				t.Errorf("%s: %+v", c.file, log)
			}
		}
		refused := map[string]int{"log_mimics_list.json": 2, "ctgo-loglist3-excerpt-9.4.json": 1} // the latter has a bare point as a key
		if len(l.Refused()) != refused[c.file] {
			t.Errorf("%s: refused %q", c.file, l.Refused())
		}
	}
}

// A publisher that keeps older states beside the newest one is read by date.
func TestLogStates(t *testing.T) {
	l, err := ct.ParseLogList(readFile(t, corpora.Dir(t, "ct"), "log-lists", "mozilla-known_logs-20260811.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, log := range l.Logs() {
		if log.Description == "Google 'Argon2026h2' log" {
			if state, since := log.StateAt(time.Date(2026, 8, 11, 0, 0, 0, 0, time.UTC)); state != ct.Usable || !since.Equal(time.Date(2025, 9, 22, 11, 29, 18, 0, time.UTC)) {
				t.Errorf("%s since %s", state, since)
			}
			return
		}
	}
	t.Error("log not found")
}

func TestParseLogListErrors(t *testing.T) {
	key := base64.StdEncoding.EncodeToString(forge.P256().SPKI)
	for _, c := range []struct{ list, want string }{
		{``, "unexpected end"},
		{`[]`, "log list: the whole is of the wrong kind (array) at byte"},
		{`{"operators":{"a":[]}}`, `"operators" is of the wrong kind (object) at byte`},
		{`{"operators":[{"logs":[{"mmd":"x"}]}]}`, `"operators.logs.mmd" is of the wrong kind (string)`},
		{`{"operators":[{"name":"a","id":0}],"logs":[{"key":"` + key + `","operated_by":[0]}]}`, "format of version 1, and assay reads version 3"},
		{`{"logs":[]}`, "format of version 1"},
		{`{}`, "operators"},
		{`{"operators":null}`, "operators"},
		{`{"operators":[],"log_list_timestamp":"yesterday"}`, `log_list_timestamp: "yesterday" is not a time like`},
		{`{"operators":[],"version":{}}`, "version"},
		{`{"operators":[{"logs":[{"description":"d","key":"` + key + `","log_id":"AAAA"}]}]}`, "log_id"},
		{`{"operators":[{"logs":[{"key":"` + key + `"},{"key":"` + key + `"}]}]}`, "twice"},
		{`{"operators":[{"logs":[{"key":"` + key + `","mmd":-1}]}]}`, "mmd"},
		{`{"operators":[{"logs":[{"key":"` + key + `","state":{"usable":{"timestamp":"x"}}}]}]}`, "state usable"},
		{`{"operators":[{"logs":[{"key":"` + key + `","temporal_interval":{"start_inclusive":"x"}}]}]}`, "temporal_interval"},
		{`{"operators":[{"logs":[{"key":"` + key + `","temporal_interval":{"start_inclusive":"2026-01-01T00:00:00Z","end_exclusive":"x"}}]}]}`, "temporal_interval"},
		{`{"operators":[{"logs":[{"key":"` + key + `","previous_operators":[{"name":"x"}]}]}]}`, "previous_operators"},
	} {
		_, err := ct.ParseLogList([]byte(c.list))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.120s: %v, want %q", c.list, err, c.want)
		} else if text := err.Error(); strings.Contains(text, "Go ") || strings.Contains(text, "ct.") || strings.Contains(text, "2006") {
			t.Errorf("%.120s: %v is not in words", c.list, err)
		}
	}
	if _, err := ct.ParseLogList(make([]byte, ct.MaxListSize+1)); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Errorf("too large: %v", err)
	}
	many := `{"operators":[{"logs":[{}` + strings.Repeat(",{}", 10000) + `]}]}`
	if _, err := ct.ParseLogList([]byte(many)); err == nil || !strings.Contains(err.Error(), "more than 10000 logs") {
		t.Errorf("too many: %v", err)
	}
	// Of two states of the same moment the later one of a log's life counts.
	for range 20 { // the order of a map
		l, err := ct.ParseLogList([]byte(`{"operators":[{"logs":[{"key":"` + key + `","state":{"usable":{"timestamp":"2026-01-01T00:00:00Z"},"retired":{"timestamp":"2026-01-01T00:00:00Z"}}}]}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if state, _ := l.Logs()[0].StateAt(time.Now()); state != ct.Retired {
			t.Fatalf("two states: %s", state)
		}
	}
	// Keys that cannot be used cost their log, not the list.
	for raw, want := range map[string]string{"x": "not a SubjectPublicKeyInfo", string(forge.RSA(1024).SPKI): "RSA 1024", string(forge.NewKey("Ed25519").SPKI): "Ed25519"} {
		l, err := ct.ParseLogList([]byte(`{"operators":[{"logs":[{"description":"d","key":"` + base64.StdEncoding.EncodeToString([]byte(raw)) + `"},{"key":"` + key + `"}]}]}`))
		if err != nil || l.Len() != 1 || len(l.Refused()) != 1 || !strings.Contains(l.Refused()[0].Reason, want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	// Unknown fields and states, and operators without logs, are tolerated.
	l, err := ct.ParseLogList([]byte(`{"new":1,"operators":[{"name":"none"},{"name":"a","x":[],"logs":[{"key":"` + key + `","state":{"sleeping":{"timestamp":"2026-01-01T00:00:00Z"}},"y":{}}]}]}`))
	if err != nil || l.Len() != 1 || len(l.Logs()[0].States) != 1 {
		t.Errorf("tolerance: %v", err)
	}
}

func TestOperatorAt(t *testing.T) {
	at := func(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }
	l, err := ct.ParseLogList(forge.LogList(at(1), forge.Log{Key: forge.P256(), Operator: "now", PreviousOps: map[string]time.Time{"second": at(20), "first": at(10)}}))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, d := range []int{9, 10, 19, 20} {
		got += l.Logs()[0].OperatorAt(at(d)) + " "
	}
	if got != "first second second now " {
		t.Error(got)
	}
	if age, ok := l.Age(at(3)); !ok || age != 48*time.Hour {
		t.Error(age)
	}
	if age, ok := l.Age(at(1).Add(-time.Hour)); !ok || age != 0 {
		t.Error(age)
	}
}

func FuzzParseLogList(f *testing.F) {
	f.Add([]byte(`{"operators":[]}`))
	f.Add(forge.LogList(time.Unix(1e9, 0), forge.Log{Key: forge.P256(), Operator: "o", From: time.Unix(1, 0), Until: time.Unix(2, 0), PreviousOps: map[string]time.Time{"p": time.Unix(3, 0)}}))
	if dir := corpora.Present(f, "ct"); dir != "" {
		f.Add(readFile(f, dir, "log-lists", "log_mimics_list.json"))
		f.Add(readFile(f, dir, "log-lists", "ctgo-loglist3-excerpt-9.4.json"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := ct.ParseLogList(b)
		if err != nil {
			return
		}
		_ = l.String()
		for _, log := range l.Logs() {
			if l.Lookup(log.ID) == nil || !log.Key.Supported() {
				t.Fatal("a log that cannot be used")
			}
			_ = log.OperatorAt(time.Unix(0, 0)) + log.Origin()
			_ = log.Covers(time.Unix(0, 0))
		}
		again, err := ct.ParseLogList(bytes.Clone(b))
		if err != nil || fmt.Sprint(again.Hash()) != fmt.Sprint(l.Hash()) {
			t.Fatal("not repeatable")
		}
	})
}

// What reading a list allocates is bounded by the logs that it may have, not by
// how many empty ones fit into its octets.
func TestLogListMemory(t *testing.T) {
	for what, list := range map[string]string{
		"empty logs":       `{"operators":[{"logs":[` + strings.Repeat("{},", ct.MaxListSize/3-20) + `{}]}]}`,
		"empty operators":  `{"operators":[` + strings.Repeat("{},", ct.MaxListSize/3-20) + `{}]}`,
		"states":           `{"operators":[{"logs":[{"state":{` + strings.Repeat(`"x":{},`, 49000) + `"y":{}}}]}]}`,
		"as many as fit":   `{"operators":[{"logs":[` + strings.Repeat("{},", 49000) + `{}]}]}`,
		"former operators": `{"operators":[{"logs":[{"previous_operators":[` + strings.Repeat("{},", 49000) + `{}]}]}]}`,
	} {
		text := []byte(list)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ct.ParseLogList(text)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 64<<20 {
			t.Errorf("%s: %d MiB allocated (%v)", what, got>>20, err)
		} else {
			t.Logf("%s: %d KiB, %.100v", what, got>>10, err)
		}
	}
}
