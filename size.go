package assay

import (
	"reflect"
	"time"
)

// sizeOf is what *v and all that it refers to hold in memory, in bytes, roughly:
// what is shared is counted each time, what maps need for themselves is not.
func sizeOf[T any](v *T) int64 { return size(reflect.ValueOf(v).Elem()) }

func size(v reflect.Value) int64 { return int64(v.Type().Size()) + beyond(v) }

// beyond is what v refers to.
func beyond(v reflect.Value) (n int64) {
	switch v.Kind() {
	case reflect.String:
		return int64(v.Len())
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return size(v.Elem())
		}
	case reflect.Slice:
		n = int64(v.Cap()) * int64(v.Type().Elem().Size())
		fallthrough
	case reflect.Array:
		switch v.Type().Elem().Kind() {
		case reflect.String, reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Array, reflect.Map, reflect.Struct:
			for i := range v.Len() {
				n += beyond(v.Index(i))
			}
		}
	case reflect.Map:
		for key, value := range v.Seq2() {
			n += size(key) + size(value)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() { // zones are shared by all
			return 0
		}
		for i := range v.NumField() {
			n += beyond(v.Field(i))
		}
	}
	return n
}
