package cert

import (
	"strconv"
	"strings"
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
)

var (
	strictRoot = forge.NewRoot("Root", nil)
	strictKey  = forge.P256()
)

// server issues a server certificate with other or more extensions.
func server(exts ...forge.Ext) []byte { return strictRoot.Server("a.example", strictKey, exts...).Raw }

// ca issues a forge.CA certificate with other or more extensions.
func ca(exts ...forge.Ext) []byte { return strictRoot.Intermediate("CA", strictKey, exts...).Raw }

// without issues a forge.CA certificate that lacks the extension oid.
func without(oid string) []byte {
	return strictRoot.Issue(forge.Cert{Subject: forge.CN("CA"), Key: strictKey, Extensions: forge.Without([]forge.Ext{
		forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign, forge.CRLSign), forge.SKI(strictKey.ID()), forge.AKI(strictRoot.Key.ID())}, oid)}).Raw
}

// subject issues a server certificate with another subject.
func subject(name []byte, exts ...forge.Ext) []byte {
	return strictRoot.Issue(forge.Cert{Subject: name, Key: strictKey,
		Extensions: forge.Merge(strictRoot.ServerExts(strictKey, forge.DNS("a.example")), exts...)}).Raw
}

func keyed(key *forge.Key, bits ...int) []byte {
	return strictRoot.Issue(forge.Cert{Subject: forge.CN("a.example"), Key: key,
		Extensions: forge.Merge(strictRoot.ServerExts(key, forge.DNS("a.example")), forge.KeyUsage(bits...))}).Raw
}

func policyText(text []byte) forge.Ext {
	return forge.Ext{OID: oidPolicies, Value: forge.Seq(forge.Seq(forge.OID("1.2.3"), forge.Seq(forge.Seq(forge.OID(oidUserNotice), forge.Seq(text)))))}
}

// breakers has at least one certificate for each row of strictRules, by the
// row's position.
func breakers() [][][]byte {
	emailDN := forge.DN(forge.Attr{OID: "1.2.840.113549.1.9.1", Tag: 0x16, Value: "a@b.example"})
	uid := strictRoot.Issue(forge.Cert{Subject: forge.CN("a.example"), Key: strictKey, IssuerUID: []byte{0, 1}, SubjectUID: []byte{0, 1},
		Extensions: strictRoot.ServerExts(strictKey, forge.DNS("a.example"))}).Raw
	early := strictRoot.Issue(forge.Cert{Subject: forge.CN("a.example"), Key: strictKey, Extensions: strictRoot.ServerExts(strictKey, forge.DNS("a.example")),
		Validity: forge.Seq(forge.TLV(0x18, []byte("20200101000000Z")), forge.TLV(0x18, []byte("20300101000000Z")))}).Raw
	null := strictRoot.Issue(forge.Cert{Subject: forge.CN("a.example"), Key: strictKey, Extensions: strictRoot.ServerExts(strictKey, forge.DNS("a.example")),
		Alg: forge.ECDSAWithSHA256.WithID(forge.Seq(forge.OID("1.2.840.10045.4.3.2"), forge.Null()))}).Raw
	noIssuer := forge.Cert{Issuer: forge.EmptyName(), Subject: forge.CN("a.example"), Key: strictKey, Extensions: strictRoot.ServerExts(strictKey, forge.DNS("a.example"))}.Sign(strictRoot.Key)
	rsa := forge.RSA(2048)
	return [][][]byte{
		{server(forge.Ext{OID: oidBasicConstraints, Critical: true, Value: forge.Seq(forge.Int(3))})},
		{ca(forge.BasicConstraints(true, 1), forge.KeyUsage(forge.CRLSign))},
		{server(forge.KeyUsage(forge.DigitalSignature, forge.KeyCertSign))},
		{noIssuer},
		{strictRoot.Issue(forge.Cert{Key: strictKey, Extensions: []forge.Ext{forge.BasicConstraints(true, -1), forge.KeyUsage(forge.KeyCertSign), forge.SKI(strictKey.ID()), forge.AKI(strictRoot.Key.ID())}}).Raw,
			strictRoot.Issue(forge.Cert{Key: strictKey, Extensions: strictRoot.ServerExts(strictKey)}).Raw},
		{without(oidSubjectKeyID)},
		{subject(forge.EmptyName())},
		{ca(forge.BasicConstraints(true, -1).NonCrit())},
		{without(oidKeyUsage)},
		{uid},
		{strictRoot.Issue(forge.Cert{Key: strictKey, Serial: []byte{0}, Extensions: strictRoot.ServerExts(strictKey)}).Raw},
		{early},
		{server(forge.Ext{OID: oidBasicConstraints, Value: forge.Seq(forge.Bool(false))})},
		{server(forge.Ext{OID: oidKeyUsage, Critical: true, Value: forge.TLV(3, []byte{0, 0x80})})},
		{null},
		{subject(forge.DN(forge.Attr{OID: "2.5.4.3", Tag: 0x13, Value: "a&b"}))},
		{subject(forge.DN(forge.Attr{OID: "2.5.4.3", Tag: 0x14, Value: "a"})), subject(forge.DN(forge.Attr{OID: "2.5.4.6", Value: "DE"})), subject(forge.DN(forge.Attr{OID: "2.5.4.3", Tag: 0x1e, Value: "\x00a"}))},
		{subject(forge.CN(strings.Repeat("a", 65))), subject(forge.DN(forge.Attr{OID: "2.5.4.6", Tag: 0x13, Value: "D"})), subject(forge.DN(forge.Attr{OID: "2.5.4.6", Tag: 0x13, Value: "DEU"})), subject(forge.CN(""))},
		{subject(emailDN)},
		{server(forge.AKIFull(nil, [][]byte{forge.DirName(strictRoot.Name)}, []byte{1})), server(forge.AKIFull([]byte{1}, nil, []byte{1}))},
		{keyed(strictKey, forge.KeyEncipherment), keyed(rsa, forge.DigitalSignature, forge.KeyAgreement), keyed(forge.NewKey("Ed25519"), forge.KeyAgreement), keyed(strictKey, forge.EncipherOnly),
			keyed(forge.NewKey("ML-DSA-65"), forge.DigitalSignature, forge.KeyEncipherment), keyed(forge.NewKey("ML-DSA-87"), forge.DigitalSignature, forge.KeyAgreement)},
		{server(forge.KeyUsage(forge.CRLSign)), server(forge.KeyUsage(forge.KeyEncipherment), forge.EKU(forge.ClientAuth)), server(forge.KeyUsage(forge.KeyAgreement), forge.EKU(forge.OCSPSigning))},
		{ca(forge.NameConstraints([][]byte{forge.DNS("example")}, nil).NonCrit()), ca(forge.PolicyConstraints(0, -1).NonCrit()), ca(forge.InhibitAnyPolicy(0).NonCrit())},
		{server(forge.KeyUsage(forge.DigitalSignature).NonCrit()), ca(forge.Policies("1.2.3"), forge.PolicyMappings("1.2.3", "1.2.4").NonCrit())},
		{server(forge.FreshestCRL(forge.DP{FullName: [][]byte{forge.URI("http://a.example/")}}).Crit()), server(forge.NoRevAvail().Crit()),
			server(forge.Ext{OID: oidSIA, Critical: true, Value: forge.Seq(forge.Seq(forge.OID("1.3.6.1.5.5.7.48.5"), forge.URI("http://a.example/")))})},
		{server(forge.IAN(forge.DNS("ca.example")).Crit()), server(forge.CRLDP("http://a.example/").Crit()), server(forge.EKU(forge.ServerAuth, forge.AnyEKU).Crit())},
		{server(forge.NameConstraints([][]byte{forge.DNS("example")}, nil)), server(forge.PolicyConstraints(0, -1)), server(forge.InhibitAnyPolicy(0)), server(forge.Policies("1.2.3"), forge.PolicyMappings("1.2.3", "1.2.4"))},
		{server(policyText(forge.IA5("x"))), server(policyText(forge.UTF8(strings.Repeat("x", 201)))), server(policyText(forge.Int(1))),
			server(forge.Ext{OID: oidPolicies, Value: forge.Seq(forge.Seq(forge.OID(forge.AnyPolicy), forge.Seq(forge.Seq(forge.OID("1.2.3"), forge.Null()))))})},
		{ca(forge.PolicyMappings("1.2.3", "1.2.4"))},
		{server(forge.SAN(forge.DNS("a_b.example"))), server(forge.SAN(forge.DNS("-a.example"))), server(forge.SAN(forge.DNS("a..example"))), server(forge.SAN(forge.DNS(".example"))), server(forge.SAN(forge.DNS("*"))),
			server(forge.SAN(forge.DNS("f*.example"))), server(forge.SAN(forge.DNS(strings.Repeat("a", 64) + ".example"))), server(forge.SAN(forge.DNS(strings.Repeat("a.", 130) + "a"))),
			server(forge.SAN(forge.Email("a"))), server(forge.SAN(forge.Email("<a@b.example>"))), server(forge.SAN(forge.URI("/a"))), server(forge.SAN(forge.URI("http://localhost/"))), server(forge.SAN(forge.URI("http:"))),
			server(forge.SAN(forge.SmtpUTF8("a@b.example"))), server(forge.IAN(forge.DNS("a_b.example")))},
		{ca(forge.Ext{OID: oidNameConstraints, Critical: true, Value: forge.Seq(forge.Explicit(0, forge.Seq(forge.DNS("a"), forge.Context(0, []byte{1}))))}),
			ca(forge.Ext{OID: oidNameConstraints, Critical: true, Value: forge.Seq(forge.Explicit(1, forge.Seq(forge.DNS("a"), forge.Context(1, []byte{1}))))})},
		{server(forge.CRLDPs(forge.DP{Reasons: []int{1}})), server(forge.FreshestCRL(forge.DP{Reasons: []int{1}}))},
	}
}

// Each rule of the table finds what breaks it, names its place, and none finds
// anything in a certificate that follows the profile.
func TestStrictRules(t *testing.T) {
	for _, raw := range [][]byte{server(), ca(), strictRoot.Raw} {
		if c := Parse(raw); len(c.Strict()) > 0 || len(c.Findings) > 0 {
			t.Fatalf("the model certificate: %v %v", c.Findings, c.Strict())
		}
	}
	all := breakers()
	if len(all) != len(strictRules) {
		t.Fatalf("%d fixtures for %d rules", len(all), len(strictRules))
	}
	for i, certs := range all {
		r := &strictRules[i]
		for k, raw := range certs {
			c := Parse(raw)
			run := strictRun{c: c, rule: r}
			r.check(&run)
			if len(run.found) == 0 {
				t.Errorf("row %d (%s), fixture %d: nothing found; %v %v", i, r.id, k, c.Findings, c.Strict())
				continue
			}
			f := run.found[0]
			if off, err := strconv.Atoi(f.Param("offset")); f.ID != r.id || err != nil || off >= len(raw) || f.Param("field") == "" {
				t.Errorf("row %d (%s), fixture %d: %v %v", i, r.id, k, f.ID, f.Params)
			}
			if want := map[bool]finding.Severity{false: finding.Error, true: finding.Warning}[r.should]; f.Severity != want {
				t.Errorf("row %d (%s): severity %s", i, r.id, f.Severity)
			}
			found := false
			for _, s := range c.StrictFindings() {
				found = found || s.ID == f.ID && s.Severity == f.Severity
			}
			if !found {
				t.Errorf("row %d (%s), fixture %d: not in StrictFindings", i, r.id, k)
			}
		}
	}
}

// Every code of X509_V_FLAG_X509_STRICT, 78 to 94, is a kind; those that one
// certificate alone can show by its profile are rows of the table, and their
// code is the kind's.
func TestStrictCodes(t *testing.T) {
	elsewhere := map[int]string{
		78: "by default: the parser", 79: "certpath", 85: "certpath", 87: "by default: the parser",
		90: "by default: the parser", 91: "by default: the parser", 93: "by default: the parser", 94: "by default: the parser",
	}
	rows := map[int]finding.ID{}
	for i := range strictRules {
		r := &strictRules[i]
		k, ok := finding.Lookup(r.id)
		if !ok || r.spec == "" {
			t.Errorf("%s: no kind or no clause", r.id)
		}
		if r.code != 0 {
			rows[r.code] = r.id
			if k.OpenSSLCode != r.code {
				t.Errorf("%s: code %d in the table, %d in the kind", r.id, r.code, k.OpenSSLCode)
			}
		}
	}
	kinds := map[int]finding.ID{}
	for _, k := range finding.Kinds() {
		kinds[k.OpenSSLCode] = k.ID
	}
	for code := 78; code <= 94; code++ {
		switch {
		case rows[code] != "" && elsewhere[code] != "":
			t.Errorf("%d is a row and elsewhere", code)
		case rows[code] == "" && elsewhere[code] == "":
			t.Errorf("%d has no row", code)
		case kinds[code] == "":
			t.Errorf("%d has no kind", code)
		}
	}
}
