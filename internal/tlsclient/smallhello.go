package tlsclient

import (
	"context"
	"slices"
	"strconv"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/tlsnames"
)

// A ClientHello with a key share of post-quantum key exchange does not fit into
// one packet. Some servers, and devices in front of them, expect that it does:
// they reset or close the connection, say nothing, or answer an alert.

// hybrids are the groups with key shares of more than a thousand octets.
var hybrids = []uint16{0x11eb, 0x11ec, 0x11ed, 0x6399, 0x0200, 0x0201, 0x0202}

// classicGroups are offered in place of hybrid ones.
var classicGroups = []uint16{29, 23, 24, 25}

// largeHello is the size from which a ClientHello may be the cause.
const largeHello = 1400

// outcomeOf says in words how the server ended a handshake to which it
// contributed nothing; "" when it ended otherwise, or for a reason that the size
// of the ClientHello does not explain.
func (s *session) outcomeOf() string {
	if s.failure == nil || s.conn.Version != 0 {
		return ""
	}
	switch {
	case s.alert >= 0 && slices.Contains([]int{10, 22, 40, 47, 50, 80}, s.alert):
		return "it answered " + tlsnames.Alert(uint8(s.alert))
	case s.alert >= 0 || s.conn.BytesIn > 0:
		return ""
	case s.failure.ID == finding.ConnectionReset:
		return "it reset the connection"
	case s.failure.ID == finding.HandshakeEOF:
		return "it closed the connection"
	case s.failure.ID == finding.HandshakeTimeout:
		return "it did not answer"
	}
	return ""
}

// smaller dials again without hybrid groups when a large ClientHello failed. If
// that succeeds the cause is known, and the failure names it; the certificates are
// those of the second handshake. It reports whether it was that.
func (c *Config) smaller(ctx context.Context, ev *evidence.Evidence, first *session) bool {
	how := first.outcomeOf()
	if how == "" || first.conn.BytesOut < largeHello || c.NoProbe || ctx.Err() != nil {
		return false
	}
	small := *c
	small.Sessions, small.HandshakeTimeout = nil, min(lookTimeout, c.HandshakeTimeout)
	small.Groups = slices.DeleteFunc(slices.Clone(c.Groups), func(g uint16) bool { return slices.Contains(hybrids, g) })
	if c.Groups == nil {
		small.Groups = classicGroups
	}
	if len(small.Groups) == 0 || len(small.Groups) == len(c.Groups) {
		return false
	}
	conn, failure := c.reopen(ctx, ev)
	if failure != nil {
		return false
	}
	defer conn.Close()
	second := small.shake(ctx, conn)
	if len(second.chain) == 0 {
		return false
	}
	ev.Probe = &evidence.Probe{Reason: "a ClientHello without post-quantum key exchange", Connection: second.conn, Failure: second.failure}
	ev.Probe.Connection.Addr = ev.Connection.Addr
	ev.Chain, ev.TLSSCTs = second.chain, second.scts
	ev.Failure = c.failed(finding.HelloTooLarge, nil, "bytes", strconv.FormatInt(first.conn.BytesOut, 10), "how", how)
	return true
}
