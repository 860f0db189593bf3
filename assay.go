// Package assay tightens crypto/tls: on top of the standard library's own
// verification it checks revocation by stapling, OCSP and CRL for every
// certificate of the chain, Certificate Transparency, and strict rules, and
// explains every problem it finds.
//
//	v, err := assay.New(assay.Config{})
//	if err != nil {
//		return err
//	}
//	defer v.Close()
//	client := &http.Client{Transport: v.Transport()}
//
// The standard library's verification stays on: assay never accepts what
// crypto/x509 rejects. A handshake passes exactly when assay's verdict is
// accept too.
//
// # What a zero Config does, and why
//
//	Roots           the system's: whom the machine trusts already
//	Revocation      staple, CRL and OCSP, every certificate but the anchor: a
//	                stolen CA key is at least as dangerous as a server's; revoked by
//	                any of them refuses
//	Unknown         UnknownWarn: a status that cannot be had is a warning, since
//	                a responder's outage should not be yours. Revoked, malformed,
//	                badly signed or wrongly scoped data and exhausted budgets
//	                refuse whatever Unknown says: they are no outage
//	Stale           refused: an attacker may replay old data and block
//	                newer data. Where downloads run beside the handshake
//	                a copy at hand that has ended refuses when it lists the
//	                certificate; else it counts as not had yet, which Unknown
//	                decides
//	MaxAge          as long as the data says itself; 10 days where it does not
//	Skew            5 min around thisUpdate and nextUpdate, none for certificates:
//	                who makes lists and answers has a clock of its own
//	Network         FirstContact: the first handshake with a server waits for
//	                what it takes to judge it, so that no secret goes to one that
//	                is revoked; later ones wait for nobody, and what is old is
//	                fetched beside them, by 64 refreshes at once, 16 of them from one
//	                host, each within 30 s
//	FetchBudget     3 s for all downloads of one handshake: people wait that
//	                long. One download: 10 s, 64 MiB, 5 redirects. One
//	                judgement: 64 downloads
//	PrivateFetch    off: certificates may not send you to your own network,
//	                unless the peer was dialled there
//	Failures        of downloads are remembered for 1 min, then twice as long,
//	                10 min at most: a dead responder costs its time once. Those of
//	                other processes that share CacheDir spare no first contact
//	Memory          a judgement holds for 1 h at most, 4096 are remembered in
//	                64 MiB, and none survives a revocation that is learnt of a
//	                certificate that it rests on, nor does a connection that is
//	                open (Config.OnRevoked); TLS sessions are resumed as long as
//	                their judgement holds, without early data. A revocation is remembered until the
//	                certificate ends, 100,000 of them; Forget lifts one
//	Handshake       10 s for the peer's part, 30 s to connect, in Dial and Transport
//	CloseGrace      2 s that Close waits for running downloads and dials
//	Keys            RSA from 2048 bits, no MD5, no SHA-1: no public CA uses them
//	CT              "report": shown, not enforced; there is no default log list,
//	                because an old one would refuse good servers
//	Strict          off: good servers break rules that harm nobody
//	Filters         none: CRLite is asked where a directory is named, and nobody
//	                is asked for filters until a source is
//	CacheDir        none: downloads are kept in memory, no file is written
//
// # First and later connections
//
// Config.Network says what a handshake waits for. Whatever is known to be revoked
// refuses in every mode, at first and later.
//
//	FirstContact  first: waits for what is missing, 3 s at most (FetchBudget);
//	              what cannot be had is a warning
//	              later: waits for nobody: uses what it had and has it confirmed
//	              beside; waits again after a day without a connection, or when a
//	              list or answer has ended
//	              costs: one wait for each list or responder
//	Background    first: waits for nobody: knows the staple and the cache, and
//	              fetches the rest beside
//	              later: waits for nobody
//	              costs: no wait; a server that only a list or responder knows to
//	              be revoked passes at first
//	Inline        first: waits for what is missing, 3 s at most (FetchBudget)
//	              later: waits for what is missing or older than an hour
//	              costs: one wait an hour for each list or responder
//	Offline       first: waits for nobody: knows the staple and the cache
//	              later: waits for nobody
//	              costs: no wait and no download; without a staple or a filled
//	              cache nothing is known
//
// A first contact that obtained nothing is none: the next handshake asks again and
// waits again, unless the failure is less than a minute old (ten, when it goes on).
// Whoever stalls the plain-HTTP path so makes a soft failure; Unknown: UnknownDeny
// refuses then. [Verifier.Preload] makes the first contact before the first handshake.
//
// Profiles are functions that return a Config: [Web] for programs that run long,
// [OneShot] for those that make a few connections and end, [Internal] for one's own
// PKI, [HardFail] if you prefer an outage to an unchecked connection.
package assay

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Verifier judges TLS peers. It is immutable, safe for concurrent use, and
// owns its caches; use one for the whole program and Close it at the end. The
// zero Verifier is like one that was closed: it accepts nothing.
type Verifier struct {
	*core
	conf    Config
	policy  policy.Policy
	clients policy.Policy // policy, for client certificates
	hash    [32]byte      // of policy, anchors and log list
	trust   *engine.Trust
	under   [32]byte // the hash of what is trusted
	// reloaded is what is trusted now, when Anchors.Watch is set; else nil.
	reloaded *reloadedAnchors
}

// core is what Verifiers of one New and its With share; nil in the zero Verifier.
type core struct {
	engine *engine.Engine
	access download.Access // what every judgement may download; the rest is the connection's
	memo   *verdictMemo
	began  time.Time // contacts before that are not this Verifier's

	counters counters

	ctx       context.Context // ends when Close gives up waiting
	cancel    context.CancelFunc
	mu        sync.Mutex
	closed    bool
	running   sync.WaitGroup
	refreshes refreshes

	filters   filterSet
	crlFiles  crlFiles
	closing   chan struct{} // closed when Close is called
	conns     *openConns
	shaking   handshaking
	shared    bool        // other processes learn too
	reviewDue atomic.Bool // a review of the open connections is to begin
	oneReview sync.Mutex
	tendedAt  time.Time // when they were looked at, whatever was learnt
}

// ErrClosed is returned by a Verifier that has been closed.
var ErrClosed = errors.New("assay: the Verifier is closed")

// New returns a Verifier for c. The error says which field of c is wrong.
func New(c Config) (*Verifier, error) {
	v := &Verifier{core: &core{memo: newVerdictMemo(), conns: newOpenConns(), closing: make(chan struct{})}, conf: c.clone()}
	v.began = time.Now()
	v.ctx, v.cancel = context.WithCancel(context.Background())
	if err := v.configure(); err != nil {
		v.cancel()
		return nil, fmt.Errorf("assay: %w", err)
	}
	return v, nil
}

// Policy returns the rules that v judges by: a copy, to be changed for [Verifier.With].
func (v *Verifier) Policy() policy.Policy { return *deepCopy(&v.policy) }

// With returns a Verifier that judges by other rules and shares all else with
// v: trust, access, hooks, caches, and what is remembered and learnt, each
// judgement under the rules that it was made by. Closing one closes both.
//
// Of p's names only RequireDNS, RequireIP and RequireEmail may be set: they are
// asked for beside the name that crypto/tls or [Target] compares. p.Time must be
// zero: connections are judged for now; p.RequireNonce false: handshakes share OCSP
// responses.
func (v *Verifier) With(p policy.Policy) (*Verifier, error) {
	if v.core == nil {
		return nil, ErrClosed
	}
	w := &Verifier{core: v.core, conf: v.conf, trust: v.trust, under: v.under, reloaded: v.reloaded}
	if err := w.judgeBy(*deepCopy(&p)); err != nil {
		return nil, fmt.Errorf("assay: %w", err)
	}
	return w, nil
}

// Close waits up to CloseGrace for running downloads and checks, then cancels them.
// If a Config.Verify ignores its context, Close waits for CloseGrace (at least 1 s)
// once more. Handshakes after Close are refused with
// ErrClosed. It may be called more than once; the error is always nil.
func (v *Verifier) Close() error {
	if v.core == nil {
		return nil
	}
	v.mu.Lock()
	if v.closed {
		v.mu.Unlock()
		return nil
	}
	v.closed = true
	close(v.closing)
	v.mu.Unlock()
	done := make(chan struct{})
	go func() { v.running.Wait(); v.engine.Wait(); close(done) }()
	grace := v.conf.CloseGrace
	if grace == 0 {
		grace = 2 * time.Second
	}
	select {
	case <-done:
	case <-time.After(grace):
	}
	v.cancel()
	select {
	case <-done:
	case <-time.After(max(grace, time.Second)): // only the application's own code can take so long
	}
	return nil
}

// begin notes that work starts; false after Close. The caller must call
// running.Done when it ends.
func (c *core) begin() bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.running.Add(1)
	return true
}

// Target is a server to check.
type Target struct {
	Host string // DNS name or IP address
	Port string // "" means 443
	// Name is the reference identifier; "" means Host.
	Name string
	// ServerName is the SNI to send; "" means Host when it is a DNS name.
	ServerName string
	// Addrs are connected to instead of asking the DNS for Host.
	Addrs []netip.Addr
	// StartTLS is the protocol in which TLS is asked for: "smtp", "lmtp", "imap",
	// "pop3", "sieve", "ftp", "nntp", "irc", "xmpp", "xmpp-server", "ldap", "rdp",
	// "postgres", "mysql" or "mssql"; "" means TLS from the start.
	StartTLS string
	ALPN     []string      // nil means h2 and http/1.1
	Timeout  time.Duration // of the whole check; 0 means 30 s
}

// Check is the diagnostic dial: it connects, judges with everything fetched
// that is needed, closes, and returns the report; never a connection. Unlike a
// handshake it judges chains that crypto/x509 would not even parse, fetches
// missing intermediates, and waits for downloads whatever Config.Network says
// (but Offline is kept). Config.Unknown holds as everywhere. A non-nil error
// means that the check could not be run. Problems of the target are findings in
// the report.
func (v *Verifier) Check(ctx context.Context, t Target) (*report.Report, error) {
	if t.Host == "" {
		return nil, errors.New("assay: Target.Host is empty")
	}
	for _, name := range t.ALPN {
		if name == "" || len(name) > 255 {
			return nil, errors.New("assay: a name in Target.ALPN is empty or longer than 255 bytes")
		}
	}
	if !v.begin() {
		return nil, ErrClosed
	}
	defer v.running.Done()
	timeout := t.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	stop := context.AfterFunc(v.ctx, cancel)
	defer stop()
	p, access := v.policy, v.access
	access.Offline = v.conf.Network == Offline // no budget of its own: the whole check has a timeout
	if t.Name != "" {
		p.Names = []string{t.Name}
	}
	if err := engine.Validate(p); err != nil {
		return nil, fmt.Errorf("assay: %w", err)
	}
	port := t.Port
	if port == "" && t.StartTLS == "" {
		port = "443" // with StartTLS the protocol's own
	}
	c := tlsclient.Config{Host: t.Host, Port: port, SNI: t.ServerName, ALPN: t.ALPN, StartTLS: t.StartTLS, KeyTypes: tlsclient.KeysAll}
	if len(t.Addrs) > 0 {
		if port == "" {
			port = tlsclient.StartTLSPort(t.StartTLS)
		}
		c.Resolve = map[string][]netip.Addr{"*:" + port: t.Addrs}
	}
	r, ev := v.engine.Check(ctx, c, v.trusted(), p, access, assemble.Full)
	v.hook(ctx, ev, r)
	v.observe(ctx, r)
	v.counters.judged(r)
	return r, nil
}

// Judge judges evidence as it stands and opens no socket: what is missing is a
// finding. The same evidence under the same Config gives the same report. A
// handshake's evidence has no name of its own when the target was an address.
// ev is not changed. It may be used after Close.
func (v *Verifier) Judge(ctx context.Context, ev *evidence.Evidence) *report.Report {
	if ev == nil {
		ev = &evidence.Evidence{Version: evidence.Version}
	}
	if v.core == nil {
		return refusal(finding.New(finding.InternalError, "what", ev.Target.Host, "detail", ErrClosed.Error())).Report
	}
	r := v.engine.Judge(ctx, ev, v.trusted(), v.policy, download.Access{Background: v.conf.Network.beside()}, assemble.Full)
	v.hook(ctx, ev, r)
	v.observe(ctx, r)
	v.counters.judged(r)
	return r
}

// Learnt returns the revocations that v remembers, the latest first: those that
// its judgements saw proved, and with CacheDir those of other processes too. A
// certificate stays revoked until it ends, whoever no longer says so, and one on
// hold as long as the statement lived.
func (v *Verifier) Learnt() []evidence.Learnt {
	if v.core == nil {
		return nil
	}
	return v.engine.Learnt()
}

// Forget lifts what v remembers about the certificates with a serial number, or
// with a SHA-256 of their DER, in hex, with or without colons. It returns how many
// entries that were. With CacheDir other processes forget it too, and what they
// have in memory does not bring it back. A source that says revoked, still or
// again, is believed as before. The error says that the argument is none, or that
// CacheDir cannot be written, so that other processes remember.
func (v *Verifier) Forget(what string) (int, error) {
	if v.core == nil {
		return 0, ErrClosed
	}
	n, err := v.engine.Forget(what)
	if err != nil {
		err = fmt.Errorf("assay: %w", err)
	}
	return n, err
}

// hook runs Config.Verify on copies and decides anew with what it adds.
func (v *Verifier) hook(ctx context.Context, ev *evidence.Evidence, r *report.Report) {
	if v.conf.Verify == nil {
		return
	}
	added, err := v.callHook(ctx, ev, r)
	if err != nil {
		added = append(added, finding.Finding{ID: "x-verify-error", Severity: finding.Error,
			Params: []finding.Param{{Name: "title", Value: "the application refused: " + err.Error()}}})
	}
	r.Findings = append(r.Findings, added...)
	report.Decide(r)
}

func (v *Verifier) callHook(ctx context.Context, ev *evidence.Evidence, r *report.Report) (added []finding.Finding, err error) {
	defer func() {
		if p := recover(); p != nil {
			added, err = nil, fmt.Errorf("Config.Verify panicked: %v", p)
		}
	}()
	added, err = v.conf.Verify(ctx, copyEvidence(ev), deepCopy(r))
	added = slices.Clone(added) // it may hand out the same ones each time
	for i, f := range added {
		if len(f.ID) < 3 || f.ID[:2] != "x-" {
			added[i] = finding.Finding{ID: "x-verify-error", Severity: finding.Error,
				Params: []finding.Param{{Name: "title", Value: "Config.Verify returned a finding whose ID does not begin with x-: " + string(f.ID)}}}
		}
	}
	return added, err
}
