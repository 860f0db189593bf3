package store

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Item describes an entry.
type Item struct {
	Kind, URL          string
	Issuer             string // SHA-256 of the issuer's key, hex; "" where none plays a part
	Size               int64  // of the body
	SHA256             string // of the body, hex
	Fetched, Expires   time.Time
	Used               time.Time
	ETag, LastModified string
	Failure, Detail    string // of a remembered failure; it has no body
	Indexed            bool

	name string
	own  int64 // octets of the entry itself
}

// List returns all entries that can be read, the most recently used first.
func (s *Store) List() ([]Item, error) {
	files, err := s.files(entriesDir)
	if err != nil {
		return nil, err
	}
	var items []Item
	for _, f := range files {
		r, ok := s.readRecord(entriesDir + "/" + f.name)
		if !ok || entriesDir+"/"+f.name != r.name(r.Failure != "") {
			continue
		}
		_, missing := s.root.Lstat(indexesDir + "/" + r.Body)
		items = append(items, Item{Kind: r.Kind, URL: r.URL, Issuer: r.Issuer, Size: r.Stat.Size, SHA256: r.Body,
			Fetched: r.Fetched, Expires: r.Expires, Used: f.used, ETag: r.ETag, LastModified: r.LastModified,
			Failure: r.Failure, Detail: r.Detail, Indexed: r.Body != "" && missing == nil, name: entriesDir + "/" + f.name, own: f.size})
	}
	slices.SortStableFunc(items, func(a, b Item) int { return b.Used.Compare(a.Used) })
	return items, nil
}

type file struct {
	name string
	size int64
	used time.Time
}

// files lists a directory; one that is not there is empty.
func (s *Store) files(dir string) (out []file, err error) {
	entries, err := fs.ReadDir(s.root.FS(), dir)
	if err != nil && !isMissing(err) {
		return nil, err
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			out = append(out, file{e.Name(), info.Size(), info.ModTime()})
		}
	}
	return out, nil
}

// Pruned is what Prune removed.
type Pruned struct {
	Entries int
	Bytes   int64 // of bodies and indexes
	Left    int64
}

// abandoned is the age of temporary files and of bodies without an entry from
// which nobody can still be about to finish them.
const abandoned = time.Hour

// Prune removes entries that were last used longer ago than unused (0: of any
// age), then the least recently used ones until entries, bodies and indexes
// take at most limit octets; then what belongs to no entry any more. Notes stay. The error
// is the first of the files that could not be removed, which are left and
// counted so.
func (s *Store) Prune(limit int64, unused time.Duration) (p Pruned, err error) {
	items, err := s.List()
	if err != nil {
		return p, err
	}
	sizes := map[string]int64{} // of body and index
	for _, dir := range []string{bodiesDir, indexesDir} {
		files, err := s.files(dir)
		if err != nil {
			return p, err
		}
		for _, f := range files {
			if !strings.HasPrefix(f.name, tmpPrefix) {
				sizes[f.name] += f.size
			}
		}
	}
	var failed error
	remove := func(name string) bool {
		err := s.root.Remove(name)
		if err != nil && !isMissing(err) && failed == nil { // another process may have been faster
			failed = err
		}
		return err == nil
	}
	now := time.Now()
	keep := map[string]bool{}
	var total int64
	full := false
	for _, it := range items { // the most recently used first
		size := it.own
		if !keep[it.SHA256] {
			size += sizes[it.SHA256]
		}
		full = full || total+size > limit
		if full || unused > 0 && now.Sub(it.Used) > unused || it.Failure != "" && now.Sub(it.Used) > abandoned {
			if remove(it.name) {
				p.Entries++
			}
			continue
		}
		total += size
		if it.SHA256 != "" {
			keep[it.SHA256] = true
		}
	}
	known := map[string]bool{}
	for _, it := range items {
		known[it.SHA256] = true
	}
	for _, dir := range []string{entriesDir, bodiesDir, indexesDir} {
		files, err := s.files(dir)
		if err != nil {
			return p, err
		}
		for _, f := range files {
			stray := strings.HasPrefix(f.name, tmpPrefix) || dir != entriesDir && !known[f.name]
			evicted := dir != entriesDir && known[f.name] && !keep[f.name]
			removed := (evicted || stray && now.Sub(f.used) > abandoned) && remove(dir+"/"+f.name)
			switch {
			case dir == entriesDir:
			case removed:
				p.Bytes += f.size
			default:
				p.Left += f.size
			}
		}
	}
	files, err := s.files(notesDir)
	for _, f := range files {
		if strings.HasPrefix(f.name, tmpPrefix) && now.Sub(f.used) > abandoned {
			remove(notesDir + "/" + f.name)
		}
	}
	return p, errors.Join(failed, err)
}

// Problem is a file of the cache that is not as it should be.
type Problem struct {
	File, Detail string
	Removed      bool
}

// Verify reads everything and removes what is damaged: entries whose checksum
// or body is wrong, bodies that are not what their name says, indexes of other
// files. It returns how many entries are sound.
func (s *Store) Verify() (sound int, problems []Problem, err error) {
	bad := func(name, detail string) {
		problems = append(problems, Problem{name, detail, s.root.Remove(name) == nil})
	}
	bodies, err := s.files(bodiesDir)
	if err != nil {
		return 0, nil, err
	}
	right := map[string]bool{}
	for _, f := range bodies {
		if strings.HasPrefix(f.name, tmpPrefix) {
			continue
		}
		c, _, err := s.contents(bodiesDir+"/"+f.name, s.large)
		if err == nil {
			var sum [32]byte
			sum, err = digest(c.b)
			runtime.KeepAlive(c.m)
			if err == nil && hex.EncodeToString(sum[:]) == f.name {
				right[f.name] = true
				continue
			}
		}
		bad(bodiesDir+"/"+f.name, "the contents are not what was stored")
	}
	entries, err := s.files(entriesDir)
	if err != nil {
		return 0, problems, err
	}
	indexed := map[string]bool{}
	for _, f := range entries {
		if strings.HasPrefix(f.name, tmpPrefix) {
			continue
		}
		name := entriesDir + "/" + f.name
		r, ok := s.readRecord(name)
		switch {
		case !ok:
			bad(name, "the entry is damaged")
		case name != r.name(r.Failure != ""):
			bad(name, "the entry is for another key")
		case r.Failure == "" && !right[r.Body]:
			bad(name, "its body is missing or damaged")
		default:
			sound++
			indexed[r.Body] = indexed[r.Body] || s.index(r).b != nil
		}
	}
	indexes, err := s.files(indexesDir)
	for _, f := range indexes {
		if !strings.HasPrefix(f.name, tmpPrefix) && !indexed[f.name] {
			bad(indexesDir+"/"+f.name, "an index without its body")
		}
	}
	return sound, problems, err
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
