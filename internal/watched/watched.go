// Package watched reads files, and reads them again when they change. It looks when
// it is told to and starts no goroutine, so that one timer can serve many files. What
// the bytes are good for is for others to say: a reader keeps what it had until what
// came in its place has proved good.
package watched

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Files are the files to look at. A Files is used by one goroutine at a time.
type Files struct {
	Paths []string // files
	Dirs  []string // directories in which every regular file counts whose name does not begin with a dot
	Bytes int64    // of one file at most
	Count int      // of files at most, those in directories included

	known map[string]*state
}

// state is what is known of one path.
type state struct {
	info    os.FileInfo // as the file was when it was read; nil when there is none to compare with
	sum     [sha256.Size]byte
	read    bool   // sum is that of what was handed out
	young   bool   // the file had just been written: the next change may leave its time as it is
	trouble string // what was told of the path last
}

// Change is one file that was read, or why it was not.
type Change struct {
	Path string
	Body []byte // nil when there is an error
	Err  error  // told once, until it is another one
}

// settled is the age from which on a file's time tells that it has not changed: file
// systems count in steps of up to two seconds.
const settled = 3 * time.Second

// Look returns what has changed since the last time, in the order of the paths and
// of the names in directories. At first everything has.
func (f *Files) Look(now time.Time) (changes []Change) {
	if f.known == nil {
		f.known = map[string]*state{}
	}
	seen := map[string]bool{}
	look := func(path string) {
		if seen[path] {
			return
		}
		seen[path] = true
		if c, ok := f.look(path, now); ok {
			changes = append(changes, c)
		}
	}
	for _, p := range f.Paths {
		look(p)
	}
	for _, d := range f.Dirs {
		names, err := f.names(d)
		if err == nil && len(seen)+len(names) > f.Count {
			err = fmt.Errorf("there are more than %d files in all", f.Count)
			names = names[:max(0, f.Count-len(seen))]
		}
		if c, ok := f.trouble(d, err); ok {
			changes = append(changes, c)
		}
		if err != nil && names == nil { // what was in it is not gone on that account
			for path := range f.known {
				if filepath.Dir(path) == filepath.Clean(d) {
					seen[path] = true
				}
			}
		}
		seen[d] = true
		for _, name := range names {
			look(name)
		}
	}
	for path := range f.known {
		if !seen[path] { // it was in a directory
			delete(f.known, path)
			changes = append(changes, Change{Path: path, Err: &fs.PathError{Op: "read", Path: path, Err: fs.ErrNotExist}})
		}
	}
	return changes
}

// names are the paths of the files in a directory, sorted.
func (f *Files) names(dir string) (paths []string, err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	const most = 1 << 14 // other entries do not count, but somebody has to read them
	names, err := d.Readdirnames(most)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(names) == most {
		return nil, fmt.Errorf("%s has more than %d entries", dir, most)
	}
	slices.Sort(names)
	for _, name := range names {
		path := filepath.Join(dir, name)
		if strings.HasPrefix(name, ".") {
			continue // Kubernetes and rsync put aside there what is not complete
		}
		if to, err := os.Readlink(path); err == nil && !strings.ContainsRune(to, filepath.Separator) {
			continue // hashed directories name each file a second time
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// look reads one file if it has changed.
func (f *Files) look(path string, now time.Time) (Change, bool) {
	s := f.state(path)
	info, err := os.Stat(path)
	if err != nil {
		s.info = nil
		return f.trouble(path, err)
	}
	if s.info != nil && !s.young && same(info, s.info) {
		return Change{}, false
	}
	body, info, err := f.read(path)
	if err != nil {
		s.info = nil
		if !errors.Is(err, errMoving) {
			return f.trouble(path, err)
		}
		return Change{}, false // it is read at the next look
	}
	age := now.Sub(info.ModTime())
	s.info, s.young = info, age > -settled && age < settled
	sum := sha256.Sum256(body)
	if s.read && sum == s.sum && s.trouble == "" {
		return Change{}, false
	}
	s.sum, s.read, s.trouble = sum, true, ""
	return Change{Path: path, Body: body}, true
}

func (f *Files) state(path string) *state {
	if f.known[path] == nil {
		f.known[path] = &state{}
	}
	return f.known[path]
}

// trouble tells an error of a path, once.
func (f *Files) trouble(path string, err error) (Change, bool) {
	s := f.state(path)
	if err == nil {
		s.trouble = ""
		return Change{}, false
	}
	if s.trouble == err.Error() {
		return Change{}, false
	}
	s.trouble = err.Error()
	return Change{Path: path, Err: err}, true
}

// errMoving says that a file was written while it was read.
var errMoving = errors.New("the file changed while it was read")

// read reads a file that nobody writes meanwhile.
func (f *Files) read(path string) ([]byte, os.FileInfo, error) {
	if info, err := os.Stat(path); err != nil {
		return nil, nil, err
	} else if !info.Mode().IsRegular() { // opening a pipe waits for its writer
		return nil, nil, fmt.Errorf("%s is not a regular file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	before, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is not a regular file", path)
	}
	tooLarge := fmt.Errorf("%s has more than %d bytes", path, f.Bytes)
	if before.Size() > f.Bytes {
		return nil, nil, tooLarge
	}
	var b bytes.Buffer
	b.Grow(int(before.Size()) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(file, f.Bytes+1)); err != nil {
		return nil, nil, err
	}
	if int64(b.Len()) > f.Bytes {
		return nil, nil, tooLarge
	}
	after, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !same(before, after) || int64(b.Len()) != after.Size() {
		return nil, nil, errMoving
	}
	return b.Bytes(), after, nil
}

func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
