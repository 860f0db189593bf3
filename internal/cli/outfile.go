package cli

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/page"
	"github.com/assaytls/assay/report"
)

// outFile is the file of a flag in the making: it is written aside and moved to its
// place when it is whole, so that nobody reads half of one and an older one outlives
// a full disk. What is no regular file, like a pipe, is written to as it is.
type outFile struct {
	flag, name string
	f          *os.File
	temp       bool
}

// createFile makes the file before anything is dialled, so that a bad place is told
// at once.
func createFile(flag, name string) (*outFile, error) {
	o := &outFile{flag: flag, name: name}
	var err error
	if st, statErr := os.Stat(name); statErr == nil && !st.Mode().IsRegular() {
		o.f, err = os.OpenFile(name, os.O_WRONLY, 0)
	} else {
		o.temp = true
		o.f, err = os.CreateTemp(filepath.Dir(name), ".assay-*")
	}
	var p *fs.PathError
	switch {
	case errors.As(err, &p) && o.temp:
		return nil, usagef("%s: %s cannot be created: %v", flag, name, p.Err)
	case err != nil:
		return nil, usagef("%s: %v", flag, command.PlainPathError(err))
	}
	return o, nil
}

// finish moves the file to its place. written is what became of writing it.
func (o *outFile) finish(written error) error {
	err := written
	if err == nil && o.temp {
		err = o.f.Chmod(0o644)
	}
	if closeErr := o.f.Close(); err == nil {
		err = closeErr
	}
	if err == nil && o.temp {
		err = os.Rename(o.f.Name(), o.name)
	}
	if err != nil {
		var p *fs.PathError
		var l *os.LinkError
		if errors.As(err, &p) { // the name aside says nothing to anybody
			err = p.Err
		} else if errors.As(err, &l) {
			err = l.Err
		}
		return usagef("%s: %s cannot be written: %v", o.flag, o.name, err)
	}
	o.temp = false
	return nil
}

// discard removes what was not written to its end.
func (o *outFile) discard() {
	if o != nil && o.temp {
		o.f.Close()
		os.Remove(o.f.Name())
	}
}

// answered runs answer with the file of --output in the place of standard output.
// The file comes into its place only when the whole answer is in it.
func (a *app) answered(ctx context.Context, f *outputFlags, answer func() error) error {
	if f.file == "" {
		return a.whole(ctx, f, answer)
	}
	o, err := createFile("--output", f.file)
	if err != nil {
		return err
	}
	defer o.discard()
	b := bufio.NewWriterSize(o.f, 1<<16)
	stdout := a.Stdout
	a.Stdout = command.NewStdout(b)
	defer func() { a.Stdout = stdout }()
	err = a.whole(ctx, f, answer)
	if failed := a.Stdout.Err(); failed != nil {
		return o.finish(failed)
	}
	if err != nil || ctx.Err() != nil {
		return err
	}
	return o.finish(b.Flush())
}

// whole runs answer and writes what is written of all targets together.
func (a *app) whole(ctx context.Context, f *outputFlags, answer func() error) error {
	if err := answer(); err != nil || ctx.Err() != nil || f.format != formatHTML {
		return err
	}
	return page.Report(a.Stdout, a.sheets...)
}

// keepSheet keeps a report for the page. The hash of its evidence is that of the file
// that --save-evidence writes and --evidence reads; files of certificates have none.
func (a *app) keepSheet(r *report.Report, ev *evidence.Evidence, f *outputFlags) {
	o := page.Options{ID: "t" + strconv.Itoa(len(a.sheets)+1), Certs: f.certs}
	if r.Target.Source == report.FromEvidence {
		o.EvidenceSHA256 = f.evidenceHash
	} else if b, err := evidence.Encode(ev); err == nil && r.Target.Source != report.FromVerify {
		o.EvidenceSHA256 = evidence.HashOf(b).String()
	}
	a.sheets = append(a.sheets, page.Of(r, o))
}
