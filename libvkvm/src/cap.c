/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Capability numbers and names.
 */
#include <errno.h>
#include <string.h>

#include <vkvm/cap.h>

/* Capabilities that <linux/kvm.h> of Debian 12 lacks. */
#ifndef KVM_CAP_DIRTY_LOG_RING_ACQ_REL
#define KVM_CAP_DIRTY_LOG_RING_ACQ_REL 223
#endif
#define CAP_USER_MEMORY2 231
#define CAP_MEMORY_FAULT_INFO 232
#define CAP_MEMORY_ATTRIBUTES 233
#define CAP_GUEST_MEMFD 234
#define CAP_VM_TYPES 235
#define CAP_PRE_FAULT_MEMORY 236
#define CAP_X86_APIC_BUS_CYCLES_NS 237
#define CAP_X86_GUEST_MODE 238

static const struct {
    uint32_t number;
    const char *name;
} caps[] = {
#define CAP(name) { KVM_CAP_##name, "KVM_CAP_" #name }
    CAP(IRQCHIP),
    CAP(HLT),
    CAP(MMU_SHADOW_CACHE_CONTROL),
    CAP(USER_MEMORY),
    CAP(SET_TSS_ADDR),
    CAP(VAPIC),
    CAP(EXT_CPUID),
    CAP(CLOCKSOURCE),
    CAP(NR_VCPUS),
    CAP(NR_MEMSLOTS),
    CAP(PIT),
    CAP(NOP_IO_DELAY),
    CAP(PV_MMU),
    CAP(MP_STATE),
    CAP(COALESCED_MMIO),
    CAP(SYNC_MMU),
    CAP(IOMMU),
    CAP(DESTROY_MEMORY_REGION_WORKS),
    CAP(USER_NMI),
    CAP(SET_GUEST_DEBUG),
    CAP(REINJECT_CONTROL),
    CAP(IRQ_ROUTING),
    CAP(IRQ_INJECT_STATUS),
    CAP(ASSIGN_DEV_IRQ),
    CAP(JOIN_MEMORY_REGIONS_WORKS),
    CAP(MCE),
    CAP(IRQFD),
    CAP(PIT2),
    CAP(SET_BOOT_CPU_ID),
    CAP(PIT_STATE2),
    CAP(IOEVENTFD),
    CAP(SET_IDENTITY_MAP_ADDR),
    CAP(XEN_HVM),
    CAP(ADJUST_CLOCK),
    CAP(INTERNAL_ERROR_DATA),
    CAP(VCPU_EVENTS),
    CAP(HYPERV),
    CAP(HYPERV_VAPIC),
    CAP(HYPERV_SPIN),
    CAP(PCI_SEGMENT),
    CAP(INTR_SHADOW),
    CAP(DEBUGREGS),
    CAP(X86_ROBUST_SINGLESTEP),
    CAP(ENABLE_CAP),
    CAP(XSAVE),
    CAP(XCRS),
    CAP(ASYNC_PF),
    CAP(TSC_CONTROL),
    CAP(GET_TSC_KHZ),
    CAP(MAX_VCPUS),
    CAP(SW_TLB),
    CAP(ONE_REG),
    CAP(TSC_DEADLINE_TIMER),
    CAP(SYNC_REGS),
    CAP(PCI_2_3),
    CAP(KVMCLOCK_CTRL),
    CAP(SIGNAL_MSI),
    CAP(READONLY_MEM),
    CAP(IRQFD_RESAMPLE),
    CAP(DEVICE_CTRL),
    CAP(IRQ_MPIC),
    CAP(IRQ_XICS),
    CAP(EXT_EMUL_CPUID),
    CAP(HYPERV_TIME),
    CAP(IOAPIC_POLARITY_IGNORED),
    CAP(ENABLE_CAP_VM),
    CAP(IOEVENTFD_NO_LENGTH),
    CAP(VM_ATTRIBUTES),
    CAP(CHECK_EXTENSION_VM),
    CAP(DISABLE_QUIRKS),
    CAP(X86_SMM),
    CAP(MULTI_ADDRESS_SPACE),
    CAP(GUEST_DEBUG_HW_BPS),
    CAP(GUEST_DEBUG_HW_WPS),
    CAP(SPLIT_IRQCHIP),
    CAP(IOEVENTFD_ANY_LENGTH),
    CAP(HYPERV_SYNIC),
    CAP(VCPU_ATTRIBUTES),
    CAP(MAX_VCPU_ID),
    CAP(X2APIC_API),
    CAP(MSI_DEVID),
    CAP(IMMEDIATE_EXIT),
    CAP(X86_DISABLE_EXITS),
    CAP(HYPERV_SYNIC2),
    CAP(HYPERV_VP_INDEX),
    CAP(GET_MSR_FEATURES),
    CAP(HYPERV_EVENTFD),
    CAP(HYPERV_TLBFLUSH),
    CAP(NESTED_STATE),
    CAP(MSR_PLATFORM_INFO),
    CAP(HYPERV_SEND_IPI),
    CAP(COALESCED_PIO),
    CAP(HYPERV_ENLIGHTENED_VMCS),
    CAP(EXCEPTION_PAYLOAD),
    CAP(MANUAL_DIRTY_LOG_PROTECT),
    CAP(HYPERV_CPUID),
    CAP(MANUAL_DIRTY_LOG_PROTECT2),
    CAP(PMU_EVENT_FILTER),
    CAP(HYPERV_DIRECT_TLBFLUSH),
    CAP(HALT_POLL),
    CAP(ASYNC_PF_INT),
    CAP(LAST_CPU),
    CAP(SMALLER_MAXPHYADDR),
    CAP(STEAL_TIME),
    CAP(X86_USER_SPACE_MSR),
    CAP(X86_MSR_FILTER),
    CAP(ENFORCE_PV_FEATURE_CPUID),
    CAP(SYS_HYPERV_CPUID),
    CAP(DIRTY_LOG_RING),
    CAP(X86_BUS_LOCK_EXIT),
    CAP(SET_GUEST_DEBUG2),
    CAP(SGX_ATTRIBUTE),
    CAP(VM_COPY_ENC_CONTEXT_FROM),
    CAP(PTP_KVM),
    CAP(HYPERV_ENFORCE_CPUID),
    CAP(SREGS2),
    CAP(EXIT_HYPERCALL),
    CAP(BINARY_STATS_FD),
    CAP(EXIT_ON_EMULATION_FAILURE),
    CAP(VM_MOVE_ENC_CONTEXT_FROM),
    CAP(VM_GPA_BITS),
    CAP(XSAVE2),
    CAP(SYS_ATTRIBUTES),
    CAP(PMU_CAPABILITY),
    CAP(DISABLE_QUIRKS2),
    CAP(VM_TSC_CONTROL),
    CAP(SYSTEM_EVENT_DATA),
    CAP(X86_TRIPLE_FAULT_EVENT),
    CAP(X86_NOTIFY_VMEXIT),
    CAP(VM_DISABLE_NX_HUGE_PAGES),
    CAP(DIRTY_LOG_RING_ACQ_REL),
#undef CAP
    { CAP_USER_MEMORY2, "KVM_CAP_USER_MEMORY2" },
    { CAP_MEMORY_FAULT_INFO, "KVM_CAP_MEMORY_FAULT_INFO" },
    { CAP_MEMORY_ATTRIBUTES, "KVM_CAP_MEMORY_ATTRIBUTES" },
    { CAP_GUEST_MEMFD, "KVM_CAP_GUEST_MEMFD" },
    { CAP_VM_TYPES, "KVM_CAP_VM_TYPES" },
    { CAP_PRE_FAULT_MEMORY, "KVM_CAP_PRE_FAULT_MEMORY" },
    { CAP_X86_APIC_BUS_CYCLES_NS, "KVM_CAP_X86_APIC_BUS_CYCLES_NS" },
    { CAP_X86_GUEST_MODE, "KVM_CAP_X86_GUEST_MODE" },
};
#define CAP_COUNT (sizeof(caps) / sizeof(caps[0]))

const char *vkvm_cap_name(uint32_t cap)
{
    for (size_t i = 0; i < CAP_COUNT; i++)
        if (caps[i].number == cap)
            return caps[i].name;
    return NULL;
}

int vkvm_cap_number(const char *name)
{
    static const char prefix[] = "KVM_CAP_";
    size_t skip = strncmp(name, prefix, sizeof(prefix) - 1) ? sizeof(prefix) - 1 : 0;
    for (size_t i = 0; i < CAP_COUNT; i++)
        if (!strcmp(caps[i].name + skip, name))
            return (int)caps[i].number;
    return -ENOENT;
}

int vkvm_require_caps(struct vkvm *kvm, const uint32_t *wanted, size_t count, uint32_t *ret_missing)
{
    int missing = 0;
    for (size_t i = 0; i < count; i++) {
        int r = vkvm_check_cap(kvm, wanted[i]);
        if (r < 0)
            return r;
        if (r == 0) {
            if (ret_missing)
                ret_missing[missing] = wanted[i];
            missing++;
        }
    }
    return missing;
}
