//go:build !race

package known

// ordinary is how many cases TestDifferential has for each curve.
const ordinary = 50_000
