package bundle_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/cert/bundle"
	f "github.com/assaytls/assay/internal/lab/forge"
)

// pkcs7 builds a signed-data container, signed by nobody.
func pkcs7(certs, crls []byte) []byte {
	return f.Seq(f.OID("1.2.840.113549.1.7.2"), f.Explicit(0, f.Seq(f.Int(1), f.Set(),
		f.Seq(f.OID("1.2.840.113549.1.7.1")), f.Explicit(0, certs), f.Explicit(1, crls), f.Set())))
}

// things are one object of each kind.
type things struct{ cert, root, list, request, response, key, sec1, pkcs1, encrypted, public []byte }

func newThings(t testing.TB) things {
	t.Helper()
	root := f.NewRoot("Root", f.P256())
	leaf := root.Server("a.test", f.P256())
	must := func(b []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	key := f.P256()
	return things{
		cert: leaf.Raw, root: root.Raw, list: root.CRL(f.CRL{}),
		request:   f.OCSPRequest(nil, root.CertID(leaf.Serial)),
		response:  f.OCSP{Singles: []f.Single{root.Good(leaf.Serial)}}.Sign(root),
		key:       must(x509.MarshalPKCS8PrivateKey(key.Signer)),
		sec1:      f.Seq(f.Int(1), f.Octets(make([]byte, 32))),
		pkcs1:     f.Seq(f.Int(0), f.Int(77), f.Int(3), f.Int(5)),
		encrypted: f.Seq(f.Seq(f.OID("1.2.840.113549.1.5.13"), f.Seq()), f.Octets([]byte{1, 2})),
		public:    key.SPKI,
	}
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// Every form is read, and each object stands where it is said to stand.
func TestRead(t *testing.T) {
	x := newThings(t)
	one := f.PEM("CERTIFICATE", x.cert)
	lines := bytes.Count(one, []byte("\n"))
	type object = bundle.Object
	for _, c := range []struct {
		name string
		in   []byte
		want []object
	}{
		{"DER", x.cert, []object{{Kind: bundle.Certificate, Bytes: x.cert}}},
		{"DER list", x.list, []object{{Kind: bundle.CRL, Bytes: x.list}}},
		{"request", x.request, []object{{Kind: bundle.OCSPRequest, Bytes: x.request}}},
		{"response", x.response, []object{{Kind: bundle.OCSPResponse, Bytes: x.response}}},
		{"several in a row", join(x.cert, x.list, x.root), []object{{Kind: bundle.Certificate, Bytes: x.cert},
			{Kind: bundle.CRL, Bytes: x.list, Offset: len(x.cert)}, {Kind: bundle.Certificate, Bytes: x.root, Offset: len(x.cert) + len(x.list)}}},
		{"octets behind", join(x.cert, []byte("\r\n")), []object{{Kind: bundle.Certificate, Bytes: join(x.cert, []byte("\r\n"))}}},
		{"an object behind that is none", join(x.cert, f.Seq()), []object{{Kind: bundle.Certificate, Bytes: join(x.cert, f.Seq())}}},
		{"a cut key", x.key[:40], []object{{Kind: bundle.PrivateKey}}},
		{"text", []byte("hello"), []object{{Bytes: []byte("hello")}}},
		{"PEM", join([]byte("subject=x\n"), one, f.PEM("X509 CRL", x.list)), []object{
			{Kind: bundle.Certificate, Bytes: x.cert, Label: "CERTIFICATE", Line: 2}, {Kind: bundle.CRL, Bytes: x.list, Label: "X509 CRL", Line: 2 + lines}}},
		{"text that begins like DER", join([]byte("0 s:CN=a.test\n"), one), []object{{Kind: bundle.Certificate, Bytes: x.cert, Label: "CERTIFICATE", Line: 2}}},
		{"byte order mark", join([]byte("\ufeff"), one), []object{{Kind: bundle.Certificate, Bytes: x.cert, Label: "CERTIFICATE", Line: 1}}},
		{"CR LF", bytes.ReplaceAll(one, []byte("\n"), []byte("\r\n")), []object{{Kind: bundle.Certificate, Bytes: x.cert, Label: "CERTIFICATE", Line: 1}}},
		{"any label", f.PEM("WHATEVER", x.cert), []object{{Kind: bundle.Certificate, Bytes: x.cert, Label: "WHATEVER", Line: 1}}},
		{"a label that contents contradict", f.PEM("CERTIFICATE", x.list), []object{{Kind: bundle.CRL, Bytes: x.list, Label: "CERTIFICATE", Line: 1}}},
		{"a damaged certificate", f.PEM("CERTIFICATE", []byte{1, 2}), []object{{Kind: bundle.Certificate, Bytes: []byte{1, 2}, Label: "CERTIFICATE", Line: 1}}},
		{"an unknown object", f.PEM("WHATEVER", f.Seq()), []object{{Bytes: f.Seq(), Label: "WHATEVER", Line: 1}}},
		{"SCT list", f.PEM("SCT LIST", []byte{0, 0}), []object{{Kind: bundle.SCTList, Bytes: []byte{0, 0}, Label: "SCT LIST", Line: 1}}},
		{"trust settings", f.PEM("TRUSTED CERTIFICATE", join(x.cert, f.Seq())), []object{
			{Kind: bundle.TrustedCertificate, Bytes: join(x.cert, f.Seq()), Label: "TRUSTED CERTIFICATE", Line: 1}}},
		{"empty PKCS #7", pkcs7(nil, nil), []object{{Kind: bundle.PKCS7, Bytes: pkcs7(nil, nil)}}},
		{"base64", []byte(base64.StdEncoding.EncodeToString(x.cert)), []object{{Kind: bundle.Certificate, Bytes: x.cert}}},
		{"a public key", x.public, []object{{Kind: bundle.PublicKey, Bytes: x.public}}},
	} {
		same(t, c.name, bundle.Read(c.in, 0), c.want)
		if err := bundle.Whole(bundle.Read(c.in, 0)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func same(t *testing.T, name string, got, want []bundle.Object) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d objects, want %d: %+v", name, len(got), len(want), got)
		return
	}
	for i, g := range got {
		w := want[i]
		if !bytes.Equal(g.Bytes, w.Bytes) {
			t.Errorf("%s: object %d has other bytes", name, i)
		}
		if g.Bytes, w.Bytes = nil, nil; g.Kind != w.Kind || g.Label != w.Label || g.Line != w.Line || g.Offset != w.Offset || g.Within != w.Within || (g.Damage == "") != (w.Damage == "") {
			t.Errorf("%s: object %d is %+v, want %+v", name, i, g, w)
		}
	}
}

// A PKCS #7 gives its contents, whatever label it has, in DER's encoding or BER's.
func TestPKCS7(t *testing.T) {
	x := newThings(t)
	plain := pkcs7(join(x.cert, x.root), x.list)
	indefinite := join([]byte{0x30, 0x80}, plain[4:], []byte{0, 0})
	for _, body := range [][]byte{plain, indefinite} {
		at := bytes.Index(body, x.cert)
		want := []bundle.Object{{Kind: bundle.Certificate, Bytes: x.cert, Offset: at, Within: bundle.PKCS7},
			{Kind: bundle.Certificate, Bytes: x.root, Offset: at + len(x.cert), Within: bundle.PKCS7},
			{Kind: bundle.CRL, Bytes: x.list, Offset: bytes.Index(body, x.list), Within: bundle.PKCS7}}
		same(t, "bare", bundle.Read(body, 0), want)
		same(t, "a line end behind", bundle.Read(join(body, []byte("\n")), 0), want)
		for _, label := range []string{"PKCS7", "CMS", "CERTIFICATE", "PKCS #7 SIGNED DATA"} {
			for i := range want {
				want[i].Label, want[i].Line = label, 1
			}
			same(t, label, bundle.Read(f.PEM(label, body), 0), want)
		}
	}
	if got := bundle.Read(join(plain, x.key[:9]), 0); len(got) != 4 || got[3].Damage == "" {
		t.Errorf("octets behind: %+v", got)
	}
	for cut := 24; cut < len(plain); cut += 7 {
		if got := bundle.Read(f.PEM("PKCS7", plain[:cut]), 0); len(got) != 1 || got[0].Kind != bundle.PKCS7 || got[0].Damage == "" || bundle.Whole(got) == nil {
			t.Fatalf("cut at %d: %+v", cut, got)
		}
	}
}

// Private keys are named, and nothing of them is handed on.
func TestPrivateKeys(t *testing.T) {
	x := newThings(t)
	for name, b := range map[string][]byte{"PKCS #8": x.key, "SEC 1": x.sec1, "PKCS #1": x.pkcs1, "encrypted": x.encrypted,
		"PEM": f.PEM("PRIVATE KEY", x.key), "PEM with another label": f.PEM("CERTIFICATE", x.key), "a damaged key": f.PEM("RSA PRIVATE KEY", []byte{1, 2, 3})} {
		got := bundle.Read(b, 0)
		if len(got) != 1 || got[0].Kind != bundle.PrivateKey || got[0].Bytes != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// What is wrong with a PEM file is told with its line, and what is sound in it
// is read all the same.
func TestDamage(t *testing.T) {
	x := newThings(t)
	good := string(f.PEM("CERTIFICATE", x.cert))
	body := strings.Split(strings.TrimSpace(good), "\n")
	last := len(body)
	for _, c := range []struct{ name, bad, want string }{
		{"not base64", strings.Replace(good, "\nMI", "\n*!", 1), "line 2 is not base64"},
		{"a character too few", strings.Replace(good, "\nMI", "\nM", 1), "the block in line 1 is not base64"},
		{"no END", strings.Join(body[:last-1], "\n") + "\n", "the block in line 1 has no END line"},
		{"another END", strings.Replace(good, "END CERTIFICATE", "END X509 CRL", 1), "ends another block than line 1 begins"},
		{"indented", "  " + strings.ReplaceAll(strings.TrimSpace(good), "\n", "\n  ") + "\n", "line 1 does not begin with -----BEGIN"},
		{"dashes missing", strings.Replace(good, "CERTIFICATE-----", "CERTIFICATE", 1), "line 1 does not end with -----"},
		{"empty", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "the block in line 1 is empty"},
	} {
		objects := bundle.Read([]byte(c.bad+good), 0)
		if len(objects) != 2 || !strings.Contains(objects[0].Damage, c.want) || objects[0].Bytes != nil || !bytes.Equal(objects[1].Bytes, x.cert) {
			t.Errorf("%s: %+v", c.name, objects)
		}
		if err := bundle.Whole(objects); err == nil || !strings.Contains(err.Error(), "has 2 PEM blocks of which 1 can be decoded: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	joined := bundle.Read([]byte(strings.TrimSpace(good)+good), 0)
	if len(joined) != 2 || joined[0].Damage != "" || !strings.Contains(joined[1].Damage, "does not begin with") || joined[1].Line != last {
		t.Errorf("END and BEGIN on one line: %+v", joined)
	}
	if got := bundle.Read(nil, 0); len(got) != 1 || got[0].Damage == "" || bundle.Whole(got) == nil {
		t.Errorf("nothing: %+v", got)
	}
}

// A limit is told, and nothing more is read.
func TestLimit(t *testing.T) {
	x := newThings(t)
	many := bytes.Repeat(x.cert, 10)
	for name, b := range map[string][]byte{"PEM": f.PEM("CERTIFICATE", x.cert, x.cert, x.cert, x.cert), "DER": many, "PKCS #7": pkcs7(many, nil)} {
		got := bundle.Read(b, 3)
		if len(got) != 4 || got[3].Damage != "there are more than 3 objects" || len(bundle.Certificates(got)) != 3 || bundle.Whole(got) == nil {
			t.Errorf("%s: %+v", name, got)
		}
		if got := bundle.Read(b, 4); name == "PEM" && bundle.Whole(got) != nil {
			t.Errorf("%s: exactly as many as the limit: %v", name, bundle.Whole(got))
		}
	}
}

// Time and memory grow with the input and no faster.
func TestHostile(t *testing.T) {
	const size = 4 << 20
	for name, b := range map[string][]byte{
		"blocks":     bytes.Repeat([]byte("-----BEGIN CERTIFICATE-----\n"), size/28),
		"lines":      append([]byte("-----BEGIN CERTIFICATE-----\n"), bytes.Repeat([]byte("\n"), size)...),
		"headers":    append([]byte("-----BEGIN CERTIFICATE-----\n"), bytes.Repeat([]byte("a:b\n"), size/4)...),
		"dashes":     bytes.Repeat([]byte("-----BEGIN -----"), size/16),
		"numbers":    f.Seq(f.Seq(bytes.Repeat([]byte{2, 1, 1}, size/3)), f.Seq(), f.Seq()),
		"containers": pkcs7(bytes.Repeat([]byte{0x30, 0}, size/2), nil),
		"indefinite": bytes.Repeat([]byte{0x30, 0x80}, size/2),
		"base64":     bytes.Repeat([]byte("MIIB\n"), size/5),
	} {
		start := time.Now()
		got := bundle.Read(b, 0)
		if d := time.Since(start); d > 5*time.Second || len(got) > bundle.DefaultLimit+1 {
			t.Errorf("%s: %d objects after %v", name, len(got), d)
		}
	}
}

// The zero values say nothing good of anything.
func TestZeroValues(t *testing.T) {
	var o bundle.Object
	if o.Kind != bundle.Unknown || o.What() != "an unknown object" || len(bundle.Certificates([]bundle.Object{o})) != 0 {
		t.Errorf("the zero object is %s", o.What())
	}
	if got := bundle.Read(nil, -1); bundle.Whole(got) == nil {
		t.Error("nothing was read whole")
	}
}

func FuzzRead(fz *testing.F) {
	x := newThings(fz)
	for _, b := range [][]byte{x.cert, x.list, x.request, x.response, x.key, x.public, pkcs7(x.cert, x.list), join(x.cert, x.list)} {
		fz.Add(b)
		fz.Add(f.PEM("CERTIFICATE", b))
		fz.Add([]byte(base64.StdEncoding.EncodeToString(b)))
	}
	for _, s := range []string{`{"kty":"EC","d":"AA"}`, `{"id":"AA==","timestamp":1,"signature":"AA=="}`, "apiVersion: v1\nkind: Secret\n", "\xfe\xed\xfe\xed"} {
		fz.Add([]byte(s))
	}
	fz.Add(sct())
	fz.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE----------BEGIN X-----"))
	fz.Fuzz(func(t *testing.T, b []byte) {
		got := bundle.Read(b, 50)
		if len(got) == 0 || len(got) > 51 {
			t.Fatalf("%d objects", len(got))
		}
		line := 0
		for _, o := range got {
			if o.Line < line || o.Line > 1+bytes.Count(b, []byte("\n")) {
				t.Fatalf("line %d after line %d", o.Line, line)
			}
			line = o.Line
			secret := o.Kind == bundle.PrivateKey || o.Kind == bundle.Foreign
			if secret && o.Bytes != nil {
				t.Fatal("a private key is handed on")
			}
			if o.Damage == "" && !secret && len(o.Bytes) == 0 {
				t.Fatal("an object without bytes, damage or secret")
			}
		}
	})
}
