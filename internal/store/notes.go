package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Notes are small files beside the cache that processes leave for each other and
// that Prune keeps. A note is named by its contents, appears whole and never
// changes, so no process overwrites what another one wrote; whoever has put all
// that stands in some into a new one may remove them.

// maxNote bounds the size of a note.
const maxNote = 256 << 20

// NotesChanged returns when a note last appeared or went, as far as the file
// system tells; its clock may be coarse.
func (s *Store) NotesChanged() time.Time {
	info, err := s.root.Lstat(notesDir)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// Note is a note's name and size.
type Note struct {
	Name string
	Size int64
}

// Notes lists the notes.
func (s *Store) Notes() (notes []Note, err error) {
	files, err := s.files(notesDir)
	for _, f := range files {
		if !strings.HasPrefix(f.name, tmpPrefix) {
			notes = append(notes, Note{f.name, f.size})
		}
	}
	return notes, err
}

// ReadNote returns a note's contents. They are what stands there: whether somebody
// has damaged them is for the caller to find out.
func (s *Store) ReadNote(name string) ([]byte, error) {
	f, info, err := s.open(notesDir + "/" + name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > maxNote {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxNote)
	}
	return io.ReadAll(io.LimitReader(f, maxNote))
}

// AddNote leaves a note and returns its name. It is on the disk, not only in the
// system's memory, when there is no error.
func (s *Store) AddNote(b []byte) (name string, err error) {
	if len(b) > maxNote {
		return "", errors.New("the note is too large")
	}
	sum, err := digest(b)
	if err == nil {
		name = hex.EncodeToString(sum[:])
		err = s.write(notesDir+"/"+name, bytes.NewReader(b), true)
	}
	if err != nil {
		return "", fmt.Errorf("the cache in %s: %w", s.dir, err)
	}
	return name, nil
}

// RemoveNote removes a note; one that is gone already is no error.
func (s *Store) RemoveNote(name string) error {
	if err := s.root.Remove(notesDir + "/" + name); !isMissing(err) {
		return err
	}
	return nil
}
