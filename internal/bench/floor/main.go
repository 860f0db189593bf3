// Command floor is the yardstick of the cold-start benchmark: a Go program
// that completes a TLS handshake and verifies nothing, or, with "verify", what
// crypto/tls verifies with the system's roots.
//
//	floor ADDRESS SERVERNAME [verify]
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"

	"github.com/assaytls/assay/internal/tlsclient"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: floor ADDRESS SERVERNAME [verify]")
		os.Exit(2)
	}
	var err error
	if len(os.Args) > 3 {
		var c *tls.Conn
		if c, err = tls.Dial("tcp", os.Args[1], &tls.Config{ServerName: os.Args[2]}); err == nil {
			err = c.Close()
		}
	} else {
		err = tlsclient.Floor(context.Background(), os.Args[1], os.Args[2])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}
