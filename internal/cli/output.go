package cli

import (
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// stdout is standard output. It remembers the first failed write, so that a
// full disk or a closed pipe is never mistaken for an answer that was given.
type stdout struct {
	w    io.Writer
	err  error
	prog *progress // whose line is removed before anything is written; nil for none
}

func (o *stdout) Write(b []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	o.prog.clear()
	n, err := o.w.Write(b)
	o.err = err
	return n, err
}

// failed returns what went wrong with standard output, or nil.
func (o *stdout) failed() error {
	if o.err == nil {
		return nil
	}
	return usagef("standard output cannot be written: %v", o.err)
}

// terminal reports whether w is a terminal.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// color reports whether text on standard output is to be coloured: only on a
// terminal that can, and not with NO_COLOR set (https://no-color.org).
func (a *app) color() bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && terminal(a.stdout.w)
}

// width returns the columns of text: 80, or fewer on a narrow terminal.
func (a *app) width() int {
	if f, ok := a.stdout.w.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w >= 40 && w < 80 {
			return w
		}
	}
	return 80
}

// progress shows one changing line on standard error while it is a terminal.
// The zero progress shows nothing. It is safe for concurrent use.
type progress struct {
	mu    sync.Mutex
	w     io.Writer
	shown bool // there is a line
}

// newProgress returns a progress for a; silent unless standard error is a
// terminal and quiet is false.
func (a *app) newProgress(quiet bool) *progress {
	p := &progress{}
	if !quiet && terminal(a.stderr) {
		p.w, a.stdout.prog = a.stderr, p
	}
	return p
}

// show replaces the line.
func (p *progress) show(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w != nil {
		p.shown = true
		fmt.Fprintf(p.w, "\r\x1b[K%s", quoteLines(fmt.Sprintf(format, args...)))
	}
}

// clear removes the line, if there is one. A nil progress has none.
func (p *progress) clear() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w != nil && p.shown {
		io.WriteString(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// done removes the line for good: what still runs shows nothing more.
func (p *progress) done() {
	p.clear()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.w = nil
}
