/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * On the real KVM: what a VM may do and tell (capabilities, PMU and MSR filters), and debugging.
 */
#include <unistd.h>

#include "x86-kvm.h"

void policy(void)
{
    struct machine m;
    machine_init(&m, SPLIT_CHIPS);
    static int (*const switches[])(struct vkvm_vm *, bool) = {
        vkvm_vm_enable_emulation_exits,
        vkvm_vm_enable_triple_fault_event,
        vkvm_vm_enable_exception_payload,
        vkvm_vm_set_platform_info,
    };
    static const uint32_t caps[] = {
        KVM_CAP_EXIT_ON_EMULATION_FAILURE,
        KVM_CAP_X86_TRIPLE_FAULT_EVENT,
        KVM_CAP_EXCEPTION_PAYLOAD,
        KVM_CAP_MSR_PLATFORM_INFO,
    };
    for (size_t i = 0; i < 4; i++)
        CHECK_EQ(switches[i](m.vm, true), vkvm_vm_check_cap(m.vm, caps[i]) > 0 ? 0 : -EOPNOTSUPP);
    int quirks = vkvm_vm_check_cap(m.vm, KVM_CAP_DISABLE_QUIRKS2);
    CHECK_EQ(vkvm_vm_disable_quirks(m.vm, (uint64_t)quirks & 1), quirks > 0 ? 0 : -EOPNOTSUPP);
    if (quirks > 0)
        CHECK_EQ(vkvm_vm_disable_quirks(m.vm, 1ull << 40), -EINVAL);
    int x2apic = vkvm_vm_check_cap(m.vm, KVM_CAP_X2APIC_API);
    CHECK_EQ(vkvm_vm_enable_x2apic_api(m.vm, (uint64_t)x2apic & 3), x2apic > 0 ? 0 : -EOPNOTSUPP);
    int hypercalls = vkvm_vm_check_cap(m.vm, KVM_CAP_EXIT_HYPERCALL);
    CHECK_EQ(vkvm_vm_enable_hypercall_exits(m.vm, (uint64_t)hypercalls),
             hypercalls > 0 ? 0 : -EOPNOTSUPP);
    int bus = vkvm_vm_check_cap(m.vm, KVM_CAP_X86_BUS_LOCK_EXIT);
    CHECK_EQ(vkvm_vm_enable_bus_lock_exits(m.vm, true), bus > 0 ? 0 : -EOPNOTSUPP);
    int cycles = vkvm_vm_check_cap(m.vm, KVM_CAP_X86_APIC_BUS_CYCLES_NS);
    CHECK_EQ(vkvm_vm_set_apic_bus_ns(m.vm, 2), cycles > 0 ? 0 : -EOPNOTSUPP);
    CHECK_EQ(vkvm_vm_set_max_vcpu_id(m.vm, 16), 0);
    CHECK_EQ(vkvm_vm_set_max_vcpu_id(m.vm, 17), -EINVAL);
    CHECK_EQ(vkvm_vm_disable_nx_huge_pages(m.vm),
             vkvm_vm_check_cap(m.vm, KVM_CAP_VM_DISABLE_NX_HUGE_PAGES) <= 0 ? -EOPNOTSUPP
             : geteuid() == 0                                               ? 0
                                                                            : -EPERM);
    CHECK_EQ(vkvm_vm_disable_pmu(m.vm),
             vkvm_vm_check_cap(m.vm, KVM_CAP_PMU_CAPABILITY) > 0 ? 0 : -EOPNOTSUPP);
    int exits = vkvm_vm_check_cap(m.vm, KVM_CAP_X86_DISABLE_EXITS);
    CHECK_EQ(vkvm_vm_disable_exits(m.vm, (uint64_t)(exits & KVM_X86_DISABLE_EXITS_HLT)),
             exits > 0 ? 0 : -EOPNOTSUPP);
    int notify = vkvm_vm_check_cap(m.vm, KVM_CAP_X86_NOTIFY_VMEXIT);
    CHECK_EQ(vkvm_vm_enable_notify_exits(m.vm, 0, KVM_X86_NOTIFY_VMEXIT_ENABLED),
             notify > 0 ? 0 : -EOPNOTSUPP);
    int sgx = vkvm_vm_enable_sgx_attribute(m.vm, -1);
    CHECK_EQ(sgx, vkvm_vm_check_cap(m.vm, KVM_CAP_SGX_ATTRIBUTE) > 0 ? -EINVAL : -EOPNOTSUPP);
    CHECK_EQ(vkvm_vm_set_mmu_pages(m.vm, 1024), 0);
    CHECK_EQ(vkvm_vm_set_mmu_pages(m.vm, 1), -EINVAL);
    int pages = vkvm_vm_get_mmu_pages(m.vm);
    CHECK(pages == 1024 || pages == -EINVAL || pages == -ENOTTY);
    machine_add_vcpu(&m, hlt, sizeof(hlt));
    CHECK_EQ(vkvm_vcpu_enforce_pv_cpuid(m.vcpu, true), 0);
    machine_fini(&m);
}

void pmu_filter(void)
{
    struct machine m;
    struct vkvm_pmu_filter *filter;
    if (lacks(NULL, KVM_CAP_PMU_EVENT_FILTER))
        return;
    machine_new(&m, SPLIT_CHIPS, hlt, sizeof(hlt));
    CHECK_EQ(vkvm_pmu_filter_new(KVM_PMU_EVENT_DENY, false, &filter), 0);
    CHECK_EQ(vkvm_pmu_filter_add(filter, 0xc0, 0), 0);
    CHECK_EQ(vkvm_vm_set_pmu_filter(m.vm, filter), 0);
    vkvm_pmu_filter_free(filter);
    CHECK_EQ(vkvm_pmu_filter_new(KVM_PMU_EVENT_DENY, true, &filter), 0);
    CHECK_EQ(vkvm_pmu_filter_add_masked(filter, 0xc0, 0xff, 1, false), 0);
    CHECK_EQ(vkvm_vm_set_pmu_filter(m.vm, filter),
             vkvm_vm_check_cap(m.vm, KVM_CAP_PMU_EVENT_MASKED_EVENTS) > 0 ? 0 : -EOPNOTSUPP);
    vkvm_pmu_filter_free(filter);
    machine_fini(&m);
}

void msr_exits(void)
{
    struct machine m;
    struct vkvm_exit e;
    struct vkvm_msr_filter *filter;
    struct kvm_regs regs;
    /* mov ecx, 0x174; rdmsr; mov ecx, 0x176; rdmsr; hlt */
    static const uint8_t code[] = { 0x66, 0xb9, 0x74, 1, 0, 0,    0x0f, 0x32, 0x66,
                                    0xb9, 0x76, 1,    0, 0, 0x0f, 0x32, 0xf4 };
    if (lacks(NULL, KVM_CAP_X86_MSR_FILTER) || lacks(NULL, KVM_CAP_X86_USER_SPACE_MSR))
        return;
    machine_new(&m, NO_CHIPS, code, sizeof(code));
    CHECK_EQ(vkvm_vm_enable_msr_exits(m.vm, 1u << 20), -EINVAL);
    CHECK_EQ(vkvm_vm_enable_msr_exits(m.vm, KVM_MSR_EXIT_REASON_FILTER), 0);
    CHECK_EQ(vkvm_msr_filter_new(false, &filter), 0);
    CHECK_EQ(vkvm_msr_filter_add_range(filter, KVM_MSR_FILTER_READ, 0x100, 0x100, true), 0);
    CHECK_EQ(vkvm_msr_filter_set(filter, KVM_MSR_FILTER_READ, 0x174, false), 0);
    CHECK_EQ(vkvm_vm_set_msr_filter(m.vm, filter), 0);
    vkvm_msr_filter_free(filter);
    run_to(&m, VKVM_EXIT_RDMSR, &e);
    CHECK_EQ(e.msr.index, 0x174);
    CHECK_EQ(e.msr.reason, KVM_MSR_EXIT_REASON_FILTER);
    *e.msr.data = 0x1122334455667788;
    *e.msr.error = 0;
    /* the answer arrives; 0x176 is allowed */
    CHECK_EQ(vkvm_vcpu_get_regs(m.vcpu, &regs), 0);
    run_to(&m, VKVM_EXIT_HLT, &e);
    CHECK_EQ(vkvm_vcpu_get_regs(m.vcpu, &regs), 0);
    CHECK_EQ(regs.rip, CODE + sizeof(code));
    CHECK_EQ(vkvm_msr_filter_new(true, &filter), 0);
    CHECK_EQ(vkvm_vm_set_msr_filter(m.vm, filter), -EINVAL);
    vkvm_msr_filter_free(filter);
    CHECK_EQ(vkvm_vm_set_msr_filter(m.vm, NULL), 0);
    machine_fini(&m);
}

/* --- debugging --- */

void debugging(void)
{
    struct machine m;
    struct vkvm_exit e;
    struct vkvm_debug_event event;
    struct kvm_guest_debug debug;
    /* nop; nop; mov [0x500], al; nop; int3; hlt */
    static const uint8_t code[] = { 0x90, 0x90, 0xa2, 0x00, 0x05, 0x90, 0xcc, 0xf4 };
    machine_new(&m, NO_CHIPS, code, sizeof(code));
    int controls = vkvm_vm_get_debug_controls(m.vm);
    if (controls < 0) {
        skip_reason = "this KVM lacks KVM_CAP_SET_GUEST_DEBUG";
        machine_fini(&m);
        return;
    }
    vkvm_debug_init(&debug);
    vkvm_debug_set_step(&debug, true);
    CHECK_EQ(vkvm_vcpu_set_guest_debug(m.vcpu, &debug), 0);
    for (uint64_t i = 1; i <= 2; i++) {
        run_to(&m, VKVM_EXIT_DEBUG, &e);
        vkvm_debug_decode(&debug, &e, &event);
        CHECK_EQ(event.cause, VKVM_DEBUG_CAUSE_STEP);
        CHECK_EQ(event.address, CODE + i);
    }
    vkvm_debug_set_step(&debug, false);
    CHECK_EQ(vkvm_debug_add(&debug, VKVM_DEBUG_EXECUTE, CODE + 5, 1), 0);
    CHECK_EQ(vkvm_debug_add(&debug, VKVM_DEBUG_WRITE, 0x500, 1), 1);
    vkvm_debug_set_software(&debug, true);
    CHECK_EQ(vkvm_vcpu_set_guest_debug(m.vcpu, &debug), 0);
    run_to(&m, VKVM_EXIT_DEBUG, &e);
    vkvm_debug_decode(&debug, &e, &event);
    if (event.cause == VKVM_DEBUG_CAUSE_WATCHPOINT) {
        CHECK_EQ(event.slot, 1);
        CHECK_EQ(event.address, 0x500);
        run_to(&m, VKVM_EXIT_DEBUG, &e);
        vkvm_debug_decode(&debug, &e, &event);
    } else {
        skip_reason = "watchpoints and INT3: this KVM interprets real mode, and without them";
    }
    CHECK_EQ(event.cause, VKVM_DEBUG_CAUSE_BREAKPOINT);
    CHECK_EQ(event.address, CODE + 5);
    CHECK_EQ(vkvm_debug_remove(&debug, VKVM_DEBUG_EXECUTE, CODE + 5, 1), 0);
    CHECK_EQ(vkvm_debug_remove(&debug, VKVM_DEBUG_WRITE, 0x500, 1), 0);
    CHECK_EQ(vkvm_vcpu_set_guest_debug(m.vcpu, &debug), 0);
    if (!skip_reason) {
        run_to(&m, VKVM_EXIT_DEBUG, &e);
        vkvm_debug_decode(&debug, &e, &event);
        CHECK_EQ(event.cause, VKVM_DEBUG_CAUSE_SOFTWARE);
        CHECK_EQ(event.address, CODE + 6);
    }
    machine_fini(&m);
}
