package crl_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/internal/bench/crlgen"
)

var large = flag.Bool("large", false, "benchmark lists of 5 million entries too")

var generated = struct {
	sync.Mutex
	set   *crlgen.Set
	lists map[int][]byte
}{lists: map[int][]byte{}}

// list returns a list of n entries and the key it is signed with.
func list(b *testing.B, n int) ([]byte, *cert.PublicKey) {
	g := &generated
	g.Lock()
	defer g.Unlock()
	var err error
	if g.set == nil {
		if g.set, err = crlgen.New(); err != nil {
			b.Fatal(err)
		}
	}
	if g.lists[n] == nil {
		var buf bytes.Buffer
		buf.Grow(crlgen.Size(n) + 1000)
		if err := g.set.Write(&buf, n, time.Now()); err != nil {
			b.Fatal(err)
		}
		g.lists[n] = buf.Bytes()
	}
	key, err := cert.ParsePublicKey(g.set.SPKI)
	if err != nil {
		b.Fatal(err)
	}
	return g.lists[n], key
}

func sizes() []int {
	if *large {
		return []int{1e3, 1e5, 1e6, 5e6}
	}
	return []int{1e3, 1e5, 1e6}
}

// BenchmarkCold is read, parse, verify and answer one absent serial number.
func BenchmarkCold(b *testing.B) {
	for _, n := range sizes() {
		raw, key := list(b, n)
		absent := crlgen.Serial(-1)
		run := func(name string, f func() error) {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.SetBytes(int64(len(raw)))
				b.ReportAllocs()
				for b.Loop() {
					if err := f(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("sha256", func() error { sha256.Sum256(raw); return nil })
		answer := func(l *crl.List, err error) error {
			if err != nil {
				return err
			}
			if err := l.VerifySignature(nil, key); err != nil {
				return err
			}
			if found, err := l.Listed(absent); found || err != nil {
				return fmt.Errorf("found %v, error %v", found, err)
			}
			return nil
		}
		run("Parse", func() error { return answer(crl.Parse(context.Background(), raw)) })
		run("Scan", func() error { return answer(crl.Scan(context.Background(), bytes.NewReader(raw), absent)) })
		if n <= 1e5 {
			run("crypto/x509", func() error { _, err := x509.ParseRevocationList(raw); return err })
		}
	}
}

// BenchmarkLookup asks an indexed list.
func BenchmarkLookup(b *testing.B) {
	for _, n := range sizes() {
		raw, _ := list(b, n)
		l, err := crl.Parse(context.Background(), raw)
		if err != nil {
			b.Fatal(err)
		}
		var present, absent [][]byte
		for i := range 1000 {
			present = append(present, crlgen.Serial(i*n/1000))
		}
		for i := range 1 << 16 {
			absent = append(absent, crlgen.Serial(-1-i))
		}
		for _, s := range present[:10] {
			if ok, err := l.Listed(s); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
		ask := func(name string, serials [][]byte, want bool) {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				i := 0
				for b.Loop() {
					if ok, _ := l.Listed(serials[i]); ok != want {
						b.Fatal(ok)
					}
					if i++; i == len(serials) {
						i = 0
					}
				}
			})
		}
		ask("hot", present, true)
		ask("random-miss", absent, false)
	}
}
