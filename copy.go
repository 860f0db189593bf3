package assay

import (
	"reflect"
	"runtime"
	"runtime/debug"

	"github.com/assaytls/assay/evidence"
)

// deepCopy returns a copy of *v that shares nothing with it that could be
// changed: pointers, slices and maps reached through exported fields are copied
// too. What is behind unexported fields (of time.Time) is immutable.
func deepCopy[T any](v *T) *T {
	c := new(T)
	*c = *v
	unshare(reflect.ValueOf(c).Elem())
	return c
}

// unshare replaces all that v refers to by copies.
func unshare(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			to := reflect.New(v.Type().Elem())
			to.Elem().Set(v.Elem())
			unshare(to.Elem())
			v.Set(to)
		}
	case reflect.Slice:
		if !v.IsNil() {
			to := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(to, v)
			unshareAll(to)
			v.Set(to)
		}
	case reflect.Array:
		unshareAll(v)
	case reflect.Map:
		if !v.IsNil() {
			to := reflect.MakeMapWithSize(v.Type(), v.Len())
			for key, value := range v.Seq2() {
				own := reflect.New(value.Type()).Elem()
				own.Set(value)
				unshare(own)
				to.SetMapIndex(key, own)
			}
			v.Set(to)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				unshare(f)
			}
		}
	}
}

func unshareAll(v reflect.Value) {
	switch v.Type().Elem().Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map, reflect.Struct:
		for i := range v.Len() {
			unshare(v.Index(i))
		}
	}
}

// copyEvidence is deepCopy; the bodies are in memory then and have no owners.
func copyEvidence(ev *evidence.Evidence) *evidence.Evidence {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // bodies may be mapped files
	c := deepCopy(ev)
	runtime.KeepAlive(ev)
	for one := c; one != nil; one = one.AlsoServes {
		for i := range one.Artefacts {
			one.Artefacts[i].Owner = nil
		}
	}
	return c
}
