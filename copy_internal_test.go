package assay

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/assaytls/assay/evidence"
	"github.com/assaytls/assay/internal/download"
	"github.com/assaytls/assay/internal/lab/forge"
	"github.com/assaytls/assay/policy"
	"github.com/assaytls/assay/report"
)

// fill gives everything below v a value of its own, two levels of recursive
// types deep.
func fill(v reflect.Value, n *int, depth int) {
	*n++
	switch v.Kind() {
	case reflect.Pointer:
		if depth < 12 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), n, depth+1)
		}
	case reflect.Slice:
		if depth < 12 {
			v.Set(reflect.MakeSlice(v.Type(), 2, 3))
			fill(v.Index(0), n, depth+1)
			fill(v.Index(1), n, depth+1)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n, depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(key, n, depth+1)
			fill(value, n, depth+1)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(int64(*n), 0).UTC()))
			return
		}
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), n, depth+1)
			}
		}
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(float64(*n))
	case reflect.Int, reflect.Int8, reflect.Int64:
		v.SetInt(int64(*n % 100))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n % 100))
	case reflect.Interface:
	default:
		panic("a kind that deepCopy does not know: " + v.Kind().String())
	}
}

// shared lists what two values both refer to, and fields that no copy reaches.
func shared(t *testing.T, where string, a, b reflect.Value) {
	switch a.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if a.IsNil() {
			return
		}
		if a.Pointer() == b.Pointer() {
			t.Errorf("%s is shared", where)
		}
	case reflect.Interface:
		if strings.ReplaceAll(where, ".AlsoServes", "") != "evidence.Artefacts[].Owner" || !b.IsNil() {
			t.Errorf("%s is an interface", where)
		}
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		t.Errorf("%s is a %s", where, a.Kind())
	}
	switch a.Kind() {
	case reflect.Pointer:
		shared(t, where, a.Elem(), b.Elem())
	case reflect.Slice, reflect.Array:
		for i := range a.Len() {
			shared(t, where+"[]", a.Index(i), b.Index(i))
		}
	case reflect.Map:
		for _, key := range a.MapKeys() {
			shared(t, where+"[]", a.MapIndex(key), b.MapIndex(key))
		}
	case reflect.Struct:
		if a.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range a.NumField() {
			name := where + "." + a.Type().Field(i).Name
			if !a.Type().Field(i).IsExported() {
				t.Errorf("%s is not exported: nobody copies what it refers to", name)
				continue
			}
			shared(t, name, a.Field(i), b.Field(i))
		}
	}
}

// Copies for hooks are equal and share nothing.
func TestDeepCopy(t *testing.T) {
	n := 0
	var ev evidence.Evidence
	fill(reflect.ValueOf(&ev).Elem(), &n, 0)
	var r report.Report
	fill(reflect.ValueOf(&r).Elem(), &n, 0)
	if n < 500 {
		t.Fatalf("only %d values were set", n)
	}
	ev.Artefacts[0].Owner, ev.AlsoServes.Artefacts[0].Owner = "of a mapped file", "of another one"
	ev2, r2 := copyEvidence(&ev), deepCopy(&r)
	if ev2.Artefacts[0].Owner != nil || ev2.AlsoServes.Artefacts[0].Owner != nil {
		t.Error("a copy keeps the owner of what it does not use")
	}
	ev.Artefacts[0].Owner, ev.AlsoServes.Artefacts[0].Owner = nil, nil
	if !reflect.DeepEqual(&ev, ev2) || !reflect.DeepEqual(&r, r2) {
		t.Error("a copy is not equal")
	}
	shared(t, "evidence", reflect.ValueOf(ev), reflect.ValueOf(*ev2))
	shared(t, "report", reflect.ValueOf(r), reflect.ValueOf(*r2))
	if c := deepCopy(&report.Report{}); !reflect.DeepEqual(c, &report.Report{}) {
		t.Errorf("of the zero report: %+v", c)
	}
}

// The zero Config asks for what the package comment says, and for nothing else.
func TestZeroPolicy(t *testing.T) {
	v, err := New(Config{Roots: [][]byte{forge.NewRoot("Defaults", nil).Raw}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if want := (policy.Policy{Unknown: policy.UnknownWarn}); !reflect.DeepEqual(v.policy, want) || v.access != (download.Access{}) || v.conf.Network != FirstContact {
		t.Errorf("the zero Config's policy is %+v, its access %+v", v.policy, v.access)
	}
}
