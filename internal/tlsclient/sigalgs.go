package tlsclient

import (
	"context"
	"crypto/tls"
	"slices"
	"strings"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/tlsnames"
)

// withSchemes reads the certificates that the server shows to a client which
// offers the signature schemes of c. The handshake counts as failed, since nothing
// proves that the server holds the key.
func (c *Config) withSchemes(ctx context.Context, ev *evidence.Evidence) {
	o := offer{sni: c.SNI, alpn: c.ALPN, schemes: c.Schemes}
	for _, v := range []uint16{tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS11, tls.VersionTLS10} {
		if v >= c.MinVersion && (c.MaxVersion == 0 || v <= c.MaxVersion) {
			o.versions = append(o.versions, v)
		}
	}
	if slices.Contains(o.versions, tls.VersionTLS13) {
		o.suites = append(o.suites, suites13...)
	}
	if c.MinVersion < tls.VersionTLS13 {
		o.suites = append(append(o.suites, KeysECDSA.suites(c)...), KeysRSA.suites(c)...)
	}
	var names []string
	for _, s := range c.Schemes {
		names = append(names, tlsnames.Signature(s))
	}
	kv := []string{"sigalgs", strings.Join(names, ", ")}
	why := c.shares(&o, 0)
	var seen *evidence.Evidence
	if why == "" {
		seen, _, why = c.readAsked(ctx, ev, o)
	}
	switch {
	case ctx.Err() != nil:
		ev.Failure = cancelled(ctx, "handshake")
	case seen == nil:
		ev.Failure = c.failed(finding.SigalgsRefused, nil, append(kv, "detail", why)...)
		ev.Failure.Detail = clean(why)
	default:
		times := ev.Connection
		ev.Connection, ev.Chain, ev.TLSSCTs = seen.Connection, seen.Chain, seen.TLSSCTs
		ev.Connection.DNS, ev.Connection.Connect = times.DNS, times.Connect
		ev.Failure = c.failed(finding.SigalgsRead, nil, kv...)
	}
}
