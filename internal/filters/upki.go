package filters

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The index of upki's cache (C2SP upki-revocation): a name of the format, the
// numbers of file names and of logs, the names in slots of 32 bytes, a directory
// of the logs, and for each log the files that cover it. All numbers are
// big-endian.
const (
	upkiIndex  = "index.bin"
	upkiMagic  = "upkiidx1"
	upkiHeader = 8 + 2 + 4
	upkiName   = 32
	upkiLog    = 32 + 8 + 2
	upkiEntry  = 2 + 8 + 8
	maxIndex   = 16 << 20
)

// upki marks a set that lies in upki's cache.
const upkiSource = "upki's cache"

func (i *Info) upki() bool { return i.Source == upkiSource }

// readUpki describes the cache of upki in a directory. Its index says which files
// belong together; all of them are asked, so what it says of logs is checked and
// not used.
func readUpki(dir string) (*Info, error) {
	b, err := readBounded(filepath.Join(dir, upkiIndex), maxIndex)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	names, err := upkiNames(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, upkiIndex), err)
	}
	i := &Info{Version: 1, Source: upkiSource, Authentic: ByDirectory}
	hashes := upkiHashes(dir)
	for _, name := range names {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		i.Fetched = later(i.Fetched, st.ModTime())
		i.Filters = append(i.Filters, File{Name: name, SHA256: hashes[name], Size: st.Size(), Made: MadeFrom(name)})
	}
	return i, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// upkiHashes are the hashes in upki's copy of the manifest. They name filters in
// reports; without a manifest they have no hashes there.
func upkiHashes(dir string) map[string]string {
	hashes := map[string]string{}
	b, err := readBounded(filepath.Join(dir, "manifest.json"), maxListSize)
	if err != nil {
		return hashes
	}
	m, err := parseManifest(b)
	if err != nil {
		return hashes
	}
	for _, f := range m {
		hashes[f.Name] = f.SHA256
	}
	return hashes
}

var errIndex = errors.New("malformed index")

// upkiNames checks an index and returns the names of its files.
func upkiNames(b []byte) ([]string, error) {
	malformed := func(format string, args ...any) ([]string, error) {
		return nil, fmt.Errorf("%w: %s", errIndex, fmt.Sprintf(format, args...))
	}
	if len(b) < upkiHeader || string(b[:8]) != upkiMagic {
		return malformed("it does not begin with %q", upkiMagic)
	}
	files, logs := int(binary.BigEndian.Uint16(b[8:])), uint64(binary.BigEndian.Uint32(b[10:]))
	if files > maxFilters {
		return malformed("%d files", files)
	}
	tables := uint64(upkiHeader) + uint64(files)*upkiName + logs*upkiLog
	if tables > uint64(len(b)) {
		return malformed("it has %d bytes, and its tables alone %d", len(b), tables)
	}
	var names []string
	for i := range files {
		slot := b[upkiHeader+i*upkiName:][:upkiName]
		name := string(bytes.TrimRight(slot, "\x00"))
		if !validName(name) || slices.Contains(names, name) {
			return malformed("the file name %q", name)
		}
		names = append(names, name)
	}
	dir := b[upkiHeader+files*upkiName : tables]
	for i := range int(logs) {
		log := dir[i*upkiLog:][:upkiLog]
		if i > 0 && bytes.Compare(dir[(i-1)*upkiLog:][:32], log[:32]) >= 0 {
			return malformed("the logs are not in order")
		}
		at, n := binary.BigEndian.Uint64(log[32:]), uint64(binary.BigEndian.Uint16(log[40:]))
		if at < tables || at > uint64(len(b)) || n*upkiEntry > uint64(len(b))-at {
			return malformed("the entries of log %d lie outside", i)
		}
		for k := range n {
			if f := binary.BigEndian.Uint16(b[at+k*upkiEntry:]); int(f) >= files {
				return malformed("an entry of log %d names file %d of %d", i, f, files)
			}
		}
	}
	return names, nil
}

// parseManifest reads the manifest of upki's mirror: the names, sizes and hashes
// of the files that belong together.
func parseManifest(b []byte) ([]File, error) {
	var m struct {
		GeneratedAt int64 `json:"generated_at"`
		Files       []struct {
			Filename string
			Size     int64
			Hash     string
		}
		Filters []struct { // the same, in older manifests
			Filename string
			Size     int64
			Hash     string
		}
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("the manifest is no JSON: %v", err)
	}
	if m.Files == nil {
		m.Files = m.Filters
	}
	if len(m.Files) == 0 || len(m.Files) > maxFilters {
		return nil, fmt.Errorf("the manifest has %d files", len(m.Files))
	}
	var files []File
	for _, f := range m.Files {
		file := File{Name: f.Filename, SHA256: f.Hash, Size: f.Size, Made: MadeFrom(f.Filename)}
		if file.Made.IsZero() && m.GeneratedAt > 0 {
			file.Made = time.Unix(m.GeneratedAt, 0).UTC()
		}
		if !validName(f.Filename) || !validHash(f.Hash) || f.Size <= 0 || f.Size > maxFilterSize ||
			slices.ContainsFunc(files, func(o File) bool { return o.Name == f.Filename }) {
			return nil, fmt.Errorf("the manifest's entry %q cannot be used", f.Filename)
		}
		files = append(files, file)
	}
	return files, nil
}
