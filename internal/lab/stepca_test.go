package lab_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/acme"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// A certificate that step-ca issued by ACME is good by its live list, and
// revoked by it as soon as ACME has revoked it; its sibling stays good.
func TestStepCARevokes(t *testing.T) {
	peers.Path(t, "step-ca")
	w := newWorld(t)
	dns, told := w.challenges()
	plain, secure := freePort(t), freePort(t)
	list := "http://127.0.0.1:" + plain + "/1.0/crl"
	conf, err := json.Marshal(map[string]any{
		"root": w.file("root.pem", forge.PEM("CERTIFICATE", w.root.Raw)), "crt": w.file("ca.pem", forge.PEM("CERTIFICATE", w.ica.Raw)), "key": w.file("ca.key", w.ica.Key.PEM()),
		"address": "127.0.0.1:" + secure, "insecureAddress": "127.0.0.1:" + plain, "dnsNames": []string{"127.0.0.1"},
		"db":  map[string]any{"type": "badgerv2", "dataSource": filepath.Join(w.dir, "db")},
		"crl": map[string]any{"enabled": true, "generateOnRevoke": true, "idpURL": list},
		"authority": map[string]any{"provisioners": []any{map[string]any{"type": "ACME", "name": "acme",
			"claims": map[string]any{"maxTLSCertDuration": "2160h", "defaultTLSCertDuration": "720h"},
			"options": map[string]any{"x509": map[string]any{"template": `{"subject": {{ toJson .Subject }}, "sans": {{ toJson .SANs }}, "keyUsage": ["digitalSignature"],
				"extKeyUsage": ["serverAuth"], "crlDistributionPoints": ["` + list + `"]}`}}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.run("step-ca", w.file("ca.json", conf), "--resolver", dns)
	w.until(func() bool {
		resp, err := http.Get(list)
		if err == nil {
			resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	})
	w.waitFor(secure)
	a := w.acme("https://127.0.0.1:"+secure+"/acme/acme/directory", told)
	c, sibling := a.issue(false), a.issue(false)
	server, other := w.present(c, c.chains[0][1:]), w.present(sibling, sibling.chains[0][1:])
	for _, port := range []string{server, other} {
		r := w.expect(port, report.Accept)
		if rev := r.Paths[r.Chosen].Certs[0].Revocation; rev.Status != report.Good || rev.Scheme != policy.CRL || len(rev.Sources) != 1 || rev.Sources[0].URL != list {
			t.Errorf("%+v", rev)
		}
	}
	if err := a.RevokeCert(a.ctx, nil, c.chains[0][0], acme.CRLReasonKeyCompromise); err != nil {
		t.Fatal(err)
	}
	r := w.expect(server, report.Reject, finding.CertRevoked)
	if rev := r.Paths[r.Chosen].Certs[0].Revocation; rev.Status != report.Revoked || rev.Sources[0].Reason != "keyCompromise" {
		t.Errorf("%+v", rev)
	}
	w.expect(other, report.Accept)
}
