/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MSR lists and names. Names: Intel SDM volume 4, AMD APM volume 2 appendix A, the kernel's
 * Documentation/virt/kvm/x86/msr.rst for 0x4b564d00 and up.
 */
#include "msrs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    uint32_t index;
    const char *name;
} names[] = {
    { 0x10, "IA32_TIME_STAMP_COUNTER" },
    { 0x1b, "IA32_APIC_BASE" },
    { 0x34, "MSR_SMI_COUNT" },
    { 0x3a, "IA32_FEATURE_CONTROL" },
    { 0x3b, "IA32_TSC_ADJUST" },
    { 0x48, "IA32_SPEC_CTRL" },
    { 0x8b, "IA32_BIOS_SIGN_ID" },
    { 0x9e, "IA32_SMBASE" },
    { 0xc0, "IA32_PMC0_EXT" },
    { 0xce, "MSR_PLATFORM_INFO" },
    { 0xcf, "IA32_CORE_CAPABILITIES" },
    { 0xe1, "IA32_UMWAIT_CONTROL" },
    { 0x10a, "IA32_ARCH_CAPABILITIES" },
    { 0x122, "IA32_TSX_CTRL" },
    { 0x140, "MSR_MISC_FEATURES_ENABLES" },
    { 0x174, "IA32_SYSENTER_CS" },
    { 0x175, "IA32_SYSENTER_ESP" },
    { 0x176, "IA32_SYSENTER_EIP" },
    { 0x17a, "IA32_MCG_STATUS" },
    { 0x17b, "IA32_MCG_CTL" },
    { 0x1a0, "IA32_MISC_ENABLE" },
    { 0x1c4, "IA32_XFD" },
    { 0x1c5, "IA32_XFD_ERR" },
    { 0x1d9, "IA32_DEBUGCTL" },
    { 0x277, "IA32_PAT" },
    { 0x345, "IA32_PERF_CAPABILITIES" },
    { 0x38d, "IA32_FIXED_CTR_CTRL" },
    { 0x38e, "IA32_PERF_GLOBAL_STATUS" },
    { 0x38f, "IA32_PERF_GLOBAL_CTRL" },
    { 0x390, "IA32_PERF_GLOBAL_OVF_CTRL" },
    { 0x3f1, "IA32_PEBS_ENABLE" },
    { 0x480, "IA32_VMX_BASIC" },
    { 0x481, "IA32_VMX_PINBASED_CTLS" },
    { 0x482, "IA32_VMX_PROCBASED_CTLS" },
    { 0x483, "IA32_VMX_EXIT_CTLS" },
    { 0x484, "IA32_VMX_ENTRY_CTLS" },
    { 0x485, "IA32_VMX_MISC" },
    { 0x486, "IA32_VMX_CR0_FIXED0" },
    { 0x487, "IA32_VMX_CR0_FIXED1" },
    { 0x488, "IA32_VMX_CR4_FIXED0" },
    { 0x489, "IA32_VMX_CR4_FIXED1" },
    { 0x48a, "IA32_VMX_VMCS_ENUM" },
    { 0x48b, "IA32_VMX_PROCBASED_CTLS2" },
    { 0x48c, "IA32_VMX_EPT_VPID_CAP" },
    { 0x48d, "IA32_VMX_TRUE_PINBASED_CTLS" },
    { 0x48e, "IA32_VMX_TRUE_PROCBASED_CTLS" },
    { 0x48f, "IA32_VMX_TRUE_EXIT_CTLS" },
    { 0x490, "IA32_VMX_TRUE_ENTRY_CTLS" },
    { 0x491, "IA32_VMX_VMFUNC" },
    { 0x4e0, "MSR_SMM_FEATURE_CONTROL" },
    { 0x600, "IA32_DS_AREA" },
    { 0x6e0, "IA32_TSC_DEADLINE" },
    { 0xda0, "IA32_XSS" },
    { 0x40000000, "HV_X64_MSR_GUEST_OS_ID" },
    { 0x40000001, "HV_X64_MSR_HYPERCALL" },
    { 0x40000020, "HV_X64_MSR_TIME_REF_COUNT" },
    { 0x40000021, "HV_X64_MSR_REFERENCE_TSC" },
    { 0x40000073, "HV_X64_MSR_VP_ASSIST_PAGE" },
    { 0x4b564d00, "MSR_KVM_WALL_CLOCK_NEW" },
    { 0x4b564d01, "MSR_KVM_SYSTEM_TIME_NEW" },
    { 0x4b564d02, "MSR_KVM_ASYNC_PF_EN" },
    { 0x4b564d03, "MSR_KVM_STEAL_TIME" },
    { 0x4b564d04, "MSR_KVM_EOI_EN" },
    { 0x4b564d05, "MSR_KVM_POLL_CONTROL" },
    { 0x4b564d06, "MSR_KVM_ASYNC_PF_INT" },
    { 0x4b564d07, "MSR_KVM_ASYNC_PF_ACK" },
    { 0x4b564d08, "MSR_KVM_MIGRATION_CONTROL" },
    { 0x11, "MSR_KVM_WALL_CLOCK" },
    { 0x12, "MSR_KVM_SYSTEM_TIME" },
    { 0xc0000080, "EFER" },
    { 0xc0000081, "STAR" },
    { 0xc0000082, "LSTAR" },
    { 0xc0000083, "CSTAR" },
    { 0xc0000084, "SFMASK" },
    { 0xc0000100, "FS_BASE" },
    { 0xc0000101, "GS_BASE" },
    { 0xc0000102, "KERNEL_GS_BASE" },
    { 0xc0000103, "TSC_AUX" },
    { 0xc0000104, "AMD64_TSC_RATIO" },
    { 0xc0010015, "K7_HWCR" },
    { 0xc0010055, "K8_INT_PENDING_MSG" },
    { 0xc0010117, "VM_HSAVE_PA" },
    { 0xc001011f, "VIRT_SPEC_CTRL" },
    { 0xc0011029, "AMD64_DE_CFG" },
};

const char *msrs_name(uint32_t index)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].index == index)
            return names[i].name;
    return NULL;
}

int msrs_read_state(struct vkvm *kvm, struct msr_report *ret)
{
    int r = vkvm_get_msr_index_list(kvm, &ret->state, &ret->state_count);
    ret->state_known = r >= 0;
    return r;
}

/* One at a time: the kernel stops at the first it refuses, and which that is matters here. */
static int read_feature(struct vkvm *kvm, struct vkvm_msrs *msrs, struct msr_value *value)
{
    size_t count;
    vkvm_msrs_clear(msrs);
    int r = vkvm_msrs_add(msrs, value->index, 0);
    if (r < 0)
        return r;
    if (vkvm_get_feature_msrs(kvm, msrs) == 1) {
        value->readable = true;
        value->value = vkvm_msrs_entries(msrs, &count)[0].data;
    }
    return 0;
}

int msrs_read_features(struct vkvm *kvm, struct msr_report *ret)
{
    uint32_t *list = NULL;
    struct vkvm_msrs *msrs = NULL;
    int r = vkvm_get_feature_msr_index_list(kvm, &list, &ret->feature_count);
    if (r < 0)
        return r;
    ret->features = calloc(ret->feature_count ? ret->feature_count : 1, sizeof(*ret->features));
    r = ret->features ? vkvm_msrs_new(1, &msrs) : -ENOMEM;
    for (size_t i = 0; i < ret->feature_count && r >= 0; i++) {
        ret->features[i].index = list[i];
        r = read_feature(kvm, msrs, &ret->features[i]);
    }
    ret->features_known = r >= 0;
    vkvm_msrs_free(msrs);
    free(list);
    return r;
}

void msrs_free(struct msr_report *report)
{
    free(report->state);
    free(report->features);
    memset(report, 0, sizeof(*report));
}
