package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/apk"
	_ "github.com/goreleaser/nfpm/v2/deb"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

// pack makes one package as the program nfpm does. nfpm is linked as a library because its program also makes
// MSIX packages, which need modules that this one can do without; go.sum pins what is linked.
func pack(out, config string) error {
	at, err := sourceDate()
	if err != nil {
		return err
	}
	c, err := nfpm.ParseFileWithEnvMapping(config, os.Getenv)
	if err != nil {
		return err
	}
	format := strings.TrimPrefix(filepath.Ext(out), ".")
	info, err := c.Get(format)
	if err != nil {
		return err
	}
	info = nfpm.WithDefaults(info)
	info.MTime, info.Target = at, out
	p, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := p.Package(info, f); err != nil {
		return fmt.Errorf("%s: %w", out, err)
	}
	return f.Close()
}
