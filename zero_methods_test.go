package assay_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"reflect"
	"testing"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/evidence"
)

// No method of the zero Verifier, nor of one that is closed, panics, whatever it is
// given: every argument is a zero value once, and a plausible one the other time.
func TestNoVerifierPanics(t *testing.T) {
	closed := newVerifier(t, newWorld(t).config(assay.Config{Network: assay.Offline}))
	closed.Close()
	a, b := net.Pipe()
	b.Close()
	plausible := map[reflect.Type]any{
		reflect.TypeFor[context.Context]():      t.Context(),
		reflect.TypeFor[*tls.Config]():          &tls.Config{ServerName: "localhost", ClientAuth: tls.RequireAndVerifyClientCert},
		reflect.TypeFor[net.Conn]():             a,
		reflect.TypeFor[string]():               "127.0.0.1:1",
		reflect.TypeFor[*http.Transport]():      &http.Transport{},
		reflect.TypeFor[*tls.ConnectionState](): &tls.ConnectionState{},
		reflect.TypeFor[*evidence.Evidence]():   &evidence.Evidence{},
		reflect.TypeFor[assay.Target]():         assay.Target{Host: "127.0.0.1", Port: "1"},
		reflect.TypeFor[error]():                net.ErrClosed,
	}
	for name, v := range map[string]*assay.Verifier{"zero": {}, "closed": closed} {
		for i := range reflect.TypeOf(v).NumMethod() {
			method := reflect.TypeOf(v).Method(i)
			for _, zero := range []bool{true, false} {
				args := []reflect.Value{reflect.ValueOf(v)}
				for k := 1; k < method.Type.NumIn(); k++ {
					in := method.Type.In(k)
					arg := reflect.Zero(in)
					if p, ok := plausible[in]; ok && (!zero || in == reflect.TypeFor[context.Context]() || in == reflect.TypeFor[net.Conn]()) {
						arg = reflect.ValueOf(p)
					}
					if method.Type.IsVariadic() && k == method.Type.NumIn()-1 {
						if zero {
							continue
						}
						arg = reflect.Zero(in.Elem())
					}
					args = append(args, arg)
				}
				func() {
					defer func() {
						if x := recover(); x != nil {
							t.Errorf("%s Verifier, %s, zero arguments %v: panic %v", name, method.Name, zero, x)
						}
					}()
					method.Func.Call(args)
				}()
			}
		}
	}
}

// A request without URL or header is an error.
func TestRequestWithoutURL(t *testing.T) {
	v := newVerifier(t, newWorld(t).config(assay.Config{Network: assay.Offline}))
	configured := &http.Transport{}
	if err := v.ConfigureTransport(configured); err != nil {
		t.Fatal(err)
	}
	var zero assay.Verifier
	for name, rt := range map[string]http.RoundTripper{"Transport": v.Transport(), "ConfigureTransport": configured, "zero": zero.Transport(), "the zero Transport": &assay.Transport{}} {
		for _, r := range []*http.Request{{}, {Method: "GET"}, {Method: "GET", Header: http.Header{}}} {
			if resp, err := rt.RoundTrip(r); err == nil {
				resp.Body.Close()
				t.Errorf("%s: %+v was sent", name, r)
			}
		}
	}
}
