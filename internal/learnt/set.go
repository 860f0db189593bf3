// Package learnt is the set of revocations that judgements have learnt, in memory
// and on the disk that processes share. It remembers; what an entry is worth is
// for package revocation to say.
package learnt

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/policy"
)

// The bounds of a set.
const (
	Limit      = 100_000 // entries
	maxSources = 8       // of one certificate below one anchor
	maxLifts   = 10_000
)

// ID names a certificate: its issuer's name and key, and its serial number.
type ID [32]byte

// Of returns the ID of a certificate that issuer issued.
func Of(c, issuer *cert.Certificate) ID {
	return idOf(c.Issuer.Canon, evidence.HashOf(issuer.RawSPKI), c.Serial)
}

// IDOf returns the ID of the certificate that an entry is about.
func IDOf(l *evidence.Learnt) ID {
	n, _ := cert.ParseName(l.Issuer)
	return idOf(n.Canon, l.IssuerKey, l.Serial)
}

func idOf(issuer string, key evidence.Hash, serial []byte) ID {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 128), uint32(len(issuer)))
	b = append(append(append(b, issuer...), key[:]...), minimal(serial)...)
	return sha256.Sum256(b)
}

// minimal is an INTEGER's contents without the octets that say nothing.
func minimal(b []byte) []byte {
	for len(b) > 1 && (b[0] == 0 && b[1]&0x80 == 0 || b[0] == 0xff && b[1]&0x80 != 0) {
		b = b[1:]
	}
	return b
}

// Options configure a Set.
type Options struct {
	Store *store.Store // nil: the set is kept in memory only
	Warn  func(error)  // told what is lost and what cannot be kept; nil: nobody is
	Limit int          // of entries; 0: Limit
	// Shown reports whether a proved list at hand still shows an entry, which is
	// then the first to go when the set is full. nil: none does.
	Shown func(evidence.Learnt) bool
	// Learnt is called when something was learnt, here or by another process, with
	// the set locked: it must not wait, nor use the set. nil: nobody is told.
	Learnt func()
}

// Set is a set of learnt revocations. It is safe for concurrent use.
type Set struct {
	opt Options

	mu        sync.RWMutex
	byCert    map[ID][]evidence.Learnt
	count     int
	perIssuer map[evidence.Hash]int
	certs     map[evidence.Hash][]byte // of signers
	lifts     map[liftKey]lift
	canon     map[string]string // names as encoded, and as they are compared
	lessons   atomic.Uint64     // how often something was learnt

	disk disk
}

// liftKey names what is lifted: what one source said about a certificate, or, the
// source being zero, what anybody did.
type liftKey struct {
	id     ID
	source evidence.Hash
}

// lift says that what was learnt until At no longer counts. It is kept as long as
// an entry could be, so that none comes back from another process's memory.
type lift struct{ at, until time.Time }

// New returns a set with what stands on the disk.
func New(o Options) *Set {
	if o.Limit <= 0 {
		o.Limit = Limit
	}
	if o.Warn == nil {
		o.Warn = func(error) {}
	}
	s := &Set{opt: o, byCert: map[ID][]evidence.Learnt{}, perIssuer: map[evidence.Hash]int{}, certs: map[evidence.Hash][]byte{},
		lifts: map[liftKey]lift{}, canon: map[string]string{}, disk: disk{known: map[string]bool{}}}
	return s
}

// About returns the entries about a certificate.
func (s *Set) About(id ID) []evidence.Learnt {
	s.sync()
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.byCert[id])
}

// Signer returns the certificate with the given hash that an entry names, DER;
// nil when there is none.
func (s *Set) Signer(h evidence.Hash) []byte {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.certs[h]
}

// Unless runs f and returns true, unless an entry counts that is about one of the
// certificates. Nothing is learnt while f runs, which must not use the set: what
// f stores is stored before a revocation is learnt or not at all.
func (s *Set) Unless(ids []ID, counts func(*evidence.Learnt) bool, f func()) bool {
	s.sync()
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range ids {
		for i := range s.byCert[id] {
			if counts(&s.byCert[id][i]) {
				return false
			}
		}
	}
	f()
	return true
}

// Lessons is how often something was learnt: as long as it stays the same, what
// Unless said of a certificate holds. It asks no disk (see Sync).
func (s *Set) Lessons() uint64 { return s.lessons.Load() }

// Sync learns what other processes have learnt.
func (s *Set) Sync() { s.sync() }

// Add remembers what a judgement learnt that began at the given time, and the
// certificates, DER, of the signers that the entries name.
// It returns how many of them were news.
func (s *Set) Add(began time.Time, entries []evidence.Learnt, signers [][]byte) (n int) {
	if len(entries) == 0 {
		return 0
	}
	s.change(func() (fresh []record) {
		for i := range entries {
			l := entries[i]
			l.Learnt = began.UTC().Round(0)
			if s.put(l) {
				fresh = append(fresh, record{Learnt: &l})
			}
		}
		n = len(fresh)
		if n > 0 {
			for _, der := range signers {
				s.certs[evidence.HashOf(der)] = der
				fresh = append(fresh, record{Cert: der})
			}
		}
		return fresh
	})
	return n
}

// change runs f, which changes the set, and writes to the disk what f returns.
func (s *Set) change(f func() []record) error {
	s.sync()
	fresh := func() []record {
		s.mu.Lock()
		defer s.mu.Unlock()
		return f()
	}()
	return s.save(fresh)
}

// End lifts entries that are over before their time, as judged by a judgement that
// began at the given time. What is learnt later counts again.
func (s *Set) End(began time.Time, entries []evidence.Learnt) {
	if len(entries) == 0 {
		return
	}
	s.change(func() (fresh []record) {
		for i := range entries {
			l := &entries[i]
			k := liftKey{s.id(l), sourceOf(l)}
			if s.lift(k, lift{began.UTC().Round(0), l.Until}) {
				fresh = append(fresh, s.lifts[k].record(k))
			}
		}
		return fresh
	})
}

// Forget lifts whatever is known about the certificates with this serial number,
// or with this SHA-256, in hex, with or without colons. It returns how many
// entries that were. They do not come back from the memory of other processes,
// which honour what stands on the disk; a source that still says revoked, or says
// it again, is believed as before. The error says that the argument is none, or
// that the disk could not be written, so that other processes remember.
func (s *Set) Forget(what string) (n int, err error) {
	digits := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(what, "0x"), ":", ""))
	if len(digits)%2 == 1 {
		digits = "0" + digits
	}
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) == 0 {
		return 0, fmt.Errorf("%q is neither a serial number nor a SHA-256 in hex", what)
	}
	now := time.Now().UTC().Round(0)
	err = s.change(func() (fresh []record) {
		for id, entries := range s.byCert {
			l := &entries[0]
			if !slices.Equal(minimal(append([]byte{0}, b...)), minimal(append([]byte{0}, l.Serial...))) && !slices.Equal(b, l.Cert[:]) {
				continue
			}
			until := l.Until
			for i := range entries {
				if u := entries[i].Until; u.IsZero() || !until.IsZero() && u.After(until) {
					until = u
				}
			}
			n += len(entries)
			k := liftKey{id: id}
			if s.lift(k, lift{now, until}) {
				fresh = append(fresh, s.lifts[k].record(k))
			}
		}
		return fresh
	})
	return n, err
}

// List returns all entries, the latest first.
func (s *Set) List() []evidence.Learnt {
	s.sync()
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]evidence.Learnt, 0, s.count)
	for _, entries := range s.byCert {
		out = append(out, entries...)
	}
	slices.SortFunc(out, func(a, b evidence.Learnt) int {
		return cmp.Or(b.Learnt.Compare(a.Learnt), slices.Compare(a.Serial, b.Serial), cmp.Compare(a.Scheme, b.Scheme), slices.Compare(a.SignerKey[:], b.SignerKey[:]))
	})
	return out
}

func (s *Set) id(l *evidence.Learnt) ID {
	name, ok := s.canon[string(l.Issuer)]
	if !ok {
		if len(s.canon) >= 4096 {
			clear(s.canon)
		}
		n, _ := cert.ParseName(l.Issuer)
		name = n.Canon
		s.canon[string(l.Issuer)] = name
	}
	return idOf(name, l.IssuerKey, l.Serial)
}

// sourceOf tells sources apart, as evidence.Learnt.SameSource does.
func sourceOf(l *evidence.Learnt) evidence.Hash {
	b := append([]byte{byte(l.Scheme)}, l.SignerKey[:]...)
	return evidence.HashOf(append(append(b, l.Anchor[:]...), l.Scope[:]...))
}

// over reports whether an entry has ended, whatever the clocks.
func over(until, now time.Time) bool { return !until.IsZero() && now.After(until.Add(policy.MaxSkew)) }

// again notes that an entry was learnt anew, as a note tells: what was lifted in
// between does not void it.
func (s *Set) again(l *evidence.Learnt) {
	entries := s.byCert[s.id(l)]
	for i := range entries {
		if o := &entries[i]; o.SameSource(l) && o.Learnt.Before(l.Learnt) {
			o.Learnt = l.Learnt
		}
	}
}

// put adds an entry unless it is none, has ended, was lifted, or says nothing new.
func (s *Set) put(l evidence.Learnt) bool {
	if l.Valid() != nil || over(l.Until, time.Now()) {
		return false
	}
	id := s.id(&l)
	for _, k := range []liftKey{{id, sourceOf(&l)}, {id: id}} {
		if up, ok := s.lifts[k]; ok && !l.Learnt.After(up.at) {
			return false
		}
	}
	entries, below := s.byCert[id], 0
	for i := range entries {
		o := &entries[i]
		if o.SameSource(&l) {
			if !l.Outweighs(o) {
				return false
			}
			if l.Learnt.Before(o.Learnt) {
				l.Learnt = o.Learnt
			}
			entries[i] = l
			s.taught()
			return true
		}
		if o.Anchor == l.Anchor {
			below++
		}
	}
	if below >= maxSources {
		return false
	}
	if s.count >= s.opt.Limit {
		s.evict()
	}
	s.byCert[id] = append(s.byCert[id], l)
	s.count++
	s.perIssuer[l.IssuerKey]++
	s.taught()
	return true
}

// taught notes that an entry was added or changed.
func (s *Set) taught() {
	s.lessons.Add(1)
	if s.opt.Learnt != nil {
		s.opt.Learnt()
	}
}

// lift voids what was learnt until then. It reports whether that is news.
func (s *Set) lift(k liftKey, up lift) bool {
	old, ok := s.lifts[k]
	if ok && !up.at.After(old.at) || over(up.until, time.Now()) {
		return false
	}
	if !ok && len(s.lifts) >= maxLifts {
		s.dropLifts()
	}
	s.lifts[k] = up
	s.keepOf(k.id, func(l *evidence.Learnt) bool {
		return l.Learnt.After(up.at) || k.source != evidence.Hash{} && k.source != sourceOf(l)
	})
	return true
}

// dropLifts makes room: first what has ended, then the older half. What was lifted
// may then come back from another process's memory, and refuses.
func (s *Set) dropLifts() {
	now := time.Now()
	var at []time.Time
	for k, up := range s.lifts {
		if over(up.until, now) {
			delete(s.lifts, k)
			continue
		}
		at = append(at, up.at)
	}
	if len(at) < maxLifts {
		return
	}
	slices.SortFunc(at, time.Time.Compare)
	for k, up := range s.lifts {
		if up.at.Before(at[len(at)/2]) {
			delete(s.lifts, k)
		}
	}
}

// keepOf removes the entries about a certificate that keep does not want.
func (s *Set) keepOf(id ID, keep func(*evidence.Learnt) bool) (removed int) {
	var left []evidence.Learnt
	entries := s.byCert[id]
	for i := range entries {
		if keep(&entries[i]) {
			left = append(left, entries[i])
			continue
		}
		removed++
		s.count--
		if s.perIssuer[entries[i].IssuerKey]--; s.perIssuer[entries[i].IssuerKey] == 0 {
			delete(s.perIssuer, entries[i].IssuerKey)
		}
	}
	if s.byCert[id] = left; left == nil {
		delete(s.byCert, id)
	}
	return removed
}

// evict makes room for a sixteenth of the entries, and says so: what has ended
// goes first, then what a list at hand still shows, then of the issuer with the
// most entries what ends first. So whoever fills the set pushes out what is his.
func (s *Set) evict() {
	now := time.Now()
	var ended, shown, pushed int
	room := max(s.opt.Limit/16, 1)
	each := func(keep func(*evidence.Learnt) bool) (removed int) {
		for id := range s.byCert {
			if removed >= room {
				break
			}
			removed += s.keepOf(id, keep)
		}
		room -= removed
		return removed
	}
	ended = each(func(l *evidence.Learnt) bool { return !over(l.Until, now) })
	if s.opt.Shown != nil && room > 0 {
		shown = each(func(l *evidence.Learnt) bool { return !s.opt.Shown(*l) })
	}
	for room > 0 && s.count > 0 {
		var most evidence.Hash
		for k, n := range s.perIssuer {
			if n > s.perIssuer[most] || n == s.perIssuer[most] && slices.Compare(k[:], most[:]) > 0 {
				most = k
			}
		}
		var ends []time.Time
		for _, entries := range s.byCert {
			for i := range entries {
				if entries[i].IssuerKey == most {
					ends = append(ends, endOf(&entries[i]))
				}
			}
		}
		slices.SortFunc(ends, time.Time.Compare)
		last := ends[min(room, max(len(ends)/2, 1))-1]
		pushed += each(func(l *evidence.Learnt) bool { return l.IssuerKey != most || endOf(l).After(last) })
	}
	s.certsInUse()
	if shown+pushed > 0 {
		s.opt.Warn(fmt.Errorf("more than %d revocations are remembered: %d are forgotten that a list at hand still shows, and %d that nothing at hand shows", s.opt.Limit, shown, pushed))
	} else if ended == 0 {
		s.opt.Warn(fmt.Errorf("more than %d revocations are remembered, and there is no room", s.opt.Limit))
	}
}

// endOf is when an entry ends; one without an end is the last.
func endOf(l *evidence.Learnt) time.Time {
	if l.Until.IsZero() {
		return time.Unix(1<<40, 0)
	}
	return l.Until
}

// certsInUse forgets the certificates that no entry names.
func (s *Set) certsInUse() {
	used := map[evidence.Hash][]byte{}
	for _, entries := range s.byCert {
		for i := range entries {
			for _, h := range entries[i].Signer {
				if der := s.certs[h]; der != nil {
					used[h] = der
				}
			}
		}
	}
	s.certs = used
}
