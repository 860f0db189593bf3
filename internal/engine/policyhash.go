package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"reflect"
	"time"
)

// Hash names the policy in reports and in what is remembered: equal hashes,
// equal policies. It goes through all fields, new ones too; encoding/json would
// take a good part of a short process to prepare for that.
func (p Policy) Hash() [32]byte {
	return sha256.Sum256(appendValue(nil, reflect.ValueOf(p)))
}

func (p Policy) hash() string { return hexHash(p.Hash()) }

// appendValue writes v so that different values of one type never look alike.
func appendValue(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			b = binary.BigEndian.AppendUint64(b, uint64(t.Unix()))
			return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
		}
		for i := range v.NumField() {
			b = appendValue(b, v.Field(i))
		}
		return b
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, 0)
		}
		return appendValue(append(b, 1), v.Elem())
	case reflect.Slice:
		if v.IsNil() {
			return append(b, 0)
		}
		b = binary.BigEndian.AppendUint64(append(b, 1), uint64(v.Len()))
		for i := range v.Len() {
			b = appendValue(b, v.Index(i))
		}
		return b
	case reflect.String:
		return append(binary.BigEndian.AppendUint64(b, uint64(v.Len())), v.String()...)
	case reflect.Bool:
		if v.Bool() {
			return append(b, 1)
		}
		return append(b, 0)
	case reflect.Int, reflect.Int64:
		return binary.BigEndian.AppendUint64(b, uint64(v.Int()))
	}
	panic(fmt.Sprintf("engine: a Policy with a %s", v.Kind()))
}
