package serve

import (
	"context"
	"crypto/tls"
	"net"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/scenarios"
)

// ServerPair issues a good certificate for a server of one's own.
func (l *Lab) ServerPair(host string) tls.Certificate {
	ica := l.pki.ica
	key := forge.P256()
	leaf := ica.Issue(forge.Cert{Key: key, Serial: forge.RandomSerial(), Subject: forge.CN(host),
		Extensions: append(ica.ServerExts(key, forge.DNS(host)), ica.pointers()...)})
	ica.know(leaf.Serial)
	return leaf.TLS(ica.Raw)
}

// ClientPairs issues two certificates for clients and revokes the second one.
// Call it before anybody asks for the list.
func (l *Lab) ClientPairs() (good, revoked tls.Certificate) {
	ica := l.pki.ica
	issue := func(name string) (*forge.CA, tls.Certificate) {
		key := forge.P256()
		leaf := ica.Issue(forge.Cert{Key: key, Serial: forge.RandomSerial(), Subject: forge.CN(name), Extensions: append(ica.pointers(),
			forge.BasicConstraints(false, -1), forge.KeyUsage(forge.DigitalSignature), forge.EKU(forge.ClientAuth), forge.SKI(key.ID()), forge.AKI(ica.Key.ID()))})
		ica.know(leaf.Serial)
		return leaf, leaf.TLS(ica.Raw)
	}
	_, good = issue("a client")
	gone, revoked := issue("a client that left")
	ica.revoke(gone.Serial, forge.Superseded)
	return good, revoked
}

// Resolver returns a resolver that finds every name below scenarios.Domain on loopback and
// no other name. It asks nobody outside this process.
func (l *Lab) Resolver() (*net.Resolver, error) {
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l.closers = append(l.closers, func() { pc.Close() })
	l.wg.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			if answer := loopbackAnswer(buf[:n]); answer != nil {
				pc.WriteTo(answer, from)
			}
		}
	})
	// A lookup may outlive what waited for it: the dialer has a resolver of its own so
	// that it does not read net.DefaultResolver, which tests set and restore.
	dialer := &net.Dialer{Resolver: &net.Resolver{}}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "udp4", pc.LocalAddr().String())
	}}, nil
}

func loopbackAnswer(query []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	switch {
	case !strings.HasSuffix(q.Name.String(), "."+scenarios.Domain+"."):
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60},
			Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
	}
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	return b
}
