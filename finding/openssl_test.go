package finding_test

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/assaytls/assay/finding"
)

func TestOpenSSLErrors(t *testing.T) {
	rows := finding.OpenSSLErrors()
	if len(rows) != 105 {
		t.Errorf("%d rows, want 0 to 104", len(rows))
	}
	for i, e := range rows {
		if e.Code != i {
			t.Errorf("row %d has number %d", i, e.Code)
		}
		if e.ID == "" && e.Note == "" {
			t.Errorf("%s: neither a finding nor a reason", e.Name)
		}
		if _, ok := finding.Lookup(e.ID); !ok && e.ID != "" {
			t.Errorf("%s: there is no finding %s", e.Name, e.ID)
		}
	}
	for _, k := range finding.Kinds() {
		if k.OpenSSL == "" {
			continue
		}
		if e, ok := finding.LookupOpenSSL(k.OpenSSL); !ok || e.Code != k.OpenSSLCode {
			t.Errorf("%s: %s is not number %d", k.ID, k.OpenSSL, k.OpenSSLCode)
		}
	}
}

func TestLookupOpenSSL(t *testing.T) {
	for _, s := range []string{"10", "X509_V_ERR_CERT_HAS_EXPIRED", "cert_has_expired"} {
		if e, ok := finding.LookupOpenSSL(s); !ok || e.ID != finding.CertExpired {
			t.Errorf("%s: %v %v", s, e, ok)
		}
	}
	for _, s := range []string{"", "-1", "105", "X509_V_ERR_", "expired"} {
		if e, ok := finding.LookupOpenSSL(s); ok {
			t.Errorf("%q: %v", s, e)
		}
	}
}

// TestOpenSSLHeader compares names and numbers with the installed OpenSSL.
func TestOpenSSLHeader(t *testing.T) {
	b, err := os.ReadFile("/usr/include/openssl/x509_vfy.h")
	if err != nil {
		if os.Getenv("ASSAY_REQUIRE_PEERS") == "1" {
			t.Fatal(err)
		}
		t.Skip("OpenSSL's headers are not installed")
	}
	defines := regexp.MustCompile(`#\s*define\s+(X509_V_(?:ERR_\w+|OK))\s+(\d+)`).FindAllStringSubmatch(string(b), -1)
	if len(defines) < 90 {
		t.Fatalf("only %d errors in the header", len(defines))
	}
	for _, d := range defines {
		if e, ok := finding.LookupOpenSSL(d[1]); !ok || strconv.Itoa(e.Code) != d[2] {
			t.Errorf("%s is %s in the header, %d in the table", d[1], d[2], e.Code)
		}
	}
}
