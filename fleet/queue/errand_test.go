package queue

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
)

func engine(t testing.TB) *Engine {
	t.Helper()
	e, err := Open(t.Context(), Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// An answer of several messages arrives whole, to each who asked.
func TestErrand(t *testing.T) {
	e := engine(t)
	if _, err := e.Errand(t.Context(), []byte("x")); !errors.Is(err, ErrAway) {
		t.Errorf("nobody is there: %v", err)
	}
	big := make([]byte, 3*maxPart+17)
	rand.Read(big)
	r, err := e.Run(100, func(_ context.Context, q []byte) []byte {
		if len(q) == 0 {
			return nil
		}
		return append(append([]byte{}, q...), big...)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			q := []byte{byte(i)}
			if got, err := e.Errand(t.Context(), q); err != nil || !bytes.Equal(got, append(q, big...)) {
				t.Errorf("%d: %d octets, %v", i, len(got), err)
			}
		})
	}
	all.Wait()
	if got, err := e.Errand(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("an empty answer: %q, %v", got, err)
	}
	if _, err := e.Errand(t.Context(), make([]byte, MaxQuestion+1)); err == nil || errors.Is(err, ErrAway) {
		t.Errorf("a question that is too long: %v", err)
	}
}

// One that ends gives its errands back, and another one makes them; one without room says
// so.
func TestErrandEnds(t *testing.T) {
	e := engine(t)
	begun := make(chan bool, 10)
	first, err := e.Run(1, func(ctx context.Context, _ []byte) []byte { begun <- true; <-ctx.Done(); return []byte("half") })
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		b, err := e.Errand(t.Context(), []byte("a"))
		if err != nil {
			t.Error(err)
		}
		got <- string(b)
	}()
	<-begun
	if _, err := e.Errand(t.Context(), []byte("b")); !errors.Is(err, ErrAway) || !strings.Contains(err.Error(), "no room") {
		t.Errorf("no room: %v", err)
	}
	second, err := e.Run(1, func(context.Context, []byte) []byte { return []byte("whole") })
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	first.Close()
	if s := <-got; s != "whole" {
		t.Errorf("%q", s)
	}
}

// Those who give errands are heard, so that workers stay for them.
func TestErrandWatched(t *testing.T) {
	e := engine(t)
	r, err := e.Run(1, func(context.Context, []byte) []byte { return nil })
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Watched() {
		t.Error("nobody gave one")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go e.Give(ctx)
	waitUntil(t, r.Watched)
}

func waitUntil(t testing.TB, f func() bool) {
	t.Helper()
	for !f() {
		select {
		case <-t.Context().Done():
			t.Fatal("it never came")
		default:
		}
	}
}

// Answers that are none are refused: parts out of order or without end, and too many
// octets.
func TestErrandParts(t *testing.T) {
	part := func(number string, b []byte) *nats.Msg {
		return &nats.Msg{Header: nats.Header{partHeader: {number}}, Data: b}
	}
	for _, parts := range [][]*nats.Msg{
		{part("", nil)}, {part("0", nil)}, {part("1/1", nil)}, {part("-1/2", nil)}, {part("1/2", nil)}, {part("0/2", nil), part("0/2", nil)},
		{part("0/2", nil), part("1/3", nil)}, {part("0/1025", nil)}, {part("0/2", make([]byte, MaxAnswer)), part("1/2", []byte{1})},
	} {
		var a assembly
		var err error
		var whole []byte
		for _, p := range parts {
			if whole, err = a.add(p); err != nil {
				break
			}
		}
		if err == nil || whole != nil {
			t.Errorf("%v is taken", parts[0].Header)
		}
	}
}

// A worker that sends nonsense is no answer, and does not make those who ask wait.
func TestErrandNonsense(t *testing.T) {
	e := engine(t)
	var asked atomic.Int64
	sub, err := e.conn.QueueSubscribe(errandSubject, errandGroup, func(m *nats.Msg) {
		asked.Add(1)
		m.RespondMsg(&nats.Msg{Header: nats.Header{errandHeader: {"what"}}})
		m.RespondMsg(&nats.Msg{Header: nats.Header{errandHeader: {errandPart}, partHeader: {"7/9"}}})
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	if _, err := e.Errand(t.Context(), []byte("x")); err == nil || errors.Is(err, ErrAway) || asked.Load() != 1 {
		t.Errorf("%v after %d questions", err, asked.Load())
	}
}
