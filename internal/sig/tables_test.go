package sig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/assaytls/assay/internal/sig/known"
)

// A Memo with tables answers as one without, for sound and unsound signatures, and
// its tables answer from the eighth signature on.
func TestMemoWithTables(t *testing.T) {
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		private, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		spki, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		key, err := ParseKey(spki)
		if err != nil {
			t.Fatal(err)
		}
		sha256ECDSA, err := ParseAlgorithm([]byte{0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2})
		if err != nil {
			t.Fatal(err)
		}
		m, none := NewMemoWithTables(16, 0), NewMemo(16)
		const signatures = 12
		for i := range signatures {
			message := strconv.AppendInt([]byte("message "), int64(i), 10)
			digest := sha256.Sum256(message)
			signature, err := ecdsa.SignASN1(rand.Reader, private, digest[:])
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := m.Verify(key, sha256ECDSA, message, signature); err != nil {
					t.Errorf("%s: %v", curve.Params().Name, err)
				}
			}
			if err := m.Verify(key, sha256ECDSA, append(message, 0), signature); !errors.Is(err, ErrBadSignature) {
				t.Errorf("%s, another message: %v", curve.Params().Name, err)
			}
			if err := none.Verify(key, sha256ECDSA, message, signature); err != nil {
				t.Error(err)
			}
		}
		want := known.Counts{Keys: 1, Built: 1, Accepted: signatures - 7}
		if curve == elliptic.P521() {
			want = known.Counts{}
		}
		got := m.Tables()
		if got.Octets = 0; got != want || none.Tables() != (known.Counts{}) || (*Memo)(nil).Tables() != (known.Counts{}) {
			t.Errorf("%s: %+v, want %+v; without: %+v", curve.Params().Name, got, want, none.Tables())
		}
	}
}

// When tables prove wrong a Memo forgets what verified until then, what was being
// verified is not remembered, and what crypto/ecdsa verifies from then on is. A Memo
// without tables forgets nothing. Being for good, it is tried in a process of its own.
func TestMemoForgetsWhatTablesAccepted(t *testing.T) {
	if os.Getenv("ASSAY_TEST_BREAK") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), "ASSAY_TEST_BREAK=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	m, none := NewMemoWithTables(16, 0), NewMemo(16)
	before, during, after := [32]byte{1}, [32]byte{2}, [32]byte{3}
	m.put(before, true)
	none.put(before, false)
	if !m.has(before) {
		t.Error("not remembered")
	}
	known.Break()
	m.put(during, true)
	m.put(after, false)
	if m.has(before) || m.has(during) || !m.has(after) || !none.has(before) {
		t.Errorf("before %v, during %v, after %v, without tables %v", m.has(before), m.has(during), m.has(after), none.has(before))
	}
}
