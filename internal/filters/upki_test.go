package filters_test

import (
	"encoding/binary"
	"errors"
	"path/filepath"
	"testing"

	"github.com/assaytls/assay/internal/filters"
)

// index makes upki's index: every file covers one log.
func index(names ...string) []byte {
	be := binary.BigEndian
	b := be.AppendUint32(be.AppendUint16([]byte("upkiidx1"), uint16(len(names))), 1)
	for _, n := range names {
		b = append(b, append([]byte(n), make([]byte, 32-len(n))...)...)
	}
	b = append(b, make([]byte, 32)...)
	b = be.AppendUint16(be.AppendUint64(b, uint64(len(b)+10)), uint16(len(names)))
	for i := range names {
		b = be.AppendUint64(be.AppendUint64(be.AppendUint16(b, uint16(i)), 0), 1<<42)
	}
	return b
}

// TestUpkiCache reads upki's cache in place: all files of its index.
func TestUpkiCache(t *testing.T) {
	p, dir := publish(t), t.TempDir()
	var names []string
	for _, r := range p.list {
		name := r["id"].(string)
		names = append(names, name)
		write(t, filepath.Join(dir, name), p.files["/files/"+name])
	}
	write(t, filepath.Join(dir, "not-indexed.filter"), []byte("x"))
	write(t, filepath.Join(dir, "index.bin"), index(names...))
	if got := answers(t, dir); got != "rrrgg" {
		t.Errorf("upki's cache says %s", got)
	}
	_, info, err := filters.Open(dir)
	if err != nil || info.Newest().Format("20060102") != "20261127" {
		t.Errorf("%+v, %v", info, err)
	}
	good := index(names...)
	edit := func(at int, with ...byte) []byte {
		b := append([]byte(nil), good...)
		copy(b[at:], with)
		return b
	}
	for name, b := range map[string][]byte{
		"another version":      edit(0, []byte("upkiidx0")...),
		"cut":                  good[:len(good)-1],
		"a path as a name":     edit(14, []byte("../x\x00")...),
		"no name":              edit(14, make([]byte, 32)...),
		"the same name twice":  index(names[0], names[0]),
		"counts that lie":      edit(8, 0xff, 0xff),
		"logs that lie":        edit(10, 0xff, 0xff, 0xff, 0xff),
		"a file out of range":  edit(len(good)-18, 0, 9),
		"entries over tables":  edit(14+3*32+32, make([]byte, 8)...),
		"entries past the end": edit(14+3*32+32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"a file that is gone":  index("gone"),
	} {
		write(t, filepath.Join(dir, "index.bin"), b)
		if _, _, err := filters.Open(dir); err == nil || errors.Is(err, filters.ErrNone) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
