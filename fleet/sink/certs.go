package sink

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/report"
)

// Certificates are collected until they take so much, then sorted by SHA-256
// and written as one file. What came lately is left out at once, so intermediates
// cost nothing; what comes again much later is in two files until Finish
// merges them. So memory is bounded however many there are, and each certificate is written two or three times.
const (
	chunkOctets = 16 << 20
	recentCerts = 1 << 16
	mergeSets   = 16 // files read at a time while merging
)

// certRecord is a row of the table of certificates.
type certRecord struct {
	SHA256    [32]byte  `parquet:"sha256"`
	SPKI      [32]byte  `parquet:"spki,optional"`
	Subject   string    `parquet:"subject,optional"`
	Issuer    string    `parquet:"issuer,optional,dict"`
	Serial    string    `parquet:"serial,optional"`
	NotBefore time.Time `parquet:"not_before,optional,delta,timestamp(millisecond)"`
	NotAfter  time.Time `parquet:"not_after,optional,delta,timestamp(millisecond)"`
	Key       string    `parquet:"key,optional,dict"`
	Signature string    `parquet:"signature,optional,dict"`
	CA        bool      `parquet:"ca"`
	Names     []string  `parquet:"names,list"`
	DER       []byte    `parquet:"der,optional"`
}

func (c *Certificate) record() certRecord {
	return certRecord{SHA256: c.SHA256, SPKI: c.SPKI, Subject: c.Subject, Issuer: c.Issuer, Serial: c.Serial, NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		Key: c.Key, Signature: c.Signature, CA: c.CA, Names: c.Names, DER: c.DER}
}

// clone is a copy that shares nothing with the reader's buffers.
func (rec *certRecord) clone() certRecord {
	c := *rec
	c.Subject, c.Issuer, c.Serial = strings.Clone(rec.Subject), strings.Clone(rec.Issuer), strings.Clone(rec.Serial)
	c.Key, c.Signature, c.DER = strings.Clone(rec.Key), strings.Clone(rec.Signature), bytes.Clone(rec.DER)
	c.Names = slices.Clone(rec.Names)
	for i := range c.Names {
		c.Names[i] = strings.Clone(c.Names[i])
	}
	return c
}

// octets is about how much memory the certificate takes.
func (c *Certificate) octets() int {
	n := 320 + len(c.Subject) + len(c.Issuer) + len(c.Serial) + len(c.DER)
	for _, s := range c.Names {
		n += 16 + len(s)
	}
	return n
}

// certs collects certificates.
type certs struct {
	dir    string
	next   int // number of the next file
	recent [2]map[report.Hash]struct{}
	chunk  []certRecord
	octets int
	sets   [][]fileInfo // written since the last commit
}

func (s *certs) add(c *Certificate) error {
	for _, seen := range s.recent {
		if _, ok := seen[c.SHA256]; ok {
			return nil
		}
	}
	if s.recent[0] == nil || len(s.recent[0]) >= recentCerts {
		s.recent = [2]map[report.Hash]struct{}{make(map[report.Hash]struct{}), s.recent[0]}
	}
	s.recent[0][c.SHA256] = struct{}{}
	s.chunk = append(s.chunk, c.record())
	if s.octets += c.octets(); s.octets < chunkOctets {
		return nil
	}
	return s.flush()
}

// flush writes what is collected as a file of its own.
func (s *certs) flush() error {
	if len(s.chunk) == 0 {
		return nil
	}
	slices.SortFunc(s.chunk, func(a, b certRecord) int { return bytes.Compare(a.SHA256[:], b.SHA256[:]) })
	chunk := slices.CompactFunc(s.chunk, func(a, b certRecord) bool { return a.SHA256 == b.SHA256 })
	out := &certFiles{dir: s.dir, next: s.next}
	err := out.add(chunk...)
	if err == nil {
		err = out.finish()
	}
	if err != nil {
		out.abandon()
		return err
	}
	s.next, s.chunk, s.octets, s.sets = out.next, nil, 0, append(s.sets, out.files)
	return nil
}

// certFiles writes sorted certificates to files.
type certFiles struct {
	dir   string
	next  int
	table *table[certRecord]
	files []fileInfo
}

func (o *certFiles) add(all ...certRecord) error {
	for len(all) > 0 {
		if o.table == nil {
			t, err := createTable[certRecord](partName(o.dir, certsDir, o.next, "parquet"))
			if err != nil {
				return err
			}
			o.table, o.next = t, o.next+1
		}
		n := min(len(all), int(partRows-o.table.rows))
		if err := o.table.write(all[:n]); err != nil {
			return err
		}
		if all = all[n:]; o.table.rows == partRows {
			if err := o.finish(); err != nil {
				return err
			}
		}
	}
	return nil
}

// finish ends the file that is being written.
func (o *certFiles) finish() error {
	if o.table == nil {
		return nil
	}
	t := o.table
	if err := t.finish(); err != nil {
		return err
	}
	read, err := openTable[certRecord](t.name + ".tmp")
	if err != nil {
		return err
	}
	rows := read.rows
	read.close()
	if rows != t.rows {
		return fmt.Errorf("%s has %d rows of %d", t.name, rows, t.rows)
	}
	o.table = nil
	o.files = append(o.files, fileInfo{Name: filepath.Base(t.name), Rows: t.rows})
	return t.publish()
}

// abandon removes what was written.
func (o *certFiles) abandon() {
	if o.table != nil {
		o.table.abandon()
	}
	for _, f := range o.files {
		os.Remove(filepath.Join(o.dir, certsDir, f.Name))
	}
}

// mergeCerts makes one set of several, each certificate once; one with its DER
// goes before one without.
func mergeCerts(dir string, next int, sets [][]fileInfo) (files []fileInfo, after int, err error) {
	out := &certFiles{dir: dir, next: next}
	defer func() {
		if err != nil {
			out.abandon()
		}
	}()
	var heads []*certCursor
	defer func() {
		for _, h := range heads {
			h.close()
		}
	}()
	for _, set := range sets {
		h := &certCursor{dir: dir, files: set}
		if err := h.advance(); err == io.EOF {
			continue
		} else if err != nil {
			return nil, next, err
		}
		heads = append(heads, h)
	}
	var pending []certRecord
	for len(heads) > 0 {
		first := 0
		for i := range heads {
			if bytes.Compare(heads[i].at.SHA256[:], heads[first].at.SHA256[:]) < 0 {
				first = i
			}
		}
		h := heads[first]
		if n := len(pending); n > 0 && pending[n-1].SHA256 == h.at.SHA256 {
			if len(pending[n-1].DER) == 0 {
				pending[n-1] = h.at.clone()
			}
		} else {
			if n >= 500 {
				if err := out.add(pending...); err != nil {
					return nil, next, err
				}
				pending = pending[:0]
			}
			pending = append(pending, h.at.clone())
		}
		if err := h.advance(); err == io.EOF {
			h.close()
			heads = slices.Delete(heads, first, first+1)
		} else if err != nil {
			return nil, next, err
		}
	}
	if err := out.add(pending...); err != nil {
		return nil, next, err
	}
	if err := out.finish(); err != nil {
		return nil, next, err
	}
	return out.files, out.next, nil
}

// certCursor goes through a set.
type certCursor struct {
	dir   string
	files []fileInfo // not opened yet
	table *tableReader[certRecord]
	rows  []certRecord
	n, i  int
	at    *certRecord
}

func (c *certCursor) advance() error {
	for {
		if c.i < c.n {
			at := &c.rows[c.i]
			if c.at != nil && c.i > 0 && bytes.Compare(c.rows[c.i-1].SHA256[:], at.SHA256[:]) >= 0 {
				return errors.New("a file of certificates is not in order")
			}
			c.at, c.i = at, c.i+1
			return nil
		}
		if c.table == nil {
			if len(c.files) == 0 {
				return io.EOF
			}
			t, err := openTable[certRecord](filepath.Join(c.dir, certsDir, c.files[0].Name))
			if err != nil {
				return err
			}
			c.table, c.files = t, c.files[1:]
			if c.rows == nil {
				c.rows = make([]certRecord, 100)
			}
		}
		n, err := c.table.read(c.rows)
		c.n, c.i = n, 0
		if err == io.EOF {
			c.table.close()
			c.table = nil
		} else if err != nil {
			return err
		}
	}
}

func (c *certCursor) close() {
	if c.table != nil {
		c.table.close()
		c.table = nil
	}
}
