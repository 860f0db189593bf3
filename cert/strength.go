package cert

import "crypto"

// Strength returns the key's bits of security as OpenSSL counts them (NIST SP
// 800-57 part 1, table 2); -1 when nothing is known.
func (k *PublicKey) Strength() int {
	switch {
	case k.Kind == KeyMLDSA:
		return mldsaStrength[k.Algorithm]
	case k.Bits == 0:
		return -1
	case k.Kind.Modular():
		for _, row := range [...][2]int{{15360, 256}, {7680, 192}, {3072, 128}, {2048, 112}, {1024, 80}} {
			if k.Bits >= row[0] {
				return row[1]
			}
		}
		return 0
	case k.Kind == KeyEd25519:
		return 128
	case k.Kind == KeyEd448:
		return 224
	case k.Curve == "P-521":
		return 256
	}
	return k.Bits / 2
}

// mldsaStrength has the bits of security of the sets of ML-DSA: what the categories 2, 3
// and 5 of FIPS 204 ask for, which OpenSSL counts too.
var mldsaStrength = map[string]int{"ML-DSA-44": 128, "ML-DSA-65": 192, "ML-DSA-87": 256}

// Strength returns the hash's resistance to collisions in bits as
// OpenSSL counts it; -1 when nothing is known.
func (a *Algorithm) Strength() int {
	switch {
	case a.Weak == "MD5":
		return 39
	case a.Hash == crypto.SHA1:
		return 63
	case a.Hash != 0:
		return a.Hash.Size() * 4
	case a.Name == "Ed25519":
		return 128
	case a.Name == "Ed448":
		return 224
	}
	if bits, ok := mldsaStrength[a.Name]; ok {
		return bits
	}
	return -1
}

// Below reports whether the key is weaker than is asked for: modular keys by the
// size of the modulus, rsa, others by their bits of security; all asks for those
// bits of modular keys too.
func (k *PublicKey) Below(rsa, bits int, all bool) bool {
	strength := k.Strength()
	if k.Kind.Modular() {
		return k.Bits > 0 && k.Bits < rsa || all && strength >= 0 && strength < bits
	}
	return strength >= 0 && strength < bits
}
