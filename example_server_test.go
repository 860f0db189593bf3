package assay_test

import (
	"crypto/tls"
	"fmt"
	"log"

	"github.com/assaytls/assay"
)

// The administration wants a client certificate, the rest of the server none.
func ExampleWithoutClientCert() {
	v, err := assay.New(assay.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()
	base := &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert} // and Certificates
	public := assay.WithoutClientCert(base)
	base.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if hello.ServerName == "admin.example.com" {
			return nil, nil // base
		}
		return public, nil
	}
	conf, err := v.ServerConfig(base)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(conf.ClientAuth, public.ClientAuth)
	// Output: RequireAndVerifyClientCert NoClientCert
}
