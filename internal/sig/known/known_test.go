package known

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"os"
	"os/exec"
	"sync"
	"testing"
)

// use verifies with tables a sound signature by the i-th key of a curve.
func use(t testing.TB, tables *Tables, k *tested) {
	t.Helper()
	digest, signature, _ := k.crafted(big.NewInt(11), big.NewInt(12))
	if !tables.Verify(k.public, k.point, digest, signature) {
		t.Fatal("a sound signature was refused")
	}
}

func (k *tested) verify(t *Tables, digest, signature []byte) bool {
	return t.Verify(k.public, k.point, digest, signature)
}

// A table is made at the eighth use; what crypto/ecdsa refused is no use.
func TestEighthUse(t *testing.T) {
	for _, c := range curves {
		tables, k := New(0), c.newTested(t, big.NewInt(88), refPoint{})
		digest, signature, _ := k.crafted(big.NewInt(11), big.NewInt(12))
		for range 20 {
			if k.verify(tables, make([]byte, 32), signature) {
				t.Fatal("accepted")
			}
		}
		for i := 1; i <= 10; i++ {
			use(t, tables, k)
			want := Counts{Octets: entryOctets}
			if i >= 8 {
				want = Counts{Keys: 1, Octets: entryOctets + k.key.octets(), Built: 1, Accepted: int64(i - 7)}
			}
			if got := tables.Counts(); got != want {
				t.Errorf("%s, use %d: %+v, want %+v", c.name, i, got, want)
			}
		}
		if k.verify(tables, append(digest[:len(digest)-1:len(digest)-1], digest[len(digest)-1]^1), signature) || Broken() {
			t.Error("the table accepts another digest")
		}
	}
}

// Keys and tables together take no more than they may, whatever is used in which
// order, and what is used most stays.
func TestBoundInOctets(t *testing.T) {
	const bound = 400 << 10
	tables := New(bound)
	favourite := curves[0].newTested(t, big.NewInt(4711), refPoint{})
	for i := range int64(30) {
		k := curves[i%2].newTested(t, big.NewInt(1000+i), refPoint{})
		for range 9 {
			use(t, tables, k)
			use(t, tables, favourite)
			if n := tables.Counts(); n.Octets > bound {
				t.Fatalf("%d octets", n.Octets)
			}
		}
	}
	n := tables.Counts()
	if n.Built != 31 || n.Keys < 3 || n.Keys > 6 {
		t.Errorf("%+v", n)
	}
	sum := int64(0)
	for at := tables.keys.recent.Front(); at != nil; at = at.Next() {
		sum += tables.keys.octetsOf(at.Value.(*entry))
	}
	if sum != n.Octets || len(tables.keys.entries) != tables.keys.recent.Len() {
		t.Errorf("%d octets, counted %d; %d and %d keys", sum, n.Octets, len(tables.keys.entries), tables.keys.recent.Len())
	}

	// A flood of keys that are used once is bounded too.
	point := favourite.point
	for i := range 10_000 {
		point = append([]byte(nil), point...)
		point[1+i%60]++
		tables.used(point)
	}
	if n := tables.Counts(); n.Octets > bound || n.Keys != 0 || len(tables.keys.entries) > bound/entryOctets {
		t.Errorf("after a flood: %+v, %d keys", n, len(tables.keys.entries))
	}
}

// Tables always hold at least one table of either curve, however little they are given.
func TestLeastOctets(t *testing.T) {
	tables := New(1)
	for _, c := range curves {
		k := c.newTested(t, big.NewInt(99), refPoint{})
		for range 30 {
			use(t, tables, k)
		}
	}
	if n := tables.Counts(); n.Built != 2 {
		t.Errorf("%+v", n)
	}
}

// One table is made at a time, each once, and nobody waits for one.
func TestConcurrentUse(t *testing.T) {
	tables := New(0)
	var keys []*tested
	for i := range int64(4) {
		keys = append(keys, curves[i%2].newTested(t, big.NewInt(300+i), refPoint{}))
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 60 {
				k := keys[(i+j)%len(keys)]
				digest, signature, _ := k.crafted(big.NewInt(int64(j+1)), big.NewInt(int64(i+1)))
				if !k.verify(tables, digest, signature) {
					t.Error("a sound signature was refused")
				}
				digest[0] ^= 1
				if k.verify(tables, digest, signature) {
					t.Error("another digest was accepted")
				}
			}
		})
	}
	all.Wait()
	if n := tables.Counts(); n.Keys != 4 || n.Built != 4 || Broken() {
		t.Errorf("%+v", n)
	}

	tables = New(0)
	for range 7 {
		use(t, tables, keys[0])
	}
	tables.building = true // as while another is made
	use(t, tables, keys[0])
	if n := tables.Counts(); n.Built != 0 {
		t.Errorf("two at a time: %+v", n)
	}
	tables.building = false
	use(t, tables, keys[0])
	if n := tables.Counts(); n.Built != 1 {
		t.Errorf("not made later: %+v", n)
	}
}

// nil Tables and other curves are crypto/ecdsa alone.
func TestWithoutTables(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("message"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, tables := range []*Tables{nil, New(0)} {
		for range 20 {
			if !tables.Verify(&key.PublicKey, point, digest[:], signature) || tables.Verify(&key.PublicKey, point, digest[1:], signature) {
				t.Error("not as crypto/ecdsa")
			}
		}
		if n := tables.Counts(); n != (Counts{}) {
			t.Errorf("%+v", n)
		}
	}
}

// wrong says of every signature what it is told to.
type wrong bool

func (w wrong) verify(_, _ []byte) bool { return bool(w) }
func (wrong) octets() int64             { return 1 }

// A table that accepts what crypto/ecdsa refuses is found out at the thousandth
// acceptance, one that refuses what it accepts at once. From then on no table of the
// process answers. Being for good, it is tried in processes of their own.
func TestDisagreement(t *testing.T) {
	if of := os.Getenv("ASSAY_TEST_DISAGREEMENT"); of != "" {
		disagree(t, of == "accepts")
		return
	}
	for _, of := range []string{"accepts", "refuses"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestDisagreement$")
		cmd.Env = append(os.Environ(), "ASSAY_TEST_DISAGREEMENT="+of)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", of, err, out)
		}
	}
}

func disagree(t *testing.T, accepts bool) {
	k := curves[0].newTested(t, big.NewInt(5), refPoint{})
	digest, signature, _ := k.crafted(big.NewInt(11), big.NewInt(12))
	signatureOf := digest
	if accepts {
		signatureOf = make([]byte, 32) // unsound
	}
	tables, other := New(0), New(0)
	for range 10 {
		use(t, tables, k)
		use(t, other, k)
	}
	tables.keys.get(k.point).key = wrong(accepts)
	done := int64(3) // by the sound table, from the eighth use on
	if !accepts {
		if !k.verify(tables, signatureOf, signature) || !Broken() {
			t.Fatal("a sound signature is refused, or the table is still believed")
		}
	} else {
		for ; done < checkEvery-1; done++ {
			if !k.verify(tables, signatureOf, signature) || Broken() {
				t.Fatalf("found out after %d", done)
			}
		}
		if k.verify(tables, signatureOf, signature) || !Broken() {
			t.Fatal("the thousandth acceptance was not checked")
		}
		if n := tables.Counts(); n.Checked != 1 {
			t.Errorf("%+v", n)
		}
		if k.verify(tables, signatureOf, signature) {
			t.Error("the table still answers")
		}
	}
	before := other.Counts().Accepted
	use(t, other, k)
	if other.On() || other.Counts().Accepted != before {
		t.Error("other tables still answer")
	}
}
