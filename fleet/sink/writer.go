package sink

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/assaytls/assay/fleet/flock"
)

// ErrLocked is what errors.Is finds when another process writes to the folder.
var ErrLocked = errors.New("another process stores results in this folder")

// Options say how results are stored. The zero value is what a scan wants.
type Options struct {
	// SyncEvery is how often the journal is forced to the disk. A killed process
	// loses nothing of what Add took; a power cut loses at most this much, and
	// Done tells the truth afterwards. 0 is one second; negative is after each Add.
	SyncEvery time.Duration

	// NoParquet and NoLines leave out one form of the results, not both.
	NoParquet, NoLines bool
}

// Writer stores batches in a job's folder. It is safe for concurrent use; one
// process at a time has a folder open.
type Writer struct {
	options Options
	dir     string
	lock    *os.File

	mu       sync.Mutex
	manifest *manifest
	progress progress
	journal  *journal
	part     *part
	certs    certs
	synced   time.Time // when the journal was last forced to the disk
	failed   error     // what ended the writer

	partRows int64              // rows after which a part ends
	step     func(string) error // tests end the process at any step of a commit
}

// Open opens the results of the job whose folder is dir, makes what is missing
// of it, and takes in what an earlier process had stored. The error is
// [ErrLocked] while another process has it open.
func Open(dir string, options Options) (*Writer, error) {
	w := &Writer{options: options, dir: dir, partRows: partRows, step: func(string) error { return nil }}
	return w, w.open()
}

func (w *Writer) open() (err error) {
	if w.options.NoParquet && w.options.NoLines {
		return errors.New("results are stored as Parquet, as JSON Lines, or as both")
	}
	if w.options.SyncEvery == 0 {
		w.options.SyncEvery = time.Second
	}
	for _, folder := range []string{stateDir, resultsDir, linesDir, certsDir, evidDir} {
		if err := os.MkdirAll(filepath.Join(w.dir, folder), 0o700); err != nil {
			return err
		}
	}
	if w.lock, err = flock.Open(filepath.Join(w.dir, stateDir, "lock"), ErrLocked); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			w.release()
			err = fmt.Errorf("the results in %s cannot be opened: %w", w.dir, err)
		}
	}()
	if w.manifest, err = readManifest(w.dir); err != nil {
		return err
	}
	if err := w.manifest.sweep(w.dir); err != nil {
		return err
	}
	w.progress = progress{done: append(spans(nil), w.manifest.Done...), partial: map[uint64]*pieces{}}
	for n, p := range w.manifest.Partial {
		w.progress.partial[n] = p.clone()
	}
	return w.begin()
}

// begin starts the next part: from its journal, if there is one.
func (w *Writer) begin() (err error) {
	number := w.manifest.next()
	name := journalName(w.dir, number)
	end, err := journalEnd(name)
	if err != nil {
		return err
	}
	if w.part, err = newPart(w.dir, number, w.options, end); err != nil {
		return err
	}
	w.certs.dir, w.certs.next, w.certs.sets, w.certs.chunk, w.certs.octets = w.dir, w.manifest.NextFile, nil, nil, 0
	w.journal, err = openJournal(name, func(msg []byte, end int64) error {
		b, err := Decode(msg)
		if err != nil {
			return err
		}
		rows, err := w.progress.fresh(&b)
		if err != nil {
			return err
		}
		return w.take(&b, rows, end)
	})
	w.synced = time.Now()
	return err
}

// journalEnd is where the whole records of a journal end; 0 when there is none.
func journalEnd(name string) (int64, error) {
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return readJournal(f, func([]byte, int64) error { return nil })
}

// take makes rows of b, which end at end in the journal, a piece of the part.
func (w *Writer) take(b *Batch, rows []Row, end int64) error {
	for i := range b.Certificates {
		if err := w.certs.add(&b.Certificates[i]); err != nil {
			return err
		}
	}
	if err := w.part.add(rows, b.Evidence, end); err != nil {
		return err
	}
	if w.progress.mark(b.Number, b.Size, rows) {
		w.part.batches.add(b.Number)
	}
	return nil
}

// Add stores the batch. When it returns nil the batch is stored and stays so
// when the process is killed; see [Options.SyncEvery] for a power cut. Rows that
// are stored already are left as they are. An [ErrMessage] is the batch's fault and
// leaves the writer as it was; any other error ends the writer, and what was added before
// is stored.
func (w *Writer) Add(b Batch) error {
	messages, err := b.Encode()
	if err != nil {
		return err
	}
	for _, msg := range messages {
		if _, err := w.AddMessage(msg); err != nil {
			return err
		}
	}
	return nil
}

// AddMessage stores what a message of [Batch.Encode] holds, as Add does, and
// returns the number of its batch.
func (w *Writer) AddMessage(msg []byte) (number uint64, err error) {
	b, err := Decode(msg)
	if err != nil {
		return 0, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil {
		return b.Number, w.failed
	}
	rows, err := w.progress.fresh(&b)
	if err != nil || len(rows) == 0 && len(b.Rows) > 0 {
		return b.Number, err
	}
	if err := w.journal.append(msg); err != nil {
		return b.Number, w.fail(err)
	}
	if err := w.take(&b, rows, w.journal.size); err != nil {
		return b.Number, w.fail(err)
	}
	if w.options.SyncEvery < 0 || time.Since(w.synced) >= w.options.SyncEvery {
		if err := w.sync(); err != nil {
			return b.Number, err
		}
	}
	if w.part.rows >= w.partRows {
		return b.Number, w.commit()
	}
	return b.Number, nil
}

// commit makes the part's files count, and begins the next part.
func (w *Writer) commit() error {
	if err := w.commitPart(); err != nil {
		return w.fail(err)
	}
	if err := w.begin(); err != nil {
		return w.fail(err)
	}
	return nil
}

func (w *Writer) commitPart() error {
	m := w.manifest.clone()
	if w.part.rows > 0 {
		info, err := w.part.finish(w.step)
		if err != nil {
			return err
		}
		m.Parts = append(m.Parts, info)
	}
	w.part.close()
	if err := errors.Join(w.certs.flush(), w.step("certificates written")); err != nil {
		return err
	}
	m.Certificates, m.NextFile = append(m.Certificates, w.certs.sets...), w.certs.next
	m.Done, m.Partial = append(spans(nil), w.progress.done...), map[uint64]*pieces{}
	for n, p := range w.progress.partial {
		m.Partial[n] = p.clone()
	}
	if err := errors.Join(m.write(w.dir), w.step("manifest written")); err != nil {
		return err
	}
	w.manifest = m
	name := w.journal.f.Name()
	w.journal.f.Close()
	return errors.Join(os.Remove(name), w.step("journal removed"))
}

// Sync forces what was added to the disk.
func (w *Writer) Sync() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil {
		return w.failed
	}
	return w.sync()
}

func (w *Writer) sync() error {
	if err := w.journal.f.Sync(); err != nil {
		return w.fail(err)
	}
	w.synced = time.Now()
	return nil
}

// fail ends the writer: after a failed write or sync nobody knows what is on
// the disk until the journal is read again.
func (w *Writer) fail(err error) error {
	hint := ""
	if errors.Is(err, syscall.ENOSPC) {
		hint = " (the disk is full; everything stored so far is kept, so free some space and resume the scan)"
	}
	w.failed = fmt.Errorf("results can no longer be stored in %s%s: %w", w.dir, hint, err)
	return w.failed
}

// Done yields the batches that are stored whole, as ranges (both ends included)
// in order. It is what is there at the moment of the call.
func (w *Writer) Done() iter.Seq2[uint64, uint64] {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.progress.all()
}

// Has says whether batch number is stored whole.
func (w *Writer) Has(number uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.progress.done.has(number)
}

// Partial yields the batches that are stored in part, in order, and which of
// their positions are.
func (w *Writer) Partial() iter.Seq2[uint64, []int] {
	w.mu.Lock()
	defer w.mu.Unlock()
	have := make(map[uint64][]int, len(w.progress.partial))
	for n, p := range w.progress.partial {
		for i := range p.Size {
			if p.has(i) {
				have[n] = append(have[n], i)
			}
		}
	}
	return func(yield func(uint64, []int) bool) {
		for _, n := range slices.Sorted(maps.Keys(have)) {
			if !yield(n, have[n]) {
				return
			}
		}
	}
}

// Close makes files of what is in the journal and frees the folder. It takes
// seconds at most. After a failure it frees the folder and returns the failure.
func (w *Writer) Close() error { return w.end(false) }

// Finish is Close for a job that is done: it also makes one table of the
// certificates, each once, which takes about 10 s for each million of them.
func (w *Writer) Finish() error { return w.end(true) }

func (w *Writer) end(merge bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lock == nil {
		return nil
	}
	err := w.failed
	if err == nil {
		if err = w.commitPart(); err != nil {
			err = w.fail(err)
		}
	}
	for err == nil && merge && len(w.manifest.Certificates) > 1 {
		if err = w.merge(); err != nil {
			err = w.fail(err)
		}
	}
	w.release()
	w.failed = errors.New("the results are closed")
	return err
}

// merge makes one set of the first sets of certificates.
func (w *Writer) merge() error {
	m := w.manifest.clone()
	n := min(len(m.Certificates), mergeSets)
	old := m.Certificates[:n]
	files, next, err := mergeCerts(w.dir, m.NextFile, old)
	if err != nil {
		return err
	}
	m.Certificates, m.NextFile = append(m.Certificates[n:len(m.Certificates):len(m.Certificates)], files), next
	if err := errors.Join(w.step("certificates merged"), m.write(w.dir), w.step("merge written")); err != nil {
		return err
	}
	w.manifest = m
	for _, set := range old {
		for _, f := range set {
			if err := os.Remove(filepath.Join(w.dir, certsDir, f.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// release closes what is open, as the end of the process would.
func (w *Writer) release() {
	if w.part != nil {
		w.part.close()
	}
	var files []io.Closer
	if w.journal != nil {
		files = append(files, w.journal.f)
	}
	if w.lock != nil {
		files = append(files, w.lock)
	}
	for _, f := range files {
		f.Close()
	}
	w.lock = nil
}
