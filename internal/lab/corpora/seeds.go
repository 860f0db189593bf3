package corpora

import (
	"archive/tar"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Seeds returns the inputs of the corpus fuzz-seeds whose path inside
// archive ("boringssl", "gnutls", "openssl") contains match, by path. Without
// the corpus or the program xz it returns nil: seeds only help.
func Seeds(t testing.TB, archive, match string) map[string][]byte {
	t.Helper()
	dir, err := find(t, "fuzz-seeds")
	if err != nil {
		return nil
	}
	cmd := exec.Command("xz", "-dc", filepath.Join(dir, archive+".tar.xz"))
	out, err := cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		return nil
	}
	seeds := make(map[string][]byte)
	for r := tar.NewReader(out); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("seeds of %s: %v", archive, err)
		}
		if h.Typeflag != tar.TypeReg || !strings.Contains(h.Name, match) || h.Size > 1<<20 {
			continue
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("seeds of %s: %v", archive, err)
		}
		seeds[h.Name] = b
	}
	io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("seeds of %s: %v", archive, err)
	}
	return seeds
}
