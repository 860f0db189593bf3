package sink

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"os"
)

// part is what is being made of the journal: at most partRows rows, or a few
// more.
type part struct {
	dir      string
	number   int
	results  *table[record] // nil: not wanted
	lines    *lines         // nil: not wanted
	evidence *lines
	rows     int64
	batches  spans

	records []record
	text    []byte
	sum     uint64 // of all rows, to compare with what is read back
}

// newPart begins part number of a journal that is journalEnd octets long.
func newPart(dir string, number int, o Options, journalEnd int64) (p *part, err error) {
	p = &part{dir: dir, number: number}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if !o.NoParquet {
		if p.results, err = createTable[record](partName(dir, resultsDir, number, "parquet")); err != nil {
			return p, err
		}
	}
	if !o.NoLines {
		if p.lines, err = openLines(partName(dir, linesDir, number, "jsonl.zst"), journalEnd); err != nil {
			return p, err
		}
		p.lines.rows = 0 // counted again while the journal is read
	}
	p.evidence, err = openLines(partName(dir, evidDir, number, "jsonl.zst"), journalEnd)
	if err == nil {
		p.evidence.rows = 0
	}
	return p, err
}

// add writes rows of one batch, from the journal's record that ends at end.
func (p *part) add(rows []Row, evidence []Evidence, end int64) error {
	if p.results != nil {
		if cap(p.records) < len(rows) {
			p.records = make([]record, len(rows))
		}
		p.records = p.records[:len(rows)]
		for i := range rows {
			p.records[i].set(&rows[i])
			p.sum = summed(p.sum, &rows[i], &p.text)
		}
		if err := p.results.write(p.records); err != nil {
			return err
		}
	}
	p.rows += int64(len(rows))
	if p.lines != nil && len(rows) > 0 {
		if err := p.addLines(p.lines, end, len(rows), func(b []byte) []byte {
			for i := range rows {
				b = append(rows[i].AppendJSON(b), '\n')
			}
			return b
		}); err != nil {
			return err
		}
	}
	targets := make(map[int]string, len(rows))
	for i := range rows {
		targets[rows[i].Position] = rows[i].Target
	}
	kept := evidence[:0:0]
	for _, e := range evidence {
		if _, ok := targets[e.Position]; ok {
			kept = append(kept, e)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return p.addLines(p.evidence, end, len(kept), func(b []byte) []byte {
		for _, e := range kept {
			line, err := json.Marshal(evidenceLine{Target: targets[e.Position], Bodies: e.Bodies, Evidence: e.Data})
			if err == nil { // the batch was checked: Data is JSON
				b = append(append(b, line...), '\n')
			}
		}
		return b
	})
}

// addLines adds what text makes to l, unless it was written by a process before.
func (p *part) addLines(l *lines, end int64, count int, text func([]byte) []byte) error {
	if end <= l.cursor {
		l.rows += int64(count)
		return nil
	}
	p.text = text(p.text[:0])
	return l.add(p.text, count, end)
}

var sumSeed = maphash.MakeSeed()

// summed adds a row to a sum that depends on their order. What Parquet does not
// keep is left out.
func summed(sum uint64, r *Row, scratch *[]byte) uint64 {
	c := *r
	c.Position, c.SPKI = 0, [32]byte{}
	*scratch = c.append((*scratch)[:0])
	return sum*0x9E3779B97F4A7C15 + maphash.Bytes(sumSeed, *scratch)
}

// verify reads the finished Parquet file back and compares every row with what
// was written.
func (p *part) verify() error {
	var (
		rows    int64
		sum     uint64
		scratch []byte
	)
	name := p.results.name + ".tmp"
	err := readTable(name, func(recs []record) error {
		for i := range recs {
			r := recs[i].row()
			sum = summed(sum, &r, &scratch)
		}
		rows += int64(len(recs))
		return nil
	})
	if err == nil && (rows != p.rows || sum != p.sum) {
		err = fmt.Errorf("%s does not read back as it was written (%d rows of %d)", name, rows, p.rows)
	}
	return err
}

// finish makes the part's files whole and gives them their names. The manifest
// does not have them yet.
func (p *part) finish(step func(string) error) (info partInfo, err error) {
	info = partInfo{Number: p.number, Rows: p.rows, Batches: p.batches, Lines: p.lines != nil, Results: p.results != nil}
	if t := p.results; t != nil {
		if err := errors.Join(t.finish(), step("parquet written")); err != nil {
			return info, err
		}
		if err := errors.Join(p.verify(), step("parquet read back")); err != nil {
			return info, err
		}
		if err := errors.Join(t.publish(), step("parquet named")); err != nil {
			return info, err
		}
		p.results = nil
	}
	if l := p.lines; l != nil {
		p.lines = nil
		if l.rows != p.rows {
			return info, fmt.Errorf("part %d has %d lines and %d rows", p.number, l.rows, p.rows)
		}
		if err := errors.Join(l.finish(), step("lines written")); err != nil {
			return info, err
		}
	}
	l := p.evidence
	p.evidence = nil
	info.Evidence = l.rows
	name := l.f.Name()
	if err := errors.Join(l.finish(), step("evidence written")); err != nil {
		return info, err
	}
	if info.Evidence == 0 {
		return info, os.Remove(name)
	}
	return info, nil
}

// close frees what is open, without finishing it.
func (p *part) close() {
	if p.results != nil {
		p.results.abandon()
	}
	for _, l := range []*lines{p.lines, p.evidence} {
		if l != nil {
			l.f.Close()
		}
	}
	p.results, p.lines, p.evidence = nil, nil, nil
}

// compact is JSON on one line.
func compact(b []byte) ([]byte, error) {
	var out bytes.Buffer
	err := json.Compact(&out, b)
	return out.Bytes(), err
}
