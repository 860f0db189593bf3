package ct_test

import (
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// What a log is counts at the moment judged for, whatever its list announces or
// has seen before. A state that is not known is none that counts.
func TestStatesAtTheMoment(t *testing.T) {
	ahead, past := 10*days, -20*days
	for _, c := range []struct {
		name  string
		state string
		since time.Duration // from now
		more  map[string]time.Duration
		at    time.Duration // the moment judged for, from now
		sct   time.Duration // when the log signed
		ok    bool
	}{
		{"retired ahead", "retired", ahead, nil, 0, past, true},
		{"retired ahead, signed today", "retired", ahead, nil, 0, 0, true},
		{"retired ahead, beside usable", "usable", -300 * days, map[string]time.Duration{"retired": ahead}, 0, 0, true},
		{"retired by then", "retired", ahead, nil, 11 * days, 10*days + time.Hour, false},
		{"read-only ahead", "readonly", ahead, nil, 0, past, true},
		{"pending now, usable ahead", "pending", past, map[string]time.Duration{"usable": 26000 * days}, 0, past, false},
		{"usable ahead", "usable", ahead, nil, 0, past, false},
		{"usable by then", "pending", past, map[string]time.Duration{"usable": ahead}, 11 * days, past, true},
		{"rejected ahead", "rejected", ahead, nil, 0, past, false},
		{"retired since, judged before", "retired", -10 * days, nil, -15 * days, past, true},
		{"retired since, signed after", "retired", -10 * days, nil, 0, -9 * days, false},
		{"retired at that moment", "retired", past, nil, 0, past, false},
		{"unknown", "paused", past, nil, 0, past, false},
		{"unknown and newer than usable", "usable", -300 * days, map[string]time.Duration{"paused": past}, 0, past, false},
		{"unknown and older than usable", "usable", past, map[string]time.Duration{"paused": -300 * days}, 0, past, true},
		{"unknown and of the same moment", "usable", past, map[string]time.Duration{"paused": past}, 0, past, false},
		{"unknown ahead", "usable", past, map[string]time.Duration{"paused": ahead}, 0, past, true},
	} {
		w := newWorld(t)
		for _, n := range w.order { // all of them: an unknown state is no list without states
			w.set(n, func(l *forge.Log) {
				l.State, l.StateSince, l.MoreStates = c.state, w.now.Add(c.since), map[string]time.Time{}
				for s, at := range c.more {
					l.MoreStates[s] = w.now.Add(at)
				}
			})
		}
		leaf := w.leaf(90 * days)
		list := forge.SCTList(forge.SCT{Time: w.now.Add(c.sct)}.SignX509(w.key("a1"), leaf.Raw), forge.SCT{Time: w.now.Add(c.sct)}.SignX509(w.key("b1"), leaf.Raw))
		for _, mode := range []policy.CTMode{policy.CTRequire, policy.CTApple} {
			in := ct.Input{Path: w.path(leaf), List: w.list(w.now), Time: w.now.Add(c.at), Policy: mode, Delivered: []ct.SCTList{ct.ReadSCTList(0, report.SCTTLS, list)}}
			if r := ct.CheckSCTs(in); r.CT.Met == nil || *r.CT.Met != c.ok {
				t.Errorf("%s, %s: want %v, %v\n%s", c.name, mode, c.ok, r.Findings, strings.Join(r.CT.Explain, "\n"))
			}
		}
	}
}

// A list in which no log has a state tells browsers' policies nothing: that is
// said. One log with a state, even one that cannot be used, makes it another list.
func TestListWithoutStates(t *testing.T) {
	w := newWorld(t)
	for _, n := range w.order {
		w.set(n, func(l *forge.Log) { l.State = "none" })
	}
	in := ct.Input{Path: w.path(w.leaf(90*days, "a1", "b1")), List: w.list(w.now), Time: w.now, Policy: policy.CTRequire}
	if r := ct.CheckSCTs(in); r.CT.Met == nil || !*r.CT.Met {
		t.Errorf("strict: %v", r.Findings)
	}
	for _, mode := range []policy.CTMode{policy.CTReport, policy.CTChrome, policy.CTApple} {
		in.Policy = mode
		r := ct.CheckSCTs(in)
		if text := strings.Join(r.CT.Explain, "\n"); !strings.Contains(text, "the log list gives no log a state") || (r.CT.Met != nil) != mode.Enforced() {
			t.Errorf("%s: met %v: %s", mode, r.CT.Met, text)
		}
	}
	text := forge.LogList(w.now, w.logs["a1"], w.logs["b1"])
	with := strings.Replace(string(text), `"operators": [`, `"operators": [{"name":"X","logs":[{"key":"AAAA","state":{"usable":{}}}]},`, 1)
	if with == string(text) {
		t.Fatalf("%s", text)
	}
	var err error
	if in.List, err = ct.ParseLogList([]byte(with)); err != nil {
		t.Fatal(err)
	}
	in.Policy = policy.CTRequire
	if r := ct.CheckSCTs(in); r.CT.Met == nil || *r.CT.Met {
		t.Errorf("strict with a list of which one log has a state: %v", r.Findings)
	}
}
