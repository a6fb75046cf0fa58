package kernel

import (
	"sync/atomic"

	"bee/runtime/abi"
)

// testCPU is a CPU without a processor: it keeps what the kernel stores.
type testCPU struct {
	base   uint64
	regs   Registers
	ret    int64
	again  int // how often a call is to be executed again
	kicked atomic.Int32
}

func (c *testCPU) ThreadPointer() uint64 { return c.base }

func (c *testCPU) SetThreadPointer(b uint64) abi.Errno {
	c.base = b
	return 0
}

func (c *testCPU) Registers(r *Registers, fp bool) {
	*r = c.regs
	if fp && r.FP == nil {
		r.FP = make([]byte, fxsaveSize)
	}
}

func (c *testCPU) SetRegisters(r *Registers) { c.regs = *r }

func (c *testCPU) SetReturn(v int64) { c.ret, c.regs.AX = v, uint64(v) }

func (c *testCPU) SyscallAgain(nr uint32) {
	c.again++
	c.regs.AX = uint64(nr)
}

func (c *testCPU) Interrupt() { c.kicked.Add(1) }

func (c *testCPU) Block(bool) {}

func (c *testCPU) SP() uint64 { return c.regs.SP }

// makeCall makes a system call as the runner does, what follows it included.
func makeCall(task *Task, nr uint32, a Args) int64 {
	cpu := task.cpu.(*testCPU)
	cpu.ret = task.Syscall(nr, a)
	if task.Attention() || NeedsRestart(cpu.ret) {
		task.SyscallExit(nr, a, cpu.ret)
	}
	return cpu.ret
}
