package certpath

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/policy"
)

// Names that are equal have the same letters or some that cannot be told, as they stand
// and decoded; so an anchor with an equal name is never passed over.
func TestLetters(t *testing.T) {
	tlv := func(tag byte, b ...byte) []byte { return append([]byte{tag, byte(len(b))}, b...) }
	attribute := func(tag byte, value []byte) []byte {
		return tlv(0x30, append(tlv(6, 0x55, 4, 3), tlv(tag, value...)...)...)
	}
	var attributes [][]byte
	for _, s := range []string{"", " ", "-", "AB 1", "ab  1", " aB 1 ", "ab1", "ab\x001", "ſ", "s", "K", "k", "é", "É", "ab\u00ad1", "ab\u00a01"} {
		for _, tag := range []byte{0x0c, 0x13, 0x16, 0x14, 0x1a, 0x12, 4, 0x2c} {
			attributes = append(attributes, attribute(tag, []byte(s)))
		}
		var two, four []byte
		for _, u := range utf16.Encode([]rune(s)) {
			two, four = append(two, byte(u>>8), byte(u)), append(four, 0, 0, byte(u>>8), byte(u))
		}
		attributes = append(attributes, attribute(0x1e, two), attribute(0x1c, four))
	}
	names := [][]byte{nil, {0x30, 0}, {0x30, 2, 0x31, 0}, {0x30, 4, 0x31, 2, 0x30, 0}}
	for i, a := range attributes {
		b := attributes[(i+7)%len(attributes)]
		for _, rdns := range [][]byte{tlv(0x31, a...), append(tlv(0x31, a...), tlv(0x31, b...)...),
			tlv(0x31, append(a[:len(a):len(a)], b...)...), tlv(0x31, append(b[:len(b):len(b)], a...)...)} {
			if len(rdns) < 128 {
				names = append(names, tlv(0x30, rdns...))
			}
		}
	}
	for r := range bundle.Roots() {
		if subject, ok := subjectOf(r.Certificate); ok {
			names = append(names, subject)
		}
	}
	type seen struct {
		raw          []byte
		encoded, own uint64
	}
	equal, plain := 0, 0
	byCanon := map[string][]seen{}
	for _, raw := range names {
		n, _ := cert.ParseName(raw)
		s := seen{raw, lettersOf(raw), lettersOfName(n)}
		if s.encoded != 0 {
			plain++
		}
		byCanon[n.Canon] = append(byCanon[n.Canon], s)
	}
	for canon, all := range byCanon {
		for _, a := range all {
			for _, b := range all {
				if equal++; a.encoded != 0 && b.own != 0 && a.encoded != b.own {
					t.Errorf("%q: %x has %x, %x has %x", canon, a.raw, a.encoded, b.raw, b.own)
				}
			}
		}
	}
	if equal < 2*len(names) || plain < 100 {
		t.Errorf("%d equal pairs of %d names, %d of them plain", equal, len(names), plain)
	}
}

// FuzzLetters compares a name with what it spells when it is decoded.
func FuzzLetters(f *testing.F) {
	for r := range bundle.Roots() {
		if subject, ok := subjectOf(r.Certificate); ok {
			f.Add(subject)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, _ := cert.ParseName(raw)
		a, b := lettersOf(raw), lettersOfName(n)
		if a != 0 && b != 0 && a != b {
			t.Errorf("%x: %x as it stands, %x decoded", raw, a, b)
		}
	})
}

// What equivalent finds is what a look at every name finds, in the order of the set.
func TestEquivalentFindsAll(t *testing.T) {
	set := NewAnchors()
	for r := range bundle.Roots() {
		if err := set.Add(r.Certificate); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range set.list {
		n, _ := cert.ParseName(a.subject)
		var want []*anchor
		for _, b := range set.list {
			if other, _ := cert.ParseName(b.subject); other.Canon == n.Canon {
				want = append(want, b)
			}
		}
		if got := set.equivalent(n); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %d anchors, want %d", n, len(got), len(want))
		}
	}
}

// The hash of a set is, of all its certificates' hashes, each hashed with its limits,
// in ascending order; it names sets in evidence, so it stays what it was.
func TestHashOfSet(t *testing.T) {
	set, sums := NewAnchors(), []string{}
	limits := AnchorConstraints{Purposes: []policy.Purpose{policy.PurposeClient}, DistrustAfter: time.Unix(1, 0)}
	for r := range bundle.Roots() {
		sum := sha256.Sum256(r.Certificate)
		h := sha256.New()
		h.Write(sum[:])
		if len(sums)%5 == 3 {
			set.AddConstrained(r.Certificate, limits)
			limits.hashInto(h.Write)
		} else {
			set.Add(r.Certificate)
		}
		sums = append(sums, string(h.Sum(nil)))
	}
	slices.Sort(sums)
	if got, want := set.Hash(), sha256.Sum256([]byte(strings.Join(sums, ""))); got != want || set.Len() != len(sums) || len(sums) < 100 {
		t.Errorf("%d anchors: %x, want %x of %d", set.Len(), got, want, len(sums))
	}
}
