package store

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// lockFile is what processes lock while they look at an entry and replace it.
const lockFile = "v1/lock"

// lockPatience is how long a process waits for another. Whoever holds the lock
// does so for the time of reading an entry; one that was stopped in between must
// not hold up all others.
const lockPatience = 2 * time.Second

// errBusy says that another process holds the lock.
var errBusy = errors.New("another process does not let go of it")

// locked runs f while no other process, and nobody else in this one, changes
// entries by what stands there.
func (s *Store) locked(f func() error) error {
	l, err := s.root.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o600)
	if isMissing(err) && s.noDirs != nil {
		return s.noDirs
	}
	if err != nil {
		return err
	}
	defer l.Close() // and unlocks
	for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		ok, err := tryLock(l)
		if ok {
			return f()
		}
		if err != nil {
			return fmt.Errorf("cannot lock it: %w", err)
		}
		if time.Since(start) > lockPatience {
			return errBusy
		}
	}
}
