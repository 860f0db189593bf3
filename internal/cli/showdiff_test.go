package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/command"
	"github.com/assaytls/assay/internal/lab/forge"
)

// Two certificates are compared field by field, names one by one.
func TestShowDiffCertificates(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	key := forge.P256()
	issue := func(exts ...forge.Ext) []byte {
		return root.Issue(forge.Cert{Subject: forge.CN("x"), Key: key, Serial: forge.Serial(5), Extensions: exts}).Raw
	}
	a := place(t, "a.pem", forge.PEM("CERTIFICATE", issue(forge.SAN(forge.DNS("a.test"), forge.DNS("b.test")), forge.KeyUsage(forge.DigitalSignature))))
	b := place(t, "b.pem", forge.PEM("CERTIFICATE", issue(forge.SAN(forge.DNS("b.test"), forge.DNS("c.test")), forge.KeyUsage(forge.DigitalSignature).NonCrit(), forge.MustStaple())))
	status, out, _ := run("", "show", "--diff", a, b)
	says(t, out, "names - dns:a.test + dns:c.test", "keyUsage - digitalSignature (critical) + digitalSignature", "tlsFeature + status_request")
	if status != command.Reject || strings.Contains(out, "b.test\n") || strings.Contains(out, "serial") {
		t.Errorf("status %d\n%s", status, out)
	}
	if status, out, _ := run("", "show", "--diff", a, a); status != command.Accept || !strings.Contains(out, "are the same") {
		t.Errorf("status %d\n%s", status, out)
	}
	_, out, _ = run("", "show", "--diff", "--format", "json", a, b)
	var c comparison
	if err := json.Unmarshal([]byte(out), &c); err != nil || c.Same || c.Kind != "certificate" || c.Differences[0].Field != "names" || c.Differences[0].OnlyB[0] != "dns:c.test" {
		t.Errorf("%v %s", err, out)
	}
	crl := place(t, "a.crl", root.CRL(forge.CRL{}))
	for _, args := range [][]string{{a}, {a, b, a}, {a, crl}, {a, place(t, "text", []byte("text"))}} {
		if status, _, errs := run("", append([]string{"show", "--diff"}, args...)...); status != command.UsageError || errs == "" {
			t.Errorf("%v: status %d, %s", args, status, errs)
		}
	}
}

// Two CRLs are compared entry by entry: what was added, removed and changed.
func TestShowDiffCRLs(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	list := func(number int64, entries ...forge.Entry) string {
		return place(t, "x.crl", root.CRL(forge.CRL{Entries: entries, Extensions: []forge.Ext{forge.CRLNumber(number)}}))
	}
	kept := forge.Revoke(forge.Serial(1), forge.Superseded)
	held, final := forge.Revoke(forge.Serial(2), forge.CertificateHold), forge.Revoke(forge.Serial(2), forge.KeyCompromise)
	a, b := list(7, kept, held), list(8, kept, final, forge.Revoke(forge.Serial(3), forge.Superseded))
	status, out, _ := run("", "show", "--diff", a, b)
	says(t, out, "number - 07 + 08", "entries - 2 + 3", ", certificateHold + 02 since", ", keyCompromise", "+ 03 since")
	if status != command.Reject || strings.Contains(out, "01 since") {
		t.Errorf("status %d\n%s", status, out)
	}
}
