/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * XSAVE areas: sized by the VM, never read or written past their end by the kernel.
 *
 * KVM_SET_XSAVE reads, and KVM_GET_XSAVE2 writes, as many bytes as the vCPU's area has. How many
 * that are cannot be asked of a vCPU, but no guest has components the host has not: CPUID leaf 0xd
 * ECX bounds it. The library's areas have that much room; a plain struct kvm_xsave is copied first.
 */
#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vkvm/vcpu.h>

#include "../vcpu.h"
#include "../vm.h"

#define XSAVE_MIN sizeof(struct kvm_xsave)
#define XSAVE_MAX (1u << 20)

struct vkvm_xsave {
    size_t size;
    uint8_t area[]; /* at least as many bytes as the kernel may touch, whatever `size` says */
};

/* The most the kernel may read or write. */
static size_t xsave_bound(void)
{
    unsigned eax, ebx, ecx = 0, edx;
    if (!__get_cpuid_count(0xd, 0, &eax, &ebx, &ecx, &edx) || ecx < XSAVE_MIN)
        return XSAVE_MIN;
    return ecx;
}

int vkvm_vm_get_xsave_size(struct vkvm_vm *vm)
{
    int r = vkvm__ioctl_int(&vm->h, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);
    return r == 0 ? (int)XSAVE_MIN : r;
}

int vkvm_xsave_new(size_t size, struct vkvm_xsave **ret_xsave)
{
    if (size < XSAVE_MIN || size > XSAVE_MAX || size % 64)
        return -EINVAL;
    size_t bound = xsave_bound();
    struct vkvm_xsave *xsave = calloc(1, sizeof(*xsave) + (size > bound ? size : bound));
    if (!xsave)
        return -ENOMEM;
    xsave->size = size;
    *ret_xsave = xsave;
    return 0;
}

struct vkvm_xsave *vkvm_xsave_free(struct vkvm_xsave *xsave)
{
    free(xsave);
    return NULL;
}

void *vkvm_xsave_area(struct vkvm_xsave *xsave, size_t *ret_size)
{
    *ret_size = xsave->size;
    return xsave->area;
}

int vkvm_vcpu_get_xsave2(struct vkvm_vcpu *vcpu, struct vkvm_xsave *xsave)
{
    unsigned long request = xsave->size > XSAVE_MIN ? KVM_GET_XSAVE2 : KVM_GET_XSAVE;
    return vkvm__vcpu_ioctl(vcpu, request, xsave->area);
}

int vkvm_vcpu_set_xsave2(struct vkvm_vcpu *vcpu, const struct vkvm_xsave *xsave)
{
    return vkvm__vcpu_ioctl(vcpu, KVM_SET_XSAVE, xsave->area);
}

int vkvm_vcpu_get_xsave(struct vkvm_vcpu *vcpu, struct kvm_xsave *ret)
{
    return vkvm__vcpu_ioctl(vcpu, KVM_GET_XSAVE, ret);
}

int vkvm_vcpu_set_xsave(struct vkvm_vcpu *vcpu, const struct kvm_xsave *xsave)
{
    if (!vcpu->xsave_bound)
        vcpu->xsave_bound = xsave_bound();
    if (vcpu->xsave_bound <= XSAVE_MIN)
        return vkvm__vcpu_ioctl(vcpu, KVM_SET_XSAVE, xsave);
    uint8_t *copy = calloc(1, vcpu->xsave_bound);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, xsave, XSAVE_MIN);
    int r = vkvm__vcpu_ioctl(vcpu, KVM_SET_XSAVE, copy);
    free(copy);
    return r;
}
