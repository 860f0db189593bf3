package serve

import (
	"crypto/sha256"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

// daneServers make the servers of the scenarios of the same group.
var daneServers = map[string]func(*build){
	"dane-match":    func(b *build) { b.good(nil); b.tlsa(true, b.record(b.s.Leaf)) },
	"dane-mismatch": func(b *build) { b.good(nil); b.tlsa(true, b.record(b.l.pki.root.Raw)) },
	"dane-second-certificate": func(b *build) {
		b.two(func(*site) {})
		b.tlsa(true, b.record(b.s.Leaf))
	},
	"dane-not-authenticated": func(b *build) { b.good(nil); b.tlsa(false, b.record(b.l.pki.root.Raw)) },
	"dane-plain-resolver": func(b *build) {
		b.good(nil)
		b.tlsa(true, b.record(b.l.pki.root.Raw)).Channel = evidence.ChannelPlain
	},
	"dane-unusable": func(b *build) { b.good(nil); b.tlsa(true, append([]byte{9}, b.record(b.s.Leaf)[1:]...)) },
	"dane-none":     func(b *build) { b.good(nil); b.tlsa(true) },
	"dane-bogus": func(b *build) {
		b.good(nil)
		b.tlsa(false).Lookups[1].Code = "SERVFAIL"
		b.s.Client.Known.Lookups[0].AD = true
	},
	"dane-self-signed": func(b *build) {
		s := b.site()
		s.chain, s.noSCTs = nil, true
		own := forge.NewRoot(b.s.Host, s.cert.Key)
		s.leaf = own.Issue(forge.Cert{Subject: own.Name, Key: own.Key, Extensions: append(own.ServerExts(own.Key), forge.SAN(s.names...))})
		b.serve(s)
		b.tlsa(true, b.record(b.s.Leaf))
	},
	"dane-mx-unsigned": func(b *build) {
		b.good(nil)
		b.tlsa(true, b.record(b.s.Leaf)).Service = &evidence.Service{Type: "MX", Name: "example.test", Domain: "example.test"}
	},
	"mx-null":     func(b *build) { b.unnamed(finding.ServiceNotOffered, "MX", "example.test") },
	"srv-missing": func(b *build) { b.unnamed(finding.ServiceNotFound, "SRV", "_imaps._tcp.example.test") },
	"mx-address": func(b *build) {
		b.unnamed(finding.ServiceTargetBad, "MX", "example.test")
		b.s.Client.Failure.Params["target"] = "192.0.2.25"
	},
}

// record is the RDATA of a TLSA record 3 1 1 about the key of a certificate.
func (b *build) record(raw []byte) []byte {
	sum := sha256.Sum256(cert.Parse(raw).RawSPKI)
	return append([]byte{3, 1, 1}, sum[:]...)
}

// tlsa puts what a resolver on this computer said into the evidence.
func (b *build) tlsa(ad bool, records ...[]byte) *evidence.DNS {
	b.s.Client.Known = &evidence.DNS{Resolver: "127.0.0.1", Channel: evidence.ChannelLoopback, Lookups: []evidence.Lookup{
		{Name: b.s.Host, Type: "A", Code: "NOERROR", AD: ad},
		{Name: "_443._tcp." + b.s.Host, Type: "TLSA", Code: "NOERROR", AD: ad, Base: b.s.Host, Data: records}}}
	return b.s.Client.Known
}

// unnamed is a service for which the DNS names no server.
func (b *build) unnamed(id finding.ID, typ, name string) {
	b.unreachable()
	b.s.Client.Failure = &evidence.Failure{ID: id, Stage: "dns", Params: map[string]string{"type": typ, "name": name}}
}
