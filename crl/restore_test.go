package crl_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/internal/bench/crlgen"
	f "github.com/assaytls/assay/internal/lab/forge"
)

// sample returns a list of n entries and its signer's key.
func sample(t testing.TB, n int) ([]byte, *cert.PublicKey) {
	set, err := crlgen.New()
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := set.Write(&buf, n, time.Now()); err != nil {
		t.Fatal(err)
	}
	key, err := cert.ParsePublicKey(set.SPKI)
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), key
}

// Every entry of a large list is found, with and without index, and nothing else.
func TestLookupLarge(t *testing.T) {
	const n = 60000
	raw, key := sample(t, n)
	l, err := crl.Parse(context.Background(), raw)
	if err != nil || l.Len() != n || len(l.Findings) > 0 {
		t.Fatal(err, l)
	}
	if err := l.VerifySignature(nil, key); err != nil {
		t.Fatal(err)
	}
	check := func(l *crl.List) {
		t.Helper()
		for i := range n {
			if ok, err := l.Listed(crlgen.Serial(i)); !ok || err != nil {
				t.Fatalf("%d: %v %v", i, ok, err)
			}
			if ok, err := l.Listed(crlgen.Serial(-1 - i)); ok || err != nil {
				t.Fatalf("absent %d: %v %v", i, ok, err)
			}
		}
		for _, i := range []int{0, 1, n - 1} {
			var es []crl.Entry
			if err := l.Lookup(crlgen.Serial(i), func(e crl.Entry) bool { es = append(es, e); return true }); err != nil {
				t.Fatal(err)
			}
			if len(es) != 1 || es[0].HasReason != (i%2 == 1) || !bytes.Equal(es[0].Serial, crlgen.Serial(i)) {
				t.Errorf("%d: %+v", i, es)
			}
		}
	}
	check(l)
	saved := l.Index()
	if saved == nil || len(saved) > 8*n {
		t.Fatalf("an index of %d octets for %d entries", len(saved), n)
	}
	r, err := crl.Restore(raw, saved)
	if err != nil {
		t.Fatal(err)
	}
	if r.SHA256 != l.SHA256 || r.Len() != n || r.Size != l.Size || r.Issuer.Canon != l.Issuer.Canon || !r.NextUpdate.Equal(l.NextUpdate) {
		t.Errorf("%+v", r)
	}
	if err := r.VerifySignature(nil, key); err != nil {
		t.Error(err)
	}
	check(r)
}

// Restore takes nothing that was not saved for a body of this shape, and no
// key but the one that signed.
func TestRestoreRefuses(t *testing.T) {
	raw, _ := sample(t, 30000)
	other, otherKey := sample(t, 30001)
	l, err := crl.Parse(context.Background(), raw)
	if err != nil {
		t.Fatal(err)
	}
	saved := l.Index()
	r, err := crl.Restore(raw, saved)
	if err != nil {
		t.Fatal(err)
	}
	if r.VerifySignature(nil, otherKey) == nil {
		t.Error("another key verifies")
	}
	flip := func(i int) []byte { b := bytes.Clone(saved); b[i] ^= 1; return b }
	for name, c := range map[string][2][]byte{
		"other body": {other, saved}, "cut body": {raw[:len(raw)-1], saved}, "no index": {raw, nil}, "cut index": {raw, saved[:100]},
		"no table": {raw, saved[:184]}, "magic": {raw, flip(0)}, "count": {raw, flip(12 + 24)}, "digest": {raw, flip(60)}, "key": {raw, flip(120)}, "sum": {raw, flip(155)},
	} {
		if _, err := crl.Restore(c[0], c[1]); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	// A damaged table finds less, but reads nothing it should not.
	for i := 184; i < len(saved); i += 4 {
		saved[i] |= 0xf0
		saved[i+3] |= 0xff
	}
	if r, err = crl.Restore(raw, saved); err == nil {
		r.Listed(crlgen.Serial(1))
	}
	small, err := crl.Parse(context.Background(), world().ca.CRL(f.CRL{}))
	if err != nil || small.Index() != nil {
		t.Error("an index of a small list")
	}
}

// The key that verified a list is saved with its index, and stands for no other.
func TestRestoreVerified(t *testing.T) {
	raw, key := sample(t, 60000)
	_, other := sample(t, 1)
	damaged := bytes.Clone(raw)
	damaged[len(damaged)-1] ^= 1 // the end of the signature
	for _, verify := range []bool{false, true} {
		l, err := crl.Parse(context.Background(), raw)
		if err != nil {
			t.Fatal(err)
		}
		if verify {
			if l.VerifySignature(nil, other) == nil || l.VerifySignature(nil, key) != nil {
				t.Fatal("the wrong key is right or the right one wrong")
			}
		}
		r, err := crl.Restore(damaged, l.Index())
		if err != nil {
			t.Fatal(err)
		}
		if err := r.VerifySignature(nil, key); (err == nil) != verify {
			t.Errorf("verified before: %v; of the restored list: %v", verify, err)
		}
		if r.VerifySignature(nil, other) == nil {
			t.Error("another key is believed")
		}
	}
}
