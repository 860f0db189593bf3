package scan

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/assaytls/assay/fleet/job"
)

// ElsewhereFile is the file of a job's folder which says that all results are stored
// elsewhere. Without it a publisher that was killed while it took the job out of the
// queue would wait for a collector that has ended, since only that one knows.
const ElsewhereFile = "elsewhere.json"

// elsewhere is what the file has.
type elsewhere struct {
	ID    string `json:"id"`
	Tally Tally  `json:"tally"`
}

// MarkElsewhere writes the file.
func MarkElsewhere(dir string, m *job.Manifest, t Tally) error {
	b, err := json.Marshal(elsewhere{ID: m.ID, Tally: t})
	if err != nil {
		return err
	}
	return job.WriteFile(filepath.Join(dir, ElsewhereFile), append(b, '\n'))
}

// Elsewhere returns the state of a job whose results are all stored elsewhere; ok is
// false when that is not known.
func Elsewhere(dir string, m *job.Manifest) (s State, ok bool, err error) {
	b, err := os.ReadFile(filepath.Join(dir, ElsewhereFile))
	if os.IsNotExist(err) {
		return State{}, false, nil
	}
	if err != nil {
		return State{}, false, err
	}
	var e elsewhere
	if err := json.Unmarshal(b, &e); err != nil || e.ID != m.ID {
		return State{}, false, fmt.Errorf("%s is not of this job", ElsewhereFile)
	}
	return State{Done: m.Counts.Targets, Total: m.Counts.Targets, Tally: e.Tally}, true, nil
}
