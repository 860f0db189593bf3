package lab_test

import (
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// Caddy asks the responder by itself before the first handshake and staples
// what is good. When the certificate is revoked it goes on stapling what it
// had, which does not hide the revocation; started anew it staples nothing.
func TestCaddyStaples(t *testing.T) {
	peers.Path(t, "caddy")
	w := newWorld(t)
	leaf := w.leaf(func(c *forge.Cert) {
		c.Extensions = append(c.Extensions, forge.MustStaple(), forge.AIA([]string{w.web.URL + "/ocsp"}, nil))
	})
	var answer atomic.Value
	w.mux.HandleFunc("/ocsp", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/ocsp-response")
		rw.Write(answer.Load().([]byte))
	})
	w.mux.HandleFunc("/ocsp/", func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, "/ocsp", http.StatusFound) })
	answer.Store(forge.OCSP{Singles: []forge.Single{w.ica.Good(leaf.Serial)}}.Sign(w.ica))
	_, key, _, all := w.files(leaf, w.ica.Raw)
	start := func(storage string) (port string) {
		port = freePort(t)
		dir := filepath.Join(w.dir, storage)
		t.Setenv("HOME", dir)
		t.Setenv("XDG_CONFIG_HOME", dir)
		t.Setenv("XDG_DATA_HOME", dir)
		w.run("caddy", "run", "--adapter", "caddyfile", "--config", w.file(storage+"/Caddyfile", []byte(`{
	admin off
	auto_https off
	default_bind 127.0.0.1
	storage file_system `+dir+`
}
https://`+realHost+`:`+port+` {
	tls `+all+` `+key+`
	respond "ok"
}
`)))
		w.waitFor(port)
		return port
	}
	word := func(r *report.Report, scheme policy.Scheme) report.Status {
		for _, a := range r.Paths[r.Chosen].Certs[0].Revocation.Sources {
			if a.Scheme == scheme {
				return a.Status
			}
		}
		return "nothing"
	}
	first := start("first")
	if r := w.expect(first, report.Accept); word(r, policy.Staple) != report.Good || word(r, policy.OCSP) != report.Good {
		t.Errorf("%+v", r.Paths[r.Chosen].Certs[0].Revocation)
	}

	answer.Store(forge.OCSP{Singles: []forge.Single{w.ica.RevokedSingle(leaf.Serial, forge.KeyCompromise)}}.Sign(w.ica))
	if r := w.expect(first, report.Reject, finding.CertRevoked, finding.RevocationDisagree); word(r, policy.Staple) != report.Good || word(r, policy.OCSP) != report.Revoked {
		t.Errorf("%+v", r.Paths[r.Chosen].Certs[0].Revocation)
	}
	if r := w.expect(start("second"), report.Reject, finding.CertRevoked, finding.MustStapleMissing); word(r, policy.Staple) != "nothing" {
		t.Errorf("%+v", r.Paths[r.Chosen].Certs[0].Revocation)
	}
}
