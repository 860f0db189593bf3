package fetch

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
)

func (a *account) now() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.used
}

// However many large bodies come at once, the bound holds, and all arrive.
func TestUnderWay(t *testing.T) {
	const downloads, size, limit = 16, 6 << 20, 4 << 20
	a := &account{limit: limit}
	want := bytes.Repeat([]byte("0123456789abcde\n"), size/16)
	var mu sync.Mutex
	var most int64
	var begun sync.WaitGroup
	begun.Add(downloads)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		begun.Done()
		for i := 0; i < size; i += 64 << 10 {
			if i == 2<<20 {
				begun.Wait() // so that all are under way
			}
			w.Write(want[i : i+64<<10])
			w.(http.Flusher).Flush()
			mu.Lock()
			most = max(most, a.now())
			mu.Unlock()
		}
	})
	c := &Client{Timeout: time.Minute, MaxBytes: size + 1000, underWay: a}
	var all sync.WaitGroup
	for i := range downloads {
		all.Go(func() {
			var into bytes.Buffer
			r := Request{URL: s.URL, Scope: loopback}
			if i%2 == 0 {
				r.Into = &into
			}
			resp, f := c.Do(context.Background(), r)
			if f != nil {
				t.Error(f)
				return
			}
			if !bytes.Equal(append(into.Bytes(), resp.Body...), want) || resp.Bytes != size {
				t.Error("another body came")
			}
		})
	}
	all.Wait()
	if t.Logf("at most %d octets", most); most > limit+size*3/2+1000 || most == 0 {
		t.Errorf("%d octets were under way", most)
	}
	if n := a.now(); n != 0 || a.beyond != nil {
		t.Errorf("%d octets are left", n)
	}
}

// Small bodies never wait; a large one waits until its time has ended and no
// longer, and comes when there is room.
func TestUnderWayWaits(t *testing.T) {
	a := &account{limit: 1 << 20}
	most := map[string]int64{"/small": 1 << 20, "/large": 5 << 20}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, io.LimitReader(zeros{}, most[r.URL.Path]))
	})
	get := func(path string, timeout time.Duration) *Failure {
		_, f := (&Client{Timeout: timeout, underWay: a}).Do(context.Background(), Request{URL: s.URL + path, Scope: loopback, MaxBytes: most[path]})
		return f
	}
	other := &share{of: a}
	if err := other.take(context.Background(), 100<<20); err != nil { // the one that may go past the bound
		t.Fatal(err)
	}
	if f := get("/small", 10*time.Second); f != nil {
		t.Error(f)
	}
	start := time.Now()
	f := get("/large", 300*time.Millisecond)
	if wantFailure(t, f, finding.FetchTimeout); !strings.Contains(f.Detail, "memory") || time.Since(start) > 5*time.Second {
		t.Errorf("after %s: %s", time.Since(start), f.Detail)
	}
	if n := a.now(); n != 98<<20 {
		t.Errorf("%d octets are counted", n)
	}
	time.AfterFunc(200*time.Millisecond, func() { other.give(other.have) })
	if f := get("/large", 30*time.Second); f != nil {
		t.Error(f)
	}
	if n := a.now(); n != 0 {
		t.Errorf("%d octets are left", n)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }
