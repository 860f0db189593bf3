package tlsclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/tlsnames"
)

// A server may have two certificates for one name, one with an RSA and one with
// an ECDSA key, and chooses between them by what a ClientHello names first.
// crypto/tls names RSA first in TLS 1.3, most others ECDSA, so that two clients
// see two certificates, of which one may have expired.

// KeyTypes says which certificates of such a server are looked at. The zero
// value looks at the one that it chooses for the ClientHello of crypto/tls.
type KeyTypes uint8

// The choices of certificates.
const (
	KeysAsChosen KeyTypes = iota // the one that the server chooses
	KeysAll                      // that one, and the one for keys of the other type, if there is one
	KeysECDSA                    // the one with an ECDSA or EdDSA key only
	KeysRSA                      // the one with an RSA key only
)

// name is how people call a type of key.
func (k KeyTypes) name() string {
	if k == KeysRSA {
		return "RSA"
	}
	return "ECDSA"
}

// schemes are the signature schemes that a server with a key of the type can use
// (RFC 8446, 4.2.3).
func (k KeyTypes) schemes() []uint16 {
	if k == KeysRSA {
		return []uint16{0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0809, 0x080a, 0x080b}
	}
	return []uint16{0x0403, 0x0503, 0x0603, 0x0807}
}

// certSchemes are accepted in certificates whatever the type of the leaf's key:
// keys of one type are often certified by CAs with keys of the other.
var certSchemes = []uint16{0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201}

// suites are the suites before TLS 1.3 with a key of the type, as far as c
// offers them.
func (k KeyTypes) suites(c *Config) []uint16 {
	offered := c.Suites
	if offered == nil {
		for _, s := range tls.CipherSuites() {
			offered = append(offered, s.ID)
		}
	}
	return slices.DeleteFunc(slices.Clone(offered), func(id uint16) bool {
		name := tlsnames.Suite(id)
		isRSA, isECDSA := strings.Contains(name, "_RSA_"), strings.Contains(name, "_ECDSA_")
		return k == KeysRSA && !isRSA || k != KeysRSA && !isECDSA
	})
}

// keysOf returns the type of a certificate's key; KeysAsChosen for others.
func keysOf(der []byte) KeyTypes {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return KeysAsChosen
	}
	switch cert.PublicKeyAlgorithm {
	case x509.RSA:
		return KeysRSA
	case x509.ECDSA, x509.Ed25519:
		return KeysECDSA
	}
	return KeysAsChosen
}

// other is the type that is not k.
func (k KeyTypes) other() KeyTypes {
	switch k {
	case KeysRSA:
		return KeysECDSA
	case KeysECDSA:
		return KeysRSA
	}
	return KeysAsChosen
}

// lookTimeout bounds one look, which a good server answers at once.
const lookTimeout = 3 * time.Second

// alsoServes looks whether the server has another certificate, with a key of the
// other type, in the version that was negotiated. A server that has none refuses
// the look, and there is nothing to say then. When it cannot be found out, that
// is noted and changes nothing about the first certificate.
func (c *Config) alsoServes(ctx context.Context, ev *evidence.Evidence) {
	usable := ev.Failure == nil || ev.Failure.ID == finding.ClientCertRequired
	if c.KeyTypes != KeysAll || !usable || ev.Connection.Resumed || len(ev.Chain) == 0 || ctx.Err() != nil {
		return
	}
	want := keysOf(ev.Chain[0].Cert).other()
	if want == KeysAsChosen {
		return
	}
	look := c.look12
	if ev.Connection.Version == tls.VersionTLS13 {
		look = c.look13
	}
	seen, why := look(ctx, ev, want)
	switch {
	case why != "":
		ev.Unseen = &evidence.Failure{ID: finding.KeyTypeUnseen, Stage: "handshake", Detail: why, Params: map[string]string{"type": want.name(), "detail": why}}
	case seen != nil && !bytes.Equal(seen.Chain[0].Cert, ev.Chain[0].Cert):
		ev.AlsoServes = seen
	}
}

// aside is a look at the other certificate that goes on while the first is judged.
type aside struct {
	first evidence.Evidence
	done  chan struct{} // nil: there is none
}

// start begins the look with copies of the config and of what the first connection
// brought.
func (a *aside) start(ctx context.Context, c Config, first evidence.Evidence) {
	a.first, a.done = first, make(chan struct{})
	// A probe rewrites the first connection's failure meanwhile.
	if first.Failure != nil {
		f := *first.Failure
		f.Params = maps.Clone(f.Params)
		a.first.Failure = &f
	}
	go func() {
		defer close(a.done)
		c.alsoServes(ctx, &a.first)
	}()
}

// wait waits for the look and puts what it brought into ev.
func (a *aside) wait(ev *evidence.Evidence) {
	if a.done != nil {
		<-a.done
		ev.AlsoServes, ev.Unseen = a.first.AlsoServes, a.first.Unseen
	}
}

// seenBy makes the evidence of a look at the server of ev.
func seenBy(ev *evidence.Evidence, source evidence.Source, chain []evidence.Entry, scts []byte) *evidence.Evidence {
	return &evidence.Evidence{Version: evidence.Version, Source: source, Target: ev.Target, Time: time.Now().UTC().Round(0), Chain: chain, TLSSCTs: scts, DNS: ev.DNS}
}

// look12 makes a handshake before TLS 1.3 with suites of one type of key. It
// returns nil when the server has no such certificate, and why when that could
// not be found out.
func (c *Config) look12(ctx context.Context, ev *evidence.Evidence, want KeyTypes) (seen *evidence.Evidence, why string) {
	narrow := *c
	narrow.Suites, narrow.Sessions, narrow.HandshakeTimeout = want.suites(c), nil, min(lookTimeout, c.HandshakeTimeout)
	if narrow.MaxVersion == 0 || narrow.MaxVersion > tls.VersionTLS12 {
		narrow.MaxVersion = tls.VersionTLS12
	}
	if len(narrow.Suites) == 0 {
		return nil, "" // no client with these suites is shown it
	}
	conn, failure := c.reopen(ctx, ev)
	if failure != nil {
		return nil, failure.Detail
	}
	defer conn.Close()
	s := narrow.shake(ctx, conn)
	switch {
	case len(s.chain) > 0:
		seen = seenBy(ev, evidence.SourceDial, s.chain, s.scts)
		seen.Connection, seen.Failure = s.conn, s.failure
		seen.Connection.Addr, seen.Connection.StartTLS = ev.Connection.Addr, ev.Connection.StartTLS
		if f := s.failure; f != nil && f.ID != finding.HandshakeSignatureInvalid {
			// The certificates are known, and who holds their key is asked of the first
			// connection alone.
			seen.Source, seen.Failure = evidence.SourceLook, nil
		}
		return seen, ""
	case s.failure == nil || s.alert >= 0:
		return nil, ""
	}
	return nil, s.failure.Detail
}

// look13 sends a ClientHello of TLS 1.3 that names the signature schemes of one
// type of key, and reads the answer as far as the Certificate message. It
// returns what look12 does.
func (c *Config) look13(ctx context.Context, ev *evidence.Evidence, want KeyTypes) (seen *evidence.Evidence, why string) {
	o := offer{sni: c.SNI, versions: []uint16{tls.VersionTLS13}, suites: suites13, alpn: c.ALPN,
		schemes: want.schemes(), certSchemes: certSchemes}
	if why := c.shares(&o, ev.Connection.Group); why != "" {
		return nil, why
	}
	seen, t, why := c.readAsked(ctx, ev, o)
	if seen == nil && t.refused() {
		return nil, ""
	}
	return seen, why
}

// suites13 are the suites of TLS 1.3 that a hello of our own can be answered with.
var suites13 = []uint16{0x1301, 0x1302, 0x1303}

// shares fills in the groups of an offer, as far as a hello of our own can have
// them, and one key share: for the group that the server is known to choose, else for
// the first. Those of P-384 and P-521 cost more than all else of a look, and the server
// may ask for another (see readAsked). why says that there are none.
func (c *Config) shares(o *offer, chosen uint16) (why string) {
	o.groups = slices.DeleteFunc(slices.Clone(c.Groups), func(g uint16) bool { return curves[g] == nil })
	if c.Groups == nil {
		o.groups = []uint16{29, 23, 24, 25}
	}
	if len(o.groups) == 0 {
		return "none of the groups that were asked for can be offered in such a ClientHello"
	}
	o.shares = o.groups[:1]
	if slices.Contains(o.groups, chosen) {
		o.shares = []uint16{chosen}
	}
	return ""
}

// readAsked is read, once more when the server asks for the key share of another
// group that was offered.
func (c *Config) readAsked(ctx context.Context, ev *evidence.Evidence, o offer) (seen *evidence.Evidence, t *transcript, why string) {
	seen, t, why = c.read(ctx, ev, o)
	if t.retried && slices.Contains(o.groups, t.group) && !slices.Contains(o.shares, t.group) && ctx.Err() == nil {
		o.shares = []uint16{t.group}
		seen, t, why = c.read(ctx, ev, o)
	}
	return seen, t, why
}

// read sends a ClientHello of our own to the server of ev and reads the answer as
// far as the certificates. t is what was read, never nil; why says why seen is nil.
func (c *Config) read(ctx context.Context, ev *evidence.Evidence, o offer) (seen *evidence.Evidence, t *transcript, why string) {
	t = &transcript{}
	h, err := newHello(o)
	if err != nil {
		return nil, t, err.Error()
	}
	conn, failure := c.reopen(ctx, ev)
	if failure != nil {
		return nil, t, failure.Detail
	}
	defer conn.Close()
	t, err = say(ctx, conn, h, min(lookTimeout, c.HandshakeTimeout), func(t *transcript) bool {
		// Before TLS 1.3 the staple comes behind the certificates.
		return t.retried || t.helloDone || t.hasCerts && t.version == tls.VersionTLS13
	})
	switch {
	case t.hasCerts && len(t.chain) > 0:
		seen = seenBy(ev, evidence.SourceLook, t.chain, t.scts)
		seen.Connection = evidence.Connection{Addr: ev.Connection.Addr, StartTLS: ev.Connection.StartTLS, Version: t.version, Suite: t.suite, Group: t.group, ALPN: t.alpn}
		return seen, t, ""
	case t.refused():
		why = "the server refused the ClientHello"
		if n := len(t.alerts); n > 0 {
			why = "the server replied with the alert " + t.alerts[n-1].Name
		}
		return nil, t, why
	case t.retried:
		return nil, t, "the server asks for a key share of " + tlsnames.Group(t.group)
	case t.err != nil:
		return nil, t, clean(t.err.Error())
	case errors.Is(err, io.EOF):
		return nil, t, "the server closed the connection"
	case isTimeout(err):
		return nil, t, "the server did not answer in time"
	case err != nil:
		return nil, t, plainError(err)
	}
	return nil, t, "the server sent no certificate"
}

// one connects for one type of key alone. Only TLS 1.2 lets a client of crypto/tls
// ask for that; the certificate of a server that speaks TLS 1.3 alone is looked
// at, and the handshake counts as failed.
func (c *Config) one(ctx context.Context, ev *evidence.Evidence) {
	seen, why := (*evidence.Evidence)(nil), ""
	if c.MinVersion <= tls.VersionTLS12 {
		seen, why = c.look12(ctx, ev, c.KeyTypes)
	}
	if seen == nil && (c.MaxVersion == 0 || c.MaxVersion >= tls.VersionTLS13) && ctx.Err() == nil {
		seen, why = c.look13(ctx, ev, c.KeyTypes)
	}
	params := map[string]string{"type": c.KeyTypes.name(), "host": clean(c.Host), "port": c.Port}
	switch {
	case ctx.Err() != nil:
		ev.Failure = cancelled(ctx, "handshake")
	case seen == nil:
		if why == "" {
			why = "the server refused a ClientHello for such keys"
		}
		params["detail"] = why
		ev.Failure = &evidence.Failure{ID: finding.KeyTypeNotServed, Stage: "handshake", Params: params, Detail: why}
	default:
		times := ev.Connection
		ev.Connection, ev.Chain, ev.TLSSCTs, ev.Failure = seen.Connection, seen.Chain, seen.TLSSCTs, seen.Failure
		ev.Connection.DNS, ev.Connection.Connect = times.DNS, times.Connect
		if seen.Source == evidence.SourceLook {
			ev.Failure = &evidence.Failure{ID: finding.HandshakeUnfinished, Stage: "handshake", Params: params}
		}
	}
}

// legacy asks, when that is wanted, whether the server takes TLS 1.0 or 1.1 from
// a client that has nothing newer.
func (c *Config) legacy(ctx context.Context, ev *evidence.Evidence) {
	if !c.Legacy || ctx.Err() != nil {
		return
	}
	ev.Legacy = &evidence.Legacy{}
	conn, failure := c.reopen(ctx, ev)
	if failure != nil {
		ev.Legacy.Detail = failure.Detail
		return
	}
	defer conn.Close()
	old := *c
	old.MinVersion, old.MaxVersion, old.Suites, old.Groups, old.Sessions = tls.VersionTLS10, tls.VersionTLS11, everySuite(), nil, nil
	old.HandshakeTimeout = min(lookTimeout, c.HandshakeTimeout)
	s := old.shake(ctx, conn)
	switch {
	case len(s.chain) > 0 || s.failure == nil:
		ev.Legacy.Version = s.conn.Version
	case s.alert >= 0:
		ev.Legacy.Detail = "it answered " + tlsnames.Alert(uint8(s.alert))
	default:
		ev.Legacy.Detail = s.failure.Detail
	}
}
