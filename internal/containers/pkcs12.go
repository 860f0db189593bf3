package containers

import (
	"errors"
	"fmt"
	"strings"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/assaytls/assay/cert/bundle"
	"github.com/assaytls/assay/internal/der"
)

// MaxIterations bounds the work of turning a password into a key that a file may ask for.
const MaxIterations = 10_000_000

// ErrPassword means that a password opens nothing.
var ErrPassword = errors.New("the password is wrong")

// readPKCS12 reads the certificates of a PFX (RFC 7292). Its private key is named and not kept.
func readPKCS12(b []byte, password Password) ([]bundle.Object, error) {
	if err := CheckWork(b); err != nil {
		return nil, err
	}
	certs, key, err := opened(b, "")
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		word, passwordErr := password.Get()
		if passwordErr != nil {
			return nil, passwordErr
		}
		certs, key, err = opened(b, word)
	}
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, ErrPassword
	case err != nil:
		return nil, fmt.Errorf("%s; convert it with: openssl pkcs12 -in FILE -nokeys -out NEW.pem", strings.TrimPrefix(err.Error(), "pkcs12: "))
	}
	var out []bundle.Object
	for _, c := range certs {
		out = append(out, recognised(c, "")...)
	}
	if key {
		out = append(out, bundle.Object{Kind: bundle.PrivateKey, Detail: "PKCS #8"})
	}
	return out, nil
}

// opened returns the certificates in b, and whether there is a key.
func opened(b []byte, word string) (certs [][]byte, key bool, err error) {
	_, leaf, chain, err := pkcs12.DecodeChain(b, word)
	if err == nil {
		certs = append(certs, leaf.Raw)
		for _, c := range chain {
			certs = append(certs, c.Raw)
		}
		return certs, true, nil
	}
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, false, err
	}
	trusted, trustErr := pkcs12.DecodeTrustStore(b, word)
	if trustErr != nil {
		return nil, false, err
	}
	for _, c := range trusted {
		certs = append(certs, c.Raw)
	}
	return certs, false, nil
}

// CheckWork returns an error when opening the PKCS #12 file in b takes more than MaxIterations, as
// far as that can be told without its password.
func CheckWork(b []byte) error {
	outer, err := der.NewReader(b, 0).Expect(der.Sequence)
	if err != nil {
		return errors.New("it is cut off or damaged")
	}
	in := outer.Contents()
	for i := 0; !in.Empty(); i++ {
		e, err := in.Next()
		if err != nil {
			return errors.New("it is cut off or damaged")
		}
		if tooMuch(e, i == 2, 0) { // the third is the MacData
			return fmt.Errorf("it asks for more than %d iterations to open it", MaxIterations)
		}
	}
	return nil
}

// maxNesting is how deep the algorithms of a PFX lie at most.
const maxNesting = 16

// encryption are the prefixes of the algorithms that have an iteration count.
var encryption = []string{"1.2.840.113549.1.5.", "1.2.840.113549.1.12.1."}

// tooMuch reports whether e holds an iteration count beyond the limit: a number in the
// parameters of an algorithm that encrypts, which inside says that e is in.
func tooMuch(e der.Element, inside bool, depth int) bool {
	if e.Tag == der.Integer {
		n, ok := der.SmallInt(e.Body)
		return inside && (!ok || n > MaxIterations)
	}
	if e.Tag&0x20 == 0 && e.Tag != der.OctetString || depth == maxNesting {
		return false
	}
	in := e.Contents()
	for first := true; !in.Empty(); first = false {
		c, err := in.Next()
		if err != nil {
			return false // an OCTET STRING need not hold DER
		}
		if first && c.Tag == der.OID {
			oid, _ := der.OIDText(c.Body)
			for _, p := range encryption {
				inside = inside || strings.HasPrefix(oid, p)
			}
		}
		if tooMuch(c, inside, depth+1) {
			return true
		}
	}
	return false
}
