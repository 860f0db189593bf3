package house

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// openSSLNames are the flags and functions in OpenSSL's headers that
// from-openssl.md must speak of: header, and what to look for.
var openSSLNames = map[string]*regexp.Regexp{
	"x509_vfy.h": regexp.MustCompile(`\b(X509_V_FLAG_\w+|X509_VERIFY_PARAM_[a-z]\w*|X509_STORE_CTX_[a-z]\w*)`),
	"x509v3.h":   regexp.MustCompile(`\b(X509_CHECK_FLAG_\w+)`),
	"ocsp.h":     regexp.MustCompile(`\b(OCSP_[a-z]\w*)`),
	"ct.h":       regexp.MustCompile(`\b((?:SCT|SCT_LIST|CTLOG|CTLOG_STORE|CT_POLICY_EVAL_CTX)_[a-z]\w*|[io]2[io]_SCT\w*)`),
}

// Every such name in the installed headers stands in the guide's tables, with
// its equivalent or why there is none; and what the guide names exists.
func TestOpenSSLGuide(t *testing.T) {
	b, err := os.ReadFile("docs/guides/from-openssl.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	var families []*regexp.Regexp // `SCT_set*`
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		for _, code := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			if pattern := code[1]; strings.Contains(pattern, "*") {
				families = append(families, regexp.MustCompile("^"+strings.ReplaceAll(pattern, "*", `\w*`)+"$"))
			} else {
				named[pattern] = true
			}
		}
	}
	var all strings.Builder
	for _, file := range []string{"x509_vfy.h", "x509v3.h", "ocsp.h", "ct.h", "ssl.h", "tls1.h", "x509.h", "bio.h"} {
		header, err := os.ReadFile("/usr/include/openssl/" + file)
		if err != nil {
			if os.Getenv("ASSAY_REQUIRE_PEERS") == "1" {
				t.Fatal(err)
			}
			t.Skip("OpenSSL's headers are not installed")
		}
		all.Write(header)
		if openSSLNames[file] == nil {
			continue
		}
		seen := map[string]bool{}
		for _, m := range openSSLNames[file].FindAllStringSubmatch(string(header), -1) {
			name := m[1]
			if seen[name] {
				continue
			}
			seen[name] = true
			found := named[name]
			for _, f := range families {
				found = found || f.MatchString(name) && !strings.HasPrefix(name, "X509_V_FLAG_")
			}
			if !found {
				t.Errorf("from-openssl.md has nothing about %s", name)
			}
		}
		if len(seen) < 6 {
			t.Errorf("%s: only %d names were found", file, len(seen))
		}
	}
	for name := range named {
		if !regexp.MustCompile(`\b`+name+`\b`).MatchString(all.String()) && !newerOpenSSL[name] {
			t.Errorf("from-openssl.md speaks of %s, which is in no header", name)
		}
	}
}

// newerOpenSSL are names of versions after 3.0, and of functions that the
// headers make by macros.
var newerOpenSSL = map[string]bool{"X509_V_FLAG_OCSP_RESP_CHECK": true, "X509_V_FLAG_OCSP_RESP_CHECK_ALL": true,
	"d2i_X509_CRL": true, "d2i_OCSP_RESPONSE": true}
