package web

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/fleet/watch"
)

// listen opens a stream at a real server. next returns the fields of the next message,
// nil at the end.
func listen(t *testing.T, url string, headers ...string) (status int, next func() map[string]string, leave func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); a.Body.Close() })
	lines := bufio.NewScanner(a.Body)
	return a.StatusCode, func() map[string]string {
		message := map[string]string{}
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case lines.Text() == "" && message["event"] != "":
				return message
			case name != "":
				message[name] = value
			}
		}
		return nil
	}, cancel
}

// TestStream: a browser hears of what happens once, also of what happened while it was
// away, whatever names have in them, and streams are bounded.
func TestStream(t *testing.T) {
	s, err := start(t, Settings{}, loopback, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The server's bounds of a request are shorter than a stream.
	server := httptest.NewUnstartedServer(s)
	server.Config.ReadTimeout, server.Config.WriteTimeout = time.Second, time.Second
	server.Config.RegisterOnShutdown(s.EndStreams)
	server.Start()
	defer server.Close()
	events := server.URL + "/events"
	_, next, leave := listen(t, events)
	time.Sleep(1500 * time.Millisecond)
	fill(t, s, 3, "\r\n\r\nevent: reload\u202e<b>")
	var last string
	for n := range 3 {
		m := next()
		var data struct {
			Target     int64
			Text, Name string
		}
		if m["event"] != "change" || json.Unmarshal([]byte(m["data"]), &data) != nil || data.Target == 0 || n == 0 && !strings.Contains(data.Text, "The first check: ") || strings.ContainsAny(data.Text+data.Name, "\r\n\u202e") {
			t.Fatalf("%d: %v", n, m)
		}
		if n == 0 {
			last = m["id"]
		}
	}
	leave()
	// Away after the first: the second is the next.
	_, again, _ := listen(t, events, "Last-Event-ID", last)
	if m := again(); m["id"] != fmt.Sprint(number(t, last)+1) {
		t.Errorf("after %s: %v", last, m)
	}
	_, again, _ = listen(t, events+"?after="+last)
	if m := again(); m["id"] != fmt.Sprint(number(t, last)+1) {
		t.Errorf("after %s: %v", last, m)
	}
	// Away for long: the page is loaded again instead.
	fill(t, s, 150, "more")
	_, again, _ = listen(t, events, "Last-Event-ID", "0")
	if m := again(); m["event"] != "reload" {
		t.Errorf("after many: %v", m)
	}
	if status, _, _ := listen(t, events+"?after=x"); status != 400 {
		t.Errorf("after a word: %d", status)
	}
	if status, _, _ := listen(t, events, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"); status != 403 {
		t.Errorf("another site: %d", status)
	}
	refused := 0
	for range streamsOfClient {
		if status, _, _ := listen(t, events); status == 429 {
			refused++
		}
	}
	if refused == 0 {
		t.Error("a client has as many streams as it likes")
	}
	s.EndStreams()
	s.EndStreams()
	if m := again(); m != nil {
		t.Errorf("after the end: %v", m)
	}
	if status, _, _ := listen(t, events); status != 503 {
		t.Errorf("a stream after the end: %d", status)
	}
}

func number(t *testing.T, s string) (n int64) {
	t.Helper()
	if _, err := fmt.Sscan(s, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSlowStream: whoever does not read what is sent is ended and does not hold up others.
func TestSlowStream(t *testing.T) {
	x := streams{open: map[*stream]struct{}{}, clients: map[string]int{}, done: make(chan struct{})}
	one := x.enter("a")
	for range cap(one.events) + 2 {
		x.tell([]watch.Event{{ID: 1}})
	}
	for range one.events { // ends when it is closed
	}
	x.leave(one, "a")
	if len(x.open) != 0 || len(x.clients) != 0 {
		t.Error(x.open, x.clients)
	}
}
