// Package assaycaddy is a Caddy module that checks the certificates of clients for
// revocation: tls.client_auth.verifier.assay. Caddy has no such check of its own. The
// module judges the chains that Caddy has verified, by CRLs from files, which are read
// again when they change, and by the OCSP responders and CRLs that the certificates
// name.
//
// Build Caddy with it:
//
//	xcaddy build --with github.com/assaytls/assay/assaycaddy
package assaycaddy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/policy"
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddytls"
)

func init() { caddy.RegisterModule(Verifier{}) }

// Verifier is the module. Its fields are what its JSON and its Caddyfile block have;
// the zero Verifier asks whoever the certificates name and warns where no status can
// be obtained. The mode of client_auth must be verify_if_given or require_and_verify.
//
// Caddy asks the module in each handshake, resumed ones too. A connection that is open
// when its client is revoked stays open: Caddy does not say which connection it asks
// about. Bound its life with Caddy's timeouts.
type Verifier struct {
	// CRLFiles and CRLDirs are as in assay.Config: CRLs in PEM or DER, read again
	// within about a second when they have changed.
	CRLFiles []string `json:"crl_files,omitempty"`
	CRLDirs  []string `json:"crl_dirs,omitempty"`
	// Unknown says what it means that no revocation status could be obtained: "warn"
	// (also ""), "allow" or "deny".
	Unknown string `json:"unknown,omitempty"`
	// Network says when downloads happen: "first-contact" (also ""), "background",
	// "inline" or "offline".
	Network string `json:"network,omitempty"`
	// Depth says whose revocation is checked: "chain" (also ""), or "leaf".
	Depth string `json:"depth,omitempty"`
	// FetchBudget bounds the downloads of one handshake. 0 means 3 s.
	FetchBudget caddy.Duration `json:"fetch_budget,omitempty"`
	// PrivateFetch lets downloads connect to private and loopback addresses, as the
	// CRLs and responders of one's own CA often have.
	PrivateFetch bool `json:"private_fetch,omitempty"`
	// CacheDir keeps downloads across restarts; "" keeps them in memory.
	CacheDir string `json:"cache_dir,omitempty"`

	verifier *assay.Verifier
	judge    func(tls.ConnectionState) error
}

// CaddyModule returns what Caddy wants to know.
func (Verifier) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "tls.client_auth.verifier.assay", New: func() caddy.Module { return new(Verifier) }}
}

var (
	unknowns = map[policy.Unknown]assay.Unknown{policy.UnknownWarn: assay.UnknownWarn, policy.UnknownAllow: assay.UnknownAllow, policy.UnknownDeny: assay.UnknownDeny}
	networks = map[string]assay.Network{"": assay.FirstContact, "first-contact": assay.FirstContact, "background": assay.Background, "inline": assay.Inline, "offline": assay.Offline}
)

// Provision reads the files and makes the verifier. The error says what is wrong.
func (v *Verifier) Provision(ctx caddy.Context) error {
	repl, ok := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		repl = caddy.NewReplacer()
	}
	return v.provision(ctx.Slogger(), func(s string) string { return repl.ReplaceKnown(s, "") })
}

func (v *Verifier) provision(log *slog.Logger, replace func(string) string) error {
	c := assay.Config{Logger: log, PrivateFetch: v.PrivateFetch, CacheDir: replace(v.CacheDir)}
	for _, f := range v.CRLFiles {
		c.CRLFiles = append(c.CRLFiles, replace(f))
	}
	for _, d := range v.CRLDirs {
		c.CRLDirs = append(c.CRLDirs, replace(d))
	}
	var ok bool
	if c.Network, ok = networks[v.Network]; !ok {
		return fmt.Errorf("assay: %q is no value of network", v.Network)
	}
	if v.Unknown != "" {
		u, err := policy.ParseUnknown(v.Unknown)
		if c.Unknown, ok = unknowns[u]; err != nil || !ok {
			return fmt.Errorf("assay: %q is no value of unknown", v.Unknown)
		}
	}
	if v.Depth != "" {
		var err error
		if c.Depth, err = policy.ParseDepth(v.Depth); err != nil {
			return fmt.Errorf("assay: depth: %w", err)
		}
	}
	if v.FetchBudget < 0 {
		return errors.New("assay: fetch_budget is negative")
	}
	c.FetchBudget = time.Duration(v.FetchBudget)
	verifier, err := assay.New(c)
	if err != nil {
		return err
	}
	// The anchors are Caddy's: it hands over the chains that it has verified.
	conf, err := verifier.ServerConfig(&tls.Config{ClientAuth: tls.RequireAndVerifyClientCert})
	if err != nil {
		verifier.Close()
		return err
	}
	v.verifier, v.judge = verifier, conf.VerifyConnection
	return nil
}

// Cleanup ends what Provision began.
func (v *Verifier) Cleanup() error {
	if v.verifier == nil {
		return nil
	}
	return v.verifier.Close()
}

// ErrNotVerified is returned for a client whose certificate Caddy has not verified,
// since the mode of client_auth is "request" or "require".
var ErrNotVerified = errors.New("assay: Caddy has not verified the client's certificate: the mode of client_auth must be verify_if_given or require_and_verify")

// VerifyClientCertificate judges the chains that Caddy has verified. The error is an
// *assay.Error, or says that there is nothing to judge. It is safe for concurrent use.
func (v *Verifier) VerifyClientCertificate(rawCerts [][]byte, verifiedChains [][]*x509.Certificate) error {
	if v.judge == nil {
		return errors.New("assay: the module has not been provisioned")
	}
	if len(verifiedChains) == 0 || len(verifiedChains[0]) == 0 {
		return ErrNotVerified
	}
	// What the client sent counts as sent, and its key has signed, as in every version.
	cs := tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true, VerifiedChains: verifiedChains}
	for _, raw := range rawCerts {
		c, err := x509.ParseCertificate(raw)
		if err != nil {
			return fmt.Errorf("assay: %w", err)
		}
		cs.PeerCertificates = append(cs.PeerCertificates, c)
	}
	if len(cs.PeerCertificates) == 0 || !cs.PeerCertificates[0].Equal(verifiedChains[0][0]) {
		return errors.New("assay: the verified chain does not begin with the certificate that was sent")
	}
	return v.judge(cs)
}

// UnmarshalCaddyfile reads the block of a Caddyfile:
//
//	verifier assay {
//		crl_file      <file>...
//		crl_dir       <directory>...
//		unknown       warn|allow|deny
//		network       first-contact|background|inline|offline
//		depth         chain|leaf
//		fetch_budget  <duration>
//		private_fetch
//		cache_dir     <directory>
//	}
func (v *Verifier) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	if d.NextArg() {
		return d.ArgErr()
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name, args := d.Val(), d.RemainingArgs()
		most, least := 1, 1
		switch name {
		case "crl_file", "crl_dir":
			most = len(args)
		case "private_fetch":
			most, least = 0, 0
		}
		if len(args) < least || len(args) > most {
			return d.ArgErr()
		}
		switch name {
		case "crl_file":
			v.CRLFiles = append(v.CRLFiles, args...)
		case "crl_dir":
			v.CRLDirs = append(v.CRLDirs, args...)
		case "unknown":
			v.Unknown = args[0]
		case "network":
			v.Network = args[0]
		case "depth":
			v.Depth = args[0]
		case "cache_dir":
			v.CacheDir = args[0]
		case "private_fetch":
			v.PrivateFetch = true
		case "fetch_budget":
			b, err := caddy.ParseDuration(args[0])
			if err != nil {
				return d.Errf("fetch_budget: %v", err)
			}
			v.FetchBudget = caddy.Duration(b)
		default:
			return d.Errf("assay has no setting %q", name)
		}
	}
	return nil
}

var (
	_ caddy.Provisioner                  = (*Verifier)(nil)
	_ caddy.CleanerUpper                 = (*Verifier)(nil)
	_ caddytls.ClientCertificateVerifier = (*Verifier)(nil)
	_ caddyfile.Unmarshaler              = (*Verifier)(nil)
)
