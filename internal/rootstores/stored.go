package rootstores

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/assaytls/assay/programs"
)

// Path is where the tables that `assay update programs` brought are kept in a cache
// directory; "" for no directory.
func Path(cacheDir string) string {
	if cacheDir == "" {
		return ""
	}
	return filepath.Join(cacheDir, "root-programs.json")
}

// Stored reads the tables that are kept in a cache directory: only those of the
// programs that were brought, for [programs.Tables.Merge]. They are nil when there are none.
// They decide what is trusted, so a file that others may write to is an error.
func Stored(cacheDir string) (*programs.Tables, error) {
	name := Path(cacheDir)
	if name == "" {
		return nil, nil
	}
	st, err := os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", name)
	case runtime.GOOS != "windows" && st.Mode().Perm()&0o022 != 0:
		return nil, fmt.Errorf("%s can be written by others than its owner", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, programs.MaxSize+1))
	if err != nil {
		return nil, err
	}
	t, err := programs.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", name, err)
	}
	return t, nil
}
