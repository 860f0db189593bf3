package ct

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/lab/forge"
)

// benchLeaf is a server certificate of the usual size with two embedded SCTs.
func benchLeaf(b *testing.B) (Input, *ecdsa.PublicKey) {
	b.Helper()
	keys := []*forge.Key{forge.P256(), forge.P256()}
	list, err := ParseLogList(forge.LogList(time.Now(), forge.Log{Key: keys[0], Description: "a", Operator: "A"}, forge.Log{Key: keys[1], Description: "b", Operator: "B"}))
	if err != nil {
		b.Fatal(err)
	}
	root := forge.NewRoot("root", nil)
	key := forge.P256()
	exts := append(root.ServerExts(key, forge.DNS("www.example.test"), forge.DNS("example.test")), forge.CRLDP("http://crl.example.test/ca.crl"),
		forge.AIA([]string{"http://ocsp.example.test"}, []string{"http://ca.example.test/ca.crt"}), forge.Policies("2.23.140.1.2.1"))
	leaf := root.WithSCTs(forge.Cert{Subject: forge.CN("www.example.test"), Key: key, Extensions: exts}, func(tbs []byte) (out [][]byte) {
		for _, k := range keys {
			out = append(out, forge.SCT{Time: time.Now().Add(-time.Hour)}.SignPrecert(k, root.Key, tbs))
		}
		return out
	})
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), keys[0].Bits())
	if err != nil {
		b.Fatal(err)
	}
	return Input{Path: parsed(leaf.Raw, root.Raw), List: list, Time: time.Now()}, pub
}

// BenchmarkVerify compares one SCT, precertificate rebuild and issuer key hash
// included, with its floor: SHA-256 of the signed data and the bare signature
// verification. Both run in turn; "ratio" is ours over the floor, each the fastest
// tenth, which a busy machine disturbs least.
func BenchmarkVerify(b *testing.B) {
	in, pub := benchLeaf(b)
	raws, err := ParseSCTList(in.Path[0].SCTList)
	if err != nil {
		b.Fatal(err)
	}
	list, memo := in.List, cert.NewMemo(100)
	ours := func(m *cert.Memo) {
		s, err := ParseSCT(raws[0])
		if err != nil {
			b.Fatal(err)
		}
		entry, err := precertEntry(in.Path)
		if err != nil {
			b.Fatal(err)
		}
		if err := verifySCT(m, list.Lookup(s.LogID).Key, entry, &s); err != nil {
			b.Fatal(err)
		}
	}
	s, _ := ParseSCT(raws[0])
	entry, _ := precertEntry(in.Path)
	signed := slices.Clone(signedData(entry, &s))
	floor := func() {
		digest := sha256.Sum256(signed)
		if !ecdsa.VerifyASN1(pub, digest[:], s.Signature) {
			b.Fatal("the floor does not verify")
		}
	}
	const turn = 2 // short, so that most turns run undisturbed
	b.Run("one", func(b *testing.B) {
		var mine, least []float64
		for b.Loop() {
			t0 := time.Now()
			for range turn {
				ours(nil)
			}
			t1 := time.Now()
			for range turn {
				floor()
			}
			t2 := time.Now()
			mine = append(mine, float64(t1.Sub(t0)))
			least = append(least, float64(t2.Sub(t1)))
		}
		slices.Sort(mine)
		slices.Sort(least)
		m, l := mine[len(mine)/10], least[len(least)/10]
		b.ReportMetric(m/l, "ratio")
		b.ReportMetric(m/turn, "ours-ns/SCT")
		b.ReportMetric(l/turn, "floor-ns/SCT")
		b.ReportMetric(0, "ns/op")
	})
	b.Run("rebuild", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := precertEntry(in.Path); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("seen-before", func(b *testing.B) {
		ours(memo)
		b.ReportAllocs()
		for b.Loop() {
			ours(memo)
		}
	})
	b.Run("CheckSCTs", func(b *testing.B) { // two SCTs, list, states, report
		b.ReportAllocs()
		for b.Loop() {
			if r := CheckSCTs(in); len(r.Findings) > 0 {
				b.Fatal(r.Findings)
			}
		}
	})
	b.Run("CheckSCTs-seen-before", func(b *testing.B) {
		in := in
		in.Memo = memo
		b.ReportAllocs()
		for b.Loop() {
			CheckSCTs(in)
		}
	})
}
