package clients

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A browser that dies leaves nobody waiting, and its answers are matched by their number.
func TestDevTools(t *testing.T) {
	orders, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r, answers, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c := newDevTools(pipe{r, w})
	go func() {
		s := bufio.NewReader(orders)
		_, _ = s.ReadString(0)
		io.WriteString(answers, "no JSON\x00"+`{"method":"an.event"}`+"\x00"+`{"id":7,"result":{}}`+"\x00"+`{"id":1,"result":{"targetId":"T"}}`+"\x00")
		_, _ = s.ReadString(0)
		io.WriteString(answers, `{"id":2,"error":{"message":"no such target"}}`+"\x00")
		_, _ = s.ReadString(0)
		answers.Close()
	}()
	var tab struct{ TargetID string }
	if err := c.call(t.Context(), "", "Target.createTarget", nil, &tab); err != nil || tab.TargetID != "T" {
		t.Errorf("%+v, %v", tab, err)
	}
	if err := c.call(t.Context(), "", "Target.closeTarget", nil, nil); err == nil || err.Error() != "no such target" {
		t.Error(err)
	}
	for range 2 {
		if err := c.call(t.Context(), "", "Browser.getVersion", nil, nil); err == nil || !strings.Contains(err.Error(), "has ended") {
			t.Error(err)
		}
	}
}

// Marionette's refusals are words, its time-outs are told apart, and late answers are passed over.
func TestMarionette(t *testing.T) {
	for text, want := range map[string]ended{
		message(`[1,1,null,null]`):                                              {},
		message(`[1,0,null,{}]`) + message(`[1,1,null,null]`):                   {},
		message(`[1,1,{"error":"timeout","message":"late"},null]`):              {timeout: true},
		message(`[1,1,{"error":"insecure certificate","message":"a\nb"},null]`): {output: "insecure certificate: a b"},
	} {
		ours, theirs := net.Pipe()
		m := &marionette{conn: ours, r: bufio.NewReader(ours), limit: time.Second}
		go func() {
			b := make([]byte, 1<<10)
			_, _ = theirs.Read(b)
			_, _ = io.WriteString(theirs, text)
			theirs.Close()
		}()
		if got := m.visit("https://a/", nil); got.timeout != want.timeout || got.output != want.output || got.err != nil {
			t.Errorf("%s: %+v", text, got)
		}
		ours.Close()
	}
}

func message(s string) string { return strconv.Itoa(len(s)) + ":" + s }

func FuzzMarionette(f *testing.F) {
	f.Add(`15:[1,1,null,null]`)
	f.Add(`57:[1,1,{"error":"insecure certificate","message":""},null]`)
	f.Add("99999999999:")
	f.Fuzz(func(t *testing.T, text string) {
		m := &marionette{conn: deaf{strings.NewReader(text)}, r: bufio.NewReader(strings.NewReader(text)), limit: time.Second}
		if b, err := m.read(); err == nil && len(b) > maxMessage {
			t.Error(len(b))
		}
		m.r = bufio.NewReader(strings.NewReader(text))
		_ = m.visit("https://a/", nil)
	})
}

func FuzzDevTools(f *testing.F) {
	f.Add(`{"id":1,"result":{}}` + "\x00")
	f.Add("\x00\x00[")
	f.Fuzz(func(t *testing.T, text string) {
		c := &devTools{w: io.Discard, waiting: map[int]chan devMessage{1: make(chan devMessage, 1)}}
		c.read(strings.NewReader(text))
		if err := c.call(context.Background(), "", "x", nil, nil); !errors.Is(err, c.ended) {
			t.Error(err)
		}
	})
}

// deaf is a connection that takes every order.
type deaf struct{ io.Reader }

func (deaf) Write(b []byte) (int, error)      { return len(b), nil }
func (deaf) Close() error                     { return nil }
func (deaf) LocalAddr() net.Addr              { return nil }
func (deaf) RemoteAddr() net.Addr             { return nil }
func (deaf) SetDeadline(time.Time) error      { return nil }
func (deaf) SetReadDeadline(time.Time) error  { return nil }
func (deaf) SetWriteDeadline(time.Time) error { return nil }
