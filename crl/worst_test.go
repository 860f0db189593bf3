package crl_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	f "github.com/assaytls/assay/internal/lab/forge"
)

// repeat calls part with 0, 1, 2, … until the results have so many octets.
func repeat(size int, part func(i int) []byte) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		b.Write(part(i))
	}
	return b.Bytes()
}

// exts makes a list whose extensions' contents are given.
func withExtensions(contents []byte) []byte {
	return f.Seq(f.Seq(f.Int(1), f.ECDSAWithSHA256.ID, f.CN("CA"), f.Time(time.Now()), f.Explicit(0, f.Seq(contents))), f.ECDSAWithSHA256.ID, f.TLV(3, []byte{0}))
}

func withEntries(contents []byte) []byte {
	return f.Seq(f.Seq(f.Int(1), f.ECDSAWithSHA256.ID, f.CN("CA"), f.Time(time.Now()), f.Seq(contents)), f.ECDSAWithSHA256.ID, f.TLV(3, []byte{0}))
}

// hostile is a kind of list that is as costly as can be by what it has many of.
// Nobody need have signed it: it comes from a proxy, or in place of a list that
// is fetched in plain HTTP.
type hostile struct {
	name string
	tail bool // what is repeated stands behind the entries, of which there are none
	make func(size int) []byte
}

func hostileLists() []hostile {
	oid := func(i int) string { return fmt.Sprintf("1.2.3.%d.%d", i>>10, i&1023) }
	bad := func(int) []byte { return []byte{0x82, 1, 0xff} } // a DNS name that is not ASCII
	odd := f.DN(f.Attr{OID: "2.5.4.3", Value: "a\x00\xff"}, f.Attr{OID: "2.5.4.6", Value: "DEE"})
	entry := func(i int, exts ...f.Ext) []byte {
		return f.Entry{Serial: []byte{1, byte(i >> 16), byte(i >> 8), byte(i)}, Time: time.Unix(1.7e9, 0), Extensions: exts}.DER()
	}
	entries := func(part func(i int) []byte) func(int) []byte {
		return func(size int) []byte { return withEntries(repeat(size, part)) }
	}
	exts := func(part func(i int) []byte) func(int) []byte {
		return func(size int) []byte { return withExtensions(repeat(size, part)) }
	}
	return []hostile{
		{"critical extensions", true, exts(func(i int) []byte { return f.Ext{OID: oid(i), Critical: true}.DER() })},
		{"extensions", true, exts(func(i int) []byte { return f.Ext{OID: oid(i)}.DER() })},
		{"few extensions, long numbers", true, func(size int) []byte {
			var all [][]byte
			for i := range 60 {
				all = append(all, f.Ext{OID: "1.2.3." + strings.Repeat("5.", size/120) + fmt.Sprint(i), Critical: true}.DER())
			}
			return withExtensions(bytes.Join(all, nil))
		}},
		{"points", true, func(size int) []byte {
			return withExtensions(f.Ext{OID: "2.5.29.46", Value: f.Seq(repeat(size, func(int) []byte {
				return f.Seq(f.Explicit(0, f.Explicit(0, repeat(12, bad))))
			}))}.DER())
		}},
		{"names", true, func(size int) []byte {
			return withExtensions(f.Ext{OID: "2.5.29.28", Critical: true, Value: f.Seq(f.Explicit(0, f.Explicit(0, repeat(size, bad))))}.DER())
		}},
		{"entries", false, entries(func(i int) []byte { return entry(i) })},
		{"odd entries", false, entries(func(i int) []byte { return entry(i, f.Ext{OID: oid(i), Critical: true}) })},
		{"extensions in entries", false, entries(func(i int) []byte {
			return f.Seq(f.TLV(2, []byte{1}), f.Time(time.Unix(1.7e9, 0)), f.Seq(repeat(60<<10, func(int) []byte { return f.Ext{OID: "1.2"}.DER() })))
		})},
		{"issuers", false, entries(func(i int) []byte { return entry(i, f.CertificateIssuer(f.DirName(f.CN(fmt.Sprint("CA ", i))))) })},
		{"odd issuers", false, entries(func(i int) []byte {
			return entry(i, f.CertificateIssuer(f.DirName(odd), f.DirName(f.CN(fmt.Sprint(i)))))
		})},
	}
}

// judged is everything that happens to a list that was fetched for leaf.
func judgeWorst(b []byte, leaf, ca *cert.Certificate) {
	l, err := crl.Parse(context.Background(), b)
	if err != nil {
		return
	}
	l.Listed(leaf.Serial)
	crl.Check(context.Background(), crl.Query{Cert: leaf, Issuer: ca, Time: time.Now(), Sources: []crl.Source{{List: l, URL: "http://crl.test/"}}})
}

// The CPU that 256 KiB and 64 MiB can cost.
func BenchmarkWorst(b *testing.B) {
	root := f.NewRoot("CA", nil)
	leaf, ca := cert.Parse(root.Server("a.test", nil).Raw), cert.Parse(root.Raw)
	for _, size := range []int{200 << 10, 64 << 20} {
		for _, h := range hostileLists() {
			if h.tail && size > 1<<20 {
				continue // what follows the entries is small, see TestErrors
			}
			b.Run(fmt.Sprintf("%s/%dKiB", h.name, size>>10), func(b *testing.B) {
				in := h.make(size)
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				for b.Loop() {
					judgeWorst(in, leaf, ca)
				}
			})
		}
	}
}

// A list of 200 KiB costs a fraction of a second, whatever is in it, and has
// few findings.
func TestHostileLists(t *testing.T) {
	root := f.NewRoot("CA", nil)
	leaf, ca := cert.Parse(root.Server("a.test", nil).Raw), cert.Parse(root.Raw)
	for _, h := range hostileLists() {
		in := h.make(200 << 10)
		start := time.Now()
		judgeWorst(in, leaf, ca)
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("%s: %v", h.name, d)
		}
		if l, err := crl.Parse(context.Background(), in); err == nil && len(l.Findings) > 70 {
			t.Errorf("%s: %d findings", h.name, len(l.Findings))
		}
	}
}

// A list that takes long to read is read no longer than the judgement's time.
func TestParseHeedsContext(t *testing.T) {
	var in []byte
	for _, h := range hostileLists() {
		if h.name == "issuers" {
			in = h.make(4 << 20)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	for name, ctx := range map[string]context.Context{"ended": ended, "ending": short} {
		start := time.Now()
		l, err := crl.Parse(ctx, in)
		var e *crl.Error
		if l != nil || !errors.As(err, &e) || e.ID != finding.CRLBudget || e.Finding().Severity != finding.Error {
			t.Errorf("%s: %v", name, err)
		}
		if d := time.Since(start); d > time.Second {
			t.Errorf("%s: %v", name, d)
		}
	}
	if _, err := crl.Parse(t.Context(), in); err != nil {
		t.Error(err)
	}
}
