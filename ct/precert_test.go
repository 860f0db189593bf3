package ct_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/internal/lab/forge"
)

// Removing the list changes lengths: at every place where a length octet
// appears or goes, the rebuilt TBS is the one that was there before.
func TestRebuildLengths(t *testing.T) {
	root := forge.NewRoot("root", nil)
	key := forge.P256()
	var sizes []int
	for _, around := range []int{0, 60, 170, 220, 65300, 65500} {
		for n := range 30 {
			sizes = append(sizes, around+n)
		}
	}
	for _, listSize := range []int{3, 260} {
		for _, n := range sizes {
			for place := range 3 { // the list first, between, last
				if n > 60000 && place > 0 {
					continue
				}
				pad := forge.Ext{OID: "1.3.6.1.4.1.55555.1.9", Value: forge.Octets(make([]byte, n))}
				base := forge.Cert{Subject: forge.CN("leaf"), Key: key, Serial: forge.Serial(7), Issuer: root.Name,
					NotBefore: time.Unix(1.7e9, 0), NotAfter: time.Unix(1.8e9, 0), Extensions: []forge.Ext{pad, forge.SAN(forge.DNS("leaf.test"))}}
				for _, extra := range []forge.Ext{forge.SCTs(make([]byte, listSize)), forge.Poison()} {
					c := base
					c.Extensions = append(append(append([]forge.Ext(nil), base.Extensions[:place]...), extra), base.Extensions[place:]...)
					tbs, hash, err := ct.PrecertTBS([]*cert.Certificate{{RawTBS: c.TBS(root.Key.DefaultAlg())}, {RawSPKI: root.Key.SPKI}})
					if err != nil || !bytes.Equal(tbs, base.TBS(root.Key.DefaultAlg())) || hash != sha256.Sum256(root.Key.SPKI) {
						t.Fatalf("padding %d, place %d: %v", n, place, err)
					}
				}
			}
		}
	}
}

func TestRebuildRefuses(t *testing.T) {
	root := forge.NewRoot("root", nil)
	list, poison := forge.SCTs([]byte{0, 0}), forge.Poison()
	twice := forge.Cert{Subject: forge.CN("x"), Key: root.Key, Serial: forge.Serial(1), Issuer: root.Name}
	tbs := func(exts ...forge.Ext) []byte {
		c := twice
		c.Extensions = exts
		return c.TBS(root.Key.DefaultAlg())
	}
	after := func(b []byte) []byte { // something follows the extensions
		_, body, _ := forge.SplitTLV(b)
		return forge.Seq(body, forge.Null())
	}
	issuer := &cert.Certificate{RawSPKI: root.Key.SPKI}
	for _, c := range []struct {
		name string
		path []*cert.Certificate
		want string
	}{
		{"neither", []*cert.Certificate{{RawTBS: tbs(forge.SAN())}, issuer}, "neither an SCT list nor"},
		{"no extensions", []*cert.Certificate{{RawTBS: tbs()}, issuer}, "neither an SCT list nor"},
		{"list twice", []*cert.Certificate{{RawTBS: tbs(list, list)}, issuer}, "twice"},
		{"poison twice", []*cert.Certificate{{RawTBS: tbs(poison, poison)}, issuer}, "twice"},
		{"both", []*cert.Certificate{{RawTBS: tbs(list, poison)}, issuer}, "has both"},
		{"a field after the extensions", []*cert.Certificate{{RawTBS: after(tbs(list))}, issuer}, "cannot be read"},
		{"not DER", []*cert.Certificate{{RawTBS: []byte{0x30, 5, 1}}, issuer}, "cannot be read"},
		{"trailing octet", []*cert.Certificate{{RawTBS: append(tbs(list), 0)}, issuer}, "cannot be read"},
		{"nothing", []*cert.Certificate{{}, issuer}, "cannot be read"},
		{"no issuer", []*cert.Certificate{{RawTBS: tbs(list)}}, "issuer's certificate is not known"},
		{"issuer without key", []*cert.Certificate{{RawTBS: tbs(list)}, {}}, "issuer's certificate is not known"},
		{"too long", []*cert.Certificate{{RawTBS: tbs(list, forge.Ext{OID: "1.2.3", Value: make([]byte, 1<<24)})}, issuer}, "too long"},
	} {
		if _, _, err := ct.PrecertTBS(c.path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	// A list that was the only extension leaves no extensions at all.
	got, _, err := ct.PrecertTBS([]*cert.Certificate{{RawTBS: tbs(list)}, issuer})
	if err != nil || !bytes.Equal(got, tbs()) {
		t.Errorf("only the list: %x, %v", got, err)
	}
	// The last certificate issues itself.
	self := &cert.Certificate{RawTBS: tbs(list), RawSubject: root.Name, RawIssuer: root.Name, RawSPKI: root.Key.SPKI}
	if _, hash, err := ct.PrecertTBS([]*cert.Certificate{self}); err != nil || hash != sha256.Sum256(root.Key.SPKI) {
		t.Errorf("self-issued: %v", err)
	}
	// A certificate too long for an entry is not verified.
	long := &cert.Certificate{Raw: make([]byte, 1<<24)}
	w := newWorld(t)
	r := ct.CheckSCTs(ct.Input{Path: []*cert.Certificate{long}, Delivered: []ct.SCTList{ct.ReadSCTList(0, "tls", w.sent(&cert.Certificate{}, "a1"))}, List: w.list(w.now), Time: w.now})
	if got := fmt.Sprint(statuses(r.CT)); got != "[unverified]" {
		t.Errorf("too long: %s", got)
	}
}

// What a precertificate signing certificate issued is rebuilt with the final
// issuer's name and key identifier, whatever the precertificate had.
func TestRebuildPrecertSigner(t *testing.T) {
	root := forge.NewRoot("root", nil)
	const precertSigner = "1.3.6.1.4.1.11129.2.4.4"
	signer := root.Intermediate("signer", nil, forge.EKU(precertSigner))
	bare := root.Issue(forge.Cert{Subject: forge.CN("bare"), Extensions: []forge.Ext{forge.BasicConstraints(true, -1), forge.EKU(precertSigner)}})
	base := forge.Cert{Subject: forge.CN("leaf"), Key: forge.P256(), Serial: forge.Serial(9), NotBefore: time.Unix(1.7e9, 0), NotAfter: time.Unix(1.8e9, 0)}
	san, aki := forge.SAN(forge.DNS("leaf.test")), forge.AKI(root.Key.ID())
	old := forge.AKI([]byte{1, 2, 3})
	for _, c := range []struct {
		name      string
		signer    *forge.CA
		pre, want []forge.Ext
	}{
		{"replaced", signer, []forge.Ext{old, san, forge.Poison()}, []forge.Ext{aki, san}},
		{"replaced, critical stays", signer, []forge.Ext{old.Crit(), forge.Poison(), san}, []forge.Ext{aki.Crit(), san}},
		{"added", signer, []forge.Ext{san, forge.Poison()}, []forge.Ext{san, aki}},
		{"dropped", bare, []forge.Ext{san, old, forge.Poison()}, []forge.Ext{san}},
		{"none", bare, []forge.Ext{forge.Poison(), san}, []forge.Ext{san}},
	} {
		pre, final := base, base
		pre.Issuer, pre.Extensions = c.signer.Name, c.pre
		final.Issuer, final.Extensions = root.Name, c.want
		path := []*cert.Certificate{cert.Parse(c.signer.Issue(pre).Raw), cert.Parse(c.signer.Raw), cert.Parse(root.Raw)}
		tbs, hash, err := ct.PrecertTBS(path)
		if err != nil || !bytes.Equal(tbs, final.TBS(root.Key.DefaultAlg())) || hash != sha256.Sum256(root.Key.SPKI) {
			t.Errorf("%s: %v\n%x\n%x", c.name, err, tbs, final.TBS(root.Key.DefaultAlg()))
		}
		if _, _, err := ct.PrecertTBS(path[:2]); err == nil {
			t.Errorf("%s: rebuilt without the final issuer", c.name)
		}
	}
}

func TestLeafIndex(t *testing.T) {
	for _, c := range []struct {
		ext  []byte
		want uint64
		ok   bool
	}{
		{nil, 0, false},
		{[]byte{0, 0, 5, 0, 0, 0, 0, 7}, 7, true},
		{[]byte{0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0xff}, 1<<40 - 1, true},
		{[]byte{9, 0, 1, 1, 0, 0, 5, 0, 0, 0, 1, 0}, 256, true},
		{[]byte{0, 0, 4, 0, 0, 0, 7}, 0, false},
		{[]byte{0, 0, 6, 0, 0, 0, 0, 0, 7}, 0, false},
		{[]byte{0, 0, 5, 0, 0, 0, 0, 7, 0, 0, 5, 0, 0, 0, 0, 7}, 0, false},
		{[]byte{0, 0, 5, 0, 0, 0, 0, 7, 1}, 0, false},
		{[]byte{0, 0, 9}, 0, false},
	} {
		s := ct.SCT{Extensions: c.ext}
		if got, ok := s.LeafIndex(); ok != c.ok || ok && got != c.want {
			t.Errorf("%x: %d, %v", c.ext, got, ok)
		}
	}
}
