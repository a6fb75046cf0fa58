// Package vcpu runs guest code, as KVM_RUN does: Run enters the guest and
// returns with a reason; registers and results are read and written between
// two runs. Below it stand only the stubs.
package vcpu
