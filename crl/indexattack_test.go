package crl_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/assaytls/assay/crl"
	f "github.com/assaytls/assay/internal/lab/forge"
)

// manyEntries is more than an index is worth saving for.
func manyEntries(t *testing.T, extra ...f.Entry) *crl.List {
	t.Helper()
	var b bytes.Buffer
	for i := range 50_000 {
		b.Write(f.Revoke(binary.BigEndian.AppendUint64([]byte{1}, uint64(i)), -1).DER())
	}
	l, err := crl.Parse(context.Background(), world().lists.CRL(f.CRL{Entries: extra, RawEntries: b.Bytes(), Extensions: exts(f.IDP{Indirect: true}.Ext())}))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Lists whose entries an index cannot tell apart are not indexed, however
// often they are asked, and no index of them is saved.
func TestNotIndexed(t *testing.T) {
	w := world()
	padded := append([]byte{0}, serial...)
	for name, c := range map[string]struct {
		entries []f.Entry
		issuers int // names of the entry found
	}{
		"plain":   {entries(listed), 0},
		"padded":  {entries(f.Revoke(padded, 1)), 0},
		"issuer":  {entries(f.Revoke(f.Serial(5), 1, f.CertificateIssuer(aName(w.ca))), listed), 1},
		"unknown": {entries(f.Revoke(serial, 1, f.Unknown(true))), 0},
	} {
		l := manyEntries(t, c.entries...)
		for range 8 {
			found := 0
			if err := l.Lookup(serial, func(e crl.Entry) bool {
				if found++; len(e.Issuer) != c.issuers {
					t.Errorf("%s: issuers %v", name, e.Issuer)
				}
				return true
			}); err != nil || found != 1 {
				t.Errorf("%s: %d entries, %v", name, found, err)
			}
		}
		if saved := l.Index(); (saved == nil) != (name != "plain") {
			t.Errorf("%s: an index of %d octets", name, len(saved))
		}
	}
}

// An index whose checksum is right but whose fields are those of another body
// is not taken.
func TestRestoreOtherFields(t *testing.T) {
	set, _ := sample(t, 30000)
	l, err := crl.Parse(context.Background(), set)
	if err != nil {
		t.Fatal(err)
	}
	saved := l.Index()
	const fields, sum = 12, 12 + 5*8 + 1 + 64 + 32
	if saved == nil || sha256.Sum256(saved[:sum]) != [32]byte(saved[sum:sum+32]) {
		t.Fatal("the layout is another one")
	}
	change := func(at int, delta byte) []byte {
		b := bytes.Clone(saved)
		b[at] += delta
		s := sha256.Sum256(b[:sum])
		copy(b[sum:], s[:])
		return b
	}
	if _, err := crl.Restore(set, change(fields, 0)); err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string]int{"size": fields, "where the entries begin": fields + 8, "their octets": fields + 16, "their number": fields + 24,
		"the digest's length": fields + 40} {
		if _, err := crl.Restore(set, change(at, 1)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	longer := append(bytes.Clone(set), 0)
	if _, err := crl.Restore(longer, change(fields, 0)); err == nil {
		t.Error("a longer body: taken")
	}
}
