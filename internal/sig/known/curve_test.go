package known

import (
	"math/big"
	"testing"

	"github.com/assaytls/assay/internal/sig/known/fiat"
)

// A table has the multiples that it should, compared with textbook addition.
func TestMultiples(t *testing.T) {
	for _, c := range curves {
		k := c.newTested(t, big.NewInt(0x7ab1e), refPoint{})
		q := c.times(k.private, c.g)
		for name, table := range map[string]struct {
			of refPoint
			k  key
			w  uint
		}{"key": {q, k.key, keyWidth}, "base": {c.g, baseKey(c), baseWidth}} {
			points := refPoints(table.k)
			row := 1 << (table.w - 1)
			if len(points) != row*digitCount(8*c.size, table.w) {
				t.Fatalf("%s, %s: %d points", c.name, name, len(points))
			}
			first := table.of
			for i := 0; i < len(points); i += row {
				at := first
				for j := range row {
					if got := points[i+j]; got.x.Cmp(at.x) != 0 || got.y.Cmp(at.y) != 0 {
						t.Fatalf("%s, %s: row %d, multiple %d is wrong", c.name, name, i/row, j+1)
					}
					if j < row-1 {
						at = c.add(at, first)
					}
				}
				first = c.add(at, at) // at is half of the next row's first
			}
		}
	}
}

func baseKey(c *curve) key {
	if c.size == 32 {
		return key256{base256()}
	}
	return key384{base384()}
}

func refPoints(k key) (out []refPoint) {
	switch k := k.(type) {
	case key256:
		for _, p := range k.points {
			x, y := p.x.Bytes(), p.y.Bytes()
			out = append(out, refPoint{new(big.Int).SetBytes(x[:]), new(big.Int).SetBytes(y[:])})
		}
	case key384:
		for _, p := range k.points {
			x, y := p.x.Bytes(), p.y.Bytes()
			out = append(out, refPoint{new(big.Int).SetBytes(x[:]), new(big.Int).SetBytes(y[:])})
		}
	}
	return out
}

// Every scalar's digits sum to it and keep their bounds.
func TestRecode(t *testing.T) {
	for _, c := range curves {
		scalars := append(c.edgeScalars(), new(big.Int), one, sub(c.n, one), sub(c.n, two))
		for i := range 8*c.size - 1 {
			scalars = append(scalars, new(big.Int).Lsh(one, uint(i)), sub(c.n, new(big.Int).Lsh(one, uint(i))))
		}
		for _, width := range []uint{keyWidth, baseWidth} {
			for _, scalar := range scalars {
				digits := make([]int16, digitCount(8*c.size, width))
				recode(digits, scalar.FillBytes(make([]byte, c.size)), width)
				sum, half := new(big.Int), int16(1)<<(width-1)
				for i, d := range digits {
					if d > half || d <= -half {
						t.Errorf("%s: digit %d of %x is %d", c.name, i, scalar, d)
					}
					sum.Add(sum, new(big.Int).Lsh(big.NewInt(int64(d)), uint(i)*width))
				}
				if sum.Cmp(scalar) != 0 {
					t.Errorf("%s, width %d: %x became %x", c.name, width, scalar, sum)
				}
			}
		}
	}
}

// Factors of 0 add nothing.
func TestZeroFactors(t *testing.T) {
	for _, c := range curves {
		k := c.newTested(t, nil, c.g)
		for _, u2 := range []*big.Int{new(big.Int), big.NewInt(5)} {
			switch k := k.key.(type) {
			case key256:
				var sum sum256
				base256().addTo(&sum, new(big.Int))
				k.addTo(&sum, u2)
				if got := sum.zz != (fiat.P256{}); got != (u2.Sign() != 0) {
					t.Errorf("u1 = 0, u2 = %d: finite %v", u2, got)
				}
			case key384:
				var sum sum384
				base384().addTo(&sum, new(big.Int))
				k.addTo(&sum, u2)
				if got := sum.zz != (fiat.P384{}); got != (u2.Sign() != 0) {
					t.Errorf("u1 = 0, u2 = %d: finite %v", u2, got)
				}
			}
		}
	}
}

// What is no point of the curve gets no table.
func TestNoPoint(t *testing.T) {
	for _, c := range curves {
		sound := c.octets(c.g)
		off := append([]byte(nil), sound...)
		off[len(off)-1] ^= 1
		compressed := append([]byte{2}, sound[1:]...)
		tooLarge := append([]byte{4}, make([]byte, 2*c.size)...)
		c.p.FillBytes(tooLarge[1 : 1+c.size])
		for name, point := range map[string][]byte{"off the curve": off, "compressed": compressed, "x = p": tooLarge, "zero": append([]byte{4}, make([]byte, 2*c.size)...)} {
			if build(point) != nil {
				t.Errorf("%s: %s has a table", c.name, name)
			}
		}
		if build(sound) == nil {
			t.Errorf("%s: the base point has none", c.name)
		}
	}
}
