/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MSR lists: values of a vCPU, features of the host, and which there are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vkvm/vcpu.h>

#include "../vcpu.h"
#include "../vm.h"
#include "cpuid.h"

#define MSRS_MAX     256 /* the kernel's own limit for one call (MAX_IO_MSRS) */
#define MSR_LIST_MAX 65536

int vkvm_msrs_new(size_t capacity, struct vkvm_msrs **ret_msrs)
{
    if (!capacity || capacity > MSRS_MAX)
        return -EINVAL;
    struct vkvm_msrs *msrs = calloc(1, sizeof(*msrs) + capacity * sizeof(struct kvm_msr_entry));
    if (!msrs)
        return -ENOMEM;
    msrs->capacity = capacity;
    *ret_msrs = msrs;
    return 0;
}

struct vkvm_msrs *vkvm_msrs_free(struct vkvm_msrs *msrs)
{
    free(msrs);
    return NULL;
}

void vkvm_msrs_clear(struct vkvm_msrs *msrs)
{
    msrs->table.nmsrs = 0;
}

int vkvm_msrs_add(struct vkvm_msrs *msrs, uint32_t index, uint64_t value)
{
    if (msrs->table.nmsrs == msrs->capacity)
        return -ENOSPC;
    msrs->table.entries[msrs->table.nmsrs++] =
        (struct kvm_msr_entry){ .index = index, .data = value };
    return 0;
}

struct kvm_msr_entry *vkvm_msrs_entries(struct vkvm_msrs *msrs, size_t *ret_count)
{
    *ret_count = msrs->table.nmsrs;
    return msrs->table.entries;
}

int vkvm_get_feature_msrs(struct vkvm *kvm, struct vkvm_msrs *msrs)
{
    return vkvm__ioctl(&kvm->h, KVM_GET_MSRS, &msrs->table);
}

int vkvm_vcpu_get_msrs(struct vkvm_vcpu *vcpu, struct vkvm_msrs *msrs)
{
    return vkvm__vcpu_ioctl(vcpu, KVM_GET_MSRS, &msrs->table);
}

int vkvm_vcpu_set_msrs(struct vkvm_vcpu *vcpu, struct vkvm_msrs *msrs)
{
    return vkvm__vcpu_ioctl(vcpu, KVM_SET_MSRS, &msrs->table);
}

/* --- which there are --- */

static int msr_list(struct vkvm *kvm, unsigned long request, uint32_t **ret_list, size_t *ret_count)
{
    struct kvm_msr_list probe = { .nmsrs = 0 };
    /* E2BIG is the expected answer here, no failure to be remembered */
    int r = kvm->h.sys.ioctl(kvm->h.sys.data, kvm->h.fd, request, &probe);
    if (r < 0 && r != -E2BIG)
        return vkvm__failed(&kvm->h, request, &probe, r);
    if (probe.nmsrs > MSR_LIST_MAX)
        return vkvm__failed(&kvm->h, request, &probe, -EPROTO);
    struct kvm_msr_list *list = calloc(1, sizeof(*list) + probe.nmsrs * sizeof(uint32_t));
    if (!list)
        return -ENOMEM;
    list->nmsrs = probe.nmsrs;
    r = vkvm__ioctl(&kvm->h, request, list);
    if (r >= 0 && list->nmsrs > probe.nmsrs)
        r = vkvm__failed(&kvm->h, request, list, -EPROTO);
    if (r < 0) {
        free(list);
        return r;
    }
    /* The numbers begin where the count was: one block serves for both. */
    size_t count = list->nmsrs;
    uint32_t *indices = memmove(list, list->indices, count * sizeof(uint32_t));
    *ret_list = indices;
    *ret_count = count;
    return 0;
}

int vkvm_get_msr_index_list(struct vkvm *kvm, uint32_t **ret_list, size_t *ret_count)
{
    return msr_list(kvm, KVM_GET_MSR_INDEX_LIST, ret_list, ret_count);
}

int vkvm_get_feature_msr_index_list(struct vkvm *kvm, uint32_t **ret_list, size_t *ret_count)
{
    int r = vkvm__need_cap(&kvm->h, KVM_CAP_GET_MSR_FEATURES, KVM_GET_MSR_FEATURE_INDEX_LIST);
    return r < 0 ? r : msr_list(kvm, KVM_GET_MSR_FEATURE_INDEX_LIST, ret_list, ret_count);
}

/* --- accesses that leave to user space --- */

int vkvm_vm_enable_msr_exits(struct vkvm_vm *vm, uint32_t reasons)
{
    return vkvm__vm_enable(vm, KVM_CAP_X86_USER_SPACE_MSR, reasons);
}
