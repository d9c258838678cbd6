/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The x86 calls on the real KVM: registers, interrupt controllers, clock and the rest; others are
 * in files of their own. What this host's lacks is skipped by name, with the reason; without
 * /dev/kvm everything is (exit status 77).
 */
#include <sys/eventfd.h>
#include <unistd.h>

#include "x86-kvm.h"

static int passes, skips;

/* --- registers --- */

static void sregs2(void)
{
    struct machine m;
    struct kvm_sregs2 a, b;
    struct kvm_sregs plain;
    if (lacks(NULL, KVM_CAP_SREGS2))
        return;
    machine_new(&m, NO_CHIPS, hlt, sizeof(hlt));
    CHECK_EQ(vkvm_vcpu_get_sregs2(m.vcpu, &a), 0);
    a.fs.base = 0x4440;
    CHECK_EQ(vkvm_vcpu_set_sregs2(m.vcpu, &a), 0);
    CHECK_EQ(vkvm_vcpu_get_sregs2(m.vcpu, &b), 0);
    CHECK(!memcmp(&a, &b, sizeof(a)));
    CHECK_EQ(vkvm_vcpu_get_sregs(m.vcpu, &plain), 0);
    CHECK_EQ(plain.fs.base, 0x4440);
    a.efer = ~0ull;
    CHECK_EQ(vkvm_vcpu_set_sregs2(m.vcpu, &a), -EINVAL);
    machine_fini(&m);
}

static void groups(void)
{
    struct machine m;
    struct kvm_fpu fpu, fpu2;
    struct kvm_xcrs xcrs;
    struct kvm_debugregs debugregs;
    struct kvm_vcpu_events events;
    struct kvm_lapic_state lapic;
    uint32_t mp;
    machine_new(&m, SPLIT_CHIPS, hlt, sizeof(hlt));
    CHECK_EQ(vkvm_vcpu_get_fpu(m.vcpu, &fpu), 0);
    fpu.xmm[3][2] = 0x5a;
    CHECK_EQ(vkvm_vcpu_set_fpu(m.vcpu, &fpu), 0);
    CHECK_EQ(vkvm_vcpu_get_fpu(m.vcpu, &fpu2), 0);
    CHECK_EQ(fpu2.xmm[3][2], 0x5a);
    CHECK_EQ(vkvm_vcpu_get_xcrs(m.vcpu, &xcrs), 0);
    CHECK_EQ(vkvm_vcpu_set_xcrs(m.vcpu, &xcrs), 0);
    CHECK_EQ(vkvm_vcpu_get_debugregs(m.vcpu, &debugregs), 0);
    debugregs.db[2] = 0x1234;
    CHECK_EQ(vkvm_vcpu_set_debugregs(m.vcpu, &debugregs), 0);
    debugregs.db[2] = 0;
    CHECK_EQ(vkvm_vcpu_get_debugregs(m.vcpu, &debugregs), 0);
    CHECK_EQ(debugregs.db[2], 0x1234);
    CHECK_EQ(vkvm_vcpu_get_events(m.vcpu, &events), 0);
    CHECK_EQ(vkvm_vcpu_set_events(m.vcpu, &events), 0);
    CHECK_EQ(vkvm_vcpu_get_lapic(m.vcpu, &lapic), 0);
    CHECK_EQ(vkvm_vcpu_set_lapic(m.vcpu, &lapic), 0);
    CHECK_EQ(vkvm_vcpu_get_mp_state(m.vcpu, &mp), 0);
    CHECK_EQ(vkvm_vcpu_set_mp_state(m.vcpu, mp), 0);
    CHECK_EQ(vkvm_vcpu_set_mp_state(m.vcpu, 12345), -EINVAL);
    machine_fini(&m);
}

static void xsave(void)
{
    struct machine m;
    struct vkvm_xsave *state;
    struct kvm_xsave plain;
    size_t size;
    machine_new(&m, NO_CHIPS, hlt, sizeof(hlt));
    int bytes = vkvm_vm_get_xsave_size(m.vm);
    CHECK(bytes >= 4096);
    CHECK_EQ(vkvm_xsave_new((size_t)bytes, &state), 0);
    CHECK_EQ(vkvm_vcpu_get_xsave2(m.vcpu, state), 0);
    uint8_t *area = vkvm_xsave_area(state, &size);
    area[160 + 5] = 0x3c; /* XMM0 */
    area[512] |= 2;       /* ... in use */
    CHECK_EQ(vkvm_vcpu_set_xsave2(m.vcpu, state), 0);
    CHECK_EQ(vkvm_vcpu_get_xsave(m.vcpu, &plain), bytes > 4096 ? -EINVAL : 0);
    if (bytes == 4096) {
        CHECK_EQ(((uint8_t *)plain.region)[165], 0x3c);
        CHECK_EQ(vkvm_vcpu_set_xsave(m.vcpu, &plain), 0);
    }
    vkvm_xsave_free(state);
    machine_fini(&m);
}

/* --- lists --- */

static void lists(void)
{
    struct vkvm_cpuid *cpuid;
    uint32_t *list;
    size_t count = 0;
    CHECK_EQ(vkvm_get_msr_index_list(kvm, &list, &count), 0);
    CHECK(count > 0);
    free(list);
    if (!lacks(NULL, KVM_CAP_EXT_EMUL_CPUID)) {
        CHECK_EQ(vkvm_get_emulated_cpuid(kvm, &cpuid), 0);
        vkvm_cpuid_free(cpuid);
    }
    if (!lacks(NULL, KVM_CAP_GET_MSR_FEATURES)) {
        struct vkvm_msrs *msrs;
        CHECK_EQ(vkvm_get_feature_msr_index_list(kvm, &list, &count), 0);
        CHECK_EQ(vkvm_msrs_new(1, &msrs), 0);
        for (size_t i = 0; i < count; i++) {
            vkvm_msrs_clear(msrs);
            vkvm_msrs_add(msrs, list[i], 0);
            CHECK(vkvm_get_feature_msrs(kvm, msrs) >= 0);
        }
        vkvm_msrs_free(msrs);
        free(list);
    }
    skip_reason = NULL;
}

/* --- interrupt controllers --- */

static void irqchip(void)
{
    struct machine m;
    struct kvm_irqchip chip;
    struct kvm_pit_state2 pit;
    int32_t status = -5;
    machine_init(&m, FULL_CHIPS);
    CHECK_EQ(vkvm_vm_get_pit(m.vm, &pit), -ENXIO);
    CHECK_EQ(vkvm_vm_set_pit_reinject(m.vm, true), -ENXIO);
    CHECK_EQ(vkvm_vm_create_pit(m.vm, KVM_PIT_SPEAKER_DUMMY), 0);
    machine_add_vcpu(&m, hlt, sizeof(hlt));
    for (uint32_t i = 0; i < KVM_NR_IRQCHIPS; i++) {
        CHECK_EQ(vkvm_vm_get_irqchip(m.vm, i, &chip), 0);
        CHECK_EQ(chip.chip_id, i);
        CHECK_EQ(vkvm_vm_set_irqchip(m.vm, &chip), 0);
    }
    CHECK_EQ(vkvm_vm_get_irqchip(m.vm, 3, &chip), -EINVAL);
    CHECK_EQ(vkvm_vm_get_pit(m.vm, &pit), 0);
    pit.channels[0].count = 0x4321;
    CHECK_EQ(vkvm_vm_set_pit(m.vm, &pit), 0);
    CHECK_EQ(vkvm_vm_get_pit(m.vm, &pit), 0);
    CHECK_EQ(pit.channels[0].count, 0x4321);
    CHECK_EQ(vkvm_vm_set_pit_reinject(m.vm, false), 0);
    CHECK_EQ(vkvm_vm_set_irq_line_status(m.vm, 4, true, &status), 0);
    CHECK(status != -5);
    CHECK_EQ(vkvm_vm_set_irq_line(m.vm, 4, false), 0);
    CHECK_EQ(vkvm_vm_set_boot_cpu(m.vm, 0), -EBUSY);
    machine_fini(&m);
    machine_new(&m, NO_CHIPS, hlt, sizeof(hlt));
    CHECK_EQ(vkvm_vm_get_irqchip(m.vm, 0, &chip), -ENXIO);
    machine_fini(&m);
    machine_init(&m, SPLIT_CHIPS);
    CHECK_EQ(vkvm_vm_set_boot_cpu(m.vm, 0), 0);
    machine_fini(&m);
}

static void injecting(void)
{
    struct machine m;
    struct vkvm_exit e;
    static const uint8_t code[] = { 0xfb, 0x90, 0xf4 }; /* sti; nop; hlt */
    machine_new(&m, NO_CHIPS, code, sizeof(code));
    /* vector 0x20 -> 0:0x2000, there: out 0x21, al; iret */
    memcpy(m.ram + 0x80, "\x00\x20\x00\x00", 4);
    memcpy(m.ram + 0x2000, "\xe6\x21\xcf", 3);
    run_to(&m, VKVM_EXIT_HLT, &e);
    CHECK_EQ(vkvm_vcpu_interrupt(m.vcpu, 0x20), 0);
    run_to(&m, VKVM_EXIT_IO_OUT, &e);
    CHECK_EQ(e.io.port, 0x21);
    CHECK_EQ(vkvm_vcpu_interrupt(m.vcpu, 256), -EINVAL);
    CHECK_EQ(vkvm_vcpu_nmi(m.vcpu), 0);
    machine_fini(&m);
    machine_new(&m, SPLIT_CHIPS, hlt, sizeof(hlt));
    CHECK_EQ(vkvm_vcpu_set_tpr_reporting(m.vcpu, true), 0);
    CHECK_EQ(vkvm_vcpu_set_tpr_reporting(m.vcpu, false), 0);
    CHECK_EQ(vkvm_vcpu_set_vapic(m.vcpu, 0x3000), 0);
    machine_fini(&m);
}

static void smi(void)
{
    struct machine m;
    machine_new(&m, SPLIT_CHIPS, hlt, sizeof(hlt));
    int r = vkvm_vcpu_smi(m.vcpu);
    if (lacks(&m, KVM_CAP_X86_SMM))
        CHECK(r == -EINVAL || r == -ENOTTY);
    else
        CHECK_EQ(r, 0);
    machine_fini(&m);
}

/* --- clock, machine checks, nested, Hyper-V, SEV --- */

static void clock_and_tsc(void)
{
    struct machine m;
    uint64_t offset;
    machine_new(&m, NO_CHIPS, hlt, sizeof(hlt));
    int khz = vkvm_vcpu_get_tsc_khz(m.vcpu);
    CHECK(khz > 0);
    CHECK_EQ(vkvm_vcpu_set_tsc_khz(m.vcpu, (uint32_t)khz), 0);
    CHECK_EQ(vkvm_vcpu_kvmclock_ctrl(m.vcpu), -EINVAL); /* this guest does not use it */
    if (vkvm_vm_check_cap(m.vm, KVM_CAP_VM_TSC_CONTROL) > 0)
        CHECK(vkvm_vm_get_tsc_khz(m.vm) > 0);
    else
        CHECK_EQ(vkvm_vm_get_tsc_khz(m.vm), -EOPNOTSUPP);
    int r = vkvm_vcpu_get_tsc_offset(m.vcpu, &offset);
    CHECK(r == 0 || r == -ENXIO);
    if (r == 0) {
        CHECK_EQ(vkvm_vcpu_set_tsc_offset(m.vcpu, offset + 4096), 0);
        uint64_t back = 0;
        CHECK_EQ(vkvm_vcpu_get_tsc_offset(m.vcpu, &back), 0);
        if (back == offset)
            skip_reason = "the offset: this KVM gives its guests the host's TSC as it is";
        else
            CHECK_EQ(back, offset + 4096);
    }
    machine_fini(&m);
}

static void machine_checks(void)
{
    struct machine m;
    uint64_t cap = 0;
    struct kvm_x86_mce mce = { .status = 1ull << 63, .bank = 1 };
    if (lacks(NULL, KVM_CAP_MCE)) {
        CHECK_EQ(vkvm_get_mce_cap(kvm, &cap), -EOPNOTSUPP);
        return;
    }
    machine_new(&m, SPLIT_CHIPS, hlt, sizeof(hlt));
    CHECK_EQ(vkvm_get_mce_cap(kvm, &cap), 0);
    CHECK_EQ(vkvm_vcpu_setup_mce(m.vcpu, 10), 0);
    CHECK_EQ(vkvm_vcpu_setup_mce(m.vcpu, 255), -EINVAL);
    CHECK_EQ(vkvm_vcpu_inject_mce(m.vcpu, &mce), 0);
    mce.status = 0;
    CHECK_EQ(vkvm_vcpu_inject_mce(m.vcpu, &mce), -EINVAL);
    machine_fini(&m);
}

static void nested_state(void)
{
    struct machine m;
    struct vkvm_nested_state *state = NULL;
    machine_new(&m, SPLIT_CHIPS, hlt, sizeof(hlt));
    int r = vkvm_vcpu_get_nested_state(m.vcpu, &state);
    if (lacks(&m, KVM_CAP_NESTED_STATE)) {
        CHECK_EQ(r, -EINVAL);
    } else {
        CHECK_EQ(r, 0);
        CHECK_EQ(vkvm_vcpu_set_nested_state(m.vcpu, state), 0);
    }
    vkvm_nested_state_free(state);
    machine_fini(&m);
}

static void hyperv(void)
{
    struct machine m;
    struct vkvm_cpuid *cpuid;
    machine_new(&m, SPLIT_CHIPS, hlt, sizeof(hlt));
    int fd = eventfd(0, EFD_CLOEXEC);
    if (lacks(NULL, KVM_CAP_SYS_HYPERV_CPUID)) {
        CHECK_EQ(vkvm_get_supported_hv_cpuid(kvm, &cpuid), -EOPNOTSUPP);
    } else {
        CHECK_EQ(vkvm_get_supported_hv_cpuid(kvm, &cpuid), 0);
        vkvm_cpuid_free(cpuid);
    }
    if (vkvm_vm_check_cap(m.vm, KVM_CAP_HYPERV_EVENTFD) > 0) {
        CHECK_EQ(vkvm_vm_add_hyperv_eventfd(m.vm, 7, fd), 0);
        CHECK_EQ(vkvm_vm_add_hyperv_eventfd(m.vm, 7, fd), -EEXIST);
        CHECK_EQ(vkvm_vm_remove_hyperv_eventfd(m.vm, 7), 0);
        CHECK_EQ(vkvm_vm_remove_hyperv_eventfd(m.vm, 7), -ENOENT);
    } else {
        CHECK_EQ(vkvm_vm_add_hyperv_eventfd(m.vm, 7, fd), -EOPNOTSUPP);
    }
    close(fd);
    machine_fini(&m);
}

static void encryption(void)
{
    struct machine m;
    machine_new(&m, NO_CHIPS, hlt, sizeof(hlt));
    uint32_t firmware;
    if (vkvm_vm_encrypt_op(m.vm, NULL) < 0) {
        skip_reason = "this host encrypts no memory";
        CHECK(vkvm_vm_sev_command(m.vm, -1, KVM_SEV_INIT, NULL, &firmware) < 0);
        CHECK(vkvm_vm_add_encrypted_region(m.vm, m.ram, RAM_SIZE) < 0);
        CHECK(vkvm_vm_remove_encrypted_region(m.vm, m.ram, RAM_SIZE) < 0);
    }
    machine_fini(&m);
}

/* --- */

static const struct {
    const char *name;
    void (*test)(void);
} tests[] = {
    { "special registers with PDPTEs", sregs2 },
    { "register groups", groups },
    { "XSAVE areas", xsave },
    { "CPUID and MSR lists", lists },
    { "irqchip and PIT", irqchip },
    { "injecting interrupts", injecting },
    { "SMI", smi },
    { "TSC", clock_and_tsc },
    { "machine checks", machine_checks },
    { "nested state", nested_state },
    { "Hyper-V", hyperv },
    { "memory encryption", encryption },
    { "policy of a VM", policy },
    { "PMU filter", pmu_filter },
    { "MSR exits and filter", msr_exits },
    { "debugging", debugging },
    { "registers in the run page against ioctls", compare_with_plain_ioctls },
    { "registers without ioctls", registers_without_ioctls },
};

int main(void)
{
    int r = vkvm_open(&kvm);
    if (r < 0) {
        printf("skipped: cannot open /dev/kvm: %s\n", strerror(-r));
        return 77;
    }
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        int before = failures;
        skip_reason = NULL;
        tests[i].test();
        if (failures > before) {
            printf("FAILED  %s\n", tests[i].name);
        } else if (skip_reason) {
            printf("skipped %s: %s\n", tests[i].name, skip_reason);
            skips++;
        } else {
            printf("passed  %s\n", tests[i].name);
            passes++;
        }
    }
    vkvm_close(kvm);
    printf("%d passed, %d skipped with a reason, %d checks failed\n", passes, skips, failures);
    return failures != 0;
}
