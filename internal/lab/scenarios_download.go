package lab

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

// downloadScenarios have a good certificate whose only revocation source
// misbehaves as a download.
var downloadScenarios = []entry{
	{name: "crl-unreachable", story: "The CRL's server refuses connections.",
		want: report.Inconclusive, findings: ids(finding.FetchFailed, finding.RevocationUnavailable), make: func(b *build) {
			b.good(func(s *site) { s.onlyCRL(b.deadURL("list.crl")) })
		}},
	{name: "crl-missing", story: "The CRL's address answers 404.",
		want: report.Inconclusive, findings: ids(finding.FetchHTTPStatus, finding.RevocationUnavailable), make: func(b *build) {
			b.good(func(s *site) { s.onlyCRL(b.gone()) })
		}},
	{name: "crl-html", story: "The CRL's address answers 200 with an error page.",
		want: report.Inconclusive, findings: ids(finding.CRLNotAList), make: func(b *build) {
			b.download(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				io.WriteString(w, "<html><body>Please log in to the hotel's network.</body></html>")
			})
		}},
	{name: "crl-zeros", story: "The CRL is 50 MB of zeros.",
		want: report.Inconclusive, findings: ids(finding.CRLNotAList), make: func(b *build) {
			b.s.DownloadTimeout = time.Minute // a busy machine takes its time
			b.download(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", strconv.Itoa(50<<20))
				zeros(w, 50<<20)
			})
		}},
	{name: "crl-endless", story: "The CRL never ends.",
		want: report.Inconclusive, findings: ids(finding.FetchTooLarge), make: func(b *build) {
			b.s.MaxDownload = 4 << 20
			b.s.Flags = []string{"--max-download", "4MiB"}
			b.download(func(w http.ResponseWriter, r *http.Request) { zeros(w, 1<<40) })
		}},
	{name: "crl-dripping", story: "The CRL comes one byte every 50 ms.",
		want: report.Inconclusive, findings: ids(finding.FetchTimeout, finding.RevocationUnavailable), make: func(b *build) {
			b.s.DownloadTimeout = 400 * time.Millisecond
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
		}},
	{name: "crl-truncated", story: "The connection breaks in the middle of the CRL.",
		want: report.Inconclusive, findings: ids(finding.FetchFailed, finding.RevocationUnavailable), make: func(b *build) {
			b.download(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "4096")
				w.Write(make([]byte, 100))
			})
		}},
	{name: "crl-compressed", story: "The CRL is sent gzip-encoded though nobody offered that.",
		want: report.Inconclusive, findings: ids(finding.FetchContentEncoding, finding.RevocationUnavailable), make: func(b *build) {
			b.download(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				w.Write([]byte{0x1f, 0x8b, 8, 0})
			})
		}},
	{name: "crl-redirect-loop", story: "The CRL's address redirects to itself.",
		want: report.Inconclusive, findings: ids(finding.FetchRedirectLimit), make: func(b *build) {
			b.download(redirect(b.url("list.crl")))
		}},
	{name: "crl-redirect-file", story: "The CRL's address redirects to a local file.",
		want: report.Inconclusive, findings: ids(finding.FetchSchemeRefused), make: func(b *build) {
			b.download(redirect("file:///etc/passwd"))
		}},
	{name: "crl-redirect-metadata", story: "The CRL's address redirects to the metadata service of clouds.",
		want: report.Inconclusive, findings: ids(finding.FetchRefusedAddress), make: func(b *build) {
			b.download(redirect("http://169.254.169.254/latest/meta-data/"))
		}},
	{name: "pointer-file", story: "The CRL distribution point is a file:// address.",
		want: report.Inconclusive, findings: ids(finding.RevocationPointerScheme), make: func(b *build) {
			b.good(func(s *site) { s.onlyCRL("file:///etc/passwd") })
		}},
	{name: "pointer-ldap", story: "The CRL distribution point is an ldap:// address.",
		want: report.Inconclusive, findings: ids(finding.RevocationPointerScheme), make: func(b *build) {
			b.good(func(s *site) { s.onlyCRL("ldap://ldap." + Domain + "/cn=CRL?certificateRevocationList") })
		}},
	{name: "pointer-link-local", story: "The CRL distribution point and the OCSP responder are link-local addresses.",
		want: report.Inconclusive, findings: ids(finding.FetchRefusedAddress), make: func(b *build) {
			b.good(func(s *site) {
				s.set(forge.AIA([]string{"http://169.254.1.1/ocsp"}, []string{s.issuer.cerURL}), forge.CRLDP("http://[fe80::1]/list.crl"))
			})
		}},
	{name: "ocsp-html", story: "The responder's address answers 200 with an error page.",
		want: report.Inconclusive, findings: ids(finding.OCSPMalformed), make: func(b *build) {
			b.good(func(s *site) {
				b.file("ocsp", []byte("<html>Service unavailable</html>"))
				s.onlyOCSP(b.url("ocsp"))
			})
		}},
	{name: "ocsp-refuses-get", story: "The responder takes POST requests only.",
		want: report.Accept, make: func(b *build) {
			b.good(func(s *site) {
				b.handler("ocsp", onlyMethod(http.MethodPost, serveOCSP(s.issuer.answer)))
				s.onlyOCSP(b.url("ocsp"))
			})
		}},
	{name: "ocsp-refuses-post", story: "The responder takes GET requests only.",
		want: report.Accept, make: func(b *build) {
			b.good(func(s *site) {
				b.handler("ocsp", onlyMethod(http.MethodGet, serveOCSP(s.issuer.answer)))
				s.onlyOCSP(b.url("ocsp"))
			})
		}},
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
