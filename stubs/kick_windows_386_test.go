package stubs

var contextPlace = contextPlaces{pc: 0xb8, sp: 0xc4, ax: 0xb0, flags: 0}

type kickState struct{ State32 }

func (s *kickState) saved() (pc, ax uintptr) { return uintptr(s.EIP), uintptr(s.EAX) }
