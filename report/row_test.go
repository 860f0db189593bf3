package report_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// rowSchema is the part of the schema that describes a row.
const rowSchema = "schema.json#/$defs/row"

// encoded returns the row's JSON, which is short and reads back as the same row.
func encoded(t *testing.T, name string, row report.Row) []byte {
	t.Helper()
	b, err := json.Marshal(row)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(b) > report.MaxRow {
		t.Errorf("%s: %d octets: %s", name, len(b), b)
	}
	var back report.Row
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, row) {
		t.Errorf("%s: read back: %v\n%+v\nwant\n%+v", name, err, back, row)
	}
	validate(t, compile(t, rowSchema), name, b)
	return b
}

func TestRow(t *testing.T) {
	for name, r := range stored(t) {
		row := r.Row()
		encoded(t, name, row)
		if row.Verdict != r.Verdict || (row.Headline == "") != (r.Headline == nil) || r.Headline != nil && row.Title != r.Headline.Finding.Title() || row.More != 0 {
			t.Errorf("%s: %+v", name, row)
		}
	}
}

// A report of what the table needs, and what each field is made of.
func TestRowFields(t *testing.T) {
	met, at := false, time.Date(2026, 11, 29, 1, 8, 49, 5, time.FixedZone("x", 3600))
	hash := func(c string) string { return strings.Repeat(c, 64) }
	r := report.Report{Target: report.Target{Host: "::1", Port: "443"}, Time: at, PolicyHash: hash("a"), Connection: &report.Connection{Version: "TLS 1.3"},
		CT:    &report.CT{Policy: policy.CTRequire, Met: &met},
		Certs: []report.Cert{{SHA256: hash("0")}, {SHA256: hash("1"), SPKISHA256: hash("2"), NotAfter: at.Add(-time.Second)}, {SHA256: hash("3")}},
		Paths: []report.Path{{Certs: []report.PathCert{
			{Cert: 1, Role: report.Leaf, Revocation: &report.Revocation{Status: report.Good}},
			{Cert: 2, Role: report.Intermediate, Findings: []finding.Finding{finding.New(finding.CertRevoked, "reason", "keyCompromise")}},
			{Cert: 0, Role: report.Anchor},
		}}},
		Findings: []finding.Finding{{ID: "x-info", Severity: finding.Info}, {ID: "x-warning", Severity: finding.Warning}, {ID: "x-info", Severity: finding.Info}, {ID: "x-inconclusive", Severity: finding.Inconclusive}},
	}
	report.Decide(&r)
	row := r.Row()
	encoded(t, "fields", row)
	day := -1
	want := report.Row{Version: report.RowVersion, Target: "[::1]:443", Time: time.Date(2026, 11, 29, 0, 8, 49, 0, time.UTC), Verdict: report.Reject,
		Headline: finding.CertRevoked, HeadlineRole: report.Intermediate, Title: r.Headline.Finding.Title(),
		Errors: []finding.ID{finding.CertRevoked}, Inconclusive: []finding.ID{"x-inconclusive"}, Warnings: []finding.ID{"x-warning"}, Infos: []finding.ID{"x-info"},
		NotAfter: time.Date(2026, 11, 29, 0, 8, 48, 0, time.UTC), Days: &day, Revocation: []report.Status{report.Good, report.Unknown},
		CT: report.CTNotMet, Protocol: "TLS 1.3"}
	for i := range want.Leaf {
		want.Leaf[i], want.SPKI[i], want.Issuer[i], want.Policy[i] = 0x11, 0x22, 0x33, 0xaa
	}
	if !reflect.DeepEqual(row, want) {
		t.Errorf("\n%+v\nwant\n%+v", row, want)
	}
}

// Days are rounded down, on both sides of the end.
func TestRowDays(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for left, want := range map[time.Duration]int{0: 0, time.Second: 0, 24 * time.Hour: 1, 47 * time.Hour: 1, -time.Second: -1, -24 * time.Hour: -1, -25 * time.Hour: -2} {
		r := report.Report{Time: now, Certs: []report.Cert{{NotAfter: now.Add(left)}}, Sent: []int{0}, Chosen: -1}
		if d := r.Row().Days; d == nil || *d != want {
			t.Errorf("%v: %v, want %d", left, d, want)
		}
	}
}

// The zero report's row and the zero row are inconclusive and claim nothing.
func TestZeroRow(t *testing.T) {
	for name, row := range map[string]report.Row{"zero report": (&report.Report{}).Row(), "zero": {}} {
		b, err := json.Marshal(row)
		if err != nil || !strings.Contains(string(b), `"verdict":"inconclusive"`) || len(row.Revocation) != 0 || row.Days != nil {
			t.Errorf("%s: %v %s", name, err, b)
		}
	}
	r := report.Report{Verdict: "Accept"}
	if v := r.Row().Verdict; v != report.Inconclusive {
		t.Errorf("an odd verdict: %s", v)
	}
}

// However much a report has, and whatever its texts are, the row stays short
// and valid; the headline's kind and the worst findings are always in it.
func TestRowBounds(t *testing.T) {
	all := func(sev finding.Severity) (fs []finding.Finding) {
		for _, k := range finding.Kinds() {
			f := finding.New(k.ID, "name", hostile)
			f.Severity = sev
			fs = append(fs, f)
		}
		return fs
	}
	var full report.Report
	fill(reflect.ValueOf(&full).Elem())
	full.Findings = append(all(finding.Error), all(finding.Info)...)
	long := report.Report{Time: time.Date(9999, 12, 31, 23, 59, 59, 999, time.UTC), PolicyHash: strings.Repeat("f", 64),
		Target: report.Target{Host: strings.Repeat("<", 253), Port: "65535", Addr: strings.Repeat("&", 99)}, Connection: &report.Connection{Version: strings.Repeat("\x1b", 99)}, CT: &report.CT{},
		Certs: []report.Cert{{SHA256: strings.Repeat("f", 64), SPKISHA256: strings.Repeat("f", 64), NotAfter: time.Date(1, 1, 1, 1, 1, 1, 0, time.UTC)}},
		Paths: []report.Path{{}}}
	for range 40 {
		long.Paths[0].Certs = append(long.Paths[0].Certs, report.PathCert{Role: report.Intermediate, Revocation: &report.Revocation{Status: report.NotApplicable}})
	}
	long.Paths[0].Certs[39].Revocation.Status = report.Revoked
	long.Paths[0].Certs[39].Findings = []finding.Finding{{ID: finding.ID("x-" + strings.Repeat("<", 999)), Severity: finding.Error}} // the headline
	for i := range 3000 {
		long.Findings = append(long.Findings, finding.Finding{ID: finding.ID(fmt.Sprintf("x-%d", i)), Severity: finding.Info + finding.Severity(i%3)})
	}
	for name, r := range map[string]*report.Report{"hostile": &full, "long": &long} {
		report.Decide(r)
		row := r.Row()
		b := encoded(t, name, row)
		if !utf8.Valid(b) || row.Headline == "" || row.More == 0 || len(row.Errors) == 0 || len(row.Infos) != 0 {
			t.Errorf("%s: %s", name, b)
		}
		texts(reflect.ValueOf(row), func(s string) {
			if strings.ContainsFunc(s, func(c rune) bool { return c < 0x20 || c >= 0x7f && c <= 0x9f || c == '\u202e' || c == '\u200b' }) {
				t.Errorf("%s: %q", name, s)
			}
		})
		kinds := map[string]bool{}
		for _, f := range r.Counted() {
			kinds[f.Severity.String()+string(f.ID)] = true
		}
		if got := len(row.Errors) + len(row.Inconclusive) + len(row.Warnings) + len(row.Infos) + row.More; got != len(kinds) {
			t.Errorf("%s: %d kinds are told or counted, want %d", name, got, len(kinds))
		}
	}
	if rev := long.Row().Revocation; len(rev) != 5 || rev[4] != report.Revoked {
		t.Errorf("a revocation beyond the fifth certificate is lost: %v", rev)
	}
}

func TestHash(t *testing.T) {
	h := report.Hash{1, 2, 3}
	b, _ := h.MarshalText()
	var back report.Hash
	if err := back.UnmarshalText(b); err != nil || back != h || string(b) != h.String() || len(b) != 44 {
		t.Errorf("%s: %v", b, err)
	}
	for _, bad := range []string{"", "AQID", string(b[:43]), string(b) + "=", string(b[:42]) + "B=", strings.Repeat("A", 44), string(b[:20]) + "\n" + string(b[20:])} {
		if err := back.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
