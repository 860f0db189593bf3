package session

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/flags"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/internal/tlsnames"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// More says what of a server is looked at besides one connection.
type More struct {
	All, Resume, Legacy bool
	KeyTypes, Path      string
	Sigalgs             []string
}

// everyKeyType is the default of --key-types.
const everyKeyType = "all"

// keyTypes are the values of --key-types.
var keyTypes = map[string]tlsclient.KeyTypes{everyKeyType: tlsclient.KeysAll, "ecdsa": tlsclient.KeysECDSA, "rsa": tlsclient.KeysRSA}

// Add adds the flags.
func (f *More) Add(c *cobra.Command) {
	g := flags.Under(c, "Connection")
	f.KeyTypes = everyKeyType
	g.Word(&f.KeyTypes, "key-types", "which certificates to check if the server has one for each type of key", everyKeyType, "ecdsa", "rsa")
	g.List(&f.Sigalgs, "sigalgs", "signature schemes to offer, in this order, like ecdsa_secp256r1_sha256; reads the certificates and does not finish the handshake",
		flags.Kind{Type: "SCHEME[,SCHEME]", Commas: true, Check: checkScheme, Words: tlsnames.Signatures()})
	g.Switch(&f.Legacy, "legacy", "", "connect once more and show whether the server still accepts TLS 1.0 or 1.1")
	g.Text(&f.Path, "path", "after the handshake send an HTTP GET for `PATH`, and follow one renegotiation; the server is not judged yet")
	g.Switch(&f.All, "all-addresses", "", "check every address of the host (at most 16) and compare the certificates")
	g.Switch(&f.Resume, "resume", "", "connect a second time and show whether the server resumes the session")
}

// Check wants flags that go together.
func (f *More) Check() error {
	switch {
	case f.All && f.Resume:
		return usagef("--all-addresses and --resume exclude each other")
	case f.Resume && f.KeyTypes != everyKeyType:
		return usagef("--resume and --key-types exclude each other")
	case len(f.Sigalgs) > 0 && (f.Resume || f.Path != "" || f.KeyTypes != everyKeyType || f.Legacy):
		return usagef("--sigalgs cannot be used with --resume, --path, --key-types or --legacy")
	case f.Path != "" && (f.Resume || f.KeyTypes != everyKeyType):
		return usagef("--path cannot be used with --resume or --key-types %s", f.KeyTypes)
	}
	if f.Path != "" {
		if err := tlsclient.CheckPath(f.Path); err != nil {
			return usagef("--path: %v", err)
		}
	}
	return nil
}

// checkScheme wants the name of a signature scheme.
func checkScheme(s string) error {
	if _, ok := tlsnames.SignatureID(s); !ok {
		return fmt.Errorf("%q is not a signature scheme like ecdsa_secp256r1_sha256, rsa_pss_rsae_sha256 or ed25519", s)
	}
	return nil
}

// schemes are the code points of --sigalgs.
func (f *More) schemes() (ids []uint16) {
	for _, s := range f.Sigalgs {
		id, _ := tlsnames.SignatureID(s)
		ids = append(ids, id)
	}
	return ids
}

// Into fills in what of a connection the flags ask for.
func (f *More) Into(c *tlsclient.Config) {
	c.KeyTypes, c.Legacy, c.Path, c.Schemes = keyTypes[f.KeyTypes], f.Legacy, f.Path, f.schemes()
}

// Fits wants a connection that HTTP/1.1 can be spoken on if a path is asked for, and
// one of our own if all addresses are.
func (f *More) Fits(c *tlsclient.Config) error {
	if f.All && c.Proxy != "" {
		return usagef("--all-addresses: the addresses of %s are the proxy's affair", c.Host).Hint("--proxy none goes without a proxy")
	}
	switch {
	case f.Path == "":
	case c.StartTLS != "":
		return usagef("--path is for HTTP, and %s is asked in %s", c.Host, c.StartTLS)
	case slices.ContainsFunc(c.ALPN, func(name string) bool { return name != "http/1.1" }):
		return usagef("--path speaks http/1.1 only").Hint("leave out --alpn, or offer http/1.1 alone")
	}
	return nil
}

// Result is what one dial came to.
type Result struct {
	Report   *report.Report
	Evidence *evidence.Evidence
}

// Judge checks one target; its results are never empty.
type Judge func(context.Context, tlsclient.Config) []Result

// Judge is what the flags ask for.
func (f *More) Judge(eng *engine.Engine, t *engine.Trust, p policy.Policy, a download.Access, d assemble.Detail) Judge {
	switch {
	case f.All:
		return func(ctx context.Context, c tlsclient.Config) []Result { return everyAddress(ctx, eng, c, t, p, a, d) }
	case f.Resume:
		var afresh *engine.Engine // without downloads, so that it asks every source again
		if !a.Offline {
			afresh = eng.Afresh()
		}
		return func(ctx context.Context, c tlsclient.Config) []Result {
			return resumed(ctx, eng, afresh, c, t, p, a, d)
		}
	}
	return func(ctx context.Context, c tlsclient.Config) []Result {
		r, ev := eng.Check(ctx, c, t, p, a, d)
		return []Result{{r, ev}}
	}
}

// everyAddress checks each address of the host. What was fetched for a chain
// serves all addresses that present it.
func everyAddress(ctx context.Context, eng *engine.Engine, c tlsclient.Config, t *engine.Trust, p policy.Policy, a download.Access, d assemble.Detail) []Result {
	var out []Result
	first := map[[32]byte]*evidence.Evidence{}
	leaves := map[[32]byte]bool{}
	for _, ev := range tlsclient.DialAll(ctx, c) {
		key := chainKey(ev)
		if same := first[key]; same != nil && len(ev.Chain) > 0 {
			ev.Artefacts, ev.Extra = same.Artefacts, same.Extra
		}
		r, ev := eng.Resolve(ctx, ev, t, p, a, d)
		if first[key] == nil {
			first[key] = ev
		}
		r.Target.Source, r.Target.Addr = "check", ev.Connection.Addr
		if r.Target.Addr == "" && len(ev.Attempts) > 0 {
			r.Target.Addr = ev.Attempts[0].Addr
		}
		if len(ev.Chain) > 0 {
			leaves[sha256.Sum256(ev.Chain[0].Cert)] = true
		}
		out = append(out, Result{r, ev})
	}
	if len(leaves) > 1 {
		compareLeaves(out, len(leaves))
	}
	return out
}

// chainKey identifies the certificates sent.
func chainKey(ev *evidence.Evidence) (key [32]byte) {
	h := sha256.New()
	for _, e := range ev.Chain {
		sum := sha256.Sum256(e.Cert)
		h.Write(sum[:])
	}
	h.Sum(key[:0])
	return key
}

// compareLeaves says at each address whose certificate is not the first one's.
func compareLeaves(rs []Result, different int) {
	i := slices.IndexFunc(rs, func(r Result) bool { return len(r.Evidence.Chain) > 0 })
	for _, r := range rs[i+1:] {
		if len(r.Evidence.Chain) > 0 && !bytes.Equal(r.Evidence.Chain[0].Cert, rs[i].Evidence.Chain[0].Cert) {
			r.Report.Findings = append(r.Report.Findings, finding.New(finding.AddressesDiffer, "addr", r.Report.Target.Addr, "other", rs[i].Report.Target.Addr,
				"count", strconv.Itoa(different), "total", strconv.Itoa(len(rs))))
			report.Decide(r.Report)
		}
	}
}

// resumed checks a target and then connects again with its session. The second
// connection is judged by afresh, or, offline, by what the first one was. Its
// report is shown only when it comes to another verdict.
func resumed(ctx context.Context, eng, afresh *engine.Engine, c tlsclient.Config, t *engine.Trust, p policy.Policy, a download.Access, d assemble.Detail) []Result {
	c.Sessions = tls.NewLRUClientSessionCache(8)
	r, ev := eng.Check(ctx, c, t, p, a, d)
	out := []Result{{r, ev}}
	if ev.Failure != nil {
		return out
	}
	again := tlsclient.Dial(ctx, c)
	if !again.Connection.Resumed {
		why := "it made a full handshake"
		switch {
		case again.Failure != nil:
			why = "the second connection failed (" + string(again.Failure.ID) + ")"
		case ev.Connection.Tickets == 0 && ev.Connection.Version == tls.VersionTLS13:
			why = "it had sent no ticket"
		}
		r.Findings = append(r.Findings, finding.New(finding.SessionNotResumed, "why", why))
		report.Decide(r)
		return out
	}
	if afresh == nil {
		afresh = eng
		if chainKey(again) == chainKey(ev) {
			again.Artefacts, again.Extra = ev.Artefacts, ev.Extra
		}
	}
	second, again := afresh.Resolve(ctx, again, t, p, a, d)
	second.Target.Source = report.FromCheck
	r.Findings = append(r.Findings, finding.New(finding.SessionResumed, "verdict", string(second.Verdict)))
	report.Decide(r)
	if second.Verdict != r.Verdict {
		out = append(out, Result{second, again})
	}
	return out
}
