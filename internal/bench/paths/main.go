// Paths compares one judgement of a three-certificate chain, parse included,
// by assay's certpath and by crypto/x509, with the two signatures that both
// must verify as the floor. The contenders take turns; figures are medians of
// the CPU time of one thread, so that other load on the machine matters little.
package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/internal/bench/cpu"
	"github.com/assaytls/assay/internal/lab/forge"
)

const (
	rounds = 41
	batch  = 20
	host   = "www.example.com"
)

func main() {
	runtime.LockOSThread()
	debug.SetGCPercent(400)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "keys\tcontender\tµs\tof the floor\tof crypto/x509\tallocations\t")
	for _, kind := range []string{"P-256", "RSA-2048"} {
		measure(w, kind)
	}
	if err := w.Flush(); err != nil {
		os.Exit(1)
	}
}

// chain is a root, an intermediate and a leaf as on the web.
func chain(kind string) (leaf, ca, root []byte) {
	r := forge.NewRoot("Bench Root", forge.NewKey(kind))
	web := []forge.Ext{forge.Policies("2.23.140.1.2.1"), forge.AIA([]string{"http://ocsp.example/"}, []string{"http://ca.example/ca.crt"}), forge.CRLDP("http://crl.example/1.crl")}
	second := kind
	if strings.HasPrefix(kind, "RSA") {
		second += "#2"
	}
	i := r.Intermediate("Bench CA", forge.NewKey(second), append(web, forge.EKU(forge.ServerAuth, forge.ClientAuth))...)
	return i.Server(host, forge.NewKey(kind), web...).Raw, i.Raw, r.Raw
}

func measure(w *tabwriter.Writer, kind string) {
	leaf, ca, root := chain(kind)
	set, roots := certpath.NewAnchors(), x509.NewCertPool()
	trust := func(der []byte) {
		c, err := x509.ParseCertificate(der)
		check(err)
		check(set.Add(der))
		roots.AddCert(c)
	}
	trust(root)
	for n := range 150 {
		trust(forge.NewRoot(fmt.Sprint("Other ", n), nil).Raw)
	}
	id, err := certpath.ParseIdentifier(host)
	check(err)
	now := time.Now()
	// Parsed certificates are remembered as the engine does it: nil caches parse.
	judge := func(memo *cert.Memo, leaves, cas *cert.Cache) {
		r := certpath.Build(context.Background(), leaves.Parse(leaf), []*cert.Certificate{cas.Parse(ca)}, set,
			certpath.Options{Time: now, Names: []certpath.Identifier{id}, Memo: memo})
		if !r.Paths[0].Clean() {
			panic("the path is not clean")
		}
	}
	parsed := []*cert.Certificate{cert.Parse(leaf), cert.Parse(ca), cert.Parse(root)}
	known, cache := cert.NewMemo(100), cert.NewCache(100)
	judge(known, cache, cache)
	// Memos that know the intermediate's signature and not the leaf's, one for
	// each judgement of a batch and its count of allocations.
	memos, next := make([]*cert.Memo, 2*batch), 0
	renew := func() {
		next = 0
		for i := range memos {
			memos[i] = cert.NewMemo(4)
			check(parsed[1].VerifySignatureFrom(memos[i], parsed[2].Key))
		}
	}
	contenders := []struct {
		name string
		run  func()
	}{
		{"two signatures (floor)", func() {
			check(parsed[0].VerifySignatureFrom(nil, parsed[1].Key))
			check(parsed[1].VerifySignatureFrom(nil, parsed[2].Key))
		}},
		{"crypto/x509", func() {
			l, err := x509.ParseCertificate(leaf)
			check(err)
			i, err := x509.ParseCertificate(ca)
			check(err)
			between := x509.NewCertPool()
			between.AddCert(i)
			_, err = l.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now, DNSName: host})
			check(err)
		}},
		{"assay, first sight", func() { judge(nil, nil, nil) }},
		{"assay, intermediate known", func() { judge(memos[next], nil, cache); next++ }},
		{"assay, chain known", func() { judge(known, cache, cache) }},
	}
	times := make([][]float64, len(contenders))
	for range rounds {
		renew()
		for i, c := range contenders {
			start := cpu.Thread()
			for range batch {
				c.run()
			}
			times[i] = append(times[i], float64((cpu.Thread()-start).Nanoseconds())/1e3/batch)
		}
	}
	medians := make([]float64, len(contenders))
	for i := range times {
		slices.Sort(times[i])
		medians[i] = times[i][len(times[i])/2]
	}
	for i, c := range contenders {
		fmt.Fprintf(w, "%s\t%s\t%.1f\t%.2f\t%.2f\t%.0f\t\n", kind, c.name, medians[i], medians[i]/medians[0], medians[i]/medians[1], allocations(c.run))
	}
}

func allocations(run func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range batch {
		run()
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / batch
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
