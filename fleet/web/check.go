package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/report"
)

// Check is a server to be checked now.
type Check struct {
	Target string `json:"target"`          // as assay check takes it, or the name of one that the configuration has
	Group  string `json:"group,omitempty"` // whose settings apply; "" is that of the configuration's target, else "default"
	// Policy has the names of flags of assay check about what is accepted; values are
	// texts, true, or lists of texts.
	Policy map[string]Values `json:"policy,omitempty"`
}

// Values are those of one rule: a text, a number, true or false, or a list of texts.
type Values []string

// UnmarshalJSON reads them.
func (v *Values) UnmarshalJSON(b []byte) error {
	var all any
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	*v = nil
	many, isList := all.([]any)
	if !isList {
		many = []any{all}
	}
	if len(many) > 100 {
		return fmt.Errorf("there are more than 100 values")
	}
	for _, one := range many {
		switch one := one.(type) {
		case string:
			*v = append(*v, one)
		case bool, float64:
			*v = append(*v, fmt.Sprint(one))
		default:
			return fmt.Errorf("a value of a policy is a text, a number, true, false, or a list of them")
		}
	}
	return nil
}

// Checked is what came of a check.
type Checked struct {
	Row         report.Row     `json:"row"`          // in one line
	Report      *report.Report `json:"report"`       // in full
	Ends        []watch.End    `json:"ends"`         // until when its parts hold
	TookSeconds float64        `json:"took_seconds"` // of the check
	Cached      bool           `json:"cached"`       // somebody asked the same a moment ago
}

// question says who is asked about.
func (s *Server) question(name, group string) watch.Question {
	k := s.config.Load()
	if spec, found := k.by[group+"\x1f"+name]; found {
		return watch.Question{Spec: spec}
	}
	if group == "" {
		group = watch.DefaultGroup
	}
	return watch.Question{Spec: watch.Spec{Kind: watch.Server, Target: name, Name: name, Group: group, Origin: watch.FromAPI}}
}

func (s *Server) check(r *request) (any, error) {
	var c Check
	if err := r.read(&c); err != nil {
		return nil, err
	}
	q := s.question(c.Target, c.Group)
	if len(c.Policy) > 0 {
		q.Policy = map[string][]string{}
		for name, values := range c.Policy {
			q.Policy[name] = values
		}
	}
	o, cached, err := s.judge(r.Request, q)
	if err != nil {
		return nil, err
	}
	return Checked{Row: o.Report.Row(), Report: o.Report, Ends: append([]watch.End{}, watch.Ends(o.Report)...), TookSeconds: o.Took.Seconds(), Cached: cached}, nil
}

// mayCheck refuses a client who asks for too many checks, and too many of one target;
// "" is one that the configuration names.
func (s *Server) mayCheck(r *http.Request, stranger string) error {
	now := time.Now()
	wait, ok := s.checks.take(callerOf(r).client, now)
	why := "there are too many checks that you ask for"
	if ok && stranger != "" {
		wait, ok = s.targets.take(strings.ToLower(stranger), now)
		why = "this target was checked too often in the last minute"
	}
	if ok {
		return nil
	}
	p := problem(http.StatusTooManyRequests, why)
	p.retry = wait
	return p
}

// judge checks, or gives what came of the same question a moment ago. Questions about
// the configuration's targets are not counted: each is answered once in that time.
func (s *Server) judge(r *http.Request, q watch.Question) (o watch.Outcome, cached bool, err error) {
	if q.Spec.Target == "" || len(q.Spec.Target) > 1000 {
		return o, false, problem(http.StatusUnprocessableEntity, "a target is needed, like example.com")
	}
	stranger := q.Spec.Origin != watch.FromConfig || len(q.Policy) > 0
	if stranger {
		if err := s.mayCheck(r, ""); err != nil {
			return o, false, err
		}
	}
	one, first := s.recent.of(key(q), time.Now())
	if !first {
		select {
		case <-one.done:
		case <-r.Context().Done():
			return o, false, problem(http.StatusServiceUnavailable, "the check took too long")
		}
		if one.err == nil && one.outcome.Report == nil {
			return o, false, problem(http.StatusInternalServerError, "the check did not end well")
		}
		return one.outcome, true, one.err
	}
	defer func() { s.recent.finish(key(q), one, o, err) }()
	if stranger {
		if wait, ok := s.targets.take(strings.ToLower(q.Spec.Target), time.Now()); !ok {
			p := problem(http.StatusTooManyRequests, "this target was checked too often in the last minute")
			p.retry = wait
			return o, false, p
		}
	}
	// Others may wait for the same answer: it is not given up when this client goes.
	limit := checkAtMost
	if end, ok := r.Context().Deadline(); ok {
		limit = min(limit, time.Until(end))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), limit)
	defer cancel()
	if !s.gate.enter(ctx) {
		p := problem(http.StatusServiceUnavailable, "too many checks are under way")
		p.retry = 5 * time.Second
		return o, false, p
	}
	defer s.gate.leave()
	o, err = s.Ask(ctx, q)
	if err == nil {
		s.metrics.asked.WithLabelValues(string(o.Report.Row().Verdict)).Inc()
	}
	return o, false, err
}

// checkAtMost bounds a check that somebody asks for, waiting included.
const checkAtMost = 90 * time.Second

func key(q watch.Question) string {
	var rules []string
	for name, values := range q.Policy {
		rules = append(rules, fmt.Sprintf("%s=%q", name, values))
	}
	slices.Sort(rules)
	return fmt.Sprintf("%s %q %q %q", q.Spec.Origin, q.Spec.Group, q.Spec.Target, rules)
}

// recent are the answers of the last seconds, by question.
type recent struct {
	mu sync.Mutex
	by map[string]*shared
}

// shared is one answer, or a check that is under way.
type shared struct {
	asked   time.Time
	done    chan struct{}
	outcome watch.Outcome
	err     error
}

const (
	recentFor = 10 * time.Second
	maxRecent = 500
)

// of returns the answer to a question. Whoever is first must finish it.
func (c *recent) of(key string, now time.Time) (one *shared, first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one = c.by[key]; one != nil && now.Sub(one.asked) < recentFor {
		return one, false
	}
	for k, old := range c.by {
		if now.Sub(old.asked) >= recentFor {
			delete(c.by, k)
		}
	}
	one = &shared{asked: now, done: make(chan struct{})}
	if len(c.by) < maxRecent {
		c.by[key] = one
	}
	return one, true
}

// finish hands the answer to those who wait for it. A failure is not kept for others.
func (c *recent) finish(key string, o *shared, outcome watch.Outcome, err error) {
	o.outcome, o.err = outcome, err
	close(o.done)
	c.mu.Lock()
	defer c.mu.Unlock()
	if (err != nil || outcome.Report == nil) && c.by[key] == o {
		delete(c.by, key)
	}
}
