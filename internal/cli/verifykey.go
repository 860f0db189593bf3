package cli

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/cert/bundle"
	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/session"
	"github.com/assaytls/assay/report"
)

// publicHalf is the public key that belongs to a private one.
type publicHalf interface {
	Equal(x crypto.PublicKey) bool
}

// publicKeyOf reads the private key in the named file and returns its public half. Nothing of the
// private one stays, and no error holds a part of it.
func (a *app) publicKeyOf(ctx context.Context, name, passFile string) (publicHalf, error) {
	b, err := session.ReadFile(name, nil, session.MaxKeyFile)
	if err != nil {
		return nil, usagef("--key: %v", err)
	}
	key, err := privateKey(b, session.PasswordFor(ctx, passFile, name))
	if err != nil {
		return nil, usagef("--key %s: %v", name, err)
	}
	owner, ok := key.(interface{ Public() crypto.PublicKey })
	if !ok {
		return nil, usagef("--key %s: a key of this kind cannot be compared", name)
	}
	public, ok := owner.Public().(publicHalf)
	if !ok {
		return nil, usagef("--key %s: a key of this kind cannot be compared", name)
	}
	return public, nil
}

// privateKey reads the first private key in b: PEM or DER of PKCS #8, PKCS #1 or SEC 1, encrypted
// PKCS #8, or PKCS #12.
func privateKey(b []byte, password func() (string, error)) (any, error) {
	if !session.IsPEM(b) {
		switch o := bundle.Read(b, 1)[0]; {
		case o.Kind == bundle.PKCS12:
			pair, err := session.FromPKCS12(b, password)
			return pair.PrivateKey, err
		case o.Kind != bundle.PrivateKey:
			return nil, fmt.Errorf("it is %s, not a private key", o.What())
		case strings.Contains(o.Detail, "encrypted"):
			word, err := password()
			if err != nil {
				return nil, err
			}
			if b, err = session.DecryptPKCS8(b, []byte(word)); err != nil {
				return nil, err
			}
		}
		return parsedKey(b)
	}
	b, err := session.DecryptedPEM(b, password)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			return parsedKey(block.Bytes)
		}
	}
	return nil, fmt.Errorf("it holds no private key")
}

// parsedKey decodes a private key in DER.
func parsedKey(der []byte) (any, error) {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	return nil, fmt.Errorf("it is a private key of a form or kind that assay cannot read")
}

// tellKey adds to r whether the key is that of the certificate that ev begins with.
func tellKey(r *report.Report, ev *evidence.Evidence, key publicHalf) {
	if key == nil || len(ev.Chain) == 0 {
		return
	}
	f := finding.New(finding.KeyOfCertificate)
	if !belongs(key, ev.Chain[0].Cert) {
		detail := "its public key is another"
		for i, e := range ev.Chain[1:] {
			if belongs(key, e.Cert) {
				detail = fmt.Sprintf("it belongs to certificate %d of the file", i+2)
				break
			}
		}
		f = finding.New(finding.KeyNotOfCertificate, "detail", detail)
	}
	r.Findings = append(r.Findings, f)
	report.Decide(r)
}

// belongs reports whether key is the public key of the certificate. One of a kind that assay does
// not know is nobody's.
func belongs(key publicHalf, der []byte) bool {
	public := cert.Parse(der).Key.Public()
	return public != nil && key.Equal(public)
}
