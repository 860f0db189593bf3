// Command assay-fleet is what `assay scan` and `assay serve` start.
package main

import (
	"os"

	"github.com/assaytls/assay/fleet/command"
)

func main() { os.Exit(command.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
