package ct_test

import (
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// SCTs whose times root programs ask for: those of logs that browsers know are
// verified; what may be one of them is not; what is none is in neither.
func TestStamps(t *testing.T) {
	root, key, other := forge.NewRoot("Root", nil), forge.P256(), forge.P256()
	leaf := root.Server("a.test", nil)
	at := time.Now().Add(-time.Hour).UTC().Truncate(time.Millisecond)
	signed := forge.SCT{Time: at}.SignX509(key, leaf.Raw)
	for _, c := range []struct {
		what                 string
		state                string
		sct                  []byte
		source               report.SCTSource
		noList               bool
		verified, unverified int
		notComplete          bool
	}{
		{what: "a usable log", sct: signed, verified: 1},
		{what: "a retired log", state: "retired", sct: signed, verified: 1},
		{what: "a rejected log", state: "rejected", sct: signed},
		{what: "a pending log", state: "pending", sct: signed},
		{what: "a state that nobody knows", state: "suspended", sct: signed, unverified: 1},
		{what: "another log", sct: forge.SCT{Time: at}.SignX509(other, leaf.Raw), unverified: 1},
		{what: "a wrong signature", sct: forge.SCT{Time: at, MutateSig: forge.FlipMiddle}.SignX509(key, leaf.Raw)},
		{what: "from tomorrow", sct: forge.SCT{Time: time.Now().Add(24 * time.Hour)}.SignX509(key, leaf.Raw)},
		{what: "not delivered", sct: signed, source: report.SCTFetched},
		{what: "no list", sct: signed, noList: true, unverified: 1},
		{what: "a list that cannot be read", sct: []byte{0, 1}, notComplete: true},
	} {
		list, err := ct.ParseLogList(forge.LogList(time.Now(), forge.Log{Key: key, Description: "Log", Operator: "op", URL: "https://log.test/", State: c.state, StateSince: time.Now().AddDate(-1, 0, 0)}))
		if err != nil {
			t.Fatal(err)
		}
		if c.noList {
			list = nil
		}
		if c.source == "" {
			c.source = report.SCTTLS
		}
		res := ct.CheckSCTs(ct.Input{Path: []*cert.Certificate{cert.Parse(leaf.Raw), cert.Parse(root.Raw)}, List: list, Policy: policy.CTReport, Time: time.Now(), Brief: true,
			Delivered: []ct.SCTList{ct.ReadSCTList(0, c.source, forge.SCTList(c.sct))}})
		verified, unverified, complete := res.Stamps()
		if len(verified) != c.verified || len(unverified) != c.unverified || complete == c.notComplete {
			t.Errorf("%s: verified %v, not %v, complete %v", c.what, verified, unverified, complete)
		}
		for _, s := range append(verified, unverified...) {
			if !s.Equal(at) {
				t.Errorf("%s: %v, want %v", c.what, s, at)
			}
		}
	}
}
