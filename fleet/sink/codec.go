package sink

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/report"
)

// The form of a batch before it is compressed: "ASB" and a version, then
// numbers as varints, texts and lists with their lengths before them. Every row,
// certificate and evidence has its length before it too; a reader skips what it
// does not know at its end, so that fields can be added there.
const batchMagic = "ASB\x01"

func (b *Batch) append(p []byte) []byte {
	p = append(p, batchMagic...)
	p = binary.AppendUvarint(p, b.Number)
	p = binary.AppendUvarint(p, uint64(b.Size))
	var one []byte
	p = binary.AppendUvarint(p, uint64(len(b.Rows)))
	for i := range b.Rows {
		one = b.Rows[i].append(one[:0])
		p = appendBytes(p, one)
	}
	p = binary.AppendUvarint(p, uint64(len(b.Certificates)))
	for i := range b.Certificates {
		one = b.Certificates[i].append(one[:0])
		p = appendBytes(p, one)
	}
	p = binary.AppendUvarint(p, uint64(len(b.Evidence)))
	for i := range b.Evidence {
		one = b.Evidence[i].append(one[:0])
		p = appendBytes(p, one)
	}
	return p
}

func (r *Row) append(p []byte) []byte {
	p = binary.AppendUvarint(p, uint64(r.Version))
	p = appendText(p, r.Target)
	p = appendTime(p, r.Time, time.Second)
	p = appendText(p, string(r.Verdict))
	p = appendText(p, string(r.Headline))
	p = appendText(p, string(r.HeadlineRole))
	p = appendText(p, r.Title)
	for _, ids := range [][]finding.ID{r.Errors, r.Inconclusive, r.Warnings, r.Infos} {
		p = appendTexts(p, ids)
	}
	p = binary.AppendUvarint(p, uint64(r.More))
	p = appendTime(p, r.NotAfter, time.Second)
	if r.Days == nil {
		p = append(p, 0)
	} else {
		p = binary.AppendVarint(append(p, 1), int64(*r.Days))
	}
	for _, h := range []report.Hash{r.Leaf, r.SPKI, r.Issuer, r.Policy} {
		p = append(p, h[:]...)
	}
	p = appendTexts(p, r.Revocation)
	p = appendText(p, string(r.CT))
	p = appendText(p, r.Protocol)

	p = binary.AppendUvarint(p, uint64(r.Position))
	p = appendText(p, r.Input)
	p = appendText(p, r.Address)
	p = appendTime(p, r.Started, time.Millisecond)
	p = binary.AppendUvarint(p, uint64(r.Elapsed/time.Millisecond))
	p = binary.AppendUvarint(p, uint64(r.Attempts))
	p = appendText(p, string(r.Skipped))
	p = appendText(p, r.Failure)
	p = appendTexts(p, r.Sources)
	p = appendText(p, string(r.Evidence))
	if r.Programs == (report.RowPrograms{}) {
		return append(p, 0)
	}
	p = append(p, programCount)
	for _, answer := range answers(&r.Programs) {
		p = appendText(p, string(*answer))
	}
	return p
}

// programCount is how many root programs a row has answers of.
const programCount = 6

// answers are the answers in the order of the message; a program that is added
// stands at the end.
func answers(of *report.RowPrograms) [programCount]*report.RowProgram {
	return [...]*report.RowProgram{&of.System, &of.Mozilla, &of.Chrome, &of.Apple, &of.Microsoft, &of.Android}
}

func (c *Certificate) append(p []byte) []byte {
	p = append(append(p, c.SHA256[:]...), c.SPKI[:]...)
	for _, s := range []string{c.Subject, c.Issuer, c.Serial, c.Key, c.Signature} {
		p = appendText(p, s)
	}
	p = appendTime(p, c.NotBefore, time.Second)
	p = appendTime(p, c.NotAfter, time.Second)
	if c.CA {
		p = append(p, 1)
	} else {
		p = append(p, 0)
	}
	p = appendTexts(p, c.Names)
	return appendBytes(p, c.DER)
}

func (e *Evidence) append(p []byte) []byte {
	p = binary.AppendUvarint(p, uint64(e.Position))
	p = appendBytes(p, e.Data)
	p = binary.AppendUvarint(p, uint64(len(e.Bodies)))
	for _, h := range e.Bodies {
		p = append(p, h[:]...)
	}
	return p
}

func appendBytes(p, b []byte) []byte {
	return append(binary.AppendUvarint(p, uint64(len(b))), b...)
}

func appendText(p []byte, s string) []byte {
	return append(binary.AppendUvarint(p, uint64(len(s))), s...)
}

func appendTexts[S ~string](p []byte, all []S) []byte {
	p = binary.AppendUvarint(p, uint64(len(all)))
	for _, s := range all {
		p = appendText(p, string(s))
	}
	return p
}

// appendTime writes t in units since 1970, and the zero time as a unit that no
// time has.
func appendTime(p []byte, t time.Time, unit time.Duration) []byte {
	if t.IsZero() {
		return binary.AppendVarint(p, math.MinInt64)
	}
	if unit == time.Millisecond {
		return binary.AppendVarint(p, t.UnixMilli())
	}
	return binary.AppendVarint(p, t.Unix())
}

var errTorn = errors.New("the batch ends early")

// reader takes a batch apart. After the first failure it returns nothing more,
// and err says why.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err, r.b = err, nil
	}
}

func (r *reader) uint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.fail(errTorn)
		return 0
	}
	r.b = r.b[size:]
	return n
}

// int reads a number of at most most.
func (r *reader) int(most int) int {
	n := r.uint()
	if n > uint64(most) {
		r.fail(errors.New("a number is out of range"))
		return 0
	}
	return int(n)
}

func (r *reader) signed() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.fail(errTorn)
		return 0
	}
	r.b = r.b[size:]
	return n
}

// count reads the length of a list whose entries take at least least octets
// each, so that a claim costs no more memory than it has brought.
func (r *reader) count(least int) int {
	n := r.uint()
	if n > uint64(len(r.b)/least) {
		r.fail(errTorn)
		return 0
	}
	return int(n)
}

// list is count for a list of at most most entries.
func (r *reader) list(least, most int) int {
	n := r.count(least)
	if n > most {
		r.fail(errors.New("a list is too long"))
		return 0
	}
	return n
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.fail(errTorn)
		return nil
	}
	got := r.b[:n:n]
	r.b = r.b[n:]
	return got
}

func (r *reader) bytes() []byte { return r.take(r.count(1)) }
func (r *reader) text() string  { return string(r.bytes()) }

func (r *reader) hash() (h report.Hash) {
	copy(h[:], r.take(len(h)))
	return h
}

func (r *reader) time(unit time.Duration) time.Time {
	n := r.signed()
	switch {
	case n == math.MinInt64 || r.err != nil:
		return time.Time{}
	case unit == time.Millisecond:
		return time.UnixMilli(n).UTC()
	}
	return time.Unix(n, 0).UTC()
}

// texts reads a list of at most most texts.
func texts[S ~string](r *reader, most int) []S {
	n := r.list(1, most)
	if n == 0 {
		return nil
	}
	all := make([]S, 0, n)
	for range n {
		all = append(all, S(r.text()))
	}
	return all
}

// parse reads the form that append wrote.
func parse(plain []byte) (Batch, error) {
	r := &reader{b: plain}
	if string(r.take(len(batchMagic))) != batchMagic {
		return Batch{}, errors.New("it is no batch of a version that this program reads")
	}
	b := Batch{Number: r.uint(), Size: r.int(MaxRows)}
	if n := r.list(64, MaxRows); n > 0 {
		b.Rows = make([]Row, n)
	}
	for i := range b.Rows {
		b.Rows[i].parse(r)
	}
	if n := r.list(64, maxCerts); n > 0 {
		b.Certificates = make([]Certificate, n)
	}
	for i := range b.Certificates {
		b.Certificates[i].parse(r)
	}
	if n := r.list(4, MaxRows); n > 0 {
		b.Evidence = make([]Evidence, n)
	}
	for i := range b.Evidence {
		b.Evidence[i].parse(r)
	}
	if r.err == nil && len(r.b) > 0 {
		r.fail(errors.New("octets follow the batch"))
	}
	return b, r.err
}

func (row *Row) parse(of *reader) {
	r := &reader{b: of.bytes()}
	row.Version = r.int(maxCount)
	row.Target = r.text()
	row.Time = r.time(time.Second)
	row.Verdict = report.Verdict(r.text())
	row.Headline = finding.ID(r.text())
	row.HeadlineRole = report.Role(r.text())
	row.Title = r.text()
	for _, ids := range []*[]finding.ID{&row.Errors, &row.Inconclusive, &row.Warnings, &row.Infos} {
		*ids = texts[finding.ID](r, maxIDs)
	}
	row.More = r.int(maxCount)
	row.NotAfter = r.time(time.Second)
	if r.int(1) == 1 {
		days := r.signed()
		if days < -maxCount || days > maxCount {
			r.fail(errors.New("days are out of range"))
		}
		n := int(days)
		row.Days = &n
	}
	for _, h := range []*report.Hash{&row.Leaf, &row.SPKI, &row.Issuer, &row.Policy} {
		*h = r.hash()
	}
	row.Revocation = texts[report.Status](r, maxSources)
	row.CT = report.CTStatus(r.text())
	row.Protocol = r.text()

	row.Position = r.int(MaxRows)
	row.Input = r.text()
	row.Address = r.text()
	row.Started = r.time(time.Millisecond)
	row.Elapsed = time.Duration(r.int(maxCount)) * time.Millisecond
	row.Attempts = r.int(maxCount)
	row.Skipped = Skip(r.text())
	row.Failure = r.text()
	row.Sources = texts[string](r, maxSources)
	row.Evidence = EvidenceState(r.text())
	if len(r.b) > 0 { // nothing follows where rows had no answers of root programs yet
		row.parseAnswers(r)
	}
	of.inherit(r)
}

// parseAnswers reads the answers of root programs. Those of programs that this
// version does not know are skipped.
func (row *Row) parseAnswers(r *reader) {
	into := answers(&row.Programs)
	for i := range r.list(1, maxPrograms) {
		if s := r.text(); i < len(into) {
			*into[i] = report.RowProgram(s)
		}
	}
}

func (c *Certificate) parse(of *reader) {
	r := &reader{b: of.bytes()}
	c.SHA256, c.SPKI = r.hash(), r.hash()
	for _, s := range []*string{&c.Subject, &c.Issuer, &c.Serial, &c.Key, &c.Signature} {
		*s = r.text()
	}
	c.NotBefore, c.NotAfter = r.time(time.Second), r.time(time.Second)
	c.CA = r.int(1) == 1
	c.Names = texts[string](r, maxNames)
	if der := r.bytes(); len(der) > 0 {
		c.DER = der
	}
	of.inherit(r)
}

func (e *Evidence) parse(of *reader) {
	r := &reader{b: of.bytes()}
	e.Position = r.int(MaxRows)
	e.Data = r.bytes()
	for range r.list(32, maxBodies) {
		e.Bodies = append(e.Bodies, r.hash())
	}
	of.inherit(r)
}

// inherit makes the failure of one part the whole's.
func (r *reader) inherit(part *reader) {
	if part.err != nil {
		r.fail(part.err)
	}
}
