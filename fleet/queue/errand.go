package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// An errand is one question that any worker may answer, with an answer that is too long
// for a row of a scan: a report in full. It is no part of a job and is kept nowhere: who
// asks waits for it, and asks again when the worker falls.
const (
	errandSubject = "assay.watch.ask"
	watchSubject  = "assay.watch.alive" // who gives errands says that it is there
	errandGroup   = "workers"
)

// The bounds of errands.
const (
	MaxQuestion = 512 << 10 // octets of a question
	MaxAnswer   = 8 << 20   // octets of an answer
	maxPart     = 512 << 10 // octets of one message of an answer
	maxParts    = 1024      // messages of an answer, whatever the server takes at a time
	errandTries = 4         // workers that end or have no room, before the question is given up
	errandFalls = 2         // workers that fall over one question, before it is given up
)

// What a worker says while it has an errand is in this header.
const (
	errandHeader = "Assay-Errand"
	partHeader   = "Assay-Part" // "2/3"

	errandWorking = "working" // it is there
	errandBusy    = "busy"    // it has no room for another
	errandEnds    = "ends"    // the process ends, and somebody else has to do it
	errandPart    = "part"    // a part of the answer
)

// ErrAway says that nobody answers errands now: there is no worker, none has room, or
// the queue cannot be reached.
var ErrAway = errors.New("no worker answers")

// Errand asks any worker, and another one when it falls. An error that is ErrAway or
// ErrFell, or ctx's, says nothing about what was asked.
func (e *Engine) Errand(ctx context.Context, question []byte) ([]byte, error) {
	if len(question) > MaxQuestion {
		return nil, fmt.Errorf("the question has %d octets, and %d can be asked", len(question), MaxQuestion)
	}
	why, falls := ErrAway, 0
	for try := range errandTries {
		if try > 0 { // those who have no room get a moment
			select {
			case <-time.After(100*time.Millisecond<<try + rand.N(100*time.Millisecond)):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		answer, err := e.errand(ctx, question)
		if errors.Is(err, ErrFell) {
			falls++
		}
		if err == nil || ctx.Err() != nil || falls >= errandFalls || !errors.Is(err, ErrAway) && !errors.Is(err, ErrFell) {
			return answer, err
		}
		if why = err; errors.Is(err, errNobody) {
			break
		}
	}
	return nil, why
}

// ErrFell says that workers fell while they had an errand, one after the other: it may be
// that what was asked fells them.
var ErrFell = errors.New("the workers that were asked fell silent")

// errNobody says that nobody listens to errands.
var errNobody = fmt.Errorf("%w: there is none at the queue", ErrAway)

// errand asks one worker.
func (e *Engine) errand(ctx context.Context, question []byte) ([]byte, error) {
	if !e.conn.IsConnected() {
		return nil, fmt.Errorf("%w: the queue cannot be reached", ErrAway)
	}
	inbox := e.conn.NewInbox()
	msgs := make(chan *nats.Msg, maxParts+64)
	sub, err := e.conn.ChanSubscribe(inbox, msgs)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	defer sub.Unsubscribe()
	if err := e.conn.PublishRequest(errandSubject, inbox, question); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAway, err)
	}
	silent := time.NewTimer(countAs)
	defer silent.Stop()
	var a assembly
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-silent.C:
			return nil, ErrFell
		case m := <-msgs:
			if m.Header.Get("Status") == "503" && len(m.Data) == 0 {
				return nil, errNobody
			}
			silent.Reset(countAs)
			switch m.Header.Get(errandHeader) {
			case errandBusy:
				return nil, fmt.Errorf("%w: those that there are have no room for more", ErrAway)
			case errandEnds:
				return nil, fmt.Errorf("%w: the one that was asked has ended", ErrAway)
			case errandPart:
				whole, err := a.add(m)
				if whole != nil || err != nil {
					return whole, err
				}
			}
		}
	}
}

// assembly puts an answer together, whose parts come in order.
type assembly struct {
	parts int
	next  int
	got   []byte
}

// add returns the whole answer with its last part.
func (a *assembly) add(m *nats.Msg) ([]byte, error) {
	n, of, err := partNumber(m.Header.Get(partHeader))
	switch {
	case err != nil:
		return nil, err
	case n != a.next || a.parts != 0 && of != a.parts:
		return nil, errors.New("the parts of a worker's answer do not belong together")
	case len(a.got)+len(m.Data) > MaxAnswer:
		return nil, fmt.Errorf("a worker's answer has more than %d octets", MaxAnswer)
	}
	a.parts, a.next, a.got = of, a.next+1, append(a.got, m.Data...)
	if a.next < of {
		return nil, nil
	}
	if a.got == nil {
		a.got = []byte{}
	}
	return a.got, nil
}

// partNumber reads "2/3": the third of three is "2/3", the first "0/3".
func partNumber(s string) (n, of int, err error) {
	first, second, _ := strings.Cut(s, "/")
	n, err = strconv.Atoi(first)
	if err == nil {
		of, err = strconv.Atoi(second)
	}
	if err != nil || n < 0 || of < 1 || of > maxParts || n >= of {
		return 0, 0, errors.New("a part of a worker's answer has no number")
	}
	return n, of, nil
}

// Give says, until ctx ends, that this process gives errands: workers stay for it.
func (e *Engine) Give(ctx context.Context) {
	tick := time.NewTicker(sayAlive)
	defer tick.Stop()
	for {
		e.conn.Publish(watchSubject, nil) // lost while there is no connection, and then nobody hears
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Runner answers errands. It is safe for concurrent use.
type Runner struct {
	e       *Engine
	answer  func(context.Context, []byte) []byte
	room    chan struct{}
	ctx     context.Context // of what is under way
	stop    context.CancelFunc
	watched atomic.Bool
	subs    []*nats.Subscription

	mu      sync.Mutex
	ended   bool // nothing begins any more
	running sync.WaitGroup
}

// Run has answer answer errands, at most so many at a time, until Close is called. It
// must bound its own time, and end soon after its context does.
func (e *Engine) Run(most int, answer func(ctx context.Context, question []byte) []byte) (*Runner, error) {
	r := &Runner{e: e, answer: answer, room: make(chan struct{}, max(1, most))}
	r.ctx, r.stop = context.WithCancel(context.Background())
	alive, err := e.conn.Subscribe(watchSubject, func(*nats.Msg) { r.watched.Store(true) })
	if err != nil {
		return nil, err
	}
	r.subs = append(r.subs, alive)
	asked, err := e.conn.QueueSubscribe(errandSubject, errandGroup, r.take)
	if err != nil {
		r.Close()
		return nil, err
	}
	r.subs = append(r.subs, asked)
	return r, e.conn.Flush()
}

// Watched reports whether somebody who gives errands was heard.
func (r *Runner) Watched() bool { return r.watched.Load() }

// Close ends: what is under way is given back to whoever asked.
func (r *Runner) Close() {
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	for _, s := range r.subs {
		s.Unsubscribe()
	}
	r.stop()
	r.running.Wait()
	r.e.conn.FlushTimeout(requestTimeout)
}

// say sends the word of a state.
func (r *Runner) say(m *nats.Msg, word string) {
	r.e.conn.PublishMsg(&nats.Msg{Subject: m.Reply, Header: nats.Header{errandHeader: {word}}}) // who asks notices silence
}

// take begins an errand.
func (r *Runner) take(m *nats.Msg) {
	r.watched.Store(true)
	if m.Reply == "" || len(m.Data) > MaxQuestion {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		r.say(m, errandEnds)
		return
	}
	select {
	case r.room <- struct{}{}:
	default:
		r.say(m, errandBusy)
		return
	}
	r.running.Go(func() {
		defer func() { <-r.room }()
		r.carry(m)
	})
}

// carry carries out one errand.
func (r *Runner) carry(m *nats.Msg) {
	done := make(chan struct{})
	var saying sync.WaitGroup
	saying.Go(func() {
		tick := time.NewTicker(sayAlive)
		defer tick.Stop()
		for {
			r.say(m, errandWorking)
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	})
	answer := r.answer(r.ctx, m.Data)
	close(done)
	saying.Wait() // the answer's parts come after the last of it
	if r.ctx.Err() != nil {
		r.say(m, errandEnds)
		return
	}
	size := maxPart
	if most := int(r.e.conn.MaxPayload()); most > 0 {
		size = min(size, max(1, most-1024)) // the header takes some
	}
	parts := max(1, (len(answer)+size-1)/size)
	if len(answer) > MaxAnswer || parts > maxParts {
		r.say(m, errandEnds) // whoever answers bounds it; this is never heard
		return
	}
	for i := range parts {
		r.e.conn.PublishMsg(&nats.Msg{Subject: m.Reply, Data: answer[i*size : min(len(answer), (i+1)*size)],
			Header: nats.Header{errandHeader: {errandPart}, partHeader: {fmt.Sprintf("%d/%d", i, parts)}}})
	}
}
