package certpath

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/der"
	"github.com/assaytls/assay/policy"
)

// Anchors is a set of trust anchors. Adding one costs a look at its outline
// only: certificates are indexed by subject and parsed when a path needs them.
// Build the set first, then share it: lookups are safe for concurrent use,
// adding is not.
type Anchors struct {
	list      []*anchor
	bySubject map[string][]*anchor // subject Name as encoded

	lettersOnce sync.Once
	letters     []uint64 // parallel to list: lettersOf the subject

	hashOnce sync.Once
	hash     [32]byte
}

// AnchorConstraints limit what an anchor is trusted for. The zero value limits
// nothing.
type AnchorConstraints struct {
	// DistrustAfter refuses leaves whose notBefore is after it; zero means no
	// limit.
	DistrustAfter time.Time
	// Purposes are the uses the anchor is trusted for; nil means all.
	Purposes []policy.Purpose
	// Names limits the names of everything below, beside the constraints in
	// the anchor's certificate; nil means no limit.
	Names *cert.NameConstraints
}

// anchor is one certificate of the set, parsed on demand.
type anchor struct {
	raw     []byte
	subject []byte
	limits  *AnchorConstraints // nil for none
	store   string             // where it was read from
	once    sync.Once
	parsed  *cert.Certificate

	canonOnce sync.Once
	canon     string // of the subject, by RFC 5280, 7.1
}

func (a *anchor) subjectCanon() string {
	a.canonOnce.Do(func() {
		name, _ := cert.ParseName(a.subject)
		a.canon = name.Canon
	})
	return a.canon
}

func (a *anchor) cert() *cert.Certificate {
	a.once.Do(func() { a.parsed = cert.Parse(a.raw) })
	return a.parsed
}

// ErrNotCertificate is returned for bytes without the outline of a certificate.
var ErrNotCertificate = errors.New("not a certificate")

// NewAnchors returns an empty set.
func NewAnchors() *Anchors { return &Anchors{} }

// Add makes the certificate an anchor, without limits. Bytes that already are
// in the set are not added again. The only error is ErrNotCertificate. The set
// keeps der: it must not be changed afterwards.
func (s *Anchors) Add(der []byte) error { return s.add(der, "", nil) }

// AddFrom is Add with the name of the file or store that der was read from, for
// people. A certificate that already is in the set keeps the name that it has.
func (s *Anchors) AddFrom(der []byte, store string) error { return s.add(der, store, nil) }

// Store returns where the anchor was read from: "" when c is none, or when nobody
// said so.
func (s *Anchors) Store(c *cert.Certificate) string {
	if a := s.find(c); a != nil {
		return a.store
	}
	return ""
}

// AddConstrained makes the certificate an anchor with limits. Bytes that
// already are in the set get the limits of the last call.
func (s *Anchors) AddConstrained(der []byte, c AnchorConstraints) error { return s.add(der, "", &c) }

func (s *Anchors) add(raw []byte, store string, limits *AnchorConstraints) error {
	subject, ok := subjectOf(raw)
	if !ok {
		return ErrNotCertificate
	}
	same := s.bySubject[string(subject)]
	for _, a := range same {
		if bytes.Equal(a.raw, raw) {
			if limits != nil {
				a.limits = limits
			}
			return nil
		}
	}
	if s.bySubject == nil {
		s.bySubject = make(map[string][]*anchor)
	}
	a := &anchor{raw: raw, subject: subject, limits: limits, store: store}
	s.list = append(s.list, a)
	s.bySubject[string(subject)] = append(same, a)
	return nil
}

// Len returns how many anchors there are.
func (s *Anchors) Len() int {
	if s == nil {
		return 0
	}
	return len(s.list)
}

// Certificates returns the anchors' certificates, DER, in the order in which
// they were added. They must not be changed.
func (s *Anchors) Certificates() [][]byte {
	out := make([][]byte, 0, s.Len())
	for i := range s.Len() {
		out = append(out, s.list[i].raw)
	}
	return out
}

// Hash identifies the set: the same certificates with the same limits give the
// same hash, in whatever order they were added.
func (s *Anchors) Hash() [32]byte {
	if s == nil {
		return NewAnchors().Hash()
	}
	s.hashOnce.Do(func() {
		parts, h := make([][32]byte, len(s.list)), sha256.New()
		for i, a := range s.list {
			parts[i] = sha256.Sum256(a.raw)
			h.Reset()
			h.Write(parts[i][:])
			a.limits.hashInto(h.Write)
			h.Sum(parts[i][:0])
		}
		slices.SortFunc(parts, func(x, y [32]byte) int { return bytes.Compare(x[:], y[:]) })
		h.Reset()
		for i := range parts {
			h.Write(parts[i][:])
		}
		h.Sum(s.hash[:0])
	})
	return s.hash
}

func (c *AnchorConstraints) hashInto(write func([]byte) (int, error)) {
	if c == nil {
		return
	}
	var n [8]byte
	text := func(b []byte) {
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		write(n[:])
		write(b)
	}
	if c.DistrustAfter.IsZero() {
		text(nil)
	} else {
		text([]byte(c.DistrustAfter.UTC().Format(time.RFC3339Nano)))
	}
	binary.BigEndian.PutUint64(n[:], uint64(len(c.Purposes)))
	write(n[:])
	for _, p := range c.Purposes {
		text([]byte(p))
	}
	if c.Names == nil {
		return
	}
	for _, trees := range [][]cert.Subtree{c.Names.Permitted, c.Names.Excluded} {
		binary.BigEndian.PutUint64(n[:], uint64(len(trees)))
		write(n[:])
		for _, t := range trees {
			write([]byte{byte(t.Base.Type), byte(t.Minimum), byte(t.Maximum)})
			text([]byte(t.Base.Value))
			text(t.Base.Bytes)
			text([]byte(t.Prefix.String()))
			text([]byte(t.Base.Dir.Canon))
		}
	}
}

// Contains reports whether exactly this certificate is an anchor.
func (s *Anchors) Contains(c *cert.Certificate) bool { return s.find(c) != nil }

// Issuers returns the certificates of the set whose subject is encoded exactly as
// c's issuer: those that may have issued it. Nothing is verified.
func (s *Anchors) Issuers(c *cert.Certificate) (issuers []*cert.Certificate) {
	for _, a := range s.named(c.RawIssuer) {
		issuers = append(issuers, a.cert())
	}
	return issuers
}

func (s *Anchors) find(c *cert.Certificate) *anchor {
	if s == nil || c == nil {
		return nil
	}
	for _, a := range s.bySubject[string(c.RawSubject)] {
		if bytes.Equal(a.raw, c.Raw) {
			return a
		}
	}
	return nil
}

// named returns the anchors whose subject is encoded exactly as raw.
func (s *Anchors) named(raw []byte) []*anchor {
	if s == nil {
		return nil
	}
	return s.bySubject[string(raw)]
}

// equivalent returns the anchors whose subject equals the name by RFC 5280,
// 7.1. The first call looks at the subjects of the whole set; decoded are only those
// that may be equal, once each.
func (s *Anchors) equivalent(n cert.Name) (equal []*anchor) {
	if s == nil {
		return nil
	}
	s.lettersOnce.Do(func() {
		s.letters = make([]uint64, len(s.list))
		for i, a := range s.list {
			s.letters[i] = lettersOf(a.subject)
		}
	})
	want := lettersOfName(n)
	for i, have := range s.letters {
		if (have == want || have == 0 || want == 0) && s.list[i].subjectCanon() == n.Canon {
			equal = append(equal, s.list[i])
		}
	}
	return equal
}

// subjectOf finds the subject Name in a certificate by stepping over what
// stands before it.
func subjectOf(raw []byte) ([]byte, bool) {
	outer, err := der.NewReader(raw, 0).Expect(der.Sequence)
	if err != nil {
		return nil, false
	}
	tbs, err := outer.Contents().Expect(der.Sequence)
	if err != nil {
		return nil, false
	}
	r := tbs.Contents()
	if _, _, err := r.Optional(der.Explicit(0)); err != nil {
		return nil, false
	}
	// serialNumber, signature, issuer, validity
	for _, tag := range []der.Tag{der.Integer, der.Sequence, der.Sequence, der.Sequence} {
		if _, err := r.Expect(tag); err != nil {
			return nil, false
		}
	}
	subject, err := r.Expect(der.Sequence)
	return subject.Raw, err == nil
}
