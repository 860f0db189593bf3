package worker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/job"
	"github.com/assaytls/assay/fleet/sink"
	"github.com/assaytls/assay/internal/tlsclient"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// step brings a task to its end, or to the point where it has to wait. It reports
// whether the task is over; if not, somebody will run it again, or it is dropped because the
// worker ends.
func (w *worker) step(ctx context.Context, t *task) (over bool) {
	if t.started.IsZero() {
		t.started = time.Now()
	}
	if !t.prepared {
		if row := w.prepare(ctx, t); row != nil {
			if ctx.Err() != nil {
				return false
			}
			t.held.finish(*row, t.attempts > 0, nil, nil)
			return true
		}
	}
	if t.at.IsZero() {
		t.at = w.pool.polite.reserve(t.places, time.Now())
	}
	if time.Until(t.at) > time.Millisecond {
		w.pool.until(t)
		return false
	}
	if !t.entered {
		t.entered = true // leave may bring it back before enter returns
		if !w.pool.polite.enter(t) {
			return false
		}
	}
	row, r, ev := w.probe(ctx, t)
	t.entered = false
	if next := w.pool.polite.leave(t); next != nil {
		w.pool.again(next)
	}
	if ctx.Err() != nil {
		return false // what was cut short is no result
	}
	t.attempts++
	if transient(ev) && t.attempts < w.o.Limits.Attempts {
		w.retry(t)
		return false
	}
	w.fill(row, t, r, ev)
	kept := w.evidence(ctx, row, ev)
	t.held.finish(*row, t.attempts > 1, w.certificates(r, ev), kept)
	return true
}

// evidence is what is kept of what a row was judged by, if anything is to be. Its large
// bodies go by themselves, once.
func (w *worker) evidence(ctx context.Context, row *sink.Row, ev *evidence.Evidence) []sink.Evidence {
	if ev == nil || w.o.KeepEvidence == nil || !w.o.KeepEvidence(row.Verdict) {
		return nil
	}
	row.Evidence = sink.EvidenceDropped
	e, bodies, err := sink.TakeBodies(row.Position, ev)
	if err != nil {
		return nil
	}
	for _, body := range bodies {
		sum := report.Hash(sha256.Sum256(body))
		if w.sent.has(sum) {
			continue
		}
		if err := w.j.PutBody(ctx, hex.EncodeToString(sum[:]), body); err != nil {
			return nil
		}
		w.sent.add(sum)
	}
	row.Evidence = sink.EvidenceKept
	return []sink.Evidence{e}
}

// retry has a target probed again later: at its other addresses first, and where the
// DNS did not answer, wherever it says then.
func (w *worker) retry(t *task) {
	if len(t.addrs) > 1 {
		t.addrs = append(t.addrs[1:], t.addrs[0])
	}
	t.prepared = len(t.addrs) > 0
	if t.prepared {
		t.places = places(t.addrs[0], t.target.Host)
	}
	t.at = w.pool.polite.reserve(t.places, time.Now().Add(w.o.Limits.RetryAfter))
	if t.attempts == 1 {
		t.held.probed()
	}
	w.pool.until(t)
}

// prepare finds out where the target is. The row is that of a target that is not to
// be probed.
func (w *worker) prepare(ctx context.Context, t *task) *sink.Row {
	skip := func(why sink.Skip, err error) *sink.Row {
		row := w.skipped(t.index, &t.held.b, &t.target, why, err)
		return &row
	}
	var err error
	if t.target, err = job.ParseTarget(t.held.b.Lines[t.index]); err == nil {
		t.config, err = w.o.Config(t.target.Target)
	}
	if err != nil {
		row := w.skipped(t.index, &t.held.b, nil, sink.SkipBroken, err)
		return &row
	}
	t.target.Port, t.config.DNS = t.config.Port, w.o.DNS
	t.config.Failure = nil
	literal := t.target.Literal()
	if w.o.Reverse && literal.IsValid() && t.target.Host == literal.String() {
		if name := w.reverse(ctx, literal); name != "" {
			t.target.Addr, t.target.Host, t.config.Host = literal, name, name
		}
	}
	if w.o.Exclude.Target(&t.target) {
		return skip(sink.SkipExcluded, nil)
	}
	if t.config.Proxy != "" && !literal.IsValid() {
		t.places, t.prepared = places(netip.Addr{}, t.target.Host), true
		return nil // only the proxy may know where it is
	}
	if literal.IsValid() {
		t.addrs = []netip.Addr{literal}
	} else {
		began := time.Now()
		addrs, failure := tlsclient.Lookup(ctx, t.config)
		t.elapsed += time.Since(began)
		if t.addrs, t.config.Failure = addrs, failure; failure != nil {
			t.prepared, t.places = true, nil // the probe makes the row of it
			return nil
		}
	}
	if t.addrs = slices.DeleteFunc(t.addrs, w.o.Exclude.Addr); len(t.addrs) == 0 {
		return skip(sink.SkipExcluded, nil)
	}
	t.addrs = slices.DeleteFunc(t.addrs, func(a netip.Addr) bool {
		refused := job.Reachable(a, w.o.Private)
		if refused != nil {
			err = refused
		}
		return refused != nil
	})
	if len(t.addrs) == 0 {
		return skip(sink.SkipSpecial, err)
	}
	t.places, t.prepared = places(t.addrs[0], t.target.Host), true
	return nil
}

// reverseTimeout bounds the question for an address's name.
const reverseTimeout = 5 * time.Second

// reverse is the first name that the DNS has for an address, "" when there is none.
func (w *worker) reverse(ctx context.Context, a netip.Addr) string {
	ctx, cancel := context.WithTimeout(ctx, reverseTimeout)
	defer cancel()
	dns := w.o.DNS
	if dns == nil {
		dns = net.DefaultResolver
	}
	names, err := dns.LookupAddr(ctx, a.String())
	if err != nil || len(names) == 0 {
		return ""
	}
	name := strings.TrimSuffix(names[0], ".")
	if _, err := netip.ParseAddr(name); err == nil || policy.CheckHost(name) != nil {
		return ""
	}
	return name
}

// probe dials and judges. A panic becomes a row. What it has while it waits for the
// server stands on the heap, where it takes no more than its size.
func (w *worker) probe(ctx context.Context, t *task) (row *sink.Row, r *report.Report, ev *evidence.Evidence) {
	row, c := new(sink.Row), new(tlsclient.Config)
	*c = t.config
	if len(t.addrs) > 0 {
		c.Resolve = map[string][]netip.Addr{"*:" + c.Port: t.addrs[:1]}
	}
	ctx, cancel := context.WithTimeout(ctx, w.o.Limits.Target)
	defer cancel()
	began := time.Now()
	defer func() {
		t.elapsed += time.Since(began)
		if v := recover(); v != nil {
			r, ev = w.broken(t, v), nil
			row.Row = r.Row()
		}
	}()
	r, ev = w.o.Probe(ctx, c, &row.Row)
	return row, r, ev
}

// broken is the report of a target at which assay itself failed.
func (w *worker) broken(t *task, v any) *report.Report {
	r := &report.Report{Target: report.Target{Host: t.config.Host, Port: t.config.Port}, Time: time.Now().UTC(), Chosen: -1,
		PolicyHash: hex.EncodeToString(w.o.Policy[:]),
		Findings:   []finding.Finding{finding.New(finding.InternalError, "what", t.config.Host, "detail", fmt.Sprint(v))}}
	report.Decide(r)
	return r
}

// transient reports whether a probe failed for a reason that may pass: no answer in
// time, a reset, a resolver that did not know.
func transient(ev *evidence.Evidence) bool {
	if ev == nil || ev.Failure == nil {
		return false
	}
	switch ev.Failure.ID {
	case finding.DNSTimeout, finding.DNSFailure, finding.ConnectionTimeout, finding.ConnectionReset, finding.HandshakeTimeout:
		return true
	}
	return false
}

// fill puts into the row of a target that was probed what the scan knows of it.
func (w *worker) fill(row *sink.Row, t *task, r *report.Report, ev *evidence.Evidence) {
	row.Position, row.Attempts = t.held.b.Positions[t.index], t.attempts
	row.Started, row.Elapsed = t.started.UTC().Truncate(time.Millisecond), t.elapsed.Truncate(time.Millisecond)
	if row.Policy == (report.Hash{}) {
		row.Policy = w.o.Policy
	}
	if input := finding.Quote(t.held.b.Lines[t.index]); input != row.Target {
		row.Input = input
	}
	switch {
	case ev == nil:
	case ev.Connection.Addr != "":
		row.Address = ev.Connection.Addr
	case len(ev.Attempts) > 0:
		row.Address = ev.Attempts[len(ev.Attempts)-1].Addr
	}
	if ev != nil && ev.Failure != nil && ev.Failure.Detail != "" {
		row.Failure = finding.Quote(ev.Failure.Detail)
	}
	row.Sources = sources(r, len(row.Revocation))
}

// sources are the schemes by which the statuses on the chosen path are known.
func sources(r *report.Report, n int) []string {
	if n == 0 || r.Chosen < 0 || r.Chosen >= len(r.Paths) {
		return nil
	}
	var all []string
	for _, c := range r.Paths[r.Chosen].Certs {
		if c.Role == report.Anchor || len(all) == n {
			continue
		}
		from := ""
		if c.Revocation != nil && c.Revocation.Scheme != (policy.Scheme)(0) {
			from = c.Revocation.Scheme.String()
		}
		all = append(all, from)
	}
	return all
}

// certificates are those that a row refers to: the leaf, and the issuers on the path
// as far as the server sent them.
func (w *worker) certificates(r *report.Report, ev *evidence.Evidence) (all []sink.Certificate) {
	if ev == nil || len(ev.Chain) == 0 {
		return nil
	}
	wanted := map[string]bool{}
	if r.Chosen >= 0 && r.Chosen < len(r.Paths) {
		for _, c := range r.Paths[r.Chosen].Certs {
			if c.Role != report.Anchor && c.Cert >= 0 && c.Cert < len(r.Certs) {
				wanted[r.Certs[c.Cert].SHA256] = true
			}
		}
	}
	for i, e := range ev.Chain {
		c := w.facts.of(e.Cert, i > 0, w.o.KeepCertificates)
		if i == 0 || wanted[hex.EncodeToString(c.SHA256[:])] {
			all = append(all, c)
		}
	}
	return all
}
