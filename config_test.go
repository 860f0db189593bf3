package assay_test

import (
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/assaytls/assay"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
)

// A Config may be reused: what happens to its slices after New
// changes no Verifier.
func TestConfigIsCopied(t *testing.T) {
	w := newWorld(t)
	weak := forge.RSA(2048)
	leaf := w.root.Issue(forge.Cert{Key: weak, Extensions: append(w.root.ServerExts(weak, forge.DNS("localhost")), forge.CRLDP(w.crl.URL+"/crl"))})
	revoked := w.server()
	w.revoke(revoked)
	c := w.config(assay.Config{Network: assay.Inline, SecurityLevel: policy.Level3, Allow: []finding.ID{finding.MustStapleMissing}}) // RSA from 3072 bits
	c.Roots = [][]byte{slices.Clone(w.root.Raw)}
	strict := newVerifier(t, c)
	c.Allow[0] = finding.CertRevoked // not allowable, and in no policy that was looked at
	clear(c.Roots[0])
	if got := strict.Policy().Allow; !slices.Equal(got, []finding.ID{finding.MustStapleMissing}) {
		t.Errorf("allowed are %v", got)
	}
	for name, c := range map[string]struct {
		cert tls.Certificate
		want error
	}{"key": {leaf.TLS(), finding.LeafKeyWeak}, "schemes": {revoked.TLS(), finding.CertRevoked}} {
		conf, err := strict.ClientConfig(&tls.Config{ServerName: "localhost"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := talk(serve(t, &tls.Config{Certificates: []tls.Certificate{c.cert}}), conf); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
}

// The profile for one's own roots never falls back to the system's.
func TestInternalWithoutRoots(t *testing.T) {
	for name, roots := range map[string][][]byte{"nil": nil, "empty": {}} {
		if v, err := assay.New(assay.Internal(roots)); err == nil {
			v.Close()
			t.Errorf("%s: accepted, with whose roots?", name)
		}
	}
}

// Profiles differ from the zero Config in what they say, and in nothing else.
func TestProfiles(t *testing.T) {
	roots := [][]byte{{1}}
	for _, c := range []struct{ got, want assay.Config }{
		{assay.Web(), assay.Config{}},
		{assay.Internal(roots), assay.Config{Roots: roots, Unknown: assay.UnknownDeny, Network: assay.Inline, PrivateFetch: true}},
		{assay.HardFail(), assay.Config{Strict: true, Unknown: assay.UnknownDeny, Network: assay.Inline}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%+v, want %+v", c.got, c.want)
		}
	}
}

// Without CacheDir no file is written.
func TestNoFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "TMPDIR"} {
		t.Setenv(name, dir)
	}
	v, err := assay.New(assay.Config{Roots: [][]byte{forge.NewRoot("No Files", nil).Raw}, Network: assay.Inline, PrivateFetch: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Check(t.Context(), assay.Target{Host: "127.0.0.1", Port: "1"}); err != nil {
		t.Fatal(err)
	}
	v.Close()
	filepath.WalkDir(dir, func(p string, _ os.DirEntry, err error) error {
		if p != dir {
			t.Errorf("%s was written, error %v", p, err)
		}
		return nil
	})
}
