package session

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/filters"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/policy"
)

// MaxFilterFile bounds a filter or OneCRL that is given as a file.
const MaxFilterFile = 256 << 20

// Filters say which CRLite filters are asked.
type Filters struct {
	Dir    string
	Files  []string
	OneCRL string
}

func (f *Filters) Add(c *cobra.Command) {
	flags.Under(c, "Revocation").Text(&f.Dir, "filters", "ask the CRLite filters in `DIR`, which may be upki's cache (default: those that assay update filters stored)")
}

// AddFiles adds the flags for filters that are files.
func (f *Filters) AddFiles(c *cobra.Command) {
	g := flags.Under(c, "Revocation")
	g.List(&f.Files, "filter", "ask the CRLite filter in `FILE`, in place of those that are stored; repeatable", flags.Kind{Type: "FILE"})
	g.Text(&f.OneCRL, "onecrl", "ask Mozilla's OneCRL in `FILE`, JSON")
}

// set opens the filters that are to be asked. Those that are stored in the cache
// need not be there; what the user names must be.
func (f *Filters) set(run *command.Run, cache string, p policy.Schemes) (*crlite.Set, error) {
	if !p.Has(policy.CRLite) {
		if f.Dir != "" || len(f.Files) > 0 || f.OneCRL != "" {
			return nil, usagef("CRLite filters are named, and --revocation leaves crlite out")
		}
		return nil, nil
	}
	if len(f.Files) > 0 || f.OneCRL != "" {
		return f.fromFiles()
	}
	if f.Dir == "" {
		if cache == "" {
			return nil, nil
		}
		set, _, err := filters.Open(StoredFilters(cache))
		if err != nil && !errors.Is(err, filters.ErrNone) {
			run.Warn(fmt.Errorf("the CRLite filters are not asked: %w; assay update filters gets them anew", command.PlainPathError(err)))
			return nil, nil
		}
		return set, nil
	}
	set, _, err := filters.Open(f.Dir)
	if errors.Is(err, filters.ErrNone) {
		return nil, usagef("--filters: %s has neither a set that assay update filters stored nor upki's index", f.Dir)
	}
	if err != nil {
		return nil, usagef("--filters: %v", command.PlainPathError(err))
	}
	return set, nil
}

// fromFiles opens single files; of their ages they alone can tell.
func (f *Filters) fromFiles() (*crlite.Set, error) {
	if f.Dir != "" {
		return nil, usagef("--filters and --filter or --onecrl exclude each other")
	}
	set := &crlite.Set{}
	for _, name := range f.Files {
		b, err := ReadFile(name, nil, MaxFilterFile)
		if err != nil {
			return nil, usagef("--filter: %v", err)
		}
		filter, err := crlite.Open(b)
		if err != nil {
			return nil, usagef("--filter: %s: %v", name, err)
		}
		set.Filters = append(set.Filters, crlite.Held{Filter: filter, Name: filepath.Base(name), SHA256: sha256.Sum256(b), Made: filters.MadeFrom(filepath.Base(name))})
	}
	if f.OneCRL != "" {
		b, err := ReadFile(f.OneCRL, nil, MaxFilterFile)
		if err != nil {
			return nil, usagef("--onecrl: %v", err)
		}
		if set.OneCRL, err = crlite.ParseOneCRL(b); err != nil {
			return nil, usagef("--onecrl: %s: %v", f.OneCRL, err)
		}
	}
	return set, nil
}

// StoredFilters is where `assay update filters` puts its set.
func StoredFilters(cache string) string { return filepath.Join(cache, "filters") }
