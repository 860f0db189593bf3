//go:build !unix

package store

import (
	"errors"
	"os"
)

// modesTell says that a directory's mode tells who may write to it.
const modesTell = false

// ours has nothing to go by where files have no owners of this kind: the
// cache directory lies in the user's profile.
func ours(os.FileInfo) bool { return true }

func mmap(*os.File, int64) ([]byte, error) { return nil, errors.ErrUnsupported }

func munmap([]byte) error { return errors.ErrUnsupported }
