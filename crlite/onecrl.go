package crlite

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/assaytls/assay/internal/jsonbound"
)

// Bounds of a OneCRL text. The list of November 2026 has 1,959 records in 1.1 MB.
const (
	maxOneCRL       = 32 << 20
	maxOneCRLValues = 2_000_000
)

// OneCRL is Mozilla's list of revoked intermediates, and of some others. The
// zero OneCRL lists nothing. It is safe for concurrent use.
type OneCRL struct {
	index   []byte // what Compact returns
	records []OneCRLRecord
}

// OneCRLRecord is one revocation: of a certificate by the name of its issuer and
// its serial number, or of all certificates of a subject with one key.
type OneCRLRecord struct {
	ID     string // of the record in the collection
	Issuer []byte // Name, DER; nil in a record by subject
	Serial []byte // contents of the INTEGER
	// Subject is a Name, DER, and KeySHA256 the hash of a SubjectPublicKeyInfo;
	// both are nil in a record by issuer.
	Subject, KeySHA256 []byte
	Bug                string // the address of the discussion, "" if none is given
}

// ParseOneCRL reads the records of the collection "onecrl" as Mozilla's Remote
// Settings deliver it: a changeset, the list of records, or the copy that
// Firefox ships. Every record counts whatever its "enabled" says, as in Firefox;
// records marked as deleted do not. A record that cannot be read is an error,
// for it would be a revocation that is overlooked.
func ParseOneCRL(b []byte) (*OneCRL, error) {
	if len(b) > maxOneCRL {
		return nil, fmt.Errorf("%w: OneCRL of %d bytes", ErrMalformed, len(b))
	}
	if err := jsonbound.Check(b, maxOneCRLValues); err != nil {
		return nil, fmt.Errorf("%w: OneCRL: %v", ErrMalformed, err)
	}
	var text struct {
		Data, Changes *[]struct {
			ID, IssuerName, SerialNumber, Subject, PubKeyHash string
			Deleted                                           bool
			Details                                           struct{ Bug string }
		}
	}
	if err := json.Unmarshal(bytes.TrimPrefix(b, []byte("\ufeff")), &text); err != nil {
		return nil, fmt.Errorf("%w: OneCRL: %v", ErrMalformed, err)
	}
	records := text.Data
	if records == nil {
		records = text.Changes
	}
	if records == nil {
		return nil, fmt.Errorf(`%w: OneCRL: the text has neither "data" nor "changes"`, ErrMalformed)
	}
	var entries []oneCRLEntry
	o := &OneCRL{}
	for i, r := range *records {
		if r.Deleted {
			continue
		}
		rec := OneCRLRecord{ID: r.ID, Bug: r.Details.Bug}
		var err error
		decode := func(s string) []byte {
			d, e := base64.StdEncoding.DecodeString(s)
			if e != nil || len(d) == 0 {
				err = fmt.Errorf("%w: record %d of OneCRL (%.64q) cannot be read", ErrMalformed, i, r.ID)
			}
			return d
		}
		if r.IssuerName != "" || r.SerialNumber != "" {
			rec.Issuer, rec.Serial = decode(r.IssuerName), decode(r.SerialNumber)
			entries = append(entries, oneCRLEntry{pair(rec.Issuer, trimZeros(rec.Serial)), rec})
		} else {
			rec.Subject, rec.KeySHA256 = decode(r.Subject), decode(r.PubKeyHash)
			if err == nil && len(rec.KeySHA256) != 32 {
				err = fmt.Errorf("%w: record %d of OneCRL (%.64q) has a key hash of %d bytes", ErrMalformed, i, r.ID, len(rec.KeySHA256))
			}
			entries = append(entries, oneCRLEntry{pair(rec.Subject, rec.KeySHA256), rec})
		}
		if err != nil {
			return nil, err
		}
		o.records = append(o.records, rec)
	}
	o.index = compact(entries)
	return o, nil
}

// oneCRLEntry is a record under the key by which it is found.
type oneCRLEntry struct {
	key [32]byte
	OneCRLRecord
}

// The compact form of OneCRL, which is searched in place: a line that names it,
// the number of entries (4 bytes), the entries in order of their keys (32 bytes
// of key, 4 of the offset and 2 of the length of the text), and the texts, an ID
// and an address with a zero byte between. Numbers are big-endian.
const (
	compactMagic = "assay OneCRL 1\n"
	compactEntry = 32 + 4 + 2
)

func compact(entries []oneCRLEntry) []byte {
	slices.SortStableFunc(entries, func(a, b oneCRLEntry) int { return bytes.Compare(a.key[:], b.key[:]) })
	entries = slices.CompactFunc(entries, func(a, b oneCRLEntry) bool { return a.key == b.key })
	b := binary.BigEndian.AppendUint32([]byte(compactMagic), uint32(len(entries)))
	var texts []byte
	start := len(b) + compactEntry*len(entries)
	for _, e := range entries {
		text := fmt.Sprintf("%.200s\x00%.1000s", e.ID, e.Bug)
		b = append(b, e.key[:]...)
		b = binary.BigEndian.AppendUint32(b, uint32(start+len(texts)))
		b = binary.BigEndian.AppendUint16(b, uint16(len(text)))
		texts = append(texts, text...)
	}
	return append(b, texts...)
}

// Compact returns the list in the form that OpenOneCRL reads: a tenth of the
// JSON text and nothing to decode. It must not be changed.
func (o *OneCRL) Compact() []byte { return o.index }

// OpenOneCRL reads what Compact made, in place: b must not change. Every offset
// in it is checked.
func OpenOneCRL(b []byte) (*OneCRL, error) {
	o := &OneCRL{index: b}
	rest, ok := bytes.CutPrefix(b, []byte(compactMagic))
	if !ok || len(rest) < 4 {
		return nil, fmt.Errorf("%w: not a compact OneCRL", ErrVersion)
	}
	if n := uint64(binary.BigEndian.Uint32(rest)); n > uint64(len(rest)-4)/compactEntry {
		return nil, fmt.Errorf("%w: %d records in the %d bytes of a compact OneCRL", ErrMalformed, n, len(b))
	}
	for i := range o.Len() {
		e := o.entry(i)
		at, n := uint64(binary.BigEndian.Uint32(e[32:])), uint64(binary.BigEndian.Uint16(e[36:]))
		if at+n > uint64(len(b)) || i > 0 && bytes.Compare(o.entry(i - 1)[:32], e[:32]) >= 0 {
			return nil, fmt.Errorf("%w: record %d of a compact OneCRL", ErrMalformed, i)
		}
	}
	return o, nil
}

func (o *OneCRL) entry(i int) []byte {
	at := len(compactMagic) + 4 + compactEntry*i
	return o.index[at : at+compactEntry]
}

// Lookup returns the ID and the address for discussion of the record that
// revokes a certificate: its issuer and subject as DER of the Name, the contents
// of its serial number's INTEGER, and the SHA-256 of its SubjectPublicKeyInfo.
func (o *OneCRL) Lookup(issuer, serial, subject []byte, key [32]byte) (id, bug string, ok bool) {
	for _, k := range [][32]byte{pair(issuer, trimZeros(serial)), pair(subject, key[:])} {
		i := sort.Search(o.Len(), func(i int) bool { return bytes.Compare(o.entry(i)[:32], k[:]) >= 0 })
		if i < o.Len() && bytes.Equal(o.entry(i)[:32], k[:]) {
			e := o.entry(i)
			at, n := binary.BigEndian.Uint32(e[32:]), binary.BigEndian.Uint16(e[36:])
			id, bug, _ = strings.Cut(string(o.index[at:at+uint32(n)]), "\x00")
			return id, bug, true
		}
	}
	return "", "", false
}

// Records calls yield for each record until it returns false. A list that was
// opened in its compact form has none.
func (o *OneCRL) Records(yield func(OneCRLRecord) bool) {
	for _, r := range o.records {
		if !yield(r) {
			return
		}
	}
}

// Len returns the number of different records.
func (o *OneCRL) Len() int {
	if o == nil || len(o.index) == 0 {
		return 0
	}
	return int(binary.BigEndian.Uint32(o.index[len(compactMagic):]))
}

// pair is one key for two strings, each hashed by itself so that no other two
// have it.
func pair(a, b []byte) [32]byte {
	ha, hb := sha256.Sum256(a), sha256.Sum256(b)
	return sha256.Sum256(append(ha[:], hb[:]...))
}

// trimZeros makes serial numbers equal that some records write without the
// leading zero of a positive INTEGER.
func trimZeros(b []byte) []byte {
	for len(b) > 1 && b[0] == 0 {
		b = b[1:]
	}
	return b
}
