package ocsp_test

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"
	"time"

	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/ocsp"
)

// fill calls part with 0, 1, 2, … until the results have so many octets.
func fill(size int, part func(i int) []byte) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		b.Write(part(i))
	}
	return b.Bytes()
}

// costly are responses of about so many octets that are as costly as can be, by
// what they have many of. Whoever answers in plain HTTP, or staples, can make
// them: they are read before any signature is.
func costly(w *world) map[string]func(size int) []byte {
	ext := func(i int) []byte { return Ext{OID: "1.2." + strconv.Itoa(i), Critical: true}.DER() }
	sign := func(o OCSP) []byte { return o.Sign(w.ca) }
	single := func(i int) []byte {
		s := w.ca.Good([]byte{1, byte(i >> 8), byte(i)})
		return s.DER()
	}
	list := func(part func(i int) []byte) func(size int) []byte {
		return func(size int) []byte {
			return sign(OCSP{MutateTBS: func(tbs []byte) []byte {
				parts := Children(tbs)
				for i, p := range parts {
					if p[0] == 0x30 { // responses
						parts[i] = Seq(fill(size, part))
					}
				}
				return Seq(parts...)
			}})
		}
	}
	hostile := func(size int) []byte { // a certificate by the responder's name
		return Cert{Subject: w.ca.Name, Issuer: w.ca.Name, Key: w.ca.Key, Extensions: []Ext{EKU(OCSPSigning),
			{OID: "2.5.29.32", Value: Seq(fill(size, func(i int) []byte { return Seq(OID("1.2."+strconv.Itoa(i)), Seq(Seq(OID("1.2.3"), Null()))) }))}}}.Sign(w.ca.Key)
	}
	return map[string]func(size int) []byte{
		"answers":     list(single),
		"own answers": list(func(int) []byte { return w.ca.RevokedSingle(w.leaf.Serial, 1).DER() }),
		"extensions": func(size int) []byte {
			return sign(OCSP{Singles: []Single{w.good()}, MutateTBS: func(tbs []byte) []byte { return Seq(append(Children(tbs), Explicit(1, Seq(fill(size, ext))))...) }})
		},
		"certificates": func(size int) []byte {
			return sign(OCSP{Singles: []Single{w.good()}, Certs: [][]byte{fill(size, func(int) []byte { return Seq() })}})
		},
		"16 certificates": func(size int) []byte {
			o := OCSP{Singles: []Single{w.good()}, MutateSig: Flip} // so that all are tried
			for range 16 {
				o.Certs = append(o.Certs, hostile(size/16))
			}
			return sign(o)
		},
	}
}

// The CPU that 256 KiB can cost; what has more than 1 MiB is not read.
func BenchmarkWorst(b *testing.B) {
	w := newWorld()
	for _, size := range []int{256 << 10, 64 << 20} {
		for name, part := range costly(w) {
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) {
				in := part(size)
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				for b.Loop() {
					ocsp.Check(w.query(), in)
				}
			})
		}
	}
}

// 256 KiB of anything cost a fraction of a second and have few findings.
func TestCostly(t *testing.T) {
	w := newWorld()
	for name, part := range costly(w) {
		in := part(256 << 10)
		start := time.Now()
		r := ocsp.Check(w.query(), in)
		if d := time.Since(start); d > 3*time.Second || len(r.Findings) > 70 {
			t.Errorf("%s: %d findings after %v", name, len(r.Findings), d)
		}
	}
}
