package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// openDir makes the directory of the lab: a temporary one, or the one that was named,
// which may exist, unless it is a link that leads elsewhere.
func (l *Lab) openDir() (err error) {
	if l.Dir == "" {
		l.ownDir = true
		if l.Dir, err = os.MkdirTemp("", "assay-lab-"); err == nil {
			err = os.Chmod(l.Dir, 0o755) // the roots in it are for everybody
		}
		return err
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(l.Dir)), 0o755); err != nil {
		return err
	}
	switch err := os.Mkdir(l.Dir, 0o755); {
	case err == nil:
		l.made = append(l.made, l.Dir)
		return nil
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	st, err := os.Lstat(l.Dir)
	switch {
	case err != nil:
		return err
	case st.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a link; the lab writes into directories themselves", l.Dir)
	case !st.IsDir():
		return fmt.Errorf("%s is not a directory", l.Dir)
	}
	return nil
}

// write makes a file that is not there yet. What is there, a link too, is left alone.
func (l *Lab) write(name string, b []byte) (string, error) { return l.writeFor(name, b, 0o600) }

// writePublic is write for what programs of other users read too: servers that drop their rights,
// browsers in a box.
func (l *Lab) writePublic(name string, b []byte) (string, error) { return l.writeFor(name, b, 0o644) }

func (l *Lab) writeFor(name string, b []byte, mode os.FileMode) (string, error) {
	p := filepath.Join(l.Dir, name)
	f, err := os.OpenFile(p, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return p, fmt.Errorf("%s exists already, and the lab overwrites nothing", p)
	}
	if err != nil {
		return p, err
	}
	l.made = append(l.made, p)
	_, err = f.Write(b)
	return p, errors.Join(err, f.Close())
}

// subdir makes a directory that is not there yet.
func (l *Lab) subdir(name string) (string, error) {
	p := filepath.Join(l.Dir, name)
	err := os.Mkdir(p, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return p, fmt.Errorf("%s exists already, and the lab overwrites nothing", p)
	}
	if err == nil {
		l.trees = append(l.trees, p)
	}
	return p, err
}

// sweep removes what the lab made: its temporary directory as a whole; of a named
// one the files that it wrote, and the directory when it made it and it is empty.
func (l *Lab) sweep() {
	if l.ownDir {
		os.RemoveAll(l.Dir)
		return
	}
	for _, dir := range l.trees {
		os.RemoveAll(dir)
	}
	for i := len(l.made) - 1; i >= 0; i-- {
		os.Remove(l.made[i])
	}
}
