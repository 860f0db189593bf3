package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/filters"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/render"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

func (a *app) cacheCommand() *cobra.Command {
	c := &cobra.Command{Use: "cache", Short: "Look at and tend the cache of downloads", GroupID: "keep", Args: command.NoArgs,
		Long: `The cache holds CRLs, OCSP responses, issuer certificates and log lists between
runs. All processes of a user share it. assay verifies the signature of everything
it takes from the cache, for the issuer it was stored for. The cache also holds the
revocations that checks have seen: they stay when the rest is removed.`,
		RunE: func(*cobra.Command, []string) error {
			return usagef("assay cache needs to know what to do: list, prune, prefetch, verify, learnt or forget").Hint("assay cache --help tells more")
		}}
	c.AddCommand(a.cacheListCommand(), a.cachePruneCommand(), a.cachePrefetchCommand(), a.cacheVerifyCommand(), a.cacheLearntCommand(), a.cacheForgetCommand())
	return c
}

// openCache opens the cache for looking at; making one is not worth it.
func openCache(name string) (*store.Store, error) {
	dir, err := session.CacheDir(name)
	if err == nil {
		if _, err = os.Stat(dir); err == nil {
			var s *store.Store
			if s, err = store.Open(dir); err == nil {
				return s, nil
			}
		}
	}
	return nil, usagef("the cache: %v", command.PlainPathError(err))
}

func (a *app) cacheListCommand() *cobra.Command {
	var dir string
	format := formatText
	c := &cobra.Command{
		Use: "list", Short: "List what is in the cache, the most recently used first", Args: command.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := openCache(dir)
			if err != nil {
				return err
			}
			items, err := s.List()
			if err != nil {
				return usagef("the cache: %v", err)
			}
			if format == formatJSON {
				return render.Value(a.Stdout, append(cacheItems(items), filterItems(session.StoredFilters(s.Dir()))...), true)
			}
			return a.cacheTable(s.Dir(), items)
		},
	}
	flags.Under(c, "Output").Word(&format, "format", "form of the answer", formatText, formatJSON)
	session.AddCacheDir(c, &dir)
	return c
}

// cacheItem is an entry for programs.
type cacheItem struct {
	Kind    string    `json:"kind"`
	URL     string    `json:"url"`
	Issuer  string    `json:"issuer_key_sha256,omitempty"`
	Bytes   int64     `json:"bytes"`
	SHA256  string    `json:"sha256,omitempty"`
	Fetched time.Time `json:"fetched,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
	Used    time.Time `json:"used,omitzero"`
	Failure string    `json:"failure,omitempty"`
	Detail  string    `json:"detail,omitempty"`
}

func cacheItems(items []store.Item) []cacheItem {
	out := []cacheItem{}
	for _, it := range items {
		out = append(out, cacheItem{it.Kind, it.URL, it.Issuer, it.Size, it.SHA256, it.Fetched, it.Expires, it.Used, it.Failure, it.Detail})
	}
	return out
}

func (a *app) cacheTable(dir string, items []store.Item) error {
	var b bytes.Buffer
	var total int64
	for _, it := range items {
		state := "until " + command.When(it.Expires)
		if it.Failure != "" {
			state = "failed: " + it.Failure
		}
		total += it.Size
		fmt.Fprintf(&b, "%-9s %10d  %-29s  %s\n", finding.Quote(it.Kind), it.Size, finding.Quote(state), finding.Quote(it.URL))
	}
	fmt.Fprintf(&b, "%s, %d bytes in %s\n", command.Counted(len(items), "entry", "entries"), total, command.QuoteLines(dir))
	if _, err := a.Stdout.Write(b.Bytes()); err != nil {
		return err
	}
	i, err := filters.ReadInfo(session.StoredFilters(dir))
	switch {
	case errors.Is(err, filters.ErrNone):
		return nil
	case err != nil:
		a.Warn(command.PlainPathError(err))
		return nil
	}
	return a.describeFilters(i, session.StoredFilters(dir), true)
}

func (a *app) cachePruneCommand() *cobra.Command {
	var dir string
	limit, unused := int64(store.MaxBytes), time.Duration(0)
	all := false
	c := &cobra.Command{
		Use: "prune", Short: "Remove old entries, or the oldest beyond a size", Args: command.NoArgs,
		Example: "  assay cache prune --unused 720h\n  assay cache prune --all",
		RunE: func(*cobra.Command, []string) error {
			s, err := openCache(dir)
			if err != nil {
				return err
			}
			n := limit
			if all {
				n = 0
			}
			p, err := s.Prune(n, unused)
			if err != nil {
				return usagef("the cache: %v", err)
			}
			_, err = fmt.Fprintf(a.Stdout, "removed %s, %d bytes; %d bytes are left\n", command.Counted(p.Entries, "entry", "entries"), p.Bytes, p.Left)
			return err
		},
	}
	g := flags.Under(c, "Input")
	g.Size(&limit, "max-size", "keep at most this much, the most recently used first")
	g.Duration(&unused, "unused", "remove what was not used for this long")
	g.Switch(&all, "all", "", "remove all downloads")
	session.AddCacheDir(c, &dir)
	return c
}

func (a *app) cacheVerifyCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "verify", Short: "Read the whole cache and remove what is damaged", Args: command.NoArgs,
		Long: `Read the whole cache and remove what is damaged. The exit status is 1 when
something was.`,
		RunE: func(*cobra.Command, []string) error {
			s, err := openCache(dir)
			if err != nil {
				return err
			}
			sound, problems, err := s.Verify()
			if err != nil {
				return usagef("the cache: %v", err)
			}
			var b bytes.Buffer
			for _, p := range problems {
				a.Status = command.Reject
				removed := "removed"
				if !p.Removed {
					removed = "could not be removed"
				}
				fmt.Fprintf(&b, "%s: %s (%s)\n", command.QuoteLines(p.File), command.QuoteLines(p.Detail), removed)
			}
			if _, damage := openLearnt(s); len(damage) > 0 {
				a.Status = command.Reject
				for _, d := range damage {
					fmt.Fprintf(&b, "%s\n", command.QuoteLines(d.Error()))
				}
			}
			fmt.Fprintf(&b, "%s sound, %s damaged\n", command.Counted(sound, "entry is", "entries are"), command.Counted(len(problems), "file was", "files were"))
			_, err = a.Stdout.Write(b.Bytes())
			return err
		},
	}
	session.AddCacheDir(c, &dir)
	return c
}

func (a *app) cachePrefetchCommand() *cobra.Command {
	f := &checkFlags{}
	c := &cobra.Command{
		Use: "prefetch FILE|TARGET...", Short: "Download what judging certificates or servers will need",
		Long: `Download and verify what judging the certificates in files, or the servers, will
need, so that a later check --offline finds it. The exit status is 3 when
something could not be had.`,
		Example: "  assay cache prefetch chain.pem\n  assay cache prefetch example.com",
		Args:    command.MinArgs(1, "a file or a server"),
		RunE:    func(c *cobra.Command, args []string) error { return a.prefetch(c.Context(), f, args) },
	}
	f.conn.Add(c)
	flags.TrustFlags(c, &f.trust)
	f.network.Add(c)
	flags.Hide(c, "offline")
	return c
}

func (a *app) prefetch(ctx context.Context, f *checkFlags, args []string) error {
	if err := f.network.Check(); err != nil {
		return err
	}
	if f.network.Offline {
		return usagef("prefetching offline makes no sense")
	}
	limit := f.conn.Timeout
	if limit == 0 {
		limit = session.DefaultTimeout * time.Duration((len(args)+concurrent-1)/concurrent)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var files []*evidence.Evidence
	var targets []named
	for _, arg := range args {
		if _, ok := server(arg); ok {
			targets = append(targets, named{text: arg})
			continue
		}
		ev, err := a.fileEvidence(ctx, arg, f.conn.PassFile)
		if err != nil {
			return err
		}
		files = append(files, ev)
	}
	configs, err := a.targets(ctx, f, targets)
	if err != nil {
		return err
	}
	if err := f.network.Through(&f.conn.Connection); err != nil {
		return err
	}
	access := f.network.Access()
	p := policy.Policy{NoName: true, CT: policy.CTOff, Purpose: policy.PurposeAny, RequireNonce: f.network.Nonce == session.NonceRequire}
	f.trust.Open = session.TrustStores(ctx, f.conn.PassFile)
	eng, trust, err := session.Asked{Trust: &f.trust, Network: &f.network, Logs: &f.logs, Filters: &f.filters}.Engine(ctx, a.Run, p)
	if err != nil {
		return err
	}
	for _, ev := range files {
		r, _ := eng.Resolve(ctx, ev, trust, p, access, assemble.Short)
		if interrupted(ctx) {
			return nil
		}
		if err := a.prefetched(ev.Target.Input, r); err != nil {
			return err
		}
	}
	for _, c := range configs {
		r, _ := eng.Check(ctx, c, trust, p, access, assemble.Short)
		if interrupted(ctx) {
			return nil
		}
		if err := a.prefetched(c.Input, r); err != nil {
			return err
		}
	}
	return nil
}

// prefetched tells what became of one argument.
func (a *app) prefetched(name string, r *report.Report) error {
	if len(r.Certs) == 0 || len(r.Paths) == 0 || r.Paths[0].End != report.EndAnchor {
		a.Status = command.Worse(a.Status, command.Inconclusive)
		why := "no path to a trust anchor, so nothing is fetched for it"
		if h := r.Headline; h != nil {
			why = h.Finding.Title()
		}
		_, err := fmt.Fprintf(a.Stdout, "%s: %s\n", command.QuoteLines(name), why)
		return err
	}
	var b bytes.Buffer
	for _, x := range r.Fetches {
		if x.Outcome == report.Failed || x.Outcome == report.Refused {
			a.Status = command.Worse(a.Status, command.Inconclusive)
		}
		fmt.Fprintf(&b, "%s: %s %s %s", command.QuoteLines(name), x.Outcome, finding.Quote(string(x.Kind)), finding.Quote(x.URL))
		if x.Bytes > 0 {
			b.WriteString(", " + strconv.FormatInt(x.Bytes, 10) + " bytes")
		}
		if x.Detail != "" {
			b.WriteString(": " + finding.Quote(x.Detail))
		}
		b.WriteByte('\n')
	}
	if len(r.Fetches) == 0 {
		fmt.Fprintf(&b, "%s: nothing to fetch\n", command.QuoteLines(name))
	}
	_, err := a.Stdout.Write(b.Bytes())
	return err
}
