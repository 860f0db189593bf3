package cli

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/assaytls/assay/internal/engine"
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

// blocks returns all PEM blocks in b. Unlike pem.Decode it does not pass over
// blocks that are damaged: what was given must not shrink in silence.
func blocks(b []byte) ([]*pem.Block, error) {
	var out []*pem.Block
	for rest := b; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		out = append(out, block)
	}
	if n := bytes.Count(b, []byte("-----BEGIN ")); n != len(out) {
		return nil, fmt.Errorf("has %d PEM blocks of which %d can be decoded", n, len(out))
	}
	return out, nil
}

// maxBundle bounds the certificates, and the lists, taken from one PKCS #7.
const maxBundle = 1000

// certificates returns the DER certificates in b: PEM blocks, with any text
// between them, one DER certificate, or those of a PKCS #7 bundle.
func certificates(b []byte) ([][]byte, error) {
	if !isPEM(b) {
		if b[0] != 0x30 {
			return nil, errors.New("holds no certificate: it is neither PEM nor DER")
		}
		if certs, _, err := engine.PKCS7(b, maxBundle); err == nil {
			if len(certs) == 0 {
				return nil, errors.New("holds no certificate, only an empty PKCS #7")
			}
			return certs, nil
		}
		return [][]byte{b}, nil
	}
	bs, err := blocks(b)
	if err != nil {
		return nil, err
	}
	var out [][]byte
	others := map[string]bool{}
	for _, block := range bs {
		switch block.Type {
		case "CERTIFICATE", "X509 CERTIFICATE":
			if len(block.Bytes) == 0 {
				return nil, errors.New("holds an empty PEM certificate")
			}
			out = append(out, block.Bytes)
		case "PKCS7", "CMS":
			certs, _, err := engine.PKCS7(block.Bytes, maxBundle)
			if err != nil {
				return nil, fmt.Errorf("holds a PKCS #7 that cannot be read: %w", err)
			}
			out = append(out, certs...)
			others["an empty PKCS #7"] = true
		case "TRUSTED CERTIFICATE":
			return nil, errors.New("holds an OpenSSL TRUSTED CERTIFICATE; convert it with: openssl x509 -in FILE -out PLAIN.pem")
		default:
			others[block.Type] = true
		}
	}
	if len(out) == 0 {
		var types []string
		for t := range others {
			types = append(types, t)
		}
		return nil, fmt.Errorf("holds no certificate, only %s", strings.Join(types, ", "))
	}
	return out, nil
}

// derBlocks returns the contents of the PEM blocks of one of the types in b,
// or b itself when it is not PEM.
func derBlocks(b []byte, what string, types ...string) ([][]byte, error) {
	if !isPEM(b) {
		return [][]byte{b}, nil
	}
	bs, err := blocks(b)
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for _, block := range bs {
		for _, t := range types {
			if block.Type == t {
				out = append(out, block.Bytes)
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("holds no %s", what)
	}
	return out, nil
}
