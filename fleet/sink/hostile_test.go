package sink

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Whatever a journal holds, what is read of it is whole records in order.
func FuzzJournal(f *testing.F) {
	messages, _ := batch(0, 3).Encode()
	record := binary.LittleEndian.AppendUint32(nil, uint32(len(messages[0])))
	record = binary.LittleEndian.AppendUint32(record, crc32.Checksum(messages[0], castagnoli))
	f.Add(append([]byte(journalMagic), append(record, messages[0]...)...))
	f.Add([]byte(journalMagic + "\x04\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		last := int64(len(journalMagic))
		size, err := readJournal(bytes.NewReader(b), func(msg []byte, end int64) error {
			if end != last+recordHeader+int64(len(msg)) || end > int64(len(b)) {
				t.Errorf("a record of %d octets ends at %d, after %d", len(msg), end, last)
			}
			last = end
			Decode(msg)
			return nil
		})
		if err == nil && size != 0 && size != last {
			t.Errorf("the journal ends at %d, its last record at %d", size, last)
		}
	})
}

// Whatever a file of lines holds, reading it ends.
func FuzzFrames(f *testing.F) {
	name := filepath.Join(f.TempDir(), "x")
	l, err := openLines(name, 99)
	if err != nil {
		f.Fatal(err)
	}
	l.add([]byte("{}\n{}\n"), 2, 50)
	l.finish()
	sound, err := os.ReadFile(name)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sound)
	f.Fuzz(func(t *testing.T, b []byte) {
		octets := 0
		scanFrames(bufio.NewReader(bytes.NewReader(b)), func(_ note, frame []byte) error {
			octets += len(frame)
			lineDecoder.DecodeAll(frame, nil)
			return nil
		})
		if octets > len(b) {
			t.Errorf("%d octets of frames in %d", octets, len(b))
		}
	})
}

// A damaged Parquet file is an error and no panic.
func FuzzTable(f *testing.F) {
	name := filepath.Join(f.TempDir(), "x.parquet")
	tab, err := createTable[record](name)
	if err != nil {
		f.Fatal(err)
	}
	recs := make([]record, 20)
	for i, r := range batch(0, 20).Rows {
		recs[i].set(&r)
	}
	if err := errors.Join(tab.write(recs), tab.finish()); err != nil {
		f.Fatal(err)
	}
	sound, err := os.ReadFile(name + ".tmp")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sound)
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &tableReader[record]{name: "fuzzed"}
		if err := r.open(bytes.NewReader(b), int64(len(b))); err != nil {
			return
		}
		defer r.close()
		rows := make([]record, 10)
		for range 100 {
			if _, err := r.read(rows); err != nil {
				return
			}
		}
	})
}

// A part that was changed after it was written is told, and not counted short.
func TestDamaged(t *testing.T) {
	for _, o := range []Options{{NoLines: true}, {NoParquet: true}} {
		dir := t.TempDir()
		w, err := Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		add(t, w, batch(0, 100))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		once(t, dir, batch(0, 100))
		name := append(glob(t, dir, "results/part-*"), glob(t, dir, "lines/part-*")...)[0]
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, damaged := range [][]byte{b[:len(b)/2], nil, append([]byte("x"), b...)} {
			if err := os.WriteFile(name, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := OpenResults(dir)
			if err == nil {
				err = r.Rows(func(*Row) error { return nil })
			}
			if err == nil || !strings.Contains(err.Error(), filepath.Base(name)) {
				t.Errorf("%s with %d octets of %d: %v", name, len(damaged), len(b), err)
			}
		}
	}
}

// What a manifest says is not believed where it cannot be.
func TestManifestRefused(t *testing.T) {
	for _, bad := range []string{"", "{", `{"version":2}`, `{"version":1,"parts":[{"number":0,"results":true}]}`, `{"version":1,"parts":[{"number":2,"lines":true},{"number":1,"lines":true}]}`,
		`{"version":1,"done":"5-1"}`, `{"version":1,"certificates":[[{"name":"../../etc/passwd"}]]}`, `{"version":1,"partial":{"1":null}}`, `{"version":1,"partial":{"1":{"size":8,"bits":"/w=="}}}`,
		`{"version":1,"partial":{"1":{"size":9,"bits":"AQ=="}}}`, `{"version":1,"parts":[{"number":1,"rows":-1,"lines":true}]}`} {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, stateDir), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, stateDir, "manifest.json"), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if w, err := Open(dir, Options{}); err == nil {
			w.release()
			t.Errorf("%s is taken", bad)
		}
		if _, err := OpenResults(dir); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
}

// A full disk is named, with what to do.
func TestDiskFullWords(t *testing.T) {
	w := &Writer{dir: "job"}
	err := w.fail(&os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC})
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "resume the scan") {
		t.Error(err)
	}
	if err := w.fail(io.ErrUnexpectedEOF); strings.Contains(err.Error(), "full") {
		t.Error(err)
	}
}
