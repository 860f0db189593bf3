package crlite_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/internal/lab/corpora"
)

// TestOneCRLReal: every record of the list that Firefox ships is found again.
func TestOneCRLReal(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(corpora.Dir(t, "mozilla-security-state"), "onecrl.json"))
	if err != nil {
		t.Fatal(err)
	}
	o, err := crlite.ParseOneCRL(b)
	if err != nil {
		t.Fatal(err)
	}
	if o.Len() != 1955 { // four certificates are listed twice
		t.Errorf("%d different records, want 1,955", o.Len())
	}
	opened, err := crlite.OpenOneCRL(o.Compact())
	if err != nil || opened.Len() != o.Len() {
		t.Fatalf("the compact form: %v", err)
	}
	records, byKey := 0, 0
	for r := range o.Records {
		for _, o := range []*crlite.OneCRL{o, opened} {
			_, bug, ok := o.Lookup(r.Issuer, r.Serial, nil, [32]byte{})
			if r.KeySHA256 != nil {
				_, bug, ok = o.Lookup(nil, nil, r.Subject, [32]byte(r.KeySHA256))
			}
			if !ok || bug == "" && r.Bug != "" {
				t.Errorf("the record %s is not found", r.ID)
			}
			if _, _, ok := o.Lookup(r.Subject, r.Serial, r.Issuer, [32]byte{1}); ok {
				t.Errorf("the record %s is found for another certificate", r.ID)
			}
		}
		records++
		if r.KeySHA256 != nil {
			byKey++
		}
	}
	if records != 1959 || byKey != 9 {
		t.Errorf("%d records, %d of them by key; want 1,959 and 9", records, byKey)
	}
}

func TestOneCRLForms(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	record := func(more string) string {
		return fmt.Sprintf(`{"id":"r1","issuerName":%q,"serialNumber":%q%s}`, b64([]byte("issuer")), b64([]byte{0, 0xcb, 1}), more)
	}
	for name, text := range map[string]string{
		"listing":           `{"data":[` + record("") + `]}`,
		"changeset":         `{"timestamp":5,"changes":[` + record("") + `]}`,
		"not enabled":       `{"data":[` + record(`,"enabled":false`) + `]}`,
		"a byte-order mark": "\ufeff" + `{"data":[` + record("") + `]}`,
		"beside deleted":    `{"changes":[{"id":"x","deleted":true},` + record("") + `]}`,
	} {
		o, err := crlite.ParseOneCRL([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, serial := range [][]byte{{0, 0xcb, 1}, {0xcb, 1}} {
			if id, _, ok := o.Lookup([]byte("issuer"), serial, nil, [32]byte{}); !ok || id != "r1" {
				t.Errorf("%s: serial %x is not found", name, serial)
			}
		}
		if _, _, ok := o.Lookup([]byte("issuer"), []byte{0xcb, 2}, nil, [32]byte{}); ok {
			t.Errorf("%s: another serial is found", name)
		}
	}
	for name, text := range map[string]string{
		"no JSON":              `<html>`,
		"neither":              `{"records":[]}`,
		"a serial of no bytes": `{"data":[{"id":"r1","issuerName":"` + b64([]byte("i")) + `"}]}`,
		"no base64":            `{"data":[{"id":"r1","issuerName":"?","serialNumber":"AQ=="}]}`,
		"a record of nothing":  `{"data":[{"id":"r1"}]}`,
		"a short key hash":     `{"data":[{"id":"r1","subject":"AQ==","pubKeyHash":"AQ=="}]}`,
		"too many values":      `{"data":[` + strings.Repeat(`{},`, 2_100_000) + `{}]}`,
	} {
		if _, err := crlite.ParseOneCRL([]byte(text)); !errors.Is(err, crlite.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCanonical: the text that is signed. The expected forms are those of
// JavaScript's JSON.stringify, with \u beyond ASCII.
func TestCanonical(t *testing.T) {
	const changeset = `{"timestamp":17,"metadata":{"signatures":[{"x5u":"u","mode":"p384ecdsa","signature":%q}]},"changes":[
		{"id":"b","n":[1, 1.50, 1e21, 1e-7, -0, 0.000001, 123456789012345680000, true, null],"z":{},"a":[]},
		{"id":"gone","deleted":true},
		{"id":"a","text":"\"\\\/\b\f\n\r\t\u0001\u001F\u007f<>& ü € 😀 \u2028"}]}`
	const want = `{"data":[{"id":"a","text":"\"\\/\b\f\n\r\t\u0001\u001f` + "\x7f" + `<>& \u00fc \u20ac \ud83d\ude00 \u2028"},` +
		`{"a":[],"id":"b","n":[1,1.5,1e+21,1e-7,0,0.000001,123456789012345680000,true,null],"z":{}}],"last_modified":"17"}`
	c, err := crlite.ParseChangeset(fmt.Appendf(nil, changeset, base64.RawURLEncoding.EncodeToString(make([]byte, 96))))
	if err != nil {
		t.Fatal(err)
	}
	if string(c.Signed) != "Content-Signature:\x00"+want {
		t.Errorf("the signed text is\n%q, want\n%q", c.Signed, want)
	}
	if c.Timestamp != 17 || len(c.Signatures) != 1 || c.Signatures[0].X5U != "u" || len(c.Signatures[0].R) != 48 {
		t.Errorf("%+v", c)
	}
	var again any
	if err := json.Unmarshal(c.Records, &again); err != nil {
		t.Errorf("the records are no JSON: %v", err)
	}
}

func TestChangesetRefuses(t *testing.T) {
	signature := base64.RawURLEncoding.EncodeToString(make([]byte, 96))
	for name, text := range map[string]string{
		"no signature":      `{"timestamp":1,"metadata":{},"changes":[]}`,
		"another mode":      `{"timestamp":1,"metadata":{"signatures":[{"mode":"p256ecdsa","signature":"` + signature + `"}]},"changes":[]}`,
		"a short signature": `{"timestamp":1,"metadata":{"signatures":[{"signature":"` + signature[:100] + `"}]},"changes":[]}`,
		"no timestamp":      `{"metadata":{"signatures":[{"signature":"` + signature + `"}]},"changes":[]}`,
		"no changes":        `{"timestamp":1,"metadata":{"signatures":[{"signature":"` + signature + `"}]}}`,
		"one ID twice":      `{"timestamp":1,"metadata":{"signatures":[{"signature":"` + signature + `"}]},"changes":[{"id":"a"},{"id":"a"}]}`,
		"no ID":             `{"timestamp":1,"metadata":{"signatures":[{"signature":"` + signature + `"}]},"changes":[{}]}`,
	} {
		if _, err := crlite.ParseChangeset([]byte(text)); !errors.Is(err, crlite.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// listing makes records: "+" before a name marks a delta, "name<parent".
func listing(names ...string) []byte {
	var records []string
	for i, n := range names {
		name, parent, delta := strings.Cut(strings.TrimPrefix(n, "+"), "<")
		records = append(records, fmt.Sprintf(`{"id":%q,"parent":%q,"incremental":%v,"channel":"default","effectiveTimestamp":%d,"attachment":{"hash":"%064d","filename":%q,"location":"l","size":1}}`,
			name, parent, delta, 1000+i, i, name))
	}
	return []byte(`{"data":[` + strings.Join(records, ",") + `]}`)
}

func TestChain(t *testing.T) {
	for name, c := range map[string]struct {
		listing []byte
		want    string
	}{
		"full alone":                    {listing("F"), "F"},
		"full and deltas":               {listing("F", "1<F", "2<1", "3<2"), "F 1 2 3"},
		"deltas of the full one before": {listing("E", "1<E", "2<1", "F", "3<F"), "F 3"},
		"a missing delta":               {listing("F", "1<F", "3<2"), ""},
		"the first delta is missing":    {listing("F", "2<1", "3<2"), ""},
		"two children":                  {listing("F", "1<F", "2<F"), ""},
		"no full one":                   {listing("1<F"), ""},
		"a delta that follows itself":   {listing("F", "1<1"), ""},
		"none":                          {listing(), ""},
	} {
		records, err := crlite.FilterRecords(c.listing)
		if err != nil {
			t.Fatal(err)
		}
		chain, err := crlite.Chain(records, "default")
		var got []string
		for _, r := range chain {
			got = append(got, r.ID)
		}
		if strings.Join(got, " ") != c.want || (err == nil) != (c.want != "") || err != nil && !errors.Is(err, crlite.ErrIncomplete) {
			t.Errorf("%s: %v, %v; want %q", name, got, err, c.want)
		}
		if _, err := crlite.Chain(records, "compat"); !errors.Is(err, crlite.ErrIncomplete) {
			t.Errorf("%s: another channel: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"one ID twice": string(listing("F", "F")),
		"no hash":      `{"data":[{"id":"F","effectiveTimestamp":1,"attachment":{"location":"l","size":1}}]}`,
		"no size":      strings.Replace(string(listing("F")), `"size":1`, `"size":0`, 1),
		"no date":      strings.Replace(string(listing("F")), `"effectiveTimestamp":1000`, `"x":1`, 1),
		"no list":      `{}`,
	} {
		if _, err := crlite.FilterRecords([]byte(text)); !errors.Is(err, crlite.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzTexts: no JSON text makes the readers panic, and what a changeset says is
// what was signed.
func FuzzTexts(f *testing.F) {
	f.Add(listing("F", "1<F"))
	f.Add([]byte(`{"timestamp":17,"metadata":{"signatures":[{"signature":"AA"}]},"changes":[{"id":"b","n":1.5}]}`))
	f.Add([]byte(`{"data":[{"id":"r1","issuerName":"AQ==","serialNumber":"AQ=="},{"subject":"AQ==","pubKeyHash":"AQ=="}]}`))
	if o, err := crlite.ParseOneCRL([]byte(`{"data":[{"id":"r1","issuerName":"AQ==","serialNumber":"AQ=="}]}`)); err == nil {
		f.Add(o.Compact())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if records, err := crlite.FilterRecords(b); err == nil {
			_, _ = crlite.Chain(records, "default")
		}
		_, _ = crlite.ParseOneCRL(b)
		if o, err := crlite.OpenOneCRL(b); err == nil {
			o.Lookup([]byte("issuer"), []byte{1}, nil, [32]byte{})
		}
		if c, err := crlite.ParseChangeset(b); err == nil {
			if !json.Valid(c.Records) {
				t.Errorf("no JSON: %q", c.Records)
			}
		}
	})
}
