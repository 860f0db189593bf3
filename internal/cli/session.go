package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/store"
)

// engine makes the judge that the flags ask for. A nil network means that
// nothing may be fetched or cached. The second result releases it.
func (a *app) engine(ctx context.Context, trust *trustFlags, network *networkFlags, list *ctFlags) (*engine.Engine, func(), error) {
	anchors, err := trust.anchors()
	if err != nil {
		return nil, nil, err
	}
	o := engine.Options{Anchors: anchors, Warn: a.warn}
	done := func() {}
	flag := ""
	if network != nil {
		flag = network.cacheDir
	}
	dir, dirErr := cacheDir(flag)
	if network != nil {
		if network.cacheDir != "" && dirErr != nil {
			return nil, nil, usagef("--cache-dir: %v", dirErr)
		}
		o.Fetch = network.client()
		if dirErr == nil {
			s, err := store.Open(dir)
			switch {
			case err == nil:
				o.Store = s
			case network.cacheDir != "":
				return nil, nil, usagef("--cache-dir: %v", plainPathError(err))
			default:
				a.warn(fmt.Errorf("going on without a cache: %w", err))
			}
		}
	}
	client := o.Fetch
	if network != nil && network.offline {
		client = nil
	}
	if o.LogList, err = list.list(ctx, client, storedLogList(dir)); err != nil {
		return nil, nil, err
	}
	if o.PublicRoots, err = list.public(); err != nil {
		return nil, nil, err
	}
	eng, err := engine.New(o)
	if err != nil {
		return nil, nil, err
	}
	return eng, done, nil
}

// warn tells the user what does not change the answer.
func (a *app) warn(err error) {
	fmt.Fprintf(a.stderr, "assay: warning: %s\n", quoteLines(err.Error()))
}

// cacheDir returns the cache's directory: the one named, or the user's.
func cacheDir(name string) (string, error) {
	if name != "" {
		if st, err := os.Stat(name); err == nil && !st.IsDir() {
			return "", fmt.Errorf("%s is not a directory", name)
		}
		return name, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "assay"), nil
}

// storedLogList is where `assay update log-list` puts its list.
func storedLogList(dir string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "log-list.json")
}
