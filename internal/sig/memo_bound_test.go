package sig

import "testing"

func TestMemoIsBounded(t *testing.T) {
	m := NewMemo(10)
	for i := range 1000 {
		m.put([32]byte{byte(i), byte(i >> 8)}, false)
		if n := m.verified.Len(); n > 10 {
			t.Fatalf("%d entries", n)
		}
	}
	if !m.has([32]byte{999 & 0xff, 999 >> 8}) || m.has([32]byte{1}) {
		t.Error("it remembers others than the latest")
	}
}
