package crl

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
)

// entryScan checks the structure of entries as they pass and counts what was
// odd about them. Its fast path covers what nearly every entry looks like:
//
//	SEQUENCE { INTEGER, UTCTime, [ SEQUENCE { reasonCode } ] }
//
// in less than 128 octets; anything else goes through parseEntry.
type entryScan struct {
	v1    bool
	watch *watch
	count int

	certificateIssuers bool   // some entry has the extension
	names              []byte // contents of the last one, a copy
	paddedSerials      bool   // some serial number is not in its shortest form
	odd                [oddKinds]oddity
}

// oddity counts entries with one kind of slip or flaw and describes the first.
type oddity struct {
	count  int
	offset int64
	detail string
}

const (
	oddSerial = iota
	oddTime
	oddReason
	oddCritical
	oddVersion
	oddExtension
	oddSlip
	oddKinds
)

// note counts an oddity. Of the first it takes the description, for which the
// others need not pay.
func (s *entryScan) note(kind int, off int64, detail func() string) {
	o := &s.odd[kind]
	if o.count++; o.count == 1 {
		o.offset, o.detail = off, detail()
	}
}

// fixed is a description that is there already.
func fixed(detail string) func() string { return func() string { return detail } }

// What the fast path compares several octets at a time with, little-endian.
const (
	entryHead, entryMask = 0x00020030, 0x00ff00ff // SEQUENCE, its length, INTEGER, its length
	timeHead             = 0x0d17                 // UTCTime of 13 octets

	// SEQUENCE { SEQUENCE { OID 2.5.29.21, OCTET STRING { ENUMERATED
	reason1 = 0x1d5503060a300c30
	reason2 = 0x0a030415

	// Masks for eight and four ASCII digits at once, and for the numbers of two
	// digits that they become in lanes of 16 bits.
	zeros8, zeros4   = 0x3030303030303030, 0x30303030
	nibble8, nibble4 = 0xf0f0f0f0f0f0f0f0, 0xf0f0f0f0
	sixes8, sixes4   = 0x0606060606060606, 0x06060606
	guard8, guard4   = 0x8000800080008000, 0x80008000
	lanes8, lanes4   = 0x00ff00ff00ff00ff, 0x00ff00ff

	dateMin  = 0x0000_0001_0001_0000 // hour, day, month, year
	dateMax  = 0x0017_001f_000c_0063
	clockMax = 0x003b_003b // second, minute

	leastEntry = 20 // octets of the shortest entry, its head included
)

var monthDays = [16]uint8{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// run scans the complete entries at the start of b, whose first octet has
// offset off, and returns how many octets they take.
func (s *entryScan) run(b []byte, off int64) (n int, err error) {
	watched := s.watch.table()
	count, reasons := 0, !s.v1
	var lastHour uint64 // neighbours are often revoked in the same hour
	for {
		p := b[n:]
		if len(p) < leastEntry {
			break
		}
		size, serial := int(p[1])+2, int(p[3])
		if binary.LittleEndian.Uint32(p)&entryMask != entryHead || size >= 0x82 || serial == 0 || serial+19 > size || size > len(p) {
			goto slow
		}
		if top := (uint(p[4])<<8 | uint(p[5])) >> 7; serial > 1 && (top == 0 || top == 0x1ff) {
			goto slow
		}
		{
			t := p[serial+4 : size]
			if len(t) < 15 || binary.LittleEndian.Uint16(t) != timeHead || t[14] != 'Z' {
				goto slow
			}
			if hour := binary.LittleEndian.Uint64(t[2:]); hour != lastHour { // YYMMDDHH
				if !plainHour(hour) {
					goto slow
				}
				lastHour = hour
			}
			c := binary.LittleEndian.Uint32(t[10:]) // MMSS
			if c&nibble4 != zeros4 || (c+sixes4)&nibble4 != zeros4 {
				goto slow
			}
			c -= zeros4
			c = (c*10 + c>>8) & lanes4
			if ((clockMax|guard4)-c)&guard4 != guard4 {
				goto slow
			}
			if x := t[15:]; len(x) != 0 && (len(x) != 14 || !reasons || binary.LittleEndian.Uint64(x) != reason1 ||
				binary.LittleEndian.Uint32(x[8:]) != reason2 || x[12] != 1 || x[13] > 10 || x[13] == 7) {
				goto slow
			}
		}
		count++
		if watched[p[serial+3]] {
			s.watch.see(p[:size], off+int64(n))
		}
		n += size
		continue
	slow:
		size, err = s.slow(p, off+int64(n))
		if err != nil || size == 0 {
			break
		}
		n += size
	}
	s.count += count
	if rest := len(b) - n; err == nil && rest > 0 && rest < leastEntry {
		var size int
		size, err = s.slow(b[n:], off+int64(n)) // too short for the loop to look at
		n += size
	}
	return n, err
}

// plainHour reports whether the ASCII digits YYMMDDHH, read little-endian, are
// an hour that exists.
func plainHour(d uint64) bool {
	if d&nibble8 != zeros8 || (d+sixes8)&nibble8 != zeros8 {
		return false
	}
	d -= zeros8
	d = (d*10 + d>>8) & lanes8
	if ((d|guard8)-dateMin)&((dateMax|guard8)-d)&guard8 != guard8 {
		return false
	}
	day, month := uint8(d>>32), d>>16&15
	return day <= 28 || day <= monthDays[month] || month == 2 && day == 29 && d&3 == 0
}

// slow scans one entry of any form; 0 means that it is not complete.
func (s *entryScan) slow(b []byte, off int64) (int, error) {
	h, err := readHead(b, 0)
	if err != nil {
		if len(b) < 8 {
			return 0, nil
		}
		return 0, malformed(off, "an entry's length is not DER")
	}
	if h.tag != der.Sequence {
		return 0, malformed(off, "tag %#02x where an entry is required", uint32(h.tag))
	}
	if h.len > maxEntry {
		return 0, &Error{finding.CRLTooLarge, off, fmt.Sprintf("an entry of %d bytes, the limit is %d", h.len, maxEntry)}
	}
	if h.end() > int64(len(b)) {
		return 0, nil
	}
	b = b[:h.end()]
	e, err := parseEntry(b, off)
	if err != nil {
		return 0, err
	}
	s.count++
	if e.padded {
		s.paddedSerials = true
		s.note(oddSerial, off, fixed("a serial number that is not in its shortest form"))
	}
	if e.timeFlaw != "" {
		s.note(oddTime, off, func() string { return "revocationDate: " + string(e.timeFlaw) })
	}
	if e.flaw != "" {
		s.note(oddExtension, off, fixed(e.flaw))
	}
	if e.slip != "" {
		s.note(oddSlip, off, fixed(e.slip))
	}
	if e.HasReason && e.Reason.String() == "" {
		s.note(oddReason, off, func() string { return fmt.Sprintf("reason code %d does not exist", e.Reason) })
	}
	if e.unknown != nil {
		s.note(oddCritical, off, func() string { return e.named().Unknown })
	}
	if e.extended && s.v1 {
		s.note(oddVersion, off, fixed("extensions in an entry of a v1 list"))
	}
	if e.issuer != nil {
		if !s.certificateIssuers || !bytes.Equal(s.names, e.issuer) { // most entries repeat the last one's
			s.names = append(s.names[:0], e.issuer...)
			if !namesIssuer(der.NewReader(e.issuer, 0)) {
				s.note(oddExtension, off, fixed("a certificateIssuer whose names are malformed, too many or no directory names"))
			}
		}
		s.certificateIssuers = true
		s.watch.issuer(e.issuer)
	}
	s.watch.see(b, off)
	return len(b), nil
}

// report turns what was noted into findings.
func (s *entryScan) report(l *List) {
	l.certificateIssuers, l.paddedSerials = s.certificateIssuers, s.paddedSerials
	if s.certificateIssuers && (l.IDP == nil || !l.IDP.Indirect) {
		l.Findings = append(l.Findings, finding.New(finding.CRLExtensionMalformed, "oid", "2.5.29.29",
			"detail", "entries name other issuers, but the list does not say that it is indirect"))
	}
	ids := [oddKinds]finding.ID{
		oddSerial: finding.CRLProfile, oddSlip: finding.CRLProfile, oddTime: finding.CRLProfile, oddReason: finding.CRLProfile,
		oddCritical: finding.CRLEntryUnknownCritical, oddVersion: finding.CRLVersion, oddExtension: finding.CRLNotDER,
	}
	for kind, o := range s.odd {
		if o.count == 0 {
			continue
		}
		l.odd = true
		kv := []string{"detail", o.detail, "offset", fmt.Sprint(o.offset), "entries", fmt.Sprint(o.count)}
		switch kind {
		case oddCritical:
			kv[0] = "oid"
		case oddVersion:
			kv = append(kv, "version", "1 with entry extensions")
		}
		l.Findings = append(l.Findings, finding.New(ids[kind], kv...))
	}
}
