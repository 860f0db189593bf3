package cli

import (
	"bytes"
	"io"
	"testing"

	"github.com/assaytls/assay/cert/bundle"
	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/internal/session"
)

// pkcs7 builds a signed-data container of certificates and lists, signed by nobody.
func pkcs7(certs, crls []byte) []byte {
	return forge.Seq(forge.OID("1.2.840.113549.1.7.2"), forge.Explicit(0, forge.Seq(forge.Int(1), forge.Set(),
		forge.Seq(forge.OID("1.2.840.113549.1.7.1")), forge.Explicit(0, certs), forge.Explicit(1, crls), forge.Set())))
}

func TestPKCS7(t *testing.T) {
	root := forge.NewRoot("Bundle Root", nil)
	leaf := root.Server("a.test", nil)
	list := root.CRL(forge.CRL{})
	show := func(b []byte) []object { return shown{kind: kindAuto}.open(bundle.Read(b, 0), "b") }
	container := pkcs7(append(append([]byte{}, leaf.Raw...), root.Raw...), list)
	for _, form := range [][]byte{container, forge.PEM("PKCS7", container)} {
		certs, err := session.Certificates(t.Context(), command.NewRun("assay", nil, io.Discard, io.Discard), "b", form, "")
		if err != nil || len(certs) != 2 || !bytes.Equal(certs[0], leaf.Raw) || !bytes.Equal(certs[1], root.Raw) {
			t.Errorf("%d certificates, %v", len(certs), err)
		}
	}
	objects := show(container)
	if len(objects) != 3 || !objects[0].decoded || !objects[1].decoded || !objects[2].decoded || objects[2].Kind != "CRL" {
		t.Errorf("shown as %+v", objects)
	}
	empty := pkcs7(nil, nil)
	if _, err := session.Certificates(t.Context(), command.NewRun("assay", nil, io.Discard, io.Discard), "b", empty, ""); err == nil {
		t.Error("an empty container has a certificate")
	}
	if objects := show(empty); len(objects) != 1 || objects[0].decoded {
		t.Errorf("an empty container is shown as %+v", objects)
	}
	for cut := range container {
		show(container[:cut]) // no panic
	}
}
