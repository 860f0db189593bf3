package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/internal/command"
)

// filterInfo is a CRLite filter (a clubcard).
type filterInfo struct {
	Version    int            `json:"version"`
	Size       int            `json:"size"` // bytes
	Latest     *time.Time     `json:"latest,omitempty"`
	Coverage   []coverageInfo `json:"coverage"`
	Columns    []int          `json:"approx_columns"` // of the first filter, in 64-bit words
	Exact      int            `json:"exact_column"`   // of the second, in 64-bit words
	Enrolled   int            `json:"enrolled"`       // issuers
	ApproxBits uint64         `json:"approx_bits"`    // of all issuers' blocks
	ExactBits  uint64         `json:"exact_bits"`
	Exceptions int            `json:"exceptions"` // serial numbers that the two filters get wrong
	Inverted   int            `json:"inverted"`   // issuers whose block lists what is not revoked
	Issuers    []enrolledInfo `json:"issuers"`    // those that were asked for
	Omitted    int            `json:"omitted,omitempty"`
}

// coverageInfo is what a filter covers of one log.
type coverageInfo struct {
	Log   string    `json:"log"`            // base64 of the log's ID
	Name  string    `json:"name,omitempty"` // from the list of logs
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// enrolledInfo is the block of one issuer.
type enrolledInfo struct {
	SPKI       string   `json:"spki_sha256"`
	Rank       int      `json:"rank"`
	ApproxBits uint64   `json:"approx_bits"`
	ExactBits  uint64   `json:"exact_bits"`
	Inverted   bool     `json:"inverted,omitempty"`
	Exceptions []string `json:"exceptions,omitempty"` // serial numbers, hex
}

func (e *enrolledInfo) String() string {
	s := fmt.Sprintf("%s, rank %d, %d and %d bits", e.SPKI, e.Rank, e.ApproxBits, e.ExactBits)
	if e.Inverted {
		s += ", lists what is not revoked"
	}
	if n := len(e.Exceptions); n > 0 {
		s += fmt.Sprintf(", %d exceptions", n)
	}
	return s
}

// isFilter reports whether b begins with the version of a clubcard.
func isFilter(b []byte) bool {
	return bytes.HasPrefix(b, []byte{crlite.V3, 0}) || bytes.HasPrefix(b, []byte{crlite.V4, 0})
}

// revocationSet decodes b when it is a CRLite filter, one of the old form, or OneCRL.
func (k shown) revocationSet(b []byte, from string) (object, bool) {
	switch {
	case isFilter(b):
		if f, err := crlite.Open(b); err == nil {
			return k.filterObject(f, from), true
		}
	case cascade(b) > 0:
		o := object{Kind: "CRLite filter", From: from}
		o.add("note", fmt.Sprintf("this is a CRLite filter of the old form, a cascade of %d Bloom filters, which Mozilla published until 2024; assay reads clubcards (versions %d and %d)", cascade(b), crlite.V3, crlite.V4))
		return o, true
	case oneCRLText(b):
		if l, err := crlite.ParseOneCRL(b); err == nil {
			return k.oneCRLObject(l, from), true
		}
	}
	return object{}, false
}

// filterObject shows what a filter covers and whom it enrols.
func (k shown) filterObject(f *crlite.Filter, from string) object {
	o := object{Kind: "CRLite filter", From: from, decoded: true}
	i := &filterInfo{Version: f.Version(), Size: f.Size(), Enrolled: f.Enrolled(), Coverage: []coverageInfo{}, Issuers: []enrolledInfo{}}
	if n := f.Latest(); n > 0 {
		i.Latest = dated(millisecond(n))
	}
	i.Columns, i.Exact = f.Columns()
	for _, c := range f.Coverage() {
		one := coverageInfo{Log: base64.StdEncoding.EncodeToString(c.Log[:]), First: millisecond(c.First), Last: millisecond(c.Last)}
		if k.logs != nil {
			if l := k.logs.Lookup(c.Log); l != nil {
				one.Name = l.Description
			}
		}
		i.Coverage = append(i.Coverage, one)
	}
	f.Issuers(func(e crlite.Issuer) bool {
		i.ApproxBits += e.ApproxBits
		i.ExactBits += e.ExactBits
		i.Exceptions += len(e.Exceptions)
		if e.Inverted {
			i.Inverted++
		}
		if len(i.Issuers) == maxEntries && !k.all {
			i.Omitted++
			return true
		}
		one := enrolledInfo{SPKI: hex.EncodeToString(e.SPKI[:]), Rank: e.Rank, ApproxBits: e.ApproxBits, ExactBits: e.ExactBits, Inverted: e.Inverted}
		for _, s := range e.Exceptions {
			one.Exceptions = append(one.Exceptions, hex.EncodeToString(s))
		}
		i.Issuers = append(i.Issuers, one)
		return true
	})
	o.Filter = i
	o.add("version", fmt.Sprint(i.Version))
	o.add("size", fmt.Sprintf("%d bytes", i.Size))
	o.add("covers until", whenOf(i.Latest))
	for _, c := range i.Coverage {
		name := c.Log
		if c.Name != "" {
			name = c.Name
		}
		o.add("log", name+", "+command.When(c.First)+" to "+command.When(c.Last))
	}
	o.add("columns", fmt.Sprintf("%v and %d words of 64 bits", i.Columns, i.Exact))
	o.add("bits", fmt.Sprintf("%d and %d of all issuers", i.ApproxBits, i.ExactBits))
	o.add("exceptions", fmt.Sprint(i.Exceptions))
	o.add("issuers", fmt.Sprintf("%d, %d of them list what is not revoked", i.Enrolled, i.Inverted))
	for n := range i.Issuers {
		o.add("issuer", i.Issuers[n].String())
	}
	if i.Omitted > 0 {
		o.add("", fmt.Sprintf("and %d more; --all shows them", i.Omitted))
	}
	return o
}

// millisecond is a time that is counted in milliseconds since 1970.
func millisecond(n uint64) time.Time { return time.UnixMilli(int64(min(n, 1<<62))).UTC() }

// oneCRLInfo is Mozilla's list of revoked intermediates.
type oneCRLInfo struct {
	Records int            `json:"records"`
	List    []oneCRLRecord `json:"list"` // those that were asked for
	Omitted int            `json:"omitted,omitempty"`
}

// oneCRLRecord is one of its records: by issuer and serial number, or by subject and key.
type oneCRLRecord struct {
	ID        string `json:"id,omitempty"`
	Issuer    string `json:"issuer,omitempty"`
	Serial    string `json:"serial,omitempty"`
	Subject   string `json:"subject,omitempty"`
	KeySHA256 string `json:"key_sha256,omitempty"`
	Bug       string `json:"bug,omitempty"`
}

func (r *oneCRLRecord) String() string {
	s := r.Serial + " of " + r.Issuer
	if r.Serial == "" {
		s = "all certificates of " + r.Subject + " with the key " + r.KeySHA256
	}
	if r.Bug != "" {
		s += ", " + r.Bug
	}
	return s
}

// oneCRLText reports whether b is JSON with members that only OneCRL has.
func oneCRLText(b []byte) bool {
	b = bytes.TrimSpace(bytes.TrimPrefix(b, []byte("\ufeff")))
	return bytes.HasPrefix(b, []byte("{")) && (bytes.Contains(b, []byte(`"issuerName"`)) || bytes.Contains(b, []byte(`"pubKeyHash"`)))
}

func (k shown) oneCRLObject(l *crlite.OneCRL, from string) object {
	o := object{Kind: "OneCRL", From: from, decoded: true}
	i := &oneCRLInfo{Records: l.Len(), List: []oneCRLRecord{}}
	name := func(raw []byte) string {
		if raw == nil {
			return ""
		}
		n, _ := cert.ParseName(raw)
		return nameText(n)
	}
	l.Records(func(r crlite.OneCRLRecord) bool {
		switch {
		case k.serial != nil && !slices.Equal(bytes.TrimLeft(r.Serial, "\x00"), bytes.TrimLeft(k.serial, "\x00")):
		case len(i.List) == maxEntries && !k.all:
			i.Omitted++
		default:
			i.List = append(i.List, oneCRLRecord{r.ID, name(r.Issuer), hex.EncodeToString(r.Serial), name(r.Subject), hex.EncodeToString(r.KeySHA256), r.Bug})
		}
		return true
	})
	o.OneCRL = i
	o.add("records", fmt.Sprint(i.Records))
	if k.serial != nil && len(i.List) == 0 {
		o.add("serial", hex.EncodeToString(k.serial)+" is not listed")
	}
	for n := range i.List {
		o.add("revoked", i.List[n].String())
	}
	if i.Omitted > 0 {
		o.add("", fmt.Sprintf("and %d more; --all shows them", i.Omitted))
	}
	return o
}

// cascade returns how many Bloom filters b holds when it is a filter cascade
// (mozilla/filter-cascade, versions 1 and 2), and 0 when it is none.
func cascade(b []byte) (layers int) {
	if len(b) < 4 || b[1] != 0 {
		return 0
	}
	switch b[0] {
	case 1:
		b = b[2:]
	case 2: // a flag, and a salt after its length
		if b[2] > 1 || len(b) < 4+int(b[3]) {
			return 0
		}
		b = b[4+int(b[3]):]
	default:
		return 0
	}
	const head = 1 + 4 + 4 + 1 // hash, size in bits, functions, level
	for len(b) > 0 {
		if len(b) < head || b[0] < 1 || b[0] > 3 || int(b[9]) != layers+1 {
			return 0
		}
		size := (uint64(binary.LittleEndian.Uint32(b[1:])) + 7) / 8
		if uint64(len(b)-head) < size {
			return 0
		}
		b = b[head+int(size):]
		layers++
	}
	return layers
}
