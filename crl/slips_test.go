package crl_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	f "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// spelt is an extension that spells out that it is not critical.
func spelt(x f.Ext) []byte { return f.Seq(f.OID(x.OID), f.TLV(1, []byte{0}), f.Octets(x.Value)) }

// extensionsOf replaces the list's extensions, the last part of what is signed.
func extensionsOf(exts ...[]byte) func([]byte) []byte {
	return func(tbs []byte) []byte {
		parts := f.Children(tbs)
		return f.Seq(append(parts[:len(parts)-1:len(parts)-1], f.Explicit(0, f.Seq(exts...)))...)
	}
}

// judgeList judges one list for leaf().
func judgeList(t *testing.T, b []byte, strict bool) crl.Result {
	t.Helper()
	l, err := crl.Parse(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := crl.Scan(context.Background(), bytes.NewReader(b), serial); err != nil || len(s.Findings) != len(l.Findings) || s.Len() != l.Len() {
		t.Errorf("Scan: %v, Parse has the findings %v", err, l.Findings)
	}
	w := world()
	return crl.Check(context.Background(), crl.Query{Cert: cert.Parse(leaf().Raw), Issuer: cert.Parse(w.ca.Raw), Above: []*cert.Certificate{cert.Parse(w.root.Raw)},
		Time: time.Now(), Strict: strict, Sources: []crl.Source{{List: l, URL: url}}})
}

// Slips that harm nobody and that real CAs make: the list counts, with a
// warning, for good and for revoked. In strict mode it says good no more, and
// still revokes.
func TestSlips(t *testing.T) {
	w := world()
	date := f.UTCTime(daysAgo(1))
	number, aki := f.CRLNumber(1).DER(), f.AKI(w.ca.Key.ID()).DER()
	entry := func(serial []byte, more ...[]byte) []byte {
		return f.Seq(append([][]byte{f.TLV(2, serial), date}, more...)...)
	}
	other := f.Serial(99)
	invalidity := func(value []byte) []byte { return f.Extensions(exts(f.Ext{OID: "2.5.29.24", Value: value})) }
	idp := f.Ext{OID: "2.5.29.28", Critical: true, Value: f.Seq(f.Explicit(0, f.Explicit(0, f.URI(url))), f.Context(1, []byte{0}), f.Context(4, []byte{0}))}
	for name, c := range map[string]f.CRL{
		"no entries but their list":          {RawEntries: []byte{}},
		"no extensions but their list":       {MutateTBS: extensionsOf()},
		"an entry's empty extensions":        {RawEntries: entry(other, f.Seq())},
		"a padded serial number":             {RawEntries: entry([]byte{0, 1})},
		"a padded negative serial number":    {RawEntries: entry([]byte{0xff, 0x81})},
		"invalidityDate as UTCTime":          {RawEntries: entry(other, invalidity(f.UTCTime(daysAgo(2))))},
		"invalidityDate malformed":           {RawEntries: entry(other, invalidity(f.Null()))},
		"not critical spelt out in an entry": {RawEntries: entry(other, f.Seq(spelt(f.Reason(1))))},
		"not critical spelt out":             {MutateTBS: extensionsOf(aki, spelt(f.CRLNumber(1)))},
		"flags spelt out":                    {MutateTBS: extensionsOf(aki, number, idp.DER())},
		"a line end behind":                  {MutateRaw: func(b []byte) []byte { return append(b, "\r\n"...) }},
		"a time of revocation without Z":     {RawEntries: f.Seq(f.TLV(2, other), f.TLV(0x17, []byte("250101000000")))},
	} {
		listed := c
		listed.RawEntries = append(bytes.Clone(c.RawEntries), entry(serial)...)
		for _, strict := range []bool{false, true} {
			want, least := report.Good, finding.Warning
			if strict {
				want, least = report.Unknown, finding.Error
			}
			r := judgeList(t, w.ca.CRL(c), strict)
			if r.Status != want || report.Worst(r.Findings) != least || r.Findings[0].ID != finding.CRLProfile {
				t.Errorf("%s, strict %v: %s, %v", name, strict, r.Status, r.Findings)
			}
			if name == "no entries but their list" {
				continue
			}
			if r := judgeList(t, w.ca.CRL(listed), strict); r.Status != report.Revoked {
				t.Errorf("%s, listed, strict %v: %s, %v", name, strict, r.Status, r.Findings)
			}
		}
	}
	// What may be read in two ways stays worth nothing for good.
	for name, c := range map[string]f.CRL{
		"a BOOLEAN of 1":             {MutateTBS: extensionsOf(aki, number, f.Seq(f.OID("1.2.3"), f.TLV(1, []byte{1}), f.Octets(nil)))},
		"a BOOLEAN of 1 in an entry": {RawEntries: entry(other, f.Seq(f.Seq(f.OID("2.5.29.21"), f.TLV(1, []byte{1}), f.Octets(f.Enum(1)))))},
	} {
		if r := judgeList(t, w.ca.CRL(c), false); r.Status != report.Unknown {
			t.Errorf("%s: %s, %v", name, r.Status, r.Findings)
		}
	}
}

// Strict mode misses what RFC 5280 wants of every list, and says what must not
// be critical. Without it nobody asks.
func TestStrict(t *testing.T) {
	w := world()
	number, aki := f.CRLNumber(1), f.AKI(w.ca.Key.ID())
	for name, c := range map[string]struct {
		list f.CRL
		want string
	}{
		"sound":                       {f.CRL{}, ""},
		"no number":                   {f.CRL{MutateTBS: extensionsOf(aki.DER())}, "the CRL number is missing"},
		"a critical number":           {f.CRL{MutateTBS: extensionsOf(aki.DER(), number.Crit().DER())}, "the CRL number is critical"},
		"no authority key identifier": {f.CRL{MutateTBS: extensionsOf(number.DER())}, "the authority key identifier is missing"},
		"a critical one":              {f.CRL{MutateTBS: extensionsOf(aki.Crit().DER(), number.DER())}, "the authority key identifier is critical"},
		"a critical freshest CRL":     {f.CRL{Extensions: exts(f.FreshestCRL(f.DP{FullName: [][]byte{f.URI(url)}}).Crit())}, "the freshest CRL is critical"},
		"version 1":                   {f.CRL{Version: 1}, "it has version 1, which cannot have a CRL number and an authority key identifier"},
	} {
		b := w.ca.CRL(c.list)
		l, err := crl.Parse(context.Background(), b)
		if err != nil {
			t.Fatal(err)
		}
		found := l.Strict()
		switch {
		case c.want == "" && len(found) > 0:
			t.Errorf("%s: %v", name, found)
		case c.want != "" && (len(found) != 1 || found[0].Param("detail") != c.want || found[0].Severity != finding.Error):
			t.Errorf("%s: %v", name, found)
		}
		if len(l.StrictFindings()) != len(l.Findings)+len(found) {
			t.Errorf("%s: %v", name, l.StrictFindings())
		}
		want := report.Good
		if c.want != "" {
			want = report.Unknown
		}
		if r := judgeList(t, b, false); r.Status != report.Good {
			t.Errorf("%s: %s, %v", name, r.Status, r.Findings)
		}
		if r := judgeList(t, b, true); r.Status != want {
			t.Errorf("%s, strict: %s, %v", name, r.Status, r.Findings)
		}
	}
}

// A list has few findings, and the worst of them is among them.
func TestFindingsAreFew(t *testing.T) {
	w := world()
	var slips, flaws [][]byte
	for i := range 60 {
		slips = append(slips, spelt(f.Ext{OID: fmt.Sprintf("1.2.3.%d", i)}))
		flaws = append(flaws, f.Seq(f.OID(fmt.Sprintf("1.2.3.%d", i)), f.TLV(1, []byte{1}), f.Octets(nil)))
	}
	idp := f.Ext{OID: "2.5.29.28", Value: f.Seq(f.Explicit(0, f.Explicit(0, f.URI(url))), f.Context(1, []byte{0}), f.Context(2, []byte{0}), f.Context(4, []byte{0}))}
	slips = append(slips, idp.DER(), f.DeltaIndicator(1).NonCrit().DER())
	for name, c := range map[string]f.CRL{
		"120 flaws": {MutateTBS: extensionsOf(flaws...)},
		"67 slips":  {MutateTBS: extensionsOf(slips...), RawEntries: f.Seq(f.TLV(2, []byte{0, 1}), f.TLV(0x17, []byte("250101000000")))},
	} {
		c.InnerAlg = f.SHA256WithRSA.ID // the last thing that is found
		l, err := crl.Parse(t.Context(), w.ca.CRL(c))
		if err != nil {
			t.Fatal(name, err)
		}
		if n := len(l.Findings); n < 60 || n > 70 || report.Worst(l.Findings) != finding.Inconclusive {
			t.Errorf("%s: %d findings, the worst is %s", name, n, report.Worst(l.Findings))
		}
	}
}
