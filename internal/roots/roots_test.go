package roots_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/roots"
)

func anchor(cn string) []byte { return forge.NewRoot(cn, forge.P256()).Raw }

func write(t *testing.T, dir, name string, b []byte) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.WriteFile(p, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// withoutEnvironment keeps the tester's own variables out of the test.
func withoutEnvironment(t *testing.T) {
	t.Setenv("SSL_CERT_FILE", "")
	t.Setenv("SSL_CERT_DIR", "")
}

func TestLoad(t *testing.T) {
	withoutEnvironment(t)
	a, b := anchor("A"), anchor("B")
	dir := t.TempDir()
	der := write(t, dir, "a.der", a)
	bundle := write(t, dir, "bundle.pem", append([]byte("# a comment\n"), forge.PEM("CERTIFICATE", a, b)...))
	hashed := t.TempDir()
	write(t, hashed, "b.pem", forge.PEM("CERTIFICATE", b))
	if err := os.Symlink("b.pem", filepath.Join(hashed, "0a1b2c3d.0")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("gone", filepath.Join(hashed, "ffffffff.0")); err != nil {
		t.Fatal(err)
	}
	write(t, hashed, "README", []byte("nothing here"))
	for _, c := range []struct {
		name string
		opt  roots.Options
		want int
	}{
		{"DER file", roots.Options{Files: []string{der}}, 1},
		{"PEM bundle", roots.Options{Files: []string{bundle}}, 2},
		{"hashed directory", roots.Options{Dirs: []string{hashed}}, 1},
		{"file and directory", roots.Options{Files: []string{der}, Dirs: []string{hashed}}, 2},
	} {
		got, err := roots.Load(c.opt)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if got.Len() != c.want {
			t.Errorf("%s: %d anchors, want %d", c.name, got.Len(), c.want)
		}
	}
}

// What a user names must be there and must hold certificates: the system's
// anchors are never a silent substitute.
func TestLoadRefuses(t *testing.T) {
	withoutEnvironment(t)
	dir := t.TempDir()
	good := forge.PEM("CERTIFICATE", anchor("A"))
	damaged := bytes.Replace(good, []byte("\nMI"), []byte("\n*!"), 1)
	for _, c := range []struct {
		name, want string
		opt        roots.Options
	}{
		{"missing file", "no such file", roots.Options{Files: []string{filepath.Join(dir, "missing")}}},
		{"directory as file", "is a directory", roots.Options{Files: []string{dir}}},
		{"empty file", "holds no certificate", roots.Options{Files: []string{write(t, dir, "empty", nil)}}},
		{"text", "holds no certificate", roots.Options{Files: []string{write(t, dir, "text", []byte("hello"))}}},
		{"key only", "holds no certificate", roots.Options{Files: []string{write(t, dir, "key", forge.PEM("PRIVATE KEY", []byte{1}))}}},
		{"damaged block", "only 1 can be decoded", roots.Options{Files: []string{write(t, dir, "damaged", append(bytes.Clone(good), damaged...))}}},
		{"not a certificate", "certificate 1", roots.Options{Files: []string{write(t, dir, "junk", forge.PEM("CERTIFICATE", []byte{0x30, 0}))}}},
		{"trust settings", "TRUSTED", roots.Options{Files: []string{write(t, dir, "trusted", forge.PEM("TRUSTED CERTIFICATE", anchor("T")))}}},
		{"missing directory", "no such file", roots.Options{Dirs: []string{filepath.Join(dir, "nowhere")}}},
		{"directory without certificates", "no file in", roots.Options{Dirs: []string{t.TempDir()}}},
		{"good and missing", "no such file", roots.Options{Files: []string{write(t, dir, "good", good), filepath.Join(dir, "missing")}}},
	} {
		a, err := roots.Load(c.opt)
		if err == nil {
			t.Errorf("%s: loaded %d anchors, want an error", c.name, a.Len())
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %q does not say %q", c.name, err, c.want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	withoutEnvironment(t)
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "one.pem")
	write(t, dir, "x", forge.PEM("CERTIFICATE", anchor("A"), anchor("B")))
	if err := os.WriteFile(file, forge.PEM("CERTIFICATE", anchor("C")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file, dir string
		want      int
	}{{file, "", 1}, {"", dir, 2}, {file, dir, 3}} {
		t.Setenv("SSL_CERT_FILE", c.file)
		t.Setenv("SSL_CERT_DIR", c.dir)
		got, err := roots.Load(roots.Options{})
		if err != nil || got.Len() != c.want {
			t.Errorf("SSL_CERT_FILE=%q SSL_CERT_DIR=%q: %v anchors, error %v, want %d", c.file, c.dir, got.Len(), err, c.want)
		}
	}
	t.Setenv("SSL_CERT_FILE", file+".missing")
	if _, err := roots.Load(roots.Options{}); err == nil {
		t.Error("a missing SSL_CERT_FILE must be an error")
	}
}

func FuzzCertificates(f *testing.F) {
	f.Add(forge.PEM("CERTIFICATE", anchor("A")))
	f.Add([]byte{0x30, 3, 2, 1, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		certs, err := roots.Certificates(b)
		if err == nil && len(certs) == 0 {
			t.Error("no error and no certificate")
		}
	})
}

func BenchmarkLoadSystem(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := roots.Load(roots.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
