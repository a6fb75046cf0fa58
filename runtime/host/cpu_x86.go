//go:build 386 || amd64

package host

import (
	"encoding/binary"
	"strconv"
	"strings"

	"bee/stubs"
)

// cpuFlags are the features' names by the register that tells them, bit 0
// first, "-" where Linux shows none. Leaf and register are in the order in
// which /proc/cpuinfo has them.
var cpuFlags = []struct {
	leaf, sub uint32
	register  int // 0 to 3: EAX, EBX, ECX, EDX
	names     string
}{
	{1, 0, 3, "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe"},
	{0x80000001, 0, 3, "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow"},
	{1, 0, 2, "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor"},
	{0x80000001, 0, 2, "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt - lwp fma4 tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb - bpext ptsc perfctr_llc mwaitx - -"},
	{7, 0, 1, "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw avx512vl"},
	{0xd, 1, 0, "xsaveopt xsavec xgetbv1 xsaves"},
	{7, 1, 0, "- - - - avx_vnni avx512_bf16"},
	{7, 0, 2, "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni avx512_bitalg tme avx512_vpopcntdq - la57 - - - - - rdpid - bus_lock_detect cldemote - movdiri movdir64b enqcmd sgx_lc -"},
	{7, 0, 3, "- - avx512_4vnniw avx512_4fmaps fsrm - - - avx512_vp2intersect - md_clear - - - serialize - tsxldtrk - pconfig arch_lbr ibt - amx_bf16 avx512_fp16 amx_tile amx_int8 - - flush_l1d arch_capabilities - -"},
}

// ReadCPU asks the processor that the thread runs on.
func ReadCPU() CPU {
	var c CPU
	max, b, cx, d := stubs.CPUID(0, 0)
	maxExt, _, _, _ := stubs.CPUID(0x80000000, 0)
	c.MaxLeaf = max
	c.Vendor = letters(b, d, cx)
	a, b, _, _ := stubs.CPUID(1, 0)
	c.Stepping = a & 15
	c.Family, c.Model = a>>8&15, a>>4&15
	if c.Family == 6 || c.Family == 15 {
		c.Model |= a >> 12 & 0xf0
	}
	if c.Family == 15 {
		c.Family += a >> 20 & 0xff
	}
	c.ClearLine = b >> 8 & 0xff * 8
	there := func(leaf uint32) bool {
		return leaf < 0x80000000 && leaf <= max || leaf >= 0x80000000 && leaf <= maxExt && maxExt >= 0x80000000
	}
	for _, f := range cpuFlags {
		if !there(f.leaf) {
			continue
		}
		var r [4]uint32
		r[0], r[1], r[2], r[3] = stubs.CPUID(f.leaf, f.sub)
		for i, name := range strings.Fields(f.names) {
			if name != "-" && r[f.register]>>i&1 != 0 {
				c.Flags = append(c.Flags, name)
			}
		}
	}
	if there(0x80000004) {
		for leaf := uint32(0x80000002); leaf <= 0x80000004; leaf++ {
			a, b, cx, d := stubs.CPUID(leaf, 0)
			c.Name += letters(a, b, cx, d)
		}
		c.Name = strings.Trim(c.Name, " \x00")
	}
	c.PhysBits, c.VirtBits = 36, 32
	if there(0x80000008) {
		a, _, _, _ := stubs.CPUID(0x80000008, 0)
		c.PhysBits, c.VirtBits = a&0xff, a>>8&0xff
	}
	c.MHz = frequency(c.Name)
	if there(0x16) {
		if a, _, _, _ := stubs.CPUID(0x16, 0); a&0xffff != 0 {
			c.MHz = float64(a & 0xffff)
		}
	}
	c.ThreadsPerCore = 1
	if there(0xb) {
		if _, b, cx, _ := stubs.CPUID(0xb, 0); cx>>8&0xff == 1 && b&0xffff > 0 {
			c.ThreadsPerCore = int(b & 0xffff)
		}
	}
	leaf := uint32(4)
	if c.Vendor == "AuthenticAMD" || c.Vendor == "HygonGenuine" {
		leaf = 0x8000001d
	}
	for sub := uint32(0); there(leaf) && sub < 8; sub++ {
		a, b, cx, _ := stubs.CPUID(leaf, sub)
		kind := CacheType(a & 31)
		if kind < DataCache || kind > UnifiedCache {
			break
		}
		c.Caches = append(c.Caches, Cache{
			Level: int(a >> 5 & 7), Type: kind, Threads: int(a>>14&0xfff) + 1,
			Line: int(b&0xfff) + 1, Partitions: int(b>>12&0x3ff) + 1, Ways: int(b>>22) + 1, Sets: int(cx) + 1,
		})
	}
	return c
}

func letters(words ...uint32) string {
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return string(b)
}

// frequency finds "2.50GHz" at the end of a processor's name; 0 if there is none.
func frequency(name string) float64 {
	rest, ok := strings.CutSuffix(name, "GHz")
	if !ok {
		return 0
	}
	v, err := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
	if err != nil {
		return 0
	}
	return v * 1000
}
