/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is KVM usable here, and does it run kernel-mode code fast?
 *
 * A host may offer a KVM that interprets kernel-mode guest code at about 1 MIPS (nested PVM hosts
 * do); such a KVM is worse than the software CPU. The probe runs a small kernel-mode loop and
 * measures. A loop of 1,000 instructions decides "slow" within a millisecond; only a fast KVM runs
 * the longer one.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "accel/kvm/kvm.h"

#define SLOW_MIPS 20

bool kvm__host_is_pvm(void)
{
    static _Atomic int known; /* 0: not looked yet */
    int is = atomic_load(&known);
    if (!is) {
        is = access("/sys/module/kvm_pvm", F_OK) == 0 ? 1 : -1;
        atomic_store(&known, is);
    }
    return is > 0;
}

int kvm__check_caps(struct vkvm *sys, char *text, size_t size)
{
    static const uint32_t needed[] = {
        KVM_CAP_USER_MEMORY, KVM_CAP_SET_TSS_ADDR, KVM_CAP_EXT_CPUID, KVM_CAP_MP_STATE,
        KVM_CAP_SIGNAL_MSI, KVM_CAP_SPLIT_IRQCHIP, KVM_CAP_IMMEDIATE_EXIT, KVM_CAP_VCPU_EVENTS,
        KVM_CAP_XSAVE, KVM_CAP_XCRS, KVM_CAP_DEBUGREGS, KVM_CAP_READONLY_MEM,
    };
    uint32_t missing[sizeof(needed) / sizeof(needed[0])];
    int count = vkvm_require_caps(sys, needed, sizeof(needed) / sizeof(needed[0]), missing);
    if (count <= 0)
        return count;
    size_t used = (size_t)snprintf(text, size, "KVM lacks");
    for (int i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, " %s", vkvm_cap_name(missing[i]));
    return count;
}

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Flat 32-bit protected mode at CPL 0, paging off: eip 0x1000, ecx iterations, then HLT. */
static int probe_prepare(struct vkvm_vcpu *vcpu, uint32_t iterations)
{
    struct kvm_sregs sregs;
    int r = vkvm_vcpu_get_sregs(vcpu, &sregs);
    if (r < 0)
        return r;
    struct kvm_segment data = { .limit = 0xffffffff, .selector = 0x10, .type = 3, .present = 1,
                                .db = 1, .s = 1, .g = 1 };
    sregs.cs = data;
    sregs.cs.selector = 8;
    sregs.cs.type = 11;
    sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = data;
    sregs.cr0 |= 1;
    r = vkvm_vcpu_set_sregs(vcpu, &sregs);
    if (r < 0)
        return r;
    struct kvm_regs regs = { .rip = 0x1000, .rcx = iterations, .rflags = 2 };
    return vkvm_vcpu_set_regs(vcpu, &regs);
}

/* Millions of instructions a second over `iterations` of DEC + JNZ, 0 when KVM could not run it. */
static uint32_t probe_speed(struct vkvm_vcpu *vcpu, uint32_t iterations)
{
    struct vkvm_exit e;
    if (probe_prepare(vcpu, iterations) < 0)
        return 0;
    uint64_t start = now_ns();
    int r;
    do {
        r = vkvm_vcpu_run(vcpu, &e);
    } while (r == 0 && e.kind == VKVM_EXIT_INTR);
    uint64_t ns = now_ns() - start;
    if (r < 0 || e.kind != VKVM_EXIT_HLT)
        return 0;
    uint64_t mips = 2000ull * iterations / (ns ? ns : 1);
    return mips ? (uint32_t)mips : 1;
}

static int probe_measure(struct vkvm *sys, uint32_t *ret_mips)
{
    static const uint8_t code[] = { 0x49, 0x75, 0xfd, 0xf4 }; /* dec ecx; jnz -3; hlt */
    struct vkvm_vm *vm = NULL;
    struct vkvm_vcpu *vcpu = NULL;
    uint32_t slot;
    uint8_t *ram = mmap(NULL, 0x2000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ram == MAP_FAILED)
        return -ENOMEM;
    memcpy(ram + 0x1000, code, sizeof(code));
    int r = vkvm_create_vm(sys, 0, &vm);
    if (r >= 0)
        r = vkvm_vm_set_tss_addr(vm, 0xfffbd000);
    if (r >= 0)
        r = vkvm_vm_add_memory(vm, 0, 0x2000, ram, 0, &slot);
    if (r >= 0)
        r = vkvm_vm_create_vcpu(vm, 0, &vcpu);
    if (r >= 0) {
        probe_speed(vcpu, 10); /* page faults and first entry */
        *ret_mips = probe_speed(vcpu, 500);
        if (*ret_mips >= SLOW_MIPS)
            *ret_mips = probe_speed(vcpu, 200000);
    }
    vkvm_vcpu_close(vcpu);
    vkvm_vm_close(vm);
    munmap(ram, 0x2000);
    return r < 0 ? r : 0;
}

static void probe_fill(struct vemu_accel_probe *ret, bool measure)
{
    struct vkvm *sys = NULL;
    int r = vkvm_open(&sys);
    if (r < 0) {
        snprintf(ret->reason, sizeof(ret->reason), "cannot open /dev/kvm: %s",
                 r == -EPROTO ? "unknown API version" : strerror(-r));
        return;
    }
    if (measure && kvm__check_caps(sys, ret->reason, sizeof(ret->reason)) != 0) {
        vkvm_close(sys);
        return;
    }
    ret->usable = true;
    if (kvm__host_is_pvm()) {
        /* making a VM costs tens of milliseconds there, and the answer is known */
        ret->kernel_mips = 1;
        snprintf(ret->reason, sizeof(ret->reason),
                 "this host's KVM (kvm_pvm) interprets kernel-mode code at about 1 MIPS");
        vkvm_close(sys);
        return;
    }
    if (!measure) {
        snprintf(ret->reason, sizeof(ret->reason), "not measured");
        vkvm_close(sys);
        return;
    }
    r = probe_measure(sys, &ret->kernel_mips);
    if (r < 0) {
        ret->usable = false;
        snprintf(ret->reason, sizeof(ret->reason), "KVM cannot make a virtual machine: %s",
                 strerror(-r));
    } else if (!ret->kernel_mips) {
        ret->usable = false;
        snprintf(ret->reason, sizeof(ret->reason), "KVM failed to run a test loop");
    } else {
        snprintf(ret->reason, sizeof(ret->reason), "KVM runs kernel-mode code at %u MIPS",
                 ret->kernel_mips);
    }
    vkvm_close(sys);
}

void kvm__probe(struct vemu_accel_probe *ret, bool measure)
{
    uint64_t start = now_ns();
    memset(ret, 0, sizeof(*ret));
    probe_fill(ret, measure);
    ret->probe_ns = now_ns() - start;
}
