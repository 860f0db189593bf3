package known

import (
	"crypto/ecdsa"
	"math/big"
	"testing"
	"time"
)

// benchKeys are how many keys take turns: with one alone the branch predictor and
// the cache learn its table.
const benchKeys = 30

// BenchmarkVerify verifies by 30 keys in turn with tables, and every fourth signature
// with crypto/ecdsa beside it: ecdsa-ns/op is the latter's time, of-ecdsa the ratio.
func BenchmarkVerify(b *testing.B) {
	for _, c := range curves {
		b.Run(c.name, func(b *testing.B) {
			signed := signatures(b, c)
			var ours, theirs time.Duration
			at := 0
			base256()
			base384()
			b.ReportAllocs()
			for b.Loop() {
				s := signed[at%len(signed)]
				at++
				start := time.Now()
				ok := s.k.key.verify(s.digest, s.signature)
				ours += time.Since(start)
				if !ok {
					b.Fatal("refused")
				}
				if at%4 == 0 {
					b.StopTimer()
					start = time.Now()
					ok = ecdsa.VerifyASN1(s.k.public, s.digest, s.signature)
					theirs += 4 * time.Since(start)
					b.StartTimer()
					if !ok {
						b.Fatal("refused")
					}
				}
			}
			b.ReportMetric(float64(theirs.Nanoseconds())/float64(at), "ecdsa-ns/op")
			b.ReportMetric(float64(ours)/float64(theirs), "of-ecdsa")
			b.ReportMetric(float64(signed[0].k.key.octets())/1024, "KiB/key")
		})
	}
}

type signedBy struct {
	k                 *tested
	digest, signature []byte
}

func signatures(b *testing.B, c *curve) (out []signedBy) {
	for i := range int64(benchKeys) {
		k := c.newTested(b, mod(new(big.Int).Exp(c.p, big.NewInt(i+2), nil), c.n), refPoint{})
		digest, signature, _ := k.crafted(mod(mul(c.p, k.private), c.n), mod(mul(k.private, k.private), c.n))
		out = append(out, signedBy{k, digest, signature})
	}
	return out
}

// BenchmarkBuild makes the table of a key.
func BenchmarkBuild(b *testing.B) {
	for _, c := range curves {
		k := c.newTested(b, big.NewInt(0xb111d), refPoint{})
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				build(k.point)
			}
		})
	}
}
