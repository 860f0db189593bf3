package web

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// Limits of a configuration that is read again hold at once, for those who have used them
// up before too.
func TestLimitsAgain(t *testing.T) {
	var n atomic.Int64
	s, err := start(t, Settings{Requests: 1, Checks: 1}, loopback, quick(&n))
	if err != nil {
		t.Fatal(err)
	}
	check := func(i int) int {
		return do(s, "POST", "/api/v1/check", fmt.Sprintf(`{"target":"a%d.test"}`, i)).Code
	}
	if first, second := check(0), check(1); first != 200 || second != 429 {
		t.Fatalf("one check a minute: %d, %d", first, second)
	}
	use := func(settings Settings) {
		t.Helper()
		if err := s.Use(settings, loopback); err != nil {
			t.Fatal(err)
		}
	}
	use(Settings{Requests: 1000, Checks: 1_000_000})
	// What was used up stays used, and fills again 16,000 times a second.
	for i := 2; check(i) != 200; i++ {
		if t.Context().Err() != nil || i > 100_000 {
			t.Fatal("the limits that were hold")
		}
	}
	time.Sleep(10 * time.Millisecond)
	for i := range 50 { // each takes 5 ms
		if got := check(1_000_000 + i); got != 200 {
			t.Fatalf("check %d: %d", i, got)
		}
	}
	use(Settings{Requests: 1, Checks: 1})
	check(2_000_000)
	if got := check(2_000_001); got != 429 {
		t.Errorf("one check a minute again: %d", got)
	}
}

// Requests come in another order than that in which they read the clock: none is let
// through for it.
func TestLimitsOutOfOrder(t *testing.T) {
	l, begin, passed := newLimits(1, 10), time.Now(), 0
	for i := range 1000 {
		at := begin.Add(5 * time.Second)
		if i%2 == 0 {
			at = begin
		}
		if _, ok := l.take("a", at); ok {
			passed++
		}
	}
	if passed > 15 {
		t.Errorf("%d were let through in 5 s, where 10 and one a second are", passed)
	}
}
