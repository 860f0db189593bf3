package serve

import (
	"io"
	"net"
	"strconv"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/scenarios"
)

// hostileText has an escape sequence that sets a terminal's title, a carriage
// return, a right-to-left override and markup.
const hostileText = "\x1b]0;owned\x07\rverified\u202egnp.exe<script>alert(1)</script>"

// hostileServers make the servers of the scenarios of the same group.
var hostileServers = map[string]func(*build){
	"hostile-subject": func(b *build) {
		p := b.l.pki
		key := forge.P256()
		ca := p.publish(p.root.Issue(forge.Cert{Subject: forge.OCN(hostileText, "Hostile CA "+hostileText), Key: key,
			Extensions: append([]forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(key.ID()), forge.AKI(p.root.Key.ID())}, p.root.pointers()...)}), p.root)
		s := b.siteOf(ca)
		s.cert.Subject = forge.OCN(hostileText, b.s.Host)
		s.names = append(s.names, forge.DNS(hostileText), forge.URI("http://x/"+hostileText), forge.Email(hostileText+"@x"))
		b.serve(s)
	},
	"hostile-url": func(b *build) {
		b.good(func(s *site) {
			s.set(forge.AIA([]string{"http://127.0.0.1:1/\x1b]0;owned\x07"}, nil), forge.CRLDP("ldap://\x1b[2J\r<script>/"))
		})
	},
	"hostile-banner": func(b *build) {
		b.raw(func(c *net.TCPConn) {
			io.WriteString(c, "SSH-2.0-"+hostileText+"\r\n")
			readRecord(c)
		})
	},
	"hostile-http": func(b *build) {
		b.raw(func(c *net.TCPConn) {
			readRecord(c)
			io.WriteString(c, "HTTP/1.1 400 "+hostileText+"\r\nServer: "+hostileText+"\r\n\r\n"+hostileText)
		})
	},
	"unparsable": func(b *build) {
		b.good(func(s *site) {
			s.cert.MutateRaw = func([]byte) []byte {
				noise := make([]byte, 64)
				for i := range noise {
					noise[i] = byte(i*37 + 11)
				}
				return noise
			}
		})
	},
	"truncated": func(b *build) {
		b.good(func(s *site) { s.cert.MutateRaw = func(raw []byte) []byte { return raw[:len(raw)/2] } })
	},
	"trailing-byte": func(b *build) {
		b.good(func(s *site) { s.cert.MutateRaw = func(raw []byte) []byte { return append(raw, 0) } })
	},
	"long-length": func(b *build) {
		b.good(func(s *site) {
			s.cert.MutateRaw = func(raw []byte) []byte {
				_, body, _ := forge.SplitTLV(raw)
				return forge.LongTLV(0x30, 4, body)
			}
		})
	},
	"negative-serial": func(b *build) {
		b.good(func(s *site) { s.cert.Serial = []byte{0x80, 1, 2, 3} })
	},
	"duplicate-extension": func(b *build) {
		b.good(func(s *site) { s.cert.Extensions = append(s.cert.Extensions, forge.EKU(forge.ServerAuth)) })
	},
	"month-thirteen": func(b *build) {
		b.good(func(s *site) {
			s.cert.Validity = forge.Seq(forge.Time(s.cert.NotBefore), forge.TLV(0x17, []byte("261301000000Z")))
		})
	},
	"algorithms-differ": func(b *build) {
		b.good(func(s *site) { s.cert.InnerAlg = forge.ECDSAWithSHA384.ID })
	},
	"many-certificates": func(b *build) {
		b.good(func(s *site) {
			for i := range 90 {
				s.chain = append(s.chain, b.l.pki.rogue.Server("extra-"+strconv.Itoa(i)+"."+scenarios.Domain, nil).Raw)
			}
		})
	},
	"many-paths": func(b *build) {
		b.good(func(s *site) {
			for range 89 {
				s.chain = append(s.chain, b.l.pki.rogue.Issue(forge.Cert{Subject: s.issuer.Name, Key: s.issuer.Key,
					Extensions: []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(s.issuer.Key.ID())}}).Raw)
			}
		})
	},
	"many-pointers": func(b *build) {
		b.good(func(s *site) {
			var urls []string
			for i := range 60 {
				urls = append(urls, b.gone()+"?"+strconv.Itoa(i))
			}
			s.set(forge.CRLDP(urls...))
		})
	},
	"many-downloads": func(b *build) {
		parent := b.l.pki.root
		var chain [][]byte
		for i := range 10 {
			var urls []string
			for j := range 8 {
				urls = append(urls, b.gone()+"?"+strconv.Itoa(10*i+j))
			}
			parent = b.ca(parent, "Level "+strconv.Itoa(i), forge.CRLDP(urls...))
			chain = append([][]byte{parent.Raw}, chain...)
		}
		s := b.siteOf(parent)
		s.chain = chain
		b.serve(s)
	},
}
