package crl_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/report"
)

// boringDifferences are the cases of BoringSSL's suite where assay answers
// otherwise, and why.
var boringDifferences = map[string]struct {
	want report.Status
	why  string
}{
	"bad_crldp_has_crlissuer": {report.Good, "the list is complete and the certificate issuer's own: RFC 5280, 6.3.3, last paragraph, " +
		"takes it for the point that every certificate has by implication; BoringSSL does not support the field"},
	"bad_fake_critical_crlentryextension": {report.Revoked, "RFC 5280, 5.3: a certificate that such an entry lists is still revoked"},
	"good_key_rollover": {report.Unknown, "the list is by the authority's old key and the certificate by its new one: whoever has two keys may have two lists, " +
		"and a revoked certificate is absent from the other key's; Query.OtherKey lets it count"},
	"bad_idp_indirectcrl": {report.Good, "indirect lists are supported, and this one is the certificate issuer's"},
	"invalid_revoked_empty_sequence": {report.Good, "Go's crypto/x509 and several CAs write the empty SEQUENCE for a CA that has revoked nothing; " +
		"it says what its absence says: a warning, an error in strict mode"},
	"invalid_v1_with_crlentryextension": {report.Revoked, "an authentic list names the certificate; a breach only keeps it from saying good"},
}

// BoringSSL's CRL cases: one list, one certificate, its issuer. The keys have
// 1024 bits, so that limit is lowered.
func TestBoringSSL(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(corpora.Dir(t, "boringssl-pki"), "crl.json"))
	if err != nil {
		t.Fatal(err)
	}
	var suite struct {
		Cases []struct {
			Name     string
			Time     time.Time `json:"verify_time"`
			MaxAge   int       `json:"max_age_seconds"`
			Expected string    `json:"expected_revocation_status"`
			CRL      []byte    `json:"crl_der"`
			Cert     []byte    `json:"cert_der"`
			Issuer   []byte    `json:"issuer_der"`
			Issuer2  []byte    `json:"issuer2_der"`
		}
	}
	if err := json.Unmarshal(data, &suite); err != nil {
		t.Fatal(err)
	}
	if len(suite.Cases) != 66 {
		t.Fatalf("%d cases", len(suite.Cases))
	}
	passed, differ := 0, 0
	for _, c := range suite.Cases {
		want := report.Status(strings.ToLower(c.Expected))
		issuer := cert.Parse(c.Issuer)
		q := crl.Query{Cert: cert.Parse(c.Cert), Issuer: issuer, Time: c.Time,
			MaxAge: time.Duration(c.MaxAge) * time.Second, MinRSA: 1024}
		if c.Issuer2 != nil {
			// The issuer after a change of its key; the suite trusts both.
			q.Pool = []*cert.Certificate{cert.Parse(c.Issuer2)}
			trust(&q)
		}
		got, detail := report.Unknown, ""
		l, err := crl.Parse(context.Background(), c.CRL)
		if err == nil {
			q.Sources = []crl.Source{{List: l, URL: "http://example.com/foo.crl"}}
			r := crl.Check(context.Background(), q)
			got = r.Status
			for _, f := range r.Findings {
				detail += "\n\t" + f.String()
			}
		} else {
			detail = err.Error()
		}
		if d, ok := boringDifferences[c.Name]; ok {
			if d.want == want {
				t.Errorf("%s: the ledger names no difference", c.Name)
			}
			want = d.want
			differ++
		} else {
			passed++
		}
		if got != want {
			t.Errorf("%s: %s, want %s %s", c.Name, got, want, detail)
		}
	}
	t.Logf("%d of %d as BoringSSL, %d by the ledger", passed, len(suite.Cases), differ)
}
