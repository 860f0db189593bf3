//go:build !unix

package main

import "os"

// mapped returns the contents of a file; nothing is mapped here.
func mapped(file string) ([]byte, error) { return os.ReadFile(file) }
