package der

import "testing"

// A time outside the years 0 to 9999 can be written in no report: an offset
// must not lead there.
func TestYearRange(t *testing.T) {
	for s, ok := range map[string]bool{
		"99991231235959Z": true, "99991231235959+0100": true, "00000101000000Z": true, "00000101000000-0100": true,
		"99991231235959-0001": false, "00000101000000+0001": false,
	} {
		at, _, got := ParseTime(GeneralizedTime, []byte(s))
		if got != ok {
			t.Errorf("%s: %v, want %v", s, got, ok)
		}
		if _, err := at.MarshalJSON(); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}
