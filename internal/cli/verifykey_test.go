package cli

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
)

// verify --key says whether a key in any form belongs to the certificate, and shows nothing of it.
func TestVerifyKey(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	pkcs8 := func(k *forge.Key) []byte {
		b, err := x509.MarshalPKCS8PrivateKey(k.Signer)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	root := forge.NewRoot("Root", nil)
	sub := root.Intermediate("Sub", nil)
	leaf := sub.Server("a.test", nil)
	rsaLeaf := sub.Server("a.test", forge.RSA(2048))
	edLeaf := sub.Server("a.test", forge.NewKey("Ed25519"))
	sec1, err := x509.MarshalECPrivateKey(leaf.Key.Signer.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := leaf.Key.Signer.(*ecdsa.PrivateKey).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	roots := write("root.pem", forge.PEM("CERTIFICATE", root.Raw))
	chain := write("chain.pem", forge.PEM("CERTIFICATE", leaf.Raw, sub.Raw))
	own := write("own.pem", forge.PEM("PRIVATE KEY", pkcs8(leaf.Key)))
	pass := write("pass", []byte("secret\n"))
	encrypted := filepath.Join(dir, "encrypted.pem")
	openssl(t, "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", own, "-out", encrypted, "-passout", "file:"+pass)
	for _, c := range []struct {
		name, chain, key string
		status           int
		want             string
	}{
		{"PKCS #8", chain, own, command.Accept, "key-of-certificate"},
		{"PKCS #8 in DER", chain, write("own.der", pkcs8(leaf.Key)), command.Accept, "key-of-certificate"},
		{"SEC 1", chain, write("sec1.pem", forge.PEM("EC PRIVATE KEY", sec1)), command.Accept, "key-of-certificate"},
		{"encrypted", chain, encrypted, command.Accept, "key-of-certificate"},
		{"in the same file", write("both.pem", append(forge.PEM("CERTIFICATE", leaf.Raw, sub.Raw), forge.PEM("PRIVATE KEY", pkcs8(leaf.Key))...)), filepath.Join(dir, "both.pem"), command.Accept, "key-of-certificate"},
		{"RSA", write("rsa.pem", forge.PEM("CERTIFICATE", rsaLeaf.Raw, sub.Raw)), write("rsa.key", forge.PEM("PRIVATE KEY", pkcs8(rsaLeaf.Key))), command.Accept, "key-of-certificate"},
		{"Ed25519", write("ed.pem", forge.PEM("CERTIFICATE", edLeaf.Raw, sub.Raw)), write("ed.key", forge.PEM("PRIVATE KEY", pkcs8(edLeaf.Key))), command.Accept, "key-of-certificate"},
		{"another", chain, write("other.pem", forge.PEM("PRIVATE KEY", pkcs8(forge.P256()))), command.Reject, "key-not-of-certificate"},
		{"another kind", chain, write("otherkind.pem", forge.PEM("PRIVATE KEY", pkcs8(forge.RSA(2048)))), command.Reject, "key-not-of-certificate"},
		{"the CA's", chain, write("ca.pem", forge.PEM("PRIVATE KEY", pkcs8(sub.Key))), command.Reject, "it belongs to certificate 2 of the file"},
		{"no key", chain, roots, command.UsageError, "it holds no private key"},
		{"a certificate in DER", chain, write("c.der", root.Raw), command.UsageError, "is a certificate, not a private key"},
		{"not there", chain, filepath.Join(dir, "nosuch"), command.UsageError, "no such file"},
		{"wrong password", chain, encrypted, command.UsageError, "password is wrong"},
	} {
		word := pass
		if c.name == "wrong password" {
			word = write("wrong", []byte("other\n"))
		}
		for _, format := range []string{"text", "json"} {
			status, out, errs := run("", "verify", c.chain, "--key", c.key, "--pass-file", word, "--roots", roots, "--name", "a.test", "--unknown", "allow", "--format", format)
			text := out + errs
			if status != c.status || !strings.Contains(flat(text), c.want) && !(format == "text" && status == command.Accept) {
				t.Errorf("%s, %s: status %d\n%s", c.name, format, status, text)
			}
			for skip := range 3 { // as base64 shows it at any place
				if strings.Contains(strings.Join(strings.Fields(text), ""), base64.StdEncoding.EncodeToString(secret[skip:skip+27])) {
					t.Errorf("%s: the key is printed", c.name)
				}
			}
		}
	}
}
