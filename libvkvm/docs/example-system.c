/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system handle: what a host's KVM has, and whether it is enough.
 *
 *     gcc example-system.c $(pkg-config --cflags --libs libvkvm)
 *
 * Prints: ^KVM API 12, up to [0-9]+ vCPUs, [0-9]+ CPUID leaves$
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <vkvm/vkvm.h>

static const uint32_t needed[] = { KVM_CAP_USER_MEMORY, KVM_CAP_IMMEDIATE_EXIT, KVM_CAP_MP_STATE };
#define NEEDED (sizeof(needed) / sizeof(needed[0]))

static int tell(struct vkvm *kvm)
{
    uint32_t missing[NEEDED];
    struct vkvm_cpuid *cpuid = NULL;
    size_t leaves;
    /* all that is missing at once, not only the first */
    int count = vkvm_require_caps(kvm, needed, NEEDED, missing);
    if (count < 0)
        return count;
    for (int i = 0; i < count; i++)
        printf("missing: %s\n", vkvm_cap_name(missing[i]));
    int r = vkvm_get_supported_cpuid(kvm, &cpuid);
    if (r < 0)
        return r;
    vkvm_cpuid_entries(cpuid, &leaves);
    printf("KVM API %d, up to %d vCPUs, %zu CPUID leaves\n", vkvm_get_api_version(kvm),
           vkvm_check_cap(kvm, KVM_CAP_MAX_VCPUS), leaves);
    vkvm_cpuid_free(cpuid);
    return count ? 1 : 0;
}

int main(void)
{
    struct vkvm *kvm = NULL;
    int r = vkvm_open(&kvm);
    if (r >= 0)
        r = tell(kvm);
    if (r < 0)
        fprintf(stderr, "error: %s\n", strerror(-r));
    vkvm_close(kvm);
    return r == 0 ? 0 : 1;
}
