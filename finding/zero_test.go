package finding

import (
	"encoding/json"
	"testing"
)

// A finding without a severity refuses, and so does one without an ID.
func TestZeroValues(t *testing.T) {
	var f Finding
	if f.Severity != Error || f.Severity.String() != "error" {
		t.Errorf("the zero severity is %s", f.Severity)
	}
	if k := f.Kind(); k.Severity != Error || k.Allowable || k.Class != ClassInternal {
		t.Errorf("the zero finding's kind is %+v", k)
	}
	if k := (Kind{}); k.Severity != Error || k.Allowable {
		t.Errorf("the zero kind is %+v", k)
	}
	if _, known := Lookup(""); known {
		t.Error("the empty ID is in the table")
	}
	_, _ = f.Title(), f.String()
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	back := Finding{Severity: Info}
	if err := json.Unmarshal(b, &back); err != nil || back.Severity != Error {
		t.Errorf("%s is read as %s, %v", b, back.Severity, err)
	}
	// A program in an older form of JSON that left the severity out.
	back = Finding{Severity: Info}
	if err := json.Unmarshal([]byte(`{"id":"x-mine"}`), &back); err != nil || back.Severity != Error {
		t.Errorf("without a severity: %s, %v", back.Severity, err)
	}
}
