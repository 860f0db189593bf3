package ct

import (
	"encoding/pem"
	"testing"
	"time"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

func parsed(ders ...[]byte) (out []*cert.Certificate) {
	for _, d := range ders {
		out = append(out, cert.Parse(d))
	}
	return out
}

func pemDER(b []byte) (out [][]byte) {
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			return out
		}
		out = append(out, block.Bytes)
	}
}

// A log whose ID stays but whose key is another's is no longer believed.
func TestSwappedLogKey(t *testing.T) {
	root, key := forge.NewRoot("root", nil), forge.P256()
	leaf := root.Server("a.test", nil)
	in := Input{Path: parsed(leaf.Raw, root.Raw), Delivered: []SCTList{ReadSCTList(0, "tls", forge.SCTList(forge.SCT{}.SignX509(key, leaf.Raw)))}, Time: time.Now()}
	var err error
	if in.List, err = ParseLogList(forge.LogList(time.Now(), forge.Log{Key: key, Operator: "o"})); err != nil {
		t.Fatal(err)
	}
	if r := CheckSCTs(in); r.CT.SCTs[0].Status != report.SCTValid {
		t.Fatal(r.CT.SCTs[0])
	}
	for _, other := range []*forge.Key{forge.P256(), forge.RSA(2048)} {
		in.List.order[0].Key, _ = cert.ParsePublicKey(other.SPKI)
		if r := CheckSCTs(in); r.CT.SCTs[0].Status != report.SCTInvalid {
			t.Error(r.CT.SCTs[0])
		}
	}
}
