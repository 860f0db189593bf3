package cert_test

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	. "github.com/assaytls/assay/internal/lab/forge"
)

// fill calls part with 0, 1, 2, … until the results have so many octets.
func fill(size int, part func(i int) []byte) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		b.Write(part(i))
	}
	return b.Bytes()
}

// costly are certificates of about so many octets that are as costly as can be,
// by what they have many of. Nobody need have signed them.
func costly() map[string]func(size int) []byte {
	oid := func(i int) []byte { return OID("1.2." + strconv.Itoa(i)) }
	extension := func(oid string, part func(i int) []byte) func(int) []byte {
		return func(size int) []byte { return with(Ext{OID: oid, Value: Seq(fill(size, part))}) }
	}
	bad := func(int) []byte { return []byte{0x82, 1, 0xff} } // a DNS name that is not ASCII
	odd := DN(Attr{OID: "2.5.4.3", Value: "a\x00\xff"}, Attr{OID: "2.5.4.6", Value: "DEE"})
	return map[string]func(size int) []byte{
		"policies":        extension("2.5.29.32", func(i int) []byte { return Seq(oid(i)) }),
		"qualifiers":      extension("2.5.29.32", func(i int) []byte { return Seq(oid(i), Seq(Seq(oid(i), Null()))) }),
		"mappings":        extension("2.5.29.33", func(i int) []byte { return Seq(oid(i), oid(i)) }),
		"purposes":        extension("2.5.29.37", oid),
		"long arcs":       extension("2.5.29.37", func(int) []byte { return TLV(6, append(bytes.Repeat([]byte{0xff}, 31), 1)) }),
		"names":           extension("2.5.29.17", func(i int) []byte { return DNS(strconv.Itoa(i)) }),
		"bad names":       extension("2.5.29.17", bad),
		"directory names": extension("2.5.29.17", func(int) []byte { return DirName(odd) }),
		"other names":     extension("2.5.29.17", func(i int) []byte { return OtherName("1.2."+strconv.Itoa(i), UTF8("a")) }),
		"points":          extension("2.5.29.31", func(i int) []byte { return Seq(Explicit(0, Explicit(0, URI(strconv.Itoa(i))))) }),
		"bad points":      extension("2.5.29.31", func(int) []byte { return Seq(Explicit(0, Explicit(0, fill(12, bad)))) }),
		"access":          extension("1.3.6.1.5.5.7.1.1", func(i int) []byte { return Seq(oid(i), URI("http://a")) }),
		"features":        extension("1.3.6.1.5.5.7.1.24", func(i int) []byte { return Int(int64(i)) }),
		"constraints": func(size int) []byte {
			return with(Ext{OID: "2.5.29.30", Critical: true, Value: Seq(Explicit(0, fill(size, func(i int) []byte { return Seq(DNS(strconv.Itoa(i))) })))})
		},
		"extensions": func(size int) []byte {
			return leaf(func(c *Cert) {
				for i := range size / 14 {
					c.Extensions = append(c.Extensions, Ext{OID: "1.2." + strconv.Itoa(i), Critical: true})
				}
			})
		},
		"one extension again and again": func(size int) []byte {
			return leaf(func(c *Cert) {
				for range size / 14 {
					c.Extensions = append(c.Extensions, Ext{OID: "2.5.29.15", Value: []byte{3, 0}})
				}
			})
		},
		"RDNs": func(size int) []byte {
			return leaf(func(c *Cert) {
				c.Subject = Seq(fill(size, func(i int) []byte { return Set(Attr{OID: "2.5.4.3", Value: strconv.Itoa(i)}.DER()) }))
			})
		},
		"one RDN": func(size int) []byte {
			return leaf(func(c *Cert) {
				c.Subject = Seq(Set(fill(size, func(i int) []byte { return Attr{OID: "2.5.4.3", Value: strconv.Itoa(size - i)}.DER() })))
			})
		},
		"a long name": func(size int) []byte {
			return leaf(func(c *Cert) {
				c.Subject = DN(Attr{OID: "2.5.4.3", Value: string(bytes.Repeat([]byte("ǅ "), size/3))})
			})
		},
		"a large key": func(size int) []byte {
			return leaf(func(c *Cert) {
				c.SPKI = Seq(Seq(OID("1.2.840.113549.1.1.1"), Null()), Bits(Seq(TLV(2, append([]byte{0x40}, bytes.Repeat([]byte{0xff}, size)...)), Int(65537))))
			})
		},
		"a large exponent": func(size int) []byte {
			return leaf(func(c *Cert) {
				c.SPKI = Seq(Seq(OID("1.2.840.113549.1.1.1"), Null()), Bits(Seq(TLV(2, append([]byte{0x40}, bytes.Repeat([]byte{0xff}, 255)...)), TLV(2, append([]byte{0x40}, bytes.Repeat([]byte{0xff}, size)...)))))
			})
		},
		"indefinite lengths": func(size int) []byte { return nested(size/2, []byte{0x30, 0x80}) },
	}
}

// read is all that is done with a certificate by itself.
func read(in []byte) *cert.Certificate {
	c := cert.Parse(in)
	c.StrictFindings()
	for i := range c.Extensions {
		c.ExtensionSummary(i)
	}
	_ = c.Subject.String() + c.Issuer.String()
	for _, n := range c.SAN {
		_ = n.String()
	}
	c.VerifySignatureFrom(nil, c.Key)
	return c
}

// The CPU that 256 KiB, as much as a handshake may bring, and 64 MiB can cost.
func BenchmarkWorst(b *testing.B) {
	for _, size := range []int{256 << 10, 64 << 20} {
		for name, part := range costly() {
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) {
				in := part(size)
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				for b.Loop() {
					read(in)
				}
			})
		}
	}
}

// What is larger than any certificate is not read.
func TestMaxSize(t *testing.T) {
	for size, unreadable := range map[int]bool{cert.MaxSize / 2: false, cert.MaxSize: true} {
		c := cert.Parse(costly()["a long name"](size))
		if got := len(c.Findings) == 1 && c.Findings[0].ID == finding.CertUnreadable; got != unreadable || (c.RawTBS == nil) != unreadable {
			t.Errorf("%d octets: %v", len(c.Raw), c.Findings)
		}
	}
}

// 256 KiB of anything cost a fraction of a second and have few findings.
func TestCostly(t *testing.T) {
	for name, part := range costly() {
		in := part(256 << 10)
		start := time.Now()
		c := read(in)
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("%s: %v", name, d)
		}
		if n := len(c.StrictFindings()); n > 300 {
			t.Errorf("%s: %d findings", name, n)
		}
	}
}
