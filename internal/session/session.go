// Package session makes of what the flags of a command say what the engine takes: the
// judge, whom it trusts, what may be downloaded, how a server is reached and as
// whom. The commands of assay and of assay-fleet share it.
package session

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/internal/target"
	"github.com/assaytls/assay/policy"
)

// Asked is what the flags of a command ask for about judging. The caller keeps
// what it points to.
type Asked struct {
	Trust   *flags.Trust
	Network *Network // nil: nothing may be fetched or cached
	Logs    *Logs
	Filters *Filters
	Tables  *Tables // nil: none are named
}

// Engine makes the judge that is asked for, and what is trusted. p says whether there
// must be a log list. What does not change the answer is told by run.
func (s Asked) Engine(ctx context.Context, run *command.Run, p policy.Policy) (*engine.Engine, *engine.Trust, error) {
	o, t, err := s.Options(ctx, run, p)
	if err != nil {
		return nil, nil, err
	}
	return engine.New(o), t, nil
}

// Options are the judge's options that are asked for, and what is trusted. The
// error of what cannot be had as it was asked for is a *target.Usage.
func (s Asked) Options(ctx context.Context, run *command.Run, p policy.Policy) (o engine.Options, t *engine.Trust, err error) {
	network := s.Network
	o, t = engine.Options{Warn: run.Warn}, &engine.Trust{}
	read := make(chan error, 1)
	go func() { // the anchors are most of what there is to read; the cache is opened meanwhile
		var err error
		t.Anchors, err = s.Trust.Anchors()
		read <- err
	}()
	dir, err := s.open(run, &o)
	if why := <-read; why != nil {
		return o, t, why
	}
	if err != nil {
		return o, t, err
	}
	client := o.Fetch
	if network != nil && network.Offline {
		client = nil
	}
	if t.LogList, err = s.Logs.List(ctx, p.CT, Downloads{Client: client, Store: o.Store, Warn: run.Warn, Refresh: network != nil && network.Refresh}, StoredLogList(dir)); err != nil {
		return o, t, err
	}
	set, err := s.Filters.set(run, dir, p.Schemes)
	if err != nil {
		return o, t, err
	}
	t.Filters = func() *crlite.Set { return set }
	if t.Public, err = s.Logs.Public(ctx, run); err != nil {
		return o, t, err
	}
	return o, t, s.Tables.into(t, run, dir, p)
}

// open fills in what o has of the network and of the cache, and returns the cache's
// directory; "" when there is none.
func (s Asked) open(run *command.Run, o *engine.Options) (dir string, err error) {
	network := s.Network
	if network == nil {
		dir, _ = CacheDir("")
		return dir, nil
	}
	dir, dirErr := CacheDir(network.CacheDir)
	if network.CacheDir != "" && dirErr != nil {
		return "", usagef("--cache-dir: %v", dirErr)
	}
	o.Fetch = network.Client()
	if dirErr != nil {
		return dir, nil
	}
	st, err := store.Open(dir)
	switch {
	case err == nil:
		o.Store = st
	case network.CacheDir != "":
		return "", usagef("--cache-dir: %v", command.PlainPathError(err))
	default:
		run.Warn(fmt.Errorf("going on without a cache: %w", err))
	}
	return dir, nil
}

// CacheDir returns the cache's directory: the one named, or the user's.
func CacheDir(name string) (string, error) {
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

// StoredLogList is where `assay update log-list` puts its list.
func StoredLogList(dir string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "log-list.json")
}

// usagef returns an error about a request that cannot be carried out.
func usagef(format string, args ...any) *target.Usage { return target.Usagef(format, args...) }
