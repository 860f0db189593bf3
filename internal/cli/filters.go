package cli

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/internal/filters"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/policy"
)

// maxFilterFile bounds a filter or OneCRL that is given as a file.
const maxFilterFile = 256 << 20

// filterFlags say which CRLite filters are asked.
type filterFlags struct {
	dir    string
	files  []string
	oneCRL string
}

func (f *filterFlags) add(c *cobra.Command) {
	flags.Under(c, "Revocation").Text(&f.dir, "filters", "ask the CRLite filters in `DIR`, which may be upki's cache (default: those that assay update filters stored)")
}

// addFiles adds the flags for filters that are files.
func (f *filterFlags) addFiles(c *cobra.Command) {
	g := flags.Under(c, "Revocation")
	g.List(&f.files, "filter", "ask the CRLite filter in `FILE`, in place of those that are stored; repeatable", flags.Kind{Type: "FILE"})
	g.Text(&f.oneCRL, "onecrl", "ask Mozilla's OneCRL in `FILE`, JSON")
}

// filterSet opens the filters that are to be asked. Those that are stored in the cache
// need not be there; what the user names must be.
func (a *app) filterSet(f *filterFlags, cache string, p policy.Schemes) (*crlite.Set, error) {
	if !p.Has(policy.CRLite) {
		if f.dir != "" || len(f.files) > 0 || f.oneCRL != "" {
			return nil, usagef("CRLite filters are named, and --revocation leaves crlite out")
		}
		return nil, nil
	}
	if len(f.files) > 0 || f.oneCRL != "" {
		return f.fromFiles()
	}
	if f.dir == "" {
		if cache == "" {
			return nil, nil
		}
		set, _, err := filters.Open(storedFilters(cache))
		if err != nil && !errors.Is(err, filters.ErrNone) {
			a.warn(fmt.Errorf("the CRLite filters are not asked: %w; assay update filters gets them anew", plainPathError(err)))
			return nil, nil
		}
		return set, nil
	}
	set, _, err := filters.Open(f.dir)
	if errors.Is(err, filters.ErrNone) {
		return nil, usagef("--filters: %s has neither a set that assay update filters stored nor upki's index", f.dir)
	}
	if err != nil {
		return nil, usagef("--filters: %v", plainPathError(err))
	}
	return set, nil
}

// fromFiles opens single files; of their ages they alone can tell.
func (f *filterFlags) fromFiles() (*crlite.Set, error) {
	if f.dir != "" {
		return nil, usagef("--filters and --filter or --onecrl exclude each other")
	}
	set := &crlite.Set{}
	for _, name := range f.files {
		b, err := readFile(name, nil, maxFilterFile)
		if err != nil {
			return nil, usagef("--filter: %v", err)
		}
		filter, err := crlite.Open(b)
		if err != nil {
			return nil, usagef("--filter: %s: %v", name, err)
		}
		set.Filters = append(set.Filters, crlite.Held{Filter: filter, Name: filepath.Base(name), SHA256: sha256.Sum256(b), Made: filters.MadeFrom(filepath.Base(name))})
	}
	if f.oneCRL != "" {
		b, err := readFile(f.oneCRL, nil, maxFilterFile)
		if err != nil {
			return nil, usagef("--onecrl: %v", err)
		}
		if set.OneCRL, err = crlite.ParseOneCRL(b); err != nil {
			return nil, usagef("--onecrl: %s: %v", f.oneCRL, err)
		}
	}
	return set, nil
}

// storedFilters is where `assay update filters` puts its set.
func storedFilters(cache string) string { return filepath.Join(cache, "filters") }
