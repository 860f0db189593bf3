package assay_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
)

// A client certificate, in the base config.
func ExampleVerifier_NewTransport() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	pair, _ := clientPairs() // tls.LoadX509KeyPair
	transport, err := v.NewTransport(&tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	_, err = client.Get("https://" + site("revoked") + "/")
	fmt.Println(errors.Is(err, finding.CertRevoked))
	// Output: true
}

// Settings of net/http: limits, a proxy, a dialer of one's own.
func ExampleVerifier_TransportFrom() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	transport, err := v.TransportFrom(&http.Transport{
		DialContext:       (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		MaxConnsPerHost:   10,
		IdleConnTimeout:   time.Minute,
		ForceAttemptHTTP2: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	resp, err := (&http.Client{Transport: transport}).Get("https://" + site("good") + "/")
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	fmt.Println(resp.Proto)
	// Output: HTTP/2.0
}

// A transport that something else uses: here the default one.
func ExampleVerifier_ConfigureTransport() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if err := v.ConfigureTransport(transport); err != nil {
		log.Fatal(err)
	}
	_, err = (&http.Client{Transport: transport}).Get("https://" + site("revoked") + "/")
	fmt.Println(errors.Is(err, finding.CertRevoked))
	// Output: true
}

// The standard library's own refusal, where the roots are in the base config.
func ExampleVerifier_ExplainFor() {
	v, err := assay.New(assay.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	conf, err := v.ClientConfig(&tls.Config{RootCAs: rootPool(), ServerName: "wrong-host.lab.assay.test"})
	if err != nil {
		log.Fatal(err)
	}
	_, err = tls.Dial("tcp", site("wrong-host"), conf)
	if r := v.ExplainFor(err, conf); r != nil {
		fmt.Println(r.Headline.Finding.ID)
	}
	// Output: name-mismatch
}
