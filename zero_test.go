package assay_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"testing"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// refused is the finding for which a handshake with addr fails; "" when it does
// not fail.
func refused(t *testing.T, v *assay.Verifier, addr, name string, id finding.ID) finding.ID {
	t.Helper()
	conf, err := v.ClientConfig(&tls.Config{ServerName: name})
	if err != nil {
		t.Fatal(err)
	}
	_, err = talk(addr, conf)
	switch {
	case err == nil:
		return ""
	case errors.Is(err, id):
		return id
	}
	return finding.ID(err.Error())
}

// A Config without rules judges by the default policy; numbers that make no
// sense are refused.
func TestZeroConfig(t *testing.T) {
	w := newWorld(t)
	v := newVerifier(t, w.config(assay.Config{Network: assay.Inline}))
	weak := w.root.Issue(forge.Cert{Key: forge.RSA(1024), Extensions: append(w.root.ServerExts(forge.RSA(1024), forge.DNS("localhost")), forge.CRLDP(w.crl.URL+"/crl"))})
	revoked := w.server()
	w.revoke(revoked)
	for want, ca := range map[finding.ID]*forge.CA{"": w.server(), finding.LeafKeyWeak: weak, finding.CertRevoked: revoked} {
		addr := serve(t, &tls.Config{Certificates: []tls.Certificate{ca.TLS()}})
		if got := refused(t, v, addr, "localhost", want); got != want {
			t.Errorf("refused for %q, want %q", got, want)
		}
	}
	for _, bits := range []int{-5, 1, 511, 1 << 20} {
		if v, err := assay.New(w.config(assay.Config{MinRSA: bits})); err == nil {
			v.Close()
			t.Errorf("MinRSA %d was taken", bits)
		}
	}
}

// Without wildcards a handshake wants the name itself.
func TestNoWildcards(t *testing.T) {
	w := newWorld(t)
	issue := func(names ...[]byte) string {
		key := forge.P256()
		ca := w.root.Issue(forge.Cert{Key: key, Extensions: append(w.root.ServerExts(key, names...), forge.CRLDP(w.crl.URL+"/crl"))})
		return serve(t, &tls.Config{Certificates: []tls.Certificate{ca.TLS()}})
	}
	address := forge.IPRaw(net.IPv4(127, 0, 0, 1).To4())
	for _, c := range []struct {
		what, addr, name string
		want             finding.ID
	}{
		{"a wildcard", issue(forge.DNS("*.a.test")), "www.a.test", finding.WildcardRefused},
		{"the name beside a wildcard", issue(forge.DNS("*.a.test"), forge.DNS("WWW.a.test")), "www.a.test", ""},
		{"a wildcard below a single label, which crypto/tls takes", issue(forge.DNS("*.test")), "a.test", finding.NameMismatch},
		{"an address", issue(forge.DNS("*.a.test"), address), "127.0.0.1", ""},
	} {
		for _, no := range []bool{false, true} {
			v := newVerifier(t, w.config(assay.Config{NoWildcards: no}))
			want := c.want
			if !no {
				want = ""
			}
			if got := refused(t, v, c.addr, c.name, want); got != want {
				t.Errorf("%s, NoWildcards %v: refused for %q, want %q", c.what, no, got, want)
			}
		}
	}
	// A client's certificate is compared with no name: the server's name is not its.
	v := newVerifier(t, w.config(assay.Config{NoWildcards: true}))
	server := w.server()
	conf, err := v.ServerConfig(&tls.Config{Certificates: []tls.Certificate{server.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := talk(serve(t, conf), &tls.Config{ServerName: "localhost", RootCAs: w.pool(t), Certificates: []tls.Certificate{w.client().TLS()}}); err != nil {
		t.Error("a client:", err)
	}
}

// Required names and addresses must stand in the certificate beside the name that
// is dialled, with and without wildcards, in the certificate of a client too.
func TestRequiredNames(t *testing.T) {
	w := newWorld(t)
	key := forge.P256()
	leaf := w.root.Issue(forge.Cert{Key: key, Extensions: append(w.root.ServerExts(key, forge.DNS("localhost"), forge.DNS("*.a.test"), forge.IPRaw(net.IPv4(10, 0, 0, 1).To4())), forge.CRLDP(w.crl.URL+"/crl"))})
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}})
	has, other := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	for _, c := range []struct {
		what string
		conf assay.Config
		want finding.ID
	}{
		{"none", assay.Config{}, ""},
		{"its address", assay.Config{RequireIP: []netip.Addr{has}}, ""},
		{"its address, mapped", assay.Config{RequireIP: []netip.Addr{netip.AddrFrom16(has.As16())}}, ""},
		{"another address", assay.Config{RequireIP: []netip.Addr{other}}, finding.IPMismatch},
		{"both addresses", assay.Config{RequireIP: []netip.Addr{has, other}}, finding.IPMismatch},
		{"its name", assay.Config{RequireDNS: []string{"localhost"}}, ""},
		{"another name", assay.Config{RequireDNS: []string{"b.test"}}, finding.NameMismatch},
		{"a wildcard", assay.Config{RequireDNS: []string{"b.a.test"}}, ""},
		{"no wildcard", assay.Config{RequireDNS: []string{"b.a.test"}, NoWildcards: true}, finding.WildcardRefused},
		{"another address, no wildcards", assay.Config{RequireIP: []netip.Addr{other}, NoWildcards: true}, finding.IPMismatch},
	} {
		if got := refused(t, newVerifier(t, w.config(c.conf)), addr, "localhost", c.want); got != c.want {
			t.Errorf("%s: refused for %q, want %q", c.what, got, c.want)
		}
	}
	for what, conf := range map[string]assay.Config{"no address": {RequireIP: []netip.Addr{{}}}, "a zone": {RequireIP: []netip.Addr{netip.MustParseAddr("fe80::1%eth0")}}, "no name": {RequireDNS: []string{"a b"}}} {
		if v, err := assay.New(w.config(conf)); err == nil {
			v.Close()
			t.Errorf("%s is taken", what)
		}
	}
	v := newVerifier(t, w.config(assay.Config{RequireDNS: []string{"client.test"}}))
	server := w.server()
	conf, err := v.ServerConfig(&tls.Config{Certificates: []tls.Certificate{server.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := talk(serve(t, conf), &tls.Config{ServerName: "localhost", RootCAs: w.pool(t), Certificates: []tls.Certificate{w.client().TLS()}}); err == nil {
		t.Error("a client without the name passes")
	}
}

// A Verifier that New did not make accepts nothing and does not panic.
func TestZeroVerifier(t *testing.T) {
	w := newWorld(t)
	leaf := w.server()
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{leaf.TLS()}})
	var v assay.Verifier
	if conf, err := v.ClientConfig(&tls.Config{ServerName: "localhost", RootCAs: w.pool(t)}); err == nil {
		if _, err := talk(addr, conf); err == nil {
			t.Error("ClientConfig: accepted")
		}
	}
	if conf, err := v.ServerConfig(&tls.Config{Certificates: []tls.Certificate{leaf.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: w.pool(t)}); err == nil {
		if _, err := talk(serve(t, conf), &tls.Config{ServerName: "localhost", RootCAs: w.pool(t), Certificates: []tls.Certificate{w.client().TLS()}}); err == nil {
			t.Error("ServerConfig: accepted")
		}
	}
	if c, err := v.DialContext(context.Background(), "tcp", addr, nil); err == nil {
		c.Close()
		t.Error("DialContext: accepted")
	}
	if resp, err := (&http.Client{Transport: v.Transport()}).Get("https://" + addr); err == nil {
		resp.Body.Close()
		t.Error("Transport: accepted")
	}
	if r, err := v.Check(context.Background(), assay.Target{Host: "localhost"}); err == nil && r.Verdict == report.Accept {
		t.Error("Check: accepted")
	}
	if r := v.Judge(context.Background(), nil); r.Verdict != report.Reject {
		t.Errorf("Judge: %s", r.Verdict)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}

// Other zero values accept nothing either.
func TestZeroValues(t *testing.T) {
	if e := new(assay.Error); e.Error() == "" || errors.Is(e, finding.CertRevoked) {
		t.Errorf("the zero error is %q", e.Error())
	}
	if r := assay.Explain(nil, ""); r != nil && r.Verdict == report.Accept {
		t.Error("nothing explained is accepted")
	}
	v := newVerifier(t, newWorld(t).config(assay.Config{}))
	if r, err := v.Check(context.Background(), assay.Target{}); err == nil && r.Verdict == report.Accept {
		t.Error("the zero target is accepted")
	}
}
