package stubs

var contextPlace = contextPlaces{pc: 0xf8, sp: 0x98, ax: 0x78, flags: 0x30}

type kickState struct{ State64 }

func (s *kickState) saved() (pc, ax uintptr) { return uintptr(s.RIP), uintptr(s.RAX) }
