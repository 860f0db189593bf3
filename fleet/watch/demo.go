package watch

import (
	"context"
	"fmt"
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
}

type demoTarget struct {
	s lab.Scenario
	e *engine.Engine
	t *engine.Trust
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
	d := &Demo{lab: l, by: map[string]demoTarget{}}
	for _, s := range l.Scenarios {
		e, t, err := l.Engine(s)
		if err != nil {
			l.Close()
			return nil, fmt.Errorf("the lab's scenario %s: %w", s.Name, err)
		}
		one := Spec{Kind: Server, Target: s.Target(), Name: s.Name, Group: demoGroup, Labels: map[string]string{"kind": s.Group, "expected": string(s.Want)},
			Origin: FromConfig, Interval: demoInterval, Digest: Hash{1}}
		d.specs, d.by[one.Target] = append(d.specs, one), demoTarget{s, e, t}
	}
	return d, nil
}

// Close stops the servers.
func (d *Demo) Close() { d.lab.Close() }

// Specs are the lab's targets.
func (d *Demo) Specs() []Spec { return d.specs }

// Judge checks one of them as the lab says it is to be checked.
func (d *Demo) Judge(ctx context.Context, s Spec) Outcome {
	began := time.Now()
	one, found := d.by[s.Target]
	if !found {
		return Outcome{Report: failed(s, "the lab has no such server"), Took: time.Since(began)}
	}
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	c := d.lab.Config(one.s)
	if one.s.First != "" {
		first := c
		first.SNI = one.s.First
		one.e.Check(ctx, first, one.t, one.s.Policy, one.s.Access, assemble.Full)
	}
	r, _ := one.e.Check(ctx, c, one.t, one.s.Policy, one.s.Access, assemble.Full)
	return Outcome{Report: r, Took: time.Since(began)}
}
