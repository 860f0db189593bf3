package known

import (
	"flag"
	"os"
	"strings"
	"testing"
)

//go:generate go test -run TestTwins -args -update

var update = flag.Bool("update", false, "rewrite curve384.go after curve256.go")

// curve384.go is curve256.go for the other curve, word for word: generics would cost
// a call through a dictionary for each multiplication in the field.
func TestTwins(t *testing.T) {
	b, err := os.ReadFile("curve256.go")
	if err != nil {
		t.Fatal(err)
	}
	want := "// Code generated from curve256.go by TestTwins. DO NOT EDIT.\n\n" +
		strings.NewReplacer("256", "384", "[32]", "[48]", ", 32)", ", 48)", "[1:33]", "[1:49]", "[33:]", "[49:]", "2 * 32", "2 * 48").Replace(string(b))
	if *update {
		if err := os.WriteFile("curve384.go", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("curve384.go")
	if err != nil {
		t.Fatal(err)
	}
	if strings.ReplaceAll(string(got), "\r\n", "\n") != want {
		t.Error("curve384.go is not what curve256.go makes it: go generate ./internal/sig/known")
	}
}
