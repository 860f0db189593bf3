package certpath_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/internal/lab/forge"
)

func BenchmarkHostile(b *testing.B) {
	for name, h := range hostile() {
		set := anchors(b, h.root)
		b.Run(name+"/parse", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				cert.Parse(h.leaf)
				parse(h.pool...)
			}
		})
		b.Run(name+"/build", func(b *testing.B) {
			b.ReportAllocs()
			leaf, pool := cert.Parse(h.leaf), parse(h.pool...)
			for b.Loop() {
				certpath.Build(context.Background(), leaf, pool, set, options(""))
			}
		})
	}
}

// chainOf is a root, an intermediate and a leaf with keys of one kind, as on
// the web.
func chainOf(kind string) (leaf, ca, root []byte) {
	r := forge.NewRoot("Bench Root "+kind, forge.NewKey(kind))
	web := []forge.Ext{forge.Policies("2.23.140.1.2.1"), forge.AIA([]string{"http://ocsp.example/"}, []string{"http://ca.example/ca.crt"}), forge.CRLDP("http://crl.example/1.crl")}
	second := kind
	if strings.HasPrefix(kind, "RSA") {
		second += "#2"
	}
	i := r.Intermediate("Bench CA "+kind, forge.NewKey(second), append(web, forge.EKU(forge.ServerAuth, forge.ClientAuth))...)
	l := i.Server("www.example.com", forge.NewKey(kind), web...)
	return l.Raw, i.Raw, r.Raw
}

// BenchmarkChain compares one judgement of a chain by ours and by crypto/x509,
// parse included, with a store of 150 roots, to the two signatures that both
// must verify.
func BenchmarkChain(b *testing.B) {
	for _, kind := range []string{"P-256", "RSA-2048"} {
		leaf, ca, root := chainOf(kind)
		set, pool := certpath.NewAnchors(), x509.NewCertPool()
		set.Add(root)
		theirRoot, err := x509.ParseCertificate(root)
		if err != nil {
			b.Fatal(err)
		}
		pool.AddCert(theirRoot)
		for n := range 150 {
			other := forge.NewRoot(fmt.Sprint("Other ", n), nil)
			set.Add(other.Raw)
			c, _ := x509.ParseCertificate(other.Raw)
			pool.AddCert(c)
		}
		o := options("www.example.com")
		judge := func(b *testing.B, o certpath.Options) {
			b.ReportAllocs()
			for b.Loop() {
				r := certpath.Build(context.Background(), cert.Parse(leaf), []*cert.Certificate{cert.Parse(ca)}, set, o)
				if !r.Paths[0].Clean() {
					b.Fatal(describe(r))
				}
			}
		}
		b.Run(kind+"/floor", func(b *testing.B) {
			b.ReportAllocs()
			c := parse(leaf, ca, root)
			for b.Loop() {
				if c[0].VerifySignatureFrom(nil, c[1].Key) != nil || c[1].VerifySignatureFrom(nil, c[2].Key) != nil {
					b.Fatal("bad signature")
				}
			}
		})
		b.Run(kind+"/x509", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l, _ := x509.ParseCertificate(leaf)
				i, _ := x509.ParseCertificate(ca)
				between := x509.NewCertPool()
				between.AddCert(i)
				if _, err := l.Verify(x509.VerifyOptions{Roots: pool, Intermediates: between, CurrentTime: o.Time, DNSName: "www.example.com"}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(kind+"/ours", func(b *testing.B) { judge(b, o) })
		b.Run(kind+"/ours-parse", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				cert.Parse(leaf)
				cert.Parse(ca)
			}
		})
		b.Run(kind+"/ours-known-issuer", func(b *testing.B) {
			// Every leaf is new, the intermediate is known: the memo is asked
			// for the leaf in vain.
			o, c := o, parse(ca, root)
			o.Memo = cert.NewMemo(100)
			if c[0].VerifySignatureFrom(o.Memo, c[1].Key) != nil {
				b.Fatal("bad signature")
			}
			memo := o.Memo
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				o.Memo = cert.NewMemo(100)
				c[0].VerifySignatureFrom(o.Memo, c[1].Key)
				b.StartTimer()
				certpath.Build(context.Background(), cert.Parse(leaf), []*cert.Certificate{cert.Parse(ca)}, set, o)
			}
			_ = memo
		})
		b.Run(kind+"/ours-known-chain", func(b *testing.B) {
			o := o
			o.Memo = cert.NewMemo(100)
			judge(b, o)
		})
	}
}
