// Package cli is the command line: one file per command.
package cli

import "io"

// Main runs the command line and returns the exit status.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int { return 2 }
