package assay

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/report"
)

// ClientConfig returns a copy of base (nil means an empty one) whose
// handshakes pass only when the standard library and assay both accept the
// server. A VerifyConnection callback in base is called first. It is an error
// when base turns verification off, or brings roots although Config does.
//
// VerifyConnection has no context: judging is bounded by FetchBudget and by
// Close. [Verifier.DialContext] and [Verifier.Transport] use the dial's
// context too.
func (v *Verifier) ClientConfig(base *tls.Config) (*tls.Config, error) {
	return v.clientConfig(dialled{}, base)
}

// dialled is what is known of a connection besides its tls.ConnectionState,
// which has neither context nor address.
type dialled struct {
	ctx  context.Context // nil when there is none
	peer net.Addr        // nil when not known
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
	if v.conf.rootPool != nil {
		if c.RootCAs != nil {
			return nil, errors.New("assay: there are roots in both Config and the base tls.Config")
		}
		c.RootCAs = v.conf.rootPool
	}
	var sessions *sessionCache
	if c.ClientSessionCache != nil {
		sessions = newSessionCache(c.ClientSessionCache, v.policyHash())
		c.ClientSessionCache = sessions
	}
	inner := c.VerifyConnection
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		if inner != nil {
			if err := inner(cs); err != nil {
				return err
			}
		}
		until, err := v.handshake(d, cs, v.policy)
		if sessions != nil {
			sessions.judged(cs.ServerName, until)
		}
		return err
	}
	return c, nil
}

// adopt copies base after refusing what would undo the verification.
func (v *Verifier) adopt(base *tls.Config) (*tls.Config, error) {
	if base == nil {
		return &tls.Config{MinVersion: tls.VersionTLS12}, nil
	}
	if tlsclient.SkipsVerification(base) {
		return nil, errors.New("assay: the base tls.Config turns verification off; assay only tightens it")
	}
	return base.Clone(), nil
}

// ServerConfig returns a copy of base that checks client certificates with
// revocation. base.ClientAuth must be VerifyClientCertIfGiven or
// RequireAndVerifyClientCert. Configs that base.GetConfigForClient returns are
// wrapped too, since they replace the outer one's callbacks, and must follow
// the same rule. The handshake's context bounds the judgement.
func (v *Verifier) ServerConfig(base *tls.Config) (*tls.Config, error) {
	if base == nil {
		return nil, errors.New("assay: a server needs a tls.Config with a certificate")
	}
	c, err := v.serverConfig(dialled{}, base)
	if err != nil {
		return nil, err
	}
	inner := base.GetConfigForClient
	c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		chosen := base
		if inner != nil {
			got, err := inner(hello)
			if err != nil {
				return nil, err
			}
			if got != nil {
				chosen = got
			}
		}
		return v.serverConfig(dialled{hello.Context(), hello.Conn.RemoteAddr()}, chosen)
	}
	return c, nil
}

func (v *Verifier) serverConfig(d dialled, base *tls.Config) (*tls.Config, error) {
	if base.ClientAuth != tls.VerifyClientCertIfGiven && base.ClientAuth != tls.RequireAndVerifyClientCert {
		return nil, errors.New("assay: ClientAuth must be VerifyClientCertIfGiven or RequireAndVerifyClientCert, else client certificates are not verified")
	}
	c := base.Clone()
	if v.conf.rootPool != nil {
		if c.ClientCAs != nil {
			return nil, errors.New("assay: there are roots in both Config and the base tls.Config's ClientCAs")
		}
		c.ClientCAs = v.conf.rootPool
	}
	inner := c.VerifyConnection
	policy := v.policy
	policy.Purpose = "client"
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		if inner != nil {
			if err := inner(cs); err != nil {
				return err
			}
		}
		if len(cs.PeerCertificates) == 0 {
			return nil // VerifyClientCertIfGiven, and none was
		}
		_, err := v.handshake(d, cs, policy)
		return err
	}
	return c, nil
}

// handshake judges one connection and returns until when the judgement holds.
// The error is nil or an *Error.
func (v *Verifier) handshake(d dialled, cs tls.ConnectionState, p engine.Policy) (until time.Time, err error) {
	if !v.begin() {
		return time.Time{}, ErrClosed
	}
	defer v.running.Done()
	ctx := d.ctx
	if ctx == nil {
		ctx = v.ctx
	}
	if len(cs.VerifiedChains) == 0 {
		return time.Time{}, refusal(finding.New(finding.InternalError, "what", cs.ServerName, "detail", "crypto/tls verified no chain"))
	}
	ev, chains := handshakeEvidence(cs)
	ev.Connection.Addr = d.addr()
	key := memoKey(ev, chains, p.Purpose)
	r, until := v.memo.get(key, time.Now())
	if r == nil {
		r = v.judgeHandshake(ctx, ev, chains, p)
		until = holds(r, time.Now())
		switch {
		case r.Verdict == report.Accept && !engine.Unavailable(r):
			v.memo.put(key, r, until)
		case hasRevoked(r):
			v.memo.drop()
		}
	}
	if v.conf.Verify != nil {
		r = copyReport(r)
		v.hook(ctx, ev, r)
	}
	v.log(cs.ServerName, r)
	if r.Verdict != report.Accept {
		return time.Time{}, &Error{Report: r}
	}
	return until, nil
}

// judgeHandshake judges within the fetch budget; in Background mode what could
// not be had is fetched beside the handshake.
func (v *Verifier) judgeHandshake(ctx context.Context, ev *evidence.Evidence, chains [][][]byte, p engine.Policy) *report.Report {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.FetchBudget = v.fetchBudget()
	stop := context.AfterFunc(v.ctx, cancel)
	defer stop()
	r := v.engine.Handshake(ctx, ev, chains, p, v.conf.Network == Inline)
	if v.conf.Network == Background && engine.Unavailable(r) {
		v.refreshBeside(ev, chains, p)
	}
	return r
}

// maxBeside bounds the background refreshes under way: in TLS 1.3 the peer has
// not proved its key yet, so its pointers are worth little.
const maxBeside = 64

// refreshBeside fetches what a handshake lacked, once at a time for each leaf.
func (v *Verifier) refreshBeside(ev *evidence.Evidence, chains [][][]byte, p engine.Policy) {
	leaf := sha256.Sum256(chains[0][0])
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed || v.beside[leaf] || len(v.beside) >= maxBeside {
		return
	}
	v.beside[leaf] = true
	v.running.Add(1)
	again := &evidence.Evidence{Version: ev.Version, Target: ev.Target, Time: ev.Time, Connection: ev.Connection, Chain: ev.Chain, TLSSCTs: ev.TLSSCTs}
	go func() {
		defer v.running.Done()
		defer func() {
			v.mu.Lock()
			delete(v.beside, leaf)
			v.mu.Unlock()
		}()
		ctx, cancel := context.WithTimeout(v.ctx, backgroundBudget)
		defer cancel()
		if r := v.engine.Handshake(ctx, again, chains, p, true); hasRevoked(r) {
			v.memo.drop()
		}
	}()
}

// backgroundBudget bounds one background refresh.
const backgroundBudget = 30 * time.Second

func (v *Verifier) fetchBudget() time.Duration {
	if v.conf.FetchBudget > 0 {
		return v.conf.FetchBudget
	}
	return 3 * time.Second
}

// handshakeEvidence turns a connection state into evidence. Certificates are
// shared between connections: only their bytes are used.
func handshakeEvidence(cs tls.ConnectionState) (*evidence.Evidence, [][][]byte) {
	ev := &evidence.Evidence{Version: evidence.Version, Time: time.Now().UTC(),
		Target:     evidence.Target{Host: cs.ServerName, SNI: cs.ServerName},
		Connection: evidence.Connection{Version: cs.Version, Suite: cs.CipherSuite, Group: uint16(cs.CurveID), ALPN: cs.NegotiatedProtocol, Resumed: cs.DidResume}}
	for i, c := range cs.PeerCertificates {
		e := evidence.Entry{Cert: c.Raw}
		if i == 0 {
			e.Staple = cs.OCSPResponse
		}
		ev.Chain = append(ev.Chain, e)
	}
	ev.TLSSCTs = sctList(cs.SignedCertificateTimestamps)
	var chains [][][]byte
	for _, chain := range cs.VerifiedChains {
		var ders [][]byte
		for _, c := range chain {
			ders = append(ders, c.Raw)
		}
		chains = append(chains, ders)
	}
	return ev, chains
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
