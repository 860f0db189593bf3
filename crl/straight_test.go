package crl

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

// slowly scans b entry by entry, each as one of any form.
func slowly(s *entryScan, b []byte) (n int, err error) {
	for n < len(b) {
		one, err := s.slow(b[n:], int64(n))
		if err != nil || one == 0 {
			return n, err
		}
		n += one
	}
	return n, nil
}

// usual is an entry of the usual form.
func usual(r *rand.Rand) []byte {
	serial := make([]byte, 1+r.IntN(20))
	for i := range serial {
		serial[i] = byte(r.Uint32())
	}
	e := append([]byte{0x30, 0, 2, byte(len(serial))}, serial...)
	e = append(e, 0x17, 13)
	e = time.Unix(r.Int64N(100*365*86400), 0).UTC().AppendFormat(e, "060102150405Z")
	if r.IntN(2) == 0 {
		e = append(e, 0x30, 12, 0x30, 10, 6, 3, 0x55, 0x1d, 0x15, 4, 3, 0x0a, 1, byte(r.IntN(12)))
	}
	e[1] = byte(len(e) - 2)
	return e
}

// sameBothWays compares what the fast path makes of b with what the slow one does.
func sameBothWays(t *testing.T, b []byte, v1 bool, serials ...[]byte) {
	t.Helper()
	fast, slow := entryScan{v1: v1, watch: newWatch(serials)}, entryScan{v1: v1, watch: newWatch(serials)}
	n, err := fast.run(b, 0)
	want, wantErr := slowly(&slow, b)
	if n != want || !reflect.DeepEqual(err, wantErr) || !reflect.DeepEqual(fast, slow) {
		t.Fatalf("%x, v1 %v:\n%d octets, %v, %+v\n%d octets, %v, %+v", b, v1, n, err, fast, want, wantErr, slow)
	}
}

// The fast path takes what the slow one finds nothing odd about, and nothing else:
// each octet of an entry changed to each value, entries cut, and many at once.
func TestStraightIsSlow(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	padding := make([]byte, 2*stride)
	for range 6 {
		e := usual(r)
		for i := range e {
			for x := range 256 {
				b := append([]byte(nil), e...)
				b[i] = byte(x)
				sameBothWays(t, b, false)
				sameBothWays(t, append(b, padding...), x%2 == 0)
			}
		}
		for hour := range 100 {
			b := append([]byte(nil), e...)
			clock := b[4+int(b[3])+2+6:]
			clock[0], clock[1] = '0'+byte(hour/10), '0'+byte(hour%10)
			sameBothWays(t, append(b, padding...), false)
		}
	}
	for range 40 {
		var b, watched []byte
		for range r.IntN(60) {
			e := usual(r)
			b, watched = append(b, e...), e[4:4+e[3]]
		}
		for cut := range min(len(b), 400) {
			sameBothWays(t, b[:len(b)-cut], false, watched, []byte{7})
		}
		if len(b) > 0 {
			b[r.IntN(len(b))] ^= byte(1 + r.IntN(255))
			sameBothWays(t, b, false, watched)
		}
	}
}

func FuzzStraight(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 8 {
		f.Add(append(usual(r), usual(r)...), false)
	}
	f.Fuzz(func(t *testing.T, b []byte, v1 bool) { sameBothWays(t, b, v1, []byte{1, 2, 3}, []byte{0x7f}) })
}
