package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/policy"
)

// engine makes the judge that the flags ask for, and what they trust. A nil
// network means that nothing may be fetched or cached; p says whether there must be a log list.
func (a *app) engine(ctx context.Context, trust *flags.Trust, network *networkFlags, logs *logFlags, asked *filterFlags, p policy.Policy) (*engine.Engine, *engine.Trust, error) {
	o, t, err := a.engineOptions(ctx, trust, network, logs, asked, p)
	if err != nil {
		return nil, nil, err
	}
	return engine.New(o), t, nil
}

// engineOptions are the judge's options that the flags ask for, and what they
// trust.
func (a *app) engineOptions(ctx context.Context, trust *flags.Trust, network *networkFlags, logs *logFlags, asked *filterFlags, p policy.Policy) (o engine.Options, t *engine.Trust, err error) {
	o, t = engine.Options{Warn: a.warn}, &engine.Trust{}
	if t.Anchors, err = trust.Anchors(); err != nil {
		return o, t, err
	}
	flag := ""
	if network != nil {
		flag = network.cacheDir
	}
	dir, dirErr := cacheDir(flag)
	if network != nil {
		if network.cacheDir != "" && dirErr != nil {
			return o, t, usagef("--cache-dir: %v", dirErr)
		}
		o.Fetch = network.client()
		if dirErr == nil {
			s, err := store.Open(dir)
			switch {
			case err == nil:
				o.Store = s
			case network.cacheDir != "":
				return o, t, usagef("--cache-dir: %v", plainPathError(err))
			default:
				a.warn(fmt.Errorf("going on without a cache: %w", err))
			}
		}
	}
	client := o.Fetch
	if network != nil && network.offline {
		client = nil
	}
	if t.LogList, err = logs.list(ctx, p.CT, downloads{client: client, store: o.Store, warn: a.warn, refresh: network != nil && network.refresh}, storedLogList(dir)); err != nil {
		return o, t, err
	}
	set, err := a.filterSet(asked, dir, p.Schemes)
	if err != nil {
		return o, t, err
	}
	t.Filters = func() *crlite.Set { return set }
	t.Public, err = a.public(ctx, logs)
	return o, t, err
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
