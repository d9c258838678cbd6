/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MSR lists.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vkvm/x86.h>

#include "cpuid.h"

#define MSRS_MAX 256 /* the kernel's own limit for one call (MAX_IO_MSRS) */
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

int vkvm_get_msr_index_list(struct vkvm *kvm, uint32_t **ret_list, size_t *ret_count)
{
    struct kvm_msr_list probe = { .nmsrs = 0 };
    int r = vkvm__ioctl(&kvm->h, KVM_GET_MSR_INDEX_LIST, &probe);
    if (r < 0 && r != -E2BIG)
        return r;
    if (probe.nmsrs > MSR_LIST_MAX)
        return -EPROTO;
    struct kvm_msr_list *list = calloc(1, sizeof(*list) + probe.nmsrs * sizeof(uint32_t));
    uint32_t *indices = calloc(probe.nmsrs ? probe.nmsrs : 1, sizeof(uint32_t));
    r = -ENOMEM;
    if (list && indices) {
        list->nmsrs = probe.nmsrs;
        r = vkvm__ioctl(&kvm->h, KVM_GET_MSR_INDEX_LIST, list);
        if (r >= 0 && list->nmsrs > probe.nmsrs)
            r = -EPROTO;
    }
    if (r >= 0) {
        memcpy(indices, list->indices, list->nmsrs * sizeof(uint32_t));
        *ret_list = indices;
        *ret_count = list->nmsrs;
        r = 0;
    } else {
        free(indices);
    }
    free(list);
    return r;
}
