package ct_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
)

// costly are what a server, a responder or a mirror of the log list may send to
// keep a client busy, about so many octets of it. SCT lists end at 64 KiB.
func costly(t testing.TB, w *world) map[string]func(size int) {
	path, list := w.path(w.leaf(90*days)), w.list(w.now)
	check := func(scts ...[]byte) {
		ct.CheckSCTs(ct.Input{Path: path, List: list, Time: w.now, Policy: policy.CTChrome, Delivered: []ct.SCTList{ct.ReadSCTList(0, "tls", forge.SCTList(scts...))}})
	}
	one := forge.SCT{Time: w.now}.SignX509(w.key("a1"), path[0].Raw)
	parse := func(b []byte) {
		if _, err := ct.ParseLogList(b); err == nil {
			t.Error("a hostile list was read")
		}
	}
	return map[string]func(size int){
		"SCTs":       func(size int) { check(slicesOf(one, min(size, 60<<10))...) },
		"short SCTs": func(size int) { check(slicesOf([]byte{0}, min(size, 60<<10))...) },
		"precertificate": func(size int) {
			c := cert.Parse(w.root.Issue(forge.Cert{Extensions: []forge.Ext{{OID: "1.2.3", Value: make([]byte, size)}, forge.Poison()}}).Raw)
			_, _, _ = ct.PrecertTBS([]*cert.Certificate{c, path[1]})
		},
		"operators": func(size int) { parse(fmt.Appendf(nil, `{"operators":[%s{}]}`, bytes.Repeat([]byte("{},"), size/3))) },
		"logs": func(size int) {
			parse(fmt.Appendf(nil, `{"operators":[{"logs":[%s{}]}]}`, bytes.Repeat([]byte("{},"), size/3)))
		},
		"nesting": func(size int) { parse(bytes.Repeat([]byte("["), size)) },
		"text":    func(size int) { parse(fmt.Appendf(nil, `{"version":"%s"}`, bytes.Repeat([]byte(`\u0000`), size/6))) },
	}
}

func slicesOf(one []byte, size int) (all [][]byte) {
	for range size / (len(one) + 2) {
		all = append(all, one)
	}
	return all
}

// The CPU that 256 KiB and 64 MiB can cost.
func BenchmarkWorst(b *testing.B) {
	w := newWorld(b)
	for _, size := range []int{256 << 10, 64 << 20} {
		for name, run := range costly(b, w) {
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					run(size)
				}
			})
		}
	}
}

// 256 KiB of anything cost a fraction of a second.
func TestCostly(t *testing.T) {
	w := newWorld(t)
	for name, run := range costly(t, w) {
		start := time.Now()
		run(256 << 10)
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("%s: %v", name, d)
		}
	}
}
