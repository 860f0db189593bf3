package certpath_test

import (
	"context"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
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
