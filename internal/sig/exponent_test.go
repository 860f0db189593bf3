package sig_test

import (
	"bytes"
	"testing"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/sig"
)

// An exponent of more than 31 bits is refused, not cut: on a 32-bit machine too.
func TestLongExponent(t *testing.T) {
	plain := forge.RSA(2048).SPKI
	for _, e := range [][]byte{{1, 0, 0, 0, 3}, {0, 0x80, 0, 0, 1}, {1, 0, 0, 0, 0, 3}} {
		// 65537 is the last INTEGER of the key; every length before it grows.
		grow := byte(len(e) - 3)
		spki := append(bytes.Clone(plain[:len(plain)-5]), 2, byte(len(e)))
		spki = append(spki, e...)
		for _, at := range []int{3, 22, 27} { // the low octets of three lengths of the form 82 xx xx
			spki[at] += grow
		}
		k, err := sig.ParseKey(spki)
		if err != nil || k.Public != nil || k.Problem == "" {
			t.Errorf("% x: error %v, problem %q, usable %v", e, err, k.Problem, k.Public != nil)
		}
	}
}
