package programs_test

import (
	"bytes"
	"testing"

	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
)

// Tables that can be read can be written, are the same afterwards, and judge without
// a panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"assay_root_programs":1,"tables":[{"program":"chrome","sources":[{"name":"x","as_of":"2026-01-01T00:00:00Z"}]}],"certificates":[` +
		`{"sha256":"1111111111111111111111111111111111111111111111111111111111111111","subject":"0102030405060708","name":"n","in":[{"program":"chrome","trust":"anchor",` +
		`"distrust_after":"2026-01-01T00:00:00Z","alternatives":[{"sct_not_after":"2026-01-01T00:00:00Z","min_version":"1.2","permitted_dns_names":["a"]}],` +
		`"usages":["1.2"],"not_before":{"at":"2026-01-01T00:00:00Z","usages":["1.2"]},"disallowed":{}}]},` +
		`{"issuer_serial":"2222222222222222222222222222222222222222222222222222222222222222","in":[{"program":"chrome","trust":"distrusted"}]}]}`))
	f.Add([]byte(`{"assay_root_programs":2}`))
	f.Add([]byte(`{"assay_root_programs":1,"tables":[{"program":"system","sources":[]}],"certificates":[]}`))
	c := newChain(day("2026-01-01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		tables, err := programs.Parse(b)
		if err != nil {
			return
		}
		first := tables.Encode()
		again, err := programs.Parse(first)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, first)
		}
		if !bytes.Equal(again.Encode(), first) {
			t.Fatal("two encodings differ")
		}
		for _, p := range policy.AllProgram() {
			j := tables.Judge(p, programs.Input{Paths: c.path(programs.SCTs{}), Seen: c.all(), At: day("2026-01-02")})
			if j.Status == programs.Accepted && j.Entry.Trust != programs.Anchor {
				t.Fatalf("accepted without an anchor: %+v", j)
			}
		}
	})
}
