package fetch

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
)

// Dots at the end of a name do not hide what it is from the check of what a
// proxy is asked for.
func TestProxyDots(t *testing.T) {
	asked := 0
	p := serve(t, func(http.ResponseWriter, *http.Request) { asked++ })
	pu, _ := url.Parse(p.URL)
	c := &Client{Proxy: func(*http.Request) (*url.URL, error) { return pu, nil }}
	for _, u := range []string{"http://127.0.0.1./", "http://127.0.0.1../", "http://localhost../", "http://a.localhost../"} {
		_, f := c.Do(context.Background(), Request{URL: u, Scope: loopback})
		wantFailure(t, f, finding.FetchRefusedAddress)
	}
	if asked != 0 {
		t.Errorf("the proxy was asked %d times", asked)
	}
}

// Every form that carries an IPv4 address has the class of that address.
func TestClassifyCarried(t *testing.T) {
	for a, want := range map[string]Class{
		"::ffff:0:127.0.0.1": Loopback, "::ffff:0:10.0.0.1": Private, "::ffff:0:169.254.169.254": Refused,
		"64:ff9b::7f00:1": Loopback, "2002:7f00:1::": Loopback, "::127.0.0.1": Loopback, "::ffff:127.0.0.1": Loopback,
	} {
		if got := Classify(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s is %s, want %s", a, got, want)
		}
	}
}

// Tags are kept only when they can be sent back without harm.
func TestTags(t *testing.T) {
	var tag, modified string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", tag)
		w.Header().Set("Last-Modified", modified)
	})
	past := time.Now().Add(-time.Minute).UTC().Format(http.TimeFormat)
	for _, c := range []struct{ etag, modified, wantETag, wantModified string }{
		{`"1"`, past, `"1"`, past},
		{`"` + strings.Repeat("x", 300) + `"`, time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), "", ""},
		{"", "yesterday", "", ""},
	} {
		tag, modified = c.etag, c.modified
		resp, f := (&Client{}).Do(context.Background(), Request{URL: s.URL, Scope: loopback})
		if f != nil || resp.ETag != c.wantETag || resp.LastModified != c.wantModified {
			t.Errorf("%+v: %+v %v", c, resp, f)
		}
	}
}

// A body without an end is read no further than the limit, with and without a
// length that was announced.
func TestEndlessBody(t *testing.T) {
	for _, length := range []string{"", "1099511627776"} {
		var sent atomic.Int64
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if length != "" {
				w.Header().Set("Content-Length", length)
			}
			for b := make([]byte, 1<<16); sent.Load() < 64<<20; {
				n, err := w.Write(b)
				if sent.Add(int64(n)); err != nil {
					return
				}
			}
		})
		_, f := (&Client{MaxBytes: 1 << 20}).Do(context.Background(), Request{URL: s.URL, Scope: loopback})
		wantFailure(t, f, finding.FetchTooLarge)
		s.CloseClientConnections()
		if n := sent.Load(); n > 32<<20 {
			t.Errorf("length %q: %d octets were taken", length, n)
		}
	}
}

// max-age=0 is as good as no-cache.
func TestMaxAgeZero(t *testing.T) {
	var control string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Cache-Control", control) })
	for c, want := range map[string]time.Duration{"max-age=0": 0, "no-cache": 0, "max-age=60": time.Minute, "max-age=60, no-cache": 0, `max-age="60"`: time.Minute} {
		control = c
		resp, f := (&Client{}).Do(context.Background(), Request{URL: s.URL, Scope: loopback})
		if f != nil {
			t.Fatal(f)
		}
		if d, ok := resp.FreshFor(); !ok || d != want {
			t.Errorf("%s: %s %v", c, d, ok)
		}
	}
}
