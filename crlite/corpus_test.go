package crlite_test

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/internal/lab/corpora"
)

// query is one question of the corpus, with the reference implementation's
// answer by filter.
type query struct {
	Kind, Cert     string
	Issuer, Serial string
	TS             [][2]any
	Status         json.RawMessage
	Reference      map[string]string `json:"reference_status"`
}

func (q query) subject(t *testing.T) *crlite.Subject {
	t.Helper()
	s := &crlite.Subject{Serial: unhex(t, q.Serial)}
	copy(s.Issuer[:], unbase64(t, q.Issuer))
	for _, ts := range q.TS {
		sct := crlite.SCT{Time: uint64(ts[1].(float64))}
		copy(sct.Log[:], unbase64(t, ts[0].(string)))
		s.SCTs = append(s.SCTs, sct)
	}
	return s
}

func (q query) want(t *testing.T, filter string) string {
	t.Helper()
	if q.Reference != nil {
		return q.Reference[filter]
	}
	var one string
	if json.Unmarshal(q.Status, &one) == nil {
		return one
	}
	var by map[string]string
	if err := json.Unmarshal(q.Status, &by); err != nil {
		t.Fatal(err)
	}
	return by[filter]
}

var answers = map[string]crlite.Answer{"NotCovered": crlite.NotCovered, "NotEnrolled": crlite.NotEnrolled,
	"Good": crlite.Good, "Revoked": crlite.Revoked}

// TestReferenceAnswers asks every query of the corpus, against the answers of
// Mozilla's own implementation.
func TestReferenceAnswers(t *testing.T) {
	dir := corpora.Dir(t, "crlite")
	asked := 0
	ask := func(name, file string, queries []query) {
		f := open(t, file)
		for _, q := range queries {
			want, ok := answers[q.want(t, name)]
			if !ok {
				continue
			}
			asked++
			if got := f.Query(q.subject(t)); got != want {
				t.Errorf("%s: issuer %s serial %s: %v, want %v", filepath.Base(file), q.Issuer, q.Serial, got, want)
			}
		}
	}
	for _, set := range []string{"real", "ladder"} {
		var c struct {
			Filters map[string][]string
			Cases   []query
		}
		readJSON(t, filepath.Join(dir, "generated-reference", set+".cases.json.gz"), &c)
		for name, files := range c.Filters {
			for _, file := range files {
				ask(name, filepath.Join(dir, "generated-reference", file), c.Cases)
			}
		}
	}
	if asked != 12856 {
		t.Errorf("%d queries of the generated filters, want 12,856", asked)
	}
	var c struct {
		Filters []string
		Cases   []query
	}
	readJSON(t, filepath.Join(dir, "firefox-psm-test", "cases.json"), &c)
	for _, name := range c.Filters {
		ask(name, filepath.Join(dir, "firefox-psm-test", name), c.Cases)
	}
	if asked != 12856+18 {
		t.Errorf("%d queries in all, want 12,874", asked)
	}
}

// TestInspect compares what a filter says of itself with the reference tool's
// listing: logs, their intervals, issuers, ranks, exceptions.
func TestInspect(t *testing.T) {
	dir := filepath.Join(corpora.Dir(t, "crlite"), "generated-reference")
	for _, set := range []string{"real", "real-delta", "ladder"} {
		text, err := os.ReadFile(filepath.Join(dir, set+".inspect.txt"))
		if err != nil {
			t.Fatal(err)
		}
		for _, version := range []string{"v3", "v4"} {
			f := open(t, filepath.Join(dir, set+"."+version+".clubcard"))
			for i := range f.Issuers {
				id := base64.URLEncoding.EncodeToString(i.SPKI[:])
				var line string
				for l := range strings.Lines(string(text)) {
					if strings.Contains(l, id) {
						line = l
					}
				}
				fields := strings.Fields(strings.ReplaceAll(line, ",", " "))
				if len(fields) < 4 {
					t.Fatalf("%s: issuer %s is not in the reference listing", set, id)
				}
				rank, inverted := fields[2], fields[3]
				if rank != itoa(i.Rank) || inverted != map[bool]string{true: "true", false: "false"}[i.Inverted] || fields[1] != itoa(len(i.Exceptions)) {
					t.Errorf("%s %s: issuer %s is rank %d, inverted %v, %d exceptions; the reference says %s", set, version, id, i.Rank, i.Inverted, len(i.Exceptions), line)
				}
			}
		}
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

func open(t testing.TB, file string) *crlite.Filter {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := crlite.Open(b)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return f
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	d := json.NewDecoder(in)
	if strings.HasSuffix(file, ".gz") {
		z, err := gzip.NewReader(in)
		if err != nil {
			t.Fatal(err)
		}
		d = json.NewDecoder(z)
	}
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unbase64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
