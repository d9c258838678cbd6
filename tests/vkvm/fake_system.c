/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fake's /dev/kvm.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake_table.h"

static int api_version(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    return f->api_version;
}

static int create_vm(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    f->last_int = (uintptr_t)arg;
    return fake_new_fd(f, 'v', NULL, (uint32_t)(uintptr_t)arg);
}

int fake_check_extension(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    for (int i = 0; i < f->cap_count; i++)
        if (f->caps[i].cap == (uintptr_t)arg)
            return f->caps[i].value;
    if ((uintptr_t)arg == KVM_CAP_USER_MEMORY)
        return h->kind == 'k'; /* answers may differ between the two */
    return (uintptr_t)arg == KVM_CAP_NR_MEMSLOTS ? 4 : 0;
}

static int vcpu_mmap_size(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    return (int)f->mmap_size;
}

int fake_cpuid_out(struct kvm_cpuid2 *out, const struct kvm_cpuid_entry2 *from, uint32_t n)
{
    if (out->nent < n)
        return -E2BIG;
    memcpy(out->entries, from, n * sizeof(*from));
    out->nent = n;
    return 0;
}

static int supported_cpuid(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    struct kvm_cpuid2 *out = arg;
    if (out->nent < f->supported_count)
        return -E2BIG;
    for (uint32_t i = 0; i < f->supported_count; i++)
        out->entries[i] = (struct kvm_cpuid_entry2){ .function = i, .eax = i + 100, .ecx = 0x5a5a };
    out->nent = f->supported_count;
    return 0;
}

int fake_msrs_get(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    struct kvm_msrs *msrs = arg;
    for (uint32_t i = 0; i < msrs->nmsrs; i++) {
        if (msrs->entries[i].index == f->msr_refused)
            return (int)i;
        msrs->entries[i].data = msrs->entries[i].index + 1ull;
    }
    return (int)msrs->nmsrs;
}

static int msr_index_list(struct fake_kvm *f, struct fake_handle *h, void *arg)
{
    static const uint32_t indices[] = { 0x10, 0x1b, 0x174, 0xc0000080 };
    struct kvm_msr_list *list = arg;
    uint32_t room = list->nmsrs;
    list->nmsrs = 4;
    if (room < 4)
        return -E2BIG;
    memcpy(list->indices, indices, sizeof(indices));
    return 0;
}

const struct fake_ioctl fake_system_table[] = {
    FAKE_CALL(KVM_GET_API_VERSION, api_version),
    FAKE_CALL(KVM_CREATE_VM, create_vm),
    FAKE_CALL(KVM_CHECK_EXTENSION, fake_check_extension),
    FAKE_CALL(KVM_GET_VCPU_MMAP_SIZE, vcpu_mmap_size),
    FAKE_CALL(KVM_GET_SUPPORTED_CPUID, supported_cpuid),
    FAKE_CALL(KVM_GET_MSRS, fake_msrs_get),
    FAKE_CALL(KVM_GET_MSR_INDEX_LIST, msr_index_list),
    FAKE_CALL(KVM_GET_EMULATED_CPUID, fake_x86_emulated_cpuid),
    FAKE_CALL(KVM_GET_SUPPORTED_HV_CPUID, fake_x86_hv_cpuid),
    FAKE_CALL(KVM_GET_MSR_FEATURE_INDEX_LIST, fake_x86_feature_list),
    FAKE_CALL(KVM_X86_GET_MCE_CAP_SUPPORTED, fake_x86_mce_cap),
    FAKE_CALL(KVM_HAS_DEVICE_ATTR, fake_has_attr),
    FAKE_CALL(KVM_GET_DEVICE_ATTR, fake_get_attr),
    FAKE_END,
};
