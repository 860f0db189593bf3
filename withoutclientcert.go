package assay

import (
	"crypto/tls"
	"errors"
	"reflect"
)

// WithoutClientCert returns a copy of base that asks clients for no certificate, and
// says so in a way that [Verifier.ServerConfig] believes. Return it from the
// GetConfigForClient of a base config for the names of a server that take no client
// certificate; any other config there that does not verify clients is an error, since
// it may be a mistake.
//
// TLS binds no request to the name of its handshake. A client may ask for one name
// without a certificate and then send requests for another over the same connection
// (RFC 9110, 7.4). So a handler for names that need a certificate must look for one in
// every request's TLS.VerifiedChains, or answer 421 if Host is not TLS.ServerName.
func WithoutClientCert(base *tls.Config) *tls.Config {
	c := &tls.Config{}
	if base != nil {
		c = base.Clone()
	}
	c.ClientAuth, c.ClientCAs = tls.NoClientCert, nil
	c.VerifyConnection = asksNobody(c.VerifyConnection)
	return c
}

// asksNobody makes the VerifyConnection by which configs of WithoutClientCert are
// known. It must not be inlined: every copy of the function would be another one.
//
//go:noinline
func asksNobody(inner func(tls.ConnectionState) error) func(tls.ConnectionState) error {
	return func(cs tls.ConnectionState) error {
		if len(cs.PeerCertificates) > 0 {
			return errAsked
		}
		if inner != nil {
			return inner(cs)
		}
		return nil
	}
}

// errAsked is how a handshake ends in which a client sent a certificate that nobody
// would judge.
var errAsked = errors.New("assay: a config of WithoutClientCert was changed to ask for client certificates, which nobody would judge")

// isWithoutClientCert reports whether c comes from WithoutClientCert and asks for none.
func isWithoutClientCert(c *tls.Config) bool {
	return c.ClientAuth == tls.NoClientCert && hookOf(c) == reflect.ValueOf(asksNobody(nil)).Pointer()
}
