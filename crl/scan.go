package crl

import (
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

	certificateIssuers bool // some entry has the extension
	paddedSerials      bool // some serial number is not in its shortest form
	odd                [oddKinds]oddity
}

// oddity counts entries with one kind of flaw and describes the first.
type oddity struct {
	count  int
	offset int64
	detail string
}

const (
	oddDER = iota
	oddTime
	oddReason
	oddCritical
	oddVersion
	oddExtension
	oddKinds
)

func (s *entryScan) note(kind int, off int64, detail string) {
	o := &s.odd[kind]
	if o.count++; o.count == 1 {
		o.offset, o.detail = off, detail
	}
}

// The start of SEQUENCE { SEQUENCE { OID 2.5.29.21, OCTET STRING { ENUMERATED,
// little-endian.
const (
	reason1 = 0x1d5503060a300c30
	reason2 = 0x0a030415
)

// run scans the complete entries at the start of b, whose first octet has
// offset off, and returns how many octets they take.
func (s *entryScan) run(b []byte, off int64) (n int, err error) {
	watched := s.watch.table()
	for len(b)-n >= 2 {
		p := b[n:]
		size := int(p[1])
		if p[0] != 0x30 || size >= 0x80 || size < 18 {
			size, err = s.slow(p, off+int64(n))
			if err != nil || size == 0 {
				return n, err
			}
			n += size
			continue
		}
		if len(p) < 2+size {
			return n, nil
		}
		e := p[2 : 2+size]
		if !s.fast(e) {
			if _, err = s.slow(p[:2+size], off+int64(n)); err != nil {
				return n, err
			}
			n += 2 + size
			continue
		}
		s.count++
		if watched != nil && watched[e[1+e[1]]] {
			s.watch.see(p[:2+size], off+int64(n))
		}
		n += 2 + size
	}
	return n, nil
}

// fast reports whether e is the contents of a wholly unremarkable entry.
func (s *entryScan) fast(e []byte) bool {
	sl := int(e[1])
	if e[0] != 0x02 || sl == 0 || 2+sl+15 > len(e) {
		return false
	}
	if sl > 1 && (e[2] == 0 && e[3] < 0x80 || e[2] == 0xff && e[3] >= 0x80) {
		return false
	}
	t := e[2+sl:]
	if t[0] != 0x17 || t[1] != 13 || t[14] != 'Z' {
		return false
	}
	if !plainTime(binary.LittleEndian.Uint64(t[2:]), binary.LittleEndian.Uint32(t[10:])) {
		return false
	}
	x := t[15:]
	if len(x) == 0 {
		return true
	}
	return len(x) == 14 && !s.v1 && binary.LittleEndian.Uint64(x) == reason1 && binary.LittleEndian.Uint32(x[8:]) == reason2 &&
		x[12] == 1 && x[13] <= 10 && x[13] != 7
}

// Masks for eight and four ASCII digits at once, and for the numbers of two
// digits that they become in lanes of 16 bits.
const (
	zeros8, zeros4   = 0x3030303030303030, 0x30303030
	nibble8, nibble4 = 0xf0f0f0f0f0f0f0f0, 0xf0f0f0f0
	sixes8, sixes4   = 0x0606060606060606, 0x06060606
	guard8, guard4   = 0x8000800080008000, 0x80008000
	lanes8, lanes4   = 0x00ff00ff00ff00ff, 0x00ff00ff

	dateMin  = 0x0000_0001_0001_0000 // hour, day, month, year
	dateMax  = 0x0017_001f_000c_0063
	clockMax = 0x003b_003b // second, minute
)

var monthDays = [13]uint8{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// plainTime reports whether the ASCII digits YYMMDDHH and MMSS, both read
// little-endian, are a date that exists.
func plainTime(d uint64, c uint32) bool {
	if d&nibble8 != zeros8 || (d+sixes8)&nibble8 != zeros8 || c&nibble4 != zeros4 || (c+sixes4)&nibble4 != zeros4 {
		return false
	}
	d -= zeros8
	d = (d*10 + d>>8) & lanes8
	c -= zeros4
	c = (c*10 + c>>8) & lanes4
	if ((d|guard8)-dateMin)&((dateMax|guard8)-d)&guard8 != guard8 || ((clockMax|guard4)-c)&guard4 != guard4 {
		return false
	}
	day, month := uint8(d>>32), uint8(d>>16)
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
		return 0, &Error{finding.CRLTooLarge, off, fmt.Sprintf("an entry of %d octets, the limit is %d", h.len, maxEntry)}
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
		s.note(oddDER, off, "a serial number that is not in its shortest form")
	}
	if e.timeFlaw != "" {
		s.note(oddTime, off, "revocationDate: "+string(e.timeFlaw))
	}
	if e.flaw != "" {
		s.note(oddExtension, off, e.flaw)
	}
	if e.HasReason && e.Reason.String() == "" {
		s.note(oddReason, off, fmt.Sprintf("reason code %d does not exist", e.Reason))
	}
	if e.Unknown != "" {
		s.note(oddCritical, off, e.Unknown)
	}
	if e.extended && s.v1 {
		s.note(oddVersion, off, "extensions in an entry of a v1 list")
	}
	if e.issuer != nil {
		s.certificateIssuers = true
		s.watch.issuer(e.issuer)
	}
	if s.watch.table() != nil {
		s.watch.see(b, off)
	}
	return len(b), nil
}

// report turns what was noted into findings.
func (s *entryScan) report(l *List) {
	l.certificateIssuers, l.paddedSerials = s.certificateIssuers, s.paddedSerials
	ids := [oddKinds]finding.ID{
		oddDER: finding.CRLNotDER, oddTime: finding.CRLProfile, oddReason: finding.CRLProfile,
		oddCritical: finding.CRLEntryUnknownCritical, oddVersion: finding.CRLVersion, oddExtension: finding.CRLNotDER,
	}
	for kind, o := range s.odd {
		if o.count == 0 {
			continue
		}
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
