package ocsp_test

import (
	"bytes"
	"crypto"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/ocsp"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestBoringSSL judges the 36 responses of BoringSSL's pki/ocsp_unittest.cc.
func TestBoringSSL(t *testing.T) {
	dir := corpora.Dir(t, "boringssl-pki")
	var file struct {
		Cases []struct {
			Name       string    `json:"name"`
			VerifyTime time.Time `json:"verify_time"`
			MaxAge     int       `json:"max_age_seconds"`
			Status     string    `json:"expected_revocation_status"`
			Response   string    `json:"expected_response_status"`
			DER        []byte    `json:"ocsp_response_der"`
			Cert       []byte    `json:"cert_der"`
			Issuer     []byte    `json:"issuer_der"`
			Request    []byte    `json:"expected_ocsp_request_der"`
		} `json:"cases"`
	}
	readJSON(t, filepath.Join(dir, "ocsp.json"), &file)
	if len(file.Cases) != 36 {
		t.Fatalf("%d cases, want 36", len(file.Cases))
	}
	// What BoringSSL calls the response is what the worst finding must be.
	kinds := map[string][]finding.ID{
		"PROVIDED":                     nil,
		"NO_MATCHING_RESPONSE":         {finding.OCSPOtherCertificate},
		"ERROR_RESPONSE":               {finding.OCSPErrorStatus},
		"PARSE_RESPONSE_ERROR":         {finding.OCSPMalformed},
		"PARSE_RESPONSE_DATA_ERROR":    {finding.OCSPMalformed},
		"UNHANDLED_CRITICAL_EXTENSION": {finding.OCSPCriticalExtension},
		"INVALID_DATE":                 {finding.OCSPStale, finding.OCSPTooOld, finding.OCSPNotYetValid},
		"BAD_PRODUCED_AT":              {finding.OCSPTimesInvalid, finding.OCSPNotYetValid},
	}
	ledger := map[string]string{} // case name to the reason for another status
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			leaf, issuer := cert.Parse(c.Cert), cert.Parse(c.Issuer)
			if got := ocsp.NewRequest(leaf, issuer, crypto.SHA1, nil); !bytes.Equal(got, c.Request) {
				// BoringSSL leaves the NULL parameters of SHA-1 away in its requests.
				if want := ocsp.ParseRequest(c.Request); len(want.IDs) != 1 || !want.IDs[0].Matches(leaf, issuer) || len(want.Findings) > 0 {
					t.Errorf("their request is not about the certificate: %v %v", want.IDs, want.Findings)
				}
				if have := ocsp.ParseRequest(got); len(have.IDs) != 1 || have.IDs[0].String() != ocsp.ParseRequest(c.Request).IDs[0].String() {
					t.Errorf("request %x, want %x", got, c.Request)
				}
			}
			res := ocsp.Check(ocsp.Query{Cert: leaf, Issuer: issuer, Time: c.VerifyTime, MaxAge: time.Duration(c.MaxAge) * time.Second, Source: policy.OCSP}, c.DER)
			got := map[report.Status]string{report.Good: "GOOD", report.Revoked: "REVOKED", report.Unknown: "UNKNOWN", "": "UNKNOWN"}[res.Status]
			reason, listed := ledger[c.Name]
			if (got == c.Status) == listed {
				t.Fatalf("status %s, want %s (ledger: %q); findings %v", got, c.Status, reason, res.Findings)
			}
			if listed {
				return
			}
			want := kinds[c.Response]
			for _, f := range res.Findings {
				for _, id := range want {
					if f.ID == id && f.Severity >= finding.Inconclusive {
						return
					}
				}
			}
			if want != nil {
				t.Errorf("no finding for %s: %v", c.Response, res.Findings)
			}
		})
	}
}

// TestOpenSSL judges the 59 cases of OpenSSL's test/recipes/80-test_ocsp.t:
// real responses of 2012, whole and damaged. The program verifies signatures
// and only warns about times (most were out of date at the stated moment), so
// the profile is Stale: policy.StaleAllow; by default assay refuses those.
func TestOpenSSL(t *testing.T) {
	dir := corpora.Dir(t, "openssl")
	type row struct {
		Group    string   `json:"group"`
		Desc     string   `json:"desc"`
		Response string   `json:"response"`
		CA       string   `json:"ca"`
		Other    []string `json:"other"`
		Target   string   `json:"target_cert"`
		Time     int64    `json:"attime"`
		Expected string   `json:"expected"`
	}
	var file struct {
		Cases []row `json:"cases"`
	}
	readJSON(t, filepath.Join(dir, "ocsp_cases.json"), &file)
	if len(file.Cases) != 59 {
		t.Fatalf("%d cases, want 59", len(file.Cases))
	}
	read := func(t *testing.T, name string) *cert.Certificate {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		p, _ := pem.Decode(b)
		return cert.Parse(p.Bytes)
	}
	ledger := map[string]string{
		"UNTRUSTED ISSUER HINTS/NON-DELEGATED; invalid issuer via -issuer/ND1.der": "the issuer's own certificate is forged; Check is given issuers that stand on a validated path, and certpath refuses this one",
	}
	for _, c := range file.Cases {
		name := c.Group + "/" + c.Desc + "/" + filepath.Base(c.Response)
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join(dir, c.Response))
			if err != nil {
				t.Fatal(err)
			}
			if p, _ := pem.Decode(b); p != nil {
				b = p.Bytes
			}
			target, issuer := read(t, c.Target), read(t, c.CA)
			if target.Issuer.Canon != issuer.Subject.Canon {
				issuer = read(t, c.Other[0]) // the issuer stands among the untrusted ones
			}
			res := ocsp.Check(ocsp.Query{Cert: target, Issuer: issuer, Time: time.Unix(c.Time, 0), Stale: policy.StaleAllow, Source: policy.OCSP}, b)
			got := "fail"
			if res.Status == report.Good {
				got = "ok"
			}
			reason, listed := ledger[name]
			if (got == c.Expected) == listed {
				t.Errorf("%s, want %s (ledger: %q); findings %v", got, c.Expected, reason, res.Findings)
			}
		})
	}
}
