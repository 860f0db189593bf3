package sig_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"testing"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/internal/sig"
)

// nodeScript answers which of the signatures on standard input OpenSSL verifies, and
// makes keys and signatures of its own.
const nodeScript = `
const c = require('crypto'), cases = JSON.parse(require('fs').readFileSync(0));
const b = s => Buffer.from(s || '', 'base64');
const verdicts = cases.map(x => {
  try { return c.verify(null, b(x.Message), c.createPublicKey({key: b(x.SPKI), format: 'der', type: 'spki'}), b(x.Signature)) } catch { return false }
});
const made = [];
for (const kind of ['ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87']) for (let i = 0; i < 4; i++) {
  const k = c.generateKeyPairSync(kind), m = c.randomBytes(i * 1000);
  made.push({SPKI: k.publicKey.export({format: 'der', type: 'spki'}).toString('base64'), Message: m.toString('base64'),
    Signature: c.sign(null, m, k.privateKey).toString('base64')});
}
console.log(JSON.stringify({Verdicts: verdicts, Made: made}));
`

type signedCase struct{ SPKI, Message, Signature []byte }

// verifies is what assay says of a case under the algorithm of its key.
func (c signedCase) verifies() bool {
	k, err := sig.ParseKey(c.SPKI)
	if err != nil {
		return false
	}
	a, err := sig.ParseAlgorithm(forge.Seq(forge.OID(k.OID)))
	return err == nil && sig.Verify(k, a, c.Message, c.Signature) == nil
}

// TestMLDSAOpenSSL compares with OpenSSL 3.5, both ways: signatures that one makes the
// other verifies, and both give the same answer for keys, messages and signatures that
// were changed in one place.
func TestMLDSAOpenSSL(t *testing.T) {
	node := peers.Path(t, "node26")
	var cases []signedCase
	for _, s := range mldsaSets {
		key := forge.NewKey(s.kind)
		msg := []byte("message")
		good := signedCase{key.SPKI, msg, key.Sign(s.alg, msg)}
		cases = append(cases, good)
		size, length := len(good.SPKI), len(good.Signature)
		flip := func(b []byte, at int) []byte {
			b = bytes.Clone(b)
			b[at] ^= 1 << rand.IntN(8)
			return b
		}
		for range 40 {
			cases = append(cases, signedCase{flip(good.SPKI, rand.IntN(size)), msg, good.Signature}, signedCase{good.SPKI, flip(msg, rand.IntN(len(msg))), good.Signature},
				signedCase{good.SPKI, msg, flip(good.Signature, rand.IntN(length))}, signedCase{good.SPKI, msg, flip(good.Signature, length-1-rand.IntN(80))})
		}
		null := forge.Seq(forge.Seq(append(forge.Children(s.alg.ID), forge.Null())...), forge.Bits(key.Bits()))
		cases = append(cases, signedCase{null, msg, good.Signature}, signedCase{good.SPKI, msg, good.Signature[:length-1]}, signedCase{good.SPKI, msg, append(bytes.Clone(good.Signature), 0)})
	}
	in, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, "-e", nodeScript)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	var theirs struct {
		Verdicts []bool
		Made     []signedCase
	}
	if err != nil || json.Unmarshal(out, &theirs) != nil || len(theirs.Verdicts) != len(cases) || len(theirs.Made) == 0 {
		t.Fatalf("node26: %v: %.200s", err, out)
	}
	good := 0
	for i, c := range cases {
		if ours := c.verifies(); ours != theirs.Verdicts[i] {
			t.Errorf("case %d: assay %v, OpenSSL %v: key %x…, signature of %d bytes", i, ours, theirs.Verdicts[i], c.SPKI[:24], len(c.Signature))
		} else if ours {
			good++
		}
	}
	if good < len(mldsaSets) {
		t.Errorf("%d of %d verify", good, len(cases))
	}
	for _, c := range theirs.Made {
		if !c.verifies() {
			t.Errorf("OpenSSL's signature over %d bytes does not verify: key %x…", len(c.Message), c.SPKI[:24])
		}
	}
}
