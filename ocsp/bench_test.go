package ocsp_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	. "github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/report"
	xocsp "golang.org/x/crypto/ocsp"
)

// BenchmarkCheck times ours, x/crypto/ocsp (which checks less) and the bare
// signatures one after the other in each round and reports medians and their
// ratios, which hold on a busy machine too.
func BenchmarkCheck(b *testing.B) {
	for _, kind := range []string{"P-256", "RSA-2048"} {
		for _, delegated := range []bool{false, true} {
			name := kind + "/direct"
			if delegated {
				name = kind + "/delegated"
			}
			b.Run(name, func(b *testing.B) { benchmark(b, kind, delegated) })
		}
	}
}

func benchmark(b *testing.B, kind string, delegated bool) {
	w := newWorld()
	w.ca = w.root.Intermediate("Test CA", NewKey(kind))
	w.leaf = w.ca.Server("good.example", nil)
	signer, o := w.ca, OCSP{Singles: []Single{w.good()}}
	if delegated {
		signer = w.ca.Responder("Responder", NewKey(kind))
		o.Certs = [][]byte{signer.Raw}
	}
	body := o.Sign(signer)
	q := w.query()
	known := q
	known.Memo = cert.NewMemo(16)
	ocsp.Check(known, body)
	issuer, _ := x509.ParseCertificate(w.ca.Raw)
	leaf, _ := x509.ParseCertificate(w.leaf.Raw)
	r := ocsp.Parse(body)
	verify := bare(b, signer.Key, r.RawTBS, r.Signature)
	verifyDelegate := func() {}
	if delegated {
		d := cert.Parse(signer.Raw)
		verifyDelegate = bare(b, w.ca.Key, d.RawTBS, d.Signature)
	}
	runs := []struct {
		name string
		run  func()
	}{
		{"ours", func() {
			if ocsp.Check(q, body).Status != report.Good {
				b.Fatal("not good")
			}
		}},
		{"xcrypto", func() {
			if x, err := xocsp.ParseResponseForCert(body, leaf, issuer); err != nil || x.Status != xocsp.Good {
				b.Fatal(err)
			}
		}},
		{"floor", func() { verify(); verifyDelegate() }},
		{"known", func() { ocsp.Check(known, body) }},
	}
	times := make([][]time.Duration, len(runs))
	for b.Loop() {
		for i, r := range runs {
			start := time.Now()
			r.run()
			times[i] = append(times[i], time.Since(start))
		}
	}
	median := func(i int) float64 {
		slices.Sort(times[i])
		return float64(times[i][len(times[i])/2])
	}
	for i, r := range runs {
		b.ReportMetric(median(i)/1e3, r.name+"-µs")
	}
	b.ReportMetric(median(0)/median(2), "x-floor")
	b.ReportMetric(median(0)/median(1), "x-xcrypto")
}

// bare returns the verification of one signature and nothing else.
func bare(b *testing.B, key *Key, msg, sig []byte) func() {
	return func() {
		sum := sha256.Sum256(msg)
		ok := false
		switch k := key.Signer.Public().(type) {
		case *ecdsa.PublicKey:
			ok = ecdsa.VerifyASN1(k, sum[:], sig)
		case *rsa.PublicKey:
			ok = rsa.VerifyPKCS1v15(k, crypto.SHA256, sum[:], sig) == nil
		}
		if !ok {
			b.Fatal("bad signature")
		}
	}
}
