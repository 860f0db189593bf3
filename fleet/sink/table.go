package sink

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// Rows of a file and of a row group of it. Readers skip whole groups, and the
// writer has one in memory.
const (
	partRows  = 1_000_000
	groupRows = 100_000
)

// table is a Parquet file in the making, under a name that ends in ".tmp".
type table[T any] struct {
	name string // when it is finished
	f    *os.File
	buf  *bufio.Writer
	w    *parquet.GenericWriter[T]
	rows int64
}

func createTable[T any](name string) (*table[T], error) {
	f, err := os.OpenFile(name+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	t := &table[T]{name: name, f: f, buf: bufio.NewWriterSize(f, 256<<10)}
	t.w = parquet.NewGenericWriter[T](t.buf, parquet.MaxRowsPerRowGroup(groupRows), parquet.Compression(&zstd.Codec{Level: zstd.SpeedDefault, Concurrency: 1}),
		parquet.PageBufferSize(64<<10), parquet.DataPageStatistics(true), parquet.KeyValueMetadata("assay.schema", strconv.Itoa(SchemaVersion)),
		parquet.CreatedBy("assay", "0", "0"))
	return t, nil
}

func (t *table[T]) write(rows []T) error {
	n, err := t.w.Write(rows)
	t.rows += int64(n)
	return err
}

// finish writes the file out and forces it to the disk, still under its
// temporary name.
func (t *table[T]) finish() error {
	err := t.w.Close()
	if err == nil {
		err = t.buf.Flush()
	}
	if err == nil {
		err = t.f.Sync()
	}
	return errors.Join(err, t.f.Close())
}

// publish gives the finished file its name.
func (t *table[T]) publish() error {
	if err := os.Rename(t.name+".tmp", t.name); err != nil {
		return err
	}
	return syncDir(filepath.Dir(t.name))
}

// abandon removes what was written.
func (t *table[T]) abandon() {
	t.f.Close()
	os.Remove(t.f.Name())
}

// tableReader reads the rows of a Parquet file in order, as far as T has their
// columns. A damaged file is an error, never a panic.
type tableReader[T any] struct {
	name string
	f    *os.File
	r    *parquet.GenericReader[T]
	rows int64 // that the file says it has
}

func openTable[T any](name string) (*tableReader[T], error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	t := &tableReader[T]{name: name, f: f}
	if err := t.open(f, info.Size()); err != nil {
		f.Close()
		return nil, err
	}
	return t, nil
}

func (t *tableReader[T]) open(f io.ReaderAt, size int64) (err error) {
	defer t.rescue(&err)
	file, err := parquet.OpenFile(f, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(16<<10))
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", t.name, err)
	}
	t.r, t.rows = parquet.NewGenericReader[T](file), file.NumRows()
	return nil
}

// rescue makes an error of a panic: the library's readers panic at some damaged
// files.
func (t *tableReader[T]) rescue(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s cannot be read: %v", t.name, p)
	}
}

// read fills rows as far as there are any; io.EOF comes after the last, alone.
func (t *tableReader[T]) read(rows []T) (n int, err error) {
	defer t.rescue(&err)
	clear(rows)
	n, err = t.r.Read(rows)
	switch {
	case n > 0:
		return n, nil
	case err == nil:
		return 0, fmt.Errorf("%s cannot be read: it has fewer rows than it says", t.name)
	case err == io.EOF:
		return 0, err
	}
	return 0, fmt.Errorf("%s cannot be read: %w", t.name, err)
}

func (t *tableReader[T]) close() (err error) {
	defer t.rescue(&err)
	err = t.r.Close()
	if t.f != nil {
		err = errors.Join(err, t.f.Close())
	}
	return err
}

// readTable hands the rows of a Parquet file to each, in pieces that are good
// until each returns.
func readTable[T any](name string, each func([]T) error) error {
	t, err := openTable[T](name)
	if err != nil {
		return err
	}
	defer t.close()
	rows := make([]T, 500)
	for {
		n, err := t.read(rows)
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = each(rows[:n])
		}
		if err != nil {
			return err
		}
	}
}

// syncDir forces the names in a folder to the disk, where the system can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, os.ErrInvalid) && !errors.Is(err, os.ErrPermission) {
		return err
	}
	return nil
}
