package learnt

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/store"
)

// disk is what a Set knows of the notes on the disk. What is learnt becomes a note
// of its own, which nobody changes; many small ones are put into one, and those
// removed that it holds. So the notes hold whatever some process has learnt, in
// whatever order processes write, and however they end.
type disk struct {
	mu      sync.Mutex
	known   map[string]bool // notes that were read, or written by this set
	changed time.Time       // of the directory, when it was listed
	settled bool            // it had not changed for a while then, so that any change shows
	unsaved []record        // what could not be written
}

// coarse is how coarse a file system's clock may be.
const coarse = 2 * time.Second

// The sizes by which notes are put together.
const (
	smallNote  = 1 << 20
	maxSmall   = 32  // small notes before they are put together
	maxNotes   = 128 // notes before all are
	maxUnsaved = 4096
)

// record is a line of a note: one of the fields.
type record struct {
	Learnt *evidence.Learnt `json:"learnt,omitempty"`
	Cert   []byte           `json:"cert,omitempty"`
	Lifted *lifted          `json:"lifted,omitempty"`
}

// lifted is a lift as it stands in a note.
type lifted struct {
	Cert   evidence.Hash `json:"cert"` // an ID
	Source evidence.Hash `json:"source,omitzero"`
	At     time.Time     `json:"at"`
	Until  time.Time     `json:"until,omitzero"`
}

func (up lift) record(k liftKey) record {
	return record{Lifted: &lifted{evidence.Hash(k.id), k.source, up.at, up.until}}
}

// encode writes a note: for each record a line, of the SHA-256 in hex of the rest
// of the line, a space, and the record.
func encode(records []record) ([]byte, error) {
	var b []byte
	for _, r := range records {
		line, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(line)
		b = append(append(append(hex.AppendEncode(b, sum[:]), ' '), line...), '\n')
	}
	return b, nil
}

// decode reads a note. Lines whose checksum is wrong are counted and left out.
func decode(b []byte) (records []record, bad int) {
	for line := range bytes.Lines(b) {
		line = bytes.TrimSuffix(line, []byte{'\n'})
		var r record
		if len(line) < 66 || line[64] != ' ' {
			bad++
			continue
		}
		sum := sha256.Sum256(line[65:])
		if hex.EncodeToString(sum[:]) != string(line[:64]) || json.Unmarshal(line[65:], &r) != nil {
			bad++
			continue
		}
		records = append(records, r)
	}
	return records, bad
}

// sync reads what other processes have written.
func (s *Set) sync() {
	if s.opt.Store == nil {
		return
	}
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	changed := s.opt.Store.NotesChanged()
	if s.disk.settled && changed.Equal(s.disk.changed) {
		return
	}
	age := time.Since(changed)
	notes, err := s.opt.Store.Notes()
	if err != nil {
		s.opt.Warn(fmt.Errorf("what other processes have learnt cannot be read: %w", err))
		return
	}
	there, all := make(map[string]bool, len(notes)), true
	for _, n := range notes {
		if s.disk.known[n.Name] || s.read(n.Name) {
			there[n.Name] = true
		} else {
			all = false // it is tried again: what it holds still counts
		}
	}
	s.disk.known, s.disk.changed, s.disk.settled = there, changed, all && age > coarse
}

// read takes a note into memory. It reports whether that is done.
func (s *Set) read(name string) bool {
	b, err := s.opt.Store.ReadNote(name)
	if errors.Is(err, fs.ErrNotExist) { // put into another one, which is read then
		return true
	}
	if err != nil {
		s.opt.Warn(fmt.Errorf("what was learnt in %s cannot be read: %w", name, err))
		return false
	}
	records, bad := decode(b)
	if bad > 0 {
		s.opt.Warn(fmt.Errorf("what was learnt in %s is damaged: %d of %d entries are lost", name, bad, bad+len(records)))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range records { // what is lifted is not put first
		if x := r.Lifted; x != nil {
			s.lift(liftKey{ID(x.Cert), x.Source}, lift{x.At, x.Until})
		}
	}
	for _, r := range records {
		switch {
		case r.Learnt != nil:
			if !s.put(*r.Learnt) {
				s.again(r.Learnt)
			}
		case r.Cert != nil:
			s.certs[evidence.HashOf(r.Cert)] = r.Cert
		}
	}
	return true
}

// save writes records to the disk. What cannot be written is written with what
// comes next.
func (s *Set) save(records []record) error {
	if len(records) == 0 || s.opt.Store == nil {
		return nil
	}
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	records = append(s.disk.unsaved, records...)
	b, err := encode(records)
	var name string
	if err == nil {
		name, err = s.opt.Store.AddNote(b)
	}
	if err != nil {
		err = fmt.Errorf("what was learnt cannot be kept for other processes: %w", err)
		s.disk.unsaved = records[:min(len(records), maxUnsaved)]
		s.opt.Warn(err)
		return err
	}
	s.disk.unsaved = nil
	s.disk.known[name] = true
	s.disk.settled = false
	s.gather()
	return nil
}

// gather puts the small notes into one when there are many of them, and all when
// there are too many.
func (s *Set) gather() {
	notes, err := s.opt.Store.Notes()
	if err != nil {
		return
	}
	var some []store.Note
	for _, n := range notes {
		if n.Size < smallNote {
			some = append(some, n)
		}
	}
	switch {
	case len(some) > maxSmall:
	case len(notes) > maxNotes:
		some = notes
	default:
		return
	}
	var all []record
	var read []store.Note
	seen := map[evidence.Hash]bool{}
	for _, n := range some {
		b, err := s.opt.Store.ReadNote(n.Name)
		if err != nil {
			continue
		}
		if !s.disk.known[n.Name] {
			if !s.read(n.Name) {
				continue // what is not in memory would be left out
			}
			s.disk.known[n.Name] = true
		}
		read = append(read, n)
		records, _ := decode(b)
		for _, r := range records {
			if line, err := json.Marshal(r); err == nil && !seen[evidence.HashOf(line)] && s.alive(r) {
				seen[evidence.HashOf(line)] = true
				all = append(all, r)
			}
		}
	}
	b, err := encode(all)
	if err != nil {
		return
	}
	name, err := s.opt.Store.AddNote(b)
	if err != nil {
		s.opt.Warn(fmt.Errorf("what was learnt cannot be put together: %w", err))
		return
	}
	s.disk.known[name] = true
	for _, n := range read {
		if n.Name != name {
			s.opt.Store.RemoveNote(n.Name)
		}
	}
}

// alive reports whether a record of a note that was read still says something.
func (s *Set) alive(r record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Lifted != nil:
		_, ok := s.lifts[liftKey{ID(r.Lifted.Cert), r.Lifted.Source}]
		return ok && !over(r.Lifted.Until, time.Now())
	case r.Learnt != nil:
		return !over(r.Learnt.Until, time.Now()) &&
			slices.ContainsFunc(s.byCert[s.id(r.Learnt)], func(l evidence.Learnt) bool { return l.SameSource(r.Learnt) })
	}
	return s.certs[evidence.HashOf(r.Cert)] != nil
}
