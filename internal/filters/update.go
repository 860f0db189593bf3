package filters

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/crlite"
)

// Update is one run that brings the stored set up to date.
type Update struct {
	Dir    string // where the set is stored; made if need be, for the user alone
	Source Source
	Get    Get
	Now    time.Time // the zero time means the clock's
	// Progress, when not nil, is told before each file: its position, the number of
	// files, its name and the bytes of all files that are still to come.
	Progress func(at, of int, name string, left int64)
}

// Run asks the source and stores its set when it differs from what is stored. It
// returns what is stored then, and whether that is new. Errors wrap
// ErrUnreachable, ErrNotAuthentic, crlite.ErrIncomplete or crlite.ErrMalformed;
// others are of the disk. A set that is stored stays as it was after any error.
func (u Update) Run(ctx context.Context) (info *Info, fresh bool, err error) {
	if u.Now.IsZero() {
		u.Now = time.Now()
	}
	if err := os.MkdirAll(u.Dir, 0o700); err != nil {
		return nil, false, err
	}
	old, err := ReadInfo(u.Dir)
	if err != nil {
		old = &Info{} // none, or one that is damaged: a whole one takes its place
	}
	o, err := u.Source.offer(ctx, u.Get, u.Now)
	if err != nil {
		return nil, false, err
	}
	if err := notOlder(&o.info, old); err != nil {
		return nil, false, err
	}
	if err := u.fetch(ctx, o); err != nil {
		return nil, false, err
	}
	if err := u.storeOneCRL(o); err != nil {
		return nil, false, err
	}
	if set, err := o.info.open(u.Dir); err != nil {
		return nil, false, err
	} else if len(set.Filters) == 0 && set.OneCRL == nil {
		return nil, false, fmt.Errorf("%w: the source offers nothing", ErrNotAuthentic)
	}
	if now, err := ReadInfo(u.Dir); err == nil { // another process may have been faster
		if err := notOlder(&o.info, now); err != nil {
			return nil, false, err
		}
	}
	b, err := json.MarshalIndent(o.info, "", "  ")
	if err != nil {
		return nil, false, err
	}
	if err := writeWhole(filepath.Join(u.Dir, listName), append(b, '\n')); err != nil {
		return nil, false, err
	}
	u.sweep(&o.info)
	return &o.info, !sameFiles(&o.info, old), nil
}

// notOlder refuses a set that is older than the stored one of a signed source:
// what was authentic once may be sent again by whoever owns the way.
func notOlder(offered, stored *Info) error {
	if stored.Authentic != BySignature && offered.Source != stored.Source || stored.Version == 0 {
		return nil
	}
	switch {
	case stored.Authentic == BySignature && offered.Authentic != BySignature && offered.Newest().Before(stored.Newest()),
		offered.Authentic == stored.Authentic && offered.Timestamp < stored.Timestamp,
		offered.Authentic == BySignature && stored.Authentic == BySignature && offered.OneCRLTime < stored.OneCRLTime:
		return fmt.Errorf("%w: the set is older than the one that is stored (newest filter %s, stored %s), which stays",
			ErrNotAuthentic, offered.Newest().Format(time.DateTime), stored.Newest().Format(time.DateTime))
	}
	return nil
}

func sameFiles(a, b *Info) bool {
	hash := func(f File) string { return f.SHA256 }
	hashes := func(i *Info) (out []string) {
		for _, f := range append(i.all(), i.Filters...) {
			out = append(out, hash(f))
		}
		return out
	}
	return slices.Equal(hashes(a), hashes(b))
}

// fetch brings the filters that are not there yet, each whole and checked.
func (u Update) fetch(ctx context.Context, o *offer) error {
	left := int64(0)
	var missing []int
	for i, f := range o.info.Filters {
		if st, err := os.Stat(filepath.Join(u.Dir, f.fileName(false))); err == nil && st.Size() == f.Size {
			continue
		}
		missing, left = append(missing, i), left+f.Size
	}
	if left > maxSetSize {
		return fmt.Errorf("%w: the filters have %d bytes together", ErrNotAuthentic, left)
	}
	for n, i := range missing {
		f := o.info.Filters[i]
		if u.Progress != nil {
			u.Progress(n+1, len(missing), f.Name, left)
		}
		var b []byte
		var err error
		if o.info.Authentic == ByDirectory {
			b, err = readBounded(o.sources[i], maxFilterSize)
		} else if b, err = u.Get(ctx, o.sources[i], f.Size); err != nil {
			err = fmt.Errorf("%s %w: %w", o.sources[i], ErrUnreachable, err)
		}
		if err != nil {
			return err
		}
		if sum := sha256.Sum256(b); int64(len(b)) != f.Size || hex.EncodeToString(sum[:]) != f.SHA256 {
			return fmt.Errorf("%w: the filter %s has another size or hash than its publisher says", ErrNotAuthentic, f.Name)
		}
		if _, err := crlite.Open(b); err != nil {
			return fmt.Errorf("the filter %s: %w", f.Name, err)
		}
		if err := writeWhole(filepath.Join(u.Dir, f.fileName(false)), b); err != nil {
			return err
		}
		left -= f.Size
	}
	return nil
}

// storeOneCRL stores OneCRL in the form that is searched in place.
func (u Update) storeOneCRL(o *offer) error {
	if o.oneCRL == nil {
		return nil
	}
	l, err := crlite.ParseOneCRL(o.oneCRL)
	if err != nil {
		return err
	}
	b := l.Compact()
	sum := sha256.Sum256(b)
	o.info.OneCRL = &File{Name: "OneCRL", SHA256: hex.EncodeToString(sum[:]), Size: int64(len(b)), Made: time.UnixMilli(int64(o.info.OneCRLTime)).UTC()}
	return writeWhole(filepath.Join(u.Dir, o.info.OneCRL.SHA256+".onecrl"), b)
}

// unusedFor is how long a file that the set does not name is kept: another
// process may be about to name it.
const unusedFor = time.Hour

// sweep removes files that no set needs any more. What cannot be removed stays.
func (u Update) sweep(i *Info) {
	entries, err := os.ReadDir(u.Dir)
	if err != nil {
		return
	}
	keep := map[string]bool{listName: true}
	for _, f := range i.Filters {
		keep[f.fileName(false)] = true
	}
	for _, f := range i.all() {
		keep[f.SHA256+".onecrl"] = true
	}
	for _, e := range entries {
		ours := strings.HasSuffix(e.Name(), ".filter") || strings.HasSuffix(e.Name(), ".onecrl") || strings.HasPrefix(e.Name(), tempPrefix)
		if st, err := e.Info(); err == nil && ours && !keep[e.Name()] && u.Now.Sub(st.ModTime()) > unusedFor {
			_ = os.Remove(filepath.Join(u.Dir, e.Name()))
		}
	}
}

const tempPrefix = ".assay-"

// writeWhole puts b into the named file in one step: readers see the old file or
// the new one, after a crash too.
func writeWhole(name string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), tempPrefix+"*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
