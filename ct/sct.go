// Package ct judges Certificate Transparency (RFC 6962, static-ct-api): it
// reads SCT lists, verifies SCTs over the exact data that a log signed, applies
// the policies of OpenSSL and of browsers, and audits inclusion in a log.
//
// The package is pure: it does no I/O, knows no clock and keeps no state. A
// *LogList is immutable and safe for concurrent use, and so is everything else
// here but an [Audit].
package ct

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/report"
)

// SCT is one SignedCertificateTimestamp (RFC 6962, 3.2). For versions other
// than 0 (v1) only Version and Raw are set: the rest has no known form.
type SCT struct {
	Version    uint8    // 0 is v1
	LogID      [32]byte // SHA-256 of the log's SubjectPublicKeyInfo
	Timestamp  uint64   // milliseconds since 1970-01-01 UTC
	Extensions []byte   // CtExtensions without the length; signed
	HashAlg    uint8    // TLS HashAlgorithm: 4 is SHA-256
	SigAlg     uint8    // TLS SignatureAlgorithm: 1 is RSA, 3 is ECDSA
	Signature  []byte   // DER for ECDSA
	Raw        []byte   // the serialized SCT
}

// lastMillis is the end of the year 9999, the last that RFC 3339 can write.
const lastMillis = 253402300799999

// Time returns the time stamp in UTC, zero when it is beyond the year 9999.
func (s *SCT) Time() time.Time { return millis(s.Timestamp) }

func millis(ms uint64) time.Time {
	if ms > lastMillis {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}

// LeafIndex returns the leaf_index extension of static-ct-api: the place that
// the log promises to give the entry. ok is false when there is none.
func (s *SCT) LeafIndex() (index uint64, ok bool) {
	in := cryptobyte.String(s.Extensions)
	for !in.Empty() {
		var kind uint8
		var data cryptobyte.String
		if !in.ReadUint8(&kind) || !in.ReadUint16LengthPrefixed(&data) {
			return 0, false
		}
		if kind != 0 {
			continue
		}
		if len(data) != 5 || ok { // uint40, once
			return 0, false
		}
		for _, b := range data {
			index = index<<8 | uint64(b)
		}
		ok = true
	}
	return index, ok
}

var (
	errListLength = errors.New("the list's length does not match its contents")
	errListEmpty  = errors.New("the list is empty")
	errSCTLength  = errors.New("an SCT is empty or runs past the list")
)

// ParseSCTList splits a SignedCertificateTimestampList (RFC 6962, 3.3, with
// its outer length) into serialized SCTs, which alias b. On error the SCTs
// before the fault are returned with it.
func ParseSCTList(b []byte) ([][]byte, error) {
	in := cryptobyte.String(b)
	var list cryptobyte.String
	if !in.ReadUint16LengthPrefixed(&list) || !in.Empty() {
		return nil, errListLength
	}
	if list.Empty() {
		return nil, errListEmpty
	}
	var out [][]byte
	for !list.Empty() {
		var one cryptobyte.String
		if !list.ReadUint16LengthPrefixed(&one) || one.Empty() {
			return out, errSCTLength
		}
		out = append(out, one)
	}
	return out, nil
}

// SCTList is a SignedCertificateTimestampList that came with a certificate,
// read as far as it goes. It is immutable and aliases the bytes that it was
// read from. The zero SCTList holds nothing.
type SCTList struct {
	Cert   int              // position on the path of the certificate that the SCTs are for
	Source report.SCTSource // how they were delivered

	count int       // SCTs in the list
	scts  []readSCT // the first maxSCTs of them
	err   error     // what is wrong with the list itself
}

// readSCT is an SCT, or what is wrong with it.
type readSCT struct {
	SCT
	err error
}

// ReadSCTList reads the list that came from source for the certificate at
// position cert of a path. It never fails: [CheckSCTs] tells what is wrong with
// the list, and judges the SCTs before the fault.
func ReadSCTList(cert int, source report.SCTSource, list []byte) SCTList {
	l := SCTList{Cert: cert, Source: source}
	var raws [][]byte
	raws, l.err = ParseSCTList(list)
	l.count = len(raws)
	for _, raw := range raws[:min(len(raws), maxSCTs)] {
		s, err := ParseSCT(raw)
		l.scts = append(l.scts, readSCT{s, err})
	}
	return l
}

// ReadEmbedded reads the lists in the certificates of a path. It returns an
// empty slice, not nil, when there are none.
func ReadEmbedded(path []*cert.Certificate) []SCTList {
	lists := []SCTList{}
	for i, c := range path {
		if c.SCTList != nil {
			lists = append(lists, ReadSCTList(i, report.SCTEmbedded, c.SCTList))
		}
	}
	return lists
}

// SCTs returns those of the list that could be read, of version 1; nothing about
// them has been verified.
func (l *SCTList) SCTs() (scts []SCT) {
	for _, s := range l.scts {
		if s.err == nil && s.Version == 0 {
			scts = append(scts, s.SCT)
		}
	}
	return scts
}

// ParseSCT decodes one serialized SCT. The result aliases b. An unknown
// version is no error.
func ParseSCT(b []byte) (SCT, error) {
	s := SCT{Raw: b}
	in := cryptobyte.String(b)
	if !in.ReadUint8(&s.Version) {
		return s, errors.New("the SCT is empty")
	}
	if s.Version != 0 {
		return s, nil
	}
	var ext, sig cryptobyte.String
	switch {
	case !in.CopyBytes(s.LogID[:]):
		return s, errors.New("the log ID is cut off")
	case !in.ReadUint64(&s.Timestamp):
		return s, errors.New("the time stamp is cut off")
	case !in.ReadUint16LengthPrefixed(&ext):
		return s, errors.New("the extensions are cut off")
	case !in.ReadUint8(&s.HashAlg), !in.ReadUint8(&s.SigAlg), !in.ReadUint16LengthPrefixed(&sig):
		return s, errors.New("the signature is cut off")
	case !in.Empty():
		return s, fmt.Errorf("%d bytes follow the signature", len(in))
	}
	s.Extensions, s.Signature = ext, sig
	return s, nil
}
