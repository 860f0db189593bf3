package bounded_test

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/bounded"
)

// Whatever is put in and in whatever order, neither bound is exceeded, the sums
// are right, and what was put last is there.
func TestBounds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		count  int
		octets int64
	}{{1, 0}, {2, 10}, {3, 0}, {16, 100}, {100, 50}, {5, 1}} {
		m := bounded.New[int, int64](c.count, c.octets)
		for range 20_000 {
			k, size := r.IntN(40), r.Int64N(max(2*c.octets, 2))
			switch r.IntN(4) {
			case 0:
				m.Delete(k)
				if _, ok := m.Get(k); ok {
					t.Fatal("there after Delete")
				}
			case 1:
				m.Get(k)
			default:
				m.Put(k, size, size)
				if v, ok := m.Get(k); ok != (c.octets == 0 || size <= c.octets) || ok && v != size {
					t.Fatalf("%+v: %d octets: %d %v", c, size, v, ok)
				}
			}
			var sum int64
			n := 0
			for k := range 40 {
				if v, ok := m.Peek(k); ok {
					sum += v
					n++
				}
			}
			if m.Len() > c.count || c.octets > 0 && m.Octets() > c.octets || n != m.Len() || sum != m.Octets() {
				t.Fatalf("%+v: %d entries of %d octets; found %d of %d", c, m.Len(), m.Octets(), n, sum)
			}
		}
	}
}

// What is asked for again and again outlives any number of others.
func TestUsedStays(t *testing.T) {
	m := bounded.New[int, string](10, 100)
	m.Put(-1, "used", 10)
	for i := range 1000 {
		m.Put(i, "x", 10)
		if v, ok := m.Get(-1); !ok || v != "used" {
			t.Fatalf("gone after %d others", i)
		}
	}
	if m.Clear(); m.Len() != 0 || m.Octets() != 0 {
		t.Error("Clear left something")
	}
}

// What was forgotten is not kept alive.
func TestForgottenIsGone(t *testing.T) {
	m := bounded.New[int, *[64]byte](4, 0)
	var alive atomic.Int64
	for i := range 100 {
		v := new([64]byte)
		alive.Add(1)
		runtime.AddCleanup(v, func(int) { alive.Add(-1) }, 0)
		m.Put(i, v, 0)
	}
	for end := time.Now().Add(10 * time.Second); alive.Load() > 4; runtime.GC() {
		if time.Now().After(end) {
			t.Fatalf("%d of 100 are alive", alive.Load())
		}
	}
	runtime.KeepAlive(m)
}

// A nil Map remembers nothing.
func TestNil(t *testing.T) {
	var m *bounded.Map[int, int]
	m.Put(1, 1, 1)
	m.Delete(1)
	m.Clear()
	if _, ok := m.Get(1); ok || m.Len() != 0 || m.Octets() != 0 {
		t.Error("a nil Map has something")
	}
}
