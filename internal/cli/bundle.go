package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/cert/bundle"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/fetch"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/session"
)

type bundleFlags struct {
	trust     flags.Trust
	untrusted []string
	out       string
	passFile  string
	force     bool
	offline   bool
	private   bool
	timeout   time.Duration
}

// The bounds of a chain that is completed.
const (
	maxIssuers     = 8       // above the leaf
	maxIssuerURLs  = 4       // that one certificate may name
	maxIssuerBody  = 1 << 20 // of what one of them answers
	maxIssuerCerts = 64      // in one answer
)

func (a *app) bundleCommand() *cobra.Command {
	f := &bundleFlags{timeout: session.DefaultTimeout}
	c := &cobra.Command{
		Use: "bundle FILE", Short: "Complete a certificate's chain and write it in the right order", GroupID: "look",
		Long: `Take the first certificate of FILE, find the certificates that issued it, and write
both in the order in which a server has to send them, without the root. Issuers come from
FILE, from --untrusted, and from the addresses in the certificates (AIA caIssuers). Every
issuer is checked by its signature; nothing else is judged: assay verify does that.

Exit status: 0 the chain is complete and written, 1 an issuer was not found and nothing
is written, 2 the request cannot be carried out.`,
		Example: `  assay bundle leaf.pem --out chain.pem
  assay bundle leaf.pem --untrusted cas.p7b --offline --out chain.pem`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("assay bundle needs one file with the certificate")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.bundle(c.Context(), f, args[0]) },
	}
	flags.TrustFlags(c, &f.trust)
	g := flags.Under(c, "Input")
	g.List(&f.untrusted, "untrusted", "certificates among which issuers are looked for; repeatable", flags.Kind{Type: "FILE"})
	g.Text(&f.passFile, "pass-file", "`FILE` whose first line is the password of PKCS #12 files and Java key stores (default: ask)")
	g.Switch(&f.offline, "offline", "", "download nothing")
	g.Switch(&f.private, "private", "", "download issuers from private and loopback addresses too")
	g.Duration(&f.timeout, "timeout", "limit for the whole run (default 1m)")
	g = flags.Under(c, "Output")
	g.Text(&f.out, "out", "write the chain to `FILE` (default: standard output)")
	g.Switch(&f.force, "force", "", "overwrite the file of --out")
	return c
}

// source is a certificate and where it was found.
type source struct {
	*cert.Certificate
	from string
}

// chain is a chain in the making.
type chain struct {
	certs  []source // the leaf first
	pool   []source // what issuers are looked for in
	roots  map[string][]*cert.Certificate
	fetch  func(ctx context.Context, url string) ([]byte, error)
	failed []string // addresses that brought no issuer, with the reason
}

func (a *app) bundle(ctx context.Context, f *bundleFlags, name string) error {
	if f.force && f.out == "" {
		return usagef("--force needs --out")
	}
	if _, err := os.Lstat(f.out); f.out != "" && !f.force && !errors.Is(err, fs.ErrNotExist) {
		return usagef("--out %s is there already", f.out).Hint("--force overwrites it")
	}
	b, err := session.ReadFile(name, a.Stdin, session.MaxCertFile)
	if err != nil {
		return usagef("%v", err)
	}
	ders, err := session.Certificates(ctx, a.Run, name, b, f.passFile)
	if err != nil {
		return err
	}
	f.trust.Open = session.TrustStores(ctx, f.passFile)
	anchors, err := f.trust.Anchors()
	if err != nil {
		return err
	}
	c := &chain{roots: bySubject(anchors)}
	c.add(ders, session.ShownName(name))
	c.certs, c.pool = c.pool[:1:1], c.pool[1:]
	if len(c.certs[0].RawTBS) == 0 {
		return usagef("the first certificate of %s cannot be decoded", session.ShownName(name)).Hint("assay show %s says where", name)
	}
	for _, file := range f.untrusted {
		if b, err = session.ReadFile(file, nil, session.MaxCertFile); err != nil {
			return usagef("--untrusted: %v", err)
		}
		if ders, err = session.Certificates(ctx, a.Run, file, b, f.passFile); err != nil {
			return session.Flagged("--untrusted", err)
		}
		c.add(ders, file)
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	if !f.offline {
		client := (&session.Network{MaxDownload: maxIssuerBody}).Client()
		c.fetch = func(ctx context.Context, url string) ([]byte, error) {
			resp, failure := client.Do(ctx, fetch.Request{URL: url, Scope: fetch.Scope{Private: f.private, Loopback: f.private}})
			if failure != nil {
				return nil, errors.New(failure.Detail)
			}
			return resp.Body, nil
		}
	}
	end, ok := c.complete(ctx)
	if !ok {
		a.Status = command.Reject
		last := c.certs[len(c.certs)-1]
		a.Complain(fmt.Errorf("the chain is not complete: nothing issued %s: %s", assemble.Name(last.Certificate), end))
		for _, why := range c.failed {
			a.Hint("%s", why)
		}
		if f.offline && len(last.CAIssuers) > 0 {
			a.Hint("without --offline assay asks %s", last.CAIssuers[0])
		}
		return nil
	}
	return a.writeChain(c, f, end)
}

// bySubject indexes the anchors by their subjects.
func bySubject(anchors *certpath.Anchors) map[string][]*cert.Certificate {
	out := map[string][]*cert.Certificate{}
	for _, der := range anchors.Certificates() {
		c := cert.Parse(der)
		out[c.Subject.Canon] = append(out[c.Subject.Canon], c)
	}
	return out
}

// add puts certificates among those in which issuers are looked for.
func (c *chain) add(ders [][]byte, from string) {
	for _, der := range ders {
		c.pool = append(c.pool, source{cert.Parse(der), from})
	}
}

// complete finds issuers until a root is next. It says which root, or what is missing.
func (c *chain) complete(ctx context.Context) (end string, ok bool) {
	for range maxIssuers {
		last := c.certs[len(c.certs)-1]
		if issued(last.Certificate, last.Certificate) {
			return "it is its own issuer", true
		}
		for _, r := range c.roots[last.Issuer.Canon] {
			if issued(last.Certificate, r) {
				return "the root is " + assemble.Name(r), true
			}
		}
		next, found := c.issuer(last.Certificate)
		for _, url := range last.CAIssuers[:min(len(last.CAIssuers), maxIssuerURLs)] {
			if found || c.fetch == nil {
				break
			}
			c.download(ctx, url)
			next, found = c.issuer(last.Certificate)
		}
		switch {
		case !found:
			return "its issuer is " + nameText(last.Issuer), false
		case issued(next.Certificate, next.Certificate):
			return "the root is " + assemble.Name(next.Certificate) + ", which this computer does not trust by itself", true
		}
		c.certs = append(c.certs, next)
	}
	return fmt.Sprintf("the chain has more than %d certificates", maxIssuers), false
}

// issued reports whether issuer may have issued c and signed it.
func issued(c, issuer *cert.Certificate) bool {
	return issuer.Subject.Canon == c.Issuer.Canon && (issuer.CA || issuer == c || issuer.Version < 3) && c.VerifySignatureFrom(nil, issuer.Key) == nil
}

// issuer finds the issuer of last that is valid longest, and is not in the chain yet.
func (c *chain) issuer(last *cert.Certificate) (source, bool) {
	var all []source
	for _, s := range c.pool {
		used := slices.ContainsFunc(c.certs, func(have source) bool { return have.SHA256 == s.SHA256 })
		if !used && len(all) < maxIssuers && issued(last, s.Certificate) {
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		return source{}, false
	}
	return slices.MaxFunc(all, func(x, y source) int { return x.NotAfter.Compare(y.NotAfter) }), true
}

// download puts the certificates at an address among those in which issuers are looked for.
func (c *chain) download(ctx context.Context, url string) {
	b, err := c.fetch(ctx, url)
	if err != nil {
		c.failed = append(c.failed, fmt.Sprintf("%s cannot be fetched: %v", url, err))
		return
	}
	n := len(c.pool)
	for _, o := range bundle.Read(b, maxIssuerCerts) {
		if o.Kind == bundle.Certificate && o.Damage == "" {
			c.add([][]byte{o.Bytes}, url)
		}
	}
	if len(c.pool) == n {
		c.failed = append(c.failed, url+" answered with something that holds no certificate")
	}
}

// writeChain writes the chain and says what is in it.
func (a *app) writeChain(c *chain, f *bundleFlags, end string) error {
	var out bytes.Buffer
	var account strings.Builder
	for i, s := range c.certs {
		if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: s.Raw}); err != nil {
			return err
		}
		what := "added"
		if i == 0 {
			what = "certificate"
		}
		fmt.Fprintf(&account, "%s %s, from %s\n", what, command.QuoteLines(assemble.Name(s.Certificate)), command.QuoteLines(s.from))
	}
	fmt.Fprintf(&account, "complete: %s\n", command.QuoteLines(end))
	if f.out == "" {
		fmt.Fprint(a.Stderr, account.String())
		_, err := a.Stdout.Write(out.Bytes())
		return err
	}
	if err := writeAnew(f.out, out.Bytes(), f.force); err != nil {
		return usagef("--out: %v", err)
	}
	_, err := fmt.Fprintf(a.Stdout, "%swritten to %s\n", account.String(), command.QuoteLines(f.out))
	return err
}

// writeAnew writes a file that may not be there yet, unless force is set.
func writeAnew(name string, b []byte, force bool) error {
	how := os.O_EXCL
	if force {
		how = os.O_TRUNC
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|how, 0o644)
	if err != nil {
		return command.PlainPathError(err)
	}
	_, err = file.Write(b)
	if err = cmp.Or(err, file.Close()); err != nil {
		return fmt.Errorf("%s cannot be written: %w", name, command.PlainPathError(err))
	}
	return nil
}
