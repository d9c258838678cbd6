/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tiny guest that measures: is kernel-mode code run by the processor or interpreted, and what
 * does an exit cost?
 */
#ifndef VKVM_INFO_PROBE_H
#define VKVM_INFO_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <vkvm/vkvm.h>

enum probe_mode { PROBE_FAILED, PROBE_EMULATED, PROBE_HARDWARE };

struct probe {
    bool known;
    uint32_t mode;     /* enum probe_mode */
    double mips;       /* millions of kernel-mode instructions a second */
    uint32_t exit_ns;  /* one port write: to user space and back; 0: not measured */
    char failure[160]; /* PROBE_FAILED: what happened */
};

/* Runs the guest on a vCPU that has not run, in a VM without memory. Takes milliseconds, seconds at
 * most. -errno: a call failed before the guest could run. */
int probe_run(struct vkvm_vm *vm, struct vkvm_vcpu *vcpu, struct probe *ret);
/* By how fast so many instructions were. */
uint32_t probe_classify(uint64_t instructions, uint64_t ns);
const char *probe_mode_name(uint32_t mode);

#endif
