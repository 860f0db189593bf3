// Package resolver asks a DNS resolver that the user named for TLSA, MX and SRV
// records. It does not verify DNSSEC: the resolver does, and says so by the AD
// bit (RFC 6840, 5.8), which counts where nobody else can have set it: over
// loopback and over TLS.
package resolver

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/assaytls/assay/evidence"
)

// Resolver is a resolver that the user named. It is immutable and safe for
// concurrent use.
type Resolver struct {
	text    string
	network string // "udp", "tcp", "tls"
	addr    string
	host    string // of tls: the name that its certificate must have
	roots   *x509.CertPool
	channel evidence.Channel
}

// Timeout bounds one question, all tries and both protocols together.
const Timeout = 5 * time.Second

// tries is how often a question is sent by UDP.
const tries = 3

// maxMessage bounds an answer: the longest that DNS has.
const maxMessage = 1<<16 - 1

// Parse reads how people name a resolver: ADDR or ADDR:PORT, udp:// or tcp://
// before it, or tls://HOST, tls://HOST:PORT for DNS over TLS (RFC 7858), whose
// certificate is verified under roots (nil: the system's). Only over TLS may it
// have a name, for who answers for a name in plain DNS is not known.
func Parse(s string, roots *x509.CertPool) (*Resolver, error) {
	r := &Resolver{text: s, network: "udp", roots: roots, channel: evidence.ChannelPlain}
	rest, port := s, "53"
	if scheme, after, ok := strings.Cut(s, "://"); ok {
		r.network, rest = strings.ToLower(scheme), after
	}
	switch r.network {
	case "udp", "tcp":
	case "tls":
		port, r.channel = "853", evidence.ChannelTLS
	default:
		return nil, fmt.Errorf("%q: assay knows udp://, tcp:// and tls://", s)
	}
	host := strings.TrimSuffix(strings.TrimPrefix(rest, "["), "]")
	if _, err := netip.ParseAddr(host); err != nil {
		if h, p, err := net.SplitHostPort(rest); err == nil {
			host, port = h, p
		}
	}
	if n, err := net.LookupPort("tcp", port); err != nil || n == 0 {
		return nil, fmt.Errorf("%q: %q is not a port", s, port)
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case err == nil && addr.Unmap().IsLoopback() && r.network != "tls":
		r.channel = evidence.ChannelLoopback
	case err == nil || r.network == "tls" && host != "" && !strings.ContainsAny(host, " /:@[]"):
	default:
		return nil, fmt.Errorf("%q: a resolver is an IP address, like 127.0.0.1 or 127.0.0.1:5353, or tls://HOST", s)
	}
	r.host, r.addr = host, net.JoinHostPort(host, port)
	return r, nil
}

// String returns what the user wrote.
func (r *Resolver) String() string { return r.text }

// Channel says how the resolver is reached.
func (r *Resolver) Channel() evidence.Channel { return r.channel }

// Net returns the resolver in the form in which package net asks for addresses.
func (r *Resolver) Net() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		if r.network != "udp" {
			network = r.network
		} else if strings.HasPrefix(network, "tcp") {
			network = "tcp"
		} else {
			network = "udp"
		}
		return r.dial(ctx, network)
	}}
}

func (r *Resolver) dial(ctx context.Context, network string) (net.Conn, error) {
	if network != "tls" {
		return new(net.Dialer).DialContext(ctx, network, r.addr)
	}
	d := tls.Dialer{Config: &tls.Config{ServerName: r.host, RootCAs: r.roots, NextProtos: []string{"dot"}, MinVersion: tls.VersionTLS12}}
	return d.DialContext(ctx, "tcp", r.addr)
}

// exchange sends a question and returns the answer to it.
func (r *Resolver) exchange(ctx context.Context, name string, qtype uint16) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	var id [2]byte
	rand.Read(id[:])
	q, err := newQuestion(binary.BigEndian.Uint16(id[:]), name, qtype)
	if err != nil {
		return nil, err
	}
	if r.network == "udp" {
		a, err := r.byDatagram(ctx, q)
		if err != nil || !a.truncated {
			return a, err
		}
		return r.byStream(ctx, "tcp", q)
	}
	return r.byStream(ctx, r.network, q)
}

// byDatagram asks by UDP. What does not belong to the question is passed over:
// anybody may send it.
func (r *Resolver) byDatagram(ctx context.Context, q *question) (*answer, error) {
	conn, err := r.dial(ctx, "udp")
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	end, _ := ctx.Deadline()
	buf := make([]byte, maxMessage)
	last := errors.New("no answer came")
	for try := range tries {
		if _, err := conn.Write(q.wire); err != nil {
			return nil, err
		}
		until := time.Now().Add(time.Until(end) / time.Duration(tries-try))
		conn.SetReadDeadline(until)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
					return nil, ctx.Err()
				}
				var t net.Error
				if !errors.As(err, &t) || !t.Timeout() {
					return nil, err
				}
				break
			}
			a, err := q.read(buf[:n])
			if err == nil {
				return a, nil
			}
			last = err
		}
	}
	return nil, fmt.Errorf("the resolver did not answer within %s: %w", Timeout, last)
}

// byStream asks by TCP or TLS.
func (r *Resolver) byStream(ctx context.Context, network string, q *question) (*answer, error) {
	conn, err := r.dial(ctx, network)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	end, _ := ctx.Deadline()
	conn.SetDeadline(end)
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(q.wire))), q.wire...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	buf := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, buf); err != nil {
		return nil, err
	}
	return q.read(buf)
}
