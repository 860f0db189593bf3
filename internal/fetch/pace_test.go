package fetch

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
)

// Each request waits for its turn, those that follow redirects too, and the wait
// for the first is not the server's.
func TestPace(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/from" {
			http.Redirect(w, r, "/to", http.StatusFound)
		}
	}))
	defer s.Close()
	var asked []string
	c := Client{Timeout: 300 * time.Millisecond, Pace: func(ctx context.Context, host string) error {
		if asked = append(asked, host); len(asked) == 1 {
			time.Sleep(500 * time.Millisecond)
		}
		return nil
	}}
	r := Request{URL: s.URL + "/from", Scope: Scope{Loopback: true}}
	if resp, f := c.Do(context.Background(), r); f != nil || resp.Redirects != 1 || !slices.Equal(asked, []string{"127.0.0.1", "127.0.0.1"}) {
		t.Errorf("%+v %+v %v", resp, f, asked)
	}
	c.Pace = func(context.Context, string) error { return errors.New("never") }
	if _, f := c.Do(context.Background(), r); f == nil || f.ID != finding.FetchTimeout {
		t.Errorf("%+v", f)
	}
}
