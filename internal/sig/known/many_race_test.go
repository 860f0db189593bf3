//go:build race

package known

// ordinary is how many cases TestDifferential has for each curve; the race detector
// makes each of them ten times as dear, and there is no race in arithmetic.
const ordinary = 2_000
