package cli

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/tlsnames"
)

// What people paste leads to the finding that it means: the words of each program,
// in a whole line of its output.
func TestExplainMessages(t *testing.T) {
	for said, want := range map[string]finding.ID{
		"unable to get local issuer certificate":                                                                   finding.IssuerNotFound,
		"verify error:num=20:unable to get local issuer certificate":                                               finding.IssuerNotFound,
		"Verify return code: 10 (certificate has expired)":                                                         finding.CertExpired,
		"curl: (60) SSL certificate problem: unable to get local issuer certificate":                               finding.IssuerNotFound,
		"curl: (60) SSL certificate problem: self-signed certificate in certificate chain":                         finding.RootUntrusted,
		"curl: (60) SSL: no alternative certificate subject name matches target host name 'a.test'":                finding.NameMismatch,
		"curl: (35) Recv failure: Connection reset by peer":                                                        finding.ConnectionReset,
		"curl: (91) No OCSP response received":                                                                     finding.MustStapleMissing,
		"schannel: next InitializeSecurityContext failed: CRYPT_E_NO_REVOCATION_CHECK (0x80092012)":                finding.RevocationNoPointer,
		"tls: failed to verify certificate: x509: certificate signed by unknown authority":                         finding.IssuerNotFound,
		"x509: certificate has expired or is not yet valid: current time 2026-11-29T00:00:00Z is after 2026-11-28": finding.CertExpired,
		"x509: certificate is valid for a.test, b.test, not c.test":                                                finding.NameMismatch,
		"x509: cannot validate certificate for 10.0.0.1 because it doesn't contain any IP SANs":                    finding.IPMismatch,
		"x509: certificate relies on legacy Common Name field, use SANs instead":                                   finding.NamesMissing,
		"http: server gave HTTP response to HTTPS client":                                                          finding.PlaintextHTTP,
		"dial tcp: lookup nowhere.test: no such host":                                                              finding.DNSNotFound,
		"remote error: tls: unknown certificate authority":                                                         finding.ClientCertRefused,
		"remote error: tls: handshake failure":                                                                     finding.NoCommonParameters,
		"Status: The certificate is NOT trusted. The certificate issuer is unknown.":                               finding.IssuerNotFound,
		"Status: The certificate is NOT trusted. The certificate chain uses expired certificate.":                  finding.CertExpired,
		"Status: The certificate is NOT trusted. The name in the certificate does not match the expected.":         finding.NameMismatch,
		"sun.security.validator.ValidatorException: PKIX path building failed: SunCertPathBuilderException":        finding.IssuerNotFound,
		"java.security.cert.CertificateExpiredException: NotAfter: Sat Nov 28":                                     finding.CertExpired,
		"No subject alternative DNS name matching a.test found.":                                                   finding.NameMismatch,
		"java.security.cert.CertificateException: No name matching a.test found":                                   finding.NameMismatch,
		"SEC_ERROR_UNKNOWN_ISSUER":                        finding.IssuerNotFound,
		"Error code: SSL_ERROR_RX_RECORD_TOO_LONG":        finding.PlaintextHTTP,
		"MOZILLA_PKIX_ERROR_REQUIRED_TLS_FEATURE_MISSING": finding.MustStapleMissing,
		"NET::ERR_CERT_DATE_INVALID":                      finding.CertExpired,
		"net::ERR_CERT_AUTHORITY_INVALID":                 finding.IssuerNotFound,
		"err_ssl_version_or_cipher_mismatch":              finding.NoCommonParameters,
		"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:1000)":               finding.CertExpired,
		"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, certificate is not valid for 'a'": finding.NameMismatch,
		"[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1000)":                                                  finding.PlaintextHTTP,
		"Error [ERR_TLS_CERT_ALTNAME_INVALID]: Hostname/IP does not match certificate's altnames":                         finding.NameMismatch,
		"invalid peer certificate: UnknownIssuer":                                                                         finding.IssuerNotFound,
		"The remote certificate is invalid because of errors in the certificate chain: PartialChain":                      finding.IssuerNotFound,
		"CN=Kubernetes Ingress Controller Fake Certificate":                                                               finding.NameMismatch,
		"alert 40":                          finding.NoCommonParameters,
		"SSL alert number 112":              finding.UnrecognizedName,
		"tlsv13 alert certificate required": finding.ClientCertRequired,
		"unknown_ca":                        finding.ClientCertRefused,
		"no_application_protocol":           finding.ALPNNoCommon,
	} {
		for _, args := range [][]string{{said}, strings.Fields(said)} {
			f, err := lookUp(args)
			if err != nil || len(f.kinds) == 0 || f.kinds[0].ID != want || f.words || len(f.notes) == 0 {
				var got []finding.ID
				for _, k := range f.kinds {
					got = append(got, k.ID)
				}
				t.Errorf("%q: %v %v, want %s first; by words: %v, notes %q", args, err, got, want, f.words, f.notes)
			}
		}
	}
}

// Every message in the table leads to its own first finding, when nothing longer
// stands in it, and every alert and OpenSSL number has something to say.
func TestExplainTables(t *testing.T) {
	programs := map[string]bool{}
	for _, p := range messages {
		if programs[p.program] {
			t.Errorf("%s stands twice in the table", p.program)
		}
		programs[p.program] = true
		for _, m := range p.list {
			for _, id := range m.ids {
				if _, ok := finding.Lookup(id); !ok {
					t.Errorf("%s: there is no finding %s", m.words, id)
				}
			}
			if m.note != "" && !strings.HasSuffix(m.note, ".") {
				t.Errorf("%s: %q is no sentence", m.words, m.note)
			}
			if f, err := lookUp([]string{strings.ReplaceAll(m.words, "…", "x y")}); err != nil || len(f.kinds) == 0 || f.words {
				t.Errorf("%s %q: %v", p.program, m.words, err)
			}
		}
	}
	for code := range 256 {
		if name := tlsnames.Alert(uint8(code)); !strings.HasPrefix(name, "alert ") && name != "close_notify" {
			if f, err := lookUp([]string{"alert", name}); err != nil || len(f.notes) != 1 || !strings.Contains(f.notes[0], fmt.Sprintf("%s (%d)", name, code)) {
				t.Errorf("alert %s: %v %q", name, err, f.notes)
			}
			if f, err := lookUp([]string{"alert " + fmt.Sprint(code)}); err != nil || len(f.notes) != 1 || !strings.Contains(f.notes[0], name) {
				t.Errorf("alert %d: %v %q", code, err, f.notes)
			}
		}
	}
	if len(openSSLWords) != len(finding.OpenSSLErrors()) {
		t.Errorf("words for %d of %d errors", len(openSSLWords), len(finding.OpenSSLErrors()))
	}
	for _, e := range finding.OpenSSLErrors() {
		f, err := lookUp([]string{e.Name})
		if err != nil || len(f.notes) != 1 || !strings.Contains(f.notes[0], openSSLWords[e.Code]) {
			t.Errorf("%d: %v %q", e.Code, err, f.notes)
		}
		if len(f.kinds) == 0 && len(strings.Fields(e.Note)) < 12 {
			t.Errorf("%d %s says only %q", e.Code, e.Name, e.Note)
		}
	}
}

// Words are ranked, and bounded in every way.
func TestExplainWords(t *testing.T) {
	for words, want := range map[string]finding.ID{
		"staple missing":            finding.MustStapleMissing,
		"crl out of date":           finding.CRLStale,
		"certificate expired":       finding.CertExpired,
		"revoked certificate":       finding.CertRevoked,
		"wildcard":                  finding.WildcardRefused,
		"proxy login password":      finding.ProxyAuthRequired,
		"server closed connection ": finding.HandshakeEOF,
	} {
		f, err := lookUp(strings.Fields(words))
		if err != nil || len(f.kinds) > maxFound || !slices.ContainsFunc(f.kinds[:min(3, len(f.kinds))], func(k finding.Kind) bool { return k.ID == want }) {
			t.Errorf("%q: %v, %d kinds, want %s among the first three", words, err, len(f.kinds), want)
			for _, k := range f.kinds {
				t.Log(k.ID)
			}
		}
	}
	long := strings.Repeat("certificate expired crl staple proxy ", 1e5)
	if f, err := lookUp([]string{long}); err == nil && len(f.kinds) > maxFound {
		t.Errorf("%d kinds", len(f.kinds))
	}
	for _, nothing := range []string{"", "the", "xyzzy plugh", strings.Repeat("q", 1e6), "\x1b[31m", "…", "4711"} {
		if f, err := lookUp([]string{nothing}); err == nil {
			t.Errorf("%.20q: %d kinds", nothing, len(f.kinds))
		} else if len(err.Error()) > 2000 || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%.20q: an error of %d bytes", nothing, len(err.Error()))
		}
	}
}

// A finding's explanation ends with a scenario of the lab that has it.
func TestExplainScenario(t *testing.T) {
	for _, id := range []finding.ID{finding.CertExpired, finding.CertRevoked, finding.MustStapleMissing, finding.IssuerNotFound} {
		if scenarioOf(id) == "" {
			t.Errorf("no scenario shows %s", id)
		}
	}
	if s := scenarioOf("no-such-kind"); s != "" {
		t.Error(s)
	}
}
