/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvkvm against the fake KVM: every call, its arguments, its errors, and no leaked descriptor.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_kvm.h"

static struct fake_kvm fake;
static struct vkvm *kvm;
static struct vkvm_vm *vm;
static struct vkvm_vcpu *vcpu;
static uint8_t pages[4 * 4096] __attribute__((aligned(4096)));

static void setup(void)
{
    fake_kvm_init(&fake);
    ck_assert_int_eq(vkvm_open_with(&fake.sys, NULL, &kvm), 0);
    ck_assert_int_eq(vkvm_create_vm(kvm, 0, &vm), 0);
    ck_assert_int_eq(vkvm_vm_create_vcpu(vm, 0, &vcpu), 0);
}

static void teardown(void)
{
    /* in the "wrong" order on purpose */
    kvm = vkvm_close(kvm);
    vm = vkvm_vm_close(vm);
    vcpu = vkvm_vcpu_close(vcpu);
    ck_assert_int_eq(fake.open_fds, 0);
    ck_assert_int_eq(fake.mapped, 0);
    fake_kvm_fini(&fake);
}

static void fail_next(unsigned long request, int error)
{
    fake.fail_request = request;
    fake.fail_nth = 1;
    fake.fail_error = error;
}

START_TEST(opening_fails_cleanly)
{
    struct vkvm *k = NULL;
    fake_kvm_init(&fake);
    fake.fail_open = true;
    ck_assert_int_eq(vkvm_open_with(&fake.sys, NULL, &k), -EACCES);
    fake.fail_open = false;
    ck_assert_int_eq(vkvm_open_with(&fake.sys, "/dev/other", &k), -ENOENT);
    fake.api_version = 11;
    ck_assert_int_eq(vkvm_open_with(&fake.sys, NULL, &k), -EPROTO);
    fake.api_version = -EIO;
    ck_assert_int_eq(vkvm_open_with(&fake.sys, NULL, &k), -EIO);
    struct vkvm_syscalls old = fake.sys;
    old.size--;
    ck_assert_int_eq(vkvm_open_with(&old, NULL, &k), -EINVAL);
    ck_assert_ptr_null(k);
    ck_assert_int_eq(fake.open_fds, 0);
}
END_TEST

START_TEST(closing_null_is_fine)
{
    ck_assert_ptr_null(vkvm_close(NULL));
    ck_assert_ptr_null(vkvm_vm_close(NULL));
    ck_assert_ptr_null(vkvm_vcpu_close(NULL));
    ck_assert_ptr_null(vkvm_device_close(NULL));
    ck_assert_ptr_null(vkvm_cpuid_free(NULL));
    ck_assert_ptr_null(vkvm_msrs_free(NULL));
    ck_assert_ptr_null(vkvm_routing_free(NULL));
}
END_TEST

START_TEST(creating_fails_without_leaks)
{
    struct vkvm_vm *v = NULL;
    struct vkvm_vcpu *c = NULL;
    int fds = fake.open_fds;
    fail_next(KVM_GET_VCPU_MMAP_SIZE, -EIO);
    ck_assert_int_eq(vkvm_create_vm(kvm, 0, &v), -EIO);
    fail_next(KVM_CREATE_VM, -EMFILE);
    ck_assert_int_eq(vkvm_create_vm(kvm, 0, &v), -EMFILE);
    fail_next(KVM_CREATE_VCPU, -EEXIST);
    ck_assert_int_eq(vkvm_vm_create_vcpu(vm, 0, &c), -EEXIST);
    fake.fail_mmap = true;
    ck_assert_int_eq(vkvm_vm_create_vcpu(vm, 1, &c), -ENOMEM);
    fake.fail_mmap = false;
    ck_assert_int_eq(vkvm_vm_from_fd(&fake.sys, -1, 4096, &v), -EINVAL);
    ck_assert_int_eq(vkvm_vm_from_fd(&fake.sys, -1, 8, &v), -EINVAL);
    ck_assert_int_eq(vkvm_vcpu_from_fd(&fake.sys, -1, 8, &c), -EINVAL);
    ck_assert_ptr_null(v);
    ck_assert_ptr_null(c);
    ck_assert_int_eq(fake.open_fds, fds);
    ck_assert_int_ge(vkvm_get_fd(kvm), 0);
    ck_assert_int_ge(vkvm_vm_get_fd(vm), 0);
    ck_assert_int_ge(vkvm_vcpu_get_fd(vcpu), 0);
}
END_TEST

START_TEST(create_vm_retries_after_a_signal)
{
    struct vkvm_vm *v = NULL;
    fail_next(KVM_CREATE_VM, -EINTR);
    ck_assert_int_eq(vkvm_create_vm(kvm, 0, &v), 0);
    vkvm_vm_close(v);
}
END_TEST

START_TEST(capabilities)
{
    ck_assert_int_eq(vkvm_check_cap(kvm, KVM_CAP_USER_MEMORY), 1);
    ck_assert_int_eq(vkvm_vm_check_cap(vm, KVM_CAP_USER_MEMORY), 0);
    const uint32_t need[] = { KVM_CAP_USER_MEMORY, KVM_CAP_IRQFD, KVM_CAP_SPLIT_IRQCHIP };
    uint32_t missing[3] = { 0 };
    ck_assert_int_eq(vkvm_require_caps(kvm, need, 3, missing), 2);
    ck_assert_uint_eq(missing[0], KVM_CAP_IRQFD);
    ck_assert_uint_eq(missing[1], KVM_CAP_SPLIT_IRQCHIP);
    ck_assert_int_eq(vkvm_require_caps(kvm, need, 1, NULL), 0);
    fail_next(KVM_CHECK_EXTENSION, -EIO);
    ck_assert_int_eq(vkvm_require_caps(kvm, need, 1, NULL), -EIO);
    ck_assert_str_eq(vkvm_cap_name(KVM_CAP_IRQFD), "KVM_CAP_IRQFD");
    ck_assert_ptr_null(vkvm_cap_name(999999));
    ck_assert_int_eq(vkvm_cap_number("KVM_CAP_IRQFD"), KVM_CAP_IRQFD);
    ck_assert_int_eq(vkvm_cap_number("SPLIT_IRQCHIP"), KVM_CAP_SPLIT_IRQCHIP);
    ck_assert_int_eq(vkvm_cap_number("GUEST_MEMFD"), 234);
    ck_assert_int_eq(vkvm_cap_number("NO_SUCH"), -ENOENT);
}
END_TEST

START_TEST(memory_slots)
{
    uint32_t a, b, c, d, e;
    ck_assert_int_eq(vkvm_vm_add_memory(vm, 0x10000, 0x2000, pages, 0, &a), 0);
    ck_assert_uint_eq(a, 0);
    ck_assert_uint_eq(fake.last_region.guest_phys_addr, 0x10000);
    ck_assert_uint_eq(fake.last_region.memory_size, 0x2000);
    /* overlaps at the front, inside, at the end; neighbours are fine */
    ck_assert_int_eq(vkvm_vm_add_memory(vm, 0xf000, 0x2000, pages, 0, &b), -EEXIST);
    ck_assert_int_eq(vkvm_vm_add_memory(vm, 0x11000, 0x1000, pages, 0, &b), -EEXIST);
    ck_assert_int_eq(vkvm_vm_add_memory(vm, 0x0, 0x100000, pages, 0, &b), -EEXIST);
    ck_assert_int_eq(vkvm_vm_add_memory(vm, 0x12000, 0x1000, pages, KVM_MEM_READONLY, &b), 0);
    ck_assert_int_eq(vkvm_vm_add_memory(vm, 0xf000, 0x1000, pages, 0, &c), 0);
    ck_assert_int_eq(vkvm_vm_add_memory(vm, UINT64_MAX - 0xfff, 0x1000, pages, 0, &d), 0);
    /* the fake has 4 slots */
    ck_assert_int_eq(vkvm_vm_add_memory(vm, 0x800000, 0x1000, pages, 0, &e), -ENOSPC);
    /* bad arguments */
    ck_assert_int_eq(vkvm_vm_add_memory(vm, 0x800001, 0x1000, pages, 0, &e), -EINVAL);
    ck_assert_int_eq(vkvm_vm_add_memory(vm, 0x800000, 0x1001, pages, 0, &e), -EINVAL);
    ck_assert_int_eq(vkvm_vm_add_memory(vm, 0x800000, 0, pages, 0, &e), -EINVAL);
    ck_assert_int_eq(vkvm_vm_add_memory(vm, 0x800000, 0x1000, NULL, 0, &e), -EINVAL);
    ck_assert_int_eq(vkvm_vm_add_memory(vm, 0x800000, 0x1000, pages + 8, 0, &e), -EINVAL);
    ck_assert_int_eq(vkvm_vm_add_memory(vm, 0x800000, 0x1000, pages, 1u << 9, &e), -EINVAL);
    ck_assert_int_eq(vkvm_vm_add_memory(vm, UINT64_MAX - 0xfff, 0x2000, pages, 0, &e), -EINVAL);

    ck_assert_ptr_eq(vkvm_vm_translate(vm, 0x11010, 8), pages + 0x1010);
    ck_assert_ptr_null(vkvm_vm_translate(vm, 0x11fff, 2));
    ck_assert_ptr_null(vkvm_vm_translate(vm, 0x11fff, 0));
    ck_assert_ptr_null(vkvm_vm_translate(vm, 0x500000, 1));
    ck_assert_ptr_null(vkvm_vm_translate(vm, UINT64_MAX, 2));

    ck_assert_int_eq(vkvm_vm_set_memory_flags(vm, a, KVM_MEM_LOG_DIRTY_PAGES), 0);
    ck_assert_uint_eq(fake.last_region.flags, KVM_MEM_LOG_DIRTY_PAGES);
    ck_assert_int_eq(vkvm_vm_set_memory_flags(vm, 99, 0), -ENOENT);
    uint64_t bitmap = 0;
    ck_assert_int_eq(vkvm_vm_get_dirty_log(vm, a, &bitmap), 0);
    ck_assert_uint_eq(bitmap, 5);

    /* a removal that fails leaves the slot; one that works frees number and range */
    fail_next(KVM_SET_USER_MEMORY_REGION, -EBUSY);
    ck_assert_int_eq(vkvm_vm_remove_memory(vm, a), -EBUSY);
    ck_assert_ptr_nonnull(vkvm_vm_translate(vm, 0x10000, 1));
    ck_assert_int_eq(vkvm_vm_remove_memory(vm, a), 0);
    ck_assert_uint_eq(fake.last_region.memory_size, 0);
    ck_assert_int_eq(vkvm_vm_remove_memory(vm, a), -ENOENT);
    fail_next(KVM_SET_USER_MEMORY_REGION, -ENOMEM);
    ck_assert_int_eq(vkvm_vm_add_memory(vm, 0x10000, 0x1000, pages, 0, &e), -ENOMEM);
    ck_assert_ptr_null(vkvm_vm_translate(vm, 0x10000, 1));
    ck_assert_int_eq(vkvm_vm_add_memory(vm, 0x10000, 0x1000, pages, 0, &e), 0);
    ck_assert_uint_eq(e, 0);
}
END_TEST

START_TEST(interrupts)
{
    ck_assert_int_eq(vkvm_vm_enable_split_irqchip(vm, 24), 0);
    ck_assert_uint_eq(fake.last_cap.cap, KVM_CAP_SPLIT_IRQCHIP);
    ck_assert_uint_eq(fake.last_cap.args[0], 24);
    ck_assert_int_eq(vkvm_vm_create_irqchip(vm), 0);
    ck_assert_int_eq(vkvm_vm_create_pit(vm, KVM_PIT_SPEAKER_DUMMY), 0);
    ck_assert_uint_eq(fake.last_int, KVM_PIT_SPEAKER_DUMMY);
    ck_assert_int_eq(vkvm_vm_set_tss_addr(vm, 0xfffbd000), 0);
    ck_assert_uint_eq(fake.last_int, 0xfffbd000);
    ck_assert_int_eq(vkvm_vm_set_identity_map_addr(vm, 0xfffbc000), 0);
    ck_assert_uint_eq(fake.last_int, 0xfffbc000);
    ck_assert_int_eq(vkvm_vm_set_irq_line(vm, 4, true), 0);
    ck_assert_uint_eq(fake.last_line.irq, 4);
    ck_assert_uint_eq(fake.last_line.level, 1);
    ck_assert_int_eq(vkvm_vm_signal_msi(vm, 0x1fee00000ull, 0x41), 1);
    ck_assert_uint_eq(fake.last_msi.address_hi, 1);
    ck_assert_uint_eq(fake.last_msi.address_lo, 0xfee00000);
    ck_assert_uint_eq(fake.last_msi.data, 0x41);

    struct vkvm_routing *routing;
    ck_assert_int_eq(vkvm_routing_new(&routing), 0);
    for (uint32_t i = 0; i < 100; i++)
        ck_assert_int_eq(vkvm_routing_add_msi(routing, i, 0xfee00000, i), 0);
    ck_assert_int_eq(vkvm_routing_add_irqchip(routing, 100, KVM_IRQCHIP_IOAPIC, 2), 0);
    ck_assert_uint_eq(vkvm_routing_count(routing), 101);
    ck_assert_int_eq(vkvm_vm_set_routing(vm, routing), 0);
    ck_assert_uint_eq(fake.last_routing_count, 101);
    vkvm_routing_clear(routing);
    ck_assert_uint_eq(vkvm_routing_count(routing), 0);
    vkvm_routing_free(routing);

    ck_assert_int_eq(vkvm_vm_add_irqfd(vm, 7, 5, -1), 0);
    ck_assert_uint_eq(fake.last_irqfd.flags, 0);
    ck_assert_int_eq(vkvm_vm_add_irqfd(vm, 7, 5, 8), 0);
    ck_assert_uint_eq(fake.last_irqfd.flags, KVM_IRQFD_FLAG_RESAMPLE);
    ck_assert_uint_eq(fake.last_irqfd.resamplefd, 8);
    ck_assert_int_eq(vkvm_vm_remove_irqfd(vm, 7, 5), 0);
    ck_assert_uint_eq(fake.last_irqfd.flags, KVM_IRQFD_FLAG_DEASSIGN);

    struct vkvm_ioeventfd io = { .address = 0x1000, .length = 2, .match = 1, .value = 3 };
    ck_assert_int_eq(vkvm_vm_add_ioeventfd(vm, &io, 9), 0);
    ck_assert_uint_eq(fake.last_ioeventfd.flags, KVM_IOEVENTFD_FLAG_DATAMATCH);
    ck_assert_uint_eq(fake.last_ioeventfd.datamatch, 3);
    io.pio = 1;
    ck_assert_int_eq(vkvm_vm_remove_ioeventfd(vm, &io, 9), 0);
    ck_assert_uint_eq(fake.last_ioeventfd.flags, KVM_IOEVENTFD_FLAG_DATAMATCH |
                                                     KVM_IOEVENTFD_FLAG_PIO |
                                                     KVM_IOEVENTFD_FLAG_DEASSIGN);
}
END_TEST

START_TEST(cpuid_tables)
{
    struct vkvm_cpuid *cpuid, *effective;
    size_t n;
    fake.supported_count = 150; /* makes the container grow twice */
    ck_assert_int_eq(vkvm_get_supported_cpuid(kvm, &cpuid), 0);
    vkvm_cpuid_entries(cpuid, &n);
    ck_assert_uint_eq(n, 150);
    ck_assert_uint_eq(vkvm_cpuid_find(cpuid, 7, 3)->eax, 107);
    ck_assert_ptr_null(vkvm_cpuid_find(cpuid, 151, 0));
    struct kvm_cpuid_entry2 e = { .function = 0xd, .index = 1,
                                  .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX };
    vkvm_cpuid_find(cpuid, 0xd, 0)->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
    for (int i = 0; i < 40; i++) /* grows through add as well */
        ck_assert_int_eq(vkvm_cpuid_add(cpuid, &e), 0);
    ck_assert_uint_eq(vkvm_cpuid_find(cpuid, 0xd, 1)->index, 1);
    ck_assert_ptr_null(vkvm_cpuid_find(cpuid, 0xd, 2));

    /* the kernel turns bits on behind our back: seen by reading back */
    fake.force_ecx1 = 0x1;
    ck_assert_int_eq(vkvm_vcpu_set_cpuid(vcpu, cpuid), 0);
    ck_assert_int_eq(vkvm_vcpu_get_cpuid(vcpu, &effective), 0);
    struct vkvm_cpuid_delta delta[4];
    ck_assert_uint_eq(vkvm_cpuid_diff(cpuid, effective, delta, 4), 1);
    ck_assert_uint_eq(delta[0].function, 1);
    ck_assert_uint_eq(delta[0].reg, 2);
    ck_assert_uint_eq(delta[0].effective, delta[0].wanted | 1);
    ck_assert_uint_eq(vkvm_cpuid_diff(cpuid, effective, NULL, 0), 1);
    vkvm_cpuid_free(effective);
    vkvm_cpuid_free(cpuid);

    fail_next(KVM_GET_SUPPORTED_CPUID, -EINVAL);
    ck_assert_int_eq(vkvm_get_supported_cpuid(kvm, &cpuid), -EINVAL);
    fake.supported_count = 5000;
    ck_assert_int_eq(vkvm_get_supported_cpuid(kvm, &cpuid), -E2BIG);
}
END_TEST

START_TEST(msrs)
{
    struct vkvm_msrs *m;
    size_t n;
    ck_assert_int_eq(vkvm_msrs_new(0, &m), -EINVAL);
    ck_assert_int_eq(vkvm_msrs_new(100000, &m), -EINVAL);
    ck_assert_int_eq(vkvm_msrs_new(3, &m), 0);
    ck_assert_int_eq(vkvm_msrs_add(m, 0x10, 0), 0);
    ck_assert_int_eq(vkvm_msrs_add(m, 0x11, 0), 0);
    ck_assert_int_eq(vkvm_msrs_add(m, 0x12, 0), 0);
    ck_assert_int_eq(vkvm_msrs_add(m, 0x13, 0), -ENOSPC);
    ck_assert_int_eq(vkvm_vcpu_get_msrs(vcpu, m), 3);
    ck_assert_uint_eq(vkvm_msrs_entries(m, &n)[2].data, 0x13);
    ck_assert_uint_eq(n, 3);
    fake.msr_refused = 0x11; /* partial success tells where it stopped */
    ck_assert_int_eq(vkvm_vcpu_set_msrs(vcpu, m), 1);
    ck_assert_int_eq(vkvm_get_feature_msrs(kvm, m), 1);
    vkvm_msrs_clear(m);
    ck_assert_int_eq(vkvm_vcpu_get_msrs(vcpu, m), 0);
    vkvm_msrs_free(m);

    uint32_t *list;
    ck_assert_int_eq(vkvm_get_msr_index_list(kvm, &list, &n), 0);
    ck_assert_uint_eq(n, 4);
    ck_assert_uint_eq(list[3], 0xc0000080);
    free(list);
    fail_next(KVM_GET_MSR_INDEX_LIST, -EFAULT);
    ck_assert_int_eq(vkvm_get_msr_index_list(kvm, &list, &n), -EFAULT);
}
END_TEST

/* Every group comes back as it was set, and errors pass through. */
#define CHECK_GROUP(type, name, GET)                                                               \
    do {                                                                                           \
        struct type in, out;                                                                       \
        memset(&in, 0x5f, sizeof(in)); /* flags of optional members included */                    \
        memset(&out, 0, sizeof(out));                                                              \
        ck_assert_int_eq(vkvm_vcpu_set_##name(vcpu, &in), 0);                                      \
        ck_assert_int_eq(vkvm_vcpu_get_##name(vcpu, &out), 0);                                     \
        ck_assert_mem_eq(&in, &out, sizeof(in));                                                   \
        fail_next(GET, -EPERM);                                                                    \
        ck_assert_int_eq(vkvm_vcpu_get_##name(vcpu, &out), -EPERM);                                \
    } while (0)

START_TEST(register_groups)
{
    CHECK_GROUP(kvm_regs, regs, KVM_GET_REGS);
    CHECK_GROUP(kvm_sregs, sregs, KVM_GET_SREGS);
    CHECK_GROUP(kvm_fpu, fpu, KVM_GET_FPU);
    CHECK_GROUP(kvm_xsave, xsave, KVM_GET_XSAVE);
    CHECK_GROUP(kvm_xcrs, xcrs, KVM_GET_XCRS);
    CHECK_GROUP(kvm_debugregs, debugregs, KVM_GET_DEBUGREGS);
    CHECK_GROUP(kvm_vcpu_events, events, KVM_GET_VCPU_EVENTS);
    CHECK_GROUP(kvm_lapic_state, lapic, KVM_GET_LAPIC);
    uint32_t mp;
    ck_assert_int_eq(vkvm_vcpu_set_mp_state(vcpu, KVM_MP_STATE_HALTED), 0);
    ck_assert_int_eq(vkvm_vcpu_get_mp_state(vcpu, &mp), 0);
    ck_assert_uint_eq(mp, KVM_MP_STATE_HALTED);
    fail_next(KVM_GET_MP_STATE, -EINVAL);
    ck_assert_int_eq(vkvm_vcpu_get_mp_state(vcpu, &mp), -EINVAL);
    struct kvm_clock_data clock = { .clock = 77 }, clock2;
    ck_assert_int_eq(vkvm_vm_set_clock(vm, &clock), 0);
    ck_assert_int_eq(vkvm_vm_get_clock(vm, &clock2), 0);
    ck_assert_uint_eq(clock2.clock, 77);
}
END_TEST

START_TEST(vcpu_calls)
{
    uint64_t gpa = 0;
    ck_assert_int_eq(vkvm_vcpu_interrupt(vcpu, 0x30), 0);
    ck_assert_uint_eq(fake.last_int, 0x30);
    ck_assert_int_eq(vkvm_vcpu_nmi(vcpu), 0);
    ck_assert_int_eq(vkvm_vcpu_translate(vcpu, 0x2345, &gpa), 0);
    ck_assert_uint_eq(gpa, 0x3345);
    ck_assert_int_eq(vkvm_vcpu_translate(vcpu, 0x200000, &gpa), -EFAULT);
    fail_next(KVM_TRANSLATE, -EIO);
    ck_assert_int_eq(vkvm_vcpu_translate(vcpu, 0, &gpa), -EIO);
    struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE };
    ck_assert_int_eq(vkvm_vcpu_set_guest_debug(vcpu, &debug), 0);
    ck_assert_int_eq(vkvm_vcpu_get_tsc_khz(vcpu), 2500000);
    ck_assert_int_eq(vkvm_vcpu_set_tsc_khz(vcpu, 1000), 0);
    ck_assert_uint_eq(fake.last_int, 1000);
    ck_assert_int_eq(vkvm_vcpu_kvmclock_ctrl(vcpu), -EINVAL);
    const uint64_t args[4] = { 1, 2, 3, 4 };
    ck_assert_int_eq(vkvm_vcpu_enable_cap(vcpu, 42, args), 0);
    ck_assert_uint_eq(fake.last_cap.args[3], 4);
    ck_assert_int_eq(vkvm_vm_enable_cap(vm, 43, NULL), 0);
    ck_assert_uint_eq(fake.last_cap.args[0], 0);
    /* the raw way, on each kind of handle */
    ck_assert_int_eq(vkvm_ioctl(kvm, KVM_GET_API_VERSION, NULL), 12);
    ck_assert_int_eq(vkvm_vm_ioctl(vm, KVM_CREATE_IRQCHIP, NULL), 0);
    ck_assert_int_eq(vkvm_vcpu_ioctl(vcpu, KVM_NMI, NULL), 0);
    ck_assert_int_eq(vkvm_vcpu_ioctl(vcpu, 0x1234, NULL), -ENOTTY);
}
END_TEST

START_TEST(signal_mask)
{
    const uint64_t mask = 1ull << 33; /* signal 34 */
    ck_assert_int_eq(vkvm_vcpu_set_signal_mask(vcpu, &mask), 0);
    ck_assert_uint_eq(fake.signal_mask, mask);
    ck_assert_int_eq(vkvm_vcpu_set_signal_mask(vcpu, NULL), 0);
    ck_assert_uint_eq(fake.signal_mask, 0);
}
END_TEST

START_TEST(devices)
{
    struct vkvm_device *device = NULL;
    uint64_t value = 99;
    ck_assert_int_eq(vkvm_vm_create_device(vm, 12345, 0, &device), -ENODEV);
    ck_assert_int_eq(vkvm_vm_create_device(vm, KVM_DEV_TYPE_VFIO, KVM_CREATE_DEVICE_TEST, &device),
                     0);
    ck_assert_ptr_null(device);
    ck_assert_int_eq(vkvm_vm_create_device(vm, KVM_DEV_TYPE_VFIO, 0, &device), 0);
    ck_assert_int_ge(vkvm_device_get_fd(device), 0);
    ck_assert_int_eq(vkvm_device_has_attr(device, 1, 0), 0);
    ck_assert_int_eq(vkvm_device_has_attr(device, 2, 0), -ENXIO);
    ck_assert_int_eq(vkvm_device_set_attr(device, 1, 0, &value), 0);
    value = 0;
    ck_assert_int_eq(vkvm_device_get_attr(device, 1, 0, &value), 0);
    ck_assert_uint_eq(value, 99);
    vkvm_device_close(device);
    ck_assert_int_eq(vkvm_device_from_fd(&fake.sys, -1, &device), -EINVAL);
}
END_TEST

static void fill_io(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_IO;
    run->io.direction = KVM_EXIT_IO_OUT;
    run->io.size = 2;
    run->io.count = 3;
    run->io.port = 0x3f8;
    run->io.data_offset = 4096;
    memcpy((char *)run + 4096, "abcdef", 6);
}

START_TEST(running_and_kicking)
{
    struct vkvm_exit e;
    fake.script[0] = (struct fake_exit){ 0, fill_io };
    fake.script[1] = (struct fake_exit){ -EAGAIN, NULL };
    fake.script_len = 2;
    ck_assert_int_eq(vkvm_vcpu_run(vcpu, &e), 0);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_IO_OUT);
    ck_assert_uint_eq(e.io.port, 0x3f8);
    ck_assert_uint_eq(e.io.count, 3);
    ck_assert_mem_eq(e.io.data, "abcdef", 6);
    ck_assert_int_eq(vkvm_vcpu_run(vcpu, &e), 0);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_INTR);
    ck_assert_int_eq(vkvm_vcpu_run(vcpu, &e), -ENOEXEC);

    /* a kick before the run is not lost, and counts once */
    vkvm_vcpu_set_kick_signal(vcpu, 40);
    vkvm_vcpu_kick(vcpu);
    ck_assert_uint_eq(vkvm_vcpu_get_run(vcpu)->immediate_exit, 1);
    ck_assert_int_eq(fake.last_signal, 0); /* nobody is inside */
    ck_assert_int_eq(vkvm_vcpu_run(vcpu, &e), 0);
    ck_assert_uint_eq(e.kind, VKVM_EXIT_INTR);
    ck_assert_int_eq(vkvm_vcpu_run(vcpu, &e), -ENOEXEC);
}
END_TEST

static void kick_from_inside(struct kvm_run *run)
{
    vkvm_vcpu_kick(vcpu);
    run->exit_reason = KVM_EXIT_HLT;
}

START_TEST(kick_signals_the_runner)
{
    struct vkvm_exit e;
    fake.script[0] = (struct fake_exit){ 0, kick_from_inside };
    fake.script_len = 1;
    vkvm_vcpu_set_kick_signal(vcpu, 40);
    ck_assert_int_eq(vkvm_vcpu_run(vcpu, &e), 0);
    ck_assert_int_eq(fake.last_signal, 40);
    ck_assert_int_eq(fake.last_signal_thread, gettid());
}
END_TEST

Suite *vkvm_exit_suite(void);

int main(void)
{
    Suite *s = suite_create("vkvm");
    TCase *t = tcase_create("open");
    tcase_add_test(t, opening_fails_cleanly);
    tcase_add_test(t, closing_null_is_fine);
    suite_add_tcase(s, t);

    t = tcase_create("handles");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, creating_fails_without_leaks);
    tcase_add_test(t, create_vm_retries_after_a_signal);
    tcase_add_test(t, capabilities);
    tcase_add_test(t, memory_slots);
    tcase_add_test(t, interrupts);
    tcase_add_test(t, cpuid_tables);
    tcase_add_test(t, msrs);
    tcase_add_test(t, register_groups);
    tcase_add_test(t, vcpu_calls);
    tcase_add_test(t, signal_mask);
    tcase_add_test(t, devices);
    tcase_add_test(t, running_and_kicking);
    tcase_add_test(t, kick_signals_the_runner);
    suite_add_tcase(s, t);

    SRunner *r = srunner_create(s);
    srunner_add_suite(r, vkvm_exit_suite());
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
