package job

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/assaytls/assay/finding"
)

// Input is one list of targets, to be read as a stream.
type Input struct {
	Name string // the file's, as it was given; "-" is standard input
	R    io.Reader
}

// ListOptions say how lists are read. The zero value takes public addresses, each
// target with its usual port.
type ListOptions struct {
	Ports   []string // of targets that name none, and of prefixes
	Private bool     // private and loopback addresses too
	Exclude *Exclusions
	// Bad, when not nil, is told of each line that is no target, in order.
	Bad func(BadLine)
}

// BadLine is a line of a list that is no target, or whose target may not be
// probed. Its texts are fit for a terminal.
type BadLine struct {
	List   string
	Number uint64 // from 1
	Text   string
	Reason string
}

func (b BadLine) String() string {
	return fmt.Sprintf("%s:%d: %s (%s)", finding.Quote(b.List), b.Number, b.Reason, b.Text)
}

// Source is what a manifest tells of a list: by it a list that has changed is known.
type Source struct {
	Name   string `json:"name"`   // "-" for standard input
	Octets int64  `json:"octets"` // of the list
	SHA256 string `json:"sha256"` // of the list, hex
}

// Counts are what became of the lines of all lists.
type Counts struct {
	Lines      uint64 `json:"lines"`
	Bad        uint64 `json:"bad"`        // no targets, or in ranges that may not be probed; BadFile has them
	Excluded   uint64 `json:"excluded"`   // targets that --exclude names
	Duplicates uint64 `json:"duplicates"` // targets that stood before
	Targets    uint64 `json:"targets"`    // what is left
}

// Listed is what CreateList made.
type Listed struct {
	Sources []Source
	Counts  Counts
	SHA256  string // of TargetsFile, hex
}

// CreateList reads lists and writes TargetsFile, IndexFile and BadFile in dir, which
// is the job's folder. Memory does not grow with the lists but for one bit a target:
// what is needed to tell duplicates is sorted in files (see duplicates). An error is
// about the files; lines that are no targets are counted and written to BadFile.
func CreateList(dir string, inputs []Input, o ListOptions) (*Listed, error) {
	c := &creation{dir: dir, o: o}
	defer c.discard()
	if err := c.open(); err != nil {
		return nil, err
	}
	for _, in := range inputs {
		if err := c.read(in); err != nil {
			return nil, err
		}
	}
	if err := c.finish(); err != nil {
		return nil, err
	}
	return &c.listed, nil
}

// creation is a list in the making.
type creation struct {
	dir string
	o   ListOptions

	raw    *os.File // every target, duplicates too
	out    *bufio.Writer
	seen   *duplicates
	bad    *os.File
	badOut *bufio.Writer
	listed Listed
}

func (c *creation) open() (err error) {
	if c.raw, err = os.CreateTemp(c.dir, "list-*.tmp"); err != nil {
		return err
	}
	if c.bad, err = os.OpenFile(filepath.Join(c.dir, BadFile), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600); err != nil {
		return err
	}
	c.out, c.badOut = bufio.NewWriterSize(c.raw, 1<<16), bufio.NewWriter(c.bad)
	c.seen = newDuplicates(c.dir)
	return nil
}

// discard removes what was only needed on the way.
func (c *creation) discard() {
	if c.raw != nil {
		c.raw.Close()
		os.Remove(c.raw.Name())
	}
	if c.bad != nil {
		c.bad.Close()
	}
	if c.seen != nil {
		c.seen.discard()
	}
}

// counted counts and hashes what is read.
type counted struct {
	n    int64
	hash io.Writer
}

func (c *counted) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return c.hash.Write(b)
}

func (c *creation) read(in Input) error {
	hash := sha256.New()
	all := &counted{hash: hash}
	r := bufio.NewReaderSize(io.TeeReader(in.R, all), 1<<16)
	for number := uint64(1); ; number++ {
		line, long, err := readLine(r)
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("the list %s cannot be read: %w", in.Name, err)
		}
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		text, _, _ := strings.Cut(string(line), "#")
		if text = strings.TrimSpace(text); text == "" && !long {
			continue
		}
		c.listed.Counts.Lines++
		if long {
			err = fmt.Errorf("the line has more than %d octets", MaxLine)
		} else {
			err = c.line(text)
		}
		var broken *writeError
		if errors.As(err, &broken) {
			return broken.err
		}
		if err != nil {
			if err := c.refuse(BadLine{in.Name, number, finding.Quote(text), finding.Quote(err.Error())}); err != nil {
				return err
			}
		}
	}
	c.listed.Sources = append(c.listed.Sources, Source{Name: in.Name, Octets: all.n, SHA256: hex.EncodeToString(hash.Sum(nil))})
	return nil
}

// readLine returns the next line without its end. Of a line that is too long only
// the beginning is returned.
func readLine(r *bufio.Reader) (line []byte, long bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if room := MaxLine + 2 - len(line); len(part) > room {
			part, long = part[:max(room, 0)], true
		}
		line = append(line, part...)
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err != nil && (err != io.EOF || len(line) == 0):
			return nil, false, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if long = long || len(line) > MaxLine; long {
			line = line[:min(len(line), MaxLine)]
		}
		return line, long, nil
	}
}

// writeError is an error of our own files, which ends the reading.
type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }

// line takes one line of a list. What is wrong with it is an error, and so is what
// is wrong with any of the addresses that it stands for.
func (c *creation) line(text string) error {
	lines, n, err := Expand(text, c.o.Ports)
	if err != nil {
		return err
	}
	if uint64(c.seen.n)+n > MaxTargets {
		return &writeError{fmt.Errorf("the lists have more than %d targets", int64(MaxTargets))}
	}
	var refused error
	for one := range lines {
		t, err := ParseTarget(one)
		if err != nil {
			return err
		}
		if a := t.Literal(); a.IsValid() {
			if err := Reachable(a, c.o.Private); err != nil {
				refused = err
				continue
			}
		}
		if c.o.Exclude.Target(&t) {
			c.listed.Counts.Excluded++
			continue
		}
		if err := c.seen.add(t.Key()); err != nil {
			return &writeError{err}
		}
		c.out.WriteString(one) // Flush tells its error
		c.out.WriteByte('\n')
	}
	return refused
}

func (c *creation) refuse(b BadLine) error {
	c.listed.Counts.Bad++
	if c.o.Bad != nil {
		c.o.Bad(b)
	}
	_, err := fmt.Fprintln(c.badOut, b)
	return err
}

// finish writes the list without its duplicates, and the index.
func (c *creation) finish() error {
	if err := errors.Join(c.out.Flush(), c.badOut.Flush(), c.bad.Sync()); err != nil {
		return err
	}
	again, err := c.seen.find()
	if err != nil {
		return err
	}
	if _, err := c.raw.Seek(0, io.SeekStart); err != nil {
		return err
	}
	w, err := newListWriter(c.dir)
	if err != nil {
		return err
	}
	defer w.discard()
	r := bufio.NewReaderSize(c.raw, 1<<16)
	for i := uint64(0); i < c.seen.n; i++ {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if again.has(i) {
			c.listed.Counts.Duplicates++
			continue
		}
		if err := w.add(line); err != nil {
			return err
		}
	}
	c.listed.Counts.Targets = w.n
	c.listed.SHA256, err = w.close()
	return err
}
