package evidence

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// What Decode allocates is bounded by the limits of what it accepts, not by how
// many empty structures fit into its octets.
func TestDecodeMemory(t *testing.T) {
	const head, tail = `{"version":1,"target":{},"time":"2026-11-01T00:00:00Z","connection":{}`, `}`
	for _, field := range []string{"chain", "artefacts", "attempts", "extra"} {
		for _, n := range []int{maxValues/2 - 16, 8 << 20} {
			text := []byte(fmt.Sprintf(`%s,"%s":[%s{}]%s`, head, field, strings.Repeat("{},", n-1), tail))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Decode(text)
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; err == nil || got > 128<<20 {
				t.Errorf("%d of %s: %v, %d MiB allocated", n, field, err, got>>20)
			}
		}
	}
}

// The largest evidence that the other limits allow has fewer values than that.
func TestValuesOfLargest(t *testing.T) {
	ev := &Evidence{Version: Version, Time: time.Unix(1e9, 0).UTC(), Chain: make([]Entry, maxChain), Extra: make([][]byte, maxExtra), Artefacts: make([]Artefact, maxArtefacts), Attempts: make([]Attempt, maxAttempts)}
	for i := range ev.Chain {
		ev.Chain[i] = Entry{Cert: []byte{1}, Staple: []byte{1}, SCTs: []byte{1}}
	}
	for i := range ev.Extra {
		ev.Extra[i] = []byte{1}
	}
	for i := range ev.Artefacts {
		ev.Artefacts[i] = Artefact{Kind: "ocsp", URL: "u", Request: []byte{1}, IssuerKey: make([]byte, 32), Body: []byte{1}, Method: "GET", Detail: "d", Cached: true, Status: 200, Duration: 1}
	}
	for range maxLearnt {
		h, at := HashOf(nil), time.Unix(1e9, 0).UTC()
		l := Learnt{Issuer: []byte{1}, IssuerKey: h, Serial: []byte{1}, Cert: h, RevokedAt: at, Reason: "r", Hold: true, Old: true, Learnt: at, Until: at, Scheme: 1,
			URL: "u", SignerKey: h, Anchor: h, Scope: h, Number: []byte{1}, ThisUpdate: at, NextUpdate: at}
		for range maxSignerPath {
			l.Signer = append(l.Signer, HashOf([]byte{1}))
		}
		ev.Learnt, ev.Signers = append(ev.Learnt, l), append(ev.Signers, []byte{1})
	}
	b, err := Encode(ev)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(b); err != nil {
		t.Error(err)
	}
}
