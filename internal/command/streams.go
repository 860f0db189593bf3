package command

import (
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// Stdout is standard output. It remembers the first failed write, so that a
// full disk or a closed pipe is never mistaken for an answer that was given.
type Stdout struct {
	w    io.Writer
	err  error
	prog *Progress // whose line is removed before anything is written; nil for none
}

func (o *Stdout) Write(b []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	o.prog.Clear()
	n, err := o.w.Write(b)
	o.err = err
	return n, err
}

// NewStdout is an answer that goes to w, a file in the place of standard output.
func NewStdout(w io.Writer) *Stdout { return &Stdout{w: w} }

// Err is the first write that failed, or nil.
func (o *Stdout) Err() error { return o.err }

// Unguarded is the stream itself, for a pipe whose failures its user handles.
func (o *Stdout) Unguarded() io.Writer { return o.w }

// failed returns what went wrong with standard output, or nil.
func (o *Stdout) failed() error {
	if o.err == nil {
		return nil
	}
	return usagef("standard output cannot be written: %v", o.err)
}

// Terminal reports whether w is a terminal.
func Terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Color reports whether text on standard output is to be coloured: only on a
// terminal that can, and not with NO_COLOR set (https://no-color.org).
func (r *Run) Color() bool {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || !Terminal(r.Stdout.w) {
		return false
	}
	f, ok := r.Stdout.w.(*os.File)
	return ok && paints(f)
}

// Width returns the columns of text: 80, or fewer on a narrow terminal.
func (r *Run) Width() int {
	if f, ok := r.Stdout.w.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w >= 40 && w < 80 {
			return w
		}
	}
	return 80
}

// Progress shows one changing line on standard error while it is a terminal.
// The zero Progress shows nothing. It is safe for concurrent use.
type Progress struct {
	mu    sync.Mutex
	w     io.Writer
	shown bool // there is a line
}

// NewProgress returns a progress for r; silent unless standard error is a
// terminal and quiet is false.
func (r *Run) NewProgress(quiet bool) *Progress {
	p := &Progress{}
	if !quiet && Terminal(r.Stderr) {
		p.w, r.Stdout.prog = r.Stderr, p
	}
	return p
}

// Show replaces the line.
func (p *Progress) Show(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w != nil {
		p.shown = true
		fmt.Fprintf(p.w, "\r\x1b[K%s", QuoteLines(fmt.Sprintf(format, args...)))
	}
}

// Clear removes the line, if there is one. A nil Progress has none.
func (p *Progress) Clear() {
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

// Done removes the line for good: what still runs shows nothing more.
func (p *Progress) Done() {
	p.Clear()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.w = nil
}
