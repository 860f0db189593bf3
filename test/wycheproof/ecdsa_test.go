// Package wycheproof tests signatures with the vectors of the Wycheproof project.
package wycheproof

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"math/big"
	"testing"

	"github.com/c2sp/wycheproof"

	"github.com/assaytls/assay/internal/sig/known"
)

// vectors is a file of ECDSA vectors.
type vectors struct {
	NumberOfTests int
	TestGroups    []struct {
		Type      string
		PublicKey struct{ Uncompressed string }
		SHA       string
		Tests     []struct {
			ID      int `json:"tcId"`
			Comment string
			Msg     string
			Sig     string
			Result  string
		}
	}
}

// hashes are those of the vectors; of SHAKE so many octets as FIPS 186-5 takes.
var hashes = map[string]func([]byte) []byte{
	"SHA-256":  func(b []byte) []byte { h := sha256.Sum256(b); return h[:] },
	"SHA-384":  func(b []byte) []byte { h := sha512.Sum384(b); return h[:] },
	"SHA-512":  func(b []byte) []byte { h := sha512.Sum512(b); return h[:] },
	"SHA3-256": func(b []byte) []byte { h := sha3.Sum256(b); return h[:] },
	"SHA3-384": func(b []byte) []byte { h := sha3.Sum384(b); return h[:] },
	"SHA3-512": func(b []byte) []byte { h := sha3.Sum512(b); return h[:] },
	"SHAKE128": func(b []byte) []byte { return sha3.SumSHAKE128(b, 32) },
	"SHAKE256": func(b []byte) []byte { return sha3.SumSHAKE256(b, 64) },
}

// Every vector of ECDSA on P-256 and P-384, in DER and as r and s side by side, gets
// the answer that it should: from the table of its key alone, from tables that are in
// use, and from crypto/ecdsa.
func TestECDSA(t *testing.T) {
	tables := known.New(0)
	tests, valid := 0, 0
	for pattern, curve := range map[string]elliptic.Curve{"ecdsa_secp256r1_*.json": elliptic.P256(), "ecdsa_secp384r1_*.json": elliptic.P384()} {
		files, err := fs.Glob(wycheproof.TestVectors, pattern)
		if err != nil || len(files) < 8 {
			t.Fatalf("%q, %v", files, err)
		}
		for _, name := range files {
			v := read(t, name)
			inFile := 0
			for _, g := range v.TestGroups {
				point, hash := octets(t, g.PublicKey.Uncompressed), hashes[g.SHA]
				pub, err := ecdsa.ParseUncompressedPublicKey(curve, point)
				if err != nil || hash == nil {
					t.Fatalf("%s: hash %q, key %v", name, g.SHA, err)
				}
				for _, c := range g.Tests {
					inFile++
					digest, signature, want := hash(octets(t, c.Msg)), octets(t, c.Sig), c.Result == "valid"
					switch {
					case !want && c.Result != "invalid":
						t.Fatalf("%s, test %d: result %q", name, c.ID, c.Result)
					case g.Type == "EcdsaP1363Verify":
						signature = inDER(signature, len(point)/2)
					case g.Type != "EcdsaVerify":
						t.Fatalf("%s: group of type %q", name, g.Type)
					}
					alone, theirs := known.TableAlone(point, digest, signature), ecdsa.VerifyASN1(pub, digest, signature)
					if alone != want || theirs != want {
						t.Errorf("%s, test %d (%s): the table says %v, crypto/ecdsa %v, want %s", name, c.ID, c.Comment, alone, theirs, c.Result)
					}
					for range 9 { // sound signatures give their key a table
						if tables.Verify(pub, point, digest, signature) != want {
							t.Errorf("%s, test %d (%s): not %s", name, c.ID, c.Comment, c.Result)
						}
					}
					if want {
						valid++
					}
				}
			}
			if inFile != v.NumberOfTests {
				t.Errorf("%s: %d tests of %d", name, inFile, v.NumberOfTests)
			}
			tests += inFile
		}
	}
	n := tables.Counts()
	t.Logf("%d tests, %d valid; %+v", tests, valid, n)
	if valid < 1000 || n.Built < 100 || known.Broken() {
		t.Errorf("%d tests, %d valid; %+v, broken: %v", tests, valid, n, known.Broken())
	}
}

func read(t *testing.T, name string) (v vectors) {
	b, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

func octets(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// inDER is a signature that has r and s side by side, of size octets each, in DER; nil
// where it has another length.
func inDER(b []byte, size int) []byte {
	if len(b) != 2*size {
		return nil
	}
	out, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(b[:size]), new(big.Int).SetBytes(b[size:])})
	if err != nil {
		return nil
	}
	return out
}
