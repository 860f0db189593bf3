package certpath_test

import (
	"net/netip"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
)

// A name is told with its kind where it looks like the one that was asked for,
// and what was asked for has OpenSSL's code.
func TestNamesTold(t *testing.T) {
	dns := func(v string) cert.GeneralName { return cert.GeneralName{Type: cert.DNSName, Value: v} }
	ip := func(v string) cert.GeneralName {
		return cert.GeneralName{Type: cert.IPName, IP: netip.MustParseAddr(v)}
	}
	host := certpath.Identifier{Type: cert.DNSName, Value: "a.test"}
	addr := certpath.Identifier{Type: cert.IPName, Value: "127.0.0.1", IP: netip.MustParseAddr("127.0.0.1")}
	mail := certpath.Identifier{Type: cert.EmailName, Value: "m@a.test"}
	for _, c := range []struct {
		san  []cert.GeneralName
		id   certpath.Identifier
		want string
		code int
	}{
		{[]cert.GeneralName{dns("127.0.0.1")}, addr, "the certificate does not list the IP address 127.0.0.1; it lists the DNS name 127.0.0.1 (which does not count for an address)", 64},
		{[]cert.GeneralName{dns("b.test"), ip("10.0.0.1")}, addr, "the certificate does not list the IP address 127.0.0.1; it lists the DNS name b.test, the IP address 10.0.0.1", 64},
		{[]cert.GeneralName{dns("b.test")}, host, "the certificate does not list the name a.test; it lists b.test", 62},
		{nil, host, "the certificate lists no DNS name, IP address or e-mail address, so it cannot be for a.test", 62},
		{nil, addr, "the certificate lists no DNS name, IP address or e-mail address, so it cannot be for 127.0.0.1", 64},
		{nil, mail, "the certificate lists no DNS name, IP address or e-mail address, so it cannot be for m@a.test", 63},
	} {
		fs := certpath.MatchNames(&cert.Certificate{SAN: c.san}, []certpath.Identifier{c.id}, false)
		if len(fs) != 1 || fs[0].Title() != c.want {
			t.Errorf("%v, want %s", fs, c.want)
			continue
		}
		if _, code := fs[0].OpenSSL(); code != c.code {
			t.Errorf("%s: OpenSSL's %d, want %d", c.want, code, c.code)
		}
	}
}
