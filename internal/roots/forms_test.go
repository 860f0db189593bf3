package roots_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/lab/peers"
	"github.com/assaytls/assay/internal/roots"
)

// Files as Windows writes them: PEM behind a byte-order mark, and PKCS #7 as
// OpenSSL makes it, in both encodings.
func TestFormsOfWindows(t *testing.T) {
	root := forge.NewRoot("Windows Root", nil)
	dir := t.TempDir()
	name := func(s string) string { return filepath.Join(dir, s) }
	pem := forge.PEM("CERTIFICATE", root.Raw)
	for file, b := range map[string][]byte{"root.pem": pem, "bom.pem": append([]byte("\xef\xbb\xbf"), pem...)} {
		if err := os.WriteFile(name(file), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for file, form := range map[string]string{"pem.p7b": "PEM", "der.p7b": "DER"} {
		if out, err := exec.Command(peers.Path(t, "openssl"), "crl2pkcs7", "-nocrl", "-certfile", name("root.pem"), "-outform", form, "-out", name(file)).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	for _, file := range []string{"bom.pem", "pem.p7b", "der.p7b"} {
		anchors, err := roots.Load(roots.Options{Files: []string{name(file)}})
		if err != nil || anchors.Len() != 1 || !bytes.Equal(anchors.Certificates()[0], root.Raw) {
			t.Errorf("%s: %v", file, err)
		}
	}
}
