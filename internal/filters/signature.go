package filters

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	"github.com/assaytls/assay/crlite"
)

// Bounds of what a signed collection consists of.
const (
	maxCollection = 32 << 20
	maxSigners    = 64 << 10
)

// signerName is the name in the certificate that signs the collections about
// revocation.
const signerName = "onecrl.content-signature.mozilla.org"

// collection downloads a collection of the server and verifies its signature.
func (s *Source) collection(ctx context.Context, get Get, now time.Time, name string) (*crlite.Changeset, error) {
	// The server caches by what is expected; no version is, so that the newest comes.
	address := fmt.Sprintf("%s/buckets/security-state/collections/%s/changeset?_expected=%d", s.server, name, now.UnixMilli())
	b, err := get(ctx, address, maxCollection)
	if err != nil {
		return nil, fmt.Errorf("%s %w: %w", address, ErrUnreachable, err)
	}
	c, err := crlite.ParseChangeset(b)
	if err != nil {
		return nil, fmt.Errorf("%w: the collection %s: %w", ErrNotAuthentic, name, err)
	}
	var last error
	for i, sig := range c.Signatures {
		if i == 4 {
			break
		}
		signers, err := get(ctx, sig.X5U, maxSigners)
		if err != nil {
			last = fmt.Errorf("%s %w: %w", sig.X5U, ErrUnreachable, err)
			continue
		}
		if last = verify(c.Signed, sig, signers, s.root, now); last == nil {
			return c, nil
		}
		last = fmt.Errorf("%w: the collection %s: %w", ErrNotAuthentic, name, last)
	}
	return nil, last
}

// verify checks one signature: ECDSA P-384 with SHA-384, by a certificate for
// code signing with the expected name, whose chain leads to the pinned root at
// the time.
func verify(signed []byte, sig crlite.ChangesetSignature, signers []byte, root [32]byte, now time.Time) error {
	var chain []*x509.Certificate
	for len(chain) < 8 {
		var block *pem.Block
		if block, signers = pem.Decode(signers); block == nil {
			break
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fmt.Errorf("a certificate of the signer cannot be read: %w", err)
		}
		chain = append(chain, c)
	}
	if len(chain) == 0 {
		return fmt.Errorf("the signer's certificates are missing")
	}
	roots, pool := x509.NewCertPool(), x509.NewCertPool()
	pinned := false
	for _, c := range chain[1:] {
		if sha256.Sum256(c.Raw) == root {
			roots.AddCert(c)
			pinned = true
		} else {
			pool.AddCert(c)
		}
	}
	if !pinned {
		return fmt.Errorf("the root certificate that is expected (SHA-256 %x) is not among the signer's", root)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: signerName, Roots: roots, Intermediates: pool, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}})
	if err != nil {
		return fmt.Errorf("the signer's certificate: %w", err)
	}
	key, ok := chain[0].PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve.Params().BitSize != 384 {
		return fmt.Errorf("the signer's key is not on P-384")
	}
	sum := sha512.Sum384(signed)
	if !ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(sig.R), new(big.Int).SetBytes(sig.S)) {
		return fmt.Errorf("the signature is wrong")
	}
	return nil
}
