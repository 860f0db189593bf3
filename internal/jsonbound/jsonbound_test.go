package jsonbound_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/jsonbound"
)

func TestCheck(t *testing.T) {
	long := strings.Repeat("x,[{", 100)
	for text, n := range map[string]int{
		``: 1, `1`: 1, `"a,[{"`: 1, `[]`: 2, `[1]`: 2, `[1,2]`: 3, `{"a":1,"b":[{},{}]}`: 7,
		`["a\"],[", 1]`: 3, `["\\", 1, 2]`: 4, `"` + long: 1, `["` + long + `\"` + long + `",1]`: 3, `"\`: 1,
	} {
		if err := jsonbound.Check([]byte(text), n); err != nil {
			t.Errorf("%.40q: %v", text, err)
		}
		if err := jsonbound.Check([]byte(text), n-1); (err == nil) != (n == 1) {
			t.Errorf("%.40q has %d values and passes for %d", text, n, n-1)
		}
	}
	b := bytes.Repeat([]byte(`{},`), 1<<16)
	if n := testing.AllocsPerRun(3, func() {
		if jsonbound.Check(b, 1<<20) != nil {
			t.Fatal("refused")
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// No text has more values than are counted.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"\",["}],"c":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var v any
		if json.Unmarshal(b, &v) == nil && jsonbound.Check(b, values(v)-1) == nil && values(v) > 1 {
			t.Errorf("%q has %d values", b, values(v))
		}
	})
}

// values counts as decoding sees them; members that are repeated count once.
func values(v any) int {
	n := 1
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			n += values(x)
		}
	case map[string]any:
		for _, x := range v {
			n += values(x)
		}
	}
	return n
}
