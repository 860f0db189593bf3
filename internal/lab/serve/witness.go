package serve

import (
	"crypto/tls"
	"net"
	"net/http"
	"slices"
)

// Sight is what a server of the lab saw a client do. Of one connection there are up to
// three sights, in this order: it was made, a ClientHello came, a request came.
type Sight struct {
	Scenario string

	Hello      bool   // a ClientHello came, with what follows
	ServerName string // the name that it has; "" is none
	TLS13      bool   // it offers TLS 1.3

	Request bool   // a request came: the client trusts the server
	Path    string // of the request
}

// see tells the witness.
func (l *Lab) see(s Sight) {
	if l.witness != nil {
		l.witness(s)
	}
}

// witnessed has what the server of b's scenario sees told.
func (b *build) witnessed(cfg *tls.Config, h http.Handler, ln net.Listener) (http.Handler, net.Listener) {
	if b.l.witness == nil {
		return h, ln
	}
	name := b.s.Name
	certificate := cfg.GetCertificate
	cfg.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		b.l.see(Sight{Scenario: name, Hello: true, ServerName: hello.ServerName, TLS13: slices.Contains(hello.SupportedVersions, tls.VersionTLS13)})
		return certificate(hello)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.l.see(Sight{Scenario: name, Request: true, Path: r.URL.Path})
		h.ServeHTTP(w, r)
	}), watchedListener{ln, func() { b.l.see(Sight{Scenario: name}) }}
}

// watchedListener tells of every connection.
type watchedListener struct {
	net.Listener
	accepted func()
}

func (l watchedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.accepted()
	}
	return c, err
}
