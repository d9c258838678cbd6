/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of capabilities, and asking for them all.
 */
#include "caps.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *id, *title;
} groups[GROUP_COUNT] = {
    [GROUP_CORE] = { "core", "Core" },
    [GROUP_INTERRUPTS] = { "interrupts", "Interrupts and event descriptors" },
    [GROUP_MEMORY] = { "memory", "Memory" },
    [GROUP_DIRTY] = { "dirty-tracking", "Dirty tracking" },
    [GROUP_STATE] = { "cpu-state", "CPU state" },
    [GROUP_TIME] = { "time", "Time" },
    [GROUP_EXITS] = { "exits", "Exits to user space" },
    [GROUP_DEBUG] = { "debugging", "Debugging" },
    [GROUP_STATS] = { "statistics", "Statistics" },
    [GROUP_FEATURES] = { "cpu-features", "Nesting, SMM, machine checks, counters" },
    [GROUP_HYPERV] = { "hyper-v", "Hyper-V" },
    [GROUP_CONFIDENTIAL] = { "confidential", "Confidential guests" },
    [GROUP_XEN] = { "xen", "Xen" },
    [GROUP_OTHER] = { "other", "Others" },
};

static const struct cap_info table[] = {
    { "USER_MEMORY", GROUP_CORE, CAP_FLAG, "guest memory from user space" },
    { "NR_VCPUS", GROUP_CORE, CAP_NUMBER, "recommended vCPUs a VM" },
    { "MAX_VCPUS", GROUP_CORE, CAP_NUMBER, "most vCPUs a VM" },
    { "MAX_VCPU_ID", GROUP_CORE, CAP_NUMBER, "vCPU ids are below this" },
    { "CHECK_EXTENSION_VM", GROUP_CORE, CAP_FLAG, "capabilities asked of a VM" },
    { "ENABLE_CAP", GROUP_CORE, CAP_FLAG, "capabilities enabled on a vCPU" },
    { "ENABLE_CAP_VM", GROUP_CORE, CAP_FLAG, "capabilities enabled on a VM" },
    { "IMMEDIATE_EXIT", GROUP_CORE, CAP_FLAG, "kicks without a race" },
    { "SYNC_REGS", GROUP_CORE, CAP_BITS, "registers through the run page" },
    { "DEVICE_CTRL", GROUP_CORE, CAP_FLAG, "devices inside the kernel" },
    { "VM_ATTRIBUTES", GROUP_CORE, CAP_FLAG, "attributes of a VM" },
    { "VCPU_ATTRIBUTES", GROUP_CORE, CAP_FLAG, "attributes of a vCPU" },
    { "SYS_ATTRIBUTES", GROUP_CORE, CAP_FLAG, "attributes of the system" },
    { "EXT_CPUID", GROUP_CORE, CAP_FLAG, "supported CPUID" },
    { "EXT_EMUL_CPUID", GROUP_CORE, CAP_FLAG, "emulated CPUID" },
    { "GET_MSR_FEATURES", GROUP_CORE, CAP_FLAG, "feature MSRs" },
    { "HLT", GROUP_CORE, CAP_FLAG, "halts in the kernel" },
    { "NOP_IO_DELAY", GROUP_CORE, CAP_FLAG, "guests may skip I/O delays" },
    { "SET_BOOT_CPU_ID", GROUP_CORE, CAP_FLAG, "which vCPU boots" },
    { "SET_TSS_ADDR", GROUP_CORE, CAP_FLAG, "where VT-x puts its task state" },
    { "SET_IDENTITY_MAP_ADDR", GROUP_CORE, CAP_FLAG, "where VT-x puts its identity map" },
    { "DISABLE_QUIRKS", GROUP_CORE, CAP_FLAG, "old habits turned off" },
    { "DISABLE_QUIRKS2", GROUP_CORE, CAP_BITS, "old habits turned off, listed" },
    { "ENFORCE_PV_FEATURE_CPUID", GROUP_CORE, CAP_FLAG, "hidden PV features are refused" },
    { "SMALLER_MAXPHYADDR", GROUP_CORE, CAP_FLAG, "fewer address bits than the host" },
    { "VM_GPA_BITS", GROUP_CORE, CAP_NUMBER, "guest-physical address bits" },
    { "X86_GUEST_MODE", GROUP_CORE, CAP_FLAG, "exits tell of nested guests" },

    { "IRQCHIP", GROUP_INTERRUPTS, CAP_FLAG, "PIC, IOAPIC, APICs in the kernel" },
    { "SPLIT_IRQCHIP", GROUP_INTERRUPTS, CAP_FLAG, "only APICs in the kernel" },
    { "IRQ_ROUTING", GROUP_INTERRUPTS, CAP_NUMBER, "routes of interrupt lines" },
    { "IRQ_INJECT_STATUS", GROUP_INTERRUPTS, CAP_FLAG, "whether an interrupt was merged" },
    { "SIGNAL_MSI", GROUP_INTERRUPTS, CAP_FLAG, "message-signalled interrupts" },
    { "MSI_DEVID", GROUP_INTERRUPTS, CAP_FLAG, "MSIs with a device id (arm64)" },
    { "IRQFD", GROUP_INTERRUPTS, CAP_FLAG, "interrupts from descriptors" },
    { "IRQFD_RESAMPLE", GROUP_INTERRUPTS, CAP_FLAG, "level interrupts from descriptors" },
    { "IOEVENTFD", GROUP_INTERRUPTS, CAP_FLAG, "writes that signal descriptors" },
    { "IOEVENTFD_NO_LENGTH", GROUP_INTERRUPTS, CAP_FLAG, "same, no instruction decoding" },
    { "IOEVENTFD_ANY_LENGTH", GROUP_INTERRUPTS, CAP_FLAG, "same, any access size" },
    { "X2APIC_API", GROUP_INTERRUPTS, CAP_BITS, "32-bit APIC ids" },
    { "VAPIC", GROUP_INTERRUPTS, CAP_FLAG, "virtual task priority" },
    { "USER_NMI", GROUP_INTERRUPTS, CAP_FLAG, "NMIs from user space" },
    { "IOAPIC_POLARITY_IGNORED", GROUP_INTERRUPTS, CAP_FLAG, "IOAPIC polarity is ignored" },
    { "PIT2", GROUP_INTERRUPTS, CAP_FLAG, "timer 8254 in the kernel" },
    { "PIT_STATE2", GROUP_INTERRUPTS, CAP_FLAG, "state of that timer" },
    { "REINJECT_CONTROL", GROUP_INTERRUPTS, CAP_FLAG, "lost timer ticks dropped" },
    { "PCI_2_3", GROUP_INTERRUPTS, CAP_FLAG, "PCI 2.3 interrupt masking" },

    { "NR_MEMSLOTS", GROUP_MEMORY, CAP_NUMBER, "memory slots a VM" },
    { "MULTI_ADDRESS_SPACE", GROUP_MEMORY, CAP_NUMBER, "address spaces (SMM has its own)" },
    { "DESTROY_MEMORY_REGION_WORKS", GROUP_MEMORY, CAP_FLAG, "slots can be removed" },
    { "JOIN_MEMORY_REGIONS_WORKS", GROUP_MEMORY, CAP_FLAG, "slots can be adjacent" },
    { "SYNC_MMU", GROUP_MEMORY, CAP_FLAG, "follows changes of the host mapping" },
    { "READONLY_MEM", GROUP_MEMORY, CAP_FLAG, "read-only slots" },
    { "COALESCED_MMIO", GROUP_MEMORY, CAP_NUMBER, "writes collected in a ring" },
    { "COALESCED_PIO", GROUP_MEMORY, CAP_FLAG, "port writes collected in a ring" },
    { "ASYNC_PF", GROUP_MEMORY, CAP_FLAG, "asynchronous page faults" },
    { "ASYNC_PF_INT", GROUP_MEMORY, CAP_FLAG, "same, by interrupt" },
    { "VM_DISABLE_NX_HUGE_PAGES", GROUP_MEMORY, CAP_FLAG, "iTLB multihit mitigation off" },
    { "USER_MEMORY2", GROUP_MEMORY, CAP_FLAG, "slots with guest_memfd" },
    { "MEMORY_FAULT_INFO", GROUP_MEMORY, CAP_FLAG, "exits that explain memory faults" },
    { "PRE_FAULT_MEMORY", GROUP_MEMORY, CAP_FLAG, "pages mapped ahead of use" },

    { "MANUAL_DIRTY_LOG_PROTECT2", GROUP_DIRTY, CAP_BITS, "bitmap cleared by hand" },
    { "MANUAL_DIRTY_LOG_PROTECT", GROUP_DIRTY, CAP_FLAG, "same, first form (withdrawn)" },
    { "DIRTY_LOG_RING", GROUP_DIRTY, CAP_BYTES, "largest dirty ring of a vCPU" },
    { "DIRTY_LOG_RING_ACQ_REL", GROUP_DIRTY, CAP_BYTES, "same, for weakly ordered hosts" },
    { "DIRTY_LOG_RING_WITH_BITMAP", GROUP_DIRTY, CAP_FLAG, "bitmap beside the ring" },

    { "VCPU_EVENTS", GROUP_STATE, CAP_FLAG, "pending exceptions and interrupts" },
    { "INTR_SHADOW", GROUP_STATE, CAP_FLAG, "interrupt shadow" },
    { "EXCEPTION_PAYLOAD", GROUP_STATE, CAP_FLAG, "exception payloads" },
    { "X86_TRIPLE_FAULT_EVENT", GROUP_STATE, CAP_FLAG, "pending triple faults" },
    { "MP_STATE", GROUP_STATE, CAP_FLAG, "run state of a vCPU" },
    { "DEBUGREGS", GROUP_STATE, CAP_FLAG, "debug registers" },
    { "XSAVE", GROUP_STATE, CAP_FLAG, "extended state" },
    { "XSAVE2", GROUP_STATE, CAP_BYTES, "extended state, size" },
    { "XCRS", GROUP_STATE, CAP_FLAG, "extended control registers" },
    { "SREGS2", GROUP_STATE, CAP_FLAG, "special registers with PDPTRs" },
    { "ONE_REG", GROUP_STATE, CAP_FLAG, "single registers by id" },
    { "MSR_PLATFORM_INFO", GROUP_STATE, CAP_FLAG, "control of MSR_PLATFORM_INFO" },

    { "ADJUST_CLOCK", GROUP_TIME, CAP_BITS, "guest clock read and set" },
    { "GET_TSC_KHZ", GROUP_TIME, CAP_FLAG, "TSC frequency" },
    { "TSC_CONTROL", GROUP_TIME, CAP_FLAG, "TSC frequency set (scaling)" },
    { "VM_TSC_CONTROL", GROUP_TIME, CAP_FLAG, "same, for the whole VM" },
    { "TSC_DEADLINE_TIMER", GROUP_TIME, CAP_FLAG, "TSC deadline timer" },
    { "CLOCKSOURCE", GROUP_TIME, CAP_FLAG, "kvmclock" },
    { "KVMCLOCK_CTRL", GROUP_TIME, CAP_FLAG, "guests told of pauses" },
    { "STEAL_TIME", GROUP_TIME, CAP_FLAG, "stolen time" },
    { "PTP_KVM", GROUP_TIME, CAP_FLAG, "host time for guests" },
    { "HALT_POLL", GROUP_TIME, CAP_FLAG, "halt polling a VM" },
    { "X86_APIC_BUS_CYCLES_NS", GROUP_TIME, CAP_FLAG, "APIC timer frequency" },

    { "X86_DISABLE_EXITS", GROUP_EXITS, CAP_BITS, "HLT, PAUSE, MWAIT without exits" },
    { "X86_USER_SPACE_MSR", GROUP_EXITS, CAP_BITS, "MSR accesses in user space" },
    { "X86_MSR_FILTER", GROUP_EXITS, CAP_FLAG, "which MSR accesses" },
    { "EXIT_HYPERCALL", GROUP_EXITS, CAP_BITS, "hypercalls in user space" },
    { "EXIT_ON_EMULATION_FAILURE", GROUP_EXITS, CAP_FLAG, "all emulation failures exit" },
    { "INTERNAL_ERROR_DATA", GROUP_EXITS, CAP_FLAG, "internal errors explained" },
    { "SYSTEM_EVENT_DATA", GROUP_EXITS, CAP_FLAG, "system events explained" },
    { "X86_BUS_LOCK_EXIT", GROUP_EXITS, CAP_BITS, "exits on bus locks" },
    { "X86_NOTIFY_VMEXIT", GROUP_EXITS, CAP_BITS, "exits of stuck processors" },

    { "SET_GUEST_DEBUG", GROUP_DEBUG, CAP_FLAG, "breakpoints and single steps" },
    { "SET_GUEST_DEBUG2", GROUP_DEBUG, CAP_BITS, "which debug controls" },
    { "X86_ROBUST_SINGLESTEP", GROUP_DEBUG, CAP_FLAG, "single steps over interrupts" },

    { "BINARY_STATS_FD", GROUP_STATS, CAP_FLAG, "statistics by descriptor" },

    { "NESTED_STATE", GROUP_FEATURES, CAP_BYTES, "state of nested guests" },
    { "X86_SMM", GROUP_FEATURES, CAP_FLAG, "system management mode" },
    { "MCE", GROUP_FEATURES, CAP_NUMBER, "machine check banks" },
    { "PMU_CAPABILITY", GROUP_FEATURES, CAP_BITS, "performance counters" },
    { "PMU_EVENT_FILTER", GROUP_FEATURES, CAP_FLAG, "which counter events" },
    { "SGX_ATTRIBUTE", GROUP_FEATURES, CAP_FLAG, "SGX provisioning" },

    { "HYPERV", GROUP_HYPERV, CAP_FLAG, "Hyper-V interface" },
    { "HYPERV_VAPIC", GROUP_HYPERV, CAP_FLAG, "virtual APIC MSRs" },
    { "HYPERV_SPIN", GROUP_HYPERV, CAP_FLAG, "long spin hints" },
    { "HYPERV_TIME", GROUP_HYPERV, CAP_FLAG, "reference time" },
    { "HYPERV_SYNIC", GROUP_HYPERV, CAP_FLAG, "synthetic interrupts" },
    { "HYPERV_SYNIC2", GROUP_HYPERV, CAP_FLAG, "same, pages kept" },
    { "HYPERV_VP_INDEX", GROUP_HYPERV, CAP_FLAG, "vCPU index" },
    { "HYPERV_EVENTFD", GROUP_HYPERV, CAP_FLAG, "events by descriptor" },
    { "HYPERV_TLBFLUSH", GROUP_HYPERV, CAP_FLAG, "TLB flush hypercalls" },
    { "HYPERV_DIRECT_TLBFLUSH", GROUP_HYPERV, CAP_FLAG, "same, for nested guests" },
    { "HYPERV_SEND_IPI", GROUP_HYPERV, CAP_FLAG, "interprocessor interrupts" },
    { "HYPERV_ENLIGHTENED_VMCS", GROUP_HYPERV, CAP_FLAG, "enlightened VMCS" },
    { "HYPERV_CPUID", GROUP_HYPERV, CAP_FLAG, "Hyper-V CPUID of a vCPU" },
    { "SYS_HYPERV_CPUID", GROUP_HYPERV, CAP_FLAG, "same, of the system" },
    { "HYPERV_ENFORCE_CPUID", GROUP_HYPERV, CAP_FLAG, "hidden features are refused" },

    { "VM_TYPES", GROUP_CONFIDENTIAL, CAP_BITS, "kinds of VM" },
    { "MEMORY_ATTRIBUTES", GROUP_CONFIDENTIAL, CAP_BITS, "private memory" },
    { "GUEST_MEMFD", GROUP_CONFIDENTIAL, CAP_FLAG, "memory the host cannot map" },
    { "VM_COPY_ENC_CONTEXT_FROM", GROUP_CONFIDENTIAL, CAP_FLAG, "SEV keys shared" },
    { "VM_MOVE_ENC_CONTEXT_FROM", GROUP_CONFIDENTIAL, CAP_FLAG, "SEV keys moved" },

    { "XEN_HVM", GROUP_XEN, CAP_BITS, "Xen interface" },
};
#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))

int caps_read(struct vkvm *kvm, struct vkvm_vm *vm, struct caps *caps)
{
    for (uint32_t i = 0; i < CAP_COUNT; i++) {
        int r = vkvm_check_cap(kvm, i);
        if (r < 0)
            return r;
        caps->system[i] = caps->vm[i] = r;
    }
    caps->known = true;
    if (!vm || caps_get(caps, "CHECK_EXTENSION_VM") <= 0)
        return 0;
    for (uint32_t i = 0; i < CAP_COUNT; i++) {
        int r = vkvm_vm_check_cap(vm, i);
        if (r < 0) { /* all or nothing: a half-asked VM would mislead */
            memcpy(caps->vm, caps->system, sizeof(caps->vm));
            return r;
        }
        caps->vm[i] = r;
    }
    caps->vm_known = true;
    return 0;
}

int caps_get(const struct caps *caps, const char *name)
{
    int number = vkvm_cap_number(name);
    return number >= 0 && number < CAP_COUNT ? caps->vm[number] : 0;
}

const char *caps_group_id(uint32_t group)
{
    return group < GROUP_COUNT ? groups[group].id : "?";
}

const char *caps_group_title(uint32_t group)
{
    return group < GROUP_COUNT ? groups[group].title : "?";
}

const struct cap_info *caps_table(uint32_t *ret_count)
{
    *ret_count = TABLE_COUNT;
    return table;
}

const struct cap_info *caps_info(uint32_t number)
{
    for (size_t i = 0; i < TABLE_COUNT; i++)
        if (vkvm_cap_number(table[i].name) == (int)number)
            return &table[i];
    return NULL;
}

void caps_format_value(uint32_t format, int value, char *ret, uint32_t size)
{
    if (value == 0)
        snprintf(ret, size, "no");
    else if (format == CAP_FLAG && value == 1)
        snprintf(ret, size, "yes");
    else if (format == CAP_BYTES && value >= 1 << 20 && value % (1 << 20) == 0)
        snprintf(ret, size, "%d MiB", value >> 20);
    else if (format == CAP_BYTES && value >= 1 << 10 && value % (1 << 10) == 0)
        snprintf(ret, size, "%d KiB", value >> 10);
    else if (format == CAP_BYTES)
        snprintf(ret, size, "%d bytes", value);
    else if (format == CAP_BITS)
        snprintf(ret, size, "%#x", (unsigned)value);
    else
        snprintf(ret, size, "%d", value);
}
