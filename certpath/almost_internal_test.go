package certpath

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
)

// A name that looks like the one that was asked for has a note that says why it
// is not it, and stands first.
func TestAlmost(t *testing.T) {
	dns := func(names ...string) *cert.Certificate {
		c := &cert.Certificate{}
		for _, n := range names {
			c.SAN = append(c.SAN, cert.GeneralName{Type: cert.DNSName, Value: n})
		}
		return c
	}
	host := Identifier{Type: cert.DNSName, Value: "www.example.test"}
	addr := Identifier{Type: cert.IPName, Value: "127.0.0.1", IP: netip.MustParseAddr("127.0.0.1")}
	for _, c := range []struct {
		leaf *cert.Certificate
		id   Identifier
		want string
	}{
		{dns("127.0.0.1"), addr, "the DNS name 127.0.0.1 (which does not count for an address)"},
		{dns("other.test"), addr, "the DNS name other.test"},
		{dns("www.example.test."), host, "www.example.test. (with a final dot, which a certificate must not have)"},
		{dns("https://www.example.test/"), host, "https://www.example.test/ (a URL, where only the host name counts)"},
		{dns("https://www.example.test:8443/a"), host, "https://www.example.test:8443/a (a URL, where only the host name counts)"},
		{dns("WWW.example.test:443"), host, "WWW.example.test:443 (with a port, which does not belong to a name)"},
		{dns(" www.example.test"), host, " www.example.test (with a space, which a name cannot have)"},
		{dns("*.www.example.test"), host, "*.www.example.test (a wildcard does not stand for the name above it)"},
		{dns("*.test"), host, "*.test (a wildcard stands for one label)"},
		{dns("*.test"), Identifier{Type: cert.DNSName, Value: "www.test"}, "*.test (a wildcard needs two labels after it)"},
		{dns("*.example.test"), Identifier{Type: cert.DNSName, Value: "a.b.example.test"}, "*.example.test (a wildcard stands for one label)"},
		{dns("w*.example.test"), host, "w*.example.test (a wildcard must be the whole first label)"},
		{dns("bücher.test"), Identifier{Type: cert.DNSName, Value: "xn--bcher-kva.test"}, "bücher.test (not in the form of ASCII (A-labels) that certificates use)"},
		{dns("a.test", "b.test", "c.test", "d.test", "e.test", "f.test", "www.example.test."), host,
			"www.example.test. (with a final dot, which a certificate must not have), a.test, b.test, c.test, d.test, 2 more"},
		{dns("example.test"), host, "example.test"}, {dns(""), host, ""}, {dns("*", "*.", ".", ":", "://"), host, "*, *., ., :, ://"},
	} {
		fs := MatchNames(c.leaf, []Identifier{c.id}, false)
		if len(fs) != 1 || fs[0].Param("names") != c.want {
			t.Errorf("%s: %v, want %q", c.id, fs, c.want)
		}
	}
}

// A certificate whose names are all of other kinds is told what it lists.
func TestOtherKindsOfNames(t *testing.T) {
	uri := cert.GeneralName{Type: cert.URIName, Value: "spiffe://example.test/ns/a"}
	upn := cert.GeneralName{Type: cert.OtherName, Value: oidUPN}
	host := Identifier{Type: cert.DNSName, Value: "www.example.test"}
	for _, id := range []Identifier{host, {Type: cert.IPName, Value: "192.0.2.1", IP: netip.MustParseAddr("192.0.2.1")}} {
		fs := MatchNames(&cert.Certificate{SAN: []cert.GeneralName{uri, upn}}, []Identifier{id}, false)
		if len(fs) != 1 || fs[0].ID != finding.NamesOtherKinds || fs[0].Severity != finding.Error || !strings.Contains(fs[0].Title(), "only the URI spiffe://example.test/ns/a, a user principal name") {
			t.Errorf("%v", fs)
		}
	}
	if fs := MatchNames(&cert.Certificate{}, []Identifier{host}, false); len(fs) != 1 || fs[0].ID != finding.NamesMissing {
		t.Errorf("%v", fs)
	}
}
