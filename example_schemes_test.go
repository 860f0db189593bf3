package assay_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
)

func ExampleConfig_crl() {
	conf := assay.Internal(roots)
	conf.Schemes = policy.Only(policy.CRL) // and neither OCSP nor staples
	v, err := assay.New(conf)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	for _, name := range []string{"good", "revoked-by-crl", "crl-unreachable"} {
		c, err := v.Dial("tcp", site(name))
		switch {
		case err == nil:
			fmt.Println(name, "accepted")
			c.Close()
		case errors.Is(err, finding.CertRevoked):
			fmt.Println(name, "is revoked")
		case errors.Is(err, finding.ClassRevocationUnavailable):
			fmt.Println(name, "cannot be checked")
		}
	}
	// Output:
	// good accepted
	// revoked-by-crl is revoked
	// crl-unreachable cannot be checked
}

func ExampleConfig_cacheDir() {
	dir, err := os.MkdirTemp("", "assay") // os.UserCacheDir() in a real program
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for _, network := range []assay.Network{assay.Inline, assay.Offline} {
		conf := assay.Internal(roots)
		conf.CacheDir, conf.Network = dir, network
		v, err := assay.New(conf)
		if err != nil {
			log.Fatal(err)
		}
		_, err = v.Dial("tcp", site("revoked"))
		fmt.Println(errors.Is(err, finding.CertRevoked)) // the second time without a download
		v.Close()
	}
	// Output:
	// true
	// true
}

func ExampleConfig_firstContact() {
	v, err := assay.New(assay.Config{Roots: roots, PrivateFetch: true}) // Network: FirstContact, Unknown: UnknownWarn
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	_, err = v.Dial("tcp", site("revoked"))
	fmt.Println("first handshake, which waited for the list:", errors.Is(err, finding.CertRevoked))
	_, err = v.Dial("tcp", site("revoked"))
	fmt.Println("a later one, which waited for nobody:", errors.Is(err, finding.CertRevoked))
	// Output:
	// first handshake, which waited for the list: true
	// a later one, which waited for nobody: true
}

func ExampleVerifier_Preload() {
	v, err := assay.New(assay.Internal(roots))
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = v.Preload(ctx, site("good"), site("crl-unreachable")) // at start, before readiness is reported
	fmt.Println("complete:", err == nil)
	c, err := v.DialContext(ctx, "tcp", site("good"), nil) // without a download
	if err != nil {
		log.Fatal(err)
	}
	c.Close()
	// Output: complete: false
}

func ExampleConfig_filters() {
	conf := assay.Internal(roots)
	conf.Filters.Dir = filterDir("onecrl-intermediate") // as assay update filters has stored them
	v, err := assay.New(conf)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	_, err = v.Dial("tcp", site("onecrl-intermediate")) // its CA's CRL does not say so
	fmt.Println(errors.Is(err, finding.CertRevoked))
	// Output: true
}

func Example_crlFile() {
	resp, err := http.Get(cert.Parse(serverCert("revoked")).CRLPoints[0].FullName[0].Value)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		log.Fatal(err)
	}
	list, err := crl.Parse(context.Background(), body)
	if err != nil {
		log.Fatal(err)
	}
	issuer := cert.Parse(issuerCert("revoked"))
	if err := list.VerifySignature(nil, issuer.Key); err != nil {
		log.Fatal(err)
	}
	listed, err := list.Listed(cert.Parse(serverCert("revoked")).Serial)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listed:", listed)
	// Output: listed: true
}

func ExampleConfig_ocsp() {
	conf := assay.Internal(roots)
	conf.Schemes = policy.Only(policy.Staple, policy.OCSP)
	conf.Depth = policy.DepthLeaf // most CAs revoke intermediates by CRLs
	v, err := assay.New(conf)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	for _, name := range []string{"good-delegate", "revoked-by-ocsp", "ocsp-try-later"} {
		c, err := v.Dial("tcp", site(name))
		if err == nil {
			c.Close()
		}
		fmt.Println(name, err == nil, errors.Is(err, finding.CertRevoked))
	}
	// Output:
	// good-delegate true false
	// revoked-by-ocsp false true
	// ocsp-try-later false false
}

func Example_ocspRequest() {
	leaf, issuer := cert.Parse(serverCert("revoked-by-ocsp")), cert.Parse(issuerCert("revoked-by-ocsp"))
	request := ocsp.NewRequest(leaf, issuer, crypto.SHA1, nil)
	resp, err := http.Post(leaf.OCSPServers[0], "application/ocsp-request", bytes.NewReader(request))
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		log.Fatal(err)
	}
	r := ocsp.Check(ocsp.Query{Cert: leaf, Issuer: issuer, Time: time.Now(), Skew: time.Minute, Source: policy.OCSP, URL: leaf.OCSPServers[0]}, body)
	fmt.Println(r.Status, r.Answer.Reason)
	// Output: revoked superseded
}

func ExampleConfig_stapling() {
	conf := assay.Internal(roots)
	conf.Schemes = policy.Only(policy.Staple) // no download at all
	conf.Depth = policy.DepthLeaf             // servers staple for their own certificate
	v, err := assay.New(conf)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	for _, name := range []string{"good-staple", "revoked-by-staple", "good", "must-staple-missing"} {
		c, err := v.Dial("tcp", site(name))
		if err == nil {
			c.Close()
		}
		fmt.Println(name, err == nil)
	}
	// Output:
	// good-staple true
	// revoked-by-staple false
	// good false
	// must-staple-missing false
}

func Example_mustStaple() {
	v, err := assay.New(assay.Config{Roots: roots, Unknown: assay.UnknownAllow})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	_, err = v.Dial("tcp", site("must-staple-missing")) // refused, however lenient the Config
	fmt.Println(errors.Is(err, finding.MustStapleMissing))
	// Output: true
}

func Example_staplingServer() {
	leaf, issuer := cert.Parse(serverCert("good")), cert.Parse(issuerCert("good"))
	resp, err := http.Post(leaf.OCSPServers[0], "application/ocsp-request", bytes.NewReader(ocsp.NewRequest(leaf, issuer, crypto.SHA1, nil)))
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		log.Fatal(err)
	}
	r := ocsp.Check(ocsp.Query{Cert: leaf, Issuer: issuer, Time: time.Now(), Skew: time.Minute, Source: policy.Staple}, body)
	if r.Status != "good" {
		log.Fatal("not worth stapling: ", r.Findings)
	}
	pair := tls.Certificate{Certificate: [][]byte{leaf.Raw}} // and PrivateKey
	pair.OCSPStaple = body
	// Serve pair from tls.Config.GetCertificate, and fetch anew half-way to:
	fmt.Println(r.Answer.NextUpdate.After(time.Now().Add(24 * time.Hour)))
	// Output: true
}

func ExampleConfig_certificateTransparency() {
	conf := assay.Internal(roots)
	conf.CT = policy.CTRequire // a valid SCT of a log in the list, as OpenSSL asks
	conf.LogList = logList
	v, err := assay.New(conf)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	for _, name := range []string{"sct-embedded", "sct-none"} {
		c, err := v.Dial("tcp", site(name))
		if err == nil {
			c.Close()
		}
		fmt.Println(name, err == nil, errors.Is(err, finding.ClassCT))
	}
	// Output:
	// sct-embedded true false
	// sct-none false true
}

func ExampleVerifier_Check_transparency() {
	conf := assay.Internal(roots)
	conf.LogList = logList // CT: policy.CTReport, the zero value
	v, err := assay.New(conf)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	host, port, _ := net.SplitHostPort(site("sct-embedded"))
	r, err := v.Check(context.Background(), assay.Target{Host: host, Port: port})
	if err != nil {
		log.Fatal(err)
	}
	for _, sct := range r.CT.SCTs {
		fmt.Println(sct.Status, sct.Source, "from", sct.Log, "run by", sct.Operator)
	}
	// Output:
	// valid embedded from Lab Alpha run by Alpha Operations
	// valid embedded from Lab Beta run by Beta Brothers
}

func ExampleConfig_openssl() {
	conf := assay.Config{
		Roots:         roots,                                // X509_STORE_add_cert
		SecurityLevel: policy.Level2,                        // SSL_CTX_set_security_level(ctx, 2)
		Schemes:       policy.Only(policy.CRL, policy.OCSP), // X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL, and OCSP_check_validity
		Unknown:       assay.UnknownDeny,                    // X509_V_ERR_UNABLE_TO_GET_CRL refuses
		Network:       assay.Inline,                         // OpenSSL downloads nothing
		PrivateFetch:  true,
	}
	v, err := assay.New(conf)
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	c, err := v.Dial("tcp", site("good")) // SSL_set1_host, SSL_set_tlsext_host_name, SSL_VERIFY_PEER, SSL_connect
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	_, err = v.Dial("tcp", site("revoked"))
	var refused *assay.Error
	if errors.As(err, &refused) { // SSL_get_verify_result
		kind := refused.Report.Headline.Finding.Kind()
		fmt.Println(kind.OpenSSLCode, kind.OpenSSL)
	}
	// Output: 23 X509_V_ERR_CERT_REVOKED
}
