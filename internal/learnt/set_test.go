package learnt

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/policy"
)

var issuer = forge.NewRoot("Issuer", nil)

// entry is about the n-th certificate.
func entry(n int) evidence.Learnt {
	now := time.Now().UTC().Truncate(time.Second)
	return evidence.Learnt{Issuer: issuer.Name, IssuerKey: evidence.Hash{1}, Serial: binary.BigEndian.AppendUint32([]byte{1}, uint32(n)), Cert: evidence.Hash{2, byte(n)},
		RevokedAt: now.Add(-time.Hour), Reason: "keyCompromise", Learnt: now, Until: now.Add(1000 * time.Hour), Scheme: policy.CRL, URL: "http://crl.test/list",
		SignerKey: evidence.Hash{1}, Anchor: evidence.Hash{3}, ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(time.Hour)}
}

func (s *Set) about(l evidence.Learnt) []evidence.Learnt {
	n, _ := cert.ParseName(l.Issuer)
	return s.About(idOf(n.Canon, l.IssuerKey, l.Serial))
}

func open(t *testing.T, dir string) *store.Store {
	t.Helper()
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// warnings collects what a set warns of.
type warnings struct {
	mu   sync.Mutex
	said []string
}

func (w *warnings) add(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, err.Error())
}

func (w *warnings) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.said, "\n")
}

func newSet(t *testing.T, dir string, w *warnings) *Set {
	t.Helper()
	return New(Options{Store: open(t, dir), Warn: w.add})
}

// Issuer name, issuer key and serial number name a certificate, each of them.
func TestID(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	renamed, rekeyed := forge.NewRoot("Other", root.Key), forge.NewRoot("Root", nil)
	leaf := func(by *forge.CA, serial ...byte) *cert.Certificate {
		return cert.Parse(by.Issue(forge.Cert{Serial: serial, Subject: forge.CN("x")}).Raw)
	}
	of := func(by *forge.CA, serial ...byte) ID { return Of(leaf(by, serial...), cert.Parse(by.Raw)) }
	base := of(root, 5, 1)
	for name, id := range map[string]ID{"name": of(renamed, 5, 1), "key": of(rekeyed, 5, 1), "serial": of(root, 5, 2), "shorter": of(root, 5)} {
		if id == base {
			t.Errorf("another %s has the same ID", name)
		}
	}
	if of(root, 0, 5, 1) != base {
		t.Error("a padded serial number has another ID")
	}
	l := evidence.Learnt{Issuer: root.Name, IssuerKey: evidence.HashOf(cert.Parse(root.Raw).RawSPKI), Serial: []byte{5, 1}}
	if New(Options{}).id(&l) != base {
		t.Error("an entry and its certificate have two IDs")
	}
}

func TestAdd(t *testing.T) {
	s, began := New(Options{}), time.Now()
	hold := entry(1)
	hold.Hold, hold.Until = true, hold.NextUpdate
	s.Add(began, []evidence.Learnt{hold, entry(2)}, [][]byte{{1}})
	later := hold
	later.ThisUpdate, later.Until = hold.ThisUpdate.Add(time.Minute), hold.Until.Add(time.Hour)
	s.Add(began, []evidence.Learnt{later}, nil)
	if got := s.about(hold); len(got) != 1 || !got[0].Until.Equal(later.Until) {
		t.Errorf("a later hold: %+v", got)
	}
	s.Add(began, []evidence.Learnt{hold}, nil)
	if got := s.about(hold); !got[0].Until.Equal(later.Until) {
		t.Error("an earlier hold takes the place of a later one")
	}
	s.Add(began, []evidence.Learnt{entry(1)}, nil)
	s.Add(began, []evidence.Learnt{later}, nil)
	if got := s.about(hold); len(got) != 1 || got[0].Hold {
		t.Errorf("for good: %+v", got)
	}
	ended := entry(3)
	ended.Until = time.Now().Add(-2 * policy.MaxSkew)
	s.Add(began, []evidence.Learnt{ended, {}}, nil)
	if n := len(s.List()); n != 2 {
		t.Errorf("%d entries", n)
	}
	// A certificate has as many entries as there are sources, within bounds, and one
	// tenant's do not crowd out another's.
	for n := range 3 * maxSources {
		l := entry(4)
		l.SignerKey = evidence.Hash{9, byte(n)}
		s.Add(began, []evidence.Learnt{l}, nil)
	}
	other := entry(4)
	other.Anchor = evidence.Hash{8}
	s.Add(began, []evidence.Learnt{other}, nil)
	if n := len(s.about(entry(4))); n != maxSources+1 {
		t.Errorf("%d entries of many sources", n)
	}
	if s.count != len(s.List()) || s.perIssuer[evidence.Hash{1}] != s.count {
		t.Errorf("count %d, per issuer %v", s.count, s.perIssuer)
	}
}

// Sets that share a disk know what each has learnt, at once, whoever ends when.
func TestShared(t *testing.T) {
	dir := t.TempDir()
	w := &warnings{}
	a, b := newSet(t, dir, w), newSet(t, dir, w)
	for n := range 3 * maxSmall {
		one, two := a, b
		if n%2 > 0 {
			one, two = b, a
		}
		l := entry(n)
		der := []byte(fmt.Sprint("a certificate", n))
		l.Signer = []evidence.Hash{evidence.HashOf(der)}
		one.Add(time.Now(), []evidence.Learnt{l}, [][]byte{der})
		if got := two.about(l); len(got) != 1 || two.Signer(l.Signer[0]) == nil {
			t.Fatalf("the %d-th is not known: %+v", n, got)
		}
	}
	if c := newSet(t, dir, w); len(c.List()) != 3*maxSmall || c.Signer(evidence.HashOf([]byte("a certificate0"))) == nil {
		t.Errorf("a new process knows %d", len(c.List()))
	}
	if notes, _ := open(t, dir).Notes(); len(notes) > maxSmall+1 {
		t.Errorf("%d notes", len(notes))
	}
	if w.String() != "" {
		t.Error(w)
	}
	open(t, dir).Prune(0, 0)
	if n := len(newSet(t, dir, w).List()); n != 3*maxSmall {
		t.Errorf("after pruning %d are left", n)
	}
}

// Where the file system's clock is coarse, a change may leave the directory's time
// as it was.
func TestCoarseClock(t *testing.T) {
	dir := t.TempDir()
	w := &warnings{}
	a, b := newSet(t, dir, w), newSet(t, dir, w)
	a.Add(time.Now(), []evidence.Learnt{entry(1)}, nil)
	b.List()
	notes := filepath.Join(dir, "v1/learnt")
	info, err := os.Stat(notes)
	if err != nil {
		t.Fatal(err)
	}
	a.Add(time.Now(), []evidence.Learnt{entry(2)}, nil)
	if err := os.Chtimes(notes, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if n := len(b.List()); n != 2 {
		t.Errorf("%d entries", n)
	}
}

// Many writers at once lose nothing, though each puts notes together.
func TestSharedByMany(t *testing.T) {
	dir := t.TempDir()
	w := &warnings{}
	const writers, each = 6, 60
	var wg sync.WaitGroup
	for k := range writers {
		wg.Go(func() {
			var s *Set
			for n := range each {
				if n%20 == 0 {
					s = newSet(t, dir, w) // the process before has ended
				}
				s.Add(time.Now(), []evidence.Learnt{entry(k*each + n)}, nil)
			}
		})
	}
	wg.Wait()
	if n := len(newSet(t, dir, w).List()); n != writers*each {
		t.Errorf("%d of %d are left", n, writers*each)
	}
	if w.String() != "" {
		t.Error(w)
	}
}

// Of a damaged note those entries stay whose checksum is right, and it is told.
func TestDamaged(t *testing.T) {
	for name, damage := range map[string]struct {
		change func([]byte) []byte
		left   int
	}{
		"flipped":        {func(b []byte) []byte { b[100] ^= 1; return b }, 2},
		"cut":            {func(b []byte) []byte { return b[:len(b)-10] }, 2},
		"empty":          {func([]byte) []byte { return []byte("\n") }, 0},
		"garbage behind": {func(b []byte) []byte { return append(b, "<html>\n"...) }, 3},
		"garbage before": {func(b []byte) []byte { return append([]byte(strings.Repeat("x", 500)+"\n"), b...) }, 3},
	} {
		dir := t.TempDir()
		newSet(t, dir, &warnings{}).Add(time.Now(), []evidence.Learnt{entry(1), entry(2), entry(3)}, nil)
		files, _ := filepath.Glob(filepath.Join(dir, "v1/learnt/*"))
		if len(files) != 1 {
			t.Fatal(files)
		}
		b, _ := os.ReadFile(files[0])
		if err := os.WriteFile(files[0], damage.change(b), 0o600); err != nil {
			t.Fatal(err)
		}
		w := &warnings{}
		if n := len(newSet(t, dir, w).List()); n != damage.left || !strings.Contains(w.String(), "damaged") {
			t.Errorf("%s: %d entries are left, want %d; %s", name, n, damage.left, w)
		}
	}
}

// A note that cannot be read for a while is read later, and is not lost when the
// notes are put together meanwhile.
func TestReadLater(t *testing.T) {
	for name, more := range map[string]int{"one": 0, "put together": 40} {
		dir := t.TempDir()
		newSet(t, dir, &warnings{}).Add(time.Now(), []evidence.Learnt{entry(1)}, nil)
		files, _ := filepath.Glob(filepath.Join(dir, "v1/learnt/*"))
		if len(files) != 1 {
			t.Fatal(files)
		}
		aside := filepath.Join(t.TempDir(), "note")
		if os.Rename(files[0], aside) != nil || os.Mkdir(files[0], 0o700) != nil {
			t.Fatal("nothing is in the way")
		}
		w := &warnings{}
		s := newSet(t, dir, w)
		if n := len(s.List()); n != 0 {
			t.Fatalf("%d entries", n)
		}
		if os.Remove(files[0]) != nil || os.Rename(aside, files[0]) != nil {
			t.Fatal("it is still in the way")
		}
		for i := range more {
			s.Add(time.Now(), []evidence.Learnt{entry(100 + i)}, nil)
		}
		if n := len(s.List()); n != 1+more {
			t.Errorf("%s: %d entries, want %d; %s", name, n, 1+more, w)
		}
		if n := len(newSet(t, dir, w).List()); n != 1+more {
			t.Errorf("%s: another process has %d entries, want %d", name, n, 1+more)
		}
	}
}

// What cannot be written stays in memory and is written later.
func TestUnwritable(t *testing.T) {
	dir := t.TempDir()
	w := &warnings{}
	s := newSet(t, dir, w)
	sub := filepath.Join(dir, "v1/learnt")
	if os.Remove(sub) != nil || os.WriteFile(sub, nil, 0o600) != nil {
		t.Fatal("nothing is in the way")
	}
	s.Add(time.Now(), []evidence.Learnt{entry(1)}, nil)
	if w.String() == "" || len(s.List()) != 1 {
		t.Errorf("%q, %d entries", w, len(s.List()))
	}
	os.Remove(sub)
	os.Mkdir(sub, 0o700)
	s.Add(time.Now(), []evidence.Learnt{entry(2)}, nil)
	if n := len(newSet(t, dir, w).List()); n != 2 {
		t.Errorf("%d entries on the disk", n)
	}
}

// What is forgotten does not come back from another process's memory, nor from a
// judgement that began before, and can be learnt again.
func TestForget(t *testing.T) {
	dir := t.TempDir()
	w := &warnings{}
	a, b := newSet(t, dir, w), newSet(t, dir, w)
	began := time.Now()
	a.Add(began, []evidence.Learnt{entry(1), entry(2)}, nil)
	if len(b.List()) != 2 {
		t.Fatal("not shared")
	}
	for _, wrong := range []string{"", "xyz", "12 34"} {
		if n, err := a.Forget(wrong); err == nil {
			t.Errorf("%q: %d forgotten", wrong, n)
		}
	}
	if n, err := a.Forget("01:00:00:00:01"); n != 1 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	if n, _ := a.Forget("0100000001"); n != 0 {
		t.Errorf("forgot %d again", n)
	}
	if len(b.about(entry(1))) != 0 || len(a.about(entry(1))) != 0 || len(b.about(entry(2))) != 1 {
		t.Error("the other process remembers, or forgot too much")
	}
	b.Add(began, []evidence.Learnt{entry(1)}, nil) // a judgement that was under way
	c := newSet(t, dir, w)
	if len(b.about(entry(1))) != 0 || len(c.about(entry(1))) != 0 {
		t.Error("it came back")
	}
	time.Sleep(20 * time.Millisecond)                   // the clock may be coarse
	b.Add(time.Now(), []evidence.Learnt{entry(1)}, nil) // it is still said
	if len(a.about(entry(1))) != 1 || len(newSet(t, dir, w).about(entry(1))) != 1 {
		t.Errorf("it cannot be learnt again: %d, %d; %s", len(a.about(entry(1))), len(newSet(t, dir, w).about(entry(1))), w)
	}
	if n, err := c.Forget(entry(2).Cert.String()); n != 1 || err != nil || len(a.about(entry(2))) != 0 {
		t.Errorf("by hash: %d, %v", n, err)
	}
	if w.String() != "" {
		t.Error(w)
	}
}

// One source's word ends and not another's.
func TestEnd(t *testing.T) {
	dir := t.TempDir()
	w := &warnings{}
	a, b := newSet(t, dir, w), newSet(t, dir, w)
	began := time.Now()
	other := entry(1)
	other.Scheme, other.SignerKey = policy.OCSP, evidence.Hash{7}
	a.Add(began, []evidence.Learnt{entry(1), other}, nil)
	b.End(time.Now(), []evidence.Learnt{entry(1)})
	for _, s := range []*Set{a, b, newSet(t, dir, w)} {
		if got := s.about(entry(1)); len(got) != 1 || got[0].Scheme != policy.OCSP {
			t.Errorf("%+v", got)
		}
	}
	// What is learnt by a judgement that began after that counts.
	a.Add(time.Now().Add(time.Second), []evidence.Learnt{entry(1)}, nil)
	if len(b.about(entry(1))) != 2 {
		t.Error("not learnt again")
	}
}

// A full set lets go, first of what a list at hand shows, then of the issuer with
// the most, and says so.
func TestFull(t *testing.T) {
	w := &warnings{}
	inHand := map[string]bool{}
	s := New(Options{Warn: w.add, Limit: 160, Shown: func(l evidence.Learnt) bool { return inHand[string(l.Serial)] }})
	victim := entry(1 << 20)
	victim.IssuerKey, victim.Until = evidence.Hash{4}, time.Now().Add(time.Hour)
	s.Add(time.Now(), []evidence.Learnt{victim}, nil)
	for n := range 159 {
		s.Add(time.Now(), []evidence.Learnt{entry(n)}, nil)
	}
	for n := 100; n < 110; n++ {
		inHand[string(entry(n).Serial)] = true
	}
	if w.String() != "" {
		t.Fatal(w)
	}
	s.Add(time.Now(), []evidence.Learnt{entry(200)}, nil)
	if len(s.about(entry(100))) != 0 || len(s.about(entry(5))) != 1 || !strings.Contains(w.String(), "10 are forgotten") {
		t.Errorf("what a list shows did not go first: %s", w)
	}
	for n := range 5000 {
		s.Add(time.Now(), []evidence.Learnt{entry(1000 + n)}, nil)
	}
	if len(s.about(victim)) != 1 {
		t.Error("the entry of another issuer was pushed out")
	}
	if n := len(s.List()); n > 160 || n < 100 || s.count != n {
		t.Errorf("%d entries", n)
	}
	// What has ended goes in silence.
	w.said = nil
	s.mu.Lock()
	for id, es := range s.byCert {
		for i := range es {
			if es[i].IssuerKey == (evidence.Hash{1}) {
				s.byCert[id][i].Until = time.Now().Add(-2 * policy.MaxSkew)
			}
		}
	}
	s.mu.Unlock()
	for n := range 100 {
		s.Add(time.Now(), []evidence.Learnt{entry(9000 + n)}, nil)
	}
	if w.String() != "" {
		t.Error(w)
	}
}

// A hundred thousand entries are opened in the time of one download.
func TestLarge(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	dir := t.TempDir()
	w := &warnings{}
	var all []evidence.Learnt
	for n := range Limit {
		all = append(all, entry(n))
	}
	a := newSet(t, dir, w)
	start := time.Now()
	a.Add(time.Now(), all, nil)
	t.Logf("adding took %v", time.Since(start))
	start = time.Now()
	b := newSet(t, dir, w)
	if n := len(b.about(entry(7))); n != 1 {
		t.Errorf("%d entries", n)
	}
	took := time.Since(start)
	t.Logf("opening took %v", took)
	start = time.Now()
	for n := range 100 {
		b.about(entry(n))
	}
	t.Logf("a lookup takes %v", time.Since(start)/100)
	if b.count != Limit || w.String() != "" {
		t.Errorf("%d entries; %s", b.count, w)
	}
}

// Nothing is stored for a certificate about which an entry counts, and nothing is
// learnt while it is stored.
func TestUnless(t *testing.T) {
	s := New(Options{})
	yes := func(*evidence.Learnt) bool { return true }
	id := s.id(&[]evidence.Learnt{entry(1)}[0])
	learnt := make(chan bool)
	if !s.Unless([]ID{id}, yes, func() {
		go func() { s.Add(time.Now(), []evidence.Learnt{entry(1)}, nil); close(learnt) }()
		select {
		case <-learnt:
			t.Error("learnt while an acceptance was stored")
		case <-time.After(50 * time.Millisecond):
		}
	}) {
		t.Error("nothing was learnt, and nothing stored")
	}
	<-learnt
	for _, ids := range [][]ID{{id}, {{1}, id}} {
		if s.Unless(ids, yes, func() { t.Error("stored") }) {
			t.Error("an entry was overlooked")
		}
	}
	ran := false
	if !s.Unless([]ID{id}, func(*evidence.Learnt) bool { return false }, func() { ran = true }) || !ran {
		t.Error("an entry that does not count counts")
	}
	if !s.Unless([]ID{{1}}, yes, func() {}) {
		t.Error("another certificate is concerned")
	}
}

func FuzzDecode(f *testing.F) {
	l := entry(1)
	b, err := encode([]record{{Learnt: &l}, {Cert: []byte{1}}, {Lifted: &lifted{At: time.Unix(1, 0)}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		records, _ := decode(b)
		s := New(Options{})
		for _, r := range records {
			if r.Learnt != nil && s.put(*r.Learnt) && r.Learnt.Valid() != nil {
				t.Error("an entry that is none was taken")
			}
		}
		again, err := encode(records)
		if err != nil {
			t.Fatal(err)
		}
		if more, bad := decode(again); bad > 0 || len(more) != len(records) {
			t.Errorf("%d records, then %d and %d bad", len(records), len(more), bad)
		}
	})
}
