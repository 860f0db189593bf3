// Generate makes the tables of root programs that are built into assay, from files
// that a person has fetched:
//
//	go run ./internal/rootstores/generate [-o FILE] FILE[@DATE]…
//
// Each file is one that `assay update programs` takes; they are applied in order, so
// that one which tells the membership alone stands behind one with the conditions.
// DATE (2026-05-01) is when the publisher made it, for files that do not say so: certdata.txt,
// root_store.textproto and CCADB's reports. The same files give the same bytes. What was
// taken for the present tables is in programs/README.md.
package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/assaytls/assay/internal/rootstores"
)

func main() {
	out := flag.String("o", "programs/tables.json.gz", "`FILE` to write")
	flag.Parse()
	if err := run(*out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// run reads the files and writes the tables.
func run(out string, files []string) error {
	tables, err := rootstores.Build(files)
	if err != nil {
		return err
	}
	packed, err := pack(tables.Encode())
	if err != nil {
		return err
	}
	for _, p := range tables.Programs() {
		t, _ := tables.Table(p)
		fmt.Printf("%s: %d anchors, %q of %s\n", p.Name(), t.Anchors, t.Sources[0].Name, t.AsOf().Format(time.DateOnly))
	}
	fmt.Printf("%d bytes in %s\n", len(packed), out)
	return os.WriteFile(out, packed, 0o644)
}

// pack compresses without a name or a date.
func pack(b []byte) ([]byte, error) {
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(b); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}
