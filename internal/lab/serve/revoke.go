package serve

import (
	"crypto"
	"net/http"

	"github.com/assaytls/assay/internal/lab/forge"
)

// staple gives s a stapled response about its leaf, good unless o has
// Singles, signed by signer or, when nil, by the issuer.
func (b *build) staple(s *site, o forge.OCSP, signer *forge.CA) {
	leaf := b.issue(s)
	if o.Singles == nil {
		o.Singles = []forge.Single{s.issuer.Good(leaf.Serial)}
	}
	if signer == nil {
		signer = s.issuer.CA
	}
	s.staple = o.Sign(signer)
}

// responder starts an OCSP responder of this scenario's own and returns its
// URL. The answer is the issuer's honest one until edit changes it; edit may
// return another signer.
func (b *build) responder(s *site, edit func(q request, o *forge.OCSP) *forge.CA) string {
	b.l.web.handle("/"+b.s.Name+"/ocsp", serveOCSP(func(q request) []byte {
		o := forge.OCSP{Singles: []forge.Single{s.issuer.single(q)}, Nonce: q.nonce}
		signer := s.issuer.CA
		if other := edit(q, &o); other != nil {
			signer = other
		}
		return o.Sign(signer)
	}))
	return b.url("ocsp")
}

// file and handler put something below the scenario's URL.
func (b *build) file(name string, body []byte) {
	b.l.web.handle("/"+b.s.Name+"/"+name, serveBytes("application/octet-stream", body))
}

func (b *build) handler(name string, h http.HandlerFunc) {
	b.l.web.handle("/"+b.s.Name+"/"+name, h)
}

// certID names a certificate of issuer as OCSP requests usually do.
func certID(issuer *authority, serial []byte) []byte {
	return forge.CertID(crypto.SHA1, issuer.Name, issuer.Key, serial)
}

// revokedFirst staples a response that says revoked, to who asks for the
// scenario's First.
func (b *build) revokedFirst(s *site) {
	b.issue(s)
	s.first = forge.OCSP{Singles: []forge.Single{s.issuer.RevokedSingle(s.leaf.Serial, forge.KeyCompromise)}}.Sign(s.issuer.CA)
}
