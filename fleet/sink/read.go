package sink

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/assaytls/assay/report"
)

// Results are the results in a job's folder at one moment, to be read: also
// while a scan goes on, and after one that was killed.
type Results struct {
	dir      string
	manifest *manifest
}

// ErrNoResults says that a folder has no results of a scan.
var ErrNoResults = errors.New("it has no results of a scan")

// OpenResults opens the results in dir. A folder without any has none; the error
// is of what cannot be read.
func OpenResults(dir string) (*Results, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder of a scan", dir)
	}
	if _, err := os.Stat(filepath.Join(dir, stateDir)); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoResults)
	}
	m, err := readManifest(dir)
	return &Results{dir, m}, err
}

// Rows hands every row to each, once, in the order in which they were stored.
// The row is good until each returns, and has no position. A row of a part that
// is kept as Parquet has no SPKI.
func (r *Results) Rows(each func(*Row) error) error {
	for tries := 0; ; tries++ {
		for _, p := range r.manifest.Parts {
			if err := r.part(p, each); err != nil {
				return err
			}
		}
		err := r.open(each)
		if err == nil || !errors.Is(err, errMoved) || tries == 100 {
			return err
		}
		// The scan has made a part of the journal meanwhile: that part is read, and
		// the journal after it.
		later, err := readManifest(r.dir)
		if err != nil {
			return err
		}
		next := r.manifest.next()
		r.manifest = later
		for len(later.Parts) > 0 && later.Parts[0].Number < next {
			later.Parts = later.Parts[1:]
		}
	}
}

var errMoved = errors.New("the journal has become a part")

// part reads one part that is stored.
func (r *Results) part(p partInfo, each func(*Row) error) error {
	var rows int64
	if p.Results {
		name := partName(r.dir, resultsDir, p.Number, "parquet")
		err := readTable(name, func(recs []record) error {
			for i := range recs {
				row := recs[i].row()
				if err := each(&row); err != nil {
					return err
				}
			}
			rows += int64(len(recs))
			return nil
		})
		return counted(name, err, rows, p.Rows)
	}
	name := partName(r.dir, linesDir, p.Number, "jsonl.zst")
	err := readLines(name, func(line []byte) error {
		var l Line
		if err := json.Unmarshal(line, &l); err != nil {
			return fmt.Errorf("%s cannot be read: %w", name, err)
		}
		row := l.row()
		rows++
		return each(&row)
	})
	return counted(name, err, rows, p.Rows)
}

// counted is err, or says that a file has fewer rows than the manifest says.
func counted(name string, err error, rows, want int64) error {
	if err == nil && rows != want {
		return fmt.Errorf("%s is damaged: it has %d rows of %d", name, rows, want)
	}
	return err
}

// open reads the rows that are in the journal only.
func (r *Results) open(each func(*Row) error) error {
	name := journalName(r.dir, r.manifest.next())
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		later, err := readManifest(r.dir)
		if err == nil && later.next() != r.manifest.next() {
			err = errMoved
		}
		return err
	}
	if err != nil {
		return err
	}
	defer f.Close()
	seen := progress{done: append(spans(nil), r.manifest.Done...), partial: map[uint64]*pieces{}}
	for n, p := range r.manifest.Partial {
		seen.partial[n] = p.clone()
	}
	_, err = readJournal(f, func(msg []byte, _ int64) error {
		b, err := Decode(msg)
		if err != nil {
			return fmt.Errorf("%s cannot be read: %w", name, err)
		}
		rows, err := seen.fresh(&b)
		if err != nil {
			return fmt.Errorf("%s cannot be read: %w", name, err)
		}
		seen.mark(b.Number, b.Size, rows)
		for i := range rows {
			if err := each(&rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// Certificates looks up what the table says of some certificates; those that
// it does not have are missing in the answer.
func (r *Results) Certificates(wanted map[report.Hash]bool) (map[report.Hash]Certificate, error) {
	found := make(map[report.Hash]Certificate, len(wanted))
	if len(wanted) == 0 {
		return found, nil
	}
	for _, set := range r.manifest.Certificates {
		for _, f := range set {
			name := filepath.Join(r.dir, certsDir, f.Name)
			err := readTable(name, func(recs []struct {
				SHA256  [32]byte `parquet:"sha256"`
				Subject string   `parquet:"subject,optional"`
			}) error {
				for i := range recs {
					if h := report.Hash(recs[i].SHA256); wanted[h] {
						found[h] = Certificate{SHA256: h, Subject: recs[i].Subject}
					}
				}
				return nil
			})
			if err != nil && !errors.Is(err, os.ErrNotExist) { // merged meanwhile
				return found, err
			}
		}
	}
	if len(found) == len(wanted) {
		return found, nil
	}
	err := r.journalled(func(b *Batch) {
		for _, c := range b.Certificates {
			if wanted[c.SHA256] {
				found[c.SHA256] = c
			}
		}
	})
	return found, err
}

// journalled hands every batch of the journal to each.
func (r *Results) journalled(each func(*Batch)) error {
	f, err := os.Open(journalName(r.dir, r.manifest.next()))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = readJournal(f, func(msg []byte, _ int64) error {
		b, err := Decode(msg)
		if err == nil {
			each(&b)
		}
		return err
	})
	return err
}
