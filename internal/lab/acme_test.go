package lab_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/assaytls/assay/internal/lab/forge"
)

// acmeClient has an account with a certificate authority and answers its
// dns-01 challenges through pebble-challtestsrv.
type acmeClient struct {
	*acme.Client
	w   *world
	ctx context.Context
	dns string // where pebble-challtestsrv is told what to say
}

// challenges starts pebble-challtestsrv and returns the address of its name
// server and that of its management.
func (w *world) challenges() (dns, management string) {
	w.t.Helper()
	dns, management = "127.0.0.1:"+freePort(w.t), freePort(w.t)
	w.run("pebble-challtestsrv", "-management", "127.0.0.1:"+management, "-dnsserver", dns, "-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "",
		"-defaultIPv4", "127.0.0.1", "-defaultIPv6", "")
	w.waitFor(management)
	return dns, "http://127.0.0.1:" + management
}

// acme opens an account at directory, whose server has a certificate below
// the world's root.
func (w *world) acme(directory, dns string) *acmeClient {
	w.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	// Without an end x/crypto/acme repeats for ever what answers with a 500.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	w.t.Cleanup(cancel)
	a := &acmeClient{w: w, ctx: ctx, dns: dns, Client: &acme.Client{Key: key, DirectoryURL: directory, HTTPClient: w.https()}}
	if _, err := a.Register(ctx, &acme.Account{}, acme.AcceptTOS); err != nil {
		w.t.Fatal(err)
	}
	return a
}

// https is a client that trusts the world's root.
func (w *world) https() *http.Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(forge.PEM("CERTIFICATE", w.root.Raw))
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

// get returns what is at url, decoded from PEM where it is that.
func (w *world) get(url string) (ders [][]byte) {
	w.t.Helper()
	resp, err := w.https().Get(url)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %s %v", url, resp.Status, err)
	}
	for {
		var b *pem.Block
		if b, body = pem.Decode(body); b == nil {
			return ders
		}
		ders = append(ders, b.Bytes)
	}
}

// issued is a certificate that an ACME server has issued.
type issued struct {
	key    crypto.Signer
	chains [][][]byte // leaf first, root excluded; the default one first
}

// serial returns the serial number as openssl's index has it.
func (c *issued) serial(t *testing.T) string {
	t.Helper()
	leaf, err := x509.ParseCertificate(c.chains[0][0])
	if err != nil {
		t.Fatal(err)
	}
	s := strings.ToUpper(leaf.SerialNumber.Text(16))
	return strings.Repeat("0", len(s)%2) + s
}

// issue has a certificate for realHost issued.
func (a *acmeClient) issue(mustStaple bool, options ...acme.OrderOption) *issued {
	t := a.w.t
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	order, err := a.AuthorizeOrder(a.ctx, acme.DomainIDs(realHost), options...)
	check(err)
	for _, url := range order.AuthzURLs {
		authz, err := a.GetAuthorization(a.ctx, url)
		check(err)
		if authz.Status == acme.StatusValid {
			continue
		}
		for _, c := range authz.Challenges {
			if c.Type != "dns-01" {
				continue
			}
			value, err := a.DNS01ChallengeRecord(c.Token)
			check(err)
			a.tell("/set-txt", map[string]string{"host": "_acme-challenge." + realHost + ".", "value": value})
			_, err = a.Accept(a.ctx, c)
			check(err)
			_, err = a.WaitAuthorization(a.ctx, url)
			check(err)
		}
	}
	order, err = a.WaitOrder(a.ctx, order.URI)
	check(err)
	out := &issued{}
	out.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	request := &x509.CertificateRequest{DNSNames: []string{realHost}}
	if mustStaple {
		request.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}, Value: []byte{0x30, 3, 2, 1, 5}}}
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, request, out.key)
	check(err)
	chain, url, err := a.CreateCertFromOrder(a.ctx, order, csr, true)
	check(err)
	out.chains = [][][]byte{chain}
	alternates, err := a.ListCertAlternates(a.ctx, url)
	check(err)
	for _, u := range alternates {
		chain, err := a.FetchCert(a.ctx, u, true)
		check(err)
		out.chains = append(out.chains, chain)
	}
	return out
}

// tell posts to pebble-challtestsrv's management.
func (a *acmeClient) tell(path string, what map[string]string) {
	t := a.w.t
	t.Helper()
	b, err := json.Marshal(what)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(a.dns+path, "application/json", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", path, resp.Status)
	}
}

// present runs s_server with the certificate and the issuers, and returns its
// port.
func (w *world) present(c *issued, issuers [][]byte, args ...string) string {
	w.t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.opensslServer(append([]string{"-cert", w.file("leaf.pem", forge.PEM("CERTIFICATE", c.chains[0][0])), "-key", w.file("leaf.key", forge.PEM("PRIVATE KEY", key)),
		"-cert_chain", w.file("issuers.pem", forge.PEM("CERTIFICATE", issuers...))}, args...)...)
}
