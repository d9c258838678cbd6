/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every x86 call against the fake: the request it makes, its argument, its capability, its errors.
 */
#include "test-x86.h"

/* The argument the last call of this request had on a handle. */
static const void *seen(int fd, unsigned long request)
{
    return fake_seen(&x86_fake, fd, request, NULL);
}

static int vm_fd(void)
{
    return vkvm_vm_get_fd(x86_vm);
}

static int vcpu_fd(void)
{
    return vkvm_vcpu_get_fd(x86_vcpu);
}

START_TEST(sregs2)
{
    struct kvm_sregs2 in = { .cr3 = 0x1000, .flags = KVM_SREGS2_FLAGS_PDPTRS_VALID }, out;
    in.pdptrs[3] = 0x5001;
    ck_assert_int_eq(vkvm_vcpu_set_sregs2(x86_vcpu, &in), 0);
    ck_assert_int_eq(vkvm_vcpu_get_sregs2(x86_vcpu, &out), 0);
    ck_assert_mem_eq(&in, &out, sizeof(in));
    fake_inject(&x86_fake, KVM_GET_SREGS2, 1, -EINVAL);
    ck_assert_int_eq(vkvm_vcpu_get_sregs2(x86_vcpu, &out), -EINVAL);
}
END_TEST

START_TEST(translating)
{
    uint64_t gpa = 0;
    ck_assert_int_eq(vkvm_vcpu_translate(x86_vcpu, 0x2345, &gpa), 0);
    ck_assert_uint_eq(gpa, 0x3345);
    ck_assert_int_eq(vkvm_vcpu_translate(x86_vcpu, 0x200000, &gpa), -EFAULT);
    fake_inject(&x86_fake, KVM_TRANSLATE, 1, -EIO);
    ck_assert_int_eq(vkvm_vcpu_translate(x86_vcpu, 0, &gpa), -EIO);
}
END_TEST

START_TEST(irqchip)
{
    struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC }, out;
    chip.chip.ioapic.id = 7;
    ck_assert_int_eq(vkvm_vm_set_irqchip(x86_vm, &chip), 0);
    ck_assert_int_eq(vkvm_vm_get_irqchip(x86_vm, KVM_IRQCHIP_IOAPIC, &out), 0);
    ck_assert_uint_eq(out.chip.ioapic.id, 7);
    ck_assert_int_eq(vkvm_vm_get_irqchip(x86_vm, KVM_IRQCHIP_PIC_SLAVE, &out), 0);
    ck_assert_uint_eq(out.chip_id, KVM_IRQCHIP_PIC_SLAVE);
    ck_assert_uint_eq(out.chip.ioapic.id, 0);
    ck_assert_int_eq(vkvm_vm_get_irqchip(x86_vm, 3, &out), -EINVAL);

    struct kvm_pit_state2 pit = { .flags = KVM_PIT_FLAGS_SPEAKER_DATA_ON }, pit2;
    pit.channels[2].count = 65536;
    ck_assert_int_eq(vkvm_vm_set_pit(x86_vm, &pit), 0);
    ck_assert_int_eq(vkvm_vm_get_pit(x86_vm, &pit2), 0);
    ck_assert_mem_eq(&pit, &pit2, sizeof(pit));
    fake_inject(&x86_fake, KVM_GET_PIT2, 1, -ENXIO);
    ck_assert_int_eq(vkvm_vm_get_pit(x86_vm, &pit2), -ENXIO);
    ck_assert_int_eq(vkvm_vm_set_pit_reinject(x86_vm, true), 0);
    ck_assert_uint_eq(
        ((const struct kvm_reinject_control *)seen(vm_fd(), KVM_REINJECT_CONTROL))->pit_reinject,
        1);

    int32_t status = 99;
    ck_assert_int_eq(vkvm_vm_set_irq_line_status(x86_vm, 4, true, &status), -EOPNOTSUPP);
    ck_assert_int_eq(status, 99);
    fake_set_cap(&x86_fake, KVM_CAP_IRQ_INJECT_STATUS, 1);
    ck_assert_int_eq(vkvm_vm_set_irq_line_status(x86_vm, 4, true, &status), 0);
    ck_assert_int_eq(status, 1);
    ck_assert_uint_eq(x86_fake.last_line.irq, 4);
    fake_inject(&x86_fake, KVM_IRQ_LINE_STATUS, 1, -ENXIO);
    ck_assert_int_eq(vkvm_vm_set_irq_line_status(x86_vm, 4, false, &status), -ENXIO);
    ck_assert_int_eq(status, 1);
}
END_TEST

START_TEST(local_apic)
{
    ck_assert_int_eq(vkvm_vcpu_smi(x86_vcpu), 0);
    ck_assert_uint_eq(x86_fake.last_request, KVM_SMI);
    ck_assert_int_eq(vkvm_vcpu_nmi(x86_vcpu), 0);
    ck_assert_uint_eq(x86_fake.last_request, KVM_NMI);
    ck_assert_int_eq(vkvm_vcpu_interrupt(x86_vcpu, 0x30), 0);
    ck_assert_uint_eq(x86_fake.last_int, 0x30);
    ck_assert_int_eq(vkvm_vcpu_set_tpr_reporting(x86_vcpu, true), 0);
    const struct kvm_tpr_access_ctl *tpr = seen(vcpu_fd(), KVM_TPR_ACCESS_REPORTING);
    ck_assert_uint_eq(tpr->enabled, 1);
    ck_assert_int_eq(vkvm_vcpu_set_vapic(x86_vcpu, 0x12340), 0);
    const struct kvm_vapic_addr *vapic = seen(vcpu_fd(), KVM_SET_VAPIC_ADDR);
    ck_assert_uint_eq(vapic->vapic_addr, 0x12340);
    struct kvm_lapic_state in, out;
    memset(&in, 0x41, sizeof(in));
    ck_assert_int_eq(vkvm_vcpu_set_lapic(x86_vcpu, &in), 0);
    ck_assert_int_eq(vkvm_vcpu_get_lapic(x86_vcpu, &out), 0);
    ck_assert_mem_eq(&in, &out, sizeof(in));
}
END_TEST

START_TEST(tsc_frequency)
{
    ck_assert_int_eq(vkvm_vcpu_get_tsc_khz(x86_vcpu), 2500000);
    ck_assert_int_eq(vkvm_vcpu_set_tsc_khz(x86_vcpu, 1000), 0);
    ck_assert_uint_eq(x86_fake.last_int, 1000);
    ck_assert_int_eq(vkvm_vcpu_kvmclock_ctrl(x86_vcpu), -EINVAL);
    ck_assert_int_eq(vkvm_vm_get_tsc_khz(x86_vm), -EOPNOTSUPP);
    ck_assert_int_eq(vkvm_vm_set_tsc_khz(x86_vm, 1), -EOPNOTSUPP);
    fake_set_cap(&x86_fake, KVM_CAP_VM_TSC_CONTROL, 1);
    ck_assert_int_eq(vkvm_vm_get_tsc_khz(x86_vm), 2600000);
    ck_assert_int_eq(vkvm_vm_set_tsc_khz(x86_vm, 2000000), 0);
    ck_assert_uint_eq(x86_fake.last_int, 2000000);
}
END_TEST

static uint64_t tsc_offset_value;

static void answer_offset(void *argument, int *result)
{
    struct kvm_device_attr *attr = argument;
    uint64_t *value = (uint64_t *)(uintptr_t)attr->addr;
    ck_assert_uint_eq(attr->group, KVM_VCPU_TSC_CTRL);
    ck_assert_uint_eq(attr->attr, KVM_VCPU_TSC_OFFSET);
    if (tsc_offset_value)
        *value = tsc_offset_value;
    else
        tsc_offset_value = *value;
    *result = 0;
}

START_TEST(tsc_offset)
{
    struct fake_rule rule = { .call = FAKE_IOCTL,
                              .request = KVM_SET_DEVICE_ATTR,
                              .nth = 1,
                              .after = true,
                              .spoil = answer_offset };
    uint64_t value = 0;
    fake_add_rule(&x86_fake, &rule);
    ck_assert_int_eq(vkvm_vcpu_set_tsc_offset(x86_vcpu, 0x1122334455), 0);
    ck_assert_uint_eq(tsc_offset_value, 0x1122334455);
    rule.request = KVM_GET_DEVICE_ATTR;
    rule.nth = 1;
    fake_add_rule(&x86_fake, &rule);
    ck_assert_int_eq(vkvm_vcpu_get_tsc_offset(x86_vcpu, &value), 0);
    ck_assert_uint_eq(value, 0x1122334455);
    fake_inject(&x86_fake, KVM_GET_DEVICE_ATTR, 1, -ENXIO);
    ck_assert_int_eq(vkvm_vcpu_get_tsc_offset(x86_vcpu, &value), -ENXIO);
}
END_TEST

START_TEST(machine_checks)
{
    uint64_t cap = 0;
    struct kvm_x86_mce mce = { .status = 1ull << 63, .bank = 2 };
    ck_assert_int_eq(vkvm_get_mce_cap(x86_kvm, &cap), -EOPNOTSUPP);
    fake_set_cap(&x86_fake, KVM_CAP_MCE, 32);
    ck_assert_int_eq(vkvm_get_mce_cap(x86_kvm, &cap), 0);
    ck_assert_uint_eq(cap, 0x1000020);
    ck_assert_int_eq(vkvm_vcpu_setup_mce(x86_vcpu, 10), 0);
    ck_assert_uint_eq(*(const uint64_t *)seen(vcpu_fd(), KVM_X86_SETUP_MCE), 10);
    ck_assert_int_eq(vkvm_vcpu_inject_mce(x86_vcpu, &mce), 0);
    ck_assert_mem_eq(seen(vcpu_fd(), KVM_X86_SET_MCE), &mce, sizeof(mce));
}
END_TEST

START_TEST(hyperv)
{
    struct vkvm_cpuid *cpuid = NULL;
    size_t count;
    uint16_t version;
    ck_assert_int_eq(vkvm_get_supported_hv_cpuid(x86_kvm, &cpuid), -EOPNOTSUPP);
    ck_assert_ptr_null(cpuid);
    fake_set_cap(&x86_fake, KVM_CAP_SYS_HYPERV_CPUID, 1);
    ck_assert_int_eq(vkvm_get_supported_hv_cpuid(x86_kvm, &cpuid), 0);
    vkvm_cpuid_entries(cpuid, &count);
    ck_assert_uint_eq(count, 2);
    vkvm_cpuid_free(cpuid);
    ck_assert_int_eq(vkvm_vcpu_get_supported_hv_cpuid(x86_vcpu, &cpuid), 0);
    ck_assert_uint_eq(vkvm_cpuid_find(cpuid, 0x40000001, 0)->eax, 0x31237648);
    vkvm_cpuid_free(cpuid);

    ck_assert_int_eq(vkvm_vm_add_hyperv_eventfd(x86_vm, 5, 9), -EOPNOTSUPP);
    fake_set_cap(&x86_fake, KVM_CAP_HYPERV_EVENTFD, 1);
    ck_assert_int_eq(vkvm_vm_add_hyperv_eventfd(x86_vm, 5, 9), 0);
    const struct kvm_hyperv_eventfd *io = seen(vm_fd(), KVM_HYPERV_EVENTFD);
    ck_assert_uint_eq(io->conn_id, 5);
    ck_assert_int_eq(io->fd, 9);
    ck_assert_uint_eq(io->flags, 0);
    ck_assert_int_eq(vkvm_vm_remove_hyperv_eventfd(x86_vm, 5), 0);
    io = seen(vm_fd(), KVM_HYPERV_EVENTFD);
    ck_assert_uint_eq(io->flags, KVM_HYPERV_EVENTFD_DEASSIGN);

    ck_assert_int_eq(vkvm_vcpu_enable_synic(x86_vcpu), 0);
    ck_assert_uint_eq(x86_fake.last_cap.cap, KVM_CAP_HYPERV_SYNIC2);
    ck_assert_int_eq(vkvm_vcpu_enable_evmcs(x86_vcpu, &version), 0);
    ck_assert_uint_eq(x86_fake.last_cap.cap, KVM_CAP_HYPERV_ENLIGHTENED_VMCS);
    ck_assert_uint_eq(x86_fake.last_cap.args[0], (uintptr_t)&version);
    ck_assert_int_eq(vkvm_vcpu_enable_direct_tlbflush(x86_vcpu), 0);
    ck_assert_uint_eq(x86_fake.last_cap.cap, KVM_CAP_HYPERV_DIRECT_TLBFLUSH);
    ck_assert_int_eq(vkvm_vcpu_enforce_hyperv_cpuid(x86_vcpu, true), 0);
    ck_assert_uint_eq(x86_fake.last_cap.cap, KVM_CAP_HYPERV_ENFORCE_CPUID);
    ck_assert_uint_eq(x86_fake.last_cap.args[0], 1);
    ck_assert_int_eq(vkvm_vcpu_enforce_pv_cpuid(x86_vcpu, false), 0);
    ck_assert_uint_eq(x86_fake.last_cap.cap, KVM_CAP_ENFORCE_PV_FEATURE_CPUID);
    fake_inject(&x86_fake, KVM_ENABLE_CAP, 1, -EINVAL);
    ck_assert_int_eq(vkvm_vcpu_enable_synic(x86_vcpu), -EINVAL);
}
END_TEST

START_TEST(encryption)
{
    uint32_t firmware = 77, data = 0;
    static uint8_t page[4096];
    ck_assert_int_eq(vkvm_vm_sev_command(x86_vm, 11, KVM_SEV_GUEST_STATUS, &data, &firmware), 0);
    const struct kvm_sev_cmd *command = seen(vm_fd(), KVM_MEMORY_ENCRYPT_OP);
    ck_assert_uint_eq(command->id, KVM_SEV_GUEST_STATUS);
    ck_assert_uint_eq(command->sev_fd, 11);
    ck_assert_uint_eq(command->data, (uintptr_t)&data);
    ck_assert_uint_eq(firmware, 0);
    x86_fake.x86.sev_error = 0x16;
    ck_assert_int_eq(vkvm_vm_sev_command(x86_vm, 11, KVM_SEV_INIT, NULL, &firmware), -EIO);
    ck_assert_uint_eq(firmware, 0x16);
    ck_assert_int_eq(vkvm_vm_sev_command(x86_vm, -1, KVM_SEV_INIT, NULL, NULL), -EIO);
    ck_assert_int_eq(vkvm_vm_encrypt_op(x86_vm, NULL), 0);
    fake_inject(&x86_fake, KVM_MEMORY_ENCRYPT_OP, 1, -ENOTTY);
    ck_assert_int_eq(vkvm_vm_encrypt_op(x86_vm, NULL), -ENOTTY);
    ck_assert_int_eq(vkvm_vm_add_encrypted_region(x86_vm, page, 4096), 0);
    const struct kvm_enc_region *region = seen(vm_fd(), KVM_MEMORY_ENCRYPT_REG_REGION);
    ck_assert_uint_eq(region->addr, (uintptr_t)page);
    ck_assert_uint_eq(region->size, 4096);
    ck_assert_int_eq(vkvm_vm_remove_encrypted_region(x86_vm, page, 4096), 0);
    region = seen(vm_fd(), KVM_MEMORY_ENCRYPT_UNREG_REGION);
    ck_assert_uint_eq(region->addr, (uintptr_t)page);
    ck_assert_int_eq(vkvm_vm_copy_encryption_from(x86_vm, x86_vm), 0);
    ck_assert_uint_eq(x86_fake.last_cap.cap, KVM_CAP_VM_COPY_ENC_CONTEXT_FROM);
    ck_assert_uint_eq(x86_fake.last_cap.args[0], (uint64_t)vm_fd());
    ck_assert_int_eq(vkvm_vm_move_encryption_from(x86_vm, x86_vm), 0);
    ck_assert_uint_eq(x86_fake.last_cap.cap, KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM);
}
END_TEST

/* --- capabilities of a VM: one function each, all in the same manner --- */

static int do_max_id(void)
{
    return vkvm_vm_set_max_vcpu_id(x86_vm, 64);
}
static int do_x2apic(void)
{
    return vkvm_vm_enable_x2apic_api(x86_vm, 3);
}
static int do_bus_ns(void)
{
    return vkvm_vm_set_apic_bus_ns(x86_vm, 10);
}
static int do_msr_exits(void)
{
    return vkvm_vm_enable_msr_exits(x86_vm, 7);
}
static int do_no_pmu(void)
{
    return vkvm_vm_disable_pmu(x86_vm);
}
static int do_quirks(void)
{
    return vkvm_vm_disable_quirks(x86_vm, 0x20);
}
static int do_exits(void)
{
    return vkvm_vm_disable_exits(x86_vm, 2);
}
static int do_emulation(void)
{
    return vkvm_vm_enable_emulation_exits(x86_vm, true);
}
static int do_triple(void)
{
    return vkvm_vm_enable_triple_fault_event(x86_vm, true);
}
static int do_payload(void)
{
    return vkvm_vm_enable_exception_payload(x86_vm, true);
}
static int do_hypercall(void)
{
    return vkvm_vm_enable_hypercall_exits(x86_vm, 1 << 12);
}
static int do_bus_lock(void)
{
    return vkvm_vm_enable_bus_lock_exits(x86_vm, true);
}
static int do_no_bus_lock(void)
{
    return vkvm_vm_enable_bus_lock_exits(x86_vm, false);
}
static int do_notify(void)
{
    return vkvm_vm_enable_notify_exits(x86_vm, 0x55, 3);
}
static int do_platform(void)
{
    return vkvm_vm_set_platform_info(x86_vm, true);
}
static int do_nx(void)
{
    return vkvm_vm_disable_nx_huge_pages(x86_vm);
}
static int do_sgx(void)
{
    return vkvm_vm_enable_sgx_attribute(x86_vm, 8);
}

static const struct {
    int (*call)(void);
    uint32_t cap;
    uint64_t argument;
} enablers[] = {
    { do_max_id, KVM_CAP_MAX_VCPU_ID, 64 },
    { do_x2apic, KVM_CAP_X2APIC_API, 3 },
    { do_bus_ns, 237 /* KVM_CAP_X86_APIC_BUS_CYCLES_NS */, 10 },
    { do_msr_exits, KVM_CAP_X86_USER_SPACE_MSR, 7 },
    { do_no_pmu, KVM_CAP_PMU_CAPABILITY, KVM_PMU_CAP_DISABLE },
    { do_quirks, KVM_CAP_DISABLE_QUIRKS2, 0x20 },
    { do_exits, KVM_CAP_X86_DISABLE_EXITS, 2 },
    { do_emulation, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1 },
    { do_triple, KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1 },
    { do_payload, KVM_CAP_EXCEPTION_PAYLOAD, 1 },
    { do_hypercall, KVM_CAP_EXIT_HYPERCALL, 1 << 12 },
    { do_bus_lock, KVM_CAP_X86_BUS_LOCK_EXIT, KVM_BUS_LOCK_DETECTION_EXIT },
    { do_no_bus_lock, KVM_CAP_X86_BUS_LOCK_EXIT, KVM_BUS_LOCK_DETECTION_OFF },
    { do_notify, KVM_CAP_X86_NOTIFY_VMEXIT, 0x5500000003 },
    { do_platform, KVM_CAP_MSR_PLATFORM_INFO, 1 },
    { do_nx, KVM_CAP_VM_DISABLE_NX_HUGE_PAGES, 0 },
    { do_sgx, KVM_CAP_SGX_ATTRIBUTE, 8 },
};

START_TEST(enabling)
{
    ck_assert_int_eq(enablers[_i].call(), -EOPNOTSUPP);
    ck_assert_int_eq(x86_log_count(KVM_ENABLE_CAP), 0);
    fake_set_cap(&x86_fake, enablers[_i].cap, 1);
    ck_assert_int_eq(enablers[_i].call(), 0);
    ck_assert_uint_eq(x86_fake.last_cap.cap, enablers[_i].cap);
    ck_assert_uint_eq(x86_fake.last_cap.args[0], enablers[_i].argument);
    fake_inject(&x86_fake, KVM_ENABLE_CAP, 1, -EINVAL);
    ck_assert_int_eq(enablers[_i].call(), -EINVAL);
}
END_TEST

START_TEST(mmu_pages_and_boot_cpu)
{
    ck_assert_int_eq(vkvm_vm_set_mmu_pages(x86_vm, 4096), -EOPNOTSUPP);
    ck_assert_int_eq(vkvm_vm_get_mmu_pages(x86_vm), -EOPNOTSUPP);
    fake_set_cap(&x86_fake, KVM_CAP_MMU_SHADOW_CACHE_CONTROL, 1);
    ck_assert_int_eq(vkvm_vm_set_mmu_pages(x86_vm, 4096), 0);
    ck_assert_uint_eq(x86_fake.last_int, 4096);
    ck_assert_int_eq(vkvm_vm_get_mmu_pages(x86_vm), 1024);
    ck_assert_int_eq(vkvm_vm_set_boot_cpu(x86_vm, 3), -EOPNOTSUPP);
    fake_set_cap(&x86_fake, KVM_CAP_SET_BOOT_CPU_ID, 1);
    ck_assert_int_eq(vkvm_vm_set_boot_cpu(x86_vm, 3), 0);
    ck_assert_uint_eq(x86_fake.last_int, 3);
    fake_inject(&x86_fake, KVM_SET_BOOT_CPU_ID, 1, -EBUSY);
    ck_assert_int_eq(vkvm_vm_set_boot_cpu(x86_vm, 3), -EBUSY);
}
END_TEST

/* --- running --- */

START_TEST(run_errors)
{
    struct vkvm_exit e;
    ck_assert_int_eq(vkvm_vcpu_run(x86_vcpu, &e), -ENOEXEC); /* the script is empty */
    fake_inject(&x86_fake, KVM_RUN, 1, -EAGAIN);
    ck_assert_int_eq(vkvm_vcpu_run(x86_vcpu, &e), 0);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_INTR);
    ck_assert_uint_eq(e.kvm_reason, KVM_EXIT_INTR);
    vkvm_vcpu_kick(x86_vcpu);
    ck_assert_int_eq(vkvm_vcpu_run(x86_vcpu, &e), 0);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_INTR);
    ck_assert_uint_eq(vkvm_vcpu_get_run(x86_vcpu)->immediate_exit, 0);
    const uint64_t mask = 1ull << 33;
    ck_assert_int_eq(vkvm_vcpu_set_signal_mask(x86_vcpu, &mask), 0);
    ck_assert_uint_eq(x86_fake.signal_mask, mask);
    ck_assert_int_eq(vkvm_vcpu_set_signal_mask(x86_vcpu, NULL), 0);
    ck_assert_uint_eq(x86_fake.signal_mask, 0);
    uint32_t mp = 0;
    ck_assert_int_eq(vkvm_vcpu_set_mp_state(x86_vcpu, KVM_MP_STATE_HALTED), 0);
    ck_assert_int_eq(vkvm_vcpu_get_mp_state(x86_vcpu, &mp), 0);
    ck_assert_uint_eq(mp, KVM_MP_STATE_HALTED);
    fake_inject(&x86_fake, KVM_GET_MP_STATE, 1, -EINVAL);
    ck_assert_int_eq(vkvm_vcpu_get_mp_state(x86_vcpu, &mp), -EINVAL);
}
END_TEST

START_TEST(raw_calls)
{
    ck_assert_int_eq(vkvm_vcpu_ioctl(x86_vcpu, KVM_NMI, NULL), 0);
    ck_assert_int_eq(vkvm_vcpu_ioctl(x86_vcpu, 0x1234, NULL), -ENOTTY);
    ck_assert_int_eq(vkvm_vm_ioctl(x86_vm, KVM_CREATE_IRQCHIP, NULL), 0);
}
END_TEST

START_TEST(real_system_calls)
{
    struct vkvm *other = NULL;
    /* through the real table, on a device that is no KVM */
    ck_assert_int_eq(vkvm_open_with(NULL, "/dev/null", &other), -ENOTTY);
    ck_assert_ptr_null(other);
}
END_TEST

Suite *x86_calls_suite(void)
{
    Suite *s = suite_create("x86-calls");
    TCase *t = tcase_create("calls");
    tcase_add_checked_fixture(t, x86_setup, x86_teardown);
    tcase_add_test(t, sregs2);
    tcase_add_test(t, translating);
    tcase_add_test(t, irqchip);
    tcase_add_test(t, local_apic);
    tcase_add_test(t, tsc_frequency);
    tcase_add_test(t, tsc_offset);
    tcase_add_test(t, machine_checks);
    tcase_add_test(t, hyperv);
    tcase_add_test(t, encryption);
    tcase_add_loop_test(t, enabling, 0, (int)(sizeof(enablers) / sizeof(enablers[0])));
    tcase_add_test(t, mmu_pages_and_boot_cpu);
    tcase_add_test(t, run_errors);
    tcase_add_test(t, raw_calls);
    tcase_add_test(t, real_system_calls);
    suite_add_tcase(s, t);
    return s;
}
