package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/ocsp"
)

// check --issuer judges what a CA publishes: fresh, signed by it, and readable, or not.
func TestHealth(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	other := forge.NewRoot("Root", nil) // the name, and another key
	issuer := place(t, "ca.pem", forge.PEM("CERTIFICATE", root.Raw))
	old := time.Now().Add(-30 * 24 * time.Hour)
	revoked := forge.Revoke(forge.Serial(0x42), forge.Superseded)
	answer := func(ca *forge.CA, change func(*forge.Single), certs ...[]byte) func([]byte) []byte {
		return func(request []byte) []byte {
			r := ocsp.ParseRequest(request)
			if len(r.IDs) == 0 {
				return nil
			}
			s := ca.Good(r.IDs[0].Serial)
			if change != nil {
				change(&s)
			}
			return forge.OCSP{Singles: []forge.Single{s}, Certs: certs}.Sign(ca)
		}
	}
	fixed := func(b []byte) func([]byte) []byte { return func([]byte) []byte { return b } }
	delegate := root.Responder("Responder", nil)
	delegated := func(request []byte) []byte {
		s := root.Good(ocsp.ParseRequest(request).IDs[0].Serial)
		return forge.OCSP{Singles: []forge.Single{s}, Certs: [][]byte{delegate.Raw}}.Sign(delegate)
	}
	var now func([]byte) []byte
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		switch {
		case strings.HasPrefix(r.URL.Path, "/gone"):
			w.WriteHeader(http.StatusNotFound)
		case strings.HasPrefix(r.URL.Path, "/ocsp") && r.Method != http.MethodPost:
			w.WriteHeader(http.StatusMethodNotAllowed)
		default:
			w.Write(now(b))
		}
	}))
	defer srv.Close()
	for _, c := range []struct {
		name, path string
		body       func([]byte) []byte
		args       []string
		status     int
		says       string
	}{
		{"a list", "/a.crl", fixed(root.CRL(forge.CRL{})), nil, command.Accept, "health healthy"},
		{"in PEM, without the ending", "/list", fixed(forge.PEM("X509 CRL", root.CRL(forge.CRL{}))), nil, command.Accept, "health healthy"},
		{"a number that is listed", "/a.crl", fixed(root.CRL(forge.CRL{Entries: []forge.Entry{revoked}})), []string{"--serial", "42"}, command.Accept, "42 is listed"},
		{"a number that is not listed", "/a.crl", fixed(root.CRL(forge.CRL{Entries: []forge.Entry{revoked}})), []string{"--serial", "43"}, command.Accept, "43 is not listed"},
		{"of CAs only", "/a.crl", fixed(root.CRL(forge.CRL{Extensions: []forge.Ext{forge.CRLNumber(1), forge.IDP{FullName: [][]byte{forge.URI("http://x.test/")}, OnlyCA: true}.Ext()}})), nil, command.Accept, "health healthy"},
		{"a list that is past its time", "/a.crl", fixed(root.CRL(forge.CRL{ThisUpdate: old, NextUpdate: old.Add(time.Hour)})), nil, command.Reject, "[crl-stale]"},
		{"another key's list", "/a.crl", fixed(other.CRL(forge.CRL{})), nil, command.Reject, "health not healthy"},
		{"another CA's list", "/a.crl", fixed(forge.NewRoot("Other", nil).CRL(forge.CRL{})), nil, command.Reject, "[crl-other-issuer]"},
		{"a list that is cut", "/a.crl", fixed(root.CRL(forge.CRL{})[:50]), nil, command.Reject, "cannot be read"},
		{"no list", "/gone.crl", nil, nil, command.Inconclusive, "cannot be fetched"},
		{"a responder", "/ocsp", answer(root, nil), nil, command.Accept, "health healthy"},
		{"its answer", "/ocsp", answer(root, nil), []string{"--serial", "42"}, command.Accept, "42 is good"},
		{"its delegate", "/ocsp", delegated, nil, command.Accept, "health healthy"},
		{"an answer past its time", "/ocsp", answer(root, func(s *forge.Single) { s.ThisUpdate, s.NextUpdate = old, old.Add(time.Hour) }), nil, command.Reject, "[ocsp-stale]"},
		{"an impostor's answer", "/ocsp", answer(other, nil), nil, command.Reject, "health not healthy"},
		{"unauthorized", "/ocsp", fixed(forge.OCSP{Status: forge.Unauthorized}.Sign(root)), nil, command.Inconclusive, "--serial asks about one that it knows"},
		{"unauthorized for a number", "/ocsp", fixed(forge.OCSP{Status: forge.Unauthorized}.Sign(root)), []string{"--serial", "42"}, command.Reject, "health not healthy"},
		{"a page", "/ocsp", fixed([]byte("<html>")), nil, command.Reject, "not an OCSP response"},
		{"no responder", "/gone", nil, nil, command.Inconclusive, "cannot be fetched"},
	} {
		now = c.body
		args := append([]string{"check", "--issuer", issuer, srv.URL + c.path}, c.args...)
		if status, text := ran(args...); status != c.status || !strings.Contains(flat(text), c.says) {
			t.Errorf("%s: status %d, want %d\n%s", c.name, status, c.status, text)
		}
		status, out, _ := run("", append(args, "--format", "json")...)
		var objects []struct {
			Health healthInfo `json:"health"`
		}
		if err := json.Unmarshal([]byte(out), &objects); err != nil || status != c.status || objects[0].Health.Healthy != (status == command.Accept) {
			t.Errorf("%s: %v, status %d\n%s", c.name, err, status, out)
		}
	}
	for _, args := range [][]string{{"a.test", "--issuer", issuer}, {"http://127.0.0.1:1/a.crl"}, {"a.test", "--serial", "42"}, {"http://127.0.0.1:1/a.crl", "--issuer", "nosuch"}} {
		if status, text := ran(append([]string{"check"}, args...)...); status != command.UsageError {
			t.Errorf("%v: status %d %s", args, status, text)
		}
	}
}
