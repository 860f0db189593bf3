package job

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/assaytls/assay/fleet/flock"
)

// ErrLocked is wrapped by the error about a job that another process works on.
var ErrLocked = errors.New("another process works on the job")

// lockFile is locked by the process that publishes a job.
const lockFile = "lock"

// Lock has this process alone work on the job in dir, until unlock is called or the
// process ends, however it ends.
func Lock(dir string) (unlock func(), err error) {
	f, err := flock.Open(filepath.Join(dir, lockFile), ErrLocked)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return func() { f.Close() }, nil
}
