package der

import "testing"

// Lengths with octets to spare are flagged, however long the contents are.
func TestSpareLengthOctets(t *testing.T) {
	for _, head := range [][]byte{{0x30, 0x82, 0, 0x90}, {0x30, 0x83, 0, 1, 0}, {0x30, 0x81, 0x10}, {0x30, 0x88, 0, 0, 0, 0, 0, 0, 1, 0}} {
		e, err := NewReader(append(head, make([]byte, 0x100)...), 0).Next()
		if err != nil || e.Flaws&LongLength == 0 {
			t.Errorf("%x: %v %v", head, e.Flaws, err)
		}
	}
}
