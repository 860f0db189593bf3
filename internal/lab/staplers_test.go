package lab_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// mustStaple issues a certificate that demands a staple, with an OCSP pointer
// to a responder that gives one fixed answer.
func (w *world) mustStaple(answer func(leaf *forge.CA) forge.OCSP) (leaf *forge.CA, response []byte) {
	leaf = w.leaf(func(c *forge.Cert) {
		c.Extensions = append(c.Extensions, forge.MustStaple(), forge.AIA([]string{w.web.URL + "/ocsp"}, nil))
	})
	response = answer(leaf).Sign(w.ica)
	for _, path := range []string{"/ocsp", "/ocsp/"} { // POST and GET
		w.mux.HandleFunc(path, func(rw http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			rw.Header().Set("Content-Type", "application/ocsp-response")
			rw.Write(response)
		})
	}
	return leaf, response
}

// HAProxy staples a file that it checks first; it keeps revoked answers.
func TestHAProxyStaples(t *testing.T) {
	peers.Path(t, "haproxy")
	for _, c := range []struct {
		name   string
		answer func(w *world, leaf *forge.CA) forge.Single
		want   report.Verdict
		find   []finding.ID
	}{
		{"good", func(w *world, leaf *forge.CA) forge.Single { return w.ica.Good(leaf.Serial) }, report.Accept, nil},
		{"revoked", func(w *world, leaf *forge.CA) forge.Single {
			return w.ica.RevokedSingle(leaf.Serial, forge.KeyCompromise)
		}, report.Reject, []finding.ID{finding.CertRevoked}},
		{"dropped", func(w *world, leaf *forge.CA) forge.Single {
			s := w.ica.Good(leaf.Serial)
			s.ThisUpdate, s.NextUpdate = time.Now().Add(-40*time.Hour), time.Now().Add(-10*time.Hour)
			return s
		}, report.Reject, []finding.ID{finding.MustStapleMissing}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			leaf, staple := w.mustStaple(func(leaf *forge.CA) forge.OCSP { return forge.OCSP{Singles: []forge.Single{c.answer(w, leaf)}} })
			site := w.file("site.pem", bytes.Join([][]byte{forge.PEM("CERTIFICATE", leaf.Raw, w.ica.Raw), leaf.Key.PEM()}, nil))
			w.file("site.pem.ocsp", staple)
			w.file("site.pem.issuer", forge.PEM("CERTIFICATE", w.ica.Raw))
			port := freePort(t)
			w.run("haproxy", "-db", "-f", w.file("haproxy.cfg", []byte("global\n  ssl-default-bind-options ssl-min-ver TLSv1.2\ndefaults\n  mode http\n  timeout client 10s\n  timeout server 10s\n  timeout connect 10s\n"+
				"frontend f\n  bind 127.0.0.1:"+port+" ssl crt "+site+"\n  http-request return status 200\n")))
			w.waitFor(port)
			w.expect(port, c.want, c.find...)
		})
	}
}

// Apache asks the responder itself and staples what comes.
func TestApacheStaples(t *testing.T) {
	peers.Path(t, "apache2")
	for _, c := range []struct {
		name   string
		answer func(w *world, leaf *forge.CA) forge.OCSP
		want   report.Verdict
		find   []finding.ID
	}{
		{"good", func(w *world, leaf *forge.CA) forge.OCSP {
			return forge.OCSP{Singles: []forge.Single{w.ica.Good(leaf.Serial)}}
		}, report.Accept, nil},
		{"revoked", func(w *world, leaf *forge.CA) forge.OCSP {
			return forge.OCSP{Singles: []forge.Single{w.ica.RevokedSingle(leaf.Serial, forge.KeyCompromise)}}
		}, report.Reject, []finding.ID{finding.CertRevoked}},
		{"try later", func(w *world, leaf *forge.CA) forge.OCSP { return forge.OCSP{Status: forge.TryLater} },
			report.Reject, []finding.ID{finding.StapleErrorStatus, finding.MustStapleInvalid}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			leaf, _ := w.mustStaple(func(leaf *forge.CA) forge.OCSP { return c.answer(w, leaf) })
			_, key, _, all := w.files(leaf, w.ica.Raw)
			port := freePort(t)
			const modules = "/usr/lib/apache2/modules/"
			conf := ""
			for _, m := range []string{"mpm_event", "authz_core", "socache_shmcb", "ssl"} {
				conf += "LoadModule " + m + "_module " + modules + "mod_" + m + ".so\n"
			}
			conf += "ServerRoot " + w.dir + "\nServerName " + realHost + "\nPidFile apache.pid\nErrorLog /dev/stderr\nUser nobody\nGroup nogroup\nMutex sem\nListen 127.0.0.1:" + port + "\n" +
				"SSLStaplingCache shmcb:" + w.dir + "/staples(65536)\n<VirtualHost 127.0.0.1:" + port + ">\nSSLEngine on\nSSLCertificateFile " + all + "\nSSLCertificateKeyFile " + key +
				"\nSSLUseStapling on\n</VirtualHost>\n"
			w.run("apache2", "-X", "-f", w.file("apache.conf", []byte(conf)))
			w.waitFor(port)
			w.expect(port, c.want, c.find...)
		})
	}
}

// nginx asks the responder itself, after the first handshake, which goes
// without; what is not good it does not staple.
func TestNginxAsks(t *testing.T) {
	peers.Path(t, "nginx")
	for _, c := range []struct {
		name   string
		answer func(w *world, leaf *forge.CA) forge.Single
		good   bool
	}{
		{"good", func(w *world, leaf *forge.CA) forge.Single { return w.ica.Good(leaf.Serial) }, true},
		{"revoked", func(w *world, leaf *forge.CA) forge.Single {
			return w.ica.RevokedSingle(leaf.Serial, forge.KeyCompromise)
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			leaf, _ := w.mustStaple(func(leaf *forge.CA) forge.OCSP { return forge.OCSP{Singles: []forge.Single{c.answer(w, leaf)}} })
			_, key, _, all := w.files(leaf, w.ica.Raw)
			port := freePort(t)
			conf := w.file("nginx.conf", []byte(`daemon off; master_process off; pid nginx.pid; error_log stderr warn;
events {}
http { access_log off; client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
  server { listen 127.0.0.1:`+port+` ssl; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate `+all+`; ssl_certificate_key `+key+`;
    ssl_stapling on; ssl_stapling_verify on; ssl_trusted_certificate `+w.file("trusted.pem", forge.PEM("CERTIFICATE", w.ica.Raw, w.root.Raw))+`; location / { return 200 "ok"; } } }
`))
			w.run("nginx", "-p", w.dir, "-c", conf, "-e", "stderr")
			w.waitFor(port)
			if !c.good {
				for range 2 {
					w.expect(port, report.Reject, finding.CertRevoked, finding.MustStapleMissing)
				}
				return
			}
			w.expect(port, report.Reject, finding.MustStapleMissing)
			w.until(func() bool { r, _ := w.judge(port, policy.Policy{}); return r.Verdict == report.Accept })
		})
	}
}
