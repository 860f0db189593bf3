package dropin_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// Messages go and come over a WebSocket to a server that speaks HTTP/2 with
// everybody else (RFC 6455; its Upgrade is HTTP/1.1's), by each way to a transport.
func TestWebSocket(t *testing.T) {
	w := newWorld(t)
	for _, server := range []string{"good", "revoked"} {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.ProtoMajor == 2 {
				return
			}
			c, err := websocket.Accept(rw, r, nil)
			if err != nil {
				return
			}
			defer c.CloseNow()
			kind, message, err := c.Read(r.Context())
			if err == nil {
				c.Write(r.Context(), kind, append([]byte("echo "), message...))
			}
			c.Close(websocket.StatusNormalClosure, "")
		}))
		pair, err := tls.LoadX509KeyPair(filepath.Join(w.dir, server+".pem"), filepath.Join(w.dir, server+".key"))
		if err != nil {
			t.Fatal(err)
		}
		s.TLS, s.EnableHTTP2 = &tls.Config{Certificates: []tls.Certificate{pair}}, true
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		defer s.Close()
		v := w.verifier()
		configured := http.DefaultTransport.(*http.Transport).Clone()
		if err := v.ConfigureTransport(configured); err != nil {
			t.Fatal(err)
		}
		for name, rt := range map[string]http.RoundTripper{"Transport": v.Transport(), "ConfigureTransport": configured} {
			t.Run(server+" "+name, func(t *testing.T) {
				client := &http.Client{Transport: rt}
				defer client.CloseIdleConnections()
				if server == "good" { // an HTTP/2 connection is at hand
					resp, err := client.Get(s.URL)
					if err != nil || resp.ProtoMajor != 2 {
						t.Fatalf("%+v, %v", resp, err)
					}
					resp.Body.Close()
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				c, _, err := websocket.Dial(ctx, strings.Replace(s.URL, "https:", "wss:", 1), &websocket.DialOptions{HTTPClient: client})
				want(t, server, err)
				if err != nil {
					return
				}
				defer c.CloseNow()
				if err := c.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
					t.Fatal(err)
				}
				if _, message, err := c.Read(ctx); err != nil || string(message) != "echo hello" {
					t.Errorf("%q, %v", message, err)
				}
			})
		}
	}
}
