//go:build !linux

package store

import "os"

// statOf has no inode elsewhere, so that nothing is trusted by its stat.
func statOf(info os.FileInfo) stat { return stat{Size: info.Size(), Mtime: info.ModTime().UnixNano()} }
