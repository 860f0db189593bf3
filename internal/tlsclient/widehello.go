package tlsclient

import (
	"context"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/tlsnames"
)

// wideTimeout bounds the wait for an answer to the wide hello.
const wideTimeout = 3 * time.Second

// everything is more than crypto/tls can speak. Servers often take the client's
// first choice: sound suites come first.
func (c *Config) everything() offer {
	suites := tlsnames.Suites()
	slices.SortFunc(suites, func(a, b uint16) int {
		if weakA, weakB := unsafeWhy(0x0303, a) != "", unsafeWhy(0x0303, b) != ""; weakA != weakB {
			if weakA {
				return 1
			}
			return -1
		}
		return int(b) - int(a)
	})
	return offer{sni: c.SNI, versions: []uint16{0x0304, 0x0303, 0x0302, 0x0301}, suites: suites,
		groups: []uint16{29, 23, 24, 25, 30, 21, 19, 22, 26, 27, 28, 256, 257, 258}, shares: []uint16{29, 23},
		schemes: []uint16{0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x081a, 0x081b, 0x081c,
			0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0203, 0x0201, 0x0402, 0x0302, 0x0202, 0x0904, 0x0905, 0x0906}}
}

// wide sends the wide hello and reads the server's first flight.
func (c *Config) wide(ctx context.Context, conn net.Conn) *transcript {
	h, err := newHello(c.everything())
	if err != nil {
		return &transcript{err: err}
	}
	t, _ := say(ctx, conn, h, min(wideTimeout, c.HandshakeTimeout), func(t *transcript) bool { return t.helloDone || t.finished })
	return t
}

// widest is the last resort of the probe: it fetches the certificates of a
// server that crypto/tls has nothing in common with, and names what the server
// would have chosen.
func (c *Config) widest(ctx context.Context, ev *evidence.Evidence) {
	conn, failure := c.reopen(ctx, ev)
	if failure != nil {
		return
	}
	defer conn.Close()
	t := c.wide(ctx, conn)
	if t.version == 0 || t.suite == 0 {
		return
	}
	p := &ev.Probe.Connection
	p.Version, p.Suite, p.Group, p.Signature = t.version, t.suite, t.group, t.scheme
	ev.Chain, ev.TLSSCTs = t.chain, t.scts
	if why := unsafeWhy(t.version, t.suite); why != "" {
		c.noSafeTLS(ev, why)
		return
	}
	if what := t.lacks(); what != "" {
		ev.Failure.Params["detail"] = what
		return
	}
	parts := []string{tlsnames.Version(t.version), tlsnames.Suite(t.suite), tlsnames.Group(t.group), tlsnames.Signature(t.scheme)}
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	ev.Failure.Params["detail"] = "it answered a wider offer with " + strings.Join(parts, ", ")
}

// noSafeTLS turns ev's failure into the one that names the probe's result.
func (c *Config) noSafeTLS(ev *evidence.Evidence, why string) {
	p := ev.Probe.Connection
	ev.Failure.ID = finding.NoSafeTLS
	ev.Failure.Params = map[string]string{"host": clean(c.Host), "port": c.Port, "why": why,
		"version": tlsnames.Version(p.Version), "suite": tlsnames.Suite(p.Suite)}
}

// unsafeWhy says what is wrong with parameters that only a probe reached; "" =
// nothing.
func unsafeWhy(version, suite uint16) string {
	name := tlsnames.Suite(suite)
	ephemeral := strings.Contains(name, "DHE_") || version == 0x0304 || suite>>8 == 0x13
	weak := !ephemeral || strings.Contains(name, "_CBC_") || strings.Contains(name, "RC4") || strings.Contains(name, "_DSS_")
	switch {
	case version < 0x0303:
		return "it offers nothing newer than " + tlsnames.Version(version)
	case weak:
		return "it offers only weak cipher suites, such as " + name
	}
	return ""
}
