// Package assaygrpc makes gRPC connections whose handshakes assay judges.
//
//	creds, err := assaygrpc.NewClient(v, nil)
//	conn, err := grpc.NewClient("api.example.com:443", grpc.WithTransportCredentials(creds))
//
// The standard library's verification stays on; assay is added to it: revocation
// of every certificate, Certificate Transparency and strict rules, as the
// Verifier's Config says. A server made with [NewServer] checks the certificates
// of its clients in the same way.
//
// gRPC connects by itself, through a proxy perhaps, so downloads go to public
// addresses only. Services whose lists and responders have private addresses
// want [assay.Config] with PrivateFetch, as [assay.Internal] has it.
//
// A connection ends when a revocation is learnt after which it is accepted no
// longer, at a client and at a server; its streams end with the code Unavailable.
//
// gRPC turns the error of a handshake into the text of a status (code
// Unavailable); [Client.Refusal] and [Client.Refusals] have the report behind it. Everything here is
// safe for concurrent use. HTTP/2 is negotiated by ALPN (RFC 9113, 3.2); peers
// that do not negotiate it are refused.
package assaygrpc

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"slices"
	"sync"

	"google.golang.org/grpc/credentials"

	"github.com/assaytls/assay"
)

// Client holds a client's credentials. Make it with [NewClient].
type Client struct {
	v        *assay.Verifier
	base     *tls.Config
	refusals *refusals // shared by clones
}

// refusals remembers how handshakes ended.
type refusals struct {
	mu   sync.Mutex
	last *assay.Error            // nil: the last one was not refused
	of   map[string]*assay.Error // by address: those whose last one was
}

// maxRefusals is how many addresses are remembered.
const maxRefusals = 64

// note remembers the end of a handshake with addr; refused is nil when it was no
// refusal.
func (r *refusals) note(addr string, refused *assay.Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = refused
	if refused == nil {
		delete(r.of, addr)
		return
	}
	if _, known := r.of[addr]; !known && len(r.of) >= maxRefusals {
		for one := range r.of { // any: a channel to so many has a resolver's list
			delete(r.of, one)
			break
		}
	}
	r.of[addr] = refused
}

// NewClient returns credentials for clients of servers that v accepts. base may
// be nil; its certificates are shown to servers that ask. The error is
// [assay.Verifier.ClientConfig]'s.
func NewClient(v *assay.Verifier, base *tls.Config) (*Client, error) {
	if _, err := v.ClientConfig(base); err != nil {
		return nil, err
	}
	return &Client{v, withHTTP2(base), &refusals{of: map[string]*assay.Error{}}}, nil
}

// ClientHandshake completes a judged handshake over raw within ctx. The name in
// the certificate must be authority's host.
func (c *Client) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conf := c.base.Clone() // one for each handshake: the name and the context differ
	conf.ServerName = authority
	if host, _, err := net.SplitHostPort(authority); err == nil {
		conf.ServerName = host
	}
	conn, err := c.v.Handshake(ctx, raw, conf)
	var refused *assay.Error // stays nil for another failure
	errors.As(err, &refused)
	c.refusals.note(raw.RemoteAddr().String(), refused)
	if err != nil {
		raw.Close()
		return nil, nil, err
	}
	return secured(conn)
}

// Refusal is the refusal of the last handshake, nil when it passed or failed for
// another reason than the server's certificates. That is the handshake of which
// the status of a failed call tells where gRPC tries one address after the other;
// where it uses several at once, see [Client.Refusals].
func (c *Client) Refusal() *assay.Error {
	c.refusals.mu.Lock()
	defer c.refusals.mu.Unlock()
	return c.refusals.last
}

// Refusals are the refusals of the servers' addresses, "host:port", whose last
// handshake was refused: 64 at most.
func (c *Client) Refusals() map[string]*assay.Error {
	c.refusals.mu.Lock()
	defer c.refusals.mu.Unlock()
	return maps.Clone(c.refusals.of)
}

// ServerHandshake fails: these are a client's credentials.
func (c *Client) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("assaygrpc: a client's credentials cannot serve; use NewServer")
}

// Info describes the credentials to gRPC.
func (c *Client) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls", ServerName: c.base.ServerName}
}

// Clone returns a copy that shares the Verifier and the refusals.
func (c *Client) Clone() credentials.TransportCredentials {
	return &Client{c.v, c.base.Clone(), c.refusals}
}

// OverrideServerName sets the server name; gRPC does not call it any more.
// Unlike all else it must not be called while handshakes run.
func (c *Client) OverrideServerName(name string) error {
	c.base.ServerName = name
	return nil
}

// Server holds a server's credentials. Make it with [NewServer].
type Server struct{ conf *tls.Config }

// NewServer returns credentials for a server whose clients' certificates v
// judges. base needs a certificate and one of the two ClientAuth modes that
// verify; the error is [assay.Verifier.ServerConfig]'s.
func NewServer(v *assay.Verifier, base *tls.Config) (*Server, error) {
	if base != nil {
		base = withHTTP2(base)
		if choose := base.GetConfigForClient; choose != nil {
			base.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				chosen, err := choose(hello)
				if chosen == nil || err != nil {
					return chosen, err
				}
				return withHTTP2(chosen), nil
			}
		}
	}
	conf, err := v.ServerConfig(base)
	if err != nil {
		return nil, err
	}
	return &Server{conf}, nil
}

// ServerHandshake completes a judged handshake over raw. gRPC bounds it by a
// deadline on raw.
func (s *Server) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn := tls.Server(raw, s.conf)
	if err := conn.Handshake(); err != nil {
		raw.Close()
		return nil, nil, err
	}
	return secured(conn)
}

// ClientHandshake fails: these are a server's credentials.
func (s *Server) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("assaygrpc: a server's credentials cannot connect; use NewClient")
}

// Info describes the credentials to gRPC.
func (s *Server) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

// Clone returns a copy, which shares the tickets' keys.
func (s *Server) Clone() credentials.TransportCredentials { return &Server{s.conf.Clone()} }

// OverrideServerName does nothing on a server.
func (s *Server) OverrideServerName(string) error { return nil }

// secured hands a connection to gRPC, if it is to speak HTTP/2.
func secured(conn *tls.Conn) (net.Conn, credentials.AuthInfo, error) {
	cs := conn.ConnectionState()
	if cs.NegotiatedProtocol != "h2" {
		conn.Close()
		return nil, nil, errors.New("assaygrpc: the peer did not negotiate HTTP/2 (ALPN h2)")
	}
	return conn, credentials.TLSInfo{State: cs, CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}}, nil
}

// withHTTP2 copies base, offering HTTP/2 by ALPN.
func withHTTP2(base *tls.Config) *tls.Config {
	if base == nil {
		base = &tls.Config{}
	}
	c := base.Clone()
	if c.MinVersion == 0 {
		c.MinVersion = tls.VersionTLS12
	}
	if !slices.Contains(c.NextProtos, "h2") {
		c.NextProtos = append(slices.Clone(c.NextProtos), "h2")
	}
	return c
}
