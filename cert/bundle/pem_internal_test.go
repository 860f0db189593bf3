package bundle

import (
	"bytes"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/assaytls/assay/internal/lab/forge"
)

// Every block is read as pem.Decode reads it, whichever way it takes.
func FuzzDecoded(f *testing.F) {
	good := string(forge.PEM("CERTIFICATE", []byte("some octets, more than fit on one line of base64, which has 64 characters")))
	for _, s := range []string{good, good + good, strings.TrimSuffix(good, "\n"), strings.ReplaceAll(good, "\n", "\r\n"), strings.Replace(good, "END ", "END X", 1),
		strings.Replace(good, "\n-----END", " \n-----END", 1), strings.Replace(good, "-----\n", "-----\nProc-Type: 4\n\n", 1), strings.Replace(good, "=", "", 1),
		strings.Replace(good, "END CERTIFICATE-----", "END CERTIFICATE----- x", 1), strings.Replace(good, "END CERTIFICATE-----", "END CERTIFICATE-----\t", 1),
		"-----BEGIN -----\n-----END -----\n", "-----BEGIN A-----\n-----END A-----", "-----BEGIN A-----\n\n-----END A-----", "-----BEGIN A-----\nAA==\nAA==\n-----END A-----",
		"-----BEGIN A-----\nAB==\n-----END A-----\n", "-----BEGIN A-----AA==\n-----END A-----\n", "-----BEGIN A\n-----\nAA==\n-----END A\n-----\n", "-----BEGIN A-----\nAA==-----END A-----\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = append([]byte(begin), bytes.TrimPrefix(b, []byte(begin))...)
		if i := bytes.Index(b[len(begin):], []byte(begin)); i >= 0 {
			b = b[:len(begin)+i] // as Reader hands it over: one block
		}
		got := decoded(b)
		want, _ := pem.Decode(b)
		if (got == nil) != (want == nil) || got != nil && (got.Type != want.Type || !bytes.Equal(got.Bytes, want.Bytes) || len(got.Headers) != len(want.Headers)) {
			t.Errorf("%q\ngot  %+v\nwant %+v", b, got, want)
		}
	})
}

// What every program writes takes the short way.
func TestPlainBlock(t *testing.T) {
	b := forge.PEM("CERTIFICATE", []byte("some octets"))
	if label, _, ok := plainBlock(b); !ok || string(label) != "CERTIFICATE" {
		t.Errorf("%q, %v", label, ok)
	}
	if n := testing.AllocsPerRun(100, func() { decoded(b) }); n > 3 {
		t.Errorf("%v allocations", n)
	}
}
