package stubs

import (
	"slices"
	"testing"
)

// indexes is [lo, hi) without some.
func indexes(lo, hi uint32, without ...uint32) []uint32 {
	var list []uint32
	for i := lo; i < hi; i++ {
		if !slices.Contains(without, i) {
			list = append(list, i)
		}
	}
	return list
}

func TestChooseSlots(t *testing.T) {
	inPlace := Slots{56, 57, 58, 59, 60, 61, 62, 63}
	for _, c := range []struct {
		name  string
		free  []uint32
		want  Slots
		spare []uint32
	}{
		{"all free", indexes(3, 64), inPlace, indexes(3, 56)},
		{"in any order", append(indexes(40, 64), 7, 3), inPlace, append([]uint32{3, 7}, indexes(40, 56)...)},
		{"just enough", indexes(56, 64), inPlace, nil},
		{"two taken", indexes(3, 64, 57, 63), Slots{56, 55, 58, 59, 60, 61, 62, 54}, indexes(3, 54)},
		{"all taken", indexes(0, 56), Slots{55, 54, 53, 52, 51, 50, 49, 48}, indexes(0, 48)},
		{"index 0 is one like the others", indexes(0, 8), Slots{7, 6, 5, 4, 3, 2, 1, 0}, nil},
	} {
		got, spare, err := chooseSlots(c.free)
		if err != nil || got != c.want || !slices.Equal(spare, c.spare) {
			t.Errorf("%s: %d, spare %d, %v; want %d, spare %d", c.name, got, spare, err, c.want, c.spare)
		}
		if got.Moved() != (c.want != inPlace) {
			t.Errorf("%s: moved is %v", c.name, got.Moved())
		}
	}
	for _, free := range [][]uint32{nil, indexes(57, 64)} {
		if s, _, err := chooseSlots(free); err == nil {
			t.Errorf("%d free indexes suffice: %d", len(free), s)
		}
	}
}
