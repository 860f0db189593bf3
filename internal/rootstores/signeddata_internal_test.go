package rootstores

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
)

var listTime = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// property is one property of an entry of a list.
func property(number string, value []byte) []byte {
	return forge.Seq(forge.OID(oidProperty+number), forge.Set(forge.Octets(value)))
}

// trustList is a certificate trust list with entries.
func trustList(entries ...[]byte) []byte {
	return forge.Seq(forge.Seq(forge.OID(oidRootList)), forge.Int(0x1401), forge.UTCTime(listTime), forge.Seq(forge.OID("1.3.14.3.2.26"), forge.Null()),
		forge.Seq(entries...))
}

// entry is one with a fingerprint of repeated bytes.
func entry(id byte, properties ...[]byte) []byte {
	return forge.Seq(forge.Octets(bytes.Repeat([]byte{id}, 20)), forge.Set(append([][]byte{property("98", bytes.Repeat([]byte{id}, 32))}, properties...)...))
}

// stl is a publisher of lists: its root, a CA and a signer.
type stl struct {
	root, ca, signer *forge.CA
}

func newSTL(signerEKU string) *stl {
	root := forge.NewRoot("Lists Root", nil)
	ca := root.Intermediate("Lists CA", nil, forge.EKU(oidRootList))
	return &stl{root, ca, ca.Responder("Lists Signer", forge.RSA(2048), forge.EKU(signerEKU))}
}

// sign wraps a list. change may alter the list after it was signed.
func (p *stl) sign(list []byte, change func([]byte) []byte) []byte {
	_, body, _ := forge.SplitTLV(list)
	digest := sha256.Sum256(body)
	attributes := [][]byte{
		forge.Seq(forge.OID("1.2.840.113549.1.9.3"), forge.Set(forge.OID(oidCTL))),
		forge.Seq(forge.OID("1.2.840.113549.1.9.4"), forge.Set(forge.Octets(digest[:]))),
	}
	signature := p.signer.Key.Sign(forge.SHA256WithRSA, forge.Set(attributes...))
	algorithm := forge.Seq(forge.OID("2.16.840.1.101.3.4.2.1"), forge.Null())
	info := forge.Seq(forge.Int(1), forge.Seq(p.ca.Name, forge.TLV(2, p.signer.Serial)), algorithm, forge.Explicit(0, attributes...),
		forge.Seq(forge.OID("1.2.840.113549.1.1.1"), forge.Null()), forge.Octets(signature))
	if change != nil {
		list = change(list)
	}
	return forge.Seq(forge.OID(oidSignedData), forge.Explicit(0, forge.Seq(forge.Int(1), forge.Set(algorithm),
		forge.Seq(forge.OID(oidCTL), forge.Explicit(0, list)), forge.Explicit(0, p.signer.Raw, p.ca.Raw), forge.Set(info))))
}

// The signature counts when the contents, the signature, the signer's purpose and its
// chain are right, and each of them is looked at.
func TestSignature(t *testing.T) {
	list := trustList(entry(1))
	good, other, wrongUse := newSTL(oidRootList), newSTL(oidRootList), newSTL("1.3.6.1.5.5.7.3.3")
	exchanged := *good
	signer := *good.signer
	signer.Key = forge.RSA(3072)
	exchanged.signer = &signer
	cases := []struct {
		name         string
		b            []byte
		root         *forge.CA
		good, forged bool
		problem      string
	}{
		{"good", good.sign(list, nil), good.root, true, false, ""},
		{"another root", good.sign(list, nil), other.root, false, false, "does not lead to"},
		{"another list", good.sign(list, func([]byte) []byte { return trustList(entry(2)) }), good.root, false, true, "its contents are not what was signed"},
		{"another key", exchanged.sign(list, nil), good.root, false, true, "its signature is wrong"},
		{"a signer of code", wrongUse.sign(list, nil), wrongUse.root, false, false, "is not for lists of roots"},
	}
	for _, c := range cases {
		s, err := readSignedData(c.b)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got := s.verify(c.root.Key.SPKI)
		if got.Good != c.good || got.Forged != c.forged || !strings.Contains(got.Problem, c.problem) || c.good != (got.Problem == "") {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	p, err := Read(good.sign(list, nil))
	if err != nil || p.Signature.Good || !p.Made.Equal(listTime) {
		t.Errorf("a list of nobody's: %+v, %v", p, err)
	}
}

// Whatever the bytes are, there is an error of ours or a table, and nothing of nobody's is
// called signed.
func FuzzAuthRoot(f *testing.F) {
	p := newSTL(oidRootList)
	date, usages := []byte{0, 0, 0xd9, 0xb5, 0x44, 0xc1, 0xd2, 1}, forge.Seq(forge.OID("1.3.6.1.5.5.7.3.1"))
	f.Add(p.sign(trustList(entry(1, property("9", usages), property("11", []byte("L\x00b\x00\x00\x00")), property("29", make([]byte, 16)), property("104", date),
		property("122", usages), property("126", date), property("127", usages)), entry(2, property("104", nil), property("126", make([]byte, 8)))), nil))
	f.Add(p.sign(trustList(), nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Read(b)
		switch {
		case err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnknown):
			t.Fatalf("an error of another kind: %v", err)
		case err == nil && p.Signature.Good:
			t.Fatal("the signature of a list that Microsoft did not sign is good")
		}
	})
}
