package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/assaytls/assay/cert/bundle"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/containers"
	"github.com/assaytls/assay/internal/target"
)

// The bounds of files given on the command line.
const (
	MaxCertFile = 64 << 20
	MaxCRLFile  = 1 << 30
)

// ReadFile reads the whole of the named file, or of stdin when the name is
// "-" and stdin is not nil.
func ReadFile(name string, stdin io.Reader, limit int64) ([]byte, error) {
	var r io.Reader
	if name == "-" && stdin != nil {
		r = stdin
		name = "standard input"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return nil, command.PlainPathError(err)
		}
		defer f.Close()
		if st, err := f.Stat(); err == nil && st.IsDir() {
			return nil, fmt.Errorf("%s is a directory", name)
		}
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", name, command.PlainPathError(err))
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, limit>>20)
	}
	if len(b) == 0 {
		return nil, fmt.Errorf("%s is empty", name)
	}
	return b, nil
}

// IsPEM reports whether b holds a PEM block, perhaps with text before it.
func IsPEM(b []byte) bool { return bytes.Contains(b, []byte("-----BEGIN ")) }

// Wanted is what a command takes from a file.
type Wanted struct {
	what  string // with its article
	kinds []bundle.Kind
}

var (
	WantCertificates = Wanted{"a certificate", []bundle.Kind{bundle.Certificate}}
	WantCRLs         = Wanted{"a CRL", []bundle.Kind{bundle.CRL}}
	WantResponses    = Wanted{"an OCSP response", []bundle.Kind{bundle.OCSPResponse}}
	WantSCTs         = Wanted{"an SCT list", []bundle.Kind{bundle.SCTList, bundle.SCT}}
)

// ShowsIt is said of what assay only shows.
const ShowsIt = "assay show FILE shows it"

// takers say what to do with an object of a kind that a flag does not take.
var takers = map[bundle.Kind]string{
	bundle.Certificate:          "certificates go to assay verify FILE, to --untrusted and to --roots",
	bundle.CRL:                  "CRLs go to assay verify --crl FILE",
	bundle.OCSPResponse:         "OCSP responses go to assay verify --ocsp FILE",
	bundle.SCTList:              "SCTs go to assay verify --sct FILE",
	bundle.SCT:                  "SCTs go to assay verify --sct FILE",
	bundle.LogList:              "lists of CT logs go to --log-list FILE",
	bundle.SavedEvidence:        "saved evidence goes to assay verify --evidence FILE",
	bundle.PrivateKey:           "private keys go to assay check --key FILE, with --cert FILE",
	bundle.PKCS12:               "assay opens it with the password in --pass-file FILE",
	bundle.KeyStore:             "assay opens it with the password in --pass-file FILE",
	bundle.CertificateRequest:   ShowsIt,
	bundle.PublicKey:            ShowsIt,
	bundle.OCSPRequest:          ShowsIt,
	bundle.CMS:                  ShowsIt,
	bundle.TimeStampQuery:       ShowsIt,
	bundle.TimeStampReply:       ShowsIt,
	bundle.TimeStampToken:       ShowsIt,
	bundle.AttributeCertificate: ShowsIt,
}

// Taker says what to do with an object of a kind that a flag does not take; "" when nothing does.
func Taker(k bundle.Kind) string { return takers[k] }

// Unpack returns the objects in b, which the named file holds, with those of containers. passFile is
// --pass-file, or "".
func Unpack(ctx context.Context, name string, b []byte, passFile string) ([]bundle.Object, error) {
	objects, err := containers.Open(bundle.Read(b, 0), containers.Password{Get: PasswordFor(ctx, passFile, name), Given: passFile != ""})
	if err != nil {
		return nil, fmt.Errorf("%s is %w", ShownName(name), err)
	}
	return objects, nil
}

// Pick returns the objects that a command wants of those in the named file. Damage is
// an error: what was given must not shrink in silence. So is a file that holds none;
// the error says what it holds. What stands beside them is passed over with a hint.
func Pick(run *command.Run, name string, objects []bundle.Object, want Wanted) ([]bundle.Object, error) {
	name = ShownName(name)
	if err := bundle.Whole(objects); err != nil {
		return nil, usagef("%s %v", name, err)
	}
	var out []bundle.Object
	var others []string
	for _, o := range objects {
		switch {
		case slices.Contains(want.kinds, o.Kind):
			out = append(out, o)
		case o.Kind == bundle.TrustedCertificate && slices.Contains(want.kinds, bundle.Certificate):
			return nil, usagef("%s holds an OpenSSL TRUSTED CERTIFICATE; convert it with: openssl x509 -in FILE -out PLAIN.pem", name)
		default:
			others = append(others, o.What())
		}
	}
	slices.Sort(others)
	others = slices.Compact(others)
	switch {
	case len(out) > 0:
		for _, o := range others[:min(len(others), maxOthers)] {
			run.Hint("%s also holds %s, which is not used here", name, o)
		}
		return out, nil
	case len(objects) == 1 && objects[0].Kind == bundle.Unknown && objects[0].Label == "":
		if b := objects[0].Bytes; len(b) > 0 && b[0] == 0x30 {
			return nil, usagef("%s is DER of no kind that assay knows, not %s", name, want.what)
		}
		return nil, usagef("%s is not %s: it is neither PEM nor DER", name, want.what)
	case len(objects) == 1:
		return nil, withTaker(usagef("%s is %s, not %s", name, others[0], want.what), objects)
	}
	return nil, withTaker(usagef("%s does not hold %s, only %s", name, want.what, strings.Join(others[:min(len(others), maxOthers)], ", ")), objects)
}

// maxOthers bounds what is told of a file's other contents.
const maxOthers = 8

// withTaker adds to u what takes the first of objects.
func withTaker(u *target.Usage, objects []bundle.Object) error {
	for _, o := range objects {
		if t := Taker(o.Kind); t != "" {
			return u.Hint("%s", t)
		}
	}
	return u
}

// Certificates returns the DER certificates in b, which the named file holds. A
// damaged one is returned too, for its parser to say where.
func Certificates(ctx context.Context, run *command.Run, name string, b []byte, passFile string) ([][]byte, error) {
	objects, err := Unpack(ctx, name, b, passFile)
	if err != nil {
		return nil, usagef("%v", err)
	}
	if objects, err = Pick(run, name, objects, WantCertificates); err != nil {
		return nil, err
	}
	out := make([][]byte, len(objects))
	for i, o := range objects {
		out[i] = o.Bytes
	}
	return out, nil
}

// TrustStores opens --roots files that are PKCS #12, Java key stores or objects of
// Kubernetes, for roots.Options. One with a private key is a key store of somebody's
// own, whose certificates nobody meant to trust as anchors.
func TrustStores(ctx context.Context, passFile string) func(name string, b []byte) ([][]byte, error) {
	return func(name string, b []byte) ([][]byte, error) {
		objects := bundle.Read(b, 0)
		if !slices.ContainsFunc(objects, func(o bundle.Object) bool {
			return o.Kind == bundle.PKCS12 || o.Kind == bundle.KeyStore || o.Kind == bundle.Kubernetes
		}) {
			return nil, nil
		}
		objects, err := containers.Open(objects, containers.Password{Get: PasswordFor(ctx, passFile, name), Given: passFile != ""})
		if err != nil {
			return nil, fmt.Errorf("is %w", err)
		}
		var ders [][]byte
		for _, o := range objects {
			switch {
			case o.Kind == bundle.PrivateKey:
				return nil, errors.New("holds a private key: it is a key store, and its certificates are not trusted as anchors")
			case o.Kind == bundle.Certificate && o.Damage == "":
				ders = append(ders, o.Bytes)
			}
		}
		return ders, nil
	}
}

// Flagged says before an error which flag it is about.
func Flagged(flag string, err error) error {
	var u *target.Usage
	if errors.As(err, &u) {
		u.Msg = flag + ": " + u.Msg
	}
	return err
}

// ShownName is a file's name in messages.
func ShownName(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}
