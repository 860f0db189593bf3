package ct_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/rand"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assaytls/assay/cert"
	"github.com/assaytls/assay/ct"
	"github.com/assaytls/assay/internal/lab/corpora"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/report"
)

func anyValid(r ct.Result) int {
	for i, s := range r.CT.SCTs {
		if s.Cert == 0 && s.Status == report.SCTValid {
			return i
		}
	}
	return -1
}

// One flipped bit anywhere in what the log signed costs every embedded SCT of
// a real certificate its validity.
func TestTamperedTBS(t *testing.T) {
	list := currentList(t)
	rnd := rand.New(rand.NewSource(2))
	for _, c := range realChains(t) {
		leaf := c.Path[0]
		tbs := bytes.Index(leaf.Raw, leaf.RawTBS)
		at := bytes.Index(leaf.Raw, leaf.SCTList)
		for range 12 {
			i := tbs + rnd.Intn(len(leaf.RawTBS))
			// The SCT list's extension itself is not signed: its OID and two
			// lengths stand in the 24 octets before its contents.
			if i >= at-24 && i < at+len(leaf.SCTList) {
				continue
			}
			raw := slices.Clone(leaf.Raw)
			raw[i] ^= 1 << rnd.Intn(8)
			r := ct.CheckSCTs(ct.Input{Path: append([]*cert.Certificate{cert.Parse(raw)}, c.Path[1:]...), List: list, Time: c.At})
			if k := anyValid(r); k >= 0 && !reencoded(leaf, raw, i) {
				t.Errorf("%s: octet %d flipped, SCT %d is valid", c.URL, i, k)
			}
		}
	}
}

// reencoded reports whether the flip only changed a length octet of the three
// wrappers that the rebuild writes anew.
func reencoded(c *cert.Certificate, raw []byte, at int) bool {
	same, _, err1 := ct.PrecertTBS([]*cert.Certificate{c, c})
	other, _, err2 := ct.PrecertTBS([]*cert.Certificate{cert.Parse(raw), c})
	return err1 == nil && err2 == nil && bytes.Equal(same, other)
}

// One flipped bit in an SCT costs that SCT its validity, and no other.
func TestTamperedSCT(t *testing.T) {
	list := currentList(t)
	rnd := rand.New(rand.NewSource(3))
	for _, c := range realChains(t) {
		leaf := c.Path[0]
		at := bytes.Index(leaf.Raw, leaf.SCTList)
		raws, err := ct.ParseSCTList(leaf.SCTList)
		if err != nil {
			t.Fatal(err)
		}
		off := at + 2
		for k, raw := range raws {
			off += 2
			for _, part := range []int{0, 1 + rnd.Intn(32), 33 + rnd.Intn(8), 41 + rnd.Intn(len(raw)-41), 41 + rnd.Intn(len(raw)-41)} {
				b := slices.Clone(leaf.Raw)
				b[off+part] ^= 1 << rnd.Intn(8)
				r := ct.CheckSCTs(ct.Input{Path: append([]*cert.Certificate{cert.Parse(b)}, c.Path[1:]...), List: list, Time: c.At})
				for i, s := range r.CT.SCTs[:len(raws)] {
					if (s.Status == report.SCTValid) != (i != k) {
						t.Errorf("%s: octet %d of SCT %d flipped: SCT %d is %s", c.URL, part, k, i, s.Status)
					}
				}
			}
			off += len(raw)
		}
	}
}

// The issuer's key is part of what is signed.
func TestTamperedIssuer(t *testing.T) {
	list := currentList(t)
	for _, c := range realChains(t)[:20] {
		issuer := c.Path[1]
		raw := slices.Clone(issuer.Raw)
		raw[bytes.Index(raw, issuer.RawSPKI)+len(issuer.RawSPKI)-1] ^= 1
		r := ct.CheckSCTs(ct.Input{Path: []*cert.Certificate{c.Path[0], cert.Parse(raw)}, List: list, Time: c.At})
		if k := anyValid(r); k >= 0 {
			t.Errorf("%s: SCT %d is valid under another issuer key", c.URL, k)
		}
	}
}

// A log key with one flipped bit is refused with the list, and without its ID
// it is another log's.
func TestTamperedLogKey(t *testing.T) {
	raw := readFile(t, corpora.Dir(t, "ct"), "log-lists", "gstatic-all_logs_list-89.25.json")
	chain := realChains(t)[0]
	name := chain.SCTs[0].Log
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	change := func(keepID bool, flip int) []byte {
		for _, op := range doc["operators"].([]any) {
			for _, kind := range []string{"logs", "tiled_logs"} {
				logs, _ := op.(map[string]any)[kind].([]any)
				for _, l := range logs {
					o := l.(map[string]any)
					if o["description"] != name {
						continue
					}
					if !keepID {
						delete(o, "log_id")
					}
					key := unbase64(t, o["key"].(string))
					key[len(key)-flip] ^= 1
					o["key"] = base64.StdEncoding.EncodeToString(key)
				}
			}
		}
		b, _ := json.Marshal(doc)
		return b
	}
	if _, err := ct.ParseLogList(change(true, 1)); err == nil || !strings.Contains(err.Error(), "log_id") {
		t.Errorf("a key that is not its log_id's: %v", err)
	}
	// Off the curve: the key is not usable, and the SCT is of an unknown log.
	l, err := ct.ParseLogList(change(false, 2))
	if err != nil || len(l.Refused()) != 1 {
		t.Fatal(err)
	}
	r := ct.CheckSCTs(ct.Input{Path: chain.Path, List: l, Time: chain.At})
	if r.CT.SCTs[0].Status != report.SCTUnknownLog {
		t.Error(r.CT.SCTs[0])
	}
}

func TestVerifyListSignature(t *testing.T) {
	dir := filepath.Join(corpora.Dir(t, "ct"), "log-lists")
	key := readFile(t, dir, "gstatic-log_list_pubkey.pem")
	for _, name := range []string{"gstatic-all_logs_list-89.25", "gstatic-all_logs_list-54.12", "gstatic-log_list-54.12"} {
		list, sig := readFile(t, dir, name+".json"), readFile(t, dir, name+".sig")
		if err := ct.VerifyListSignature(list, sig, key); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := ct.VerifyListSignature(list, sig, pemBody(key)); err != nil {
			t.Errorf("%s with a DER key: %v", name, err)
		}
		for i := 0; i < len(list); i += len(list)/50 + 1 {
			b := slices.Clone(list)
			b[i] ^= 1
			if ct.VerifyListSignature(b, sig, key) == nil {
				t.Errorf("%s: octet %d flipped: verifies", name, i)
			}
		}
		for i := range sig {
			b := slices.Clone(sig)
			b[i] ^= 0x10
			if ct.VerifyListSignature(list, b, key) == nil {
				t.Errorf("%s: octet %d of the signature flipped: verifies", name, i)
			}
		}
	}
	list := []byte("a list")
	ec := forge.P256()
	if err := ct.VerifyListSignature(list, ec.Sign(forge.ECDSAWithSHA256, list), ec.SPKI); err != nil {
		t.Errorf("ECDSA: %v", err)
	}
	small := forge.RSA(1024)
	if ct.VerifyListSignature(list, small.Sign(forge.SHA256WithRSA, list), small.SPKI) == nil {
		t.Error("RSA 1024 is taken")
	}
	for _, bad := range [][]byte{nil, []byte("x"), forge.NewKey("Ed25519").SPKI} {
		if ct.VerifyListSignature(list, nil, bad) == nil {
			t.Errorf("key %x is taken", bad)
		}
	}
}

func pemBody(b []byte) []byte {
	text := string(b)
	text = text[strings.Index(text, "\n")+1:]
	text = text[:strings.Index(text, "-----END")]
	out, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(text, "\n", ""))
	if err != nil {
		panic(err)
	}
	return out
}
