package cert_test

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/der"
	"github.com/assaytls/assay/internal/lab/corpora"
)

// sample is one certificate, well-formed or not, and where it comes from.
type sample struct {
	from string
	raw  []byte
}

// files returns every PEM block that claims to be a certificate and every file
// that begins like one, below the corpus's directory.
func files(t testing.TB, corpus string) (all []sample) {
	dir := corpora.Dir(t, corpus)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if info, err := e.Info(); err != nil || info.Size() > 1<<20 {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		from := corpus + "/" + rel
		if len(b) > 0 && b[0] == 0x30 && !bytes.Contains(b, []byte("-----BEGIN")) {
			all = append(all, sample{from, b})
		}
		for {
			var p *pem.Block
			if p, b = pem.Decode(b); p == nil {
				return nil
			}
			if strings.HasSuffix(p.Type, "CERTIFICATE") {
				all = append(all, sample{from, p.Bytes})
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// mbedCase is one case of Mbed TLS's x509parse suite.
type mbedCase struct {
	Desc     string
	DERHex   string `json:"der_hex"`
	Result   string
	Expected string `json:"expected_parse"`
}

func mbedCases(t testing.TB) []mbedCase {
	b, err := os.ReadFile(filepath.Join(corpora.Dir(t, "mbedtls"), "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Suites map[string]json.RawMessage }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	var cases []mbedCase
	if err := json.Unmarshal(file.Suites["x509parse_crt"], &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// sampled are the corpora whose certificates are samples.
var sampled = []string{"boringssl-pki", "zlint", "misc-x509", "openssl", "pkits", "usable-cert-validation", "mbedtls", "real-chains", "ct"}

// allSamples are the certificates of every corpus.
func allSamples(t testing.TB) (all []sample) {
	for _, c := range sampled {
		all = append(all, files(t, c)...)
	}
	for _, c := range mbedCases(t) {
		raw, err := hex.DecodeString(c.DERHex)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sample{"mbedtls: " + c.Desc, raw})
	}
	return all
}

// excuse says why crypto/x509 may refuse what has no error finding here, or ""
// when it may not.
func excuse(c *cert.Certificate, err error) string {
	for _, f := range c.Findings {
		if f.ID == finding.KeyUnsupported {
			return "the key is of a kind or curve that neither supports; ours is inconclusive, which refuses too"
		}
	}
	for _, p := range append(c.CRLPoints, c.FreshestCRL...) {
		if len(p.Relative) > 0 && strings.Contains(err.Error(), "CRL distribution point") {
			return "crypto/x509 does not know nameRelativeToCRLIssuer, which RFC 5280 allows"
		}
	}
	if largeArc(c.Raw, 0) {
		return "crypto/x509 does not know OIDs with arcs of more than 31 bits"
	}
	return ""
}

// largeArc reports whether b has an OID with an arc of more than 31 bits.
func largeArc(b []byte, depth int) bool {
	for r := der.NewReader(b, 0); !r.Empty() && depth < 16; {
		e, err := r.Next()
		if err != nil {
			return false
		}
		switch {
		case e.Tag == der.OID:
			text, _ := der.OIDText(e.Body)
			for arc := range strings.SplitSeq(text, ".") {
				if v, err := strconv.ParseUint(arc, 10, 64); err != nil || v >= 1<<31 {
					return true
				}
			}
		case e.Tag&0x20 != 0 || e.Tag == der.OctetString:
			if largeArc(e.Body, depth+1) {
				return true
			}
		}
	}
	return false
}

// What crypto/x509 reads and has no error finding has the same fields; what it
// refuses has an error finding.
func TestDifferential(t *testing.T) {
	agreed, refused, stricter := 0, 0, 0
	excused := map[string]int{}
	for _, s := range allSamples(t) {
		c := cert.Parse(s.raw)
		x, err := x509.ParseCertificate(s.raw)
		bad := errorsOf(c)
		switch {
		case err != nil && len(bad) > 0:
			refused++
		case err != nil:
			why := excuse(c, err)
			if why == "" {
				t.Errorf("%s: crypto/x509: %v; ours: %v", s.from, err, c.Findings)
			}
			excused[why]++
		case len(bad) > 0:
			stricter++
		default:
			agreed++
			for _, d := range differences(c, x) {
				t.Errorf("%s: %s", s.from, d)
			}
		}
	}
	t.Logf("%d read alike, %d refused by both, %d refused by ours only", agreed, refused, stricter)
	for why, n := range excused {
		t.Logf("%d refused by crypto/x509 only: %s", n, why)
	}
}
