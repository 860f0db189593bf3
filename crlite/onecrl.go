package crlite

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/assaytls/assay/internal/jsonbound"
)

// Bounds of a OneCRL text. The list of November 2026 has 1,959 records in 1.1 MB.
const (
	maxOneCRL       = 32 << 20
	maxOneCRLValues = 2_000_000
)

// OneCRL is Mozilla's list of revoked intermediates, and of some others. The
// zero OneCRL lists nothing.
type OneCRL struct {
	bySerial map[[32]byte]int // SHA-256 of issuer and serial number
	byKey    map[[32]byte]int // SHA-256 of subject and of the key's hash
	records  []OneCRLRecord
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
	o := &OneCRL{bySerial: map[[32]byte]int{}, byKey: map[[32]byte]int{}}
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
			o.bySerial[pair(rec.Issuer, trimZeros(rec.Serial))] = len(o.records)
		} else {
			rec.Subject, rec.KeySHA256 = decode(r.Subject), decode(r.PubKeyHash)
			if err == nil && len(rec.KeySHA256) != 32 {
				err = fmt.Errorf("%w: record %d of OneCRL (%.64q) has a key hash of %d bytes", ErrMalformed, i, r.ID, len(rec.KeySHA256))
			}
			o.byKey[pair(rec.Subject, rec.KeySHA256)] = len(o.records)
		}
		if err != nil {
			return nil, err
		}
		o.records = append(o.records, rec)
	}
	return o, nil
}

// Lookup returns the record that revokes a certificate: its issuer and subject
// as DER of the Name, the contents of its serial number's INTEGER, and the
// SHA-256 of its SubjectPublicKeyInfo.
func (o *OneCRL) Lookup(issuer, serial, subject []byte, key [32]byte) (OneCRLRecord, bool) {
	if i, ok := o.bySerial[pair(issuer, trimZeros(serial))]; ok {
		return o.records[i], true
	}
	if i, ok := o.byKey[pair(subject, key[:])]; ok {
		return o.records[i], true
	}
	return OneCRLRecord{}, false
}

// Records calls yield for each record until it returns false.
func (o *OneCRL) Records(yield func(OneCRLRecord) bool) {
	for _, r := range o.records {
		if !yield(r) {
			return
		}
	}
}

// Len returns the number of records.
func (o *OneCRL) Len() int { return len(o.records) }

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
