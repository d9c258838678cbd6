/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86: the extended state (x87, SSE, AVX, AMX, ...) of a vCPU as an XSAVE area.
 *
 * Its size is a property of the VM: 4096 bytes until the process asked the kernel for features such
 * as AMX (arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM)), more afterwards. struct kvm_xsave is 4096 bytes,
 * and KVM_SET_XSAVE reads the real size: with a plain struct it would read past its end.
 */
#ifndef VKVM_X86_XSAVE_H
#define VKVM_X86_XSAVE_H

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

#include <vkvm/vm.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Bytes of the area: KVM_CAP_XSAVE2 of the VM (Linux 5.17), 4096 where the kernel lacks it.
 * -errno. Since 0.1 */
int vkvm_vm_get_xsave_size(struct vkvm_vm *vm);

/** An area of any size. Context: one thread at a time. */
struct vkvm_xsave;
/** Zeros of this many bytes, as vkvm_vm_get_xsave_size() says. -EINVAL: less than 4096 or not a
 * multiple of 64; -ENOMEM. */
int vkvm_xsave_new(size_t size, struct vkvm_xsave **ret_xsave);
struct vkvm_xsave *vkvm_xsave_free(struct vkvm_xsave *xsave);
/** The bytes, borrowed and writable; *ret_size receives their number. Offsets of components are
 * those of CPUID leaf 0xd. */
void *vkvm_xsave_area(struct vkvm_xsave *xsave, size_t *ret_size);

/**
 * KVM_GET_XSAVE2 [4.134]; KVM_GET_XSAVE [4.42] into an area of 4096 bytes
 *
 * The older call refuses (-EINVAL) when 4096 bytes are not enough. Errors: -EINVAL (also: a larger
 * area, and no KVM_CAP_XSAVE2).
 */
int vkvm_vcpu_get_xsave2(struct vkvm_vcpu *vcpu, struct vkvm_xsave *xsave);
/** KVM_SET_XSAVE [4.43], KVM_CAP_XSAVE. -EINVAL: components that are not in the guest's XCR0,
 * reserved bytes that are set. */
int vkvm_vcpu_set_xsave2(struct vkvm_vcpu *vcpu, const struct vkvm_xsave *xsave);

/** KVM_GET_XSAVE [4.42], KVM_CAP_XSAVE, for VMs with 4096 bytes; -EINVAL when there are more. */
int vkvm_vcpu_get_xsave(struct vkvm_vcpu *vcpu, struct kvm_xsave *ret);
/** KVM_SET_XSAVE [4.43], KVM_CAP_XSAVE, with 4096 bytes; what the kernel reads beyond is zero.
 * -ENOMEM. */
int vkvm_vcpu_set_xsave(struct vkvm_vcpu *vcpu, const struct kvm_xsave *xsave);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
