package bundle_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/assaytls/assay/cert/bundle"
	f "github.com/assaytls/assay/internal/lab/forge"
)

// sct is one SCT with nothing in it that could be verified.
func sct() []byte {
	return join([]byte{0}, bytes.Repeat([]byte{7}, 32), make([]byte, 8), []byte{0, 0}, []byte{4, 3, 0, 8}, make([]byte, 8))
}

// What is no DER is known by its text or its first bytes, and no part of it is in its name.
func TestTexts(t *testing.T) {
	x := newThings(t)
	chain, err := json.Marshal(map[string]any{"sct_version": 0, "id": bytes.Repeat([]byte{7}, 32), "timestamp": 0, "extensions": "", "signature": sct()[43:]})
	if err != nil {
		t.Fatal(err)
	}
	wide := func(s string) []byte {
		out := []byte{0xff, 0xfe}
		for _, u := range utf16.Encode([]rune(s)) {
			out = append(out, byte(u), byte(u>>8))
		}
		return out
	}
	one := string(f.PEM("CERTIFICATE", x.cert))
	for _, c := range []struct {
		name string
		in   []byte
		kind bundle.Kind
		what string
	}{
		{"SCT", sct(), bundle.SCT, "an SCT"},
		{"SCT in base64", []byte(base64.StdEncoding.EncodeToString(sct())), bundle.SCT, "an SCT"},
		{"SCT list", bundle.ListOf(sct()), bundle.SCTList, "an SCT list"},
		{"SCT in PEM", f.PEM("WHATEVER", sct()), bundle.SCT, "an SCT"},
		{"add-chain", chain, bundle.SCT, "an SCT (the answer of a log to add-chain)"},
		{"log list", []byte(`{"version":"1","operators":[]}`), bundle.LogList, "a list of CT logs"},
		{"with a mark", []byte("\ufeff" + `{"operators":[]}`), bundle.LogList, "a list of CT logs"},
		{"evidence", []byte(`{"version":7,"target":{}}`), bundle.SavedEvidence, "a file of saved evidence"},
		{"Secret", []byte(`{"kind":"Secret","apiVersion":"v1","data":{}}`), bundle.Kubernetes, "a Kubernetes object (JSON)"},
		{"Secret in YAML", []byte("---\napiVersion: v1\nkind: Secret\nstringData:\n  tls.crt: |\n    " + one), bundle.Kubernetes, "a Kubernetes object (YAML)"},
		{"JSON Web Key", []byte(`{"kty":"EC","d":"c2VjcmV0"}`), bundle.PrivateKey, "a private key (JSON Web Key)"},
		{"JSON", []byte(`{"secret":1}`), bundle.Foreign, "a JSON text of unknown contents"},
		{"half JSON", []byte(`{"secret":`), bundle.Foreign, "a text that begins like JSON and is none"},
		{"zip", []byte("PK\x03\x04\x14\x00"), bundle.Foreign, "a zip archive"},
		{"HTML", []byte("\n<!DOCTYPE html><p>" + one), bundle.Foreign, "an HTML page"},
		{"JKS", []byte("\xfe\xed\xfe\xed\x00\x00\x00\x02"), bundle.KeyStore, "a Java key store (JKS)"},
		{"PuTTY", []byte("PuTTY-User-Key-File-3: ssh-ed25519\n"), bundle.PrivateKey, "a private key (PuTTY)"},
		{"OpenSSH", f.PEM("OPENSSH PRIVATE KEY", []byte("openssh-key-v1\x00")), bundle.PrivateKey, "a private key (OpenSSH)"},
		{"a label of small letters", f.PEM("rsa private key", x.cert), bundle.PrivateKey, "a private key (PKCS #8)"},
		{"a label that may be anything", f.PEM("c2VjcmV0", []byte("abc")), bundle.Unknown, "a PEM block of unknown contents with the label (no label that can be shown)"},
		{"cut", x.response[:200], bundle.OCSPResponse, "an OCSP response that is cut off"},
		{"cut in PEM", f.PEM("X509 CRL", x.list[:100]), bundle.CRL, "a CRL that is cut off"},
		{"UTF-16", wide(one), bundle.Unknown, "an unknown object"},
		{"UTF-16 without a mark", wide(one)[2:], bundle.Unknown, "an unknown object"},
	} {
		got := bundle.Read(c.in, 0)
		if len(got) != 1 || got[0].Kind != c.kind || got[0].What() != c.what {
			t.Errorf("%s: %s (%d objects), want %s", c.name, got[0].What(), len(got), c.what)
		}
		if utf := strings.HasPrefix(c.name, "UTF-16"); (got[0].Damage != "") != utf || utf && !strings.Contains(got[0].Damage, "UTF-16") {
			t.Errorf("%s: %q", c.name, got[0].Damage)
		}
	}
	if got := bundle.Read(chain, 0); !bytes.Equal(got[0].Bytes, sct()) {
		t.Errorf("the answer of a log makes the SCT %x", got[0].Bytes)
	}
	if got := bundle.Read([]byte(`{"id":"AA==","timestamp":1,"signature":""}`), 0); got[0].Damage == "" || got[0].Bytes != nil {
		t.Errorf("a bad answer of a log: %+v", got)
	}
}

// Each kind has a name of its own.
func TestKindNames(t *testing.T) {
	names := map[string]bundle.Kind{}
	for k := bundle.Unknown; k <= bundle.Foreign; k++ {
		if was, ok := names[k.String()]; ok || k.String() == "" {
			t.Errorf("%d and %d are both called %q", k, was, k)
		}
		names[k.String()] = k
	}
	for _, k := range []bundle.Kind{-1, bundle.Foreign + 1} {
		if k.String() != "unknown object" || (bundle.Object{Kind: k}).What() != "an unknown object" {
			t.Errorf("%d is called %q", int(k), k)
		}
	}
}

// A key is found by what it holds, whatever stands around it, and none of its bytes are handed on.
func TestKeysAreKept(t *testing.T) {
	x := newThings(t)
	secret := x.key[len(x.key)-60 : len(x.key)-30]
	for name, b := range map[string][]byte{
		"behind a certificate":   join(x.cert, x.key),
		"before a certificate":   join(x.key, x.cert),
		"in PKCS #7":             pkcs7(join(x.cert, x.key), nil),
		"in bare base64":         []byte(base64.StdEncoding.EncodeToString(x.key)),
		"as CERTIFICATE":         f.PEM("CERTIFICATE", x.key),
		"as X509 CRL, cut":       f.PEM("X509 CRL", x.key[:len(x.key)-10]),
		"beside a certificate":   join(f.PEM("CERTIFICATE", x.cert), f.PEM("PRIVATE KEY", x.key)),
		"in a block without END": bytes.ReplaceAll(f.PEM("PRIVATE KEY", x.key), []byte("-----END"), []byte("-----")),
	} {
		keys := 0
		for _, o := range bundle.Read(b, 0) {
			if o.Kind == bundle.PrivateKey {
				keys++
			}
			if bytes.Contains(o.Bytes, secret) {
				t.Errorf("%s: %s has the bytes of the key", name, o.What())
			}
		}
		if keys != 1 {
			t.Errorf("%s: %d keys", name, keys)
		}
	}
}

// Damage is named with its line and its cause, and the sound blocks around it are read.
func TestDamageCauses(t *testing.T) {
	x := newThings(t)
	good := string(f.PEM("CERTIFICATE", x.cert))
	lines := strings.Count(good, "\n")
	for _, c := range []struct{ name, in, want string }{
		{"END and BEGIN on one line", strings.TrimSpace(good) + good, "a line break is missing"},
		{"indented", "    " + good, "line 1 does not begin with -----BEGIN: it is indented"},
		{"literal line breaks", strings.ReplaceAll(good, "\n", `\n`), `line 1 cannot be read: it has the two characters \n`},
		{"text before", "cert = " + good, "something stands before it"},
	} {
		var damage string
		sound := 0
		for _, o := range bundle.Read([]byte(c.in+"\n"+good), 0) {
			if o.Damage == "" && bytes.Equal(o.Bytes, x.cert) {
				sound++
			} else if damage == "" {
				damage = o.Damage
			}
		}
		if !strings.Contains(damage, c.want) || sound == 0 {
			t.Errorf("%s: %d sound, %q (%d lines)", c.name, sound, damage, lines)
		}
	}
}
