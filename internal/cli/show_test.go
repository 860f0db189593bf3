package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/internal/lab/forge"
)

// What an OCSP response says of a revoked certificate is all shown: when, why,
// and since when the responder keeps its records.
func TestShowOCSP(t *testing.T) {
	root := forge.NewRoot("Root", nil)
	s := root.RevokedSingle(forge.Serial(77), forge.CessationOfOperation)
	cutoff := time.Date(2019, 2, 3, 4, 5, 6, 0, time.UTC)
	s.Extensions = []forge.Ext{{OID: "1.3.6.1.5.5.7.48.1.6", Value: forge.GeneralizedTime(cutoff)}}
	file := filepath.Join(t.TempDir(), "response.der")
	if err := os.WriteFile(file, forge.OCSP{Singles: []forge.Single{s}}.Sign(root), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, errs := run("", "show", file)
	if status != 0 || errs != "" {
		t.Errorf("%d %s", status, errs)
	}
	for _, want := range []string{"revoked", "cessationOfOperation", "archive", "since 2019-02-03 04:05:06"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
