package watch

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/assaytls/assay/internal/assemble"
	"github.com/assaytls/assay/internal/engine"
	"github.com/assaytls/assay/internal/lab"
)

// Demo is the lab's misbehaving servers, in this process, as targets.
type Demo struct {
	lab   *lab.Lab
	specs []Spec
	by    map[string]demoTarget

	mu      sync.Mutex
	revoked map[string]bool // targets that stand for a server with a revoked certificate now
	bad     *demoTarget     // that server, in a lab of its own; nil until it is needed
	badLab  *lab.Lab
	closed  bool
}

type demoTarget struct {
	lab *lab.Lab
	s   lab.Scenario
	e   *engine.Engine
	t   *engine.Trust
}

// demoGroup is the group of the lab's targets, and demoInterval the time between
// their checks.
const (
	demoGroup    = "lab"
	demoInterval = 10 * time.Minute
)

// StartDemo starts the lab's servers, all or those that patterns name. The caller
// closes the Demo.
func StartDemo(ctx context.Context, only []string) (*Demo, error) {
	l, err := lab.Start(ctx, lab.Options{Only: only})
	if err != nil {
		return nil, err
	}
	d := &Demo{lab: l, by: map[string]demoTarget{}, revoked: map[string]bool{}}
	for _, s := range l.Scenarios {
		e, t, err := l.Engine(s)
		if err != nil {
			l.Close()
			return nil, fmt.Errorf("the lab's scenario %s: %w", s.Name, err)
		}
		one := Spec{Kind: Server, Target: s.Target(), Name: s.Name, Group: demoGroup, Labels: map[string]string{"kind": s.Group, "expected": string(s.Want)},
			Origin: FromConfig, Interval: demoInterval, Digest: Hash{1}}
		d.specs, d.by[one.Target] = append(d.specs, one), demoTarget{l, s, e, t}
	}
	return d, nil
}

// Close stops the servers.
func (d *Demo) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed = true; d.badLab != nil {
		d.badLab.Close()
	}
	d.lab.Close()
}

// Specs are the lab's targets.
func (d *Demo) Specs() []Spec { return d.specs }

// Revoke puts a server with a revoked certificate in the place of the target of that
// name, until Mend. The server belongs to a lab of its own: were it the catalogue's,
// what is wrong would have the cause of an alert that goes on anyway, and nobody would
// be told. The error is [ErrNotFound] when there is no such target.
func (d *Demo) Revoke(ctx context.Context, name string) error { return d.change(ctx, name, true) }

// Mend puts the target's own server back in its place.
func (d *Demo) Mend(ctx context.Context, name string) error { return d.change(ctx, name, false) }

func (d *Demo) change(ctx context.Context, name string, revoked bool) error {
	for _, s := range d.specs {
		if s.Name != name {
			continue
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if revoked && d.bad == nil {
			if err := d.startBad(ctx); err != nil {
				return err
			}
		}
		d.revoked[s.Target] = revoked
		return nil
	}
	return ErrNotFound
}

// startBad starts the server whose certificate is revoked. The lock is held.
func (d *Demo) startBad(ctx context.Context) error {
	if d.closed {
		return fmt.Errorf("the demonstration has ended")
	}
	l, err := lab.Start(context.WithoutCancel(ctx), lab.Options{Only: []string{"revoked"}})
	if err != nil {
		return err
	}
	s, _ := l.Scenario("revoked")
	e, t, err := l.Engine(s)
	if err != nil {
		l.Close()
		return err
	}
	d.badLab, d.bad = l, &demoTarget{l, s, e, t}
	return nil
}

// behind is the server that stands at a target now.
func (d *Demo) behind(address string) (one demoTarget, found bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if one, found = d.by[address]; found && d.revoked[address] {
		one = *d.bad
	}
	return one, found
}

// Judge checks one of them as the lab says it is to be checked.
func (d *Demo) Judge(ctx context.Context, s Spec) Outcome {
	began := time.Now()
	one, found := d.behind(s.Target)
	if !found {
		return Outcome{Report: failed(s, "the lab has no such server"), Took: time.Since(began)}
	}
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	c := one.lab.Config(one.s)
	c.Input = s.Target
	if one.s.First != "" {
		first := c
		first.SNI = one.s.First
		one.e.Check(ctx, first, one.t, one.s.Policy, one.s.Access, assemble.Full)
	}
	r, _ := one.e.Check(ctx, c, one.t, one.s.Policy, one.s.Access, assemble.Full)
	return Outcome{Report: r, Took: time.Since(began)}
}
