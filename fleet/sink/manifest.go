package sink

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// The folders of a job that this package writes to.
const (
	stateDir   = "sink"
	resultsDir = "results"
	linesDir   = "lines"
	certsDir   = "certificates"
	evidDir    = "evidence"
	bodiesDir  = "evidence/bodies"
)

// manifest says which files count. It is replaced as a whole, and that is the
// moment at which a part is stored by its files and no longer by the journal.
type manifest struct {
	Version      int                `json:"version"` // manifestVersion
	Parts        []partInfo         `json:"parts"`
	Certificates [][]fileInfo       `json:"certificates"` // sets of files; each set is sorted by SHA-256 and has each certificate once
	NextFile     int                `json:"next_file"`    // number of the next file of certificates
	Done         spans              `json:"done"`         // batches that the parts have whole
	Partial      map[uint64]*pieces `json:"partial,omitempty"`
}

const (
	manifestVersion = 1
	maxManifest     = 256 << 20
)

// partInfo is a part that is stored.
type partInfo struct {
	Number   int   `json:"number"`
	Rows     int64 `json:"rows"`
	Results  bool  `json:"results"`  // it has a file in results/
	Lines    bool  `json:"lines"`    // it has a file in lines/
	Evidence int64 `json:"evidence"` // lines of its file in evidence/; 0: there is none
	Batches  spans `json:"batches"`  // batches that became whole with it
}

// fileInfo is a file of certificates.
type fileInfo struct {
	Name string `json:"name"` // in certificates/
	Rows int64  `json:"rows"`
}

func partName(dir, folder string, number int, ext string) string {
	return filepath.Join(dir, filepath.FromSlash(folder), fmt.Sprintf("part-%05d.%s", number, ext))
}

func journalName(dir string, number int) string {
	return filepath.Join(dir, stateDir, fmt.Sprintf("journal-%05d", number))
}

// next is the number of the part that is being made.
func (m *manifest) next() int {
	if n := len(m.Parts); n > 0 {
		return m.Parts[n-1].Number + 1
	}
	return 1
}

// readManifest reads the manifest of a job's folder. One that was never written
// is empty.
func readManifest(dir string) (*manifest, error) {
	m := &manifest{Version: manifestVersion, NextFile: 1}
	f, err := os.Open(filepath.Join(dir, stateDir, "manifest.json"))
	if errors.Is(err, os.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxManifest {
		return nil, fmt.Errorf("%s has more than %d octets", f.Name(), maxManifest)
	}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", f.Name(), err)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("%s cannot be used: %w", f.Name(), err)
	}
	return m, nil
}

func (m *manifest) check() error {
	if m.Version != manifestVersion {
		return fmt.Errorf("it has version %d, this program reads version %d", m.Version, manifestVersion)
	}
	last := 0
	for _, p := range m.Parts {
		if p.Number <= last || p.Rows < 0 || p.Evidence < 0 || !p.Results && !p.Lines {
			return fmt.Errorf("part %d is out of order", p.Number)
		}
		last = p.Number
	}
	for n, p := range m.Partial {
		if !p.valid() || m.Done.has(n) {
			return fmt.Errorf("batch %d is not described well", n)
		}
	}
	for _, set := range m.Certificates {
		for _, f := range set {
			if !partFile.MatchString(f.Name) {
				return fmt.Errorf("%.40q is no file of certificates", f.Name)
			}
		}
	}
	return nil
}

// write replaces the manifest.
func (m *manifest) write(dir string) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, stateDir, "manifest.json")
	if err := writeFile(name+".tmp", append(b, '\n')); err != nil {
		return err
	}
	if err := os.Rename(name+".tmp", name); err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

// writeFile writes a file and forces it to the disk.
func writeFile(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

var (
	partFile    = regexp.MustCompile(`^part-\d{5,9}\.(parquet|jsonl\.zst)$`)
	leftover    = regexp.MustCompile(`^part-\d{5,9}\.(parquet|jsonl\.zst)(\.tmp)?$`)
	journalFile = regexp.MustCompile(`^journal-\d{5,9}$`)
)

// sweep removes what a killed process has left and the manifest does not name.
// The lines of the part that is being made stay: openLines knows what of
// them holds.
func (m *manifest) sweep(dir string) error {
	named := map[string]bool{journalName(dir, m.next()): true, partName(dir, linesDir, m.next(), "jsonl.zst"): true, partName(dir, evidDir, m.next(), "jsonl.zst"): true}
	for _, p := range m.Parts {
		named[partName(dir, resultsDir, p.Number, "parquet")] = p.Results
		named[partName(dir, linesDir, p.Number, "jsonl.zst")] = p.Lines
		named[partName(dir, evidDir, p.Number, "jsonl.zst")] = p.Evidence > 0
	}
	for _, set := range m.Certificates {
		for _, f := range set {
			named[filepath.Join(dir, certsDir, f.Name)] = true
		}
	}
	for _, folder := range []string{resultsDir, linesDir, certsDir, evidDir, stateDir} {
		entries, err := os.ReadDir(filepath.Join(dir, folder))
		if err != nil {
			return err
		}
		for _, e := range entries {
			name := filepath.Join(dir, folder, e.Name())
			ours := leftover.MatchString(e.Name()) || folder == stateDir && journalFile.MatchString(e.Name())
			if ours && !named[name] {
				if err := os.Remove(name); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// clone is a copy to change and write.
func (m *manifest) clone() *manifest {
	c := *m
	c.Parts, c.Certificates = slices.Clone(m.Parts), slices.Clone(m.Certificates)
	return &c
}
