package crl

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"

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
	entryHead, entryMask = 0x00020030, 0x80ff80ff // SEQUENCE, INTEGER, both shorter than 128

	// HHMMSSZ: the text of 000000Z, how far each octet is below 128 at its greatest
	// (29:59:59Z), and the bits that are set in an octet beyond it.
	clockZeros = 0x005a_3030_3030_3030
	clockRoom  = 0x0000_767a_767a_767d
	clockOver  = 0x00ff_8080_8080_8080
	lastHour   = '2'<<8 | '3'

	// The head of a UTCTime of 13 octets, which stands before YYMMDD; digits, and
	// what two of them make: hour, day, month, year.
	timeHead, timeHeadMask = 0x0d17, 0xffff
	zeros, nines, nibbles  = 0x3030303030303030, 0x0606060606060606, 0xf0f0f0f0f0f0f0f0
	midnight               = 0x3030 << 48
	lanes, guard           = 0x00ff00ff00ff00ff, 0x8000800080008000
	dateMin, dateMax       = 0x0000_0001_0001_0000, 0x0000_001f_000c_0063

	// SEQUENCE { SEQUENCE { OID 2.5.29.21, OCTET STRING { ENUMERATED; the second
	// begins at octet 6 and ends before the value.
	reasonHead             = 0x1d5503060a300c30
	reasonTail, reasonMask = 0x00010a0304151d55, 0x00ffffffffffffff
	reasonSize             = 14

	leastEntry = 20           // octets of the shortest entry, its head included
	stride     = 255 + 4 + 29 // octets that the fast path may look at, whatever an entry says
)

var monthDays = [16]uint8{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// run scans the complete entries at the start of b, whose first octet has
// offset off, and returns how many octets they take.
func (s *entryScan) run(b []byte, off int64) (n int, err error) {
	watched, reasons := s.watch.table(), uint8(reasonSize)
	if s.v1 {
		reasons = 0
	}
	var end [2 * stride]byte
	for {
		p, left := b[n:], len(b)-n
		if left < stride {
			p = end[:]
			copy(p, b[n:])
		}
		size, count, why := straight(p, left, watched, reasons)
		n, s.count = n+size, s.count+count
		switch why {
		case outOfRoom:
			if left -= size; left >= leastEntry && left < stride && len(p) != len(end) {
				continue // the last ones
			}
		case watchedSerial:
			one := int(p[size+1]) + 2
			s.count++
			s.watch.see(b[n:n+one], off+int64(n))
			n += one
			continue
		}
		if n == len(b) {
			return n, nil
		}
		one, err := s.slow(b[n:], off+int64(n))
		if err != nil || one == 0 {
			return n, err
		}
		n += one
	}
}

// What ended straight.
const (
	outOfRoom     = iota // no whole entry, or no stride, is left
	otherForm            // an entry that is not of the usual form
	watchedSerial        // one that is, and whose serial number may be watched
)

// straight goes over entries of the usual form, of which b has left octets and
// whatever stands behind them. It returns how many octets and entries came before
// the one that ended it, and why. Hardly anything is called here, and lengths are
// octets that index an array which is longer than they reach: that is what makes it
// fast.
func straight(b []byte, left int, watched *[256]bool, reasons uint8) (n, count, why int) {
	var today uint64 // neighbours are often revoked on the same day
	for n+stride <= len(b) && n < left {
		p := (*[stride]byte)(b[n : n+stride : n+stride])
		head := binary.LittleEndian.Uint64(p[:8])
		size, serial := uint8(head>>8)+2, uint8(head>>24)
		if head&entryMask != entryHead || serial == 0 {
			return n, count, otherForm
		}
		if top := bits.ReverseBytes16(uint16(head>>32)) >> 7; (top == 0 || top == 0x1ff) && serial > 1 {
			return n, count, otherForm
		}
		at := int(serial) + 4
		day, clock := binary.LittleEndian.Uint64(p[at:at+8]), binary.LittleEndian.Uint64(p[at+8:at+16])
		x := clock ^ clockZeros // HHMMSSZ, of which each digit has a greatest one; 24 to 29 are no hours
		if (x+clockRoom|x)&clockOver != 0 || bits.ReverseBytes16(uint16(clock)) > lastHour {
			return n, count, otherForm
		}
		if rest := size - serial - 19; rest != 0 { // whatever else it is, it is not reasons
			tail := binary.LittleEndian.Uint64(p[at+21 : at+29])
			if reason := tail >> 56; rest != reasons || binary.LittleEndian.Uint64(p[at+15:at+23]) != reasonHead ||
				tail&reasonMask != reasonTail || reason > 10 || reason == 7 {
				return n, count, otherForm
			}
		}
		if n+int(size) > left {
			return n, count, outOfRoom
		}
		if day != today { // the head of UTCTime and YYMMDD
			if !plainDay(day) {
				return n, count, otherForm
			}
			today = day
		}
		if watched[p[int(serial)+3]] {
			return n, count, watchedSerial
		}
		count++
		n += int(size)
	}
	return n, count, outOfRoom
}

// plainDay reports whether head is that of a UTCTime and a day that exists, read
// little-endian.
func plainDay(head uint64) bool {
	d := head>>16 | midnight
	if head&timeHeadMask != timeHead || d&nibbles != zeros || (d+nines)&nibbles != zeros {
		return false
	}
	d -= zeros
	d = (d*10 + d>>8) & lanes
	if ((d|guard)-dateMin)&((dateMax|guard)-d)&guard != guard {
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
