package der

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestNext(t *testing.T) {
	long := append([]byte{4, 0x81, 0x80}, make([]byte, 128)...)
	for _, c := range []struct {
		in    []byte
		tag   Tag
		body  []byte
		flaws Flaw
		err   string
	}{
		{[]byte{2, 1, 5}, Integer, []byte{5}, 0, ""},
		{[]byte{2, 1, 5, 9}, Integer, []byte{5}, 0, ""},
		{long, OctetString, long[3:], 0, ""},
		{[]byte{4, 0x81, 1, 7}, OctetString, []byte{7}, LongLength, ""},
		{[]byte{4, 0x82, 0, 1, 7}, OctetString, []byte{7}, LongLength, ""},
		{[]byte{0x30, 0x80, 2, 1, 5, 0, 0}, Sequence, []byte{2, 1, 5}, Indefinite, ""},
		{[]byte{0x30, 0x80, 0x30, 0x80, 0, 0, 0, 0}, Sequence, []byte{0x30, 0x80, 0, 0}, Indefinite, ""},
		{[]byte{0x24, 3, 4, 1, 5}, OctetString | 0x20, []byte{4, 1, 5}, Constructed, ""},
		{[]byte{0x1f, 0x21, 1, 5}, 0x1f | 0x21<<8, []byte{5}, 0, ""},
		{[]byte{0x1f, 0x05, 1, 5}, 0x1f | 0x05<<8, []byte{5}, LongTag, ""},
		{[]byte{0x1f, 0x80, 0x21, 1, 5}, 0x1f | 0x21<<8, []byte{5}, LongTag, ""},
		{[]byte{0xbf, 0x8f, 0x7f, 0}, 0xbf | 0x7ff<<8, []byte{}, 0, ""},
		{[]byte{2}, 0, nil, 0, "ends before its length"},
		{[]byte{2, 2, 1}, 0, nil, 0, "runs past"},
		{[]byte{2, 0x82, 1}, 0, nil, 0, "truncated length"},
		{[]byte{2, 0x85, 1, 1, 1, 1, 1}, 0, nil, 0, "too large"},
		{[]byte{2, 0xff}, 0, nil, 0, "truncated length"},
		{[]byte{4, 0x80, 0, 0}, 0, nil, 0, "indefinite length on a primitive"},
		{[]byte{0x30, 0x80, 2, 1, 5}, 0, nil, 0, "without end-of-contents"},
		{bytes.Repeat([]byte{0x30, 0x80}, 40), 0, nil, 0, "too deeply"},
		{[]byte{0x1f, 0xff, 0xff, 0xff, 0xff, 1, 0}, 0, nil, 0, "tag number"},
		{[]byte{0x1f}, 0, nil, 0, "tag number"},
	} {
		r := NewReader(c.in, 100)
		e, err := r.Next()
		if c.err != "" {
			var at *Error
			if !errors.As(err, &at) || !strings.Contains(at.Reason, c.err) || at.Offset < 100 {
				t.Errorf("%x: %v, want %s", c.in, err, c.err)
			}
			continue
		}
		if err != nil || e.Tag != c.tag || !bytes.Equal(e.Body, c.body) || e.Flaws != c.flaws {
			t.Errorf("%x: %v, tag %x, body %x, flaws %b", c.in, err, e.Tag, e.Body, e.Flaws)
		}
		if at := e.BodyOffset() - 100; !bytes.HasPrefix(c.in[at:], c.body) {
			t.Errorf("%x: contents at %d", c.in, at)
		}
		if len(r.Rest())+len(e.Raw) != len(c.in) || r.Offset() != 100+len(e.Raw) {
			t.Errorf("%x: %d octets left at %d", c.in, len(r.Rest()), r.Offset())
		}
	}
	if _, err := NewReader(nil, 0).Next(); err != ErrEmpty {
		t.Errorf("at the end: %v", err)
	}
}

func TestOIDText(t *testing.T) {
	for _, c := range []struct {
		body []byte
		want string
	}{
		{[]byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0b}, "1.2.840.113549.1.1.11"},
		{[]byte{0x27}, "0.39"}, {[]byte{0x28}, "1.0"}, {[]byte{0x4f}, "1.39"}, {[]byte{0x50}, "2.0"}, {[]byte{0x81, 0x34}, "2.100"},
		{[]byte{0x2a, 0x83, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, "1.2.288230376151711743"},
		{[]byte{0x69, 0x83, 0xf0, 0x9d, 0xa7, 0xeb, 0xcf, 0xde, 0xe0, 0xc7, 0xa1, 0xa7, 0xb2, 0xc0, 0x94, 0x8c, 0xc8, 0xf9, 0xd7, 0x76},
			"2.25.329800735698586629295641978511506172918"},
		{nil, ""}, {[]byte{0x80, 1}, ""}, {[]byte{0x2a, 0x80, 1}, ""}, {[]byte{0x2a, 0x81}, ""},
		{append([]byte{0x2a}, append(bytes.Repeat([]byte{0x81}, 40), 1)...), ""},
	} {
		got, ok := OIDText(c.body)
		if ValidOID(c.body) != ok {
			t.Errorf("%x: ValidOID says %v", c.body, !ok)
		}
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%x: %q %v, want %q", c.body, got, ok, c.want)
		}
	}
	for body, text := range common() {
		if slow, ok := oidText([]byte(body)); !ok || slow != text {
			t.Errorf("%s: %s", text, slow)
		}
	}
	if len(common()) != len(commonOIDs) {
		t.Errorf("%d of %d OIDs", len(common()), len(commonOIDs))
	}
	for _, bad := range []string{"", "1", "3.1", "1.40", "1.02", "1.+2", "1.2.", "a.b", "1..2"} {
		if b, ok := OIDBytes(bad); ok {
			t.Errorf("%q: %x", bad, b)
		}
	}
}

func TestParseTime(t *testing.T) {
	for _, c := range []struct {
		tag  Tag
		s    string
		want string // RFC 3339, "" when unreadable
		flaw TimeFlaw
	}{
		{UTCTime, "490101000000Z", "2049-01-01T00:00:00Z", ""},
		{UTCTime, "500101000000Z", "1950-01-01T00:00:00Z", ""},
		{UTCTime, "000229235959Z", "2000-02-29T23:59:59Z", ""},
		{UTCTime, "010229000000Z", "", "no such date"},
		{UTCTime, "011301000000Z", "", "no such date"},
		{UTCTime, "010101240000Z", "", "no such date"},
		{UTCTime, "010101000060Z", "", "no such date"},
		{UTCTime, "0101010000Z", "2001-01-01T00:00:00Z", "no seconds"},
		{UTCTime, "010101000000", "2001-01-01T00:00:00Z", "no time zone"},
		{UTCTime, "010101000000+0130", "2000-12-31T22:30:00Z", "offset instead of Z"},
		{UTCTime, "010101000000-0130", "2001-01-01T01:30:00Z", "offset instead of Z"},
		{UTCTime, "010101000000+2400", "", "bad offset"},
		{UTCTime, "010101000000.5Z", "2001-01-01T00:00:00Z", "fractional seconds"},
		{UTCTime, "20500101000000Z", "", "not a time"},
		{UTCTime, "0101010000", "2001-01-01T00:00:00Z", "no time zone"},
		{UTCTime, "", "", "not a time"},
		{GeneralizedTime, "20500101000000Z", "2050-01-01T00:00:00Z", ""},
		{GeneralizedTime, "20491231235959Z", "2049-12-31T23:59:59Z", EarlyGeneralizedTime},
		{GeneralizedTime, "99991231235959Z", "9999-12-31T23:59:59Z", ""},
		{GeneralizedTime, "20500101000000.25Z", "2050-01-01T00:00:00Z", "fractional seconds"},
		{GeneralizedTime, "205001010000Z", "2050-01-01T00:00:00Z", "no seconds"},
		{GeneralizedTime, "20500101Z", "", "not a time"},
		{Integer, "20500101000000Z", "", "not a time"},
	} {
		got, flaw, ok := ParseTime(c.tag, []byte(c.s))
		text := ""
		if ok {
			text = got.Format(time.RFC3339)
		}
		if text != c.want || flaw != c.flaw {
			t.Errorf("%q: %q %q, want %q %q", c.s, text, flaw, c.want, c.flaw)
		}
	}
}

func TestIntegers(t *testing.T) {
	for _, c := range []struct {
		b       []byte
		v       int
		ok, min bool
	}{
		{[]byte{0}, 0, true, true}, {[]byte{0x7f}, 127, true, true}, {[]byte{0x80}, -128, true, true}, {[]byte{0, 0x80}, 128, true, true},
		{[]byte{0, 1}, 1, true, false}, {[]byte{0xff, 0x80}, -128, true, false}, {[]byte{0xff}, -1, true, true},
		{[]byte{0x7f, 0xff, 0xff, 0xff}, 1<<31 - 1, true, true}, {[]byte{1, 0, 0, 0, 0}, 0, false, true}, {nil, 0, false, false},
	} {
		if v, ok := SmallInt(c.b); v != c.v || ok != c.ok || IntegerMinimal(c.b) != c.min {
			t.Errorf("%x: %d %v %v", c.b, v, ok, IntegerMinimal(c.b))
		}
	}
}

// What encoding/asn1 reads as one element of DER we read alike, and without flaws.
func FuzzNext(f *testing.F) {
	for _, s := range []string{"\x30\x03\x02\x01\x05", "\x30\x80\x00\x00", "\x04\x81\x01a", "\x1f\x21\x01a", "\x17\x0d010101000000Z", "\x06\x03\x2a\x03\x04"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := NewReader(b, 0).Next()
		var want asn1.RawValue
		rest, werr := asn1.Unmarshal(b, &want)
		if werr == nil && want.FullBytes != nil && b[0]&0x1f != 0x1f {
			if err != nil || !bytes.Equal(e.Raw, want.FullBytes) || !bytes.Equal(e.Body, want.Bytes) || len(rest)+len(e.Raw) != len(b) {
				t.Errorf("%x: %v %x %x", b, err, e.Raw, e.Body)
			}
			if e.Flaws&^Constructed != 0 {
				t.Errorf("%x: flaws %b", b, e.Flaws)
			}
		}
		if err == nil {
			if at := e.BodyOffset(); at < 0 || at+len(e.Body) > len(b) || !bytes.Equal(b[at:at+len(e.Body)], e.Body) {
				t.Errorf("%x: contents at %d", b, at)
			}
			if Count(e.Body) > len(e.Body) {
				t.Errorf("%x: %d elements", b, Count(e.Body))
			}
		}
		if _, ok := OIDText(b); ok != ValidOID(b) {
			t.Fatalf("%x: OIDText says %v", b, ok)
		}
		if text, ok := OIDText(b); ok {
			if back, ok := OIDBytes(text); ok && !bytes.Equal(back, b) {
				t.Errorf("%x: %s: %x", b, text, back)
			}
		}
		ParseTime(UTCTime, b)
		ParseTime(GeneralizedTime, b)
	})
}
