package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// archive packs the files below dir under the name of dir. Order, owner, time and mode do not depend on the
// machine: names are sorted, everything belongs to root, and a file is either 0755 or 0644.
func archive(out, dir string, at time.Time) error {
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer f.Close()
	var add func(name string, mode fs.FileMode, content []byte) error
	var closers []io.Closer
	switch {
	case strings.HasSuffix(out, ".tar.gz"):
		z, _ := gzip.NewWriterLevel(f, gzip.BestCompression)
		t := tar.NewWriter(z)
		closers = []io.Closer{t, z}
		add = func(name string, mode fs.FileMode, content []byte) error {
			h := &tar.Header{Name: name, Mode: int64(mode.Perm()), Size: int64(len(content)), ModTime: at, Format: tar.FormatPAX, Typeflag: tar.TypeReg}
			if mode.IsDir() {
				h.Typeflag = tar.TypeDir
			}
			if err := t.WriteHeader(h); err != nil {
				return err
			}
			_, err := t.Write(content)
			return err
		}
	case strings.HasSuffix(out, ".zip"):
		z := zip.NewWriter(f)
		closers = []io.Closer{z}
		add = func(name string, mode fs.FileMode, content []byte) error {
			h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at}
			h.SetMode(mode)
			w, err := z.CreateHeader(h)
			if err != nil || mode.IsDir() {
				return err
			}
			_, err = w.Write(content)
			return err
		}
	default:
		return fmt.Errorf("%s is neither .tar.gz nor .zip", out)
	}
	parent := filepath.Dir(dir)
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error { // in lexical order
		if err != nil {
			return err
		}
		name, err := filepath.Rel(parent, p)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if d.IsDir() {
			return add(name+"/", fs.ModeDir|0o755, nil)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is no regular file", p)
		}
		mode := fs.FileMode(0o644)
		if info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		content, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		return add(name, mode, content)
	})
	for _, c := range closers {
		if err == nil {
			err = c.Close()
		}
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// gzipFile replaces a manual page by its compressed form, with neither name nor time in it (gzip -9n).
func gzipFile(name string) error {
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	f, err := os.Create(name + ".gz")
	if err != nil {
		return err
	}
	defer f.Close()
	z, _ := gzip.NewWriterLevel(f, gzip.BestCompression)
	if _, err := z.Write(content); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Remove(name)
}
