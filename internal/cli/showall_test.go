package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/crlite"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
)

// place writes b into a file of the test and returns its name.
func place(t *testing.T, name string, b []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// flat is text without its line breaks and columns.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

// says wants every text in got.
func says(t *testing.T, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(flat(got), w) {
			t.Errorf("no %q in\n%s", w, got)
		}
	}
}

// everything has one of each extension that people look for.
func everything(root *forge.CA) *forge.CA {
	policies := forge.Ext{OID: "2.5.29.32", Value: forge.Seq(
		forge.Seq(forge.OID("2.23.140.1.2.1"), forge.Seq(
			forge.Seq(forge.OID("1.3.6.1.5.5.7.2.1"), forge.IA5("http://cps.test/")),
			forge.Seq(forge.OID("1.3.6.1.5.5.7.2.2"), forge.Seq(forge.Seq(forge.UTF8("Org"), forge.Seq(forge.Int(7), forge.Int(8))), forge.UTF8("Read this"))))),
		forge.Seq(forge.OID("1.3.6.1.4.1.99999.1")))}
	qc := forge.Ext{OID: "1.3.6.1.5.5.7.1.3", Value: forge.Seq(
		forge.Seq(forge.OID("0.4.0.1862.1.1")),
		forge.Seq(forge.OID("0.4.0.1862.1.2"), forge.Seq(forge.Printable("EUR"), forge.Int(500), forge.Int(3))),
		forge.Seq(forge.OID("0.4.0.1862.1.5"), forge.Seq(forge.Seq(forge.IA5("https://pds.test/"), forge.Printable("en")))),
		forge.Seq(forge.OID("0.4.0.1862.1.6"), forge.Seq(forge.OID("0.4.0.1862.1.6.3"))))}
	template := forge.Ext{OID: "1.3.6.1.4.1.311.21.7", Value: forge.Seq(forge.OID("1.3.6.1.4.1.311.21.8.1.2"), forge.Int(100), forge.Int(4))}
	sid := forge.Ext{OID: "1.3.6.1.4.1.311.25.2", Value: forge.Seq(
		forge.Explicit(0, forge.OID("1.3.6.1.4.1.311.25.2.1"), forge.Explicit(0, forge.Octets([]byte("S-1-5-21-1-2-3-500")))))}
	return root.Issue(forge.Cert{Subject: forge.CN("Everything"), Key: forge.P256(), Extensions: []forge.Ext{
		forge.BasicConstraints(true, 1), forge.KeyUsage(forge.KeyCertSign), forge.SKI([]byte{1}),
		forge.NameConstraints([][]byte{forge.DNS("a.test"), forge.IPNet("192.0.2.0/24")}, [][]byte{forge.Email("b.test")}),
		policies, forge.PolicyConstraints(2, 1), forge.PolicyMappings("1.2.3", "1.2.4"), forge.InhibitAnyPolicy(3), forge.TLSFeature(5, 17),
		forge.CRLDPs(forge.DP{FullName: [][]byte{forge.URI("http://crl.test/a")}, Reasons: []int{1, 6}, CRLIssuer: [][]byte{forge.DirName(forge.CN("Lists"))}}),
		forge.FreshestCRL(forge.DP{FullName: [][]byte{forge.URI("http://crl.test/d")}}), qc, template, sid}})
}

// Every extension that people look for is shown in words, and as fields of the JSON.
func TestShowEveryExtension(t *testing.T) {
	file := place(t, "all.pem", forge.PEM("CERTIFICATE", everything(forge.NewRoot("Root", nil)).Raw))
	_, out, _ := run("", "show", file)
	says(t, out, "nameConstraints (critical): permitted dns:a.test, permitted ip:192.0.2.0/24, excluded email:b.test",
		"domain-validated (2.23.140.1.2.1), CPS http://cps.test/, notice of Org number 7, 8 \"Read this\"; 1.3.6.1.4.1.99999.1",
		"requireExplicitPolicy: 2, inhibitPolicyMapping: 1", "1.2.3 = 1.2.4", "inhibitAnyPolicy (critical): 3",
		"tlsFeature: status_request, status_request_v2", "reasons: keyCompromise, certificateHold issuer: dir:CN=Lists", "freshestCRL: uri:http://crl.test/d",
		"QcLimitValue: 500e3 EUR", "QcPDS: https://pds.test/, en", "QcType: website authentication",
		"msCertificateTemplate: 1.3.6.1.4.1.311.21.8.1.2, version 100.4", "S-1-5-21-1-2-3-500")
	_, out, _ = run("", "show", "--format", "json", file)
	var objects []struct {
		Details certDetails `json:"details"`
	}
	if err := json.Unmarshal([]byte(out), &objects); err != nil || len(objects) != 1 {
		t.Fatal(err, out)
	}
	d := objects[0].Details
	if d.NameConstraints == nil || len(d.NameConstraints.Permitted) != 2 || d.NameConstraints.Excluded[0] != "email:b.test" ||
		len(d.Policies) != 2 || d.Policies[0].Qualifiers[1].Notice != "Read this" || *d.RequireExplicit != 2 || *d.InhibitMapping != 1 || *d.InhibitAny != 3 ||
		len(d.TLSFeatures) != 2 || d.CRLPoints[0].Reasons[1] != "certificateHold" || d.CRLPoints[0].Issuer[0] != "dir:CN=Lists" ||
		d.FreshestCRL[0].Names[0] != "uri:http://crl.test/d" || len(d.QCStatements) != 4 || *d.Template.Minor != 4 || d.SID != "S-1-5-21-1-2-3-500" {
		t.Errorf("%s", out)
	}
}

// The fingerprints are those that openssl prints, and pin and TLSA data name the key.
func TestShowFingerprints(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	file := place(t, "root.pem", forge.PEM("CERTIFICATE", root.Raw))
	_, out, _ := run("", "show", "-v", file)
	key := sha256.Sum256(root.Key.SPKI)
	says(t, out, "TLSA 3 1 1 "+fmt.Sprintf("%x", key), "pin sha256//")
	for _, hash := range []string{"-sha1", "-sha256"} {
		b := openssl(t, "x509", "-in", file, "-noout", "-fingerprint", hash)
		_, sum, _ := strings.Cut(strings.TrimSpace(string(b)), "=")
		says(t, out, sum)
	}
}

// Names of algorithms say what openssl would: the salt, OAEP, SM2, and the NULL that is missing.
func TestShowAlgorithms(t *testing.T) {
	root := forge.NewRoot("Root", forge.RSA(2048))
	sha256ID := forge.Seq(forge.OID("2.16.840.1.101.3.4.2.1"), forge.Null())
	pss := func(parts ...[]byte) forge.Alg {
		return forge.SHA256WithPSS.WithID(forge.Seq(forge.OID("1.2.840.113549.1.1.10"), forge.Seq(append([][]byte{forge.Explicit(0, sha256ID),
			forge.Explicit(1, forge.Seq(forge.OID("1.2.840.113549.1.1.8"), sha256ID))}, parts...)...)))
	}
	spki := func(alg []byte) []byte { return forge.Seq(alg, forge.Bits([]byte{4, 1, 2, 3})) }
	for want, c := range map[string]forge.Cert{
		"RSA-PSS with SHA-256, salt 20 bytes":                                {Alg: pss()},
		"RSA-PSS with SHA-256, salt 32 bytes":                                {Alg: forge.SHA256WithPSS},
		"RSA-PSS with SHA-256 without salt":                                  {Alg: pss(forge.Explicit(2, forge.Int(0)))},
		"key RSAES-OAEP, signed":                                             {SPKI: spki(forge.Seq(forge.OID("1.2.840.113549.1.1.7")))},
		"key SM2, signed":                                                    {SPKI: spki(forge.Seq(forge.OID("1.2.840.10045.2.1"), forge.OID("1.2.156.10197.1.301")))},
		"key ML-DSA-65, signed with":                                         {Key: forge.NewKey("ML-DSA-65")},
		"signed with id-alg-mtcProof":                                        {Alg: forge.SHA256WithRSA.WithID(forge.Seq(forge.OID("1.3.6.1.5.5.7.6.67")))},
		"signature id-alg-mtcProof (a Merkle tree certificate: ":             {Alg: forge.SHA256WithRSA.WithID(forge.Seq(forge.OID("1.3.6.1.4.1.44363.47.0")))},
		"public key: SLH-DSA-SHAKE-256f (hash-based signatures of FIPS 205)": {SPKI: spki(forge.Seq(forge.OID("2.16.840.1.101.3.4.3.31")))},
		"public key: MLDSA65-ECDSA-P256-SHA512 (composite ML-DSA: two keys":  {SPKI: spki(forge.Seq(forge.OID("1.3.6.1.5.5.7.6.45")))},
		"signed with SM2 with SM3":                                           {Alg: forge.SHA256WithRSA.WithID(forge.Seq(forge.OID("1.2.156.10197.1.501")))},
		"SHA-256 with RSA without NULL, which belongs there":                 {Alg: forge.SHA256WithRSA.WithID(forge.Seq(forge.OID("1.2.840.113549.1.1.11")))},
		"the parameters of RSA: the NULL that belongs there is missing":      {SPKI: forge.Seq(forge.Seq(forge.OID("1.2.840.113549.1.1.1")), forge.Children(root.Key.SPKI)[1])},
		"ECDSA with SHA-256 with NULL, which does not belong there":          {Alg: forge.SHA256WithRSA.WithID(forge.Seq(forge.OID("1.2.840.10045.4.3.2"), forge.Null()))},
		"issuer (empty)":                                                     {Issuer: forge.EmptyName()},
	} {
		if c.Key == nil {
			c.Key = forge.P256()
		}
		c.Subject = forge.CN("x")
		if c.Issuer == nil {
			c.Issuer = root.Name
		}
		_, out, _ := run("", "show", place(t, "x.der", c.Sign(root.Key)))
		says(t, out, want)
	}
}

// A CRL is shown without a cap on request, an entry is looked up, and reasons that do not exist are named.
func TestShowCRL(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	var entries []forge.Entry
	for i := range 150 {
		entries = append(entries, forge.Revoke(forge.Serial(int64(1000+i)), forge.Superseded))
	}
	entries = append(entries, forge.Revoke(forge.Serial(0x42), 42))
	file := place(t, "a.crl", root.CRL(forge.CRL{Entries: entries, Extensions: []forge.Ext{forge.CRLNumber(9),
		forge.IDP{FullName: [][]byte{forge.URI("http://crl.test/a")}, OnlyUser: true, OnlySomeReasons: []int{1, 4}}.Ext()}}))
	_, out, _ := run("", "show", file)
	says(t, out, "and 51 more; --all shows them", "entries 151", "only the reasons keyCompromise superseded")
	if strings.Contains(out, ", code 42") {
		t.Errorf("more than the first entries are shown:\n%s", out)
	}
	_, out, _ = run("", "show", "--all", file)
	says(t, out, "42 since", ", code 42")
	if n := strings.Count(out, " since "); n != 151 {
		t.Errorf("%d entries with --all", n)
	}
	for _, serial := range []string{"42", "0x42", "00:42"} {
		_, out, _ = run("", "show", "--serial", serial, file)
		says(t, out, "42 since", "code 42")
	}
	if strings.Contains(out, "superseded,") || strings.Count(out, " since ") != 1 {
		t.Errorf("other entries are shown:\n%s", out)
	}
	_, out, _ = run("", "show", "--serial", "43", file)
	says(t, out, "43 is not listed")
	if status, _, errs := run("", "show", "--serial", "xyz", file); status != command.UsageError || !strings.Contains(errs, "not a serial number") {
		t.Errorf("%d %s", status, errs)
	}
	_, out, _ = run("", "show", "--format", "json", "--serial", "42", file)
	var objects []struct {
		CRL    *crlInfo          `json:"crl"`
		Fields []json.RawMessage `json:"fields"`
	}
	if err := json.Unmarshal([]byte(out), &objects); err != nil || len(objects) != 1 || objects[0].CRL == nil {
		t.Fatal(err, out)
	}
	c := objects[0].CRL
	if c.Issuer != "CN=Root" || c.Number != "09" || c.Entries != 151 || len(c.Revoked) != 1 || *c.Revoked[0].ReasonCode != 42 || c.Revoked[0].Reason != "code 42" ||
		!*c.Listed || len(c.Scope.Reasons) != 2 || !c.Scope.OnlyUser || len(objects[0].Fields) != 0 {
		t.Errorf("%s", out)
	}
	status, out, _ := run("", "show", "-q", file)
	if status != 0 || strings.Count(out, "\n") != 1 || !strings.Contains(out, "CN=Root") || !strings.Contains(out, "151 entries") {
		t.Errorf("%d %s", status, out)
	}
}

// A responder that answers revoked for a certificate that was never issued is understood.
func TestShowNeverIssued(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	single := root.RevokedSingle(forge.Serial(77), forge.CertificateHold)
	single.RevokedAt = time.Unix(0, 0)
	extended := forge.Ext{OID: "1.3.6.1.5.5.7.48.1.9", Value: forge.Null()}
	_, out, _ := run("", "show", place(t, "a.ors", forge.OCSP{Singles: []forge.Single{single}, Extensions: []forge.Ext{extended}}.Sign(root)))
	says(t, out, "certificateHold: the CA never issued a certificate with this serial number")
	file := place(t, "b.ors", forge.OCSP{Singles: []forge.Single{single}}.Sign(root))
	_, out, _ = run("", "show", file)
	says(t, out, "this response lacks the extension that says so")
	_, out, _ = run("", "show", "--format", "json", file)
	var objects []struct {
		Response responseInfo `json:"ocsp_response"`
	}
	if err := json.Unmarshal([]byte(out), &objects); err != nil {
		t.Fatal(err)
	}
	r := objects[0].Response
	if len(r.Answers) != 1 || r.Answers[0].ID.Serial != "4d" || *r.Answers[0].ReasonCode != 6 || r.Answers[0].NeverIssued || r.Status != "successful" {
		t.Errorf("%s", out)
	}
}

// CRLite filters of both versions and OneCRL are shown; a cascade is named.
func TestShowFilters(t *testing.T) {
	spki := sha256.Sum256([]byte("key"))
	issuer := forge.ClubcardIssuer{SPKI: spki}
	for i := range 40 {
		issuer.Issued = append(issuer.Issued, forge.Serial(int64(100+i)))
	}
	issuer.Revoked = issuer.Issued[:5]
	for _, version := range []int{crlite.V3, crlite.V4} {
		b, err := forge.Clubcard{Version: version, Issuers: []forge.ClubcardIssuer{issuer},
			Logs: []forge.ClubcardLog{{ID: sha256.Sum256([]byte("log")), First: 1_700_000_000_000, Last: 1_710_000_000_000}}}.Make()
		if err != nil {
			t.Fatal(err)
		}
		file := place(t, "f.filter", b)
		status, out, _ := run("", "show", file)
		says(t, out, "CRLite filter (", fmt.Sprintf("version %d", version), "2023-11-14 22:13:20 UTC to 2024-03-09 16:00:00 UTC", "issuers 1,", fmt.Sprintf("issuer %x, rank", spki))
		if status != 0 {
			t.Errorf("version %d: status %d", version, status)
		}
		_, out, _ = run("", "show", "--format", "json", file)
		var objects []struct {
			Filter filterInfo `json:"crlite_filter"`
		}
		if err := json.Unmarshal([]byte(out), &objects); err != nil || objects[0].Filter.Version != version || objects[0].Filter.Enrolled != 1 || len(objects[0].Filter.Coverage) != 1 {
			t.Errorf("%v %s", err, out)
		}
		if status, out, _ := run("", "show", place(t, "cut.filter", b[:len(b)-1])); status != command.UsageError || strings.Contains(out, "CRLite filter (") {
			t.Errorf("a filter that is cut off: status %d, %s", status, out)
		}
	}
	layer := func(level byte) []byte { return append([]byte{1, 16, 0, 0, 0, 1, 0, 0, 0, level}, 0xff, 0xff) }
	old := bytes.Join([][]byte{{2, 0, 0, 2, 7, 7}, layer(1), layer(2)}, nil)
	if status, out, _ := run("", "show", place(t, "old", old)); status != command.UsageError || !strings.Contains(flat(out), "a cascade of 2 Bloom filters") {
		t.Errorf("a cascade: status %d, %s", status, out)
	}
	if n := cascade(old[:len(old)-1]); n != 0 {
		t.Errorf("a cut cascade has %d layers", n)
	}
	file := place(t, "onecrl.json", forge.OneCRL(forge.CN("Bad CA"), []byte{0x0a, 0x0b}))
	status, out, _ := run("", "show", file)
	says(t, out, "OneCRL (", "records 1", "0a0b of CN=Bad CA, https://bugs.example/1")
	if status != 0 {
		t.Errorf("OneCRL: status %d", status)
	}
	_, out, _ = run("", "show", "--serial", "0c", file)
	says(t, out, "0c is not listed")
}

// An object that is inconclusive by itself is no success.
func TestShowStatus(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	unsupported := forge.Cert{Issuer: root.Name, Subject: forge.CN("x"), SPKI: forge.Seq(forge.Seq(forge.OID("1.2.643.7.1.1.1.1")), forge.Bits([]byte{4, 1}))}
	for name, c := range map[string]struct {
		b      []byte
		status int
	}{
		"sound":        {root.Raw, command.Accept},
		"inconclusive": {unsupported.Sign(root.Key), command.Reject},
	} {
		if status, out, _ := run("", "show", "-q", place(t, "c.der", c.b)); status != c.status {
			t.Errorf("%s: status %d, want %d\n%s", name, status, c.status, out)
		}
	}
}

// openssl runs the program, which CI requires.
func openssl(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := exec.Command(peers.Path(t, "openssl"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %v: %v\n%s", args, err, out)
	}
	return out
}
