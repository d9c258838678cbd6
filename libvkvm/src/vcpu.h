/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vCPU handle, shared by vcpu.c and the register groups.
 */
#ifndef VKVM_SRC_VCPU_H
#define VKVM_SRC_VCPU_H

#include <errno.h>
#include <linux/kvm.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "handle.h"

#if defined(__x86_64__) || defined(__i386__)
#define VKVM_ARCH_X86 1
#include "x86/sync.h"
#endif

/* Registers in the run page: see x86/sync.c. Masks of KVM_SYNC_X86_*. */
struct vkvm_sync {
    uint8_t allowed; /* groups the library may use */
    uint8_t known;   /* ... this kernel has proved to give */
    uint8_t wanted;  /* ... read since the last run: asked for with the next one */
    uint8_t asked;   /* ... asked for with the run under way */
    uint8_t valid;   /* ... whose copy in the run page is the vCPU's state */
    bool ran;        /* the next run will take what is deferred: see x86/sync.c */
    bool dirty;      /* `pending` is newer than what the kernel has */
#ifdef VKVM_ARCH_X86
    struct kvm_regs pending;
#endif
};

struct vkvm_vcpu {
    struct vkvm_handle h;
    struct kvm_run *run;
    size_t run_size;
    _Atomic int runner;      /* thread inside KVM_RUN, 0: none */
    _Atomic int kick_signal; /* 0: none */
    struct vkvm_sync sync;
    size_t xsave_bound; /* most bytes KVM_SET_XSAVE reads; 0: not asked yet */
};

#ifdef VKVM_ARCH_X86
void vkvm__sync_init(struct vkvm_vcpu *vcpu);
/* Before a request with this effect: hands over what is deferred, forgets what may change. */
int vkvm__sync_apply(struct vkvm_vcpu *vcpu, unsigned effect);
/* Hands over what is deferred. */
int vkvm__sync_flush(struct vkvm_vcpu *vcpu);
/* Hands over, and does not use the run page any more. */
void vkvm__sync_off(struct vkvm_vcpu *vcpu);
/* Around KVM_RUN. Most runs have nothing to do here: those make no calls. */
void vkvm__sync_prepare(struct vkvm_vcpu *vcpu);
void vkvm__sync_collect(struct vkvm_vcpu *vcpu, int result);
/* After -EINVAL: true when the run page may have been the reason; it is not used again, try once
 * more. */
bool vkvm__sync_refused(struct vkvm_vcpu *vcpu);

static inline int vkvm__sync_before(struct vkvm_vcpu *vcpu, unsigned long request)
{
    unsigned effect = vkvm__sync_effect(request);
    return effect ? vkvm__sync_apply(vcpu, effect) : 0;
}
static inline void vkvm__sync_enter(struct vkvm_vcpu *vcpu)
{
    const struct vkvm_sync *s = &vcpu->sync;
    if (s->wanted | s->asked | s->valid | s->dirty)
        vkvm__sync_prepare(vcpu);
}
static inline void vkvm__sync_leave(struct vkvm_vcpu *vcpu, int result)
{
    struct vkvm_sync *s = &vcpu->sync;
    if (result >= 0)
        s->ran = true;
    else if (result != -EINTR)
        s->ran = false;
    if (s->asked | s->dirty)
        vkvm__sync_collect(vcpu, result);
}
#else
static inline void vkvm__sync_init(struct vkvm_vcpu *vcpu) {}
static inline int vkvm__sync_before(struct vkvm_vcpu *vcpu, unsigned long request)
{
    return 0;
}
static inline int vkvm__sync_flush(struct vkvm_vcpu *vcpu)
{
    return 0;
}
static inline void vkvm__sync_off(struct vkvm_vcpu *vcpu) {}
static inline void vkvm__sync_enter(struct vkvm_vcpu *vcpu) {}
static inline void vkvm__sync_leave(struct vkvm_vcpu *vcpu, int result) {}
static inline bool vkvm__sync_refused(struct vkvm_vcpu *vcpu)
{
    return false;
}
#endif

/*
 * Every request on a vCPU but KVM_RUN goes through these, so that none sees registers older than
 * the caller's and none leaves stale ones behind.
 */
static inline int vkvm__vcpu_ioctl(struct vkvm_vcpu *vcpu, unsigned long request,
                                   const void *argument)
{
    int r = vkvm__sync_before(vcpu, request);
    return r < 0 ? r : vkvm__ioctl(&vcpu->h, request, argument);
}

static inline int vkvm__vcpu_ioctl_int(struct vkvm_vcpu *vcpu, unsigned long request,
                                       unsigned long argument)
{
    return vkvm__vcpu_ioctl(vcpu, request, (const void *)argument);
}

#endif
