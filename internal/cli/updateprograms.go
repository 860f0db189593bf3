package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/rootstores"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/internal/store"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
)

// maxAhead is how far the date of a publication may lie ahead: some are days
// without an hour, and clocks differ.
const maxAhead = 48 * time.Hour

type updateProgramsFlags struct {
	asOf     string
	older    bool
	cacheDir string
	timeout  time.Duration
}

func (a *app) updateProgramsCommand() *cobra.Command {
	f := &updateProgramsFlags{timeout: time.Minute}
	c := &cobra.Command{
		Use: "programs FILE|URL...", Short: "Read what root programs publish, and store it",
		Long: `Read which roots Mozilla, Chrome, Apple, Microsoft and Android trust, and under
which conditions, and store it. assay has a table of each program built in. A
stored table that is as new or newer takes its place. A file is one of

  certdata.txt          Mozilla, from NSS: lib/ckfw/builtins/certdata.txt
  root_store.textproto  Chrome, from Chromium: net/data/ssl/chrome_root_store
  authroot.stl          Microsoft, from authrootstl.cab: unpack it first
  a report of CCADB     Microsoft (IncludedCACertificateReportForMSFTCSV), and
                        Apple (AllCertificateRecordsCSVFormat); no dates
  apple.yaml, google_aosp.yaml, microsoft_windows.yaml
                        of nabla-c0d3/trust_stores_observatory

and is recognised by its contents. Files that tell the members alone take the
conditions that are known: give authroot.stl before a report. The signature of
authroot.stl is verified. Nothing else is signed: a URL must be https, and a
file is as authentic as the way it came. assay asks no address that you did not
name. All the files are stored, or none.`,
		Example: `  assay update programs certdata.txt root_store.textproto --as-of 2026-11-20
  assay update programs authroot.stl microsoft_windows.yaml
  assay update programs https://raw.githubusercontent.com/nabla-c0d3/trust_stores_observatory/master/trust_stores/apple.yaml`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("assay update programs needs a file or an address").Hint("assay update programs --help lists the files that it reads")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.updatePrograms(c.Context(), f, args) },
	}
	g := flags.Under(c, "Input")
	g.Text(&f.asOf, "as-of", "the `DATE` of files that do not say when they were made, as 2026-11-20 (default for a URL: what the server says, or now)")
	g.Switch(&f.older, "older", "", "also store what is older than the stored table of the same program")
	g.Text(&f.cacheDir, "cache-dir", "`DIR` of the cache (default $XDG_CACHE_HOME/assay)")
	g.Duration(&f.timeout, "timeout", "limit for the whole run")
	return c
}

// updatePrograms reads all that is named and stores what came of it in one step. The
// exit status is 1 when what an address has is not authentic, not a publication of a root
// program or older than what is stored, 3 when it cannot be had.
func (a *app) updatePrograms(ctx context.Context, f *updateProgramsFlags, names []string) error {
	var asOf time.Time
	if f.asOf != "" {
		var err error
		if asOf, err = time.Parse(time.DateOnly, f.asOf); err != nil {
			return usagef("--as-of: %q is not a date such as 2026-11-20", f.asOf)
		}
		if asOf.After(time.Now()) {
			return usagef("--as-of: %s has not come yet", f.asOf)
		}
	}
	dir, err := session.CacheDir(f.cacheDir)
	if err != nil {
		return usagef("the cache's directory: %v", err)
	}
	if _, err := store.Open(dir); err != nil { // makes it, and refuses one that is others' too
		return usagef("the cache's directory: %v", command.PlainPathError(err))
	}
	stored, err := rootstores.Stored(dir)
	if err != nil {
		return usagef("the stored tables: %v", command.PlainPathError(err)).Hint("assay uses its built-in tables once you delete %s", rootstores.Path(dir))
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	u := &programsUpdate{app: a, older: f.older, stored: stored, now: programs.Embedded().Merge(stored)}
	for _, name := range names {
		if ok, err := u.one(ctx, name, asOf); !ok || err != nil {
			return err
		}
	}
	if err := writeFile(rootstores.Path(dir), u.brought().Encode()); err != nil {
		return usagef("%v", err)
	}
	return u.describe(rootstores.Path(dir))
}

// programsUpdate is a run of assay update programs.
type programsUpdate struct {
	app    *app
	older  bool
	stored *programs.Tables // as they were
	now    *programs.Tables // the tables that would be judged by, with what was brought so far
	lines  []string         // what is told of each publication
	hints  []string
	fresh  map[policy.Program]bool
}

// one reads one publication. ok is false when it was complained about.
func (u *programsUpdate) one(ctx context.Context, name string, asOf time.Time) (ok bool, err error) {
	remote := strings.Contains(name, "://")
	refuse := func(format string, args ...any) (bool, error) {
		if remote {
			return false, u.app.notAuthentic("%s: "+format, append([]any{name}, args...)...)
		}
		return false, usagef("%s: "+format, append([]any{name}, args...)...)
	}
	b, served, ok, err := u.get(ctx, name)
	if !ok || err != nil {
		return ok, err
	}
	p, err := rootstores.Read(b)
	if errors.Is(err, rootstores.ErrUnknown) {
		return refuse("it is %v", err)
	}
	if err != nil {
		return refuse("%v", err)
	}
	if p.Signature.Forged {
		return false, u.app.notAuthentic("%s is not authentic: %s. The stored tables stay as they are", name, p.Signature.Problem)
	}
	if p.Made.After(time.Now().Add(maxAhead)) {
		return refuse("it is dated in the future, %s: it or the clock of this computer is wrong", command.When(p.Made))
	}
	if asOf.IsZero() {
		asOf = served
	}
	now, err := rootstores.Apply(u.now, p, asOf, false)
	var older *rootstores.OlderError
	if errors.As(err, &older) {
		now, err = u.overrule(p, asOf, older)
	}
	switch {
	case errors.Is(err, rootstores.ErrNoDate):
		return false, usagef("%s does not say when it was made", name).Hint("give its date: --as-of 2026-11-20")
	case errors.As(err, &older):
		return false, u.tooOld(name, older)
	case err != nil:
		return refuse("%v", err)
	}
	u.now = now
	u.tell(name, p, remote)
	return true, nil
}

// overrule applies a publication that is older than what is stored, where the user asks for it.
// What is older than the table that is built in would not be used.
func (u *programsUpdate) overrule(p *rootstores.Publication, asOf time.Time, refused *rootstores.OlderError) (*programs.Tables, error) {
	if !u.older {
		return nil, refused
	}
	if _, err := rootstores.Apply(programs.Embedded(), p, asOf, false); err != nil {
		return nil, err
	}
	return rootstores.Apply(u.now, p, asOf, true)
}

// tooOld complains about a publication that is older than the table in use.
func (u *programsUpdate) tooOld(name string, e *rootstores.OlderError) error {
	where := "built in"
	if own, ok := u.stored.Table(e.Program); ok && !own.AsOf().Before(e.Old.AsOf()) {
		where = "stored"
	}
	err := u.app.notAuthentic("%s is older than the table of %s that is %s (%s, not %s), which stays", name, e.Program.Name(), where,
		editionOf(e.Version, e.Made), editionOf(e.Old.Version(), e.Old.AsOf()))
	if where == "stored" {
		u.app.Hint("to use the older one all the same: --older")
	}
	return err
}

// get has the bytes of a file or of an address, and since when the address has them.
func (u *programsUpdate) get(ctx context.Context, name string) (b []byte, served time.Time, ok bool, err error) {
	if !strings.Contains(name, "://") {
		if b, err = session.ReadFile(name, nil, rootstores.MaxSize); err != nil {
			return nil, served, false, usagef("%v", err)
		}
		return b, served, true, nil
	}
	if err := session.CheckURL(name); err != nil {
		return nil, served, false, usagef("%v", err)
	}
	if !secure(name) {
		return nil, served, false, usagef("%s is not an https address: anybody on the way could change whom you trust", name).
			Hint("fetch the file yourself, verify it and give the file")
	}
	client := (&session.Network{MaxDownload: rootstores.MaxSize}).Client()
	resp, failure := client.Do(ctx, fetch.Request{URL: name, Scope: session.UserScope(name)})
	if failure != nil {
		u.app.Status = command.Inconclusive
		u.app.Complain(fmt.Errorf("%s cannot be fetched: %s", name, failure.Detail))
		return nil, served, false, nil
	}
	served = time.Now()
	if t, err := http.ParseTime(resp.LastModified); err == nil && t.Before(served) {
		served = t
	}
	return resp.Body, served, true, nil
}

// secure reports whether nobody on the way can change what an address has: by TLS,
// or because there is no way.
func secure(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || err == nil && ip.IsLoopback()
}

// tell notes what came of a publication.
func (u *programsUpdate) tell(name string, p *rootstores.Publication, remote bool) {
	if u.fresh == nil {
		u.fresh = map[policy.Program]bool{}
	}
	vouched := "authentic as the file is"
	switch s := p.Signature; {
	case s.Good:
		vouched = "signature of Microsoft verified"
	case p.Kind == rootstores.AuthRoot:
		vouched = "signature not verified: " + s.Problem
	case remote:
		vouched = "authentic by TLS alone"
	}
	for _, l := range p.Lists {
		u.fresh[l.Program] = true
		t, _ := u.now.Table(l.Program)
		u.lines = append(u.lines, fmt.Sprintf("%s: %s from %s, %s, %s", l.Program.Name(), command.Counted(t.Anchors, "root", "roots"),
			command.QuoteLines(p.Kind.String()), command.QuoteLines(editionOf(t.Version(), t.AsOf())), command.QuoteLines(vouched)))
	}
	for _, left := range p.LeftOut {
		u.hints = append(u.hints, fmt.Sprintf("left out of %s: %s", name, left))
	}
}

// brought are the tables to be stored: those that were, and those that came.
func (u *programsUpdate) brought() *programs.Tables {
	var lists []programs.List
	for _, p := range policy.AllProgram() {
		if _, had := u.stored.Table(p); had || u.fresh[p] {
			lists = append(lists, u.now.List(p))
		}
	}
	t, err := programs.New(lists...)
	if err != nil {
		panic(err) // they are parts of tables
	}
	return t
}

// describe says what is stored.
func (u *programsUpdate) describe(file string) error {
	_, err := fmt.Fprintf(u.app.Stdout, "%s\nstored in %s\n", strings.Join(u.lines, "\n"), command.QuoteLines(file))
	for _, p := range policy.AllProgram() {
		if t, ok := u.now.Table(p); ok && u.fresh[p] && t.Old(time.Now()) {
			u.hints = append(u.hints, fmt.Sprintf("the table of %s is %d days old: assay tells so after %d days and gives no verdict after %d", p.Name(),
				int(t.Age(time.Now()).Hours()/24), int(programs.WarnAge.Hours()/24), int(programs.MaxAge.Hours()/24)))
		}
	}
	for _, h := range u.hints {
		u.app.Hint("%s", h)
	}
	return err
}

// editionOf names a version and its date.
func editionOf(version string, at time.Time) string {
	if version == "" {
		return "of " + at.Format(time.DateOnly)
	}
	return "version " + version + " of " + at.Format(time.DateOnly)
}
