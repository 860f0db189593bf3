package assay_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/programs"
)

// tablesOf are tables of one program with one root, under a condition.
func tablesOf(t *testing.T, p policy.Program, root *forge.CA, condition func(*programs.Entry)) []byte {
	t.Helper()
	e := programs.Entry{SHA256: sha256.Sum256(root.Raw), Name: "World Root", SubjectHash: programs.HashSubject(root.Name), Trust: programs.Anchor}
	if condition != nil {
		condition(&e)
	}
	tables, err := programs.New(programs.List{Program: p, Sources: []programs.Source{{Name: "a list", AsOf: time.Now().Add(-time.Hour)}}, Entries: []programs.Entry{e}})
	if err != nil {
		t.Fatal(err)
	}
	return tables.Encode()
}

// A handshake passes when the program that decides has the root and keeps its
// conditions; crypto/tls is given that program's roots alone.
func TestTrustProgram(t *testing.T) {
	w := newWorld(t)
	other := forge.NewRoot("Another Root", nil)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	for _, c := range []struct {
		what   string
		p      policy.Program
		tables []byte
		want   finding.ID // "": accepted
	}{
		{"no program", policy.ProgramSystem, tablesOf(t, policy.ProgramMozilla, other, nil), ""},
		{"a member", policy.ProgramMozilla, tablesOf(t, policy.ProgramMozilla, w.root, nil), ""},
		{"distrusted from yesterday on", policy.ProgramMozilla, tablesOf(t, policy.ProgramMozilla, w.root, func(e *programs.Entry) { e.DistrustAfter = time.Now().AddDate(0, 0, -1) }), finding.RootDistrusted},
		{"distrusted from tomorrow on", policy.ProgramMozilla, tablesOf(t, policy.ProgramMozilla, w.root, func(e *programs.Entry) { e.DistrustAfter = time.Now().AddDate(0, 0, 1) }), ""},
		{"disallowed", policy.ProgramMicrosoft, tablesOf(t, policy.ProgramMicrosoft, w.root, func(e *programs.Entry) { e.Disallowed = &programs.Limit{At: time.Now().Add(-time.Hour)} }), finding.RootDistrusted},
		{"SCTs that nobody can verify", policy.ProgramChrome, tablesOf(t, policy.ProgramChrome, w.root, func(e *programs.Entry) {
			e.Alternatives = []programs.Constraints{{SCTAllAfter: time.Now().AddDate(0, 0, -1)}}
		}), finding.RootDistrusted}, // there is no SCT at all
	} {
		v := newVerifier(t, w.config(assay.Config{Trust: c.p, RootPrograms: c.tables}))
		conn, err := v.DialContext(context.Background(), "tcp", addr, nil)
		if err == nil {
			conn.Close()
		}
		if c.want == "" && err != nil || c.want != "" && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.what, err)
		}
		if c.want != "" && !errors.Is(err, finding.ClassProgram) {
			t.Errorf("%s: %v is not of the class", c.what, err)
		}
	}
}

// Rules that name another program are another judge: nothing that was accepted before
// is accepted because of it, and the roots that crypto/tls gets are that program's.
func TestTrustProgramWith(t *testing.T) {
	w := newWorld(t)
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS()}})
	v := newVerifier(t, w.config(assay.Config{RootPrograms: tablesOf(t, policy.ProgramMozilla, w.root, func(e *programs.Entry) { e.DistrustAfter = time.Now().AddDate(0, 0, -1) })}))
	sessions := &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	dial := func(v *assay.Verifier) error {
		conn, err := v.DialContext(context.Background(), "tcp", addr, sessions)
		if err == nil {
			conn.Close()
		}
		return err
	}
	if err := dial(v); err != nil {
		t.Fatal(err)
	}
	p := v.Policy()
	p.Trust = policy.ProgramMozilla
	mozilla, err := v.With(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := dial(mozilla); !errors.Is(err, finding.RootDistrusted) {
		t.Errorf("under Mozilla's rules: %v", err)
	}
	if err := dial(v); err != nil {
		t.Errorf("under the old rules: %v", err)
	}
	p.Trust = policy.ProgramApple
	if _, err := v.With(p); err == nil || !strings.Contains(err.Error(), "no certificate of a root of Apple") {
		t.Errorf("a program without roots: %v", err)
	}
}

// A root that has the name and the key of a member, in another certificate, is none.
func TestTrustProgramByHashAlone(t *testing.T) {
	w := newWorld(t)
	again := forge.NewRoot("World Root", w.root.Key) // the table has this one
	addr := serve(t, &tls.Config{Certificates: []tls.Certificate{w.server().TLS(w.root.Raw)}})
	tables := tablesOf(t, policy.ProgramMozilla, again, nil)
	if _, err := assay.New(w.config(assay.Config{Trust: policy.ProgramMozilla, RootPrograms: tables})); err == nil || !strings.Contains(err.Error(), "at hand") {
		t.Errorf("a pool without roots: %v", err)
	}
	v := newVerifier(t, assay.Config{Roots: [][]byte{w.root.Raw, again.Raw}, PrivateFetch: true, Trust: policy.ProgramMozilla, RootPrograms: tablesOf(t, policy.ProgramMozilla, again, nil)})
	conn, err := v.DialContext(context.Background(), "tcp", addr, nil)
	if err != nil {
		t.Fatalf("the member's own certificate is at hand, and its key signed: %v", err)
	}
	conn.Close()
}

// What makes no sense is an error.
func TestTrustProgramErrors(t *testing.T) {
	w := newWorld(t)
	tables := tablesOf(t, policy.ProgramMozilla, w.root, nil)
	for what, c := range map[string]assay.Config{
		"no program":  {Trust: 9},
		"no tables":   {RootPrograms: []byte("{}")},
		"no member":   {Trust: policy.ProgramApple, RootPrograms: tables},
		"empty bytes": {RootPrograms: []byte{}},
	} {
		if v, err := assay.New(w.config(c)); err == nil {
			v.Close()
			t.Errorf("%s: no error", what)
		}
	}
	v := newVerifier(t, w.config(assay.Config{Trust: policy.ProgramMozilla, RootPrograms: tables}))
	if _, err := v.ClientConfig(&tls.Config{RootCAs: w.pool(t)}); err == nil {
		t.Error("roots in the base config too: no error")
	}
	if _, err := v.ServerConfig(&tls.Config{ClientAuth: tls.RequireAndVerifyClientCert}); err == nil || !strings.Contains(err.Error(), "Mozilla") {
		t.Errorf("a server: %v", err)
	}
	c, err := v.ClientConfig(nil)
	if err != nil || c.RootCAs == nil {
		t.Errorf("%v, %v", c, err)
	}
}

// Mozilla's roots are at hand everywhere, and the built-in tables have them.
func TestTrustProgramBuiltIn(t *testing.T) {
	for _, p := range policy.AllProgram() {
		v := newVerifier(t, assay.Config{Trust: p})
		c, err := v.ClientConfig(nil)
		if err != nil {
			t.Fatal(err)
		}
		if p.Published() != (c.RootCAs != nil) {
			t.Errorf("%s: pool %v", p, c.RootCAs)
		}
		if p.Published() && c.RootCAs.Equal(x509.NewCertPool()) {
			t.Errorf("%s: no root is at hand", p)
		}
	}
}
