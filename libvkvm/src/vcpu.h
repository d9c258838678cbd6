/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vCPU handle, shared by vcpu.c and the register groups.
 */
#ifndef VKVM_SRC_VCPU_H
#define VKVM_SRC_VCPU_H

#include <linux/kvm.h>
#include <stdatomic.h>

#include "handle.h"

struct vkvm_vcpu {
    struct vkvm_handle h;
    struct kvm_run *run;
    size_t run_size;
    _Atomic int runner;      /* thread inside KVM_RUN, 0: none */
    _Atomic int kick_signal; /* 0: none */
};

#endif
