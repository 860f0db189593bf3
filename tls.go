package assay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"reflect"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/learnt"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// ClientConfig returns a copy of base (nil means an empty one) whose
// handshakes pass only when the standard library and assay both accept the
// server. Callbacks in base are called before assay judges: VerifyPeerCertificate,
// then VerifyConnection; their refusals stand. It is an error when base turns
// verification off, brings roots although Config does, or asks for a version older
// than TLS 1.2, which is the oldest in the copy (RFC 8996).
//
// A server that rejects Encrypted Client Hello is refused with ErrECHRejected,
// and its retry configurations are withheld: crypto/tls calls no callback then
// but EncryptedClientHelloRejectionVerify, to which it shows no certificate.
// [Verifier.DialContext] and [Verifier.Handshake] do better. It is an error when
// base has EncryptedClientHelloRejectionVerify, which takes the place of the
// standard library's verification.
//
// Sessions in base.ClientSessionCache are resumed as long as the judgement of
// their connection holds, and QUIC sends no early data (0-RTT) in them. The
// connections are the caller's to end when a revocation is learnt later: see
// Config.OnRevoked.
//
// The copy's callbacks are assay's. A VerifyConnection that is set in it
// afterwards makes handshakes fail with ErrReplaced; one that is set in a Clone
// of it takes assay's place, and nobody judges. Put your own into base.
//
// VerifyConnection has no context: judging is bounded by FetchBudget and by
// Close. [Verifier.DialContext] and [Verifier.Transport] use the dial's
// context too.
func (v *Verifier) ClientConfig(base *tls.Config) (*tls.Config, error) {
	c, err := v.clientConfig(dialled{}, base)
	if err != nil {
		return nil, err
	}
	// Whether ECH is asked for may be decided later, on a clone: refuse always.
	c.EncryptedClientHelloRejectionVerify = refuseECH
	guardOverlay(c)
	return c, nil
}

// ErrReplaced is how a handshake ends when the VerifyConnection of a config that
// [Verifier.ClientConfig] or [Verifier.ServerConfig] returned was set to
// another function afterwards, so that nobody would judge the peer, and how a
// request ends when the TLSClientConfig of an http.Transport was replaced after
// [Verifier.ConfigureTransport]. Callbacks of one's own belong into the base.
var ErrReplaced = errors.New("assay: VerifyConnection or TLSClientConfig was replaced after assay had set it, so that the peer would not be judged: what is yours belongs into the base config")

// hookOf tells VerifyConnection functions apart: 0 for none.
func hookOf(c *tls.Config) uintptr {
	if c.VerifyConnection == nil {
		return 0
	}
	return reflect.ValueOf(c.VerifyConnection).Pointer()
}

// guardOverlay makes c refuse when its VerifyConnection is replaced.
// VerifyPeerCertificate, which crypto/tls calls just before, looks; sessions,
// which are resumed without it, are declined. What is replaced in a clone cannot
// be seen from c.
func guardOverlay(c *tls.Config) {
	hook, inner := hookOf(c), c.VerifyPeerCertificate
	c.VerifyPeerCertificate = func(sent [][]byte, chains [][]*x509.Certificate) error {
		if hookOf(c) != hook {
			return ErrReplaced
		}
		if inner != nil {
			return inner(sent, chains)
		}
		return nil
	}
	if s, ok := c.ClientSessionCache.(*sessionCache); ok {
		stands := s.stands
		s.stands = func(p learnt.Path) bool { return hookOf(c) == hook && stands(p) }
	}
}

// ErrECHRejected is returned by a handshake that uses a config from
// [Verifier.ClientConfig] when the server rejects Encrypted Client Hello (RFC 9849, 6.1.6). The
// server's certificate could not be judged, so what it offers for another
// attempt must not be used: an impostor whose certificate is revoked could
// learn the hidden name that way. [Verifier.DialContext] and [Verifier.Handshake]
// judge the certificate of the public name and then return crypto/tls's
// *tls.ECHRejectionError.
var ErrECHRejected = errors.New("assay: the server rejected Encrypted Client Hello, and its certificate cannot be judged in this handshake")

func refuseECH(tls.ConnectionState) error { return ErrECHRejected }

// isRefuseECH tells the hook that ClientConfig sets from anybody else's.
func isRefuseECH(f func(tls.ConnectionState) error) bool {
	return reflect.ValueOf(f).Pointer() == reflect.ValueOf(refuseECH).Pointer()
}

// dialled is what is known of a connection besides its tls.ConnectionState,
// which has neither context nor address.
type dialled struct {
	ctx        context.Context // nil when there is none
	peer       net.Addr        // nil when not known
	host, port string          // who was asked for; "" when not known
	foreign    bool            // somebody else connected: peer may be a proxy
	conn       *noted          // the connection itself, nil when a config serves many
	served     net.Conn        // of a server: the connection below, nil when it is not known
	timeout    time.Duration   // of the peer's part of the handshake, where this package makes it
	judging    func()          // when not nil, is told that a judgement begins, whose time is not the peer's
}

// addr returns the peer's "address:port", "" when not known.
func (d dialled) addr() string {
	if t, ok := d.peer.(*net.TCPAddr); ok {
		return t.AddrPort().String()
	}
	return ""
}

// clientConfig is ClientConfig for a connection of which more is known.
func (v *Verifier) clientConfig(d dialled, base *tls.Config) (*tls.Config, error) {
	c, err := v.adopt(base)
	if err != nil {
		return nil, err
	}
	if v.pool() != nil {
		if c.RootCAs != nil {
			return nil, errors.New("assay: there are roots in both Config and the base tls.Config")
		}
		c.RootCAs = v.pool()
	}
	var sessions *sessionCache
	if c.ClientSessionCache != nil {
		sessions = newSessionCache(c.ClientSessionCache, v.hash, func(p learnt.Path) bool { return v.stands(p, &v.policy, func() {}) })
		sessions.now = v.trustedBy
		c.ClientSessionCache = sessions
	}
	inner := c.VerifyConnection
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		if inner != nil {
			if err := inner(cs); err != nil {
				return err
			}
		}
		if d.judging != nil {
			d.judging()
		}
		d := d // of this connection
		if d.conn == nil {
			d.conn = v.shaking.carrier()
		}
		until, path, err := v.handshake(d, &cs, &v.policy)
		if sessions != nil {
			sessions.judged(cs.ServerName, until, path)
		}
		return err
	}
	return c, nil
}

// adopt copies base after refusing what would undo the verification.
func (v *Verifier) adopt(base *tls.Config) (*tls.Config, error) {
	if v.core == nil {
		return nil, ErrClosed
	}
	if base == nil {
		return &tls.Config{MinVersion: tls.VersionTLS12}, nil
	}
	if tlsclient.SkipsVerification(base) {
		return nil, errors.New("assay: the base tls.Config turns verification off; assay only tightens it")
	}
	c := base.Clone()
	if isRefuseECH(c.EncryptedClientHelloRejectionVerify) { // base came from ClientConfig
		c.EncryptedClientHelloRejectionVerify = nil
	}
	if c.EncryptedClientHelloRejectionVerify != nil {
		return nil, errors.New("assay: EncryptedClientHelloRejectionVerify in the base tls.Config turns off the verification of servers that reject ECH")
	}
	return c, modern(c)
}

// ServerConfig returns a copy of base that checks client certificates with
// revocation. base.ClientAuth must be VerifyClientCertIfGiven or
// RequireAndVerifyClientCert, and its versions TLS 1.2 or newer. Configs returned
// by base.GetConfigForClient are wrapped too and must also verify client
// certificates, or come from [WithoutClientCert]. For them the check ends when the handshake's context does. Without
// GetConfigForClient the copy may be changed before it is used, as net/http
// does; judging is bounded by FetchBudget and by Close.
//
// A connection whose client turns out later to be revoked is closed when that is
// learnt, over TCP and Unix sockets; of others Config.OnRevoked is told. The copy's
// GetConfigForClient finds out which connection that is.
//
// A VerifyConnection that is set in the copy afterwards makes handshakes with
// client certificates fail with ErrReplaced. One that is set in a Clone, and a
// GetConfigForClient that is set in either, take assay's place, and nobody judges:
// put your own into base, or call ServerConfig in your GetConfigForClient.
func (v *Verifier) ServerConfig(base *tls.Config) (*tls.Config, error) {
	if base == nil {
		return nil, errors.New("assay: a server needs a tls.Config with a certificate")
	}
	c, err := v.serverConfig(dialled{}, base)
	if err != nil {
		return nil, err
	}
	guardOverlay(c)
	inner := base.GetConfigForClient
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		v.shaking.begin(hello)
		if inner == nil {
			return nil, nil
		}
		chosen, err := inner(hello)
		if chosen == nil || err != nil {
			return nil, err // nil: c itself
		}
		if isWithoutClientCert(chosen) {
			chosen = chosen.Clone()
			return chosen, modern(chosen)
		}
		// A client's own address earns no downloads from its neighbours: it was
		// not dialled. Over QUIC there is no net.Conn to ask.
		return v.serverConfig(dialled{ctx: hello.Context()}, chosen)
	}
	return c, nil
}

func (v *Verifier) serverConfig(d dialled, base *tls.Config) (*tls.Config, error) {
	if base.ClientAuth != tls.VerifyClientCertIfGiven && base.ClientAuth != tls.RequireAndVerifyClientCert {
		return nil, errors.New("assay: ClientAuth must be VerifyClientCertIfGiven or RequireAndVerifyClientCert, else client certificates are not verified")
	}
	if v.core == nil {
		return nil, ErrClosed
	}
	if v.policy.Trust != policy.ProgramSystem {
		return nil, fmt.Errorf("assay: the roots of %s decide (Config.Trust), and root programs decide about servers: client certificates need roots of your own", v.policy.Trust.Name())
	}
	c := base.Clone()
	if err := modern(c); err != nil {
		return nil, err
	}
	if v.pool() != nil {
		if c.ClientCAs != nil {
			return nil, errors.New("assay: there are roots in both Config and the base tls.Config's ClientCAs")
		}
		c.ClientCAs = v.pool()
	}
	inner := c.VerifyConnection
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		if inner != nil {
			if err := inner(cs); err != nil {
				return err
			}
		}
		if len(cs.PeerCertificates) == 0 {
			return nil // VerifyClientCertIfGiven, and none was
		}
		d := d // of this connection
		d.served = v.shaking.here()
		_, _, err := v.handshake(d, &cs, &v.clients)
		return err
	}
	return c, nil
}

// handshake judges one connection and returns until when the judgement holds, and
// the path that it rests on. The error is nil, ErrClosed or an *Error.
func (v *Verifier) handshake(d dialled, cs *tls.ConnectionState, p *policy.Policy) (until time.Time, path learnt.Path, err error) {
	if !v.begin() {
		return time.Time{}, path, ErrClosed
	}
	defer v.running.Done()
	defer func() {
		if x := recover(); x != nil {
			broken := refusal(finding.New(finding.InternalError, "what", cs.ServerName, "detail", fmt.Sprint(x)))
			v.counters.judged(broken.Report)
			until, path, err = time.Time{}, learnt.Path{}, broken
		}
	}()
	if len(cs.VerifiedChains) == 0 {
		return time.Time{}, path, refusal(finding.New(finding.InternalError, "what", cs.ServerName, "detail", "crypto/tls verified no chain"))
	}
	trusted := v.trusted()
	if cs = v.standing(cs); len(cs.VerifiedChains) == 0 {
		r := v.refuseWithdrawn(d, cs, p)
		v.counters.judged(r)
		v.log(v.context(d), d.name(cs), r)
		return time.Time{}, path, &Error{Report: r}
	}
	lessons := v.engine.Lessons()
	asked, lists := v.filters.set.Load(), v.crlFiles.now.Load()
	key := memoKey(v.judgedBy(), d, cs, p.Purpose.String())
	known, due := v.memo.get(key, time.Now())
	if known.report != nil && !v.stands(known.path, p, func() {}) {
		known, due = memoEntry{}, false
	}
	r, until, path := known.report, known.until, known.path
	if r != nil {
		v.counters.remembered.Add(1)
	}
	var ev *evidence.Evidence
	if r == nil || due || v.told() {
		ev = handshakeEvidence(d, cs)
	}
	switch {
	case r == nil:
		known, ev = v.judgeHandshake(d, key, ev, cs, p)
		r, until, path = known.report, known.until, known.path
	case due:
		v.refreshInBackground(ev, cs, d, p)
	}
	if v.told() {
		r = copyReport(r, ev)
		v.hook(v.context(d), ev, r)
		v.observe(v.context(d), r)
	}
	v.counters.judged(r)
	if d.conn != nil {
		d.conn.report.Store(r)
	}
	v.log(v.context(d), d.name(cs), r)
	if r.Verdict != report.Accept {
		return time.Time{}, path, &Error{Report: r}
	}
	v.hold(d, cs, key, p, path, until, lessons)
	if v.filters.set.Load() != asked { // it changed before the connection was known
		v.filtersChanged()
	}
	if v.trusted() != trusted {
		go v.review(underAnchors)
	}
	if now := v.crlFiles.now.Load(); now != lists { // they changed before the connection was known
		go v.reviewFor(now.all)
	}
	return until, path, nil
}

// stands runs f unless a revocation was learnt against a path since it was
// accepted (see engine.Stands).
func (v *Verifier) stands(path learnt.Path, p *policy.Policy, f func()) bool {
	return v.engine.Stands(path, v.trusted(), *p, f)
}

// told reports whether the application is shown reports, which then hold
// everything.
func (v *Verifier) told() bool { return v.conf.Verify != nil || v.conf.Observe != nil }

// observe shows r to Config.Observe, whose panic refuses.
func (v *Verifier) observe(ctx context.Context, r *report.Report) {
	if v.conf.Observe == nil {
		return
	}
	defer func() {
		if x := recover(); x != nil {
			r.Findings = append(r.Findings, finding.New(finding.InternalError, "what", "Config.Observe", "detail", fmt.Sprint(x)))
			report.Decide(r)
		}
	}()
	v.conf.Observe(ctx, deepCopy(r))
}

// context is the connection's context, the Verifier's where there is none.
func (v *Verifier) context(d dialled) context.Context {
	if d.ctx != nil {
		return d.ctx
	}
	return v.ctx
}

// contactFor is for how long a copy that this Verifier had counts as had, so that
// a server that is seldom visited is not judged by what was true last week.
const contactFor = 24 * time.Hour

// contactsSince is from when on a copy must have come for a handshake not to wait
// for a younger one.
func (v *Verifier) contactsSince(now time.Time) time.Time {
	if since := now.Add(-contactFor); since.After(v.began) {
		return since
	}
	return v.began
}

// judgeHandshake judges within the fetch budget and remembers an acceptance. What
// did not come by then, or is old, is fetched beside the handshake where
// Config.Network says so. It returns the evidence with what was fetched.
func (v *Verifier) judgeHandshake(d dialled, key [32]byte, ev *evidence.Evidence, cs *tls.ConnectionState, p *policy.Policy) (memoEntry, *evidence.Evidence) {
	ctx := v.ctx
	if d.ctx != nil { // both end it
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(d.ctx)
		defer cancel()
		defer context.AfterFunc(v.ctx, cancel)()
	}
	access := v.accessFor(d)
	access.Budget, access.Background = v.fetchBudget(), v.conf.Network.beside()
	access.Offline = v.conf.Network == Background || v.conf.Network == Offline
	if v.conf.Network == FirstContact {
		access.Since = v.contactsSince(time.Now())
	}
	chains := verifiedChains(cs)
	detail := assemble.Brief
	if v.told() {
		detail = assemble.Full
	}
	r, gathered, due, path := v.engine.Handshake(ctx, ev, chains, v.trusted(), *p, access, detail)
	until, renewal := holds(r, time.Now(), *p)
	if !v.conf.Network.beside() {
		renewal = time.Time{}
	}
	unavailable := engine.Unavailable(r)
	if v.conf.Network.beside() && due {
		v.refreshInBackground(ev, cs, d, p)
	}
	judged := memoEntry{r, until, renewal, path}
	if r.Verdict == report.Accept && !unavailable {
		v.stands(path, p, func() { v.memo.put(key, judged) })
	}
	return judged, gathered
}

// accessFor is what judgements of connection d may download. Where somebody else
// connected, the peer's address may be a proxy's.
func (v *Verifier) accessFor(d dialled) download.Access {
	a := v.access
	if d.foreign && a.Scope != download.ScopePrivate {
		a.Scope = download.ScopePublic
	}
	return a
}

func (v *Verifier) fetchBudget() time.Duration {
	if v.conf.FetchBudget > 0 {
		return v.conf.FetchBudget
	}
	return 3 * time.Second
}

// handshakeEvidence turns a connection state into evidence. Certificates are
// shared between connections: only their bytes are used, and never changed.
func handshakeEvidence(d dialled, cs *tls.ConnectionState) *evidence.Evidence {
	ev := &evidence.Evidence{Version: evidence.Version, Source: evidence.SourceHandshake, Time: time.Now().UTC(),
		Target: evidence.Target{Host: d.name(cs), Port: d.port, SNI: cs.ServerName},
		Connection: evidence.Connection{Addr: d.addr(), Version: cs.Version, Suite: cs.CipherSuite, Group: uint16(cs.CurveID),
			ALPN: cs.NegotiatedProtocol, Resumed: cs.DidResume}}
	for i, c := range cs.PeerCertificates {
		e := evidence.Entry{Cert: c.Raw}
		if i == 0 {
			e.Staple = cs.OCSPResponse
		}
		ev.Chain = append(ev.Chain, e)
	}
	ev.TLSSCTs = sctList(cs.SignedCertificateTimestamps)
	return ev
}

// name is who was asked for, for people: names were crypto/tls's to check.
func (d dialled) name(cs *tls.ConnectionState) string {
	if cs.ServerName != "" {
		return cs.ServerName
	}
	return d.host
}

// verifiedChains are the chains that crypto/tls verified, as DER.
func verifiedChains(cs *tls.ConnectionState) [][][]byte {
	var chains [][][]byte
	for _, chain := range cs.VerifiedChains {
		var ders [][]byte
		for _, c := range chain {
			ders = append(ders, c.Raw)
		}
		chains = append(chains, ders)
	}
	return chains
}

// sctList writes a SignedCertificateTimestampList (RFC 6962, 3.3).
func sctList(scts [][]byte) []byte {
	if len(scts) == 0 {
		return nil
	}
	out := []byte{0, 0}
	for _, s := range scts {
		if len(s) > 0xffff || len(out)+2+len(s) > 0xffff {
			continue
		}
		out = append(out, byte(len(s)>>8), byte(len(s)))
		out = append(out, s...)
	}
	n := len(out) - 2
	out[0], out[1] = byte(n>>8), byte(n)
	return out
}
