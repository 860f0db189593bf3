package ct

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
)

func seedFiles(f *testing.F, glob ...string) {
	dir := corpora.Present(f, "ct")
	names, _ := filepath.Glob(filepath.Join(append([]string{dir}, glob...)...))
	if len(names) == 0 && dir != "" {
		f.Fatalf("no seeds in %v", glob)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// A list is read to the end or refused, and what is read encodes to the same.
func FuzzParseSCTList(f *testing.F) {
	seedFiles(f, "sct.rs", "*-sct.bin")
	f.Add(forge.SCTList([]byte{0}, []byte{1, 2, 3}))
	f.Fuzz(func(t *testing.T, b []byte) {
		raws, err := ParseSCTList(b)
		if err == nil && !bytes.Equal(forge.SCTList(raws...), b) {
			t.Fatal("the list does not encode to itself")
		}
		for _, raw := range append(raws, b) {
			s, err := ParseSCT(raw)
			if err != nil {
				continue
			}
			if _, err := json.Marshal(s.Time()); err != nil {
				t.Fatal(err)
			}
			s.LeafIndex()
		}
		r := CheckSCTs(Input{Path: []*cert.Certificate{{Raw: []byte("x")}}, Delivered: []SCTList{ReadSCTList(0, "tls", b)}, Policy: policy.CTRequire, Time: time.Unix(0, 0)})
		if _, err := json.Marshal(r.CT); err != nil {
			t.Fatal(err)
		}
	})
}

// The rebuilt TBS is never longer than the certificate, unless a key
// identifier was put in, and parses as one SEQUENCE; removing twice fails.
func FuzzPrecertTBS(f *testing.F) {
	root := forge.NewRoot("root", nil)
	leaf := root.WithSCTs(forge.Cert{Subject: forge.CN("a"), Extensions: []forge.Ext{forge.SAN(forge.DNS("a"))}}, func([]byte) [][]byte { return [][]byte{{0}} })
	f.Add(cert.Parse(leaf.Raw).RawTBS)
	f.Add(cert.Parse(root.Issue(forge.Cert{Extensions: []forge.Ext{forge.Poison()}}).Raw).RawTBS)
	names, _ := filepath.Glob(filepath.Join(corpora.Present(f, "ct"), "google-ct-testdata", "*.pem"))
	for _, n := range names {
		b, _ := os.ReadFile(n)
		if ders := pemDER(b); len(ders) > 0 {
			f.Add(cert.Parse(ders[0]).RawTBS)
		}
	}
	signer := cert.Parse(root.Intermediate("pre", nil, forge.EKU(ekuPrecertSigner)).Raw)
	f.Fuzz(func(t *testing.T, tbs []byte) {
		out, err := appendPrecertTBS(nil, tbs, nil)
		if err == nil {
			if len(out) >= len(tbs) {
				t.Fatalf("%d octets became %d", len(tbs), len(out))
			}
			if _, err := appendPrecertTBS(nil, out, nil); err == nil {
				t.Fatal("there was another list or poison extension")
			}
		}
		_, _ = appendPrecertTBS(nil, tbs, signer)
		c := cert.Parse(tbs)
		_, _ = precertEntry([]*cert.Certificate{c, signer})
	})
}

func FuzzTreeHead(f *testing.F) {
	fake := newFakeLog(f, "P-256")
	good := fake.sth(f, time.Unix(1e9, 0), nil)
	f.Add(good)
	f.Add([]byte(`{"tree_size":18446744073709551615,"timestamp":18446744073709551615,"sha256_root_hash":"","tree_head_signature":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if head, err := ParseTreeHead(b, fake.log); err == nil {
			want, _ := ParseTreeHead(good, fake.log)
			if head != want {
				t.Fatalf("a forged tree head: %+v", head)
			}
		}
	})
}

func FuzzProof(f *testing.F) {
	fake := newFakeLog(f, "P-256")
	for i := range 3 {
		_, b := fake.proof(f, fake.leaves[i*40], 100)
		f.Add(b, uint64(100))
	}
	root := fake.tree.root(f, 100)
	f.Fuzz(func(t *testing.T, b []byte, size uint64) {
		index, proof, err := ParseProof(b)
		if err != nil {
			return
		}
		head := TreeHead{Size: size, Root: root}
		if VerifyInclusion(head, index, [32]byte{0xff, 0xff}, proof) == nil {
			t.Fatal("a leaf that is not in the tree has a proof")
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	key := forge.P256()
	list, err := ParseLogList(forge.LogList(time.Unix(1e9, 0), forge.Log{Key: key, Operator: "o", Tiled: true, URL: "https://l.test/x/"}))
	if err != nil {
		f.Fatal(err)
	}
	log := list.order[0]
	want := TreeHead{Size: 5, Root: [32]byte{1}, Time: time.Unix(1e9, 0).UTC()}
	f.Add(checkpoint(log, key, want))
	seedFiles(f, "sunlight", "skylight-witness", "*", "checkpoint")
	f.Fuzz(func(t *testing.T, b []byte) {
		if head, err := ParseCheckpoint(b, log); err == nil && head != want {
			t.Fatalf("a forged checkpoint: %+v", head)
		}
	})
}

// Tiles of any contents never make an entry appear that the root does not
// have, and never panic.
func FuzzTiles(f *testing.F) {
	f.Add(make([]byte, 32*44), uint64(300), uint64(7))
	f.Add([]byte{}, uint64(1)<<39, uint64(1)<<38)
	f.Add(bytes.Repeat([]byte{1}, 8192), uint64(65537), uint64(65536))
	f.Fuzz(func(t *testing.T, body []byte, size, index uint64) {
		if size > MaxTreeSize || index >= size {
			return
		}
		loads := 0
		tree := tileTree{size: size, load: func(tl tile) ([]byte, bool) {
			loads++
			if tl.width < 1 || tl.width > tileWidth || tl.index*tileWidth<<(8*tl.level) >= size {
				t.Fatalf("tile %+v of a tree of %d", tl, size)
			}
			_ = tl.path(false)
			return body, true
		}}
		proof, _, ok := tree.proof(index)
		if loads > 1000 {
			t.Fatalf("%d tiles for one proof", loads)
		}
		if ok && VerifyInclusion(TreeHead{Size: size, Root: [32]byte{9}}, index, [32]byte{8}, proof) == nil {
			t.Fatal("included under a root of nothing")
		}
	})
}
