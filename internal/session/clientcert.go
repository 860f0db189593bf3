package session

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"hash"
	"os"
	"strings"

	"golang.org/x/term"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/assaytls/assay/cert/bundle"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/containers"
	"github.com/assaytls/assay/internal/flags"
)

// MaxKeyFile bounds files with certificates and keys of one's own.
const MaxKeyFile = 4 << 20

// CheckPassFile wants a password to be for something: the client's key, or trust
// stores.
func (f *Connection) CheckPassFile(trust *flags.Trust) error {
	if f.PassFile != "" && f.Cert == "" && len(trust.Files) == 0 {
		return usagef("--pass-file needs --cert or --roots")
	}
	return nil
}

// checkCert wants the flags about the client's certificate to go together.
func (f *Connection) checkCert() error {
	switch {
	case f.Cert != "":
	case f.Key != "":
		return usagef("--key needs --cert")
	}
	return nil
}

// ClientCertificate loads --cert and --key; nil without.
func (f *Connection) ClientCertificate(ctx context.Context) (*tls.Certificate, error) {
	if f.Cert == "" {
		return nil, nil
	}
	b, err := ReadFile(f.Cert, nil, MaxKeyFile)
	if err != nil {
		return nil, usagef("--cert: %v", err)
	}
	password := f.password(ctx, f.Cert)
	var pair tls.Certificate
	if !IsPEM(b) {
		if f.Key != "" {
			return nil, usagef("--cert %s is not PEM; as PKCS#12 it holds the key too: leave out --key", f.Cert)
		}
		if o := bundle.Read(b, 1)[0]; o.Kind != bundle.PKCS12 && o.Kind != bundle.Unknown {
			u := usagef("--cert %s is %s, not a certificate with its private key", f.Cert, o.What())
			if o.Kind == bundle.KeyStore {
				u.Hint("convert it with: keytool -importkeystore -srckeystore FILE -destkeystore NEW.p12 -deststoretype PKCS12")
			}
			return nil, u.Hint("--cert FILE takes PEM, with the private key in it or in --key FILE, or PKCS #12")
		}
		if pair, err = FromPKCS12(b, password); err != nil {
			return nil, usagef("--cert %s: %v", f.Cert, err)
		}
		return &pair, nil
	}
	keyName, keyBytes := f.Cert, b
	if f.Key != "" {
		keyName = f.Key
		if keyBytes, err = ReadFile(f.Key, nil, MaxKeyFile); err != nil {
			return nil, usagef("--key: %v", err)
		}
		password = f.password(ctx, f.Key)
	}
	if keyBytes, err = DecryptedPEM(keyBytes, password); err != nil {
		return nil, usagef("%s: %v", keyName, err)
	}
	if pair, err = tls.X509KeyPair(b, keyBytes); err != nil {
		return nil, f.badPair(err, b, keyBytes)
	}
	return &pair, nil
}

// badPair says in a user's words why --cert and --key make no pair.
func (f *Connection) badPair(err error, certs, key []byte) error {
	text := strings.TrimPrefix(err.Error(), "tls: ")
	has := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case has("in certificate input") && has("PRIVATE KEY"), has("may have been switched"):
		return usagef("--cert %s: it holds a private key and no certificate", f.Cert).Hint("--cert FILE is the certificate, --key FILE its private key")
	case f.Key == "" && has("in key input"), f.Key == "" && has("rather than a key"):
		return usagef("--cert %s: it holds no private key", f.Cert).Hint("give the key's file with --key")
	case has("in key input"), has("rather than a key"):
		return usagef("--key %s: it holds no private key", f.Key)
	case has("does not match"):
		return f.otherKey(certs, key)
	}
	return usagef("--cert %s: %s", f.Cert, text)
}

// otherKey says which certificate of --cert the key does not belong to: the first
// one of the file is the one that counts. When the key's own stands further down,
// it says where.
func (f *Connection) otherKey(certs, key []byte) error {
	name, place := "", 0
	for block, rest := pem.Decode(certs); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		place++
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil && place == 1 {
			name = " (" + finding.Quote(cert.Subject.String()) + ")"
		}
		if place == 1 {
			continue
		}
		if _, err := tls.X509KeyPair(pem.EncodeToMemory(block), key); err == nil {
			return usagef("--cert %s: the private key in %s is not that of the first certificate in the file%s", f.Cert, cmp.Or(f.Key, f.Cert), name).
				Hint("certificate %d in the file belongs to the key: put it first, and its issuers after it", place)
		}
	}
	return usagef("--cert %s: the private key in %s is not that of the first certificate in the file%s", f.Cert, cmp.Or(f.Key, f.Cert), name)
}

// password returns what gets the password when one is needed.
func (f *Connection) password(ctx context.Context, name string) func() (string, error) {
	return PasswordFor(ctx, f.PassFile, name)
}

// PasswordFor returns what gets the password of the named file when one is needed: the first line
// of passFile, or what the user types.
func PasswordFor(ctx context.Context, passFile, name string) func() (string, error) {
	return func() (string, error) {
		if passFile != "" {
			b, err := ReadFile(passFile, nil, MaxKeyFile)
			if err != nil {
				return "", fmt.Errorf("--pass-file: %w", err)
			}
			line, _, _ := strings.Cut(string(b), "\n")
			return strings.TrimSuffix(line, "\r"), nil
		}
		tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
		if err != nil {
			return "", errors.New("it is encrypted; give its password with --pass-file")
		}
		defer tty.Close()
		fmt.Fprintf(tty, "Password for %s: ", command.QuoteLines(name))
		word, err := readPassword(ctx, int(tty.Fd()))
		fmt.Fprintln(tty)
		return word, err
	}
}

// readPassword reads a line from a terminal that does not show it. When ctx
// ends first the terminal is put back as it was; the read is left to itself.
func readPassword(ctx context.Context, fd int) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	type line struct {
		text []byte
		err  error
	}
	typed := make(chan line, 1)
	go func() {
		b, err := term.ReadPassword(fd)
		typed <- line{b, err}
	}()
	select {
	case l := <-typed:
		return string(l.text), l.err
	case <-ctx.Done():
		_ = term.Restore(fd, before)
		return "", ctx.Err()
	}
}

// FromPKCS12 reads a PKCS#12 file; its password may be empty.
func FromPKCS12(b []byte, password func() (string, error)) (tls.Certificate, error) {
	if err := containers.CheckWork(b); err != nil {
		return tls.Certificate{}, fmt.Errorf("it is neither PEM nor PKCS#12 with a key: %v", err)
	}
	key, leaf, chain, err := pkcs12.DecodeChain(b, "")
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		var word string
		if word, err = password(); err != nil {
			return tls.Certificate{}, err
		}
		key, leaf, chain, err = pkcs12.DecodeChain(b, word)
	}
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return tls.Certificate{}, errors.New("the password is wrong")
	case err != nil:
		return tls.Certificate{}, fmt.Errorf("it is neither PEM nor PKCS#12 with a key: %v", strings.TrimPrefix(err.Error(), "pkcs12: "))
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return tls.Certificate{}, errors.New("its key cannot sign")
	}
	pair := tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: signer, Leaf: leaf}
	for _, c := range chain {
		pair.Certificate = append(pair.Certificate, c.Raw)
	}
	type equal interface{ Equal(crypto.PublicKey) bool }
	if pub, ok := leaf.PublicKey.(equal); !ok || !pub.Equal(signer.Public()) {
		return tls.Certificate{}, errors.New("its key does not belong to its certificate")
	}
	return pair, nil
}

// DecryptedPEM returns b with its encrypted PKCS#8 key in the clear.
func DecryptedPEM(b []byte, password func() (string, error)) ([]byte, error) {
	if err := bundle.Whole(bundle.Read(b, 0)); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			return out.Bytes(), nil
		}
		switch {
		case block.Headers["DEK-Info"] != "":
			return nil, errors.New("the key is encrypted in OpenSSL's old way, which is weak; convert it with: openssl pkcs8 -topk8 -in FILE -out NEW.pem")
		case block.Type == "ENCRYPTED PRIVATE KEY":
			word, err := password()
			if err != nil {
				return nil, err
			}
			plain, err := DecryptPKCS8(block.Bytes, []byte(word))
			if err != nil {
				return nil, err
			}
			block = &pem.Block{Type: "PRIVATE KEY", Bytes: plain}
		}
		if err := pem.Encode(&out, block); err != nil {
			return nil, err
		}
	}
}

// The object identifiers of RFC 8018, and AES's.
var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}

	pbkdfHashes = map[string]func() hash.Hash{"": sha1.New, "1.2.840.113549.2.7": sha1.New, "1.2.840.113549.2.9": sha256.New,
		"1.2.840.113549.2.10": sha512.New384, "1.2.840.113549.2.11": sha512.New}
	aesKeyLen = map[string]int{"2.16.840.1.101.3.4.1.2": 16, "2.16.840.1.101.3.4.1.22": 24, "2.16.840.1.101.3.4.1.42": 32}
)

// maxIterations bounds the work that a key file may ask for.
const maxIterations = 10_000_000

// DecryptPKCS8 opens an EncryptedPrivateKeyInfo (RFC 5958) with PBES2, PBKDF2
// and AES-CBC, which is what openssl writes.
func DecryptPKCS8(der, password []byte) ([]byte, error) {
	var info struct {
		Algo pkix.AlgorithmIdentifier
		Data []byte
	}
	var params struct{ KDF, Scheme pkix.AlgorithmIdentifier }
	var kdf struct {
		Salt       []byte
		Iterations int
		KeyLength  int                      `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
	}
	var iv []byte
	unsupported := errors.New("the key is encrypted in a way that is not supported; convert it with: openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE -out NEW.pem")
	for _, part := range []struct {
		der func() []byte
		to  any
		ok  func() bool
	}{
		{func() []byte { return der }, &info, func() bool { return info.Algo.Algorithm.Equal(oidPBES2) }},
		{func() []byte { return info.Algo.Parameters.FullBytes }, &params, func() bool { return params.KDF.Algorithm.Equal(oidPBKDF2) }},
		{func() []byte { return params.KDF.Parameters.FullBytes }, &kdf, func() bool { return kdf.Iterations > 0 && kdf.Iterations <= maxIterations }},
		{func() []byte { return params.Scheme.Parameters.FullBytes }, &iv, func() bool { return len(iv) == aes.BlockSize }},
	} {
		if rest, err := asn1.Unmarshal(part.der(), part.to); err != nil || len(rest) > 0 || !part.ok() {
			return nil, unsupported
		}
	}
	newHash, length := pbkdfHashes[kdf.PRF.Algorithm.String()], aesKeyLen[params.Scheme.Algorithm.String()]
	if newHash == nil || length == 0 || len(info.Data) == 0 || len(info.Data)%aes.BlockSize != 0 {
		return nil, unsupported
	}
	key, err := pbkdf2.Key(newHash, string(password), kdf.Salt, kdf.Iterations, length)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(info.Data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, info.Data)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > aes.BlockSize {
		return nil, errors.New("the password is wrong")
	}
	plain = plain[:len(plain)-pad]
	if _, err := x509.ParsePKCS8PrivateKey(plain); err != nil {
		return nil, errors.New("the password is wrong")
	}
	return plain, nil
}
