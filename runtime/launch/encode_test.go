package launch

import (
	"reflect"
	"testing"
)

// fill sets all of v to values that differ from each other.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.String:
		// A lone surrogate as WTF-8 has it, and bytes of no encoding.
		v.SetString("\xed\xa0\x80 \xff\x00" + string(rune('a'+*n)))
	case reflect.Bool:
		v.SetBool(true)
	default:
		if v.CanInt() {
			v.SetInt(int64(-*n))
		} else {
			v.SetUint(uint64(*n))
		}
	}
}

// TestEncode: every field arrives, byte for byte.
func TestEncode(t *testing.T) {
	var sent, got Config
	n := 0
	fill(reflect.ValueOf(&sent).Elem(), &n)
	b := encode(sent)
	if err := decode(append(b, 0, 0), &got); err != nil || !reflect.DeepEqual(sent, got) {
		t.Errorf("%v:\n%+v\nwant\n%+v", err, got, sent)
	}
	for cut := range b {
		if decode(b[:cut], new(Config)) == nil {
			t.Fatalf("the first %d of %d bytes are accepted", cut, len(b))
		}
	}
}

func FuzzDecode(f *testing.F) {
	var c Config
	n := 0
	fill(reflect.ValueOf(&c).Elem(), &n)
	f.Add(encode(c))
	f.Add(encode(Config{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c, again Config
		if decode(b, &c) != nil {
			return
		}
		if err := decode(encode(c), &again); err != nil || !reflect.DeepEqual(c, again) {
			t.Errorf("%v: %+v comes back as %+v", err, c, again)
		}
	})
}
