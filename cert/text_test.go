package cert_test

import (
	"strings"
	"testing"

	"github.com/assaytls/assay/cert"
	. "github.com/assaytls/assay/internal/lab/forge"
)

func TestNameText(t *testing.T) {
	for _, c := range []struct {
		name []byte
		want string
	}{
		{EmptyName(), ""},
		{DN(Attr{OID: "2.5.4.6", Tag: 0x13, Value: "DE"}, Attr{OID: "2.5.4.10", Value: "A, B + C"}, Attr{OID: "2.5.4.3", Value: " #x\\\x00 "}), `CN=\ #x\\\00\ ,O=A\, B \+ C,C=DE`},
		{DN(Attr{OID: "2.5.4.3", Value: "#x"}), `CN=\#x`},
		{DN(Attr{OID: "1.2.3", Tag: 0x02, Value: "\x05"}), "1.2.3=#020105"},
		{DN(Attr{OID: "2.5.4.3", Tag: 0x1e, Value: "\x00a\x20\xac"}), "CN=a€"},
		{DN(Attr{OID: "2.5.4.3", Tag: 0x14, Value: "\xe4"}), "CN=ä"},
	} {
		n, _ := cert.ParseName(c.name)
		if got := n.String(); got != c.want {
			t.Errorf("%x: %s, want %s", c.name, got, c.want)
		}
	}
}

// RFC 5280, 7.1: case, white space and string types do not tell names apart.
func TestNameComparison(t *testing.T) {
	canon := func(tag byte, s string) string {
		n, _ := cert.ParseName(attribute(tag, s))
		return n.Canon
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"Example", "eXAMPLE", true}, {" a  b ", "A B", true}, {"a b", "ab", false}, {"Ä", "ä", true}, {"ſ", "S", true}, {"ı", "i", false},
		{"", " ", true}, {"a", "b", false}, {"a\u00a0b", "a b", true},
	} {
		if (canon(0x0c, c.a) == canon(0x0c, c.b)) != c.same {
			t.Errorf("%q and %q", c.a, c.b)
		}
	}
	if canon(0x13, "a") != canon(0x0c, "A") || canon(0x1e, "\x00a") != canon(0x0c, "a") || canon(0x02, "a") == canon(0x0c, "a") {
		t.Error("string types")
	}
	base, _ := cert.ParseName(DN(Attr{OID: "2.5.4.6", Value: "de"}))
	below, _ := cert.ParseName(DN(Attr{OID: "2.5.4.6", Value: "DE"}, Attr{OID: "2.5.4.3", Value: "x"}))
	other, _ := cert.ParseName(DN(Attr{OID: "2.5.4.6", Value: "DEX"}))
	if !below.Within(base) || base.Within(below) || other.Within(base) || !base.Within(cert.Name{}) {
		t.Error("Within")
	}
	if c := base.Child(below.RDNs[1]); c.Canon != below.Canon {
		t.Error("Child")
	}
}

func TestExtensionSummary(t *testing.T) {
	raw := authority(BasicConstraints(true, 2), NameConstraints([][]byte{DNS("example"), IPNet("10.0.0.0/8")}, [][]byte{DirName(CN("x"))}),
		Policies(AnyPolicy, "1.2.3"), PolicyMappings("1.2.3", "1.2.4"), PolicyConstraints(0, 1), InhibitAnyPolicy(3),
		EKU(ServerAuth, "1.2.3"), AIA([]string{"http://o.example"}, []string{"http://c.example"}), CRLDP("http://l.example"), MustStaple(),
		SAN(DNS("a.example"), IP("192.0.2.1"), IP("2001:db8::1"), Email("a@b.example"), URI("http://u.example"), RegisteredID("1.2.3"), SmtpUTF8("ä@b.example"), DirName(CN("x"))),
		Unknown(false))
	c := cert.Parse(raw)
	var all []string
	for i, x := range c.Extensions {
		all = append(all, cert.OIDName(x.OID)+"="+c.ExtensionSummary(i))
	}
	got := strings.Join(all, "\n")
	for _, want := range []string{
		"basicConstraints=CA: true, pathLen: 2", "keyUsage=keyCertSign, cRLSign",
		"nameConstraints=permitted dns:example, permitted ip:10.0.0.0/8, excluded dir:CN=x", "certificatePolicies=anyPolicy, 1.2.3",
		"policyMappings=1.2.3 = 1.2.4", "policyConstraints=requireExplicitPolicy: 0, inhibitPolicyMapping: 1", "inhibitAnyPolicy=3",
		"extKeyUsage=serverAuth, 1.2.3", "authorityInfoAccess=OCSP: http://o.example, caIssuers: http://c.example",
		"cRLDistributionPoints=uri:http://l.example", "tlsFeature=status_request",
		"subjectAltName=dns:a.example, ip:192.0.2.1, ip:2001:db8::1, email:a@b.example, uri:http://u.example, rid:1.2.3, other:SmtpUTF8Mailbox:ä@b.example, dir:CN=x",
		"1.3.6.1.4.1.55555.1.1=#0c07756e6b6e6f776e",
	} {
		if !strings.Contains(got+"\n", want+"\n") {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if c.ExtensionSummary(-1) != "" || c.ExtensionSummary(99) != "" {
		t.Error("an extension that is not there")
	}
}
