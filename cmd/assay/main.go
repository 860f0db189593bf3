// Command assay judges TLS servers and certificates.
package main

import (
	"os"

	"github.com/assaytls/assay/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
