// Package roots reads trust anchors: the system's, or those in files and
// directories that the user names. It reads bytes; parsing and judging belong
// to certpath, which indexes what it is given and parses on demand.
package roots

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/assaytls/assay/cert/bundle"
	"github.com/assaytls/assay/certpath"
)

// Options say where anchors come from. The zero Options mean the system's.
type Options struct {
	// Files are PEM bundles or single DER certificates.
	Files []string
	// Dirs are directories; every file in them counts, whatever its name, so
	// OpenSSL's hashed directories work too.
	Dirs []string
	// Open, when not nil, opens a file of Files that has no certificate as it
	// stands: a key store, for example. An error says why it has none either.
	Open func(name string, b []byte) ([][]byte, error)
}

// maxFile bounds one file of anchors.
const maxFile = 64 << 20

// systemFiles and systemDirs are where systems keep their bundle. The first
// that exists is used.
var (
	systemFiles = []string{
		"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Gentoo, Arch
		"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL 6
		"/etc/ssl/ca-bundle.pem",                            // openSUSE
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL 7 and later
		"/etc/ssl/cert.pem",                                 // Alpine, macOS, OpenBSD
		"/usr/local/etc/ssl/cert.pem",                       // FreeBSD
		"/usr/local/share/certs/ca-root-nss.crt",            // FreeBSD, DragonFly
	}
	systemDirs = []string{"/etc/ssl/certs", "/etc/pki/tls/certs", "/usr/local/share/certs", "/etc/openssl/certs"}
)

// Load returns the anchors that o asks for. A named file that is missing,
// unreadable or holds no certificate is an error; so is a named directory in
// which no file holds one. The system's anchors may be empty: then no chain
// can be trusted and the report says so.
//
// SSL_CERT_FILE and SSL_CERT_DIR (a list) replace the system's places, as a
// whole: when either is set, only what they name is read, and it must exist.
func Load(o Options) (*certpath.Anchors, error) {
	anchors := certpath.NewAnchors()
	if len(o.Files) == 0 && len(o.Dirs) == 0 {
		env, err := fromEnvironment(&o)
		if err != nil {
			return nil, err
		}
		if !env {
			return anchors, loadSystem(anchors)
		}
	}
	return anchors, load(anchors.AddFrom, o)
}

// Named returns the certificates, DER, in the files and directories that o names;
// none is an error, as in Load. The system's are not among them.
func Named(o Options) (ders [][]byte, err error) {
	err = load(func(der []byte, _ string) error { ders = append(ders, der); return nil }, o)
	return ders, err
}

func load(add func(der []byte, file string) error, o Options) error {
	for _, f := range o.Files {
		if err := loadFile(add, f, o.Open); err != nil {
			return err
		}
	}
	for _, d := range o.Dirs {
		if err := loadDir(add, d); err != nil {
			return err
		}
	}
	return nil
}

// fromEnvironment fills o from OpenSSL's variables and reports whether either was set.
func fromEnvironment(o *Options) (bool, error) {
	file, dirs := os.Getenv("SSL_CERT_FILE"), os.Getenv("SSL_CERT_DIR")
	if file != "" {
		o.Files = []string{file}
	}
	for _, d := range filepath.SplitList(dirs) {
		if d != "" {
			o.Dirs = append(o.Dirs, d)
		}
	}
	if dirs != "" && len(o.Dirs) == 0 {
		return false, fmt.Errorf("SSL_CERT_DIR %q names no directory", dirs)
	}
	return file != "" || dirs != "", nil
}

func loadSystem(anchors *certpath.Anchors) error {
	for _, f := range systemFiles {
		if _, err := os.Stat(f); err == nil {
			return loadFile(anchors.AddFrom, f, nil)
		}
	}
	for _, d := range systemDirs {
		if err := loadDir(anchors.AddFrom, d); err == nil {
			return nil
		}
	}
	return nil
}

func loadFile(add func(der []byte, file string) error, name string, open func(string, []byte) ([][]byte, error)) error {
	b, err := readFile(name)
	if err != nil {
		return fmt.Errorf("trust anchors: %w", err)
	}
	ders, err := Certificates(b)
	if errors.Is(err, errNone) && open != nil {
		if opened, why := open(name, b); why != nil {
			err = why
		} else if len(opened) > 0 {
			ders, err = opened, nil
		}
	}
	if err != nil {
		return fmt.Errorf("trust anchors: %s: %w", name, err)
	}
	for i, der := range ders {
		if err := add(der, name); err != nil {
			return fmt.Errorf("trust anchors: %s: certificate %d: %w", name, i+1, err)
		}
	}
	return nil
}

func loadDir(add func(der []byte, file string) error, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("trust anchors: %w", err)
	}
	found := false
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if e.Type()&os.ModeSymlink != 0 {
			// Hashed directories name each file a second time, by a link to it.
			if to, err := os.Readlink(name); err != nil || !strings.ContainsRune(to, filepath.Separator) {
				continue
			}
		}
		st, err := os.Stat(name)
		if err != nil || !st.Mode().IsRegular() {
			continue // a dangling link, as rehash leaves them, holds no anchor
		}
		b, err := readFile(name)
		if err != nil {
			return fmt.Errorf("trust anchors: %w", err)
		}
		ders, err := Certificates(b)
		if errors.Is(err, errNone) {
			continue // other files may lie beside certificates
		}
		if err != nil {
			return fmt.Errorf("trust anchors: %s: %w", name, err)
		}
		for i, der := range ders {
			if err := add(der, name); err != nil {
				return fmt.Errorf("trust anchors: %s: certificate %d: %w", name, i+1, err)
			}
			found = true
		}
	}
	if !found {
		return fmt.Errorf("trust anchors: no file in %s holds a certificate", dir)
	}
	return nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		return nil, fmt.Errorf("%s is a directory", name)
	}
	if st.Size() > maxFile {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, maxFile>>20)
	}
	var b bytes.Buffer
	b.Grow(int(st.Size()) + bytes.MinRead)
	if _, err := b.ReadFrom(io.LimitReader(f, maxFile+1)); err != nil {
		return nil, err
	}
	if b.Len() > maxFile {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, maxFile>>20)
	}
	return b.Bytes(), nil
}

// errNone is returned when a file holds no certificate.
var errNone = errors.New("holds no certificate")

// Certificates returns the DER certificates in b, in any form that package
// bundle reads; what else is in b is passed over: whoever names a file with keys and requests
// in it trusts none of those. An OpenSSL "TRUSTED CERTIFICATE" is an error: its
// trust settings would be lost. So is a certificate that cannot be decoded: the
// set must not shrink in silence.
func Certificates(b []byte) ([][]byte, error) {
	if len(b) == 0 {
		return nil, errNone
	}
	objects := bundle.Read(b, 0)
	out := make([][]byte, 0, len(objects))
	damaged := 0
	var first bundle.Object // that is damaged
	var others []string
	for _, o := range objects {
		switch {
		case o.Kind == bundle.TrustedCertificate:
			return nil, errors.New("has an OpenSSL TRUSTED CERTIFICATE, whose trust settings assay does not evaluate; convert it with: openssl x509 -in FILE -out PLAIN.pem")
		case o.Damage != "" && o.Kind == bundle.Unknown && o.Line == 0:
			return nil, fmt.Errorf("%w: %s", errNone, o.Damage)
		case o.Damage != "" && (o.Kind == bundle.Certificate || o.Kind == bundle.PKCS7 || o.Kind == bundle.Unknown && o.Label == ""):
			if damaged++; damaged == 1 {
				first = o
			}
		case o.Kind == bundle.Certificate:
			out = append(out, o.Bytes)
		default:
			others = append(others, o.What())
		}
	}
	switch {
	case first.Line > 0:
		return nil, fmt.Errorf("has %d PEM certificates of which only %d can be decoded: %s", damaged+len(out), len(out), first.Damage)
	case damaged > 0:
		return nil, errors.New("cannot be read: " + first.Damage)
	case len(out) == 0 && len(others) > 0:
		slices.Sort(others)
		return nil, fmt.Errorf("%w, only %s", errNone, strings.Join(slices.Compact(others), ", "))
	case len(out) == 0:
		return nil, errNone
	}
	return out, nil
}

// Describe returns a short text for o, for messages.
func Describe(o Options) string {
	if len(o.Files) == 0 && len(o.Dirs) == 0 {
		return "the system's trust anchors"
	}
	return strings.Join(slices.Concat(o.Files, o.Dirs), ", ")
}
