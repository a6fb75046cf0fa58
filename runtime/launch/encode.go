package launch

import (
	"encoding/binary"
	"fmt"
	"reflect"
)

// The configuration's form in the section: the fields in their order, numbers
// and lengths of 8 bytes, little endian, strings as their bytes. JSON would
// not do: names and arguments need not be UTF-8 (a lone surrogate of Windows
// comes as WTF-8), and JSON replaces what is not.

// encode gives v in that form: structs, slices, strings, integers, booleans.
func encode(v any) []byte { return appendValue(nil, reflect.ValueOf(v)) }

func appendValue(b []byte, v reflect.Value) []byte {
	word := func(n uint64) { b = binary.LittleEndian.AppendUint64(b, n) }
	switch {
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			b = appendValue(b, v.Field(i))
		}
	case v.Kind() == reflect.Slice:
		word(uint64(v.Len()))
		for i := range v.Len() {
			b = appendValue(b, v.Index(i))
		}
	case v.Kind() == reflect.String:
		word(uint64(v.Len()))
		b = append(b, v.String()...)
	case v.Kind() == reflect.Bool && v.Bool():
		word(1)
	case v.Kind() == reflect.Bool:
		word(0)
	case v.CanInt():
		word(uint64(v.Int()))
	case v.CanUint():
		word(v.Uint())
	default:
		panic("launch: no encoding of " + v.Type().String()) // of a new field; TestEncode meets it
	}
	return b
}

// decode reads into *v what encode has made; what follows is left alone.
func decode(b []byte, v any) error {
	d := decoder{b: b}
	d.value(reflect.ValueOf(v).Elem())
	return d.err
}

type decoder struct {
	b   []byte
	at  int
	err error
}

// bytes takes n bytes, or nothing once there was an error.
func (d *decoder) bytes(n uint64) []byte {
	if d.err == nil && n > uint64(len(d.b)-d.at) {
		d.err = fmt.Errorf("configuration: %d bytes wanted at %d of %d", n, d.at, len(d.b))
	}
	if d.err != nil {
		return nil
	}
	d.at += int(n)
	return d.b[d.at-int(n) : d.at]
}

func (d *decoder) word() uint64 {
	if b := d.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) value(v reflect.Value) {
	switch {
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			d.value(v.Field(i))
		}
	case v.Kind() == reflect.Slice:
		n := d.word()
		// Every element takes bytes, so a length beyond them is wrong.
		if n > uint64(len(d.b)-d.at) {
			d.bytes(n)
			return
		}
		for range n {
			e := reflect.New(v.Type().Elem()).Elem()
			if d.value(e); d.err != nil {
				return
			}
			v.Set(reflect.Append(v, e))
		}
	case v.Kind() == reflect.String:
		v.SetString(string(d.bytes(d.word())))
	case v.Kind() == reflect.Bool:
		v.SetBool(d.word() != 0)
	case v.CanInt():
		v.SetInt(int64(d.word()))
	case v.CanUint():
		v.SetUint(d.word())
	}
}
