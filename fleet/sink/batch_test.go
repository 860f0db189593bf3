package sink

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

var at = time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)

// row makes the row of one target, with every field set.
func row(batch uint64, position int) Row {
	n := int(batch)*100 + position
	days := n%400 - 30
	r := Row{
		Row: report.Row{
			Version: report.RowVersion, Target: fmt.Sprintf("host%d.example.com:443", n), Time: at.Add(time.Duration(n) * time.Second),
			Verdict: report.Accept, NotAfter: at.AddDate(0, 0, days), Days: &days, Infos: []finding.ID{"pq-hybrid-missing"},
			Revocation: []report.Status{report.Good, report.Good}, CT: report.CTMet, Protocol: "TLS 1.3", Policy: report.Hash{9},
			Programs: report.RowPrograms{System: report.RowAccepted, Mozilla: report.RowAcceptedUntil, Chrome: report.RowDependsOnSCTs, Apple: report.RowRefused, Microsoft: report.RowCannotTell, Android: report.RowAccepted},
		},
		Position: position, Input: fmt.Sprintf("https://host%d.example.com", n), Address: fmt.Sprintf("192.0.%d.%d:443", n/250%256, n%250+1),
		Started: at.Add(time.Duration(n) * time.Millisecond), Elapsed: time.Duration(n%90+10) * time.Millisecond, Attempts: 1, Sources: []string{"crl", "crl"},
	}
	source := rand.New(rand.NewPCG(batch, uint64(position)))
	for _, h := range []*report.Hash{&r.Leaf, &r.SPKI} {
		for i := range h {
			h[i] = byte(source.Uint32())
		}
	}
	r.Issuer = report.Hash{byte(n % 20), 1}
	switch n % 50 {
	case 7:
		r.Verdict, r.Headline, r.HeadlineRole, r.Title, r.Errors = report.Reject, finding.CertExpired, report.Leaf, "the certificate expired on 2026-11-01", []finding.ID{finding.CertExpired}
		r.Evidence = EvidenceKept
	case 8:
		r = Row{Row: report.Row{Version: report.RowVersion, Target: r.Target, Verdict: report.Inconclusive}, Position: position, Skipped: SkipExcluded, Failure: "excluded by 192.0.2.0/24"}
	}
	return r
}

func certificate(r Row) Certificate {
	return Certificate{SHA256: r.Leaf, SPKI: r.SPKI, Subject: "CN=" + r.Target, Issuer: fmt.Sprintf("CN=CA %d", r.Issuer[0]), Serial: "01ab",
		NotBefore: r.NotAfter.AddDate(0, 0, -90), NotAfter: r.NotAfter, Key: "ECDSA P-256", Signature: "SHA-256 with ECDSA", Names: []string{"dns:" + r.Target}}
}

func batch(number uint64, size int) Batch {
	b := Batch{Number: number, Size: size}
	for i := range size {
		r := row(number, i)
		b.Rows = append(b.Rows, r)
		if r.Skipped == "" {
			b.Certificates = append(b.Certificates, certificate(r))
		}
		if r.Evidence == EvidenceKept {
			b.Evidence = append(b.Evidence, Evidence{Position: i, Data: []byte(`{"version":1}`), Bodies: []report.Hash{{1}, {2}}})
		}
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	want := batch(3, 100)
	want.Certificates = append(want.Certificates, NewCertificate([]byte("no certificate"), true))
	messages, err := want.Encode()
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d messages: %v", len(messages), err)
	}
	got, err := Decode(messages[0])
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n%+v\nwant\n%+v", err, got, want)
	}
}

// text is JSON that no compression shortens much.
func text(noise []byte) []byte { b, _ := json.Marshal(noise); return b }

// A batch that is too large for a message comes in several; what alone is too
// large is dropped, and the row says so.
func TestEncodeLarge(t *testing.T) {
	noise := make([]byte, 2<<20)
	rand.NewChaCha8([32]byte{}).Read(noise)
	want := batch(3, 100)
	want.Evidence = []Evidence{{Position: 1, Data: text(noise[:300<<10])}, {Position: 2, Data: text(noise[:400<<10])}, {Position: 3, Data: text(noise[:600<<10])}, {Position: 99, Data: text(noise)}}
	messages, err := want.Encode()
	if err != nil || len(messages) < 3 {
		t.Fatalf("%d messages: %v", len(messages), err)
	}
	var got Batch
	for _, m := range messages {
		b, err := Decode(m)
		if err != nil || b.Number != 3 || b.Size != 100 || len(m) > MaxMessage {
			t.Fatalf("%d octets: %v", len(m), err)
		}
		got.Rows, got.Certificates, got.Evidence = append(got.Rows, b.Rows...), append(got.Certificates, b.Certificates...), append(got.Evidence, b.Evidence...)
	}
	if len(got.Rows) != 100 || !reflect.DeepEqual(got.Certificates, want.Certificates) || !reflect.DeepEqual(got.Evidence, want.Evidence[:3]) || got.Rows[99].Evidence != EvidenceDropped {
		t.Errorf("%d rows, %d certificates, %d pieces of evidence, %q", len(got.Rows), len(got.Certificates), len(got.Evidence), got.Rows[99].Evidence)
	}
	if want.Rows[99].Evidence != "" {
		t.Error("Encode has changed the batch of its caller")
	}
}

// What no table can hold is refused, by those who make it and by those who
// read it.
func TestRefused(t *testing.T) {
	for name, change := range map[string]func(*Batch){
		"no size":           func(b *Batch) { b.Size = 0 },
		"more rows":         func(b *Batch) { b.Size = 9 },
		"position":          func(b *Batch) { b.Rows[1].Position = 10 },
		"doubled position":  func(b *Batch) { b.Rows[1].Position = 0 },
		"no target":         func(b *Batch) { b.Rows[1].Target = "" },
		"terminal":          func(b *Batch) { b.Rows[1].Title = "\x1b[2J" },
		"bidirectional":     func(b *Batch) { b.Rows[1].Target = "a\u202eb" },
		"late control":      func(b *Batch) { b.Rows[1].Title = string(bytes.Repeat([]byte("ä"), 300)) + "\x07" },
		"no UTF-8":          func(b *Batch) { b.Rows[1].Input = "\xff" },
		"long":              func(b *Batch) { b.Rows[1].Target = string(bytes.Repeat([]byte("a"), 301)) },
		"verdict":           func(b *Batch) { b.Rows[1].Verdict = "good" },
		"skipped, accepted": func(b *Batch) { b.Rows[1].Skipped = SkipSpecial },
		"version":           func(b *Batch) { b.Rows[1].Version = 2 },
		"program":           func(b *Batch) { b.Rows[1].Programs.Apple = "maybe" },
		"year":              func(b *Batch) { b.Rows[1].NotAfter = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"certificate":       func(b *Batch) { b.Certificates[0].DER = []byte("x") },
		"serial":            func(b *Batch) { b.Certificates[0].Serial = "xyz" },
		"evidence":          func(b *Batch) { b.Evidence = []Evidence{{Position: 10}} },
	} {
		b := batch(0, 10)
		change(&b)
		if _, err := b.Encode(); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: Encode: %v", name, err)
		}
		msg := zstdEncoder.EncodeAll(b.append(nil), nil)
		if _, err := Decode(msg); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: Decode: %v", name, err)
		}
	}
	for name, msg := range map[string][]byte{
		"nothing": nil, "noise": []byte("noise"), "bomb": zstdEncoder.EncodeAll(make([]byte, maxPlain+1), nil),
		"long": make([]byte, maxMessage+1), "trailing": zstdEncoder.EncodeAll(append(new(Batch).append(nil), 0), nil),
	} {
		if _, err := Decode(msg); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Fields that a later version adds at the end of a row are skipped.
func TestLaterFields(t *testing.T) {
	b := batch(1, 1)
	p := b.append(nil)
	r := b.Rows[0].append(nil)
	later := bytes.Replace(p, appendBytes(nil, r), appendBytes(nil, append(r, "later"...)), 1)
	if got, err := parse(later); err != nil || !reflect.DeepEqual(got, b) || len(later) == len(p) {
		t.Errorf("%v %+v", err, got)
	}
}

// A message that was made before rows had answers of root programs is read, and so
// is one with answers of programs to come.
func TestOtherAnswers(t *testing.T) {
	b := batch(1, 1)
	row := b.Rows[0].append(nil)
	b.Rows[0].Programs = report.RowPrograms{}
	none := b.Rows[0].append(nil)
	for name, c := range map[string]struct {
		octets []byte
		want   Row
	}{
		"before": {none[:len(none)-1], b.Rows[0]},
		"none":   {none, b.Rows[0]},
		"later":  {appendText(append(append(none[:len(none)-1:len(none)-1], programCount+1), row[len(none):]...), "yes"), batch(1, 1).Rows[0]},
	} {
		var got Row
		of := &reader{b: appendBytes(nil, c.octets)}
		if got.parse(of); of.err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v\n%+v\nwant\n%+v", name, of.err, got, c.want)
		}
	}
}

// The line that is made by hand is what encoding/json makes.
func TestLine(t *testing.T) {
	rows := batch(0, 100).Rows
	odd := row(0, 7)
	odd.Input, odd.Failure, odd.Sources = `a"b<c>&\d`, "é\u2028", []string{"", "x"}
	for _, r := range append(rows, odd) {
		want, err := json.Marshal(Line{Row: r.Row, Input: r.Input, Address: r.Address, Started: r.Started, ElapsedMS: r.Elapsed.Milliseconds(),
			Attempts: r.Attempts, Skipped: r.Skipped, Failure: r.Failure, Sources: r.Sources, Evidence: r.Evidence})
		if got := r.AppendJSON(nil); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v\n%s\nwant\n%s", err, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	b := batch(1, 20)
	f.Add(b.append(nil))
	f.Add([]byte(batchMagic))
	f.Fuzz(func(t *testing.T, plain []byte) {
		msg := zstdEncoder.EncodeAll(plain, nil)
		b, err := Decode(msg)
		if err != nil {
			return
		}
		messages, err := b.Encode()
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := Decode(messages[0])
		if err != nil || len(messages) == 1 && !reflect.DeepEqual(again, b) {
			t.Errorf("%v\n%+v\nwas\n%+v", err, again, b)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	one := batch(1, 100)
	for b.Loop() {
		one.Encode()
	}
}

func BenchmarkDecode(b *testing.B) {
	one := batch(1, 100)
	messages, _ := one.Encode()
	b.ReportMetric(float64(len(messages[0]))/100, "B/row")
	for b.Loop() {
		Decode(messages[0])
	}
}
