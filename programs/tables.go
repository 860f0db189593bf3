package programs

import (
	"bytes"
	"cmp"
	"crypto/md5" // the hash of names in Microsoft's list; nothing is proved by it
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/policy"
)

// Tables are what is known of the programs, at most one table for each. They are
// immutable and safe for concurrent use. Nil and the zero have none, so that every
// answer is [CannotTell].
type Tables struct {
	of map[policy.Program]*table
}

// table is one program's.
type table struct {
	Table
	entries   map[[32]byte]*Entry
	bySerial  map[[32]byte]*Entry  // by IssuerSerial, of those that have no fingerprint
	bySubject map[[8]byte][]*Entry // anchors, by SubjectHash
	anchors   []*Entry             // all of them
}

// HashSubject returns what an entry's SubjectHash is for a subject's encoding, a
// Name in DER. Equal hashes of different names only make an answer less certain.
func HashSubject(name []byte) [8]byte {
	sum := md5.Sum(name)
	return [8]byte(sum[:8])
}

// HashIssuerSerial returns what an entry's IssuerSerial is for an issuer's encoding, a Name in DER,
// and the contents of a serial number.
func HashIssuerSerial(issuer, serial []byte) [32]byte {
	h := sha256.New()
	h.Write(issuer)
	h.Write(serial)
	return [32]byte(h.Sum(nil))
}

// find returns what the table has of a certificate, nil for nothing.
func (t *table) find(c *cert.Certificate) *Entry {
	if len(t.bySerial) > 0 {
		if e := t.bySerial[HashIssuerSerial(c.RawIssuer, c.Serial)]; e != nil {
			return e
		}
	}
	return t.entries[c.SHA256]
}

// Table tells about the table of a program; ok is false when there is none.
func (t *Tables) Table(p policy.Program) (about Table, ok bool) {
	if own := t.table(p); own != nil {
		about = own.Table
		about.Sources = slices.Clone(about.Sources)
		return about, true
	}
	return Table{}, false
}

func (t *Tables) table(p policy.Program) *table {
	if t == nil {
		return nil
	}
	return t.of[p]
}

// Programs lists the programs that there are tables of, in the order of
// [policy.AllProgram].
func (t *Tables) Programs() []policy.Program {
	var list []policy.Program
	for _, p := range policy.AllProgram() {
		if t.table(p) != nil {
			list = append(list, p)
		}
	}
	return list
}

// Lookup returns what the program's table has of the certificate with the SHA-256
// fingerprint. ok is false when there is no entry, or no table. The entry must not
// be changed.
func (t *Tables) Lookup(p policy.Program, sha256 [32]byte) (e Entry, ok bool) {
	own := t.table(p)
	if own == nil {
		return Entry{}, false
	}
	found, ok := own.entries[sha256]
	if !ok {
		return Entry{}, false
	}
	return *found, true
}

// List returns the program's table as [New] takes it, its entries by fingerprint;
// the zero when there is none. The entries must not be changed in depth.
func (t *Tables) List(p policy.Program) List {
	own := t.table(p)
	if own == nil {
		return List{}
	}
	l := List{Program: p, Sources: slices.Clone(own.Sources)}
	for _, of := range []map[[32]byte]*Entry{own.entries, own.bySerial} {
		for _, e := range of {
			l.Entries = append(l.Entries, *e)
		}
	}
	slices.SortFunc(l.Entries, func(a, b Entry) int {
		return cmp.Or(bytes.Compare(a.SHA256[:], b.SHA256[:]), bytes.Compare(a.IssuerSerial[:], b.IssuerSerial[:]))
	})
	return l
}

// Anchors lists the certificates that the program trusts for TLS, under conditions
// or not, by fingerprint. The entries must not be changed.
func (t *Tables) Anchors(p policy.Program) []Entry {
	own := t.table(p)
	if own == nil {
		return nil
	}
	return slices.DeleteFunc(t.List(p).Entries, func(e Entry) bool { return e.Trust != Anchor })
}

// Issuers lists the program's anchors that may have issued one of the certificates,
// by their names, and that are not among them: with those at hand there could be
// more paths. The names are equal when their encodings are, by SubjectHash, or when the
// common name that the table has is one of the issuer's attributes: RFC 5280, section 7.1
// lets encodings differ, which a hash does not show. An anchor without any name may have
// issued everything. It is ordered by fingerprint.
func (t *Tables) Issuers(p policy.Program, seen []*cert.Certificate) []Entry {
	own := t.table(p)
	if own == nil {
		return nil
	}
	has := map[[32]byte]bool{}
	for _, c := range seen {
		has[c.SHA256] = true
	}
	found := map[[32]byte]Entry{}
	add := func(e *Entry) {
		if e.Trust == Anchor && !has[e.SHA256] {
			found[e.SHA256] = *e
		}
	}
	for _, c := range seen {
		if c.RawIssuer == nil || c.SelfIssued() {
			continue
		}
		for _, e := range own.bySubject[HashSubject(c.RawIssuer)] {
			add(e)
		}
		for _, e := range own.anchors {
			if e.Name == "" && e.SubjectHash == [8]byte{} || e.Name != "" && named(c.Issuer, e.Name) {
				add(e)
			}
		}
	}
	list := make([]Entry, 0, len(found))
	for _, e := range found {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b Entry) int { return bytes.Compare(a.SHA256[:], b.SHA256[:]) })
	return list
}

// named reports whether one of the name's attributes is the text, whatever their case
// and the number of spaces between words.
func named(n cert.Name, text string) bool {
	words := strings.Fields(text)
	return slices.ContainsFunc(n.RDNs, func(rdn []cert.Attribute) bool {
		return slices.ContainsFunc(rdn, func(a cert.Attribute) bool {
			return slices.EqualFunc(strings.Fields(a.Value), words, strings.EqualFold)
		})
	})
}

// Merge returns t with the tables of newer in place of its own, program by program,
// where they are as new or newer. Neither is changed.
func (t *Tables) Merge(newer *Tables) *Tables {
	merged := &Tables{of: map[policy.Program]*table{}}
	for _, p := range policy.AllProgram() {
		have, other := t.table(p), newer.table(p)
		switch {
		case other != nil && (have == nil || !other.AsOf().Before(have.AsOf())):
			merged.of[p] = other
		case have != nil:
			merged.of[p] = have
		}
	}
	return merged
}
