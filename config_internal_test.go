package assay

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/assaytls/assay/internal/lab/forge"
)

// The zero Config asks for what the package comment says, and for nothing else.
func TestZeroPolicy(t *testing.T) {
	v, err := New(Config{Roots: [][]byte{forge.NewRoot("Defaults", nil).Raw}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if v.policy.Strict || v.policy.LeafOnly || v.policy.Schemes != nil || v.policy.Unknown != "warn" || !v.policy.Beside || v.policy.PrivateFetch || v.policy.MaxAge != 0 || v.policy.CT != "" {
		t.Errorf("the zero Config's policy is %+v", v.policy)
	}
}

// Profiles differ from the zero Config in what they say, and in nothing else.
func TestProfiles(t *testing.T) {
	roots := [][]byte{{1}}
	for _, c := range []struct{ got, want Config }{
		{Web(), Config{}},
		{Internal(roots), Config{Roots: roots, Unknown: UnknownDeny, Network: Inline, PrivateFetch: true}},
		{Strict(), Config{Strict: true, Unknown: UnknownDeny, Network: Inline}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%+v, want %+v", c.got, c.want)
		}
	}
}

// Without CacheDir no file is written.
func TestNoFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TMPDIR"} {
		t.Setenv(name, dir)
	}
	v, err := New(Config{Roots: [][]byte{forge.NewRoot("No Files", nil).Raw}, Network: Inline, PrivateFetch: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Check(t.Context(), Target{Host: "127.0.0.1", Port: "1"}); err != nil {
		t.Fatal(err)
	}
	v.Close()
	filepath.WalkDir(dir, func(p string, _ os.DirEntry, err error) error {
		if p != dir {
			t.Errorf("%s was written, error %v", p, err)
		}
		return nil
	})
}
