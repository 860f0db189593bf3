//go:build unix

package cli

import (
	"os"
	"strings"
	"testing"
)

func TestPending(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if pending(r) {
		t.Error("an empty pipe")
	}
	w.Write([]byte{1})
	if !pending(r) {
		t.Error("a pipe with an octet in it")
	}
	r.Read(make([]byte, 1))
	if pending(r) {
		t.Error("a pipe that is empty again")
	}
	w.Close()
	if !pending(r) {
		t.Error("a pipe that has ended")
	}
	if !pending(strings.NewReader("")) {
		t.Error("what cannot be asked")
	}
}
