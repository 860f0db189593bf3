package main

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	xocsp "golang.org/x/crypto/ocsp"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// responses measures an OCSP answer signed by the issuer with P-256: ours with
// all checks, x/crypto/ocsp, which leaves most to its caller, and the bare
// signature.
func responses() error {
	root := forge.NewRoot("Bench Root", nil)
	leaf := root.Server("bench.test", nil)
	body := forge.OCSP{Singles: []forge.Single{root.Good(leaf.Serial)}}.Sign(root)
	q := ocsp.Query{Cert: cert.Parse(leaf.Raw), Issuer: cert.Parse(root.Raw), Time: time.Now(), Skew: time.Minute, Source: policy.OCSP}
	issuer, err := x509.ParseCertificate(root.Raw)
	if err != nil {
		return err
	}
	r := ocsp.Parse(body)
	digest := sha256.Sum256(r.RawTBS)
	var failed error
	runs := []struct {
		name string
		run  func() bool
		took []time.Duration
	}{
		{name: "signature (floor)", run: func() bool { return ecdsa.VerifyASN1(issuer.PublicKey.(*ecdsa.PublicKey), digest[:], r.Signature) }},
		{name: "assay, all checks", run: func() bool { return ocsp.Check(q, body).Status == report.Good }},
		{name: "x/crypto/ocsp", run: func() bool { _, err := xocsp.ParseResponse(body, issuer); return err == nil }},
	}
	for range 2000 {
		for i := range runs {
			start := time.Now()
			if !runs[i].run() {
				failed = errors.New(runs[i].name + ": not good")
			}
			runs[i].took = append(runs[i].took, time.Since(start))
		}
	}
	fmt.Println("one OCSP answer, P-256")
	floor := median(runs[0].took)
	for _, r := range runs {
		m := median(r.took)
		fmt.Printf("  %-44s %10.1f µs  min %10.1f µs %8.2f x floor\n", r.name, float64(m.Nanoseconds())/1e3, float64(r.took[0].Nanoseconds())/1e3, float64(m)/float64(floor))
	}
	return failed
}
