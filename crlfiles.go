package assay

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync/atomic"
	"time"

	"github.com/assaytls/assay/cert/bundle"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/watched"
)

// The bounds of Config.CRLFiles and CRLDirs.
const (
	maxListFile  = 64 << 20 // octets, as of a download
	maxLists     = 256
	maxListsSize = 512 << 20 // octets of all
)

// crlFiles are the lists of Config.CRLFiles and CRLDirs, shared by all Verifiers of a
// core.
type crlFiles struct {
	now atomic.Pointer[givenLists]

	// The rest belongs to the goroutine that looks after the files.
	files watched.Files
	lists []*listed
}

// givenLists are the lists that count at one time.
type givenLists struct {
	all  []*engine.Given
	hash [sha256.Size]byte
}

// listed is one list that was read.
type listed struct {
	*engine.Given
	gone bool // its file has other contents now, or none
}

// openCRLFiles reads the files for the first time, when all that is wrong with them
// is an error.
func (v *Verifier) openCRLFiles() error {
	c := &v.conf
	if len(c.CRLFiles)+len(c.CRLDirs) == 0 {
		return nil
	}
	f := &v.crlFiles
	f.files = watched.Files{Paths: c.CRLFiles, Dirs: c.CRLDirs, Bytes: maxListFile, Count: maxLists}
	var errs []error
	for _, change := range f.files.Look(time.Now()) {
		_, err := f.take(change, slices.Contains(c.CRLFiles, change.Path))
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("Config.CRLFiles: %w", err)
	}
	if len(f.lists) == 0 {
		return errors.New("Config.CRLDirs: no file there holds a revocation list")
	}
	f.publish()
	return nil
}

// lookAtCRLFiles reads what has changed and has the open connections judged again
// against which the new lists may speak.
func (v *Verifier) lookAtCRLFiles(now time.Time) {
	f := &v.crlFiles
	var added []*engine.Given
	changes := f.files.Look(now)
	for _, change := range changes {
		came, err := f.take(change, slices.Contains(v.conf.CRLFiles, change.Path))
		if err != nil {
			v.warnCRLFile(err)
		}
		added = append(added, came...)
	}
	if f.prune() || len(changes) > 0 {
		f.publish()
	}
	if len(added) > 0 {
		v.reviewFor(added)
	}
}

// take takes over what a change brings and returns the lists that are new. On an
// error what there was before stays. In a named file there must be a list.
func (f *crlFiles) take(change watched.Change, named bool) (added []*engine.Given, err error) {
	if change.Err != nil {
		if errors.Is(change.Err, fs.ErrNotExist) {
			f.leave(change.Path, nil)
		}
		return nil, change.Err
	}
	lists, err := listsIn(change, named)
	if err != nil || len(lists) == 0 {
		return nil, err
	}
	size := int64(0)
	for _, l := range f.lists {
		size += int64(len(l.Body))
	}
	var kept []*listed // of this file
	var older error
	for _, g := range lists {
		if same := f.find(func(l *listed) bool { return l.List.SHA256 == g.List.SHA256 }); same != nil {
			same.gone = false
			kept = append(kept, same)
			continue
		}
		if later := f.find(func(l *listed) bool { return l.Proved() && download.Older(l.List, g.List) }); later != nil {
			later.gone = false
			kept = append(kept, later)
			older = fmt.Errorf("%s holds an older edition of the list of %s, made on %s; assay keeps the one made on %s",
				change.Path, g.List.Issuer, finding.Time(g.List.ThisUpdate), finding.Time(later.List.ThisUpdate))
			continue
		}
		if size += int64(len(g.Body)); size > maxListsSize || len(f.lists)+len(added) >= maxLists {
			return nil, fmt.Errorf("%s: there are more than %d revocation lists, or more than %d MiB of them", change.Path, maxLists, maxListsSize>>20)
		}
		added = append(added, g)
	}
	for _, g := range added {
		l := &listed{Given: g}
		f.lists, kept = append(f.lists, l), append(kept, l)
	}
	f.leave(change.Path, kept)
	return added, older
}

// find returns the first list of which is is true, nil when there is none.
func (f *crlFiles) find(is func(*listed) bool) *listed {
	if i := slices.IndexFunc(f.lists, is); i >= 0 {
		return f.lists[i]
	}
	return nil
}

// leave notes that a file holds no other lists than those kept.
func (f *crlFiles) leave(path string, kept []*listed) {
	for _, l := range f.lists {
		if l.File == path && !slices.Contains(kept, l) {
			l.gone = true
		}
	}
}

// maxGone bounds the lists that stay although their file has other contents: whoever
// writes forged lists again and again does not fill the memory.
const maxGone = 64

// prune drops the lists that are gone and superseded by a later edition that has
// proved authentic, and the oldest unproved ones beyond maxGone.
func (f *crlFiles) prune() (pruned bool) {
	before := len(f.lists)
	f.lists = slices.DeleteFunc(slices.Clone(f.lists), func(l *listed) bool {
		return l.gone && f.find(func(o *listed) bool { return o != l && o.Proved() && download.Newer(l.List, o.List) }) != nil
	})
	gone := 0
	for _, l := range f.lists {
		if l.gone && !l.Proved() {
			gone++
		}
	}
	f.lists = slices.DeleteFunc(f.lists, func(l *listed) bool {
		if !l.gone || l.Proved() || gone <= maxGone {
			return false
		}
		gone--
		return true
	})
	return len(f.lists) != before
}

// publish makes the lists count.
func (f *crlFiles) publish() {
	g := &givenLists{}
	h := sha256.New()
	for _, l := range f.lists {
		g.all = append(g.all, l.Given)
		h.Write(l.List.SHA256[:])
	}
	h.Sum(g.hash[:0])
	f.now.Store(g)
}

// given are the lists that count now, for the engine.
func (f *crlFiles) given() []*engine.Given {
	if g := f.now.Load(); g != nil {
		return g.all
	}
	return nil
}

// listsIn are the lists in a file. What else a file of a directory holds, and can be
// told, is passed over.
func listsIn(change watched.Change, named bool) (lists []*engine.Given, err error) {
	for _, o := range bundle.Read(change.Body, maxLists+1) {
		switch {
		case o.Damage != "":
			return nil, fmt.Errorf("%s: %s", change.Path, o.Damage)
		case o.Kind != bundle.CRL:
			continue
		}
		l, err := crl.Parse(context.Background(), o.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", change.Path, err)
		}
		lists = append(lists, &engine.Given{File: change.Path, Body: o.Bytes, List: l})
	}
	if named && len(lists) == 0 {
		return nil, fmt.Errorf("%s holds no revocation list", change.Path)
	}
	return lists, nil
}

// reviewFor judges the open connections again of which a certificate has a serial
// number that one of the new lists has. What that teaches ends them.
func (v *Verifier) reviewFor(lists []*engine.Given) {
	if !v.begin() {
		return
	}
	defer v.running.Done()
	named := func(a *acceptance) bool {
		for _, chain := range a.state.VerifiedChains {
			for _, c := range chain {
				serial := append([]byte{0}, c.SerialNumber.Bytes()...) // the contents of an INTEGER have a sign
				if slices.ContainsFunc(lists, func(g *engine.Given) bool {
					found, err := g.List.Listed(serial)
					return found || err != nil
				}) {
					return true
				}
			}
		}
		return false
	}
	open, foreign := v.conns.all()
	for _, o := range open {
		foreign = append(foreign, o.acceptance)
	}
	for _, a := range foreign {
		if named(a) {
			a.learnNow()
		}
	}
	v.learnt()
}

// learnNow judges the connection by what is known now, for what that teaches, and
// leaves it to the review to end it.
func (a *acceptance) learnNow() {
	a.mu.Lock()
	defer a.mu.Unlock()
	path := a.path
	if a.refused.Load() == nil && a.judge() != nil {
		a.path = path
	}
}

// warnCRLFile logs that a file is not what it ought to be.
func (v *Verifier) warnCRLFile(err error) {
	if l := v.conf.Logger; l != nil {
		l.Warn("assay: a revocation list from a file was not replaced", "error", finding.Quote(err.Error()))
	}
}

// filesLookEvery is how often files are looked at.
const filesLookEvery = time.Second

// tendFiles looks at the files until the Verifier is closed.
func (v *Verifier) tendFiles() {
	defer v.running.Done()
	for {
		select {
		case <-v.closing:
			return
		case <-time.After(filesLookEvery):
			v.lookAtFiles(time.Now())
		}
	}
}

func (v *Verifier) lookAtFiles(now time.Time) {
	defer func() {
		if x := recover(); x != nil {
			v.warnCRLFile(fmt.Errorf("internal error: %v", x))
		}
	}()
	v.lookAtCRLFiles(now)
	v.lookAtAnchors(now)
}
