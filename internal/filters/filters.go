// Package filters keeps CRLite filters and OneCRL on the disk: it gets them from
// the source that the user names, verifies them, stores whole sets and opens
// them in place.
//
// A set is stored in one step: its files first, under the hashes of their
// contents, then the file that lists them. What a process that was killed has
// downloaded is found again by the next one, and never used before the set is
// whole. Several processes may read while one stores.
//
// A stored set is believed as it stands: filters carry no signature, so the
// directory must be one that only its user can write to. Its sizes and all
// offsets in it are checked each time.
package filters

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/internal/store"
)

// MaxSize is the size of the largest file of a set, in bytes.
const MaxSize = 256 << 20

// Bounds of a set. In November 2026 a full filter has 6 MB, and up to 90 deltas
// of 0.3 MB follow it.
const (
	maxFilters    = 512
	maxFilterSize = MaxSize
	maxSetSize    = 1 << 30
	maxListSize   = 1 << 20 // of set.json
)

// Authentic says by what a set is known to be its publisher's.
type Authentic string

// The ways.
const (
	BySignature Authentic = "signature" // the publisher's, over the hashes of all files
	ByTLS       Authentic = "tls"       // the connection's: whoever runs the server could change it
	ByDirectory Authentic = "directory" // nothing: the files came from a directory
)

// Info describes a stored set.
type Info struct {
	Version    int       `json:"version"` // 1
	Source     string    `json:"source"`  // as the user named it
	Authentic  Authentic `json:"authentic"`
	Fetched    time.Time `json:"fetched"`
	Timestamp  uint64    `json:"timestamp,omitempty"` // of the collection of filters, in milliseconds since 1970; it only rises
	OneCRLTime uint64    `json:"onecrl_timestamp,omitempty"`
	Filters    []File    `json:"filters"`
	OneCRL     *File     `json:"onecrl,omitempty"`
}

// File is one file of a set.
type File struct {
	Name   string    `json:"name"` // the publisher's
	SHA256 string    `json:"sha256"`
	Size   int64     `json:"size"`
	Made   time.Time `json:"made,omitzero"`
}

// Newest returns when the newest filter was made.
func (i *Info) Newest() (newest time.Time) {
	for _, f := range i.Filters {
		if f.Made.After(newest) {
			newest = f.Made
		}
	}
	return newest
}

// ErrNone is returned by Open when no set is stored.
var ErrNone = errors.New("no CRLite filters are stored")

const listName = "set.json"

// ReadInfo returns the description of the set that is stored in dir.
func ReadInfo(dir string) (*Info, error) {
	b, err := readBounded(filepath.Join(dir, listName), maxListSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	var i Info
	if err := json.Unmarshal(b, &i); err != nil {
		return nil, fmt.Errorf("%s is damaged: %v", filepath.Join(dir, listName), err)
	}
	if i.Version != 1 || len(i.Filters) > maxFilters {
		return nil, fmt.Errorf("%s is of another version, or damaged", filepath.Join(dir, listName))
	}
	total := int64(0)
	for _, f := range append(i.all(), i.Filters...) {
		if h, err := hex.DecodeString(f.SHA256); err != nil || len(h) != 32 || f.Size <= 0 || f.Size > maxFilterSize {
			return nil, fmt.Errorf("%s is damaged", filepath.Join(dir, listName))
		}
		if total += f.Size; total > maxSetSize {
			return nil, fmt.Errorf("the filters in %s are larger than %d bytes together", dir, maxSetSize)
		}
	}
	return &i, nil
}

// all are the set's files beside the filters.
func (i *Info) all() []File {
	if i.OneCRL == nil {
		return nil
	}
	return []File{*i.OneCRL}
}

// Open opens the set that is stored in dir, or that upki keeps there. The files
// are mapped and stay valid as long as the set is referred to, whatever becomes
// of the directory. It returns ErrNone when there is none.
func Open(dir string) (*crlite.Set, *Info, error) {
	for tries := 0; ; tries++ {
		i, err := ReadInfo(dir)
		if errors.Is(err, ErrNone) {
			i, err = readUpki(dir)
		}
		if err != nil {
			return nil, nil, err
		}
		set, err := i.open(dir)
		// Another process may have stored a newer set and removed the files of this
		// one between the two steps.
		if errors.Is(err, fs.ErrNotExist) && tries < 3 {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		return set, i, nil
	}
}

func (i *Info) open(dir string) (*crlite.Set, error) {
	set := &crlite.Set{}
	var owners []any
	for _, f := range i.Filters {
		b, owner, err := f.read(filepath.Join(dir, f.fileName(i.upki())))
		if err != nil {
			return nil, err
		}
		filter, err := crlite.Open(b)
		if err != nil {
			return nil, fmt.Errorf("the filter %s: %w", f.Name, err)
		}
		h := crlite.Held{Filter: filter, Name: f.Name, Made: f.Made}
		_, _ = hex.Decode(h.SHA256[:], []byte(f.SHA256))
		set.Filters, owners = append(set.Filters, h), append(owners, owner)
	}
	if i.OneCRL != nil {
		b, owner, err := i.OneCRL.read(filepath.Join(dir, i.OneCRL.SHA256+".onecrl"))
		if err != nil {
			return nil, err
		}
		if set.OneCRL, err = crlite.OpenOneCRL(b); err != nil {
			return nil, fmt.Errorf("OneCRL: %w", err)
		}
		set.OneCRLMade, owners = i.OneCRL.Made, append(owners, owner)
	}
	set.Owner = owners
	return set, nil
}

// fileName is the name under which a filter lies in its directory.
func (f *File) fileName(upki bool) string {
	if upki {
		return f.Name
	}
	return f.SHA256 + ".filter"
}

// read maps the file, which must have the size that the list says.
func (f *File) read(name string) ([]byte, any, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !st.Mode().IsRegular() || f.Size != 0 && st.Size() != f.Size || st.Size() > maxFilterSize {
		return nil, nil, fmt.Errorf("the file %s has %d bytes and not the %d that it ought to have", name, st.Size(), f.Size)
	}
	return store.Map(file, st.Size())
}

// readBounded reads a small file.
func readBounded(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() || st.Size() > limit {
		return nil, fmt.Errorf("%s is no file of at most %d bytes", name, limit)
	}
	b := make([]byte, st.Size())
	n, err := readFull(f, b)
	return b[:n], err
}

func readFull(f *os.File, b []byte) (n int, err error) {
	for n < len(b) {
		k, err := f.Read(b[n:])
		n += k
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// dated is how Mozilla names filters: the day and the number of the run.
var dated = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(\d{8})-(\d)`)
})

// MadeFrom returns the time in a filter's name, the zero time if there is none.
// Runs are half a day apart.
func MadeFrom(name string) time.Time {
	m := dated().FindStringSubmatch(name)
	if m == nil {
		return time.Time{}
	}
	day, err := time.Parse("20060102", m[1])
	if err != nil {
		return time.Time{}
	}
	return day.Add(time.Duration(m[2][0]-'0') * 6 * time.Hour)
}

// validName reports whether a publisher's file name may be a name on our disk
// (C2SP upki-revocation: 1 to 32 bytes of A-Z, a-z, 0-9, "-", ".", "_").
func validName(name string) bool {
	return len(name) >= 1 && len(name) <= 32 && name != "." && name != ".." &&
		strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._") == ""
}
