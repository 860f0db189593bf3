package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/watch"
)

// The bounds of streams. A browser connects again by itself, so none needs to last.
const (
	maxStreams      = 256
	streamsOfClient = 8
	streamLasts     = 10 * time.Minute // then whoever asks is asked again who he is
	heartbeat       = 20 * time.Second
	lookEvery       = 2 * time.Second // into the database: another process may have written the event
	lookLimit       = 100             // events at a time, for all streams and for one that connects again
	streamWrite     = 30 * time.Second
)

// streams are the connections on which browsers hear of events. One look into the
// database is for all of them, and nobody looks when there is none.
type streams struct {
	mu      sync.Mutex
	open    map[*stream]struct{}
	clients map[string]int
	looking bool
	done    chan struct{}
}

// stream is one of them. Whoever does not read what is sent is ended, and starts again where he was.
type stream struct {
	events chan []watch.Event
}

// EndStreams ends all streams, and refuses new ones: the service is about to end.
func (s *Server) EndStreams() {
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	select {
	case <-s.streams.done:
	default:
		close(s.streams.done)
	}
}

// enter makes a stream for a client, nil when there are too many.
func (x *streams) enter(client string) *stream {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.open) >= maxStreams || x.clients[client] >= streamsOfClient {
		return nil
	}
	one := &stream{make(chan []watch.Event, 4)}
	x.open[one] = struct{}{}
	x.clients[client]++
	return one
}

func (x *streams) leave(one *stream, client string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.open, one)
	if x.clients[client]--; x.clients[client] <= 0 {
		delete(x.clients, client)
	}
}

// look tells all streams of events after one, until there is no stream.
func (s *Server) look(after int64) {
	x := &s.streams
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-x.done:
			return // there will be no streams any more
		}
		x.mu.Lock()
		if len(x.open) == 0 {
			x.looking = false
			x.mu.Unlock()
			return
		}
		x.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		events, err := s.Store.Events(ctx, watch.EventQuery{After: after, Limit: lookLimit})
		cancel()
		if err != nil {
			if s.Trouble != nil {
				s.Trouble(err)
			}
			continue
		}
		if len(events) == 0 {
			continue
		}
		after = events[len(events)-1].ID
		x.tell(events)
	}
}

// tell hands events to all streams. One that has not taken those before is ended.
func (x *streams) tell(events []watch.Event) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for one := range x.open {
		select {
		case one.events <- events:
		default:
			close(one.events)
			delete(x.open, one)
		}
	}
}

// stream answers with events as they happen (server-sent events).
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	client := callerOf(r).client
	x := &s.streams
	select {
	case <-x.done:
		refuse(w, problem(http.StatusServiceUnavailable, "the service is about to end"))
		return
	default:
	}
	after, err := lastSeen(r)
	if err != nil {
		refuse(w, s.problemOf(err))
		return
	}
	one := x.enter(client)
	if one == nil {
		p := problem(http.StatusTooManyRequests, "there are too many streams of events")
		p.retry = 30 * time.Second
		refuse(w, p)
		return
	}
	defer x.leave(one, client)
	newest, err := s.Store.LastEvent(r.Context())
	if err != nil {
		refuse(w, s.problemOf(err))
		return
	}
	x.mu.Lock()
	if !x.looking {
		x.looking = true
		go s.look(newest)
	}
	x.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // of a proxy
	o := &told{w: w, c: http.NewResponseController(w), after: after}
	_ = o.c.SetReadDeadline(time.Time{}) // the server's bound of a request is shorter than a stream
	if after < 0 || after > newest {
		o.after = newest
	}
	// What happened meanwhile. More than a few are not told one by one: the page is
	// loaded again, and that is up to date.
	missed, err := s.Store.Events(r.Context(), watch.EventQuery{After: o.after, Limit: lookLimit})
	if err != nil {
		return
	}
	o.text("retry: 5000\n\n")
	if len(missed) == lookLimit {
		o.after = max(newest, missed[lookLimit-1].ID)
		o.text(fmt.Sprintf("id: %d\nevent: reload\ndata: {}\n\n", o.after))
	} else {
		o.tell(missed)
	}
	end, beat := time.NewTimer(streamLasts), time.NewTicker(heartbeat)
	defer end.Stop()
	defer beat.Stop()
	for o.flush() {
		select {
		case events, more := <-one.events:
			if !more {
				return
			}
			o.tell(events)
		case <-beat.C:
			o.text(": still here\n\n")
		case <-end.C:
			return
		case <-x.done:
			return
		case <-r.Context().Done():
			return
		}
	}
}

// lastSeen is the event that a browser saw last, -1 when it does not say.
func lastSeen(r *http.Request) (int64, error) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get("after")
	}
	if text == "" {
		return -1, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, problem(http.StatusBadRequest, "after: it must be the number of an event")
	}
	return n, nil
}

// told writes a stream.
type told struct {
	w      http.ResponseWriter
	c      *http.ResponseController
	after  int64 // the event that was told last
	failed bool
}

func (o *told) text(s string) {
	_ = o.c.SetWriteDeadline(time.Now().Add(streamWrite)) // where there is none, a write cannot hang either
	if _, err := o.w.Write([]byte(s)); err != nil {
		o.failed = true
	}
}

func (o *told) flush() bool {
	return o.c.Flush() == nil && !o.failed
}

// tell tells events that were not told yet.
func (o *told) tell(events []watch.Event) {
	for _, e := range events {
		if e.ID <= o.after {
			continue
		}
		o.after = e.ID
		c := changeOf(e)
		b, _ := json.Marshal(struct { // texts and numbers do not fail
			Target int64     `json:"target"`
			Name   string    `json:"name"`
			Kind   string    `json:"kind"`
			Time   time.Time `json:"time"`
			Text   string    `json:"text"` // a sentence
		}{e.Target, finding.Quote(e.Name), string(e.Kind), e.Time, short(60, e.Name) + ": " + c.Text})
		o.text(fmt.Sprintf("id: %d\nevent: change\ndata: %s\n\n", e.ID, b))
	}
}
