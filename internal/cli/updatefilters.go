package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/filters"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/policy"
)

type updateFiltersFlags struct {
	root     string
	cacheDir string
	timeout  time.Duration
}

func (a *app) updateFiltersCommand() *cobra.Command {
	f := &updateFiltersFlags{timeout: 10 * time.Minute}
	c := &cobra.Command{
		Use: "filters SOURCE", Short: "Fetch CRLite filters and OneCRL, verify and store them",
		Long: `Fetch CRLite filters, which list the revoked certificates of the whole web in
one file, and OneCRL, Mozilla's list of revoked intermediates; verify and store
them. check and verify ask the stored ones before any CRL or OCSP responder is
asked, and tell nobody. SOURCE is one of

  mozilla     Mozilla's Remote Settings, as Firefox uses them; the collections'
              signatures are verified up to Mozilla's root certificate
  upki        the mirror of the upki project; authentic by TLS alone
  URL         a server of the first kind (https://HOST/v1) or a manifest of the
              second (https://HOST/…/manifest.json)
  DIR         a directory with filters, or upki's cache

The first run downloads up to 29 MB, later runs what is new: about 0.3 MB twice a
day. A set is stored whole or not at all. Filters that are older than 10 days no
longer prove that a certificate is good, so let a timer run this command every
few hours. assay asks nobody for filters until you name a source.`,
		Example: `  assay update filters mozilla
  assay update filters /var/cache/upki/revocation`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("assay update filters needs one source: mozilla, upki, an address or a directory")
			}
			return nil
		},
		ValidArgs: []string{"mozilla", "upki"},
		RunE:      func(c *cobra.Command, args []string) error { return a.updateFilters(c.Context(), f, args[0]) },
	}
	g := flags.Under(c, "Input")
	g.Text(&f.root, "signer-root", "SHA-256 of the root certificate that signs the collections, in `HEX` (default: Mozilla's)")
	g.Text(&f.cacheDir, "cache-dir", "`DIR` of the cache (default $XDG_CACHE_HOME/assay)")
	g.Duration(&f.timeout, "timeout", "limit for the whole run")
	return c
}

// updateFilters brings the stored filters up to date. The exit status is 1 when
// what is offered is not authentic or not whole, 3 when it cannot be had.
func (a *app) updateFilters(ctx context.Context, f *updateFiltersFlags, named string) error {
	var root [32]byte
	if f.root != "" {
		b, err := hex.DecodeString(strings.ReplaceAll(f.root, ":", ""))
		if err != nil || len(b) != 32 {
			return usagef("--signer-root: %q is not a SHA-256 in hexadecimal digits", f.root)
		}
		root = [32]byte(b)
	}
	source, err := filters.ParseSource(named, root)
	if err != nil {
		return usagef("%v", err)
	}
	dir, err := session.CacheDir(f.cacheDir)
	if err != nil {
		return usagef("the cache's directory: %v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	client := (&session.Network{MaxDownload: session.MaxFilterFile}).Client()
	client.Timeout = f.timeout
	get := func(ctx context.Context, url string, limit int64) ([]byte, error) {
		scope := fetch.Scope{}
		if source.Own(url) {
			scope = session.UserScope(url)
		}
		resp, failure := client.Do(ctx, fetch.Request{URL: url, Scope: scope, MaxBytes: limit})
		if failure != nil {
			return nil, errors.New(failure.Detail)
		}
		return resp.Body, nil
	}
	p := a.NewProgress(false)
	defer p.Clear()
	info, fresh, err := filters.Update{Dir: session.StoredFilters(dir), Source: source, Get: get,
		Progress: func(at, of int, name string, left int64) {
			p.Show("filter %d of %d, %.1f MB to come", at, of, float64(left)/1e6)
		}}.Run(ctx)
	p.Clear()
	switch {
	case ctx.Err() != nil && interrupted(ctx):
		return nil
	case errors.Is(err, filters.ErrUnreachable):
		a.Status = command.Inconclusive
		a.Complain(fmt.Errorf("%w: the stored filters stay as they are", err))
		return nil
	case errors.Is(err, filters.ErrNotAuthentic), errors.Is(err, crlite.ErrIncomplete), errors.Is(err, crlite.ErrMalformed), errors.Is(err, crlite.ErrVersion):
		return a.notAuthentic("%v: the stored filters stay as they are", err)
	case err != nil:
		return usagef("%v", command.PlainPathError(err))
	}
	return a.describeFilters(info, session.StoredFilters(dir), fresh)
}

// describeFilters says what is stored.
func (a *app) describeFilters(i *filters.Info, dir string, fresh bool) error {
	authentic := map[filters.Authentic]string{filters.BySignature: "signatures verified", filters.ByTLS: "authentic by TLS alone",
		filters.ByDirectory: "as the directory has them"}[i.Authentic]
	size := int64(0)
	for _, f := range i.Filters {
		size += f.Size
	}
	word := "stored"
	if !fresh {
		word = "stored already"
	}
	_, err := fmt.Fprintf(a.Stdout, "CRLite filters from %s: %d, %.1f MB, the newest of %s UTC, %s\n%s in %s\n", command.QuoteLines(i.Source), len(i.Filters),
		float64(size)/1e6, i.Newest().UTC().Format(time.DateTime), authentic, word, command.QuoteLines(dir))
	if i.OneCRL != nil && err == nil {
		_, err = fmt.Fprintf(a.Stdout, "OneCRL of %s UTC\n", i.OneCRL.Made.UTC().Format(time.DateTime))
	}
	return err
}

// filterItems are the stored filters for programs.
func filterItems(dir string) (items []cacheItem) {
	i, err := filters.ReadInfo(dir)
	if err != nil {
		return nil
	}
	for _, f := range i.Filters {
		items = append(items, cacheItem{Kind: policy.CRLite.String(), URL: f.Name, Bytes: f.Size, SHA256: f.SHA256, Fetched: i.Fetched})
	}
	if f := i.OneCRL; f != nil {
		items = append(items, cacheItem{Kind: "onecrl", URL: f.Name, Bytes: f.Size, SHA256: f.SHA256, Fetched: i.Fetched})
	}
	return items
}
