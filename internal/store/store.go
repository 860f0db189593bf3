// Package store is the cache on disk: what was downloaded for one URL and one
// issuer key, shared by all processes of a user.
//
// A store guarantees that the bytes it hands out are those that were put for
// exactly that key, and nothing else: whether they are authentic, fresh and in
// scope is for the judges to say each time. It is guarded against other users
// (mode 0700, owner checked, nothing reached through symbolic links), not
// against its owner. On Windows neither owner nor access rights are checked:
// the directory has to be where only its user may write, as the default one in
// the user's profile is; links and junctions are refused there too.
//
// Layout below the directory: v1/entries/ has one small file per key, named by
// its hash; v1/bodies/ the contents, named by theirs; v1/indexes/ what was
// computed from bodies; v1/learnt/ what processes have learnt from them. Files appear by renaming and are never changed, so
// readers need no lock and a killed writer leaves nothing worse than a
// temporary file. Anything damaged is a miss.
//
// A *Store is safe for concurrent use, also by several processes.
package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"
)

// MaxBytes is the default bound on the size of all files together.
const MaxBytes = 2 << 30

// Large is the size from which bodies are mapped instead of read, and trusted
// by their stat instead of hashed on every read.
const Large = 1 << 20

// maxEntry bounds the size of an entry's file.
const maxEntry = 64 << 10

// Directories below the root.
const (
	entriesDir = "v1/entries"
	bodiesDir  = "v1/bodies"
	indexesDir = "v1/indexes"
	notesDir   = "v1/learnt"
)

// Store is an open cache directory.
type Store struct {
	dir      string
	root     *os.Root
	maxBytes int64
	written  atomic.Int64 // octets since the last eviction
	spooled  atomic.Int64 // octets of the disk that spools and what is left of them have
	noDirs   error        // why the directories below dir could not be made
	mapped   *mappings
	large    int64 // what is mapped: Large, but in tests
}

// Key names what is cached. What was put for one key is never found under
// another.
type Key struct {
	Kind    string   // "crl", "ocsp", "aia", "log-list"
	URL     string   // as asked for
	Issuer  [32]byte // SHA-256 of the issuer's SubjectPublicKeyInfo; zero where none plays a part
	Request []byte   // an OCSP request
}

// Entry is what is cached.
type Entry struct {
	// Body is read-only. A large one is a mapped file: when somebody cuts that
	// file, reading faults; readers of large bodies guard against it with
	// debug.SetPanicOnFault, as package crl does.
	Body []byte
	// Owner is not nil when Body or Index is a mapped file, which is unmapped
	// when the garbage collector finds that nothing refers to Owner any more. A
	// slice does not count: whoever keeps Body, Index or a part of them keeps
	// Owner beside it, and whoever reads them calls runtime.KeepAlive(Owner), or
	// of what holds it, after the last read. Owner has no other use. Put
	// ignores it.
	Owner              any
	SHA256             [32]byte  // of Body; set by Get
	Fetched            time.Time // when it came, or was last confirmed
	Came               time.Time // when it came; zero when not known
	Expires            time.Time // zero when not known
	Again              time.Time // when HTTP wants it asked for again; zero when not known
	ETag, LastModified string    // of HTTP, for a conditional request

	// Index is what PutIndex stored for this very body; nil if nothing was.
	Index []byte
}

// Failure is a remembered failure to get a key.
type Failure struct {
	ID, Detail string
	Until      time.Time // not to be tried again before
}

// Open opens the cache in dir, which is created if need be. The error says why
// it cannot be used: the caller then works without a cache on disk. A directory
// that cannot be written to is opened for reading.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot use the cache directory: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot use the cache directory: %w", err)
	}
	switch {
	case info.Mode()&os.ModeSymlink != 0:
		return nil, fmt.Errorf("cannot use the cache directory %s: it is a symbolic link", dir)
	case !info.IsDir(): // Windows has junctions too
		return nil, fmt.Errorf("cannot use the cache directory %s: it is not a directory", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot use the cache directory: %w", err)
	}
	s := &Store{dir: dir, root: root, mapped: mapped, large: Large}
	s.Limit(MaxBytes)
	if err := s.secure("."); err != nil {
		root.Close()
		return nil, fmt.Errorf("cannot use the cache directory %s: %w", dir, err)
	}
	for _, d := range []string{"v1", entriesDir, bodiesDir, indexesDir, notesDir} {
		if err := root.Mkdir(d, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			if _, missing := root.Lstat(d); missing != nil {
				s.noDirs = err
				break // read-only: there is nothing to find, and Put will say why
			}
		}
		if err := s.secure(d); err != nil {
			root.Close()
			return nil, fmt.Errorf("cannot use the cache directory %s: %w", filepath.Join(dir, d), err)
		}
	}
	return s, nil
}

// Dir returns the directory.
func (s *Store) Dir() string { return s.dir }

// Limit bounds the size of all files together, in octets.
func (s *Store) Limit(octets int64) {
	s.maxBytes = octets
	s.written.Store(mathrand.Int64N(max(octets, 0)/8 + 1)) // so that many short-lived processes evict as often as one that writes as much
}

// secure checks that a directory is ours alone.
func (s *Store) secure(d string) error {
	info, err := s.root.Lstat(d)
	if err != nil {
		return err
	}
	switch {
	case !info.IsDir():
		return errors.New("it is not a directory")
	case !ours(info):
		return errors.New("it belongs to another user")
	}
	tighten, err := checkMode(info.Mode().Perm(), modesTell)
	if tighten {
		err = s.root.Chmod(d, 0o700)
	}
	return err
}

// checkMode is the rule for a directory's mode: nobody else writes to it, and
// if others may read it, its mode is to be set. Where modes tell nothing of
// who may (Windows has lists of access rights, and Go reports 0777 for every
// directory that may be written to) there is no rule.
func checkMode(mode os.FileMode, tell bool) (tighten bool, err error) {
	switch {
	case !tell:
		return false, nil
	case mode&0o022 != 0:
		return false, fmt.Errorf("others may write to it (mode %#o); make it 0700 and empty it", mode)
	}
	return mode&0o077 != 0, nil
}

// Get returns what was put for k. Damage of any kind is a miss.
func (s *Store) Get(k Key) (Entry, bool) {
	want := k.record()
	name := want.name(false)
	r, body, fresh, found, ok := s.find(want)
	if !ok {
		if found {
			s.amend(name, r, func() error { return s.root.Remove(name) })
		}
		return Entry{}, false
	}
	if fresh != r.Stat {
		was := r
		r.Stat = fresh
		s.amend(name, was, func() error { return s.writeRecord(name, r) }) // a failure to write only means hashing again
	}
	s.touch(name)
	return s.entry(r, body), true
}

// peek is Get that changes nothing, for who holds the lock.
func (s *Store) peek(want record) (Entry, bool) {
	r, body, fresh, _, ok := s.find(want)
	if !ok {
		return Entry{}, false
	}
	r.Stat = fresh
	return s.entry(r, body), true
}

// find reads the record and the body of a key; found is set when there is a
// record, ok when its body is right.
func (s *Store) find(want record) (r record, body content, fresh stat, found, ok bool) {
	r, found = s.readRecord(want.name(false))
	if found = found && r.sameKey(want); found {
		body, fresh, ok = s.body(r)
	}
	return r, body, fresh, found, ok
}

func (s *Store) entry(r record, body content) Entry {
	e := Entry{Body: body.b, Fetched: r.Fetched, Came: r.Came, Expires: r.Expires, Again: r.Again, ETag: r.ETag, LastModified: r.LastModified}
	hex.Decode(e.SHA256[:], []byte(r.Body))
	index := s.index(r)
	e.Index = index.b
	if body.m != nil || index.m != nil {
		e.Owner = [2]*mapping{body.m, index.m}
	}
	return e
}

// amend runs f unless another process has replaced the entry that was read.
func (s *Store) amend(name string, read record, f func() error) {
	s.locked(func() error {
		if now, ok := s.readRecord(name); !ok || now != read {
			return nil
		}
		return f()
	})
}

// Put stores e for k, whatever stood there. An error means that it is not on disk
// (which may be full or read-only); what was there before is still usable.
func (s *Store) Put(k Key, e Entry) error {
	_, err := s.Replace(k, e, nil)
	return err
}

// Replace stores e for k if nothing stands there or if may says so of what does,
// and reports whether it did; a nil may always does. Between the question and the answer no other process
// puts anything under any key, so may must not take long. An error is Put's.
func (s *Store) Replace(k Key, e Entry, may func(have Entry) bool) (done bool, err error) {
	r := k.record()
	defer runtime.KeepAlive(e.Owner) // the entry may have come from Get
	sum, err := digest(e.Body)
	if err != nil {
		return false, fmt.Errorf("the cache in %s: %w", s.dir, err)
	}
	r.Body = hex.EncodeToString(sum[:])
	r.Came = e.Came.UTC()
	r.Fetched, r.Expires, r.Again, r.ETag, r.LastModified = e.Fetched.UTC(), e.Expires.UTC(), e.Again.UTC(), e.ETag, e.LastModified
	if r.Stat, err = s.writeBody(r.Body, e.Body); err != nil {
		return false, fmt.Errorf("the cache in %s: %w", s.dir, err)
	}
	write := func() error {
		if may != nil {
			if have, ok := s.peek(r); ok && !may(have) {
				return nil
			}
		}
		done = true
		return s.writeRecord(r.name(false), r)
	}
	if may == nil {
		err = write()
	} else {
		err = s.locked(write)
	}
	if err != nil {
		return false, fmt.Errorf("the cache in %s: %w", s.dir, err)
	}
	s.written.Add(int64(len(e.Body)))
	if done {
		s.root.Remove(r.name(true))
	}
	s.relieve()
	return done, nil
}

// relieve evicts when enough has been written since the last time.
func (s *Store) relieve() {
	if s.written.Load() > s.maxBytes/8 {
		s.written.Store(0)
		s.Prune(s.maxBytes, 0)
	}
}

// The time for which a failure is remembered: doubled with each that follows.
const (
	failureFirst = time.Minute
	failureMost  = 10 * time.Minute
)

// Fail remembers that k could not be had: for a minute, then twice as long as
// before, at most ten minutes.
func (s *Store) Fail(k Key, id, detail string) error {
	r := k.record()
	name := r.name(true)
	wait := failureFirst
	if old, ok := s.readRecord(name); ok && old.sameKey(r) {
		wait = min(2*old.Wait, failureMost)
	}
	r.Failure, r.Detail, r.Wait, r.Until = id, detail, wait, time.Now().Add(wait).UTC()
	if err := s.writeRecord(name, r); err != nil {
		return err
	}
	s.relieve()
	return nil
}

// Failed returns the remembered failure of k, if it is still to be respected.
func (s *Store) Failed(k Key) (Failure, bool) {
	want := k.record()
	r, ok := s.readRecord(want.name(true))
	if !ok || !r.sameKey(want) || r.Failure == "" {
		return Failure{}, false
	}
	left := time.Until(r.Until)
	return Failure{r.Failure, r.Detail, r.Until}, left > 0 && left <= failureMost
}

// write makes a file appear under name, whole.
func (s *Store) write(name string, r io.Reader, sync bool) error {
	var random [8]byte
	rand.Read(random[:])
	tmp := filepath.Dir(name) + "/" + tmpPrefix + hex.EncodeToString(random[:])
	f, err := s.root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if isMissing(err) && s.noDirs != nil {
		return s.noDirs
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err == nil && sync {
		err = f.Sync() // or a crash of the machine could leave a file of the right size and wrong contents
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = s.root.Rename(tmp, name)
	}
	if err != nil {
		s.root.Remove(tmp)
	}
	return err
}

const tmpPrefix = "tmp-"

// open opens a regular file of ours for reading.
func (s *Store) open(name string) (*os.File, os.FileInfo, error) {
	f, err := s.root.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && (!info.Mode().IsRegular() || !ours(info)) {
		err = errors.New("not a file of ours")
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// touch marks an entry as used, at most once a minute: eviction goes by it.
func (s *Store) touch(name string) {
	info, err := s.root.Lstat(name)
	if err == nil && time.Since(info.ModTime()) > time.Minute {
		now := time.Now()
		s.root.Chtimes(name, now, now)
	}
}
