package ocsp_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/assaytls/assay/finding"
	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/ocsp"
)

// parts are the pieces of a response, each of which a case may replace.
type parts struct {
	version, responder, produced, singles, exts []byte
	id, status, this, next, singleExts          []byte
	alg, sig, certs                             []byte
}

func (p parts) der() []byte {
	single := Seq(p.id, p.status, p.this, p.next, p.singleExts)
	if p.singles == nil {
		p.singles = Seq(single)
	}
	tbs := Seq(p.version, p.responder, p.produced, p.singles, p.exts)
	return Seq(Enum(0), Explicit(0, Seq(OID("1.3.6.1.5.5.7.48.1.1"), Octets(Seq(tbs, p.alg, p.sig, p.certs)))))
}

// Every rule of syntax is broken once.
func TestSyntax(t *testing.T) {
	w := newWorld()
	gt := func(s string) []byte { return TLV(0x18, []byte(s)) }
	sha1ID := Seq(OID("1.3.14.3.2.26"), Null())
	hash := make([]byte, 20)
	fresh := func() parts {
		return parts{responder: Explicit(2, Octets(hash)), produced: GeneralizedTime(w.now), id: w.ca.CertID(w.leaf.Serial), status: Context(0),
			this: GeneralizedTime(w.now), alg: ECDSAWithSHA256.ID, sig: Bits([]byte{1})}
	}
	if r := ocsp.Parse(fresh().der()); len(r.Findings) > 0 {
		t.Fatalf("the sound one: %v", r.Findings)
	}
	var many []Ext
	for i := range 65 {
		many = append(many, Ext{OID: "1.3.6.1.4.1.55555.2." + strconv.Itoa(i), Value: Null()})
	}
	for name, c := range map[string]struct {
		change func(*parts)
		detail string
	}{
		"good with contents":        {func(p *parts) { p.status = Context(0, []byte{0}) }, "certStatus"},
		"unknown with contents":     {func(p *parts) { p.status = Context(2, []byte{0}) }, "certStatus"},
		"revoked without a time":    {func(p *parts) { p.status = Explicit(1) }, "revocationTime"},
		"revoked with more":         {func(p *parts) { p.status = Explicit(1, GeneralizedTime(w.now), Explicit(0, Enum(1)), Null()) }, "RevokedInfo"},
		"negative reason":           {func(p *parts) { p.status = Explicit(1, GeneralizedTime(w.now), Explicit(0, TLV(10, []byte{0xff}))) }, "revocationReason"},
		"unused bits":               {func(p *parts) { p.sig = TLV(3, []byte{4, 0xf0}) }, "signature"},
		"empty bit string":          {func(p *parts) { p.sig = TLV(3) }, "signature"},
		"key hash of 19 octets":     {func(p *parts) { p.responder = Explicit(2, Octets(hash[1:])) }, "19"},
		"key hash and more":         {func(p *parts) { p.responder = Explicit(2, Octets(hash), Null()) }, "responderID"},
		"no responder":              {func(p *parts) { p.responder = nil }, "responderID"},
		"UTCTime":                   {func(p *parts) { p.this = UTCTime(w.now) }, "thisUpdate"},
		"no seconds":                {func(p *parts) { p.this = gt("202611231200Z") }, "thisUpdate"},
		"a fraction without digits": {func(p *parts) { p.produced = gt("20261123120000.Z") }, "producedAt"},
		"a fraction and no zone":    {func(p *parts) { p.produced = gt("20261123120000.5") }, "producedAt"},
		"no zone":                   {func(p *parts) { p.produced = gt("20261123120000") }, "producedAt"},
		"an offset":                 {func(p *parts) { p.next = Explicit(0, gt("20261123120000+0100")) }, "nextUpdate"},
		"thirteenth month":          {func(p *parts) { p.next = Explicit(0, gt("20261323120000Z")) }, "nextUpdate"},
		"empty serial":              {func(p *parts) { p.id = Seq(sha1ID, Octets(hash), Octets(hash), TLV(2)) }, "serialNumber"},
		"id with more":              {func(p *parts) { p.id = Seq(sha1ID, Octets(hash), Octets(hash), Int(1), Null()) }, "CertID"},
		"hash with odd parameters":  {func(p *parts) { p.id = Seq(Seq(OID("1.3.14.3.2.26"), Int(1)), Octets(hash), Octets(hash), Int(1)) }, "hashAlgorithm"},
		"NULL with contents": {func(p *parts) {
			p.id = Seq(Seq(OID("1.3.14.3.2.26"), TLV(5, []byte{0})), Octets(hash), Octets(hash), Int(1))
		}, "NULL"},
		"single with more":           {func(p *parts) { p.singleExts = Null() }, "SingleResponse"},
		"data with more":             {func(p *parts) { p.exts = Null() }, "ResponseData"},
		"certificates with more":     {func(p *parts) { p.certs = Explicit(0, Seq(w.ca.Raw), Null()) }, "certs"},
		"certificates that are none": {func(p *parts) { p.certs = Explicit(0, Seq(Null())) }, "certificate"},
		"response with more":         {func(p *parts) { p.certs = Null() }, "BasicOCSPResponse"},
		"algorithm":                  {func(p *parts) { p.alg = Seq() }, "signatureAlgorithm"},
		"version of two octets":      {func(p *parts) { p.version = Explicit(0, TLV(2, []byte{0, 0})) }, "version"},
		"archive cutoff": {func(p *parts) {
			p.singleExts = Explicit(1, Extensions([]Ext{{OID: "1.3.6.1.5.5.7.48.1.6", Value: Null()}}))
		}, "archiveCutoff"},
		"extension with more":    {func(p *parts) { p.exts = Explicit(1, Seq(Seq(OID("1.2.3"), Octets(), Null()))) }, "extension"},
		"extension BOOLEAN of 1": {func(p *parts) { p.exts = Explicit(1, Seq(Seq(OID("1.2.3"), TLV(1, []byte{1}), Octets()))) }, "BOOLEAN"},
		"extension twice":        {func(p *parts) { p.exts = Explicit(1, Extensions([]Ext{Unknown(false), Unknown(false)})) }, "twice"},
		"OID":                    {func(p *parts) { p.exts = Explicit(1, Seq(Seq(TLV(6, []byte{0x80}), Octets()))) }, "OBJECT IDENTIFIER"},
	} {
		p := fresh()
		c.change(&p)
		r := ocsp.Parse(p.der())
		if len(r.Findings) != 1 || r.Findings[0].ID != finding.OCSPMalformed || !strings.Contains(r.Findings[0].Param("detail"), c.detail) {
			t.Errorf("%s: %v", name, r.Findings)
		}
	}
	p := fresh()
	p.exts = Explicit(1, Extensions(many))
	if r := ocsp.Parse(p.der()); len(r.Findings) != 1 || r.Findings[0].ID != finding.OCSPBudget {
		t.Errorf("65 extensions: %v", r.Findings)
	}
	// What is odd and clear is read, with a warning.
	for name, change := range map[string]func(*parts){
		"version spelt out":        func(p *parts) { p.version = Explicit(0, Int(0)) },
		"critical FALSE spelt out": func(p *parts) { p.exts = Explicit(1, Seq(Seq(OID("1.2.3"), Bool(false), Octets()))) },
		"no extensions":            func(p *parts) { p.exts = Explicit(1, Seq()) },
		"no certificates":          func(p *parts) { p.certs = Explicit(0, Seq()) },
		"fractional seconds":       func(p *parts) { p.produced = gt("20261123120000.5Z") },
		"fractions of thisUpdate":  func(p *parts) { p.this = gt("20261123120000.123456Z") },
		"padded serial":            func(p *parts) { p.id = Seq(sha1ID, Octets(hash), Octets(hash), TLV(2, []byte{0, 5})) },
	} {
		p := fresh()
		change(&p)
		r := ocsp.Parse(p.der())
		if len(r.Findings) != 1 || r.Findings[0].ID != finding.OCSPEncoding || len(r.Singles) != 1 {
			t.Errorf("%s: %v", name, r.Findings)
		}
	}
	p = fresh()
	for behind, id := range map[string]finding.ID{"\r\n": finding.OCSPEncoding, " \t": finding.OCSPEncoding, "\x00": finding.OCSPMalformed,
		strings.Repeat("\n", 65): finding.OCSPMalformed, "\nx": finding.OCSPMalformed} {
		if r := ocsp.Parse(append(p.der(), behind...)); len(r.Findings) != 1 || r.Findings[0].ID != id {
			t.Errorf("%q behind it: %v", behind, r.Findings)
		}
	}
	for name, b := range map[string][]byte{
		"status with more":       Seq(Enum(1), Null()),
		"successful without":     Seq(Enum(0)),
		"padded status":          Seq(TLV(10, []byte{0, 1})),
		"status of no octets":    Seq(TLV(10)),
		"an integer as status":   Seq(Int(1)),
		"response bytes of none": Seq(Enum(0), Explicit(0)),
	} {
		if r := ocsp.Parse(b); len(r.Findings) != 1 || r.Findings[0].ID != finding.OCSPMalformed {
			t.Errorf("%s: %v", name, r.Findings)
		}
	}
	if r := ocsp.Parse(Seq(Enum(3), Explicit(0, Null()))); len(r.Findings) != 1 || r.Findings[0].ID != finding.OCSPEncoding || r.Status != ocsp.TryLater {
		t.Errorf("an error with a body: %v", r.Findings)
	}
}
