package plan

// owners tells which range has a byte. Stretches of bytes that ranges take do
// not overlap. One bit per byte of text says that a byte is taken; the map has
// the first byte of each stretch only.
type owners struct {
	text  code // for index alone
	taken bitmap
	first map[uint64]*patchRange
}

func newOwners(regions []Region) owners {
	o := owners{text: code{regions: regions, base: make([]int, 1, len(regions)+1)}, first: map[uint64]*patchRange{}}
	for i, r := range regions {
		o.text.base = append(o.text.base, o.text.base[i]+len(r.Data))
	}
	o.taken = newBitmap(o.text.size())
	return o
}

// has tells whether byte a is taken.
func (o *owners) has(a uint64) bool {
	i, ok := o.text.index(a)
	return ok && o.taken.get(i)
}

// at gives the range that has byte a, nil if it is free.
func (o *owners) at(a uint64) *patchRange {
	if !o.has(a) {
		return nil
	}
	for ; ; a-- {
		if r := o.first[a]; r != nil {
			return r
		}
	}
}

// take gives r the bytes [start, end), which are free and lie in one region.
func (o *owners) take(start, end uint64, r *patchRange) {
	i, _ := o.text.index(start)
	o.taken.setRange(i, i+int(end-start))
	o.first[start] = r
}

// release frees the stretch [start, end).
func (o *owners) release(start, end uint64) {
	i, _ := o.text.index(start)
	for k := range int(end - start) {
		o.taken.clear(i + k)
	}
	delete(o.first, start)
}
