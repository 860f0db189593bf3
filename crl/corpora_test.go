package crl_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// sound reports whether b is a list that may say "good".
func sound(b []byte) (ok bool, why string) {
	l, err := crl.Parse(context.Background(), b)
	if err != nil {
		return false, err.Error()
	}
	for _, f := range l.Findings {
		why += f.String() + "; "
	}
	return report.Worst(l.Findings) < finding.Inconclusive, why
}

// mbedDifferences are the parser cases of Mbed TLS where assay judges otherwise.
var mbedDifferences = map[string]string{
	"X509 CRL ASN1 (TBSCertList, sig present)": "an explicit version 1 (0), which RFC 5280, 5.1.2.1 does not have, and a serial number with a wrong tag",
	"X509 CRL ASN1 (TBSCertList, no entries)":  "an explicit version 1",
}

func TestMbedTLS(t *testing.T) {
	dir := corpora.Dir(t, "mbedtls")
	data, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var suite struct {
		Suites map[string]json.RawMessage
	}
	if err := json.Unmarshal(data, &suite); err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Desc, Result string
		DER          string `json:"der_hex"`
		Expected     string `json:"expected_parse"`
	}
	if err := json.Unmarshal(suite.Suites["x509parse_crl"], &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 34 {
		t.Errorf("%d cases", len(cases))
	}
	for _, c := range cases {
		b, err := hex.DecodeString(c.DER)
		if err != nil {
			t.Fatal(err)
		}
		ok, why := sound(b)
		_, differs := mbedDifferences[c.Desc]
		if ok == (c.Expected == "ok") == differs {
			t.Errorf("%s: %v (%s), Mbed TLS: %s, in the ledger: %v", c.Desc, ok, why, c.Result, differs)
		}
	}
	var files []struct{ Desc, File string }
	if err := json.Unmarshal(suite.Suites["mbedtls_x509_crl_info"], &files); err != nil {
		t.Fatal(err)
	}
	for _, c := range files {
		b, err := os.ReadFile(filepath.Join(dir, c.File))
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if ok, why := sound(b); !ok {
			t.Errorf("%s: %s", c.Desc, why)
		}
	}
}

// errorsOrg are the chains of x509errors.org that are about revocation lists:
// what assay finds for the leaf. Validated at 2026-12-01.
var errorsOrg = map[string]struct {
	status report.Status
	id     finding.ID
}{
	"cert_revoked":                     {status: report.Revoked},
	"crl_has_expired":                  {report.Unknown, finding.CRLStale},
	"crl_not_yet_valid":                {report.Unknown, finding.CRLNotYetValid},
	"crl_path_validation_error":        {report.Unknown, finding.CRLIssuerUntrusted},
	"crl_signature_failure":            {report.Unknown, finding.CRLSignatureInvalid},
	"different_crl_scope":              {report.Unknown, finding.CRLOtherKind},
	"error_in_crl_last_update_field":   {status: report.Revoked}, // as for OpenSSL: the time is a valid one
	"error_in_crl_next_update_field":   {report.Unknown, finding.CRLTimesInvalid},
	"keyusage_no_crl_sign":             {report.Unknown, finding.CRLSignNotAllowed},
	"unhandled_critical_crl_extension": {report.Revoked, finding.CRLUnknownCritical},
}

func TestUsableCertValidation(t *testing.T) {
	dir := corpora.Dir(t, "usable-cert-validation")
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	rootBlock, _ := pem.Decode(read("root.pem"))
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for name, want := range errorsOrg {
		var certs []*cert.Certificate
		for rest := read("chains/" + name + "/chain.pem"); ; {
			var b *pem.Block
			if b, rest = pem.Decode(rest); b == nil {
				break
			}
			certs = append(certs, cert.Parse(b.Bytes))
		}
		anchors := certpath.NewAnchors()
		anchors.Add(rootBlock.Bytes)
		o := certpath.Options{Time: now, Purpose: policy.PurposeAny}
		p := certpath.Build(context.Background(), certs[0], certs, anchors, o).Paths[0]
		if len(p.Certs) < 2 {
			t.Errorf("%s: a path of %d", name, len(p.Certs))
			continue
		}
		status, found := report.Unknown, []finding.Finding(nil)
		l, err := crl.Parse(context.Background(), read("chains/"+name+"/crl.der"))
		if err != nil {
			found = []finding.Finding{err.(*crl.Error).Finding()}
		} else {
			r := crl.Check(context.Background(), crl.Query{Cert: p.Certs[0], Issuer: p.Certs[1], Above: p.Certs[2:], Time: now,
				Sources: []crl.Source{{List: l, URL: "http://localhost:49999/crl.der"}}, Pool: certs})
			status, found = r.Status, r.Findings
		}
		if status != want.status || want.id != "" && !slices.ContainsFunc(found, func(f finding.Finding) bool { return f.ID == want.id }) {
			t.Errorf("%s: %s, want %s %s; %v", name, status, want.status, want.id, found)
		}
	}
}

// seeds returns every list of the corpora, for fuzzing.
func corpusLists(t testing.TB) (out [][]byte) {
	if files, err := filepath.Glob(filepath.Join(corpora.Dir(t, "pkits"), "crls", "*.crl")); err == nil {
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, b)
		}
	}
	data, err := os.ReadFile(filepath.Join(corpora.Dir(t, "boringssl-pki"), "crl.json"))
	if err != nil {
		t.Fatal(err)
	}
	var suite struct {
		Cases []struct {
			CRL []byte `json:"crl_der"`
		}
	}
	if err := json.Unmarshal(data, &suite); err != nil {
		t.Fatal(err)
	}
	for _, c := range suite.Cases {
		out = append(out, c.CRL)
	}
	return out
}

// The fuzz corpora of OpenSSL, GnuTLS and BoringSSL: no panic, and both forms
// of the parser agree.
func TestFuzzCorpora(t *testing.T) {
	dir, tar := corpora.Dir(t, "fuzz-seeds"), peers.Path(t, "tar")
	peers.Path(t, "xz") // tar runs it
	n, lists := 0, 0
	for _, name := range []string{"openssl", "gnutls", "boringssl"} {
		tmp := t.TempDir()
		if out, err := exec.Command(tar, "-xJf", filepath.Join(dir, name+".tar.xz"), "-C", tmp).CombinedOutput(); err != nil {
			t.Fatalf("tar: %v: %s", err, out)
		}
		filepath.WalkDir(tmp, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.Contains(p, "crl") {
				return err
			}
			b, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			n++
			if parseBothWays(t, b) != nil {
				lists++
			}
			return nil
		})
	}
	if n < 500 {
		t.Errorf("%d inputs", n)
	}
	t.Logf("%d of %d inputs are lists", lists, n)
}

// parseBothWays parses b at once and streaming; the results must agree. It
// returns the list, if b is one.
func parseBothWays(t testing.TB, b []byte) *crl.List {
	before := bytes.Clone(b)
	l, err := crl.Parse(context.Background(), b)
	if !bytes.Equal(b, before) {
		t.Fatal("the input was changed")
	}
	one := []byte{1}
	s, serr := crl.Scan(context.Background(), newReader(b), one, []byte{0x12, 0x34})
	if (err == nil) != (serr == nil) {
		t.Fatalf("Parse: %v, Scan: %v\n%x", err, serr, b)
	}
	if err != nil {
		for _, e := range []error{err, serr} {
			ce, ok := e.(*crl.Error)
			if !ok || ce.ID == finding.CRLUnreadable {
				t.Fatalf("%T %v\n%x", e, e, b)
			}
			if _, ok := finding.Lookup(ce.ID); !ok {
				t.Fatalf("unknown ID %s", ce.ID)
			}
		}
		return nil
	}
	if l.SHA256 != s.SHA256 || l.Len() != s.Len() || l.Size != s.Size || len(l.Findings) != len(s.Findings) || l.Issuer.Canon != s.Issuer.Canon {
		t.Fatalf("Parse and Scan differ\n%x", b)
	}
	for range 5 { // the later ones use the index
		var a, c int
		if err := l.Lookup(one, func(crl.Entry) bool { a++; return true }); err != nil {
			t.Fatal(err)
		}
		if err := s.Lookup(one, func(crl.Entry) bool { c++; return true }); err != nil {
			t.Fatal(err)
		}
		found, err := l.Listed(one)
		if err != nil || a != c || found != (a > 0) {
			t.Fatalf("lookups differ: %d, %d, %v, %v\n%x", a, c, found, err, b)
		}
	}
	return l
}
