package crl_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	f "github.com/assaytls/assay/internal/lab/forge"
)

// endless says that it is a list and never ends.
type endless struct{ head []byte }

func (e *endless) Read(b []byte) (int, error) {
	n := copy(b, e.head)
	e.head = e.head[n:]
	clear(b[n:])
	return len(b), nil
}

// What is no usable list is refused with the precise kind, by both forms.
func TestErrors(t *testing.T) {
	w := world()
	good := w.ca.CRL(f.CRL{Entries: entries(noise, listed)})
	tbs := func(change func([]byte) []byte) []byte {
		return w.ca.CRL(f.CRL{Entries: entries(noise), MutateTBS: change})
	}
	entry := func(parts ...[]byte) []byte { return w.ca.CRL(f.CRL{RawEntries: f.Seq(parts...)}) }
	date := f.UTCTime(daysAgo(1))
	ext := func(e f.Ext) []byte { return w.ca.CRL(f.CRL{Extensions: exts(e)}) }
	huge := make([]byte, 70<<10)
	many := func(n int) (out []f.Ext) {
		for i := range n {
			out = append(out, f.Ext{OID: fmt.Sprintf("1.2.3.%d", i)})
		}
		return out
	}
	for _, c := range []struct {
		name string
		b    []byte
		id   finding.ID
	}{
		{"nothing", nil, finding.CRLNotAList},
		{"HTML", []byte("<!DOCTYPE html><html>"), finding.CRLNotAList},
		{"JSON", []byte(`{"error": "no"}`), finding.CRLNotAList},
		{"gzip", []byte("\x1f\x8b\x08\x00"), finding.CRLNotAList},
		{"zeros", make([]byte, 1<<20), finding.CRLNotAList},
		{"a certificate in PEM", f.PEM("CERTIFICATE", w.ca.Raw), finding.CRLNotAList},
		{"a certificate", w.ca.Raw, finding.CRLNotAList},
		{"PEM that is not base64", []byte("-----BEGIN X509 CRL-----\n****\n-----END X509 CRL-----\n"), ""},
		{"cut", good[:len(good)-1], finding.CRLTruncated},
		{"cut in the middle", good[:len(good)/2], finding.CRLTruncated},
		{"cut at the start", good[:4], finding.CRLTruncated},
		{"more behind it", append(bytes.Clone(good), 0), finding.CRLMalformed},
		{"too many line ends behind it", append(bytes.Clone(good), bytes.Repeat([]byte("\n"), 65)...), finding.CRLMalformed},
		{"line ends and more behind it", append(bytes.Clone(good), "\r\n\r\nx"...), finding.CRLMalformed},
		{"too many extensions", w.ca.CRL(f.CRL{Extensions: many(65)}), finding.CRLTooLarge},
		{"indefinite length", append([]byte{0x30, 0x80}, good[4:]...), finding.CRLNotAList},
		{"an entry of another tag", w.ca.CRL(f.CRL{RawEntries: f.Set(f.TLV(2, serial), date)}), finding.CRLMalformed},
		{"an entry without date", entry(f.TLV(2, serial)), finding.CRLMalformed},
		{"an entry with too much", entry(f.TLV(2, serial), date, f.Seq(f.Reason(1).DER()), f.Null()), finding.CRLMalformed},
		{"an empty serial number", entry(f.TLV(2), date), finding.CRLMalformed},
		{"a serial number of another tag", entry(f.TLV(4, serial), date), finding.CRLMalformed},
		{"a date that does not exist", entry(f.TLV(2, serial), f.TLV(0x17, []byte("250230000000Z"))), finding.CRLMalformed},
		{"a month that does not exist", entry(f.TLV(2, serial), f.TLV(0x17, []byte("251330000000Z"))), finding.CRLMalformed},
		{"an hour that does not exist", entry(f.TLV(2, serial), f.TLV(0x17, []byte("250228240000Z"))), finding.CRLMalformed},
		{"a second that does not exist", entry(f.TLV(2, serial), f.TLV(0x17, []byte("250228000060Z"))), finding.CRLMalformed},
		{"letters in a date", entry(f.TLV(2, serial), f.TLV(0x17, []byte("25022800000:Z"))), finding.CRLMalformed},
		{"a leap day in a common year", entry(f.TLV(2, serial), f.TLV(0x17, []byte("250229000000Z"))), finding.CRLMalformed},
		{"a leap day", entry(f.TLV(2, serial), f.TLV(0x17, []byte("240229000000Z"))), ""},
		{"the last day of a month", entry(f.TLV(2, serial), f.TLV(0x17, []byte("240430235959Z"))), ""},
		{"the day after the last", entry(f.TLV(2, serial), f.TLV(0x17, []byte("240431235959Z"))), finding.CRLMalformed},
		{"a long length in an entry", w.ca.CRL(f.CRL{RawEntries: f.LongTLV(0x30, 2, append(f.TLV(2, serial), date...))}), finding.CRLMalformed},
		{"a long length in a serial number", entry(f.LongTLV(2, 2, serial), date), finding.CRLMalformed},
		{"an extension twice in an entry", entry(f.TLV(2, serial), date, f.Extensions(exts(f.Reason(1), f.Reason(6)))), finding.CRLMalformed},
		{"a malformed reason", entry(f.TLV(2, serial), date, f.Extensions(exts(f.Ext{OID: "2.5.29.21", Value: f.Int(1)}))), finding.CRLMalformed},
		{"an extension twice", ext(f.Ext{OID: "1.2.3", Value: f.Null()}), ""},
		{"a large entry", entry(f.TLV(2, serial), date, f.Extensions(exts(f.Ext{OID: "1.2.3", Value: f.Octets(huge)}))), finding.CRLTooLarge},
		{"a large issuer", w.ca.CRL(f.CRL{Issuer: f.CN(string(bytes.Repeat([]byte("x"), 140<<10)))}), finding.CRLTooLarge},
		{"a large tail", ext(f.Ext{OID: "1.2.3", Value: f.Octets(make([]byte, 300<<10))}), finding.CRLTooLarge},
		{"two signatures", w.ca.CRL(f.CRL{MutateRaw: func(b []byte) []byte { p := f.Children(b); return f.Seq(append(p, p[2])...) }}), finding.CRLMalformed},
		{"no signature", w.ca.CRL(f.CRL{MutateRaw: func(b []byte) []byte { return f.Seq(f.Children(b)[:2]...) }}), finding.CRLMalformed},
		{"a version of another kind", tbs(func(b []byte) []byte { return f.Replace(b, 0, f.Bits([]byte{1})) }), finding.CRLMalformed},
		{"more than 4 GiB", []byte{0x30, 0x85, 1, 0, 0, 0, 0, 0x30, 0x00}, finding.CRLTooLarge},
	} {
		_, err := crl.Parse(context.Background(), c.b)
		_, serr := crl.Scan(context.Background(), newReader(c.b), serial)
		for form, err := range map[string]error{"Parse": err, "Scan": serr} {
			var e *crl.Error
			switch {
			case c.name == "PEM that is not base64":
				if !errors.As(err, &e) {
					t.Errorf("%s, %s: %v", c.name, form, err)
				}
			case c.id == "":
				if err != nil {
					t.Errorf("%s, %s: %v", c.name, form, err)
				}
			case !errors.As(err, &e) || e.ID != c.id:
				t.Errorf("%s, %s: %v, want %s", c.name, form, err, c.id)
			case e.Finding().ID != c.id || e.Finding().Title() == "":
				t.Errorf("%s: %v", c.name, e.Finding())
			}
		}
	}
}

// An endless body ends at the first thing that is no list, and the reader's
// own error and the context's come through.
func TestScanReader(t *testing.T) {
	w := world()
	good := w.ca.CRL(f.CRL{Entries: entries(noise)})
	if _, err := crl.Scan(context.Background(), &endless{append([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x30, 0x84, 0x7f, 0xff, 0xff, 0x00}, good[8:]...)}, serial); err == nil {
		t.Error("an endless list")
	}
	broken := io.MultiReader(bytes.NewReader(good[:50]), brokenReader{})
	if _, err := crl.Scan(context.Background(), broken, serial); !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := crl.Scan(ctx, bytes.NewReader(good), serial); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	l, err := crl.Scan(context.Background(), bytes.NewReader(good), serial)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Listed([]byte{1}); !errors.Is(err, crl.ErrNotAsked) {
		t.Errorf("%v", err)
	}
	// Ed25519 signs the message itself: kept in memory when streaming.
	ed := f.NewRoot("Ed", f.NewKey("Ed25519"))
	raw := ed.CRL(f.CRL{Entries: entries(listed)})
	key := parseKey(t, ed.Raw)
	for _, parse := range []func() (*crl.List, error){func() (*crl.List, error) { return crl.Parse(context.Background(), raw) },
		func() (*crl.List, error) { return crl.Scan(context.Background(), newReader(raw), serial) }} {
		l, err := parse()
		if err != nil {
			t.Fatal(err)
		}
		if err := l.VerifySignature(nil, key); err != nil {
			t.Error(err)
		}
	}
}

var errBroken = errors.New("broken")

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errBroken }
