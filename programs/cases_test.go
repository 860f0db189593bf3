package programs_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
)

// What the programs have published of roots that they let go, on both sides of their dates. The
// SCT, where it matters, is of the leaf's first second.
func TestPublishedDates(t *testing.T) {
	const (
		entrust   = "73c176434f1bc6d5adf45b0e76e727287c8de57616c1e6e6141a2b2cbc7d8e4c" // Entrust Root Certification Authority
		entrustG2 = "43df5774b03e7fef5fe40d931a7bedf1bb2e6b42738c4e6d3841103d3aa7f339" // Entrust Root Certification Authority - G2
		chunghwa  = "c0a6f4dc63a24bfdcf54ef2a6a082a0a72de35803e2ff5ff527ae5d87206dfd5" // ePKI Root Certification Authority
		netlock   = "6c61dac3a2def031506be036d2a6fe401994fbd13df9c8d466599274c446ec98" // NetLock Arany (Class Gold)
		buypass   = "edf7ebbca27a2a384d387b7d4010c666e2edb4843e4c29b4ae1d5b9332e6b24d" // Buypass Class 3 Root CA
		dtrust    = "49e7a442acf0ea6287050054b52564b650e4f49e42e348d6aa38e039e957b1c1" // D-TRUST Root Class 3 CA 2 2009
	)
	cases := []struct {
		name, root string
		program    policy.Program
		issued     string // the leaf's notBefore
		version    string
		status     programs.Status
		reason     programs.Reason
		date       string // of the rule
	}{
		{"Entrust", entrust, policy.ProgramMozilla, "2024-11-30T23:59:59Z", "", programs.Accepted, programs.DistrustAfter, "2024-11-30T23:59:59Z"},
		{"Entrust", entrust, policy.ProgramMozilla, "2024-12-01T00:00:00Z", "", programs.Refused, programs.DistrustAfter, "2024-11-30T23:59:59Z"},
		{"Entrust", entrust, policy.ProgramMicrosoft, "2025-04-15T23:59:59Z", "", programs.Accepted, programs.NotBefore, "2025-04-16T00:00:00Z"},
		{"Entrust", entrust, policy.ProgramMicrosoft, "2025-04-16T00:00:00Z", "", programs.Refused, programs.NotBefore, "2025-04-16T00:00:00Z"},
		{"Entrust", entrust, policy.ProgramChrome, "2024-11-01T00:00:00Z", "", programs.Refused, programs.NotIncluded, ""},
		{"Entrust", entrust, policy.ProgramApple, "2026-06-01T00:00:00Z", "", programs.Accepted, programs.Unconditional, ""},
		{"Entrust G2", entrustG2, policy.ProgramMozilla, "2024-11-01T00:00:00Z", "", programs.Refused, programs.UsageNotIncluded, ""},

		{"Chunghwa", chunghwa, policy.ProgramMozilla, "2025-04-15T23:59:59Z", "", programs.Accepted, programs.DistrustAfter, "2025-04-15T23:59:59Z"},
		{"Chunghwa", chunghwa, policy.ProgramMozilla, "2025-04-16T00:00:00Z", "", programs.Refused, programs.DistrustAfter, "2025-04-15T23:59:59Z"},
		{"Chunghwa", chunghwa, policy.ProgramChrome, "2025-07-31T23:59:59Z", "", programs.Accepted, programs.SCTNotAfter, "2025-07-31T23:59:59Z"},
		{"Chunghwa", chunghwa, policy.ProgramChrome, "2025-08-01T00:00:00Z", "", programs.Refused, programs.SCTNotAfter, "2025-07-31T23:59:59Z"},
		{"Chunghwa", chunghwa, policy.ProgramChrome, "2025-08-01T00:00:00Z", "139.0.7258.5", programs.Refused, programs.SCTNotAfter, "2025-07-31T23:59:59Z"},
		{"Chunghwa", chunghwa, policy.ProgramChrome, "2025-08-01T00:00:00Z", "138.0.7204.101", programs.Accepted, programs.Unconditional, ""},

		{"NetLock", netlock, policy.ProgramChrome, "2025-07-31T23:59:59Z", "", programs.Accepted, programs.SCTNotAfter, "2025-07-31T23:59:59Z"},
		{"NetLock", netlock, policy.ProgramChrome, "2025-08-01T00:00:00Z", "", programs.Refused, programs.SCTNotAfter, "2025-07-31T23:59:59Z"},
		{"NetLock", netlock, policy.ProgramMozilla, "2025-08-01T00:00:00Z", "", programs.Accepted, programs.Unconditional, ""},

		{"Buypass", buypass, policy.ProgramChrome, "2025-10-31T23:59:59Z", "", programs.Accepted, programs.SCTNotAfter, "2025-10-31T23:59:59Z"},
		{"Buypass", buypass, policy.ProgramChrome, "2025-11-01T00:00:00Z", "", programs.Refused, programs.SCTNotAfter, "2025-10-31T23:59:59Z"},
		{"Buypass", buypass, policy.ProgramAndroid, "2025-11-01T00:00:00Z", "", programs.Accepted, programs.Unconditional, ""},

		{"D-TRUST 2009", dtrust, policy.ProgramChrome, "2026-05-28T23:59:59Z", "", programs.Accepted, programs.SCTNotAfter, "2026-05-28T23:59:59Z"},
		{"D-TRUST 2009", dtrust, policy.ProgramChrome, "2026-05-29T00:00:00Z", "", programs.Refused, programs.SCTNotAfter, "2026-05-28T23:59:59Z"},
	}
	for _, c := range cases {
		id, err := hex.DecodeString(c.root)
		if err != nil {
			t.Fatal(err)
		}
		issued, err := time.Parse(time.RFC3339, c.issued)
		if err != nil {
			t.Fatal(err)
		}
		path := programs.Path{Certs: []*cert.Certificate{{NotBefore: issued, NotAfter: issued.AddDate(1, 0, 0)}, {SHA256: [32]byte(id)}},
			SCTs: programs.SCTs{Verified: []time.Time{issued}, Complete: true}}
		j := programs.Embedded().Judge(c.program, programs.Input{Paths: []programs.Path{path}, At: day("2026-07-20"), Version: c.version})
		since := ""
		if !j.Since.IsZero() {
			since = j.Since.Format(time.RFC3339)
		}
		if j.Status != c.status || j.Reason != c.reason || since != c.date {
			t.Errorf("%s by %s, issued %s: %s (%s, %s), want %s (%s, %s)", c.name, c.program, c.issued, j.Status, j.Reason, since, c.status, c.reason, c.date)
		}
	}
}

// Chrome's anchors that are intermediates are in the table, with their ends enforced.
func TestPublishedIntermediates(t *testing.T) {
	n := 0
	for _, e := range programs.Embedded().Anchors(policy.ProgramChrome) {
		if e.Intermediate {
			n++
			if !e.EnforceExpiry || !e.EnforceConstraints || e.Name == "" {
				t.Errorf("%+v", e)
			}
		}
	}
	if n != 17 {
		t.Errorf("%d intermediates", n)
	}
}
