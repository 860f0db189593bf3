package assay

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/filters"
)

// Filters says where CRLite filters and OneCRL come from: the revocations of the
// whole web in some megabytes, which are asked without telling anybody. The zero
// Filters name none.
type Filters struct {
	// Dir is the directory in which the set is stored, by `assay update filters` or
	// by Source; or upki's cache, which is read in place. It must be one that only
	// trusted users can write to: filters carry no signature of their own. The set is
	// opened by New and opened again when it has changed, looked for once a minute.
	Dir string
	// Source is asked for newer filters every six hours, beside all handshakes:
	// "mozilla", "upki", or the address of such a server, as `assay update filters`
	// takes it. Up to 29 MB are downloaded at first, 0.3 MB twice a day later. "" asks
	// nobody: something else stores the set.
	Source string
}

// The times at which filters are looked after.
const (
	filtersLookEvery  = time.Minute
	filtersFetchEvery = 6 * time.Hour
	filtersRetry      = 10 * time.Minute // after a failure
	filtersTime       = 10 * time.Minute // for one update
)

// filterSet is the set that is asked now, shared by all Verifiers of a core.
type filterSet struct {
	set  atomic.Pointer[crlite.Set]
	info *filters.Info // of set; of the goroutine that looks after it
}

// openFilters opens the set that is stored, if there is one, and begins to look
// after it.
func (v *Verifier) openFilters() error {
	f := v.conf.Filters
	if f.Dir == "" {
		if f.Source != "" {
			return errors.New("Config.Filters has a Source and no Dir to store them in")
		}
		return nil
	}
	var source filters.Source
	if f.Source != "" {
		var err error
		if source, err = filters.ParseSource(f.Source, [32]byte{}); err != nil {
			return fmt.Errorf("Config.Filters.Source: %w", err)
		}
	}
	set, info, err := filters.Open(f.Dir)
	switch {
	case err == nil:
		v.filters.set.Store(set)
		v.filters.info = info
	case !errors.Is(err, filters.ErrNone):
		if f.Source == "" {
			return fmt.Errorf("Config.Filters.Dir: %w", err)
		}
		v.warnFilters(err) // an update mends it
	}
	v.running.Add(1)
	go v.tendFilters(f, source)
	return nil
}

// tendFilters opens the set again when it has changed, and has it updated, until
// the Verifier is closed.
func (v *Verifier) tendFilters(f Filters, source filters.Source) {
	defer v.running.Done()
	next := time.Now()
	if i := v.filters.info; i != nil {
		next = i.Fetched.Add(filtersFetchEvery)
	}
	for {
		if now := time.Now(); f.Source != "" && !now.Before(next) {
			next = now.Add(filtersFetchEvery)
			if err := v.updateFilters(f.Dir, source); err != nil {
				next = now.Add(filtersRetry)
				v.warnFilters(err)
			}
		}
		v.reopenFilters(f.Dir)
		select {
		case <-v.closing:
			return
		case <-time.After(filtersLookEvery):
		}
	}
}

// updateFilters asks the source. What it stores is opened by reopenFilters.
func (v *Verifier) updateFilters(dir string, source filters.Source) error {
	ctx, cancel := context.WithTimeout(v.ctx, filtersTime)
	defer cancel()
	client := &fetch.Client{Timeout: filtersTime, MaxBytes: filters.MaxSize}
	get := func(ctx context.Context, url string, limit int64) ([]byte, error) {
		own := source.Own(url)
		resp, failure := client.Do(ctx, fetch.Request{URL: url, Scope: fetch.Scope{Private: own, Loopback: own}, MaxBytes: limit})
		if failure != nil {
			return nil, failure
		}
		return resp.Body, nil
	}
	_, _, err := filters.Update{Dir: dir, Source: source, Get: get}.Run(ctx)
	return err
}

// reopenFilters opens the stored set if it is another one than before, and has
// every open connection judged again by it.
func (v *Verifier) reopenFilters(dir string) {
	set, info, err := filters.Open(dir)
	switch old := v.filters.set.Load(); {
	case errors.Is(err, filters.ErrNone):
	case err != nil:
		v.warnFilters(err) // the old set stays
	case old == nil || set.Hash() != old.Hash():
		v.filters.info = info
		v.filters.set.Store(set)
		v.review(anew)
	}
}

// filtersChanged has the open connections judged again, beside.
func (c *core) filtersChanged() { go c.review(anew) }

// warnFilters logs what changes no verdict.
func (v *Verifier) warnFilters(err error) {
	if l := v.conf.Logger; l != nil {
		l.Warn("assay: CRLite filters", "error", finding.Quote(err.Error()))
	}
}
