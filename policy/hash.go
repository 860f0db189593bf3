package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"reflect"
	"time"
)

// Hash names the policy in reports and in what is remembered: equal hashes,
// equal rules. A default that is spelt out hashes as one that is not.
func (p Policy) Hash() [32]byte {
	if p.Skew == 0 {
		p.Skew = DefaultSkew
	}
	if p.MaxDepth < 0 {
		p.MaxDepth = NoIntermediates
	}
	p.Purpose = Purpose(p.Purpose.String())
	if p.Schemes == 0 {
		p.Schemes = Only(AllScheme()...)
	}
	// All fields, new ones too; encoding/json would take a good part of a short
	// process to prepare for that.
	var room [768]byte // a policy without lists of its own has less
	return sha256.Sum256(appendValue(room[:0], reflect.ValueOf(p)))
}

// appendValue writes v so that different values of one type never look alike.
func appendValue(b []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() { // of others Interface would make a copy
			t := v.Interface().(time.Time)
			b = binary.BigEndian.AppendUint64(b, uint64(t.Unix()))
			return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
		}
		for i := range v.NumField() {
			b = appendValue(b, v.Field(i))
		}
		return b
	case reflect.Slice:
		b = binary.BigEndian.AppendUint64(b, uint64(v.Len()))
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
	case reflect.Uint8, reflect.Uint32:
		return binary.BigEndian.AppendUint32(b, uint32(v.Uint()))
	}
	panic(fmt.Sprintf("policy: a Policy with a %s", v.Kind()))
}
