package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The same files make the same archive, whatever their times and modes are besides "may be executed".
func TestArchive(t *testing.T) {
	at := time.Unix(1_790_000_000, 0).UTC()
	var first [2][]byte
	for round := range 2 {
		dir := filepath.Join(t.TempDir(), "assay_1")
		if err := os.MkdirAll(filepath.Join(dir, "man"), os.FileMode(0o700|round)); err != nil {
			t.Fatal(err)
		}
		for name, mode := range map[string]os.FileMode{"assay": 0o700 | os.FileMode(round)<<3, "man/assay.1": 0o600 | os.FileMode(round)<<5} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(name), mode); err != nil {
				t.Fatal(err)
			}
		}
		for i, kind := range []string{".tar.gz", ".zip"} {
			out := filepath.Join(t.TempDir(), "a"+kind)
			if err := archive(out, dir, at); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			if round == 0 {
				first[i] = b
			} else if !bytes.Equal(b, first[i]) {
				t.Errorf("%s: two archives of the same files differ", kind)
			}
		}
	}
	z, err := gzip.NewReader(bytes.NewReader(first[0]))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || !h.ModTime.Equal(at) {
			t.Errorf("%s: owner %d, time %s", h.Name, h.Uid, h.ModTime)
		}
		if want := map[string]int64{"assay_1/assay": 0o755, "assay_1/man/assay.1": 0o644}[h.Name]; want != 0 && h.Mode != want {
			t.Errorf("%s: mode %o, want %o", h.Name, h.Mode, want)
		}
	}
	if want := []string{"assay_1/", "assay_1/assay", "assay_1/man/", "assay_1/man/assay.1"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}

// A bill of materials names the modules of a program, and is what the schema of CycloneDX describes where that is
// at hand (ASSAY_CYCLONEDX names the folder of its schemas).
func TestBOM(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	made, err := makeBOM([]string{self}, "linux/amd64", map[string][]string{"std": {"BSD-3-Clause"}, "github.com/goreleaser/nfpm/v2": {"MIT"}}, time.Unix(1_790_000_000, 0).UTC())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(made.Components, func(c component) bool {
		return c.Name == "github.com/goreleaser/nfpm/v2" && c.Licences[0].Licence.ID == "MIT"
	}) {
		t.Errorf("nfpm is not named: %v", made.Components)
	}
	b, err := json.Marshal(made)
	if err != nil {
		t.Fatal(err)
	}
	checkBOM(t, b)
}

// TestBOMFiles compares the bills of materials in the folder ASSAY_DIST with the schema.
func TestBOMFiles(t *testing.T) {
	dist := os.Getenv("ASSAY_DIST")
	if dist == "" {
		t.Skip("ASSAY_DIST names no folder of release/build")
	}
	files, _ := filepath.Glob(filepath.Join(dist, "*.cdx.json"))
	if len(files) == 0 {
		t.Fatal("no bill of materials")
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		checkBOM(t, b)
	}
}

func checkBOM(t *testing.T, b []byte) {
	dir := os.Getenv("ASSAY_CYCLONEDX")
	if dir == "" {
		t.Skip("ASSAY_CYCLONEDX names no folder of schemas")
	}
	c := jsonschema.NewCompiler()
	for name, url := range map[string]string{"bom-1.6.SNAPSHOT.schema.json": "bom-1.6.schema.json", "spdx.SNAPSHOT.schema.json": "spdx.schema.json", "jsf-0.82.SNAPSHOT.schema.json": "jsf-0.82.schema.json"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		doc, err := jsonschema.UnmarshalJSON(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range []string{"http://cyclonedx.org/schema/" + url, "http://cyclonedx.org/schema/" + name} {
			if err := c.AddResource(u, doc); err != nil {
				t.Fatal(err)
			}
		}
	}
	schema, err := c.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Error(err)
	}
}
