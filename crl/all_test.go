package crl_test

import (
	"context"
	"testing"
	"time"

	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/internal/lab/forge"
)

func TestAll(t *testing.T) {
	ca := forge.NewRoot("Root", forge.P256())
	l, err := crl.Parse(context.Background(), ca.CRL(forge.CRL{ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour),
		Entries: []forge.Entry{forge.Revoke(forge.Serial(7), 1), forge.Revoke(forge.Serial(5), 6), forge.Revoke(forge.Serial(9), 0)}}))
	if err != nil {
		t.Fatal(err)
	}
	var serials []byte
	if err := l.All(func(e crl.Entry) bool { serials = append(serials, e.Serial...); return len(serials) < 2 }); err != nil {
		t.Fatal(err)
	}
	if string(serials) != "\x07\x05" {
		t.Errorf("%x", serials)
	}
}
