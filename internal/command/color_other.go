//go:build !windows

package command

import "os"

// paints reports whether the terminal f understands escape sequences.
func paints(*os.File) bool { return true }
