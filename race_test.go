//go:build race

package assay_test

const raceEnabled = true
