package certpath_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/assaytls/assay/certpath"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
)

// Chains with ML-DSA keys, alone and beside others, are verified like others: a
// changed signature, another algorithm's name and an algorithm that is only known by
// its name are refused, each with its own finding.
func TestMLDSAChains(t *testing.T) {
	kinds := []string{"ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "P-256"}
	for _, root := range kinds {
		for _, ca := range kinds {
			p := pki{rootKey: forge.NewKey(root), caKey: forge.NewKey(ca), leafKey: forge.NewKey("ML-DSA-44"), o: certpath.Options{Time: time.Now()}}
			if r := p.build(); !r.Paths[0].Clean() {
				t.Errorf("%s over %s: %s", root, ca, describe(r))
			}
		}
	}
	null := forge.MLDSA65.WithID(forge.Seq(append(forge.Children(forge.MLDSA65.ID), forge.Null())...))
	id := func(oid string) forge.Alg { return forge.MLDSA65.WithID(forge.Seq(forge.OID(oid))) }
	for name, c := range map[string]struct {
		change func(*forge.Cert)
		want   finding.ID
	}{
		"changed":                  {func(c *forge.Cert) { c.MutateRaw = flipLast }, finding.SignatureInvalid},
		"NULL parameters":          {func(c *forge.Cert) { c.Alg = null }, finding.AlgorithmParametersBad},
		"NULL, so not verified":    {func(c *forge.Cert) { c.Alg = null }, finding.SignatureUnsupported},
		"named as another set":     {func(c *forge.Cert) { c.Alg = forge.MLDSA44 }, finding.SignatureKeyMismatch},
		"named HashML-DSA":         {func(c *forge.Cert) { c.Alg = id("2.16.840.1.101.3.4.3.33") }, finding.SignatureUnsupported},
		"named SLH-DSA":            {func(c *forge.Cert) { c.Alg = id("2.16.840.1.101.3.4.3.20") }, finding.SignatureUnsupported},
		"named composite":          {func(c *forge.Cert) { c.Alg = id("1.3.6.1.5.5.7.6.45") }, finding.SignatureUnsupported},
		"named Merkle tree":        {func(c *forge.Cert) { c.Alg = id("1.3.6.1.5.5.7.6.67") }, finding.SignatureUnsupported},
		"named unsigned":           {func(c *forge.Cert) { c.Alg = id("1.3.6.1.5.5.7.6.36") }, finding.SignatureUnsupported},
		"named ECDSA with SHA-256": {func(c *forge.Cert) { c.Alg = forge.MLDSA65.WithID(forge.ECDSAWithSHA256.ID) }, finding.SignatureKeyMismatch},
	} {
		p := pki{caKey: forge.NewKey("ML-DSA-65"), leafCert: c.change, o: certpath.Options{Time: time.Now()}}
		r := p.build()
		if !ids(&r.Paths[0], finding.Error)[c.want] {
			t.Errorf("%s: no %s: %s", name, c.want, describe(r))
		}
	}
}

func flipLast(raw []byte) []byte {
	raw[len(raw)-100] ^= 1 // ML-DSA's hints end in zeros that nobody would miss
	return raw
}

// What cannot be verified with is explained in the finding.
func TestForeignAlgorithmsExplained(t *testing.T) {
	for oid, want := range map[string]string{
		"2.16.840.1.101.3.4.3.20": "assay does not support the signature algorithm SLH-DSA-SHA2-128s (hash-based signatures of FIPS 205), so the signature was not verified",
		"1.3.6.1.5.5.7.6.67": "assay does not support the signature algorithm id-alg-mtcProof (a Merkle tree certificate: in the place of a signature stands a proof " +
			"of inclusion in the CA's log, which only who knows the log's tree can check), so the signature was not verified",
	} {
		p := pki{leafCert: func(c *forge.Cert) { c.Alg = forge.ECDSAWithSHA256.WithID(forge.Seq(forge.OID(oid))) }, o: certpath.Options{Time: time.Now()}}
		r, got := p.build(), ""
		for _, f := range r.Paths[0].CertFindings[0] {
			if f.ID == finding.SignatureUnsupported {
				got = f.Title()
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", oid, got, want)
		}
	}
}

// TestMLDSALevels compares with OpenSSL's bits of security, of keys and of signatures.
func TestMLDSALevels(t *testing.T) {
	for kind, highest := range map[string]int{"ML-DSA-44": 3, "ML-DSA-65": 4, "ML-DSA-87": 5} {
		for level := range 6 {
			o := certpath.Options{Time: time.Now(), SecurityLevel: policy.Level0 + policy.SecurityLevel(level)}
			top := forge.NewKey("ML-DSA-87")
			for place, p := range map[string]pki{
				"leaf": {rootKey: top, caKey: top, leafKey: forge.NewKey(kind), o: o},
				"CA":   {rootKey: top, caKey: forge.NewKey(kind), leafKey: top, o: o},
			} {
				want := map[finding.ID]bool{finding.LeafKeyWeak: place == "leaf" && level > highest, finding.CAKeyWeak: place == "CA" && level > highest,
					finding.SignatureWeak: place == "CA" && level > highest}
				r := p.build()
				for id, weak := range want {
					if got := ids(&r.Paths[0], finding.Error)[id]; got != weak {
						t.Errorf("%s of the %s at level %d: %s %v", kind, place, level, id, got)
					}
				}
			}
		}
	}
}

// BoringSSL's own chain, ML-DSA-87 over 65 over 44, is verified down to the leaf; and
// a changed signature is told.
func TestBoringMLDSAChain(t *testing.T) {
	dir := filepath.Join(corpora.Dir(t, "boringssl-pki"), "testdata", "verify_unittest")
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(b)
		return block.Bytes
	}
	root, ca, leaf := read("mldsa-root.pem"), read("mldsa-intermediate.pem"), read("mldsa-leaf.pem")
	o := certpath.Options{Time: time.Date(2026, 4, 6, 0, 0, 0, 0, time.UTC)}
	// It is made for signatures alone: no key identifiers, no names for hosts, no key usage.
	about := map[finding.ID]bool{finding.SignatureInvalid: true, finding.SignatureUnsupported: true, finding.SignatureKeyMismatch: true,
		finding.KeyUnsupported: true, finding.KeyMalformed: true, finding.IssuerKeyUnusable: true}
	verdict := func(leaf, ca []byte) string {
		r := build(leaf, [][]byte{ca}, anchors(t, root), o)
		out := fmt.Sprint(r.Paths[0].End, len(r.Paths[0].Certs))
		for id := range ids(&r.Paths[0], finding.Inconclusive) {
			if about[id] {
				out += " " + string(id)
			}
		}
		return out
	}
	if got := verdict(leaf, ca); got != "anchor 3" && got != "anchor3" {
		t.Errorf("the chain: %s", got)
	}
	for name, pair := range map[string][2][]byte{"leaf": {flipLast(bytes.Clone(leaf)), ca}, "intermediate": {leaf, flipLast(bytes.Clone(ca))}} {
		if got := verdict(pair[0], pair[1]); got == verdict(leaf, ca) {
			t.Errorf("a changed %s: %s", name, got)
		}
	}
}
