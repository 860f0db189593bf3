package session

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
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/roots"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/policy"
)

// Logs say what is known of Certificate Transparency's logs.
type Logs struct {
	Audit       bool
	LogList     string
	PublicRoots []string

	At time.Time // what is judged for; zero means now
}

func (f *Logs) Add(c *cobra.Command) {
	g := flags.Under(c, "Certificate Transparency")
	g.Switch(&f.Audit, "ct-audit", "", "ask the logs whether they published the certificate (this tells the logs which certificate you check)")
	g.Once(&f.LogList, "log-list", "verify SCTs with the logs in `FILE|URL`, JSON of version 3 (default: the one that assay update log-list stored)")
	g.List(&f.PublicRoots, "public-root", "roots that count as publicly trusted in addition to Mozilla's: browsers' policies apply to them; repeatable", flags.Kind{Type: "FILE"})
}

// Public returns what tells publicly trusted anchors by their key: Mozilla's
// and those in the files given.
func (f *Logs) Public(ctx context.Context, run *command.Run) (func(spki []byte) bool, error) {
	keys := map[string]bool{}
	for _, name := range f.PublicRoots {
		b, err := ReadFile(name, nil, MaxCertFile)
		if err != nil {
			return nil, usagef("--public-root: %v", err)
		}
		ders, err := Certificates(ctx, run, name, b, "")
		if err != nil {
			return nil, Flagged("--public-root", err)
		}
		for _, raw := range ders {
			keys[string(cert.Parse(raw).RawSPKI)] = true
		}
	}
	return func(spki []byte) bool { return keys[string(spki)] || roots.Public(spki) }, nil
}

// List reads the log list: the one named, or the one that was stored. A URL is
// fetched unless offline. A mode that may refuse needs one.
func (f *Logs) List(ctx context.Context, mode policy.CTMode, d Downloads, stored string) (*ct.LogList, error) {
	if f.Audit && mode == policy.CTOff {
		return nil, usagef("--ct-audit and --ct off cannot be used together: no SCT is looked at")
	}
	name := f.LogList
	if name == "" {
		if _, err := os.Stat(stored); err == nil {
			name = stored
		}
	}
	if name == "" {
		what := ""
		switch {
		case f.Audit:
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
		if err := CheckURL(name); err != nil {
			return nil, usagef("--log-list: %v", err)
		}
		d.At = f.At
		return d.LogList(ctx, name)
	} else if b, err = ReadFile(name, nil, ct.MaxListSize); err != nil {
		return nil, usagef("--log-list: %v", err)
	}
	if f.LogList != "" {
		return ParseLogList(name, b, f.At)
	}
	l, err := ReadLogList(b, f.At)
	if err != nil {
		return nil, usagef("the stored log list %s is damaged: %v", name, err).Hint("assay update log-list URL stores another")
	}
	return l, nil
}

// ParseLogList reads the log list of --log-list.
func ParseLogList(name string, b []byte, at time.Time) (*ct.LogList, error) {
	l, err := ReadLogList(b, at)
	if err != nil {
		return nil, usagef("--log-list %s: %v", name, err)
	}
	return l, nil
}

// ReadLogList reads a log list, or says what else b is. A list that was made after today, and
// after the moment that is judged for, is not believed: its age cannot be told, and it would never grow old.
func ReadLogList(b []byte, at time.Time) (*ct.LogList, error) {
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
		return nil, fmt.Errorf("it is dated in the future, %s: the list or the clock of this computer is wrong", command.When(l.Timestamp()))
	}
	return l, err
}

// Downloads is where what the user named by URL comes from.
type Downloads struct {
	Client *fetch.Client // nil: nothing is downloaded
	Store  *store.Store  // nil: nothing is kept
	Warn   func(error)
	At     time.Time // what is judged for; zero means now
	// Refresh asks for what is kept, however young, and past caches on the way.
	Refresh bool
}

// LogList gets the log list at url: from the cache for as long as HTTP allows and
// ten minutes at most, else from the network, conditionally. When that fails, or offline, what the
// cache has counts; the report shows the list's own age.
func (d Downloads) LogList(ctx context.Context, url string) (*ct.LogList, error) {
	key := store.Key{Kind: "log-list", URL: url}
	var old store.Entry
	cached := false
	if d.Store != nil {
		old, cached = d.Store.Get(key)
		defer runtime.KeepAlive(old.Owner)
	}
	if now := time.Now(); cached && (d.Client == nil || !d.Refresh && now.Before(old.Again) && now.Sub(old.Fetched) < download.Recent) {
		return ParseLogList(url, old.Body, d.At)
	}
	if d.Client == nil {
		return nil, usagef("--log-list %s: nothing is downloaded offline, and the cache has no copy", url).Hint("give a file, or store a list with assay update log-list URL")
	}
	req := fetch.Request{URL: url, Scope: UserScope(url), PastCaches: d.Refresh}
	if !d.Refresh {
		req.ETag, req.LastModified = old.ETag, old.LastModified
	}
	resp, failure := d.Client.Do(ctx, req)
	if failure != nil {
		if !cached {
			return nil, usagef("--log-list %s: %s", url, failure.Detail)
		}
		d.Warn(fmt.Errorf("--log-list %s: going on with the copy of %s: %s", url, command.When(old.Fetched), failure.Detail))
		return ParseLogList(url, old.Body, d.At)
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
	l, err := ParseLogList(url, e.Body, d.At)
	if err == nil && d.Store != nil && !resp.NoStore {
		if err := d.Store.Put(key, e); err != nil {
			d.Warn(err)
		}
	}
	return l, err
}

// UserScope lets the user's own URLs reach private and loopback addresses:
// they were typed, not taken from a certificate.
func UserScope(string) fetch.Scope { return fetch.Scope{Private: true, Loopback: true} }
