package download

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

// A reader whose time is up leaves the list to the next one; what is wrong with
// the list itself is remembered.
func TestListHeedsContext(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	a := newArtefact(forge.NewRoot("Root", nil).CRL(forge.CRL{Entries: []forge.Entry{forge.Revoke([]byte{5}, 1)}}), nil, nil)
	var e *crl.Error
	if l, err := a.List(ended); l != nil || !errors.As(err, &e) || e.ID != finding.CRLBudget {
		t.Errorf("an ended context: %v", err)
	}
	var all sync.WaitGroup
	var lists [8]*crl.List
	for i := range lists {
		all.Go(func() { lists[i], _ = a.List(t.Context()) })
	}
	all.Wait()
	for _, l := range lists {
		if l == nil || l != lists[0] {
			t.Fatal("the list was not read once")
		}
	}
	if l, err := a.List(ended); l != lists[0] || err != nil {
		t.Errorf("what was read: %v", err)
	}
	bad := newArtefact([]byte("no list"), nil, nil)
	_, first := bad.List(t.Context())
	if _, err := bad.List(ended); err != first || first == nil {
		t.Errorf("%v, then %v", first, err)
	}
	// Who waits for a reader waits no longer than its own time.
	waits := newArtefact(a.Body, nil, nil)
	waits.parsed.turn <- struct{}{}
	if _, err := waits.List(ended); !errors.As(err, &e) || e.ID != finding.CRLBudget {
		t.Errorf("waiting: %v", err)
	}
}
