package sink

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ErrLocked is what errors.Is finds when another process writes to the folder.
var ErrLocked = errors.New("another process stores results in this folder")

// Options say how results are stored. The zero value is what a scan wants.
type Options struct {
	// SyncEvery is how often the journal is forced to the disk. A killed process
	// loses nothing of what Add took; a power cut loses at most this much, and
	// Done tells the truth afterwards. 0 is one second; negative is after each Add.
	SyncEvery time.Duration
}

// Writer stores batches in a job's folder. It is safe for concurrent use; one
// process at a time has a folder open.
type Writer struct {
	options Options
	dir     string
	lock    *os.File

	mu       sync.Mutex
	progress progress
	journal  *journal
	synced   time.Time // when the journal was last forced to the disk
	failed   error     // what ended the writer
}

// stateDir is the folder of the journal and the manifest.
const stateDir = "sink"

// Open opens the results of the job whose folder is dir, makes what is missing
// of it, and takes in what an earlier process had stored. The error is
// [ErrLocked] while another process has it open.
func Open(dir string, options Options) (*Writer, error) {
	if options.SyncEvery == 0 {
		options.SyncEvery = time.Second
	}
	if err := os.MkdirAll(filepath.Join(dir, stateDir), 0o700); err != nil {
		return nil, err
	}
	w := &Writer{options: options, dir: dir, progress: progress{partial: map[uint64]*pieces{}}, synced: time.Now()}
	var err error
	if w.lock, err = lock(filepath.Join(dir, stateDir, "lock")); err != nil {
		return nil, err
	}
	if w.journal, err = openJournal(filepath.Join(dir, stateDir, "journal-00001"), w.replay); err != nil {
		w.lock.Close()
		return nil, fmt.Errorf("the journal of %s cannot be opened: %w", dir, err)
	}
	return w, nil
}

// replay takes in a message of the journal.
func (w *Writer) replay(msg []byte, end int64) error {
	b, err := Decode(msg)
	if err != nil {
		return err
	}
	rows, err := w.progress.fresh(&b)
	if err != nil {
		return err
	}
	w.progress.mark(b.Number, b.Size, rows)
	return nil
}

// Add stores the batch. When it returns nil the batch is stored and stays so
// when the process is killed; see [Options.SyncEvery] for a power cut. Rows that are stored
// already are left as they are. An [ErrMessage] is the batch's fault and leaves the writer as
// it was; any other error ends the writer, and what was added before is stored.
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
	if err != nil || len(rows) == 0 && len(b.Certificates) == 0 {
		return b.Number, err
	}
	if err := w.journal.append(msg); err != nil {
		return b.Number, w.fail(err)
	}
	w.progress.mark(b.Number, b.Size, rows)
	if w.options.SyncEvery < 0 || time.Since(w.synced) >= w.options.SyncEvery {
		return b.Number, w.sync()
	}
	return b.Number, nil
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
	w.failed = fmt.Errorf("results can no longer be stored in %s: %w", w.dir, err)
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

// Close stores what is left and frees the folder.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.journal == nil {
		return nil
	}
	err := w.failed
	if err == nil {
		err = w.sync()
	}
	w.journal.f.Close()
	w.lock.Close()
	w.journal, w.failed = nil, errors.New("the results are closed")
	return err
}
