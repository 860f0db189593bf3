package rootstores

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/der"
	"github.com/assaytls/assay/internal/sig"
)

// Signature is what is known of a publication's signature. The zero is that it has
// none.
type Signature struct {
	// Signer is the name of the signer's certificate, "" when nothing is signed. Not to be
	// printed unquoted.
	Signer string
	// Good says that the signature is good and that the signer's chain leads to the
	// publisher's root.
	Good bool
	// Forged says that there is a signature and that it is wrong: what was signed is
	// something else.
	Forged bool
	// Problem says why the signature vouches for nothing: "" when it is good.
	Problem string
}

// microsoftRoot is the key of "Microsoft Root Certificate Authority 2010" (a
// SubjectPublicKeyInfo), which the signers of authroot.stl lead to. The certificate is
// df545bf919a2439c36983b54cdfc903dfa4f37d3996d8d84b4c31eec6f3c163e, which the lists have, too.
const microsoftRoot = "MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAuQieKOTk7AZOUGizQcV76662jq+BuiJEH2U0aUy+cEAX8hZ74nn9hu0NOfQbqK2SkB" +
	"7LPXaPWtm1kRAuPAWNim0kVOcf7Vatg7RQnBWlF3SIWSD8CMWEdtNo1G8oeM5cuPNQkET/42NfvqGaLJYVBNYH/h6EIeBCMRHEKDaUz1CkYp7J" +
	"1qtxALJbDOaW1AoklvX/xtW3G9fLtyFirxLcoV034xr7GkaYwJvA52MfKgiTAn4eao7ynxiJ5CKForGEV0D/9Q7Yb5zt4kUxAc0X6X+wgUXjqi" +
	"FAJqFyqqdPPAEFfu6DWLFeBmOZYpF4grcNkwwkarQb2yfsX5UEP5NKMPWXGLOn+RmnkzMdAcjbIlJc1yXJRvmi+4dZQ76bYrGNLYZEGkaseGF+" +
	"MAn6ronEQSoiZgOROUWcx4sMqMoNL/tS6gz3YzMjnf6wH61n1qdQA8YEcGO1LLGGWkO3+675biluISFBJgaMycPusMKFk6G5hdnmMmxLTD/WXa" +
	"PltZ13w5zAVbd0AOO4OKuDl1DhmkIkHcbAozDRGlrIUjT3c/HHGB8zrXrsy0Fg8yOUIMJIRaxcUcYugMLidxW9hYftNp2Wke4AtaNw7J/jjYBo" +
	"g3a6r11wUiIW4mb7urPFwvc+L3emyt7BpsZITMM3USPTJ9e4TnCW8KFEdq94z5rhZhMCAwEAAQ=="

// errForged is that a signature is wrong.
var errForged = errors.New("its signature is wrong")

// maxSigners bounds the certificates in signed data.
const maxSigners = 16

// signedData is a PKCS #7 message (RFC 2315, 9.1) with one signer.
type signedData struct {
	content    der.Element // the element within eContent's [0]
	certs      []*cert.Certificate
	signer     der.Element
	hasSigner  bool
	contentOID string
}

// readSignedData takes signed data around a certificate trust list apart. What
// is needed for the contents alone must be there.
func readSignedData(b []byte) (*signedData, error) {
	outer := der.NewReader(b, 0)
	info, err := outer.Expect(der.Sequence)
	if err != nil {
		return nil, err
	}
	if !outer.Empty() {
		return nil, errors.New("something follows it")
	}
	_, explicit, err := typed(info, oidSignedData)
	if err != nil {
		return nil, fmt.Errorf("it is no signed data (PKCS #7): %w", err)
	}
	r := explicit.Reader()
	body, err := r.Expect(der.Sequence)
	if err != nil {
		return nil, err
	}
	in := body.Reader()
	if _, err := in.Expect(der.Integer); err != nil {
		return nil, err
	}
	if _, err := in.Expect(der.Set); err != nil { // digest algorithms
		return nil, err
	}
	inner, err := in.Expect(der.Sequence)
	if err != nil {
		return nil, err
	}
	s := &signedData{}
	var content der.Element
	if s.contentOID, content, err = typed(inner, oidCTL); err != nil {
		return nil, fmt.Errorf("it has no certificate trust list: %w", err)
	}
	c := content.Reader()
	if s.content, err = c.Expect(der.Sequence); err != nil {
		return nil, err
	}
	return s, s.signers(&in)
}

// typed reads SEQUENCE { OID, [0] EXPLICIT }, whose OID must be the one given.
func typed(e der.Element, want string) (string, der.Element, error) {
	r := e.Reader()
	oid, err := r.Expect(der.OID)
	if err != nil {
		return "", oid, err
	}
	text, _ := der.OIDText(oid.Body)
	if text != want {
		return text, oid, fmt.Errorf("it is of the type %.60q", text)
	}
	body, err := r.Expect(der.Explicit(0))
	return text, body, err
}

// signers reads the certificates and the one signer.
func (s *signedData) signers(in *der.Reader) error {
	certs, there, err := in.Optional(der.Explicit(0))
	if err != nil {
		return err
	}
	if there {
		for r := certs.Contents(); !r.Empty(); {
			c, err := r.Next()
			if err != nil {
				return err
			}
			if len(s.certs) == maxSigners {
				return fmt.Errorf("more than %d certificates of signers", maxSigners)
			}
			s.certs = append(s.certs, cert.Parse(c.Raw))
		}
	}
	if _, _, err := in.Optional(der.Explicit(1)); err != nil { // CRLs
		return err
	}
	set, err := in.Expect(der.Set)
	if err != nil {
		return err
	}
	r := set.Reader()
	if r.Empty() {
		return nil
	}
	s.signer, err = r.Expect(der.Sequence)
	if err == nil && !r.Empty() {
		err = errors.New("it has more than one signer")
	}
	s.hasSigner = err == nil
	return err
}

// verify checks the signature: the digest of the contents, the signer's signature,
// and the chain of the certificates in the message up to a root's key. Dates are not
// looked at: a list outlives its signer, and the list's own date is what ages.
func (s *signedData) verify(root []byte) Signature {
	if !s.hasSigner {
		return Signature{Problem: "it is not signed"}
	}
	signer, err := s.verifySigner()
	out := Signature{}
	if signer != nil {
		out.Signer = signer.Subject.String()
	}
	if err == nil {
		err = s.verifyChain(signer, root)
	}
	if err != nil {
		out.Problem, out.Forged = err.Error(), errors.Is(err, errForged)
		return out
	}
	out.Good = true
	return out
}

// verifyChain follows the signer's certificate up to the root's key. Each certificate
// must be one for lists of roots, and each issuer a CA's.
func (s *signedData) verifyChain(signer *cert.Certificate, root []byte) error {
	key, err := cert.ParsePublicKey(root)
	if err != nil {
		return err
	}
	at := signer
	for range maxSigners {
		if !slices.Contains(at.ExtKeyUsage, oidRootList) {
			return errors.New("the signer's certificate is not for lists of roots")
		}
		if at.VerifySignatureFrom(nil, key) == nil {
			return nil
		}
		i := slices.IndexFunc(s.certs, func(c *cert.Certificate) bool {
			return c != at && c.CA && bytes.Equal(c.RawSubject, at.RawIssuer) && at.VerifySignatureFrom(nil, c.Key) == nil
		})
		if i < 0 {
			break
		}
		at = s.certs[i]
	}
	return errors.New("the signer's certificate does not lead to Microsoft's root of 2010, the one that assay knows")
}

// verifySigner verifies SignerInfo (RFC 2315, 9.2): its attributes have the digest
// of the contents, and the signature is over them.
func (s *signedData) verifySigner() (*cert.Certificate, error) {
	r := s.signer.Reader()
	unreadable := errors.New("its signature cannot be read")
	if _, err := r.Expect(der.Integer); err != nil {
		return nil, unreadable
	}
	who, err1 := r.Expect(der.Sequence)
	hash, err2 := r.Expect(der.Sequence)
	attributes, there, err3 := r.Optional(der.Explicit(0))
	algorithm, err4 := r.Expect(der.Sequence)
	signature, err5 := r.Expect(der.OctetString)
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil || !there {
		return nil, unreadable
	}
	w := who.Reader()
	issuer, err1 := w.Expect(der.Sequence)
	serial, err2 := w.Expect(der.Integer)
	if errors.Join(err1, err2) != nil {
		return nil, unreadable
	}
	i := slices.IndexFunc(s.certs, func(c *cert.Certificate) bool {
		return bytes.Equal(c.RawIssuer, issuer.Raw) && bytes.Equal(c.Serial, serial.Body)
	})
	if i < 0 {
		return nil, errors.New("the signer's certificate is not in it")
	}
	signer := s.certs[i]
	if !isSHA256(hash) {
		return signer, errors.New("its digest is not SHA-256")
	}
	digest, err := messageDigest(attributes)
	if err != nil {
		return signer, err
	}
	// The contents without their own tag and length are what is digested.
	if sum := sha256.Sum256(s.content.Body); !bytes.Equal(sum[:], digest) {
		return signer, fmt.Errorf("%w: its contents are not what was signed", errForged)
	}
	signed := append([]byte{byte(der.Set)}, attributes.Raw[1:]...)
	if err := verifyRSA(signer, algorithm, signed, signature.Body); err != nil {
		return signer, fmt.Errorf("%w: %w", errForged, err)
	}
	return signer, nil
}

// messageDigest finds the digest among the signed attributes, and that they are of a
// certificate trust list.
func messageDigest(attributes der.Element) (digest []byte, err error) {
	const contentType, messageDigest = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
	typed := false
	for r := attributes.Contents(); !r.Empty(); {
		a, err := r.Expect(der.Sequence)
		if err != nil {
			return nil, err
		}
		in := a.Reader()
		oid, err1 := in.Expect(der.OID)
		set, err2 := in.Expect(der.Set)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		values := set.Reader()
		switch name, _ := der.OIDText(oid.Body); name {
		case contentType:
			v, err := values.Expect(der.OID)
			text, _ := der.OIDText(v.Body)
			if err != nil || text != oidCTL {
				return nil, errors.New("its signature is for something else")
			}
			typed = true
		case messageDigest:
			v, err := values.Expect(der.OctetString)
			if err != nil || digest != nil {
				return nil, errors.New("its signature has no digest")
			}
			digest = v.Body
		}
	}
	if !typed || digest == nil {
		return nil, errors.New("its signature has no digest")
	}
	return digest, nil
}

func isSHA256(algorithm der.Element) bool {
	r := algorithm.Reader()
	oid, err := r.Expect(der.OID)
	text, _ := der.OIDText(oid.Body)
	return err == nil && text == "2.16.840.1.101.3.4.2.1"
}

// rsaWithSHA256 is the AlgorithmIdentifier of sha256WithRSAEncryption: SignerInfo names
// the key's algorithm alone, and the digest's beside it.
var rsaWithSHA256 = []byte{0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00}

// verifyRSA verifies an RSA signature with SHA-256 over message.
func verifyRSA(signer *cert.Certificate, algorithm der.Element, message, signature []byte) error {
	r := algorithm.Reader()
	oid, err := r.Expect(der.OID)
	if err != nil {
		return err
	}
	const rsaEncryption, sha256WithRSA = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.11"
	if text, _ := der.OIDText(oid.Body); text != rsaEncryption && text != sha256WithRSA {
		return fmt.Errorf("the algorithm %.60q", text)
	}
	a, err := sig.ParseAlgorithm(rsaWithSHA256)
	if err != nil {
		return err
	}
	key, err := sig.ParseKey(signer.RawSPKI)
	if err != nil {
		return err
	}
	return sig.Verify(key, a, message, signature)
}
