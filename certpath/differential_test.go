package certpath_test

import (
	"strings"
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/lab/corpora/judge"
)

// x509Stricter are the refusals of crypto/x509 that ours does not share, by a
// part of its message, each with the reason.
var x509Stricter = []struct{ message, reason string }{
	{"unhandled critical extension", "crypto/x509 does not process constraints on directory names, nor a critical OCSP no-check"},
	{"too many intermediates for path length constraint", "crypto/x509 counts self-issued CAs against pathLen"},
	{"signed by unknown authority", "crypto/x509 compares names byte for byte, and does not know RSA-PSS keys"},
	{"is excluded by constraint", "crypto/x509 takes an e-mail or URI constraint on a host to cover what is below it"},
	{"invalid CRL distribution point", "crypto/x509 refuses a distribution point named relative to the CRL issuer"},
}

// TestCorporaAgainstX509 wants crypto/x509 to accept what ours accepts, over
// all corpora, but for the reasons above; and counts the reverse.
func TestCorporaAgainstX509(t *testing.T) {
	used := make(map[int]bool)
	for name, load := range map[string]func(string) ([]corpora.Chain, error){"pkits": corpora.PKITS, "boringssl-pki": corpora.BoringChains,
		"openssl": corpora.OpenSSLChains, "usable-cert-validation": corpora.UsableChains, "real-chains": corpora.RealChains} {
		cases, err := load(corpora.Dir(t, name))
		if err != nil {
			t.Fatal(err)
		}
		looser, stricter := 0, 0
		for i := range cases {
			c := &cases[i]
			if c.Level >= 0 && c.Level < 2 {
				c.Level = -1
			}
			r, err := judge.Ours(c)
			ours := err == nil && judge.Accepts(r)
			theirs := judge.X509(c)
			switch {
			case ours && theirs != nil:
				looser++
				known := false
				for k, x := range x509Stricter {
					if strings.Contains(theirs.Error(), x.message) {
						known, used[k] = true, true
					}
				}
				if !known {
					t.Errorf("%s %s: ours accepts, crypto/x509: %v", name, c.Name, theirs)
				}
			case !ours && theirs == nil:
				stricter++
				if err == nil && len(ids(&r.Paths[0], finding.Inconclusive)) == 0 && len(r.Findings) == 0 {
					t.Errorf("%s %s: refused without a finding", name, c.Name)
				}
			}
		}
		t.Logf("%s: %d cases, ours alone accepts %d, crypto/x509 alone %d", name, len(cases), looser, stricter)
	}
	for k, x := range x509Stricter {
		if !used[k] {
			t.Errorf("no case for %q: %s", x.message, x.reason)
		}
	}
}
