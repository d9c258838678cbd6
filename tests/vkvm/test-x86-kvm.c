/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The x86 calls on the real KVM. What this host's lacks is skipped by name, with the reason;
 * without /dev/kvm everything is (exit status 77).
 *
 * The guest is a few bytes of real mode. compare_with_plain_ioctls runs two of them through the
 * same random calls, one with registers in the run page and one without: nothing they show may
 * differ.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vkvm/uapi.h>
#include <vkvm/vkvm.h>

#define CODE     0x1000
#define RAM_SIZE 0x10000

struct machine {
    struct vkvm_vm *vm;
    struct vkvm_vcpu *vcpu;
    uint8_t *ram;
};

enum chips { NO_CHIPS, SPLIT_CHIPS, FULL_CHIPS };

static struct vkvm *kvm;
static const char *skip_reason; /* set by a test that cannot run here */
static int failures, passes, skips;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("%s:%d: failed: %s\n", __func__, __LINE__, #condition);                         \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)
#define CHECK_EQ(call, expected)                                                                   \
    do {                                                                                           \
        long long is_ = (long long)(call), want_ = (long long)(expected);                          \
        if (is_ != want_) {                                                                        \
            printf("%s:%d: %s is %lld, not %lld\n", __func__, __LINE__, #call, is_, want_);        \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

static bool lacks(struct machine *m, uint32_t cap)
{
    static char text[100];
    int r = m ? vkvm_vm_check_cap(m->vm, cap) : vkvm_check_cap(kvm, cap);
    if (r > 0)
        return false;
    const char *name = vkvm_cap_name(cap);
    snprintf(text, sizeof(text), "this KVM lacks %s", name ? name : "a capability");
    skip_reason = text;
    return true;
}

/* --- the machine --- */

static void machine_fini(struct machine *m)
{
    vkvm_vcpu_close(m->vcpu);
    vkvm_vm_close(m->vm);
    if (m->ram)
        munmap(m->ram, RAM_SIZE);
}

/* A VM, before its vCPU. */
static void machine_init(struct machine *m, enum chips chips)
{
    uint32_t slot;
    memset(m, 0, sizeof(*m));
    CHECK_EQ(vkvm_create_vm(kvm, 0, &m->vm), 0);
    CHECK_EQ(vkvm_vm_set_tss_addr(m->vm, 0xfffbd000), 0);
    if (chips == SPLIT_CHIPS)
        CHECK_EQ(vkvm_vm_enable_split_irqchip(m->vm, 24), 0);
    if (chips == FULL_CHIPS)
        CHECK_EQ(vkvm_vm_create_irqchip(m->vm), 0);
    m->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK_EQ(vkvm_vm_add_memory(m->vm, 0, RAM_SIZE, m->ram, 0, &slot), 0);
}

static void machine_add_vcpu(struct machine *m, const uint8_t *code, size_t size)
{
    struct vkvm_cpuid *cpuid;
    struct kvm_sregs sregs;
    struct kvm_regs regs = { .rip = CODE, .rflags = 2, .rsp = 0x8000 };
    memcpy(m->ram + CODE, code, size);
    CHECK_EQ(vkvm_vm_create_vcpu(m->vm, 0, &m->vcpu), 0);
    CHECK_EQ(vkvm_get_supported_cpuid(kvm, &cpuid), 0);
    CHECK_EQ(vkvm_vcpu_set_cpuid(m->vcpu, cpuid), 0);
    vkvm_cpuid_free(cpuid);
    CHECK_EQ(vkvm_vcpu_get_sregs(m->vcpu, &sregs), 0);
    sregs.cs.base = sregs.cs.selector = 0;
    CHECK_EQ(vkvm_vcpu_set_sregs(m->vcpu, &sregs), 0);
    CHECK_EQ(vkvm_vcpu_set_regs(m->vcpu, &regs), 0);
}

static void machine_new(struct machine *m, enum chips chips, const uint8_t *code, size_t size)
{
    machine_init(m, chips);
    machine_add_vcpu(m, code, size);
}

static const uint8_t hlt[] = { 0xf4 };

static void run_to(struct machine *m, uint32_t kind, struct vkvm_exit *e)
{
    CHECK_EQ(vkvm_vcpu_run(m->vcpu, e), 0);
    if (e->kind != kind)
        printf("exit %s, not %s\n", vkvm_exit_name(e->kind), vkvm_exit_name(kind));
    CHECK_EQ(e->kind, kind);
}

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

/* --- policy --- */

static void policy(void)
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

static void pmu_filter(void)
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

static void msr_exits(void)
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

static void debugging(void)
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

/* --- registers through the run page --- */

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(random_state >> 33) % n;
}

/* inc ax; out 0x10, al; in al, 0x11; add bx, ax; mov [0x600], bx; mov cl, [0x600]; hlt; jmp */
static const uint8_t busy[] = { 0x40, 0xe6, 0x10, 0xe4, 0x11, 0x01, 0xc3, 0x89, 0x1e,
                                0x00, 0x06, 0x8a, 0x0e, 0x00, 0x06, 0xf4, 0xeb, 0xee };

/* What one call shows. */
struct view {
    int result;
    uint32_t kind;
    union {
        struct kvm_regs regs;
        struct kvm_sregs sregs;
        struct kvm_vcpu_events events;
        uint64_t value;
    };
};

static void one_call(struct machine *m, uint32_t call, uint32_t number, struct view *v)
{
    struct vkvm_exit e = { 0 };
    struct kvm_guest_debug debug = { 0 };
    struct vkvm_msrs *msrs;
    size_t count;
    uint32_t mp = 0;
    memset(v, 0, sizeof(*v));
    switch (call) {
    case 0: v->result = vkvm_vcpu_get_regs(m->vcpu, &v->regs); break;
    case 1:
        v->result = vkvm_vcpu_get_regs(m->vcpu, &v->regs);
        v->regs.rdx = number;
        v->regs.rflags ^= 1;
        v->result += vkvm_vcpu_set_regs(m->vcpu, &v->regs);
        break;
    case 2: v->result = vkvm_vcpu_get_sregs(m->vcpu, &v->sregs); break;
    case 3:
        v->result = vkvm_vcpu_get_sregs(m->vcpu, &v->sregs);
        v->sregs.gs.base = number & 3;
        v->sregs.efer |= number % 5 == 0 ? 1ull << 60 : 0; /* refused */
        v->result += vkvm_vcpu_set_sregs(m->vcpu, &v->sregs);
        break;
    case 4: v->result = vkvm_vcpu_get_events(m->vcpu, &v->events); break;
    case 5: v->result = vkvm_vcpu_translate(m->vcpu, CODE, &v->value); break;
    case 6:
        vkvm_msrs_new(1, &msrs);
        vkvm_msrs_add(msrs, 0xc0000100, number & 7); /* FS base */
        v->result = vkvm_vcpu_set_msrs(m->vcpu, msrs);
        v->value = vkvm_msrs_entries(msrs, &count)->data;
        vkvm_msrs_free(msrs);
        break;
    case 7:
        debug.control = number & 1 ? KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP : 0;
        v->result = vkvm_vcpu_set_guest_debug(m->vcpu, &debug);
        break;
    case 8:
        v->result = vkvm_vcpu_get_mp_state(m->vcpu, &mp);
        v->value = mp;
        break;
    default:
        if (call == 9)
            vkvm_vcpu_kick(m->vcpu);
        v->result = vkvm_vcpu_run(m->vcpu, &e);
        v->kind = e.kind;
        if (e.kind == VKVM_EXIT_IO_IN)
            *e.io.data = (uint8_t)number;
        if (e.kind == VKVM_EXIT_IO_OUT)
            v->value = *e.io.data;
        break;
    }
}

static void compare_with_plain_ioctls(void)
{
    int differences = 0;
    for (uint64_t seed = 1; seed <= 20 && !differences; seed++) {
        struct machine a, b;
        machine_new(&a, NO_CHIPS, busy, sizeof(busy));
        machine_new(&b, NO_CHIPS, busy, sizeof(busy));
        CHECK_EQ(vkvm_vcpu_set_sync(b.vcpu, 0), 0);
        random_state = seed;
        for (int n = 0; n < 300 && !differences; n++) {
            uint32_t call = random_below(16), number = random_below(1000);
            struct view x, y;
            one_call(&a, call, number, &x);
            one_call(&b, call, number, &y);
            if (memcmp(&x, &y, sizeof(x))) {
                printf("seed %d, call %d: %u shows another thing\n", (int)seed, n, call);
                differences++;
            }
        }
        CHECK(!memcmp(a.ram, b.ram, RAM_SIZE));
        machine_fini(&a);
        machine_fini(&b);
    }
    CHECK_EQ(differences, 0);
}

static int counted;

static int counting_ioctl(void *data, int fd, unsigned long request, void *argument)
{
    const struct vkvm_syscalls *real = vkvm_syscalls_real();
    counted += request != KVM_RUN;
    return real->ioctl(real->data, fd, request, argument);
}

static void registers_without_ioctls(void)
{
    struct vkvm_syscalls sys = *vkvm_syscalls_real();
    struct vkvm_exit e;
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct machine m;
    int size = vkvm_get_vcpu_mmap_size(kvm);
    if (lacks(NULL, KVM_CAP_SYNC_REGS))
        return;
    machine_new(&m, NO_CHIPS, busy, sizeof(busy));
    /* the same vCPU through a handle that counts */
    struct vkvm_vcpu *plain = m.vcpu;
    sys.ioctl = counting_ioctl;
    CHECK_EQ(vkvm_vcpu_from_fd(&sys, dup(vkvm_vcpu_get_fd(plain)), (size_t)size, &m.vcpu), 0);
    for (int i = 0; i < 50; i++) {
        if (i == 2)
            counted = 0;
        CHECK_EQ(vkvm_vcpu_run(m.vcpu, &e), 0);
        CHECK_EQ(vkvm_vcpu_get_regs(m.vcpu, &regs), 0);
        CHECK_EQ(vkvm_vcpu_get_sregs(m.vcpu, &sregs), 0);
        regs.rsi = (uint64_t)i;
        CHECK_EQ(vkvm_vcpu_set_regs(m.vcpu, &regs), 0);
        CHECK_EQ(vkvm_vcpu_set_sregs(m.vcpu, &sregs), 0);
    }
    CHECK_EQ(counted, 0);
    /* closing hands the last one over: the other handle sees it */
    vkvm_vcpu_close(m.vcpu);
    m.vcpu = plain;
    CHECK_EQ(vkvm_vcpu_get_regs(m.vcpu, &regs), 0);
    CHECK_EQ(regs.rsi, 49);
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
