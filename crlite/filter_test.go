package crlite_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/internal/lab/forge"
)

// serial is the n-th serial number of an issuer: distinct, as long as those of
// public CAs.
func serial(n int) []byte {
	h := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
	h[0] &= 0x7f
	return h[:16]
}

func spki(name string) [32]byte { return sha256.Sum256([]byte(name)) }

// logA covers the year 2026.
var logA = forge.ClubcardLog{ID: sha256.Sum256([]byte("log A")), First: millis(2026, 1), Last: millis(2027, 1)}

func millis(year, month int) uint64 {
	return uint64(time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC).UnixMilli())
}

// issuer makes an issuer with certificates of which the first are revoked.
func issuer(name string, issued, revoked int) forge.ClubcardIssuer {
	i := forge.ClubcardIssuer{SPKI: spki(name)}
	for n := range issued {
		i.Issued = append(i.Issued, serial(n))
	}
	i.Revoked = i.Issued[:revoked]
	return i
}

func build(t testing.TB, c forge.Clubcard) []byte {
	t.Helper()
	b, err := c.Make()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func subject(issuer string, serial []byte, scts ...crlite.SCT) *crlite.Subject {
	if scts == nil {
		scts = []crlite.SCT{{Log: logA.ID, Time: millis(2026, 6)}}
	}
	return &crlite.Subject{Issuer: spki(issuer), Serial: serial, SCTs: scts}
}

// issuers of every shape: none revoked, few, half, most, all, one only, none at
// all, and many of each.
var issuers = []forge.ClubcardIssuer{issuer("none", 500, 0), issuer("few", 3000, 7), issuer("half", 900, 450), issuer("most", 900, 700),
	issuer("all", 300, 300), issuer("one", 1, 1), issuer("empty", 0, 0), issuer("many", 40000, 900)}

// TestExact asks for every certificate of the universe: none gets a wrong answer.
func TestExact(t *testing.T) {
	names := []string{"none", "few", "half", "most", "all", "one", "empty", "many"}
	for _, version := range []int{crlite.V3, crlite.V4} {
		f, err := crlite.Open(build(t, forge.Clubcard{Version: version, Logs: []forge.ClubcardLog{logA}, Issuers: issuers}))
		if err != nil {
			t.Fatal(err)
		}
		if f.Version() != version || f.Enrolled() != len(issuers) {
			t.Errorf("version %d with %d issuers", f.Version(), f.Enrolled())
		}
		for k, i := range issuers {
			for n, s := range i.Issued {
				want := crlite.Good
				if n < len(i.Revoked) {
					want = crlite.Revoked
				}
				if got := f.Query(subject(names[k], s)); got != want {
					t.Fatalf("version %d, issuer %s, certificate %d: %v, want %v", version, names[k], n, got, want)
				}
			}
		}
	}
}

// TestUniverseFirst: outside the universe nothing is answered, however the bits
// would evaluate.
func TestUniverseFirst(t *testing.T) {
	f, err := crlite.Open(build(t, forge.Clubcard{Version: crlite.V4, Logs: []forge.ClubcardLog{logA}, Issuers: issuers}))
	if err != nil {
		t.Fatal(err)
	}
	other := sha256.Sum256([]byte("another log"))
	for name, c := range map[string]struct {
		scts []crlite.SCT
		want crlite.Answer
	}{
		"no SCT":                     {[]crlite.SCT{}, crlite.NotCovered},
		"an SCT of another log":      {[]crlite.SCT{{Log: other, Time: millis(2026, 6)}}, crlite.NotCovered},
		"before the interval":        {[]crlite.SCT{{Log: logA.ID, Time: logA.First - 1}}, crlite.NotCovered},
		"after the interval":         {[]crlite.SCT{{Log: logA.ID, Time: logA.Last + 1}}, crlite.NotCovered},
		"its first millisecond":      {[]crlite.SCT{{Log: logA.ID, Time: logA.First}}, crlite.Revoked},
		"its last millisecond":       {[]crlite.SCT{{Log: logA.ID, Time: logA.Last}}, crlite.Revoked},
		"the second of two SCTs":     {[]crlite.SCT{{Log: other, Time: 1}, {Log: logA.ID, Time: logA.First}}, crlite.Revoked},
		"two of one log, one inside": {[]crlite.SCT{{Log: logA.ID, Time: 1}, {Log: logA.ID, Time: logA.Last}}, crlite.Revoked},
	} {
		if got := f.Query(subject("all", serial(3), c.scts...)); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if got := f.Query(subject("unknown issuer", serial(3))); got != crlite.NotEnrolled {
		t.Errorf("an issuer without a block: %v", got)
	}
	if got := f.Query(subject("unknown issuer", serial(3), crlite.SCT{Log: other})); got != crlite.NotCovered {
		t.Errorf("an issuer without a block, not covered: %v, want not covered first", got)
	}
	if got := new(crlite.Filter).Query(subject("all", serial(3))); got != crlite.NotCovered {
		t.Errorf("the zero Filter says %v", got)
	}
}

// TestOpenRefuses changes one thing at a time in a good file.
func TestOpenRefuses(t *testing.T) {
	small := []forge.ClubcardIssuer{issuer("a", 40, 3), issuer("b", 40, 4)}
	v4 := build(t, forge.Clubcard{Version: 4, Logs: []forge.ClubcardLog{logA, {ID: spki("log B")}}, Issuers: small})
	v3 := build(t, forge.Clubcard{Version: 3, Logs: []forge.ClubcardLog{logA, {ID: spki("log B")}}, Issuers: small})
	const blocks = 2 + 2 + 2*48 + 4 // of version 4
	edit := func(b []byte, at int, with ...byte) []byte {
		b = append([]byte(nil), b...)
		copy(b[at:], with)
		return b
	}
	for name, c := range map[string]struct {
		file []byte
		want error
		says string
	}{
		"nothing":                     {nil, crlite.ErrMalformed, "0 bytes"},
		"cascade of version 0":        {edit(v4, 0, 0), crlite.ErrVersion, "cascade of version 0"},
		"cascade of version 2":        {edit(v4, 0, 2), crlite.ErrVersion, "no longer published"},
		"version 5":                   {edit(v4, 0, 5), crlite.ErrVersion, "version 5"},
		"a second byte":               {edit(v4, 1, 1), crlite.ErrVersion, "04 01"},
		"HTML":                        {[]byte("<html>"), crlite.ErrVersion, "3c 68"},
		"one log twice":               {edit(v4, 4+48, logA.ID[:]...), crlite.ErrMalformed, "covered twice"},
		"one log twice, version 3":    {edit(v3, 10+48, logA.ID[:]...), crlite.ErrMalformed, "covered twice"},
		"one issuer twice":            {edit(v4, blocks+52, v4[blocks:blocks+32]...), crlite.ErrMalformed, "two blocks"},
		"one issuer twice, version 3": {edit(v3, 10+2*48+8+8+89, v3[10+2*48+8+8:10+2*48+8+8+32]...), crlite.ErrMalformed, "two blocks"},
		"issuers out of order":        {edit(v4, blocks, 0xff, 0xff), crlite.ErrMalformed, "not in order"},
		"a rank beyond the columns":   {edit(v4, blocks+36, 200), crlite.ErrMalformed, "rank 200"},
		"a mark that is neither":      {edit(v4, blocks+32+4+1+4+4+4, 2), crlite.ErrMalformed, "is 2"},
		"a byte too many":             {append(append([]byte(nil), v4...), 0), crlite.ErrMalformed, "after the end"},
		"counts that lie":             {edit(v4, blocks-4, 0xff, 0xff, 0xff, 0xff), crlite.ErrMalformed, "issuers in the"},
		"counts that lie, version 3":  {edit(v3, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), crlite.ErrMalformed, "logs in the"},
		"positions that wrap":         {edit(v3, 10+2*48+8+8+32+3*8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), crlite.ErrMalformed, "beyond"},
		"an issuer of another size":   {edit(v3, 10+2*48+8, 31), crlite.ErrMalformed, "31 bytes"},
	} {
		_, err := crlite.Open(c.file)
		if !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: %v, want %v with %q", name, err, c.want, c.says)
		}
	}
	for n := range v4 {
		if _, err := crlite.Open(v4[:n]); err == nil {
			t.Errorf("version 4 cut to %d of %d bytes is accepted", n, len(v4))
		}
	}
	for n := range v3 {
		if _, err := crlite.Open(v3[:n]); err == nil {
			t.Errorf("version 3 cut to %d of %d bytes is accepted", n, len(v3))
		}
	}
	if _, err := crlite.Open(append(append([]byte(nil), v3...), "trailing"...)); err != nil {
		t.Errorf("bytes after a filter of version 3, which the reference reader allows: %v", err)
	}
}

// TestNoAllocation: a query and a set's query allocate nothing.
func TestNoAllocation(t *testing.T) {
	f, err := crlite.Open(build(t, forge.Clubcard{Version: crlite.V3, Logs: []forge.ClubcardLog{logA}, Issuers: issuers}))
	if err != nil {
		t.Fatal(err)
	}
	s, set := subject("half", serial(1)), &crlite.Set{Filters: []crlite.Held{{Filter: f}, {Filter: f}}}
	if n := testing.AllocsPerRun(100, func() { f.Query(s); set.Ask(s, time.Unix(0, 0)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkQuery(b *testing.B) {
	f, err := crlite.Open(build(b, forge.Clubcard{Version: crlite.V3, Logs: []forge.ClubcardLog{logA}, Issuers: issuers}))
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"half", "few"} {
		b.Run(name, func(b *testing.B) {
			s := subject(name, serial(1))
			b.ReportAllocs()
			for b.Loop() {
				f.Query(s)
			}
		})
	}
}

// FuzzOpen: no file makes Open or a query panic, and no query leaves the file.
func FuzzOpen(f *testing.F) {
	for _, version := range []int{3, 4} {
		f.Add(build(f, forge.Clubcard{Version: version, Logs: []forge.ClubcardLog{logA}, Issuers: []forge.ClubcardIssuer{issuer("a", 40, 3), issuer("b", 3, 3)}}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := crlite.Open(b)
		if err != nil {
			if !errors.Is(err, crlite.ErrVersion) && !errors.Is(err, crlite.ErrMalformed) {
				t.Errorf("an error of another kind: %v", err)
			}
			return
		}
		for i := range c.Issuers {
			s := &crlite.Subject{Issuer: i.SPKI, Serial: serial(1)}
			for _, l := range c.Coverage() {
				s.SCTs = append(s.SCTs, crlite.SCT{Log: l.Log, Time: l.First})
			}
			if a := c.Query(s); a == crlite.NotEnrolled {
				t.Errorf("the issuer %x is enrolled and not found", i.SPKI)
			}
		}
	})
}
