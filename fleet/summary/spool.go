package summary

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/sink"
	"github.com/assaytls/assay/report"
)

// State is what a comparison needs of a row.
type State struct {
	Verdict  string       `json:"verdict"` // or "skipped"
	Headline finding.ID   `json:"finding,omitempty"`
	Title    string       `json:"title,omitempty"`
	Kinds    []finding.ID `json:"-"` // that reject or leave undecided
	Leaf     report.Hash  `json:"leaf,omitzero"`
}

func stateOf(r *sink.Row) State {
	s := State{Verdict: r.Verdict.String(), Headline: r.Headline, Title: r.Title, Leaf: r.Leaf, Kinds: slices.Concat(r.Errors, r.Inconclusive)}
	if r.Skipped != "" {
		s = State{Verdict: "skipped", Title: skipWord(string(r.Skipped))}
	}
	return s
}

// A spool sorts the states of one scan into parts by a hash of the target, so
// that two scans can be compared part by part. Parts that grow go to a temporary file.
const (
	spoolParts = 256
	spoolBlock = 32 << 10
)

type spool struct {
	parts [spoolParts]spoolPart
	most  int      // octets of a part that are kept in memory
	f     *os.File // nil until a part is too large
	size  int64
}

type spoolPart struct {
	pending []byte
	blocks  []block
}

type block struct {
	at int64
	n  int
}

func (s *spool) close() {
	if s.f != nil {
		s.f.Close()
		os.Remove(s.f.Name())
	}
}

// fill takes the rows of a job's folder.
func (s *spool) fill(dir string) error {
	results, err := sink.OpenResults(dir)
	if err != nil {
		return err
	}
	return results.Rows(func(r *sink.Row) error {
		h := fnv.New32a()
		io.WriteString(h, r.Target)
		p := &s.parts[h.Sum32()%spoolParts]
		p.pending = appendState(p.pending, r.Target, stateOf(r))
		if len(p.pending) < s.most {
			return nil
		}
		return s.flush(p)
	})
}

func (s *spool) flush(p *spoolPart) (err error) {
	if s.f == nil {
		if s.f, err = os.CreateTemp("", "assay-diff-*"); err != nil {
			return err
		}
	}
	if _, err := s.f.WriteAt(p.pending, s.size); err != nil {
		return err
	}
	p.blocks = append(p.blocks, block{s.size, len(p.pending)})
	s.size += int64(len(p.pending))
	p.pending = p.pending[:0]
	return nil
}

// read returns the states of a part by target.
func (s *spool) read(part int, into map[string]State) error {
	p := &s.parts[part]
	for _, b := range p.blocks {
		text := make([]byte, b.n)
		if _, err := s.f.ReadAt(text, b.at); err != nil {
			return err
		}
		if err := states(text, into); err != nil {
			return err
		}
	}
	return states(p.pending, into)
}

func appendState(b []byte, target string, s State) []byte {
	kinds := make([]string, len(s.Kinds))
	for i, k := range s.Kinds {
		kinds[i] = string(k)
	}
	for _, t := range []string{target, s.Verdict, string(s.Headline), s.Title, strings.Join(kinds, "\n")} {
		b = append(binary.AppendUvarint(b, uint64(len(t))), t...)
	}
	return append(b, s.Leaf[:]...)
}

func states(b []byte, into map[string]State) error {
	for len(b) > 0 {
		var texts [5]string
		for i := range texts {
			n, size := binary.Uvarint(b)
			if size <= 0 || n > uint64(len(b)-size) {
				return errors.New("a temporary file has changed")
			}
			texts[i], b = string(b[size:size+int(n)]), b[size+int(n):]
		}
		s := State{Verdict: texts[1], Headline: finding.ID(texts[2]), Title: texts[3]}
		for k := range strings.FieldsFuncSeq(texts[4], func(c rune) bool { return c == '\n' }) {
			s.Kinds = append(s.Kinds, finding.ID(k))
		}
		if b = b[copy(s.Leaf[:], b):]; s.Verdict == "" {
			return errors.New("a temporary file has changed")
		}
		into[texts[0]] = s
	}
	return nil
}
