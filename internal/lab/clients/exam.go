package clients

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/scenarios"
	"github.com/assaytls/assay/internal/lab/serve"
)

// Options configure an examination.
type Options struct {
	Clients   []Definition
	Exam      string     // its name; "" means LabExam
	Questions []Question // of it; nil means all
	// Limit is the most that one answer may take; 0 means DefaultLimit.
	Limit time.Duration
	// Parallel is how many questions are asked at a time, of all clients together; 0 means as many as there are
	// processors, and 2 at least. Browsers, which are one process each, and questions that wait come on top.
	Parallel int
	// Assay is the version of this program, for the rows.
	Assay string
	// Progress, when not nil, is told what is going on, by one goroutine at a time.
	Progress func(client string, asked, of int)
}

// DefaultLimit is the most that one answer may take.
const DefaultLimit = 15 * time.Second

// sideBySide is how many clients sit the exam at a time: while one waits for a server that never answers, others
// are asked.
const sideBySide = 4

// Examine leads the clients to the lab and calls done with each row, in the order of the clients. In the namespace
// (Inside) it makes it the lab's first.
func Examine(ctx context.Context, o Options, done func(Row)) error {
	o.Exam = cmp.Or(o.Exam, LabExam)
	if o.Questions == nil {
		if o.Questions = Questions(o.Exam); o.Questions == nil {
			return fmt.Errorf("no exam is called %q", o.Exam)
		}
	}
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	if o.Parallel == 0 {
		o.Parallel = max(2, runtime.NumCPU())
	}
	e := &examination{Options: o, slots: make(chan struct{}, o.Parallel), waiting: map[string]map[string]*asked{}, busy: map[string]*sync.Mutex{}, prepared: map[string]bool{}, versions: map[string]string{}}
	for _, q := range o.Questions {
		e.busy[q.Scenario] = &sync.Mutex{}
	}
	if Inside() {
		if err := loopback(); err != nil {
			return err
		}
	}
	var names []string
	for _, q := range o.Questions {
		names = append(names, q.Scenario)
	}
	l, err := serve.Start(ctx, serve.Options{Only: names, Witness: e.witness})
	if err != nil {
		return err
	}
	defer l.Close()
	e.lab = l
	if e.place, err = newPlace(l.Roots); err != nil {
		return err
	}
	defer e.place.remove()
	e.isolation = None
	if Inside() {
		e.isolation = Namespace
		var hosts []string
		for _, s := range l.Scenarios {
			if net.ParseIP(s.Host) == nil {
				hosts = append(hosts, s.Host)
			}
		}
		if err := e.place.furnish(hosts); err != nil {
			return fmt.Errorf("the namespace: %w", err)
		}
	} else if e.proxy, err = startProxy(l); err != nil {
		return err
	} else {
		defer e.proxy.close()
	}
	return e.all(ctx, done)
}

// all examines several clients side by side, and tells of them in order.
func (e *examination) all(ctx context.Context, done func(Row)) error {
	rows := make([]chan []Row, len(e.Clients))
	for i := range rows {
		rows[i] = make(chan []Row, 1)
	}
	var wg sync.WaitGroup
	defer wg.Wait() // what they use is closed behind us
	wg.Go(func() {
		places := make(chan struct{}, sideBySide)
		for i, d := range e.Clients {
			places <- struct{}{}
			wg.Go(func() {
				defer func() { <-places }()
				if ctx.Err() != nil { // nothing is begun any more
					rows[i] <- nil
					return
				}
				rows[i] <- e.rows(ctx, d)
			})
		}
	})
	for _, c := range rows {
		for _, row := range <-c {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			done(row)
		}
	}
	return ctx.Err()
}

// examination is one in progress.
type examination struct {
	Options
	lab       *serve.Lab
	place     *place
	isolation Isolation
	proxy     *proxy // without a namespace: for clients that heed one

	slots chan struct{} // one for each question that is being asked
	// busy are locks by scenario: its server is asked by one client at a time, for of a connection that sends no
	// request nothing tells whose it is.
	busy map[string]*sync.Mutex

	mu      sync.Mutex
	waiting map[string]map[string]*asked // questions that are being asked, by scenario and token

	making   sync.Mutex        // guards the commands below, which are run once
	prepared map[string]bool   // commands that made a client
	versions map[string]string // by the command that prints it
}

// asked is what the lab's server saw of one question.
type asked struct {
	token string
	done  chan struct{} // closed when the request has arrived

	connected, tls13, request bool
	serverName                string
}

// witness notes what a server of the lab saw.
func (e *examination) witness(s serve.Sight) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, a := range e.waiting[s.Scenario] { // none for a client that was given up
		a.connected = true
		if s.Hello {
			a.tls13, a.serverName = a.tls13 || s.TLS13, s.ServerName
		}
		if s.Request && (s.Path == "/"+a.token || strings.HasPrefix(s.Path, "/"+a.token+"/")) && !a.request {
			a.request = true
			close(a.done)
		}
	}
}

// rows examines a client: its defaults, and with revocation.
func (e *examination) rows(ctx context.Context, d Definition) []Row {
	rows := []Row{e.row(ctx, d, false, false)}
	if d.Revocation != nil {
		v := d
		v.Name, v.NoVerification = d.Revocation.Name, false
		if d.Revocation.Run != nil {
			v.Run = d.Revocation.Run
		}
		if d.Revocation.Env != nil {
			v.Env = maps.Clone(d.Env)
			if v.Env == nil {
				v.Env = map[string]string{}
			}
			maps.Copy(v.Env, d.Revocation.Env)
		}
		if d.Revocation.Settings != nil {
			v.Settings = d.Revocation.Settings
		}
		if d.Revocation.Note != "" {
			v.Note = d.Revocation.Note
		}
		// Where the defaults trust the lab, refusals of the variant are its own.
		rows = append(rows, e.row(ctx, v, true, rows[0].State != NotExamined))
	}
	return rows
}

// row examines one setting of a client. trusting says that it is known to trust the lab.
func (e *examination) row(ctx context.Context, d Definition, revocation, trusting bool) (r Row) {
	r = Row{Schema: RowVersion, Name: d.Name, Revocation: revocation, Isolation: e.isolation, Exam: e.Exam,
		Note: d.Note, Advice: d.Advice, Assay: e.Assay, Time: time.Now().UTC().Truncate(time.Second), Questions: []Answer{}}
	defer r.Clean()
	if d.SystemTrust && e.isolation != Namespace {
		r.State, r.Why = NotExamined, "it trusts the system's roots alone, which are the lab's only in a namespace: --isolation namespace"
		return r
	}
	if err := e.prepare(ctx, d); err != nil {
		r.State, r.Why = NotExamined, finding.Quote(err.Error())
		return r
	}
	r.Version = e.version(d) // which what was prepared may print
	if d.tryProxy && e.proxy != nil {
		d.Proxy = e.heedsProxy(ctx, d)
	}
	ask, stop, err := e.asker(ctx, d)
	if err != nil {
		r.State, r.Why = NotExamined, finding.Quote(err.Error())
		return r
	}
	defer stop()
	c := &candidate{e: e, d: d, ask: ask, of: len(e.Questions)}
	answers := map[string]Answer{}
	put := func(as []Answer) {
		for _, a := range as {
			answers[a.Scenario] = a
		}
	}
	put(c.answer(ctx, e.chosen(controls)))
	if good, asked := answers["good"]; asked && good.Outcome != Accepted && !trusting {
		r.State, r.Why = NotExamined, whyNot(good)
		r.Questions = e.ordered(answers)
		return r
	}
	for _, a := range answers {
		c.tls13 = c.tls13 || a.Outcome == Accepted && a.TLS13
	}
	put(c.answer(ctx, e.chosen(refusals)))
	r.State = Examined
	if all := e.chosen(refusals); len(all) > 0 && !slices.ContainsFunc(all, func(q Question) bool { return answers[q.Scenario].Outcome != Accepted }) {
		r.State = VerifiesNothing
		r.Questions = e.ordered(answers)
		return r
	}
	var rest, last []Question
	for _, q := range e.Questions {
		switch _, known := answers[q.Scenario]; {
		case known:
		case q.Last && revocation: // whether it gives up is known from its defaults
		case q.Last:
			last = append(last, q)
		default:
			rest = append(rest, q)
		}
	}
	put(c.answer(ctx, rest))
	put(c.answer(ctx, last))
	r.Questions = e.ordered(answers)
	if len(d.Run) > 0 || ctx.Err() != nil {
		return r
	}
	if again := c.answer(ctx, e.chosen(controls[:1])); len(again) > 0 && again[0].Outcome != answers[controls[0]].Outcome {
		// One process answered them all: a dead one refuses everybody.
		r.State, r.Why = NotExamined, "it stopped answering in the middle of its exam"
	}
	return r
}

// heedsProxy reports whether a client reaches the good server by its name, which only the proxy knows.
func (e *examination) heedsProxy(ctx context.Context, d Definition) bool {
	d.Proxy = true
	ask, stop, err := e.asker(ctx, d)
	if err != nil {
		return false
	}
	defer stop()
	answers := (&candidate{e: e, d: d, ask: ask, of: len(e.Questions)}).answer(ctx, e.chosen(controls[:1]))
	return len(answers) == 1 && answers[0].Outcome == Accepted
}

// prepare runs what makes a client, once.
func (e *examination) prepare(ctx context.Context, d Definition) error {
	key := strings.Join(d.Prepare, "\x00")
	e.making.Lock()
	defer e.making.Unlock()
	if key == "" || e.prepared[key] {
		return nil
	}
	home, err := e.place.freshHome(token())
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	said := process{argv: e.place.fill(d.Prepare, goal{}, home), limit: 2 * time.Minute, home: home, mark: token()}.run(ctx, nil)
	switch {
	case said.err != nil:
		return said.err
	case said.timeout:
		return fmt.Errorf("%s took too long", d.Prepare[0])
	case said.failed:
		return fmt.Errorf("%s failed: %s", d.Prepare[0], reason(said.output))
	}
	e.prepared[key] = true
	return nil
}

// whyNot says what to mend about a client that refuses a good server.
func whyNot(a Answer) string {
	said := ""
	if a.Reason != "" {
		said = "; it said: " + a.Reason
	}
	switch a.Outcome {
	case NotConnected:
		return "it never connected to the good server: look at its name resolution, a proxy, or its command line" + said
	case Waits:
		return "it sent no request to the good server before the limit" + said
	}
	return "it refuses the good server: it was not told to trust the lab's root" + said
}

func (e *examination) chosen(names []string) (qs []Question) {
	for _, q := range e.Questions {
		if slices.Contains(names, q.Scenario) {
			qs = append(qs, q)
		}
	}
	return qs
}

// ordered are the answers in the order of the questions.
func (e *examination) ordered(answers map[string]Answer) []Answer {
	out := []Answer{}
	for _, q := range e.Questions {
		if a, ok := answers[q.Scenario]; ok {
			out = append(out, a)
		}
	}
	return out
}

// candidate is a client in the middle of its exam.
type candidate struct {
	e     *examination
	d     Definition
	ask   asker
	tls13 bool // it offers TLS 1.3
	of    int

	asked int // guarded by the examination's lock
}

// tabs is how many questions Chromium is asked at a time: it holds every refusal back for three seconds.
const tabs = 4

// asker leads the client to a goal and returns what it said. done is closed when the request has arrived.
type asker func(ctx context.Context, q Question, g goal, done <-chan struct{}) ended

// answer asks questions, several at a time.
func (c *candidate) answer(ctx context.Context, qs []Question) []Answer {
	out := make([]Answer, len(qs))
	own := make(chan struct{}, c.e.Parallel)
	switch {
	case c.d.Driver == Chromium:
		own = make(chan struct{}, tabs)
	case c.d.Slow || c.d.Driver != "":
		own = make(chan struct{}, 1)
	}
	var wg sync.WaitGroup
	for i, q := range qs {
		own <- struct{}{}
		wg.Go(func() {
			defer func() { <-own }()
			out[i] = c.turn(ctx, q)
			c.e.mu.Lock()
			defer c.e.mu.Unlock()
			c.asked++
			if c.e.Progress != nil {
				c.e.Progress(c.d.Name, c.asked, c.of)
			}
		})
	}
	wg.Wait()
	return out
}

// turn asks one question when the scenario's server and, for what costs more than waiting, a slot is free. Where nobody
// is answered, nothing is to be told apart.
func (c *candidate) turn(ctx context.Context, q Question) Answer {
	if q.Last {
		return c.one(ctx, q)
	}
	busy := c.e.busy[q.Scenario]
	busy.Lock()
	defer busy.Unlock()
	if c.d.Driver == "" {
		c.e.slots <- struct{}{}
		defer func() { <-c.e.slots }()
	}
	a := c.one(ctx, q)
	if a.Outcome == Waits {
		a = c.one(ctx, q) // the machine may have been busy
	}
	return a
}

// one asks one question.
func (c *candidate) one(ctx context.Context, q Question) (a Answer) {
	a = Answer{Question: q, Outcome: NotAsked}
	g, ok := c.e.goal(c.d, q)
	switch {
	case ctx.Err() != nil || !ok:
		return a
	case q.Needs13 && !c.tls13 && !slices.Contains(controls, q.Scenario):
		a.Outcome = NotAble
		return a
	}
	seen := &asked{token: g.token, done: make(chan struct{})}
	c.e.mu.Lock()
	if c.e.waiting[q.Scenario] == nil {
		c.e.waiting[q.Scenario] = map[string]*asked{}
	}
	c.e.waiting[q.Scenario][g.token] = seen
	c.e.mu.Unlock()
	start := time.Now()
	said := c.ask(ctx, q, g, seen.done)
	a.MS = time.Since(start).Milliseconds()
	c.e.mu.Lock()
	delete(c.e.waiting[q.Scenario], g.token)
	a.Connected, a.TLS13, a.ServerName = seen.connected, seen.tls13, finding.Quote(seen.serverName)
	request := seen.request
	c.e.mu.Unlock()
	switch {
	case request:
		a.Outcome = Accepted
	case said.timeout:
		a.Outcome = Waits
	case a.Connected:
		a.Outcome = Refused
	default:
		a.Outcome = NotConnected
	}
	if a.Outcome != Accepted {
		a.Reason = reason(said.output)
		if said.err != nil {
			a.Reason = finding.Quote(said.err.Error())
		}
	}
	a.Wrong = q.wrong(a.Outcome)
	return a
}

// goal is where a question leads the client; false when it cannot be asked this one.
func (e *examination) goal(d Definition, q Question) (goal, bool) {
	s, ok := e.lab.Scenario(q.Scenario)
	if !ok {
		return goal{}, false
	}
	g := goal{host: s.Host, port: s.Port, token: token()}
	if e.isolation != Namespace && net.ParseIP(s.Host) == nil && !d.Proxy {
		// Nobody here knows the name: the address, unless the question is about names or the leaf has none.
		if !q.Address && (q.Kind == Name || !hasAddress(s.Leaf)) {
			return goal{}, false
		}
		g.host = "127.0.0.1"
	}
	return g, true
}

// hasAddress reports whether a certificate is for 127.0.0.1 too, or is none that could say so.
func hasAddress(leaf []byte) bool {
	c, err := x509.ParseCertificate(leaf)
	return err != nil || slices.ContainsFunc(c.IPAddresses, net.IP.IsLoopback)
}

// token is a secret that stands in one request alone.
func token() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it does not fail (crypto/rand)
	return hex.EncodeToString(b[:])
}

// asker returns what asks the client.
func (e *examination) asker(ctx context.Context, d Definition) (asker, func(), error) {
	switch {
	case d.Serve != nil:
		return e.service(ctx, d)
	case d.Driver != "":
		return e.browser(ctx, d)
	}
	return func(ctx context.Context, q Question, g goal, done <-chan struct{}) ended {
		home, err := e.place.freshHome(g.token)
		if err != nil {
			return ended{err: err}
		}
		defer os.RemoveAll(home)
		env := map[string]string{}
		for k, v := range d.Env {
			env[k] = e.place.fillText(v, g, home)
		}
		if e.proxy != nil && d.Proxy && net.ParseIP(g.host) == nil {
			e.proxy.into(env)
		}
		return process{argv: e.place.fill(d.Run, g, home), env: env, stdin: d.Stdin, goal: g, limit: e.Limit, home: home, mark: g.token}.run(ctx, done)
	}, func() {}, nil
}

// Domain is the parent of the names of the exam's servers.
const Domain = scenarios.Domain
