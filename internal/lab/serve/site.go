package serve

import (
	"bufio"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
)

// site is a TLS server about to be started: a good one, until its scenario
// changes it.
type site struct {
	issuer *authority
	cert   forge.Cert
	names  [][]byte // the SAN; set into cert when it is issued
	chain  [][]byte // sent after the leaf
	tls    tls.Config
	noSCTs bool // embed none

	signWith *forge.Key // for the handshake, instead of the leaf's key
	also     *site      // another certificate, for clients that name ECDSA first

	// Set by issue.
	leaf   *forge.CA
	staple []byte
	first  []byte   // the staple for the scenario's First
	scts   [][]byte // for the TLS extension
}

// site returns the description of a good server: a P-256 leaf of the issuing
// CA for the scenario's host and for the address, which programs use that do not know the
// lab's names, with pointers to honest services and two SCTs.
func (b *build) site() *site { return b.siteOf(b.l.pki.ica) }

// siteOf is site with another issuer.
func (b *build) siteOf(issuer *authority) *site {
	s := &site{issuer: issuer, names: [][]byte{forge.DNS(b.s.Host), forge.IP("127.0.0.1")}, chain: [][]byte{issuer.Raw}}
	s.cert.Subject = forge.CN(b.s.Host)
	s.cert.Key = forge.P256()
	s.cert.Serial = forge.RandomSerial()
	s.cert.NotBefore = time.Now().Add(-48 * time.Hour)
	s.cert.NotAfter = time.Now().AddDate(0, 0, 60)
	s.cert.Extensions = append(issuer.ServerExts(s.cert.Key), issuer.pointers()...)
	return s
}

// key gives the leaf another key.
func (s *site) key(k *forge.Key) *site {
	s.cert.Key = k
	return s.set(forge.SKI(k.ID()))
}

// set replaces or adds extensions; drop removes one.
func (s *site) set(exts ...forge.Ext) *site {
	s.cert.Extensions = forge.Merge(s.cert.Extensions, exts...)
	return s
}

func (s *site) drop(oid string) *site {
	s.cert.Extensions = forge.Without(s.cert.Extensions, oid)
	return s
}

// oidCRLDP is the extension that scenarios drop.
const oidCRLDP = "2.5.29.31"

// onlyCRL and onlyOCSP leave one kind of pointer, to the given addresses.
func (s *site) onlyCRL(urls ...string) *site {
	return s.set(forge.AIA(nil, []string{s.issuer.cerURL}), forge.CRLDP(urls...))
}

func (s *site) onlyOCSP(urls ...string) *site {
	return s.drop(oidCRLDP).set(forge.AIA(urls, []string{s.issuer.cerURL}))
}

// noPointers removes both.
func (s *site) noPointers() *site {
	return s.drop(oidCRLDP).set(forge.AIA(nil, []string{s.issuer.cerURL}))
}

// issue signs the leaf.
func (b *build) issue(s *site) *forge.CA {
	if s.leaf != nil {
		return s.leaf
	}
	c := s.cert
	if s.names != nil {
		c.Extensions = append(c.Extensions[:len(c.Extensions):len(c.Extensions)], forge.SAN(s.names...))
	}
	logs := b.l.pki.logs
	if s.noSCTs {
		s.leaf = s.issuer.Issue(c)
	} else {
		s.leaf = s.issuer.WithSCTs(c, func(tbs []byte) [][]byte {
			return [][]byte{logs.alpha.promise().SignPrecert(logs.alpha.Key, s.issuer.Key, tbs), logs.beta.promise().SignPrecert(logs.beta.Key, s.issuer.Key, tbs)}
		})
	}
	s.issuer.know(s.leaf.Serial)
	return s.leaf
}

// serve issues the leaf if need be and starts the server.
func (b *build) serve(s *site) {
	leaf := b.issue(s)
	b.s.Leaf, b.s.Chain = leaf.Raw, s.chain
	pair := leaf.TLS(s.chain...)
	if s.signWith != nil {
		pair.PrivateKey = s.signWith.Signer
	}
	pair.OCSPStaple, pair.SignedCertificateTimestamps = s.staple, s.scts
	cfg := s.tls.Clone()
	// GetCertificate keeps crypto/tls from parsing what it serves.
	var also *tls.Certificate
	if s.also != nil {
		other := b.issue(s.also).TLS(s.also.chain...)
		also = &other
	}
	first := pair
	first.OCSPStaple = s.first
	cfg.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if b.s.First != "" && hello.ServerName == b.s.First {
			return &first, nil
		}
		if at := slices.Index(hello.SignatureSchemes, tls.PSSWithSHA256); also != nil &&
			(at < 0 || slices.Contains(hello.SignatureSchemes[:at], tls.ECDSAWithP256AndSHA256)) {
			return also, nil
		}
		return &pair, nil
	}
	page, ln := b.witnessed(cfg, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "lab scenario "+b.s.Name+"\n")
	}), b.listen())
	srv := &http.Server{TLSConfig: cfg, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: 10 * time.Second, Handler: page}
	b.l.closers = append(b.l.closers, func() { srv.Close() })
	b.l.wg.Go(func() { srv.ServeTLS(ln, "", "") })
}

// good serves a site as it is, after edit.
func (b *build) good(edit func(*site)) {
	s := b.site()
	if edit != nil {
		edit(s)
	}
	b.serve(s)
}

func (b *build) listen() net.Listener {
	ln, err := b.l.listen()
	b.must(err)
	b.s.Addr = ln.Addr().String()
	_, b.s.Port, _ = net.SplitHostPort(b.s.Addr)
	return ln
}

// raw starts a server that handles connections itself. The connection is
// closed when handle returns, and when the lab closes.
func (b *build) raw(handle func(c *net.TCPConn)) {
	ln := b.listen()
	b.l.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			b.l.see(Sight{Scenario: b.s.Name})
			b.l.wg.Go(func() {
				done := make(chan struct{})
				go func() {
					select {
					case <-b.ctx.Done():
						c.Close()
					case <-done:
					}
				}()
				handle(c.(*net.TCPConn))
				close(done)
				c.Close()
			})
		}
	})
}

// readRecord reads one TLS record, the ClientHello as a rule.
func readRecord(c net.Conn) {
	r := bufio.NewReader(c)
	head := make([]byte, 5)
	if _, err := io.ReadFull(r, head); err != nil {
		return
	}
	io.CopyN(io.Discard, r, int64(head[3])<<8|int64(head[4]))
}
