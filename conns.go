package assay

import (
	"crypto/tls"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/bounded"
	"github.com/assaytls/assay/internal/learnt"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// acceptance is why a connection was accepted, and all that is needed to judge it
// again when a revocation was learnt since.
type acceptance struct {
	v     *Verifier
	p     *policy.Policy
	d     dialled // without context and connection
	key   [32]byte
	state tls.ConnectionState // what was judged

	lessons atomic.Uint64 // what was learnt until then is known to change nothing
	refused atomic.Pointer[Error]

	mu      sync.Mutex
	path    learnt.Path
	renewal time.Time // when revocation data should be fetched anew
	until   time.Time // and from when on it is not: nobody knows whether the connection is open
}

// standing returns why the connection is no longer accepted, nil while it is. As
// long as nothing was learnt that costs two loads.
func (a *acceptance) standing() *Error {
	if refused := a.refused.Load(); refused != nil {
		return refused
	}
	lessons := a.v.engine.Lessons()
	if a.lessons.Load() == lessons {
		return nil
	}
	return a.look(lessons, ifLearnt)
}

// look looks among the revocations that were learnt, and judges again when there
// is one against the path, or where how says so: another path may be clean.
func (a *acceptance) look(lessons uint64, how reviewing) *Error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if refused := a.refused.Load(); refused != nil {
		return refused
	}
	if overtaken := !a.v.stands(a.path, a.p, func() {}); overtaken || how == underAnchors || how == anew {
		// Of newer data only a revocation ends what was accepted: an answer that has
		// merely aged since does not.
		if refused := a.judge(); refused != nil && (overtaken || how != anew || refused.Is(finding.CertRevoked)) {
			a.refused.Store(refused)
			a.v.counters.closed.Add(1)
			a.v.conns.ended(a)
			a.v.learnt() // for the application to be told
			return refused
		}
	}
	a.lessons.Store(lessons)
	return nil
}

// judge judges the connection by what is known now. It waits for no download.
func (a *acceptance) judge() (refused *Error) {
	defer func() {
		if x := recover(); x != nil {
			refused = refusal(finding.New(finding.InternalError, "what", a.d.name(&a.state), "detail", fmt.Sprint(x)))
		}
	}()
	v := a.v
	state := v.standing(&a.state)
	if len(state.VerifiedChains) == 0 {
		return &Error{Report: v.refuseWithdrawn(a.d, state, a.p)}
	}
	access := v.accessFor(a.d)
	access.Offline, access.Background = true, v.conf.Network.beside()
	r, ev, _, path := v.engine.Handshake(v.ctx, handshakeEvidence(a.d, state), verifiedChains(state), v.trusted(), *a.p, access, assemble.Full)
	v.hook(v.ctx, ev, r)
	v.observe(v.ctx, r)
	v.counters.judged(r)
	if r.Verdict != report.Accept {
		v.log(v.ctx, a.d.name(&a.state), r)
		return &Error{Report: r}
	}
	a.path = path
	return nil
}

// due reports whether it is time to fetch revocation data anew, which is then so
// again after renewEvery.
func (a *acceptance) due(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Before(a.renewal) || !a.until.IsZero() && now.After(a.until) {
		return false
	}
	a.renewal = now.Add(renewEvery)
	return true
}

// octets is what an acceptance holds that nobody else does, when its connection is
// not known.
func (a *acceptance) octets() int64 {
	n := len(a.state.OCSPResponse) + 1024
	for _, sct := range a.state.SignedCertificateTimestamps {
		n += len(sct)
	}
	for _, c := range a.state.PeerCertificates {
		n += 4 * len(c.Raw) // and what was parsed of it
	}
	for _, chain := range a.state.VerifiedChains {
		n += 64 * len(chain)
	}
	return int64(n)
}

// openConns are the acceptances of connections that are open. The connections are
// held weakly: whoever forgets one leaves nothing behind here. For those that
// others dialled there is nothing to hold, so that their acceptances are bounded
// by count and octets, and what was not used for longest is forgotten.
type openConns struct {
	mu      sync.Mutex
	last    uint64
	open    map[uint64]*openConn
	foreign *bounded.Map[[32]byte, *acceptance]
	refused []*acceptance // of which the application is to be told
	tended  bool          // a timer runs
}

// openConn is an open connection.
type openConn struct {
	*acceptance
	end func() // closes it
}

// The bounds of what is remembered of connections that others dialled.
const (
	maxForeign       = 4096
	maxForeignOctets = 32 << 20
	foreignFor       = 24 * time.Hour // after the last handshake revocation data is fetched for them
)

func newOpenConns() *openConns {
	return &openConns{open: map[uint64]*openConn{}, foreign: bounded.New[[32]byte, *acceptance](maxForeign, maxForeignOctets)}
}

// add remembers a connection until remove.
func (o *openConns) add(c *openConn) (id uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last++
	o.open[o.last] = c
	return o.last
}

func (o *openConns) remove(id uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.open, id)
}

// ended notes that a connection was refused that may be closed before anybody looks.
func (o *openConns) ended(a *acceptance) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused = append(o.refused, a)
}

// takeRefused are the refused ones of which nobody was told.
func (o *openConns) takeRefused() []*acceptance {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.refused
	o.refused = nil
	return all
}

// all are those that are open, and those that others dialled.
func (o *openConns) all() (open map[uint64]*openConn, foreign []*acceptance) {
	o.mu.Lock()
	defer o.mu.Unlock()
	open = make(map[uint64]*openConn, len(o.open))
	for id, c := range o.open {
		open[id] = c
	}
	for _, a := range o.foreign.All() {
		foreign = append(foreign, a)
	}
	return open, foreign
}

// hold remembers an accepted connection for as long as it is open. lessons is what
// had been learnt when its judgement began.
func (v *Verifier) hold(d dialled, cs *tls.ConnectionState, key [32]byte, p *policy.Policy, path learnt.Path, until time.Time, lessons uint64) {
	ours, served := d.conn, d.served
	if ours == nil && served == nil && v.conf.OnRevoked == nil {
		return
	}
	d.ctx, d.conn, d.served, d.judging = nil, nil, nil, nil
	a := &acceptance{v: v, p: p, d: d, key: key, path: path, renewal: until, state: tls.ConnectionState{
		Version: cs.Version, CipherSuite: cs.CipherSuite, CurveID: cs.CurveID, NegotiatedProtocol: cs.NegotiatedProtocol, ServerName: cs.ServerName,
		PeerCertificates: cs.PeerCertificates, VerifiedChains: cs.VerifiedChains, DidResume: cs.DidResume,
		OCSPResponse: cs.OCSPResponse, SignedCertificateTimestamps: cs.SignedCertificateTimestamps}}
	a.lessons.Store(lessons)
	switch {
	case ours != nil:
		ours.judged(v.conns, a)
	case served != nil && watch(v.conns, served, a):
	case v.conf.OnRevoked != nil:
		a.until = time.Now().Add(foreignFor)
		v.conns.mu.Lock()
		v.conns.foreign.Put(key, a, a.octets())
		v.conns.mu.Unlock()
	}
	v.tend()
	if v.engine.Lessons() != lessons { // it was learnt before the connection was known
		v.learnt()
	}
}

// watch remembers a connection that somebody else accepted. It reports false when
// it is of a kind that cannot be held weakly.
func watch(o *openConns, c net.Conn, a *acceptance) bool {
	switch c := c.(type) {
	case *net.TCPConn:
		watchPointer(o, c, (*net.TCPConn).Close, a)
	case *net.UnixConn:
		watchPointer(o, c, (*net.UnixConn).Close, a)
	case interface{ NetConn() net.Conn }: // closing what is below closes what is above
		return watch(o, c.NetConn(), a)
	default:
		return false
	}
	return true
}

func watchPointer[T any](o *openConns, c *T, end func(*T) error, a *acceptance) {
	w := weak.Make(c)
	id := o.add(&openConn{a, func() {
		if c := w.Value(); c != nil {
			end(c)
		}
	}})
	runtime.AddCleanup(c, o.remove, id)
}
