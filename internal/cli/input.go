package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/assaytls/assay/cert/bundle"
)

// The bounds of files given on the command line.
const (
	maxCertFile = 64 << 20
	maxCRLFile  = 1 << 30
)

// readFile reads the whole of the named file, or of stdin when the name is
// "-" and stdin is not nil.
func readFile(name string, stdin io.Reader, limit int64) ([]byte, error) {
	var r io.Reader
	if name == "-" && stdin != nil {
		r = stdin
		name = "standard input"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return nil, plainPathError(err)
		}
		defer f.Close()
		if st, err := f.Stat(); err == nil && st.IsDir() {
			return nil, fmt.Errorf("%s is a directory", name)
		}
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", name, plainPathError(err))
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, limit>>20)
	}
	if len(b) == 0 {
		return nil, fmt.Errorf("%s is empty", name)
	}
	return b, nil
}

// plainPathError says "FILE: reason" instead of "open FILE: reason".
func plainPathError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}

// isPEM reports whether b holds a PEM block, perhaps with text before it.
func isPEM(b []byte) bool { return bytes.Contains(b, []byte("-----BEGIN ")) }

// certificates returns the DER certificates in b, in whatever form package
// bundle reads. A damaged one is returned too, for its parser to say where;
// damage around them is an error: what was given must not shrink in silence.
func certificates(b []byte) ([][]byte, error) {
	objects := bundle.Read(b, 0)
	if err := bundle.Whole(objects); err != nil {
		return nil, err
	}
	var out [][]byte
	var others []string
	for _, o := range objects {
		switch {
		case o.Kind == bundle.TrustedCertificate:
			return nil, errors.New("holds an OpenSSL TRUSTED CERTIFICATE; convert it with: openssl x509 -in FILE -out PLAIN.pem")
		case o.Kind == bundle.Certificate, o.Kind == bundle.Unknown && o.Label == "" && b[0] == 0x30:
			out = append(out, o.Bytes)
		case o.Kind == bundle.PKCS7:
			others = append(others, "an empty PKCS #7")
		case o.Kind == bundle.Unknown && o.Label == "":
			return nil, errors.New("holds no certificate: it is neither PEM nor DER")
		default:
			others = append(others, o.What())
		}
	}
	if len(out) == 0 {
		slices.Sort(others)
		return nil, fmt.Errorf("holds no certificate, only %s", strings.Join(slices.Compact(others), ", "))
	}
	return out, nil
}

// derObjects returns the objects of one kind in b, or b itself when it is not
// PEM and holds none: its parser will say what is wrong with it.
func derObjects(b []byte, what string, kind bundle.Kind) ([][]byte, error) {
	objects := bundle.Read(b, 0)
	var out [][]byte
	for _, o := range objects {
		if o.Kind == kind && o.Damage == "" {
			out = append(out, o.Bytes)
		}
	}
	if len(out) == 0 && !isPEM(b) {
		return [][]byte{b}, nil
	}
	if err := bundle.Whole(objects); err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("holds no %s", what)
	}
	return out, nil
}
