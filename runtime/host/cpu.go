package host

// CPU is the processor's kind, as CPUID tells it.
type CPU struct {
	Vendor, Name            string
	Family, Model, Stepping uint32
	MaxLeaf                 uint32
	// Flags are its features by Linux's names, in the order of /proc/cpuinfo.
	Flags              []string
	PhysBits, VirtBits uint32 // sizes of addresses
	ClearLine          uint32 // bytes that CLFLUSH takes
	MHz                float64
	ThreadsPerCore     int
	Caches             []Cache
}

// Cache is one of a processor's caches (Intel SDM, CPUID leaf 4).
type Cache struct {
	Level                        int
	Type                         CacheType
	Line, Partitions, Ways, Sets int
	// Threads is how many logical processors share it at most.
	Threads int
}

// Size is in bytes.
func (c Cache) Size() int { return c.Line * c.Partitions * c.Ways * c.Sets }

// CacheType says what a cache holds.
type CacheType uint8

// The types, with CPUID's numbers.
const (
	DataCache CacheType = 1 + iota
	InstructionCache
	UnifiedCache
)

func (t CacheType) String() string {
	switch t {
	case DataCache:
		return "Data"
	case InstructionCache:
		return "Instruction"
	}
	return "Unified"
}
