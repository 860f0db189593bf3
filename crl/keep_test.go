package crl_test

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assaytls/assay/crl"
	"github.com/assaytls/assay/internal/bench/crlgen"
	f "github.com/assaytls/assay/internal/lab/forge"
)

// A list keeps its owner for as long as it is used, the last call included.
func TestKeep(t *testing.T) {
	raw, key := sample(t, 60000)
	var gone atomic.Bool
	collect := func() {
		for range 3 {
			runtime.GC()
			time.Sleep(5 * time.Millisecond)
		}
	}
	reading := func(crl.Entry) bool {
		if collect(); gone.Load() {
			t.Error("the owner is gone while the list is read")
		}
		return false
	}
	for name, use := range map[string]func(*crl.List) error{
		"All":            func(l *crl.List) error { return l.All(reading) },
		"Lookup":         func(l *crl.List) error { return l.Lookup(crlgen.Serial(3), reading) },
		"Lookup indexed": func(l *crl.List) error { l.Index(); return l.Lookup(crlgen.Serial(3), reading) },
		"others": func(l *crl.List) error {
			_, err := l.Listed(crlgen.Serial(3))
			return errors.Join(err, l.VerifySignature(nil, key))
		},
	} {
		l, err := crl.Parse(context.Background(), raw)
		if err != nil {
			t.Fatal(err)
		}
		gone.Store(false)
		owner := new([64]byte)
		runtime.AddCleanup(owner, func(int) { gone.Store(true) }, 0)
		l.Keep(owner)
		owner = nil
		if collect(); gone.Load() {
			t.Fatal("the owner is gone before the list")
		}
		if err := use(l); err != nil {
			t.Error(name, err)
		}
		for end := time.Now().Add(10 * time.Second); !gone.Load(); collect() {
			if time.Now().After(end) {
				t.Fatal("the owner outlives the list")
			}
		}
	}
}

// Nothing but the entries of a list stays in the bytes that it was made of:
// whoever has copied a field need not keep the owner.
func TestFieldsAreCopies(t *testing.T) {
	large, _ := sample(t, 60000)
	l, err := crl.Parse(context.Background(), large)
	if err != nil {
		t.Fatal(err)
	}
	index := l.Index()
	parseList := func(b []byte) (*crl.List, error) { return crl.Parse(context.Background(), b) }
	restored := func(b []byte) (*crl.List, error) { return crl.Restore(b, index) }
	full := f.NewRoot("Root", nil).CRL(f.CRL{Entries: []f.Entry{f.Revoke(f.Serial(5), f.KeyCompromise)}, Extensions: []f.Ext{
		f.AKI([]byte("key")), f.CRLNumber(7), f.DeltaIndicator(3), f.IDP{FullName: [][]byte{f.URI("http://a.test/1.crl")}}.Ext(),
		f.FreshestCRL(f.DP{FullName: [][]byte{f.URI("http://a.test/2.crl")}}), f.Unknown(false),
	}})
	for name, c := range map[string]struct {
		raw   []byte
		parse func([]byte) (*crl.List, error)
	}{"parsed": {full, parseList}, "restored": {large, restored}} {
		want, err := c.parse(bytes.Clone(c.raw))
		if err != nil {
			t.Fatal(name, err)
		}
		b := bytes.Clone(c.raw)
		got, err := c.parse(b)
		if err != nil {
			t.Fatal(name, err)
		}
		clear(b)
		v, w := reflect.ValueOf(got).Elem(), reflect.ValueOf(want).Elem()
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !reflect.DeepEqual(v.Field(i).Interface(), w.Field(i).Interface()) {
				t.Errorf("%s: %s changes with the bytes", name, f.Name)
			}
		}
	}
}
