package tlsclient

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
)

// stagger is the delay between two connection attempts (RFC 8305, 5).
const stagger = 250 * time.Millisecond

// tried is the outcome of one attempt.
type tried struct {
	index int // in race.attempts
	conn  net.Conn
	err   error
	took  time.Duration
}

// race connects to one of a host's addresses by RFC 8305: a new attempt every
// 250 ms or as soon as one fails, families interleaved, the first connection
// wins.
type race struct {
	port     uint16
	begin    time.Time
	queue    []netip.Addr // not tried yet
	attempts []evidence.Attempt
	running  int
	results  chan tried
	dialer   net.Dialer
}

// guarded returns a dialer that asks Allow about the address that a connection
// really leads to, which is the kernel's last word.
func (c *Config) guarded(d net.Dialer) net.Dialer {
	if allow := c.Allow; allow != nil && c.Proxy == "" {
		d.Control = func(_, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			return allow(ap.Addr())
		}
	}
	return d
}

// connect resolves host and connects to it. It returns a connection or a
// failure, and fills in ev's attempts and the times of DNS and connect.
func (c *Config) connect(ctx context.Context, host, port string, ev *evidence.Evidence) (net.Conn, *evidence.Failure) {
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, &evidence.Failure{ID: finding.ConnectionFailed, Stage: "connect", Detail: err.Error(),
			Params: map[string]string{"host": host, "port": port, "detail": "not a port number"}}
	}
	if only, ok := c.single(host, port); ok && c.Lean {
		return c.direct(ctx, host, port, netip.AddrPortFrom(only, uint16(p)), ev)
	}
	r := &race{port: uint16(p), begin: time.Now(), results: make(chan tried), dialer: c.guarded(net.Dialer{})}
	answers := c.lookup(ctx, host, port)
	errs, answers := r.firstAddresses(ctx, answers)
	ev.Connection.DNS = time.Since(r.begin)
	if len(r.queue) == 0 {
		if ctx.Err() != nil {
			return nil, cancelled(ctx, "dns")
		}
		return nil, dnsFailure(c, host, errs, ev.Connection.DNS)
	}

	start := time.Now()
	limit, cancel := context.WithTimeout(ctx, c.ConnectTimeout)
	defer cancel()
	conn := r.run(limit, answers)
	ev.Connection.Connect = time.Since(start)
	ev.Attempts = r.attempts
	if conn == nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, cancelled(ctx, "connect")
		}
		return nil, connectFailure(host, port, waited(c.ConnectTimeout, ev.Connection.Connect), r.attempts)
	}
	return conn, nil
}

// firstAddresses waits until there is something to connect to: one family's
// addresses, and the other's if they come within the resolution delay. It
// returns the errors and the channel of answers still to come, nil if none.
func (r *race) firstAddresses(ctx context.Context, answers <-chan answer) (errs []error, rest <-chan answer) {
	var delay <-chan time.Time
	for {
		select {
		case a, open := <-answers:
			if !open {
				return errs, nil
			}
			r.add(a.addrs)
			if a.err != nil {
				errs = append(errs, a.err)
			}
			if len(r.queue) > 0 && delay == nil {
				delay = time.After(resolutionDelay)
			}
		case <-delay:
			return errs, answers
		case <-ctx.Done():
			return append(errs, ctx.Err()), nil
		}
	}
}

// add appends addresses that are new, IPv6 first, families interleaved.
func (r *race) add(addrs []netip.Addr) {
	for _, a := range addrs {
		if len(r.queue)+len(r.attempts) >= maxAddresses || slices.Contains(r.queue, a) {
			continue
		}
		r.queue = append(r.queue, a)
	}
	if len(r.queue) > 0 {
		slices.SortStableFunc(r.queue, func(a, b netip.Addr) int { return b.BitLen() - a.BitLen() })
		r.queue = interleave(r.queue)
	}
}

// run tries addresses until one connects, none is left, or ctx ends. No
// attempt runs on when it returns.
func (r *race) run(ctx context.Context, answers <-chan answer) net.Conn {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		var due <-chan time.Time
		if len(r.queue) > 0 {
			due = next.C
		} else if r.running == 0 && answers == nil {
			return nil
		}
		select {
		case <-due:
			r.try(ctx, r.queue[0])
			r.queue = r.queue[1:]
			next.Reset(stagger)
		case t := <-r.results:
			r.note(t)
			if t.conn != nil {
				cancel()
				r.drain("lost-race")
				return t.conn
			}
			next.Reset(0) // RFC 8305, 5: a failure starts the next at once
		case a, open := <-answers:
			if !open {
				answers = nil
				continue
			}
			r.add(a.addrs)
		case <-ctx.Done():
			r.drain("timeout")
			return nil
		}
	}
}

func (r *race) try(ctx context.Context, addr netip.Addr) {
	to := netip.AddrPortFrom(addr, r.port).String()
	index := len(r.attempts)
	r.attempts = append(r.attempts, evidence.Attempt{Addr: to, Outcome: "timeout", Start: time.Since(r.begin)})
	r.running++
	go func() {
		start := time.Now()
		conn, err := r.dialer.DialContext(ctx, "tcp", to)
		r.results <- tried{index, conn, err, time.Since(start)}
	}()
}

func (r *race) note(t tried) {
	r.running--
	a := &r.attempts[t.index]
	a.Duration = t.took
	a.Outcome = outcome(t.err)
	if t.err != nil {
		a.Detail = plainError(t.err)
	}
}

// drain waits for the attempts that were called off and records what became
// of them, and of those that were never begun.
func (r *race) drain(why string) {
	for r.running > 0 {
		t := <-r.results
		if t.conn != nil {
			t.conn.Close()
			t.err = nil
		}
		calledOff := t.err == nil || errors.Is(t.err, context.Canceled) || isTimeout(t.err)
		r.note(t)
		if calledOff {
			r.attempts[t.index].Outcome, r.attempts[t.index].Detail = why, ""
		}
	}
	for _, a := range r.queue {
		r.attempts = append(r.attempts, evidence.Attempt{Addr: netip.AddrPortFrom(a, r.port).String(), Outcome: "not-tried", Start: time.Since(r.begin)})
	}
	r.queue = nil
}

// outcome names the result of a connect.
func outcome(err error) string {
	switch {
	case err == nil:
		return "connected"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET):
		return "reset"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL),
		errors.Is(err, syscall.EAFNOSUPPORT), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return "unreachable"
	case isTimeout(err):
		return "timeout"
	}
	return "failed"
}

// connectFailure chooses one finding for a set of failed attempts. A refusal
// says most: a machine answered.
func connectFailure(host, port, timeout string, attempts []evidence.Attempt) *evidence.Failure {
	ids := []struct {
		outcome string
		id      finding.ID
	}{
		{"refused", finding.ConnectionRefused},
		{"reset", finding.ConnectionReset},
		{"timeout", finding.ConnectionTimeout},
		{"unreachable", finding.ConnectionUnreachable},
		{"failed", finding.ConnectionFailed},
	}
	for _, k := range ids {
		i := slices.IndexFunc(attempts, func(a evidence.Attempt) bool { return a.Outcome == k.outcome })
		if i < 0 {
			continue
		}
		return &evidence.Failure{ID: k.id, Stage: "connect", Detail: attempts[i].Detail, Params: map[string]string{
			"host": host, "port": port, "addr": attempts[i].Addr, "stage": "while connecting",
			"count": strconv.Itoa(len(attempts)), "timeout": timeout, "detail": attempts[i].Detail,
		}}
	}
	return &evidence.Failure{ID: finding.ConnectionTimeout, Stage: "connect",
		Params: map[string]string{"host": host, "port": port, "count": strconv.Itoa(len(attempts)), "timeout": timeout}}
}
