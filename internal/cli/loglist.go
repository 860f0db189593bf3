package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/cert/bundle"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/roots"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/policy"
)

// logFlags say what is known of Certificate Transparency's logs.
type logFlags struct {
	audit       bool
	logList     string
	publicRoots []string

	at time.Time // what is judged for; zero means now
}

func (f *logFlags) add(c *cobra.Command) {
	g := flags.Under(c, "Certificate Transparency")
	g.Switch(&f.audit, "ct-audit", "", "ask the logs whether they published the certificate (this tells the logs which certificate you check)")
	g.Once(&f.logList, "log-list", "verify SCTs with the logs in `FILE|URL`, JSON of version 3 (default: the one that assay update log-list stored)")
	g.List(&f.publicRoots, "public-root", "roots that count as publicly trusted in addition to Mozilla's: browsers' policies apply to them; repeatable", flags.Kind{Type: "FILE"})
}

// tellDepth warns about a depth that the CT policy does not have.
func (a *app) tellDepth(p policy.Policy) {
	if p.CTDepth == policy.CTChain && (p.CT == policy.CTChrome || p.CT == policy.CTApple) {
		a.warn(fmt.Errorf("--ct-depth %s has no effect with --ct %s: browsers ask for the SCTs of the server's certificate only", p.CTDepth, p.CT))
	}
}

// public returns what tells publicly trusted anchors by their key: Mozilla's
// and those in the files given.
func (a *app) public(ctx context.Context, f *logFlags) (func(spki []byte) bool, error) {
	keys := map[string]bool{}
	for _, name := range f.publicRoots {
		b, err := readFile(name, nil, maxCertFile)
		if err != nil {
			return nil, usagef("--public-root: %v", err)
		}
		ders, err := a.certificates(ctx, name, b, "")
		if err != nil {
			return nil, flagged("--public-root", err)
		}
		for _, raw := range ders {
			keys[string(cert.Parse(raw).RawSPKI)] = true
		}
	}
	return func(spki []byte) bool { return keys[string(spki)] || roots.Public(spki) }, nil
}

// list reads the log list: the one named, or the one that was stored. A URL is
// fetched unless offline. A mode that may refuse needs one.
func (f *logFlags) list(ctx context.Context, mode policy.CTMode, d downloads, stored string) (*ct.LogList, error) {
	if f.audit && mode == policy.CTOff {
		return nil, usagef("--ct-audit and --ct off cannot be used together: no SCT is looked at")
	}
	name := f.logList
	if name == "" {
		if _, err := os.Stat(stored); err == nil {
			name = stored
		}
	}
	if name == "" {
		what := ""
		switch {
		case f.audit:
			what = "--ct-audit"
		case mode.Enforced():
			what = "--ct " + mode.String()
		}
		if what != "" {
			return nil, usagef("%s needs a log list", what).
				Hint("give --log-list FILE, or store one with assay update log-list URL")
		}
		return nil, nil
	}
	var b []byte
	var err error
	if strings.Contains(name, "://") {
		if err := checkURL(name); err != nil {
			return nil, usagef("--log-list: %v", err)
		}
		d.at = f.at
		return d.logList(ctx, name)
	} else if b, err = readFile(name, nil, ct.MaxListSize); err != nil {
		return nil, usagef("--log-list: %v", err)
	}
	if f.logList != "" {
		return parseLogList(name, b, f.at)
	}
	l, err := readLogList(b, f.at)
	if err != nil {
		return nil, usagef("the stored log list %s is damaged: %v", name, err).Hint("assay update log-list URL stores another")
	}
	return l, nil
}

func parseLogList(name string, b []byte, at time.Time) (*ct.LogList, error) {
	l, err := readLogList(b, at)
	if err != nil {
		return nil, usagef("--log-list %s: %v", name, err)
	}
	return l, nil
}

// readLogList reads a log list, or says what else b is. A list that was made after today, and
// after the moment that is judged for, is not believed: its age cannot be told, and it would never grow old.
func readLogList(b []byte, at time.Time) (*ct.LogList, error) {
	if len(b) <= ct.MaxListSize {
		switch o := bundle.Read(b, 1)[0]; {
		case o.Kind == bundle.LogList, strings.Contains(o.Detail, "JSON"):
		case o.Kind != bundle.Unknown && strings.Contains(o.Detail, "archive"), strings.Contains(o.Detail, "gzip"):
			return nil, fmt.Errorf("it is %s: unpack it, and give the log_list.json in it", o.What())
		case o.Kind != bundle.Unknown:
			return nil, fmt.Errorf("it is %s, not a list of CT logs", o.What())
		case strings.Contains(o.Damage, "UTF-16"):
			return nil, errors.New(o.Damage)
		}
	}
	l, err := ct.ParseLogList(b)
	if now := time.Now(); at.Before(now) {
		at = now
	}
	if err == nil && l.FromFuture(at) {
		return nil, fmt.Errorf("it is dated in the future, %s: the list or the clock of this computer is wrong", when(l.Timestamp()))
	}
	return l, err
}

// downloads is where what the user named by URL comes from.
type downloads struct {
	client *fetch.Client // nil: nothing is downloaded
	store  *store.Store  // nil: nothing is kept
	warn   func(error)
	at     time.Time // what is judged for; zero means now
	// refresh asks for what is kept, however young, and past caches on the way.
	refresh bool
}

// logList gets the log list at url: from the cache for as long as HTTP allows and
// ten minutes at most, else from the network, conditionally. When that fails, or offline, what the
// cache has counts; the report shows the list's own age.
func (d downloads) logList(ctx context.Context, url string) (*ct.LogList, error) {
	key := store.Key{Kind: "log-list", URL: url}
	var old store.Entry
	cached := false
	if d.store != nil {
		old, cached = d.store.Get(key)
		defer runtime.KeepAlive(old.Owner)
	}
	if now := time.Now(); cached && (d.client == nil || !d.refresh && now.Before(old.Again) && now.Sub(old.Fetched) < download.Recent) {
		return parseLogList(url, old.Body, d.at)
	}
	if d.client == nil {
		return nil, usagef("--log-list %s: nothing is downloaded offline, and the cache has no copy", url).Hint("give a file, or store a list with assay update log-list URL")
	}
	req := fetch.Request{URL: url, Scope: userScope(url), PastCaches: d.refresh}
	if !d.refresh {
		req.ETag, req.LastModified = old.ETag, old.LastModified
	}
	resp, failure := d.client.Do(ctx, req)
	if failure != nil {
		if !cached {
			return nil, usagef("--log-list %s: %s", url, failure.Detail)
		}
		d.warn(fmt.Errorf("--log-list %s: going on with the copy of %s: %s", url, when(old.Fetched), failure.Detail))
		return parseLogList(url, old.Body, d.at)
	}
	now := time.Now()
	e := store.Entry{Body: resp.Body, Fetched: now, ETag: resp.ETag, LastModified: resp.LastModified}
	if resp.NotModified {
		e = old
		e.Fetched = now
	}
	e.Again = now
	if fresh, ok := resp.FreshFor(); ok {
		e.Again = now.Add(min(fresh, time.Hour))
	}
	l, err := parseLogList(url, e.Body, d.at)
	if err == nil && d.store != nil && !resp.NoStore {
		if err := d.store.Put(key, e); err != nil {
			d.warn(err)
		}
	}
	return l, err
}

// userScope lets the user's own URLs reach private and loopback addresses:
// they were typed, not taken from a certificate.
func userScope(string) fetch.Scope { return fetch.Scope{Private: true, Loopback: true} }
