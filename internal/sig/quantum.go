package sig

import (
	"strconv"
	"strings"

	"filippo.io/mldsa"
)

// parameterSets are the sets of FIPS 204 by the identifiers of RFC 9881, 2.
var parameterSets = map[string]mldsa.Parameters{
	"2.16.840.1.101.3.4.3.17": mldsa.MLDSA44(), "2.16.840.1.101.3.4.3.18": mldsa.MLDSA65(), "2.16.840.1.101.3.4.3.19": mldsa.MLDSA87(),
}

// parseMLDSA reads an ML-DSA key: the BIT STRING is the encoding of FIPS 204,
// without a structure around it (RFC 9881, 4). Every value of the right length is a key.
func (k *Key) parseMLDSA() {
	set := parameterSets[k.OID]
	pub, err := mldsa.NewPublicKey(set, k.KeyBits)
	if err != nil {
		k.Problem = "an " + k.Name + " key has " + strconv.Itoa(set.PublicKeySize()) + " bytes, this one has " + strconv.Itoa(len(k.KeyBits))
		return
	}
	k.Public = pub
}

// foreign are algorithms that are known by name and never verified with: rows of
// names whose identifiers end in numbers that follow each other.
var foreign = []struct {
	arc   string
	first int
	names []string
	about string
}{
	{"2.16.840.1.101.3.4.3.", 20, slhSets(""), "hash-based signatures of FIPS 205"},
	{"2.16.840.1.101.3.4.3.", 32, []string{"HashML-DSA-44 with SHA-512", "HashML-DSA-65 with SHA-512", "HashML-DSA-87 with SHA-512"},
		"ML-DSA over a hash, which RFC 9881 forbids in certificates, CRLs and OCSP"},
	{"2.16.840.1.101.3.4.3.", 35, slhSets("Hash"), "hash-based signatures of FIPS 205, over a hash of the message"},
	{"2.16.840.1.101.3.4.4.", 1, []string{"ML-KEM-512", "ML-KEM-768", "ML-KEM-1024"}, "a key for key exchange, which signs nothing"},
	{"1.3.6.1.5.5.7.6.", 34, []string{"XMSS", "XMSS-MT"}, "stateful hash-based signatures of RFC 8391"},
	{"1.2.840.113549.1.9.16.3.", 17, []string{"HSS/LMS"}, "stateful hash-based signatures of RFC 8554"},
	{"1.3.6.1.5.5.7.6.", 36, []string{"id-alg-unsigned"}, "no signature at all: the object must be trusted for another reason"},
	{"1.3.6.1.5.5.7.6.", 37, []string{"MLDSA44-RSA2048-PSS-SHA256", "MLDSA44-RSA2048-PKCS15-SHA256", "MLDSA44-Ed25519-SHA512", "MLDSA44-ECDSA-P256-SHA256",
		"MLDSA65-RSA3072-PSS-SHA512", "MLDSA65-RSA3072-PKCS15-SHA512", "MLDSA65-RSA4096-PSS-SHA512", "MLDSA65-RSA4096-PKCS15-SHA512",
		"MLDSA65-ECDSA-P256-SHA512", "MLDSA65-ECDSA-P384-SHA512", "MLDSA65-ECDSA-brainpoolP256r1-SHA512", "MLDSA65-Ed25519-SHA512",
		"MLDSA87-ECDSA-P384-SHA512", "MLDSA87-ECDSA-brainpoolP384r1-SHA512", "MLDSA87-Ed448-SHAKE256", "MLDSA87-RSA3072-PSS-SHA512",
		"MLDSA87-RSA4096-PSS-SHA512", "MLDSA87-ECDSA-P521-SHA512"},
		"composite ML-DSA: two keys and two signatures in one, both of which must verify"},
	{"1.3.6.1.5.5.7.6.", 67, []string{mtcProof}, aboutMTC},
	{"1.3.6.1.4.1.44363.47.", 0, []string{mtcProof}, aboutMTC},
}

const (
	mtcProof = "id-alg-mtcProof"
	aboutMTC = "a Merkle tree certificate: in the place of a signature stands a proof of inclusion in the CA's log, which only who knows the log's tree can check"
)

// slhSets are the twelve sets of FIPS 205 in the order of their identifiers.
func slhSets(prefix string) []string {
	var names []string
	for _, hash := range []string{"SHA2", "SHAKE"} {
		for _, size := range []string{"128", "192", "256"} {
			names = append(names, prefix+"SLH-DSA-"+hash+"-"+size+"s", prefix+"SLH-DSA-"+hash+"-"+size+"f")
		}
	}
	return names
}

// foreignName names an algorithm and says what it is; both are exact matches of an
// identifier. One that is not known has its OID as its name.
func foreignName(oid string) (name, about string) {
	for _, row := range foreign {
		last, ok := strings.CutPrefix(oid, row.arc)
		if !ok {
			continue
		}
		n, err := strconv.Atoi(last)
		if err == nil && n >= row.first && n < row.first+len(row.names) && strconv.Itoa(n) == last {
			return row.names[n-row.first], row.about
		}
	}
	return oid, ""
}
