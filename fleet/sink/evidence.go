package sink

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/report"
)

// inlineBody is the size up to which a body stays in its evidence. CRLs are
// larger, and one serves many rows.
const inlineBody = 4 << 10

// maxBody bounds a body.
const maxBody = 256 << 20

// evidenceLine is a line of a file in evidence/.
type evidenceLine struct {
	Target   string          `json:"target"`
	Bodies   []report.Hash   `json:"bodies,omitempty"` // that were taken out
	Evidence json.RawMessage `json:"evidence"`         // the JSON form of package evidence; a body that was taken out is its SHA-256 there
}

// TakeBodies returns what ev is stored as for the row at position, and the
// large bodies that were taken out of it: each must be given to
// [Writer.AddBody] before the batch, once for all rows. ev is not changed; the bodies
// are ev's.
func TakeBodies(position int, ev *evidence.Evidence) (e Evidence, bodies [][]byte, err error) {
	slim := *ev
	slim.Artefacts = slices.Clone(ev.Artefacts)
	for i := range slim.Artefacts {
		a := &slim.Artefacts[i]
		if len(a.Body) <= inlineBody {
			continue
		}
		h := report.Hash(sha256.Sum256(a.Body))
		if !slices.Contains(e.Bodies, h) {
			e.Bodies = append(e.Bodies, h)
			bodies = append(bodies, a.Body)
		}
		a.Body, a.Owner = h[:], nil
	}
	b, err := evidence.Encode(&slim)
	if err != nil {
		return Evidence{}, nil, err
	}
	e.Position = position
	e.Data, err = compact(b)
	return e, bodies, err
}

func bodyName(dir string, h report.Hash) string {
	name := hex.EncodeToString(h[:])
	return filepath.Join(dir, filepath.FromSlash(bodiesDir), name[:2], name+".zst")
}

// HasBody says whether a body is stored.
func (w *Writer) HasBody(h report.Hash) bool {
	_, err := os.Stat(bodyName(w.dir, h))
	return err == nil
}

// AddBody stores a body that evidence refers to, once. It is on the disk when
// AddBody returns.
func (w *Writer) AddBody(body []byte) error {
	h := report.Hash(sha256.Sum256(body))
	if len(body) > maxBody {
		return malformed("a body of %d octets", len(body))
	}
	if w.HasBody(h) {
		return nil
	}
	name := bodyName(w.dir, h)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), "*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // is gone under this name when all went well
	_, err = f.Write(lineEncoder.EncodeAll(body, nil))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// readBody reads a stored body and compares it with its hash.
func readBody(dir string, h report.Hash) ([]byte, error) {
	f, err := os.Open(bodyName(dir, h))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	b, err := io.ReadAll(io.LimitReader(z, maxBody+1))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", f.Name(), err)
	}
	if sha256.Sum256(b) != h {
		return nil, fmt.Errorf("%s is damaged: it is not what its name says", f.Name())
	}
	return b, nil
}

// ErrNoEvidence is what errors.Is finds when no evidence of a target is kept.
var ErrNoEvidence = errors.New("no evidence of this target is kept")

// ReadEvidence returns the evidence of a target, whole, as `assay verify
// --evidence` reads it. The error is [ErrNoEvidence] when there is none.
func ReadEvidence(dir, target string) (ev *evidence.Evidence, err error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	numbers := []int{m.next()}
	for _, p := range m.Parts {
		if p.Evidence > 0 {
			numbers = append(numbers, p.Number)
		}
	}
	quick, _ := json.Marshal(target)
	for _, n := range numbers {
		err := readLines(partName(dir, evidDir, n, "jsonl.zst"), func(line []byte) error {
			if !bytes.Contains(line[:min(len(line), 2*maxTarget)], quick) {
				return nil
			}
			var l evidenceLine
			if err := json.Unmarshal(line, &l); err != nil || l.Target != target {
				return err
			}
			ev, err = l.whole(dir)
			return errors.Join(err, errStop)
		})
		if ev != nil {
			return ev, nil
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%.300q: %w", target, ErrNoEvidence)
}

// whole puts the bodies back.
func (l *evidenceLine) whole(dir string) (*evidence.Evidence, error) {
	ev, err := evidence.Decode(l.Evidence)
	if err != nil {
		return nil, err
	}
	for i := range ev.Artefacts {
		a := &ev.Artefacts[i]
		if len(a.Body) != len(report.Hash{}) || !slices.Contains(l.Bodies, report.Hash(a.Body)) {
			continue
		}
		if a.Body, err = readBody(dir, report.Hash(a.Body)); err != nil {
			return nil, err
		}
	}
	return ev, nil
}
