//go:build unix

package crl_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/internal/bench/crlgen"
)

// A file that is cut while it is mapped gives errors, in each function.
func TestMappedFileCut(t *testing.T) {
	raw, key := sample(t, 60000)
	file := filepath.Join(t.TempDir(), "list")
	mapped := func() []byte {
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		b, err := syscall.Mmap(int(h.Fd()), 0, len(raw), syscall.PROT_READ, syscall.MAP_SHARED)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Munmap(b) })
		return b
	}
	cut := func() {
		if err := os.Truncate(file, 8192); err != nil {
			t.Fatal(err)
		}
	}
	unreadable := func(what string, err error) {
		t.Helper()
		if e, ok := err.(*crl.Error); !ok || e.ID != finding.CRLUnreadable {
			t.Errorf("%s: %v", what, err)
		}
	}
	b := mapped()
	cut()
	_, err := crl.Parse(context.Background(), b)
	unreadable("Parse", err)
	b = mapped()
	l, err := crl.Parse(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	l2, _ := crl.Parse(context.Background(), b)
	saved := l2.Index()
	cut()
	if err := l.VerifySignature(nil, key); err != nil {
		t.Error(err) // the digest is known
	}
	for range 6 { // the last ones want to build an index
		_, err = l.Listed(crlgen.Serial(59999))
		unreadable("Listed", err)
		unreadable("Lookup", l.Lookup(crlgen.Serial(59999), func(crl.Entry) bool { return true }))
	}
	_, err = l2.Listed(crlgen.Serial(59999))
	unreadable("Listed with an index", err)
	if l.Index() != nil {
		t.Error("an index of nothing")
	}
	_, err = crl.Restore(b, saved)
	unreadable("Restore", err)
}
