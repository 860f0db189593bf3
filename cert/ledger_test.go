package cert_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/lab/forge"
)

// mbedFields says in which fields of ours the defect behind an error of Mbed
// TLS may be named.
var mbedFields = []struct {
	result string
	fields []string
}{
	{"X509_INVALID_SERIAL", []string{"serialNumber"}},
	{"X509_INVALID_VERSION", []string{"version"}},
	{"X509_UNKNOWN_VERSION", []string{"version"}},
	{"X509_UNKNOWN_SIG_ALG", []string{"signature"}},
	{"X509_INVALID_ALG", []string{"signature", "signatureAlgorithm", "certificate"}},
	{"X509_SIG_MISMATCH", []string{"signatureAlgorithm"}},
	{"X509_INVALID_NAME", []string{"issuer", "subject"}},
	{"X509_INVALID_DATE", []string{"validity"}},
	{"PK_INVALID_PUBKEY", []string{"subjectPublicKeyInfo"}},
	{"PK_", []string{"subjectPublicKeyInfo"}},
	{"X509_INVALID_EXTENSIONS", []string{"extensions"}},
	{"X509_INVALID_SIGNATURE", []string{"signatureValue"}},
	{"X509_FEATURE_UNAVAILABLE", []string{"extensions"}},
	{"X509_INVALID_FORMAT", nil}, // the structure around the fields
}

// mbedLedger has the cases in which we and Mbed TLS disagree, by description.
var mbedLedger = map[string]string{
	"X509 CRT ASN1 (TBS, inv SubPubKeyInfo, algorithm unknown)":         "an unknown kind of key is inconclusive, not an error; its version 1 is spelt out",
	"X509 CRT ASN1 (TBS, inv IssuerID, inv tag)":                        "what stands in place of the unique IDs is named as data at the end of tbsCertificate",
	"X509 CRT ASN1 (TBS, inv v3Ext, inv tag)":                           "what stands in place of the unique IDs is named as data at the end of tbsCertificate",
	"X509 CRT (TBS, valid v3Ext in v3 CRT)":                             "its version 1 is spelt out, or its serial number has another tag, which Mbed TLS allows and DER does not",
	"X509 CRT ASN1 (empty Signature)":                                   "its version 1 is spelt out, or its serial number has another tag, which Mbed TLS allows and DER does not",
	"X509 CRT ASN1 (dummy 24-bit Signature)":                            "its version 1 is spelt out, or its serial number has another tag, which Mbed TLS allows and DER does not",
	"X509 CRT ASN1 (well-formed)":                                       "its version 1 is spelt out, or its serial number has another tag, which Mbed TLS allows and DER does not",
	"X509 CRT ASN1 (GeneralizedTime in notBefore, UTCTime in notAfter)": "its version 1 is spelt out, or its serial number has another tag, which Mbed TLS allows and DER does not",
	"X509 CRT ASN1 (UTCTime in notBefore, GeneralizedTime in notAfter)": "its version 1 is spelt out, or its serial number has another tag, which Mbed TLS allows and DER does not",
	"X509 CRT ASN1 (Name with X520 CN)":                                 "its version 1 is spelt out, or its serial number has another tag, which Mbed TLS allows and DER does not",
	"X509 CRT ASN1 (Name with X520 C)":                                  "its version 1 is spelt out, or its serial number has another tag, which Mbed TLS allows and DER does not",
	"X509 CRT ASN1 (Name with X520 L)":                                  "its version 1 is spelt out, or its serial number has another tag, which Mbed TLS allows and DER does not",
	"X509 CRT ASN1 (Name with X520 ST)":                                 "its version 1 is spelt out, or its serial number has another tag, which Mbed TLS allows and DER does not",
	"X509 CRT ASN1 (Name with X520 O)":                                  "its version 1 is spelt out, or its serial number has another tag, which Mbed TLS allows and DER does not",
	"X509 CRT ASN1 (Name with X520 OU)":                                 "its version 1 is spelt out, or its serial number has another tag, which Mbed TLS allows and DER does not",
	"X509 CRT ASN1 (Name with unknown X520 part)":                       "its version 1 is spelt out, or its serial number has another tag, which Mbed TLS allows and DER does not",
	"X509 CRT ASN1 (Name with PKCS9 email)":                             "its version 1 is spelt out, or its serial number has another tag, which Mbed TLS allows and DER does not",
	"X509 CRT ASN1 (Name with unknown PKCS9 part)":                      "its version 1 is spelt out, or its serial number has another tag, which Mbed TLS allows and DER does not",
	"X509 CRT ASN1 (ECDSA signature, RSA key)":                          "its RSA key of 384 bits is key-too-small, which Mbed TLS leaves to the profile",
	"X509 CRT ASN1 (Unsupported critical extension)":                    "unknown critical extensions are refused by certpath, not by the parser",
}

// Mbed TLS's malformed certificates: each has an error finding that names the
// field Mbed TLS stumbled over, and those it accepts have none.
func TestMbedTLS(t *testing.T) {
	passed, total := 0, 0
	for _, c := range mbedCases(t) {
		raw, err := hex.DecodeString(c.DERHex)
		if err != nil {
			t.Fatal(err)
		}
		total++
		if verdict(t, c.Desc, mbedVerdict(c, cert.Parse(raw)), mbedLedger) {
			passed++
		}
	}
	t.Logf("mbedtls x509parse: %d of %d as Mbed TLS says, the others in the ledger", passed, total)
}

// verdict compares a complaint ("" for none) with the ledger.
func verdict(t *testing.T, name, complaint string, ledger map[string]string) (passed bool) {
	t.Helper()
	reason, listed := ledger[name]
	switch {
	case complaint == "" && listed:
		t.Errorf("%s: agrees, but the ledger says: %s", name, reason)
	case complaint != "" && !listed:
		t.Errorf("%s: %s", name, complaint)
	}
	return complaint == ""
}

func mbedVerdict(c mbedCase, got *cert.Certificate) string {
	bad := errorsOf(got)
	if c.Expected == "ok" {
		if len(bad) > 0 {
			return "Mbed TLS accepts it; ours: " + bad[0].String()
		}
		return ""
	}
	if len(bad) == 0 {
		return c.Result + "; ours finds nothing"
	}
	for _, row := range mbedFields {
		if !strings.Contains(c.Result, row.result) {
			continue
		}
		if row.fields == nil {
			return ""
		}
		for _, f := range bad {
			for _, field := range row.fields {
				if strings.HasPrefix(f.Param("field"), field) {
					return ""
				}
			}
		}
	}
	return c.Result + "; ours: " + bad[0].String() + " in " + bad[0].Param("field")
}

// boringLedger has the cases in which we and BoringSSL disagree, by file.
var boringLedger = map[string]string{
	"cert_skeleton.pem":                              "only the outermost structure is there; ours reads all of it",
	"tbs_v3_extensions.pem":                          "the extensions are made up; ours reads them",
	"tbs_v3_all_optionals.pem":                       "the extensions are made up; ours reads them",
	"tbs_validity_generalized_time_and_utc_time.pem": "the validity ends before it begins",
	"extension_critical_0.pem":                       "a DEFAULT spelt out is a warning: it changes nothing, and programs write it",
	"failed_signature_algorithm.pem":                 "the algorithm outside is not an AlgorithmIdentifier; BoringSSL notices when it verifies",
	"issuer_bad_printable_string.pem":                "an asterisk or ampersand in a PrintableString is a warning, as in crypto/x509",
	"subject_not_printable_string.pem":               "an asterisk or ampersand in a PrintableString is a warning, as in crypto/x509",
	"subject_blank_subjectaltname_not_critical.pem":  "strict mode's san-not-critical",
	"basic_constraints_pathlen_256.pem":              "RFC 5280 has no upper bound of pathLenConstraint",
	"serial_zero_padded_21_bytes.pem":                "a warning of BoringSSL, an error of ours (RFC 5280, 4.1.2.2)",
	"serial_negative.pem":                            "a warning of BoringSSL, an error of ours (RFC 5280, 4.1.2.2)",
	"serial_37_bytes.pem":                            "a warning of BoringSSL, an error of ours (RFC 5280, 4.1.2.2)",
}

// BoringSSL's parser tests. Parts of a certificate are put into a whole one.
func TestBoringSSLParse(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(corpora.Dir(t, "boringssl-pki"), "parse_certificate.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Test, Kind, Options, File, Expected_parse, DER string
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	passed, total := 0, 0
	for _, c := range file.Cases {
		if strings.Contains(c.Options, "=") {
			continue // asks for leniency, which ours does not offer
		}
		raw, err := base64.StdEncoding.DecodeString(c.DER)
		if err != nil {
			t.Fatal(err)
		}
		total++
		if c.Kind == "TBSCertificate" {
			raw = forge.Seq(raw, forge.ECDSAWithSHA256.ID, forge.Bits(nil))
		}
		bad := errorsOf(cert.Parse(raw))
		if c.Kind == "TBSCertificate" { // made up: the fields are not what they stand for
			bad = slices.DeleteFunc(bad, func(f finding.Finding) bool {
				field := f.Param("field")
				return !strings.HasPrefix(field, "version") && !strings.HasPrefix(field, "validity") && field != "tbsCertificate" &&
					!strings.HasPrefix(field, "extensions") && !strings.HasPrefix(field, "serialNumber")
			})
		}
		complaint := ""
		switch {
		case c.Expected_parse == "ok" && len(bad) > 0:
			complaint = "BoringSSL accepts it; ours: " + bad[0].String()
		case c.Expected_parse != "ok" && len(bad) == 0:
			complaint = "BoringSSL refuses it, ours finds nothing"
		}
		if verdict(t, filepath.Base(c.File), complaint, boringLedger) {
			passed++
		}
	}
	t.Logf("boringssl-pki parse_certificate: %d of %d as BoringSSL says, the others in the ledger", passed, total)
}
