package stubs

import (
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

// TestOffsets compares what the assembly files say of the State's layout with
// the Go types.
func TestOffsets(t *testing.T) {
	define := regexp.MustCompile(`(?m)^#define S_(\w+) (0x[0-9a-f]+)$`)
	for file, typ := range map[string]reflect.Type{
		"enter_windows_386.s":   reflect.TypeFor[State32](),
		"enter_windows_amd64.s": reflect.TypeFor[State64](),
		"kick_windows_386.s":    reflect.TypeFor[State32](),
		"kick_windows_amd64.s":  reflect.TypeFor[State64](),
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fields := map[string]uintptr{}
		for i := range typ.NumField() {
			f := typ.Field(i)
			fields[strings.ToUpper(f.Name)] = f.Offset
		}
		names := map[string]string{"VMODE": "VECTORMODE", "VMASKLO": "VECTORMASKLO", "VMASKHI": "VECTORMASKHI"}
		n := 0
		for _, m := range define.FindAllStringSubmatch(string(text), -1) {
			off, err := strconv.ParseUint(m[2], 0, 32)
			if err != nil {
				t.Fatal(err)
			}
			name := m[1]
			if other, ok := names[name]; ok {
				name = other
			}
			want, ok := fields[name]
			if name == "VECTOR" {
				want, ok = VectorOffset, true
			}
			if !ok || want != uintptr(off) {
				t.Errorf("%s: S_%s is %#x, the field %s of %s is at %#x (found: %v)", file, m[1], off, name, typ.Name(), want, ok)
			}
			n++
		}
		if n < 12 {
			t.Errorf("%s: only %d offsets found", file, n)
		}
	}
	if s := unsafe.Sizeof(State32{}); s != VectorOffset {
		t.Errorf("State32 is %#x bytes", s)
	}
	if s := unsafe.Sizeof(State64{}); s != VectorOffset {
		t.Errorf("State64 is %#x bytes", s)
	}
	s32, s64 := State32{}, State64{}
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"EAX", unsafe.Offsetof(s32.EAX), state32EAX},
		{"ECX", unsafe.Offsetof(s32.ECX), state32ECX},
		{"EIP", unsafe.Offsetof(s32.EIP), state32EIP},
		{"RAX", unsafe.Offsetof(s64.RAX), state64RAX},
		{"RCX", unsafe.Offsetof(s64.RCX), state64RCX},
		{"RIP", unsafe.Offsetof(s64.RIP), state64RIP},
	} {
		if c.got != c.want {
			t.Errorf("%s is at %#x, the thunk page writes to %#x", c.name, c.got, c.want)
		}
	}
}

// TestReasons compares the reasons that the assembly gives with the Go ones.
func TestReasons(t *testing.T) {
	for _, file := range []string{"enter_windows_386.s", "enter_windows_amd64.s"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]Reason{"FAULT": ReasonFault, "INTERRUPT": ReasonInterrupt} {
			if !strings.Contains(string(text), "#define REASON_"+name+" "+strconv.Itoa(int(want))+"\n") {
				t.Errorf("%s: REASON_%s is not %d", file, name, want)
			}
		}
	}
}
