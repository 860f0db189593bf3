// Package corpora finds the third-party test data that tests read.
package corpora

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir returns the directory of the named corpus: $ASSAY_CORPORA/name, or
// ../shared/corpora/name beside the module. Without it the test is skipped,
// unless ASSAY_REQUIRE_CORPORA=1, when it fails.
func Dir(t testing.TB, name string) string {
	t.Helper()
	dir, err := find(t, name)
	if err != nil {
		if os.Getenv("ASSAY_REQUIRE_CORPORA") == "1" {
			t.Fatalf("corpus %s is required: %v", name, err)
		}
		t.Skipf("corpus %s is not here (set ASSAY_CORPORA): %v", name, err)
	}
	return dir
}

// Present returns the directory of the named corpus, for fuzz targets, which are
// richer with it and run without it too: "" when it is not here.
func Present(t testing.TB, name string) string {
	t.Helper()
	dir, err := find(t, name)
	if err != nil {
		return ""
	}
	return dir
}

func find(t testing.TB, name string) (string, error) {
	root := os.Getenv("ASSAY_CORPORA")
	if root == "" {
		root = filepath.Join(moduleRoot(t), "..", "shared", "corpora")
	}
	dir := filepath.Join(root, name)
	_, err := os.Stat(dir)
	return dir, err
}

func moduleRoot(t testing.TB) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test's directory")
		}
		dir = up
	}
}
