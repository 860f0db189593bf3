// Package jsonbound tells how much a JSON text holds before it is decoded. Octets
// bound the text alone: three of them ("{},") can become a structure of hundreds.
package jsonbound

import (
	"bytes"
	"fmt"
)

// Check returns an error when b holds more than limit values, counted at every
// depth: elements, members, and the text itself; an empty array or object counts
// as two. It allocates nothing and does not say whether b is JSON.
func Check(b []byte, limit int) error {
	n := 1
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = endOfString(b, i)
		case ',', '[', '{':
			if n++; n > limit {
				return fmt.Errorf("more than %d values", limit)
			}
		}
	}
	return nil
}

// endOfString returns the place of the quotation mark that ends the string which
// begins at i, or the end of b.
func endOfString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		k := bytes.IndexAny(b[i:min(len(b), i+64)], `"\`)
		switch {
		case k < 0:
			i = min(len(b), i+64) - 1
		case b[i+k] == '"':
			return i + k
		default:
			i += k + 1 // what is escaped
		}
	}
	return i
}
