package cli

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
)

// --path shows the reply and changes nothing about a good verdict.
func TestCheckPath(t *testing.T) {
	s := newSite(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.cert}})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/admin" || !strings.HasPrefix(r.Host, "localhost") {
			w.WriteHeader(http.StatusTeapot)
		}
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for path, want := range map[string]string{"/admin": "200 OK", "/other": "418 I'm a teapot"} {
		status, rs := s.checkJSON(t, port, "-4", "--path", path)
		i := -1
		for n, f := range rs[0].Findings {
			if f.ID == finding.PathReply {
				i = n
			}
		}
		if status != 0 || i < 0 || rs[0].Findings[i].Param("status") != want || rs[0].Findings[i].Param("path") != path {
			t.Errorf("%s: status %d, %v", path, status, allFindings(&rs[0]))
		}
	}
}

func TestCheckPathUsage(t *testing.T) {
	for args, want := range map[string]string{
		"localhost --path admin":                      "does not begin with /",
		"localhost --path /a\r\nX:y":                  "must be written as %XX",
		"localhost --path / --resume":                 "--path cannot be used with --resume",
		"localhost --path / --key-types rsa":          "--key-types rsa",
		"localhost --path / --alpn h2":                "--path speaks http/1.1 only",
		"smtp://localhost --path /":                   "--path is for HTTP",
		"localhost --sigalgs md5":                     "is not a signature scheme",
		"localhost --sigalgs ed25519 --path /":        "--sigalgs cannot be used with",
		"localhost --sigalgs ed25519 --key-types rsa": "--sigalgs cannot be used with",
		"localhost --sigalgs ed25519 --legacy":        "--sigalgs cannot be used with",
	} {
		if status, _, errs := run("", append([]string{"check"}, strings.Split(args, " ")...)...); status != command.UsageError || !strings.Contains(errs, want) {
			t.Errorf("%s: status %d, %s", args, status, errs)
		}
	}
}

// --sigalgs judges what it read and leaves the verdict open.
func TestCheckSigalgs(t *testing.T) {
	s := newSiteWith(t, "P-256", forge.NoRevAvail())
	port := listenAt(t, "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{s.cert}})
	for list, want := range map[string]finding.ID{"ecdsa_secp256r1_sha256": finding.SigalgsRead, "ECDSA+SHA256,ed25519": finding.SigalgsRead, "rsa_pss_rsae_sha256": finding.SigalgsRefused} {
		status, rs := s.checkJSON(t, port, "-4", "--sigalgs", list)
		if status != command.Inconclusive || rs[0].Headline == nil || rs[0].Headline.Finding.ID != want || (len(rs[0].Paths) > 0) != (want == finding.SigalgsRead) {
			t.Errorf("%s: status %d, %v", list, status, allFindings(&rs[0]))
		}
	}
}
