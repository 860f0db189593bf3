package command

import (
	"bytes"
	"testing"
)

// The line of progress is gone before anything is written to standard output, and
// does not come back after the end, whoever still runs.
func TestProgressLeavesNothing(t *testing.T) {
	var screen bytes.Buffer // both streams, as a terminal shows them
	p := &Progress{w: &screen}
	out := &Stdout{w: &screen, prog: p}
	p.Show("checking %s", "a.test")
	out.Write([]byte("ACCEPT\n"))
	p.Show("checking %s", "b.test")
	p.Done()
	p.Show("checking %s", "c.test")
	p.Clear()
	if got, want := screen.String(), "\r\x1b[Kchecking a.test\r\x1b[KACCEPT\n\r\x1b[Kchecking b.test\r\x1b[K"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	(&Stdout{w: &screen}).Write(nil) // without a progress
}
