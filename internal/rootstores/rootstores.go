// Package rootstores reads what root programs publish, each in a format of its
// own, makes tables of package programs from it, and keeps those in the cache
// directory.
//
// A file is recognised by its contents. Nothing in it is believed for its name or
// for where it came from; what vouches for it is told beside it. All readers are
// bounded in size and count, and refuse what they do not understand as soon as
// leaving it out could make somebody trusted.
package rootstores

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/assaytls/assay/programs"
)

// MaxSize bounds a publication, in bytes. The largest, CCADB's report of all
// certificates, has 9 MB.
const MaxSize = 32 << 20

// maxCerts bounds the certificates that a publication tells of.
const maxCerts = 20000

// Errors of [Read].
var (
	ErrUnknown   = errors.New("not one of the formats that assay reads: certdata.txt, root_store.textproto, authroot.stl, CCADB's reports in CSV, and the YAML of trust_stores_observatory")
	ErrMalformed = errors.New("it cannot be read")
)

// Kind is the format of a publication.
type Kind uint8

// The kinds.
const (
	Certdata        Kind = iota + 1 // Mozilla's certdata.txt, of NSS
	ChromeRootStore                 // Chrome's root_store.textproto
	AuthRoot                        // Microsoft's authroot.stl, a certificate trust list
	CCADBMicrosoft                  // CCADB's report of Microsoft's certificates, CSV
	CCADBAll                        // CCADB's report of all certificates (AllCertificateRecordsCSVFormat), CSV
	Observatory                     // a store of nabla-c0d3/trust_stores_observatory, YAML
)

var kindNames = []string{"an unknown format", "certdata.txt of NSS", "the Chrome Root Store", "authroot.stl",
	"CCADB's report about Microsoft", "CCADB's report of all certificates", "trust_stores_observatory"}

// String names the kind for people, as the source of a table.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[0]
}

// Publication is what one file says.
type Publication struct {
	Kind    Kind
	Version string    // the publisher's, "" when it does not say; not to be printed unquoted
	Made    time.Time // when it was made, UTC; zero when it does not say
	// Lists are the programs' entries, without sources. Of a publication that tells
	// the membership alone they have what it says, and [Apply] adds what is known.
	Lists []programs.List
	// MembershipOnly says that the program has conditions that the publication does not tell.
	MembershipOnly bool
	// Partial says that what the publication does not mention may be trusted all the same.
	Partial bool
	// Signature says what vouches for the publication: only AuthRoot has one.
	Signature Signature
	// LeftOut says what the publication tells and is not taken, in a sentence each.
	LeftOut []string

	// notBefore are the certificates that are refused from a date on which the publication
	// does not tell.
	notBefore map[[32]byte]bool
}

// Read recognises a publication by its contents and reads it. Errors are
// ErrUnknown or wrap ErrMalformed.
func Read(b []byte) (*Publication, error) {
	if len(b) > MaxSize {
		return nil, fmt.Errorf("%w: it has more than %d MB", ErrMalformed, MaxSize>>20)
	}
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	for _, f := range formats {
		if !f.is(b) {
			continue
		}
		if f.text && !utf8.Valid(b) {
			return nil, fmt.Errorf("%w as %s: it is not UTF-8", ErrMalformed, f.name)
		}
		p, err := f.read(b)
		if err == nil {
			err = p.check()
		}
		if err != nil {
			return nil, fmt.Errorf("%w as %s: %w", ErrMalformed, f.name, err)
		}
		return p, nil
	}
	return nil, ErrUnknown
}

// formats are the readers, and what they are recognised by.
var formats = []struct {
	name string
	text bool
	is   func(b []byte) bool
	read func(b []byte) (*Publication, error)
}{
	{"authroot.stl", false, func(b []byte) bool { return len(b) > 0 && b[0] == 0x30 }, readAuthRoot},
	{"certdata.txt", true, func(b []byte) bool {
		return bytes.Contains(b, []byte("\nBEGINDATA")) && bytes.Contains(b, []byte("CKA_CLASS"))
	}, readCertdata},
	{"root_store.textproto", true, func(b []byte) bool {
		return bytes.Contains(b, []byte("trust_anchors")) && bytes.Contains(b, []byte("sha256_hex"))
	}, readChrome},
	{"the YAML of trust_stores_observatory", true, func(b []byte) bool { return bytes.HasPrefix(b, []byte("platform:")) }, readObservatory},
	{"a report of CCADB", true, func(b []byte) bool { return bytes.Contains(firstLine(b), []byte("SHA-256 Fingerprint")) }, readCCADB},
}

func firstLine(b []byte) []byte {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return line
}

// check refuses publications that no table can be made of, by making one.
func (p *Publication) check() error {
	if len(p.Lists) == 0 {
		return errors.New("it has no table that assay keeps")
	}
	for _, l := range p.Lists {
		l.Sources = []programs.Source{{Name: p.Kind.String(), Version: p.Version, AsOf: time.Unix(0, 0)}}
		if _, err := programs.New(l); err != nil {
			return err
		}
	}
	return nil
}

// shorten bounds a text of a publication, which names something for people.
func shorten(s string) string {
	const max = 120
	if len(s) <= max {
		return s
	}
	s = s[:max]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}

// entries collects entries, no fingerprint twice.
type entries struct {
	list []programs.Entry
	seen map[[32]byte]bool
}

func (e *entries) add(one programs.Entry) error {
	if e.seen == nil {
		e.seen = map[[32]byte]bool{}
	}
	if e.seen[one.SHA256] {
		return fmt.Errorf("the certificate %x is there twice", one.SHA256)
	}
	if len(e.list) == maxCerts {
		return fmt.Errorf("more than %d certificates", maxCerts)
	}
	e.seen[one.SHA256] = true
	e.list = append(e.list, one)
	return nil
}

// sorted returns a list of distinct strings in order, nil for none.
func sorted(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	slices.Sort(list)
	return slices.Compact(list)
}
