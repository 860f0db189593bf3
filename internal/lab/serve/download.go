package serve

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/scenarios"
)

// downloadServers make the servers of the scenarios of the same group.
var downloadServers = map[string]func(*build){
	"crl-unreachable": func(b *build) {
		b.good(func(s *site) { s.onlyCRL(b.deadURL("list.crl")) })
	},
	"crl-missing": func(b *build) {
		b.good(func(s *site) { s.onlyCRL(b.gone()) })
	},
	"crl-html": func(b *build) {
		b.download(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<html><body>Please log in to the hotel's network.</body></html>")
		})
	},
	"crl-zeros": func(b *build) {
		b.download(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(50<<20))
			zeros(w, 50<<20)
		})
	},
	"crl-endless": func(b *build) {
		b.download(func(w http.ResponseWriter, r *http.Request) { zeros(w, 1<<40) })
	},
	"crl-dripping": func(b *build) {
		b.download(func(w http.ResponseWriter, r *http.Request) {
			for {
				if _, err := w.Write([]byte{0x30}); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
					return
				case <-b.ctx.Done():
					return
				case <-time.After(50 * time.Millisecond):
				}
			}
		})
	},
	"crl-truncated": func(b *build) {
		b.download(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "4096")
			w.Write(make([]byte, 100))
		})
	},
	"crl-compressed": func(b *build) {
		b.download(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write([]byte{0x1f, 0x8b, 8, 0})
		})
	},
	"crl-redirect-loop": func(b *build) {
		b.download(redirect(b.url("list.crl")))
	},
	"crl-redirect-file": func(b *build) {
		b.download(redirect("file:///etc/passwd"))
	},
	"crl-redirect-metadata": func(b *build) {
		b.download(redirect("http://169.254.169.254/latest/meta-data/"))
	},
	"pointer-file": func(b *build) {
		b.good(func(s *site) { s.onlyCRL("file:///etc/passwd") })
	},
	"pointer-ldap": func(b *build) {
		b.good(func(s *site) { s.onlyCRL("ldap://ldap." + scenarios.Domain + "/cn=CRL?certificateRevocationList") })
	},
	"pointer-link-local": func(b *build) {
		b.good(func(s *site) {
			s.set(forge.AIA([]string{"http://169.254.1.1/ocsp"}, []string{s.issuer.cerURL}), forge.CRLDP("http://[fe80::1]/list.crl"))
		})
	},
	"ocsp-html": func(b *build) {
		b.good(func(s *site) {
			b.file("ocsp", []byte("<html>Service unavailable</html>"))
			s.onlyOCSP(b.url("ocsp"))
		})
	},
	"ocsp-refuses-get": func(b *build) {
		b.good(func(s *site) {
			b.handler("ocsp", onlyMethod(http.MethodPost, serveOCSP(s.issuer.answer)))
			s.onlyOCSP(b.url("ocsp"))
		})
	},
	"ocsp-refuses-post": func(b *build) {
		b.good(func(s *site) {
			b.handler("ocsp", onlyMethod(http.MethodGet, serveOCSP(s.issuer.answer)))
			s.onlyOCSP(b.url("ocsp"))
		})
	},
}

// download serves a good site whose only source is the CRL at a handler.
func (b *build) download(h http.HandlerFunc) {
	b.good(func(s *site) {
		b.handler("list.crl", h)
		s.onlyCRL(b.url("list.crl"))
	})
}

// gone is an address that answers 404; deadURL one that refuses connections.
func (b *build) gone() string {
	b.handler("gone", http.NotFound)
	return b.url("gone")
}

func (b *build) deadURL(file string) string { return "http://" + b.l.deadPort(b) + "/" + file }

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

func onlyMethod(method string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method {
			http.Error(w, "use "+method, http.StatusMethodNotAllowed)
			return
		}
		h(w, r)
	}
}

// zeros writes n zero octets, or until the client has had enough.
func zeros(w io.Writer, n int64) {
	buf := make([]byte, 1<<16)
	for ; n > 0; n -= int64(len(buf)) {
		if _, err := w.Write(buf); err != nil {
			return
		}
	}
}
