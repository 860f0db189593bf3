package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/session"
)

type updateFlags struct {
	key, signature string
	cacheDir       string
	timeout        time.Duration
}

func (a *app) updateCommand() *cobra.Command {
	c := &cobra.Command{Use: "update", Short: "Fetch data that judgements can use", GroupID: "keep", Args: command.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return usagef("assay update needs to know what: log-list, filters or programs").Hint("assay update --help lists what there is")
		}}
	f := &updateFlags{timeout: time.Minute}
	list := &cobra.Command{
		Use: "log-list URL", Short: "Fetch a list of Certificate Transparency logs, verify and store it",
		Long: `Fetch a list of Certificate Transparency logs in the JSON format of version 3,
verify its signature when --key is given, and store it. check and verify use the
stored list unless --log-list names another. assay has no list built in and asks
no address that you did not name.`,
		Example: "  assay update log-list https://example.com/log_list.json --key log_list_pubkey.pem",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("assay update log-list needs one URL")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.updateLogList(c.Context(), f, args[0]) },
	}
	g := flags.Under(list, "Input")
	g.Text(&f.key, "key", "verify the list's detached signature with the public key in `FILE` (PEM or DER)")
	g.Text(&f.signature, "signature", "`URL` of the signature (default: the list's URL with .sig instead of .json)")
	g.Text(&f.cacheDir, "cache-dir", "`DIR` of the cache (default $XDG_CACHE_HOME/assay)")
	g.Duration(&f.timeout, "timeout", "limit for the whole run")
	c.AddCommand(list, a.updateFiltersCommand(), a.updateProgramsCommand())
	return c
}

// updateLogList fetches, verifies and stores a log list. The exit status is 1
// when it is not authentic or no log list, 3 when it cannot be had.
func (a *app) updateLogList(ctx context.Context, f *updateFlags, url string) error {
	if err := session.CheckURL(url); err != nil {
		return usagef("%v", err)
	}
	var key []byte
	if f.key != "" {
		var err error
		if key, err = session.ReadFile(f.key, nil, session.MaxCertFile); err != nil {
			return usagef("--key: %v", err)
		}
	}
	sigURL := f.signature
	if sigURL == "" {
		sigURL = strings.TrimSuffix(url, ".json") + ".sig"
	} else if err := session.CheckURL(sigURL); err != nil {
		return usagef("--signature: %v", err)
	} else if key == nil {
		return usagef("--signature needs --key")
	}
	dir, err := session.CacheDir(f.cacheDir)
	if err != nil {
		return usagef("the cache's directory: %v", err)
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	client := (&session.Network{MaxDownload: ct.MaxListSize}).Client()
	list, ok := a.download(ctx, client, url)
	if !ok {
		return nil
	}
	if key != nil { // before anything in the list is read
		sig, ok := a.download(ctx, client, sigURL)
		if !ok {
			return nil
		}
		if err := ct.VerifyListSignature(list, sig, key); err != nil {
			return a.notAuthentic("%s: %v", url, err)
		}
	}
	l, err := session.ReadLogList(list, time.Time{})
	if err != nil {
		return a.notAuthentic("%s is not a log list: %v", url, err)
	}
	if l.Len() == 0 {
		return a.notAuthentic("%s has no log that can be used: the stored list stays", url)
	}
	target := session.StoredLogList(dir)
	if old := a.newerThan(l, target); old != nil {
		err := a.notAuthentic("%s is older than the stored list (%s, not %s), which stays", url, l, old)
		a.Hint("to use the older list all the same, delete %s first", target)
		return err
	}
	if err := writeFile(target, list); err != nil {
		return usagef("%v", err)
	}
	signed := "signature verified"
	if key == nil {
		signed = "signature not verified (--key was not given)"
	}
	_, err = fmt.Fprintf(a.Stdout, "log list %s, %s, %s\nstored in %s\n", command.QuoteLines(l.Describe(time.Now())), command.Counted(l.Len(), "log", "logs"), signed, command.QuoteLines(target))
	for i, r := range l.Refused() {
		if i == maxHints {
			a.Hint("and %d more are left out", len(l.Refused())-i)
			break
		}
		a.Hint("the log %q is left out: %s", r.Description, r.Reason)
	}
	return err
}

// maxHints bounds the lines about logs that are left out.
const maxHints = 3

// newerThan returns the stored list when it is newer than l: lists are signed for
// good, and whoever owns the way can send yesterday's. A list without a date is not
// compared, and one dated after today is not believed.
func (a *app) newerThan(l *ct.LogList, stored string) *ct.LogList {
	b, err := session.ReadFile(stored, nil, ct.MaxListSize)
	if err != nil {
		return nil // there is none, or it is not one that is used
	}
	old, err := ct.ParseLogList(b)
	if err != nil || l.Timestamp().IsZero() || !old.Timestamp().After(l.Timestamp()) || old.Timestamp().After(time.Now()) {
		return nil
	}
	return old
}

// download fetches url, or complains and sets the exit status for what cannot
// be reached.
func (a *app) download(ctx context.Context, client *fetch.Client, url string) ([]byte, bool) {
	resp, failure := client.Do(ctx, fetch.Request{URL: url, Scope: session.UserScope(url)})
	if failure != nil {
		a.Status = command.Inconclusive
		a.Complain(fmt.Errorf("%s cannot be fetched: %s", url, failure.Detail))
		return nil, false
	}
	return resp.Body, true
}

// notAuthentic complains about something that was fetched and is not right.
func (a *app) notAuthentic(format string, args ...any) error {
	a.Status = command.Reject
	a.Complain(fmt.Errorf(format, args...))
	return nil
}

// writeFile puts b into the named file in one step, making its directory for
// the user alone.
func writeFile(name string, b []byte) error {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return command.PlainPathError(err)
	}
	f, err := os.CreateTemp(dir, ".assay-*")
	if err != nil {
		return command.PlainPathError(err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", name, command.PlainPathError(err))
	}
	return nil
}
