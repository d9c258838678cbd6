/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86 tables of variable length: XSAVE areas, CPUID and MSR lists, filters, nested state; with
 * every allocation and every call in them failing once.
 */
#include "test-x86.h"

START_TEST(freeing_null_is_fine)
{
    ck_assert_ptr_null(vkvm_xsave_free(NULL));
    ck_assert_ptr_null(vkvm_msr_filter_free(NULL));
    ck_assert_ptr_null(vkvm_pmu_filter_free(NULL));
    ck_assert_ptr_null(vkvm_nested_state_free(NULL));
    ck_assert_ptr_null(vkvm_cpuid_free(NULL));
    ck_assert_ptr_null(vkvm_msrs_free(NULL));
}
END_TEST

/* --- XSAVE --- */

START_TEST(xsave_small)
{
    struct vkvm_xsave *xsave = NULL;
    struct kvm_xsave plain;
    size_t size;
    ck_assert_int_eq(vkvm_vm_get_xsave_size(x86_vm), 4096);
    ck_assert_int_eq(vkvm_xsave_new(4095, &xsave), -EINVAL);
    ck_assert_int_eq(vkvm_xsave_new(4100, &xsave), -EINVAL);
    ck_assert_int_eq(vkvm_xsave_new(64u << 20, &xsave), -EINVAL);
    ck_assert_int_eq(vkvm_xsave_new(4096, &xsave), 0);
    uint8_t *area = vkvm_xsave_area(xsave, &size);
    ck_assert_uint_eq(size, 4096);
    area[100] = 0x77;
    ck_assert_int_eq(vkvm_vcpu_set_xsave2(x86_vcpu, xsave), 0);
    area[100] = 0;
    ck_assert_int_eq(vkvm_vcpu_get_xsave2(x86_vcpu, xsave), 0);
    ck_assert_uint_eq(x86_fake.last_request, KVM_GET_XSAVE);
    ck_assert_uint_eq(area[100], 0x77);
    vkvm_xsave_free(xsave);
    ck_assert_int_eq(vkvm_vcpu_get_xsave(x86_vcpu, &plain), 0);
    ck_assert_uint_eq(((const uint8_t *)plain.region)[100], 0x77);
    ((uint8_t *)plain.region)[100] = 0x66;
    ck_assert_int_eq(vkvm_vcpu_set_xsave(x86_vcpu, &plain), 0);
    ck_assert_mem_eq(&x86_fake.xsave, &plain, sizeof(plain));
}
END_TEST

START_TEST(xsave_large)
{
    struct vkvm_xsave *xsave;
    struct kvm_xsave plain = { 0 };
    size_t size;
    fake_set_cap(&x86_fake, KVM_CAP_XSAVE2, 8192);
    x86_fake.x86.xsave_size = 8192;
    ck_assert_int_eq(vkvm_vm_get_xsave_size(x86_vm), 8192);
    ck_assert_int_eq(vkvm_xsave_new(8192, &xsave), 0);
    ck_assert_int_eq(vkvm_vcpu_get_xsave2(x86_vcpu, xsave), 0);
    ck_assert_uint_eq(x86_fake.last_request, KVM_GET_XSAVE2);
    const uint8_t *area = vkvm_xsave_area(xsave, &size);
    ck_assert_uint_eq(area[8191], 0xee);
    ck_assert_int_eq(vkvm_vcpu_set_xsave2(x86_vcpu, xsave), 0);
    ck_assert_uint_eq(x86_fake.x86.xsave_beyond, 0xee);
    vkvm_xsave_free(xsave);
    /* the plain structure is too small to read into ... */
    ck_assert_int_eq(vkvm_vcpu_get_xsave(x86_vcpu, &plain), -EINVAL);
    /* ... and nothing behind it is read where a host has more (white box: as if this one had) */
    x86_vcpu_set_xsave_bound(x86_vcpu, 8192);
    ck_assert_int_eq(vkvm_vcpu_set_xsave(x86_vcpu, &plain), 0);
    ck_assert_uint_eq(x86_fake.x86.xsave_beyond, 0);
    fake_alloc_fail(1);
    int r = vkvm_vcpu_set_xsave(x86_vcpu, &plain);
    fake_alloc_fail(0);
    ck_assert_int_eq(r, -ENOMEM);
    /* where it has not, no copy is made */
    x86_vcpu_set_xsave_bound(x86_vcpu, 4096);
    x86_fake.x86.xsave_size = 4096;
    fake_alloc_fail(1);
    r = vkvm_vcpu_set_xsave(x86_vcpu, &plain);
    fake_alloc_fail(0);
    ck_assert_int_eq(r, 0);
}
END_TEST

/* --- CPUID and MSR lists --- */

static void claim_more(void *argument, int *result)
{
    ((struct kvm_cpuid2 *)argument)->nent = 5000; /* nmsrs is at the same place */
    *result = 0;
}

static void claim_much_more(void *argument, int *result)
{
    ((struct kvm_msr_list *)argument)->nmsrs = 1u << 30;
    *result = -E2BIG;
}

static void spoil_next(unsigned long request, int nth, void (*spoil)(void *, int *))
{
    struct fake_rule rule = {
        .call = FAKE_IOCTL, .request = request, .nth = nth, .after = true, .spoil = spoil
    };
    fake_add_rule(&x86_fake, &rule);
}

START_TEST(cpuid)
{
    struct vkvm_cpuid *table = NULL;
    size_t count;
    ck_assert_int_eq(vkvm_get_emulated_cpuid(x86_kvm, &table), -EOPNOTSUPP);
    fake_set_cap(&x86_fake, KVM_CAP_EXT_EMUL_CPUID, 1);
    ck_assert_int_eq(vkvm_get_emulated_cpuid(x86_kvm, &table), 0);
    ck_assert_uint_eq(vkvm_cpuid_find(table, 1, 0)->ecx, 1u << 22);
    vkvm_cpuid_free(table);
    x86_fake.supported_count = 300; /* more than the first attempt has room for */
    ck_assert_int_eq(vkvm_get_supported_cpuid(x86_kvm, &table), 0);
    vkvm_cpuid_entries(table, &count);
    ck_assert_uint_eq(count, 300);
    struct kvm_cpuid_entry2 e = { .function = 0x7777 };
    int r = 0;
    while (r == 0)
        r = vkvm_cpuid_add(table, &e);
    ck_assert_int_eq(r, -E2BIG);
    vkvm_cpuid_free(table);
    x86_fake.supported_count = 5000;
    ck_assert_int_eq(vkvm_get_supported_cpuid(x86_kvm, &table), -E2BIG);
    x86_fake.supported_count = 3;
    spoil_next(KVM_GET_SUPPORTED_CPUID, 1, claim_more);
    ck_assert_int_eq(vkvm_get_supported_cpuid(x86_kvm, &table), -EPROTO);
    /* what the vCPU got, and what it made of it */
    struct vkvm_cpuid *back;
    struct vkvm_cpuid_delta delta[4];
    ck_assert_int_eq(vkvm_get_supported_cpuid(x86_kvm, &table), 0);
    x86_fake.force_ecx1 = 1;
    ck_assert_int_eq(vkvm_vcpu_set_cpuid(x86_vcpu, table), 0);
    ck_assert_int_eq(vkvm_vcpu_get_cpuid(x86_vcpu, &back), 0);
    ck_assert_uint_eq(vkvm_cpuid_diff(table, back, delta, 4), 1);
    ck_assert_uint_eq(delta[0].reg, 2);
    vkvm_cpuid_entries(back, &count)[2].function = 0x99; /* a leaf that is gone: all its bits */
    ck_assert_uint_eq(vkvm_cpuid_diff(table, back, delta, 1), 3);
    vkvm_cpuid_free(back);
    vkvm_cpuid_free(table);
}
END_TEST

START_TEST(msr_lists)
{
    uint32_t *list = NULL;
    size_t count = 0;
    ck_assert_int_eq(vkvm_get_feature_msr_index_list(x86_kvm, &list, &count), -EOPNOTSUPP);
    fake_set_cap(&x86_fake, KVM_CAP_GET_MSR_FEATURES, 1);
    ck_assert_int_eq(vkvm_get_feature_msr_index_list(x86_kvm, &list, &count), 0);
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(list[0], 0x8b);
    ck_assert_uint_eq(list[1], 0x10a);
    free(list);
    ck_assert_int_eq(vkvm_get_msr_index_list(x86_kvm, &list, &count), 0);
    ck_assert_uint_eq(count, 4);
    ck_assert_uint_eq(list[3], 0xc0000080);
    free(list);
    fake_inject(&x86_fake, KVM_GET_MSR_INDEX_LIST, 1, -EFAULT);
    ck_assert_int_eq(vkvm_get_msr_index_list(x86_kvm, &list, &count), -EFAULT);
    fake_inject(&x86_fake, KVM_GET_MSR_INDEX_LIST, 2, -EFAULT);
    ck_assert_int_eq(vkvm_get_msr_index_list(x86_kvm, &list, &count), -EFAULT);
    spoil_next(KVM_GET_MSR_INDEX_LIST, 2, claim_more);
    ck_assert_int_eq(vkvm_get_msr_index_list(x86_kvm, &list, &count), -EPROTO);
    fake_clear_rules(&x86_fake);
    spoil_next(KVM_GET_MSR_INDEX_LIST, 1, claim_much_more);
    ck_assert_int_eq(vkvm_get_msr_index_list(x86_kvm, &list, &count), -EPROTO);
}
END_TEST

START_TEST(msr_values)
{
    struct vkvm_msrs *m;
    size_t count;
    ck_assert_int_eq(vkvm_msrs_new(0, &m), -EINVAL);
    ck_assert_int_eq(vkvm_msrs_new(257, &m), -EINVAL);
    ck_assert_int_eq(vkvm_msrs_new(2, &m), 0);
    ck_assert_int_eq(vkvm_msrs_add(m, 0x10, 0), 0);
    ck_assert_int_eq(vkvm_msrs_add(m, 0x11, 0), 0);
    ck_assert_int_eq(vkvm_msrs_add(m, 0x12, 0), -ENOSPC);
    ck_assert_int_eq(vkvm_vcpu_get_msrs(x86_vcpu, m), 2);
    ck_assert_uint_eq(vkvm_msrs_entries(m, &count)[1].data, 0x12);
    x86_fake.msr_refused = 0x11;
    ck_assert_int_eq(vkvm_vcpu_set_msrs(x86_vcpu, m), 1);
    ck_assert_int_eq(vkvm_get_feature_msrs(x86_kvm, m), 1);
    vkvm_msrs_clear(m);
    ck_assert_int_eq(vkvm_vcpu_get_msrs(x86_vcpu, m), 0);
    vkvm_msrs_free(m);
}
END_TEST

/* --- MSR filter --- */

#define RW (KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE)

START_TEST(msr_filter)
{
    struct vkvm_msr_filter *f;
    ck_assert_int_eq(vkvm_msr_filter_new(true, &f), 0);
    ck_assert_int_eq(vkvm_msr_filter_add_range(f, 0, 0, 1, true), -EINVAL);
    ck_assert_int_eq(vkvm_msr_filter_add_range(f, 4, 0, 1, true), -EINVAL);
    ck_assert_int_eq(vkvm_msr_filter_add_range(f, RW, 0, 0, true), -EINVAL);
    ck_assert_int_eq(vkvm_msr_filter_add_range(f, RW, 0, 12289, true), -EINVAL);
    ck_assert_int_eq(vkvm_msr_filter_add_range(f, RW, 0xfffffff0, 17, true), -EINVAL);
    ck_assert_int_eq(vkvm_msr_filter_add_range(f, RW, 0xfffffff0, 16, true), 0);
    ck_assert_int_eq(vkvm_msr_filter_add_range(f, RW, 0x100, 70, true), 0);
    ck_assert_int_eq(vkvm_msr_filter_add_range(f, RW, 0xf0, 16, true), 0); /* touches */
    ck_assert_int_eq(vkvm_msr_filter_add_range(f, RW, 0x146, 1, false), 0);
    ck_assert_int_eq(vkvm_msr_filter_add_range(f, RW, 0x145, 1, true), -EEXIST);
    ck_assert_int_eq(vkvm_msr_filter_add_range(f, KVM_MSR_FILTER_READ, 0xff, 1, true), -EEXIST);
    ck_assert_int_eq(vkvm_msr_filter_add_range(f, KVM_MSR_FILTER_READ, 0, 12288, true), -EEXIST);
    /* reads here, writes there */
    ck_assert_int_eq(vkvm_msr_filter_add_range(f, KVM_MSR_FILTER_READ, 0x1000, 8, true), 0);
    ck_assert_int_eq(vkvm_msr_filter_add_range(f, KVM_MSR_FILTER_WRITE, 0x1000, 8, true), 0);
    ck_assert_int_eq(vkvm_msr_filter_set(f, 0, 0x1000, false), -EINVAL);
    ck_assert_int_eq(vkvm_msr_filter_set(f, 8, 0x1000, false), -EINVAL);
    ck_assert_int_eq(vkvm_msr_filter_set(f, RW, 0x2000, false), -ENOENT);
    ck_assert_int_eq(vkvm_msr_filter_set(f, RW, 0x1001, false), 0);
    ck_assert_int_eq(vkvm_msr_filter_set(f, KVM_MSR_FILTER_READ, 0x1003, false), 0);
    ck_assert_int_eq(vkvm_msr_filter_set(f, RW, 0x104, false), 0);
    ck_assert_int_eq(vkvm_msr_filter_set(f, RW, 0x146, true), 0);

    ck_assert_int_eq(vkvm_vm_set_msr_filter(x86_vm, f), -EOPNOTSUPP);
    fake_set_cap(&x86_fake, KVM_CAP_X86_MSR_FILTER, 1);
    ck_assert_int_eq(vkvm_vm_set_msr_filter(x86_vm, f), 0);
    const struct fake_x86 *seen = &x86_fake.x86;
    ck_assert_uint_eq(seen->filter.flags, KVM_MSR_FILTER_DEFAULT_DENY);
    ck_assert_uint_eq(seen->filter_ranges, 6);
    ck_assert_uint_eq(seen->filter.ranges[1].base, 0x100);
    ck_assert_uint_eq(seen->filter.ranges[1].nmsrs, 70);
    ck_assert_uint_eq(seen->filter_bits[1][0], 0xef);
    ck_assert_uint_eq(seen->filter_bits[3][0], 1);
    ck_assert_uint_eq(seen->filter_bits[4][0], 0xf5); /* reads */
    ck_assert_uint_eq(seen->filter_bits[5][0], 0xfd); /* writes */
    for (uint32_t i = 6; i < 16; i++)
        ck_assert_int_eq(vkvm_msr_filter_add_range(f, RW, i << 16, 1, true), 0);
    ck_assert_int_eq(vkvm_msr_filter_add_range(f, RW, 0x4321, 1, true), -ENOSPC);
    vkvm_msr_filter_free(f);

    ck_assert_int_eq(vkvm_vm_set_msr_filter(x86_vm, NULL), 0);
    ck_assert_uint_eq(seen->filter_ranges, 0);
    ck_assert_int_eq(vkvm_msr_filter_new(true, &f), 0);
    ck_assert_int_eq(vkvm_vm_set_msr_filter(x86_vm, f), -EINVAL);
    vkvm_msr_filter_free(f);
    ck_assert_int_eq(vkvm_msr_filter_new(false, &f), 0);
    ck_assert_int_eq(vkvm_vm_set_msr_filter(x86_vm, f), 0);
    vkvm_msr_filter_free(f);
}
END_TEST

/* --- PMU filter --- */

START_TEST(pmu_filter)
{
    struct vkvm_pmu_filter *f;
    const struct fake_x86 *seen = &x86_fake.x86;
    ck_assert_int_eq(vkvm_pmu_filter_new(2, false, &f), -EINVAL);
    ck_assert_int_eq(vkvm_pmu_filter_new(KVM_PMU_EVENT_DENY, false, &f), 0);
    ck_assert_int_eq(vkvm_pmu_filter_add(f, 0x1000, 0), -EINVAL);
    ck_assert_int_eq(vkvm_pmu_filter_add_masked(f, 0x3c, 0, 0, false), -EINVAL);
    ck_assert_int_eq(vkvm_pmu_filter_add(f, 0xc0, 0x01), 0);
    ck_assert_int_eq(vkvm_pmu_filter_add(f, 0x1c0, 0xff), 0);
    vkvm_pmu_filter_set_fixed(f, 5);
    ck_assert_int_eq(vkvm_vm_set_pmu_filter(x86_vm, f), -EOPNOTSUPP);
    fake_set_cap(&x86_fake, KVM_CAP_PMU_EVENT_FILTER, 1);
    ck_assert_int_eq(vkvm_vm_set_pmu_filter(x86_vm, f), 0);
    ck_assert_uint_eq(seen->pmu.action, KVM_PMU_EVENT_DENY);
    ck_assert_uint_eq(seen->pmu.fixed_counter_bitmap, 5);
    ck_assert_uint_eq(seen->pmu.nevents, 2);
    ck_assert_uint_eq(seen->pmu_events[0], 0x1c0);
    ck_assert_uint_eq(seen->pmu_events[1], 0x10000ffc0);
    for (int i = 2; i < 300; i++)
        ck_assert_int_eq(vkvm_pmu_filter_add(f, 1, 1), 0);
    ck_assert_int_eq(vkvm_pmu_filter_add(f, 1, 1), -E2BIG);
    ck_assert_int_eq(vkvm_vm_set_pmu_filter(x86_vm, f), 0);
    ck_assert_uint_eq(seen->pmu.nevents, 300);
    vkvm_pmu_filter_free(f);

    ck_assert_int_eq(vkvm_pmu_filter_new(KVM_PMU_EVENT_ALLOW, true, &f), 0);
    ck_assert_int_eq(vkvm_pmu_filter_add(f, 1, 1), -EINVAL);
    ck_assert_int_eq(vkvm_pmu_filter_add_masked(f, 0x1000, 0, 0, false), -EINVAL);
    ck_assert_int_eq(vkvm_pmu_filter_add_masked(f, 0x13c, 0xfe, 0x02, true), 0);
    ck_assert_int_eq(vkvm_vm_set_pmu_filter(x86_vm, f), -EOPNOTSUPP);
    fake_set_cap(&x86_fake, 226 /* KVM_CAP_PMU_EVENT_MASKED_EVENTS */, 1);
    ck_assert_int_eq(vkvm_vm_set_pmu_filter(x86_vm, f), 0);
    ck_assert_uint_eq(seen->pmu.flags, 1);
    ck_assert_uint_eq(seen->pmu_events[0], 0xfe8000010000023c);
    vkvm_pmu_filter_free(f);
}
END_TEST

/* --- nested state --- */

START_TEST(nested_state)
{
    struct vkvm_nested_state *state = NULL, *copy = NULL;
    size_t size;
    x86_fake.x86.nested_size = sizeof(struct kvm_nested_state); /* not in use */
    ck_assert_int_eq(vkvm_vcpu_get_nested_state(x86_vcpu, &state), 0);
    ck_assert_uint_eq(vkvm_nested_state_bytes(state, &size)->size, 128);
    ck_assert_uint_eq(size, 128);
    vkvm_nested_state_free(state);
    x86_fake.x86.nested_size = 30000; /* more than today's formats have */
    x86_log_clear();
    ck_assert_int_eq(vkvm_vcpu_get_nested_state(x86_vcpu, &state), 0);
    ck_assert_int_eq(x86_log_total(), 2);
    const struct kvm_nested_state *bytes = vkvm_nested_state_bytes(state, &size);
    ck_assert_uint_eq(size, 30000);
    ck_assert_uint_eq(((const uint8_t *)bytes)[29999], 0x5e);
    ck_assert_int_eq(vkvm_nested_state_from_bytes(bytes, size, &copy), 0);
    ck_assert_int_eq(vkvm_vcpu_set_nested_state(x86_vcpu, copy), 0);
    size_t seen_size;
    const void *seen =
        fake_seen(&x86_fake, vkvm_vcpu_get_fd(x86_vcpu), KVM_SET_NESTED_STATE, &seen_size);
    ck_assert_uint_eq(seen_size, 30000);
    ck_assert_mem_eq(seen, bytes, 30000);
    vkvm_nested_state_free(copy);
    ck_assert_int_eq(vkvm_nested_state_from_bytes(bytes, 127, &copy), -EINVAL);
    ck_assert_int_eq(vkvm_nested_state_from_bytes(bytes, 29999, &copy), -EINVAL);
    vkvm_nested_state_free(state);
    struct kvm_nested_state head = { .size = 127 };
    ck_assert_int_eq(vkvm_nested_state_from_bytes(&head, sizeof(head), &copy), -EINVAL);
    uint8_t *large = calloc(1, 2u << 20);
    head.size = 2u << 20;
    memcpy(large, &head, sizeof(head));
    ck_assert_int_eq(vkvm_nested_state_from_bytes(large, 2u << 20, &copy), -E2BIG);
    free(large);
    /* a kernel that talks nonsense */
    x86_fake.x86.nested_claim = 64;
    ck_assert_int_eq(vkvm_vcpu_get_nested_state(x86_vcpu, &state), -EPROTO);
    x86_fake.x86.nested_claim = 2u << 20;
    ck_assert_int_eq(vkvm_vcpu_get_nested_state(x86_vcpu, &state), -EPROTO);
    x86_fake.x86.nested_size = 128;
    ck_assert_int_eq(vkvm_vcpu_get_nested_state(x86_vcpu, &state), -EPROTO);
    fake_inject(&x86_fake, KVM_GET_NESTED_STATE, 1, -EINVAL);
    ck_assert_int_eq(vkvm_vcpu_get_nested_state(x86_vcpu, &state), -EINVAL);
}
END_TEST

/* --- everything fails once --- */

static int use_all(struct vkvm *kvm, struct vkvm_vm *vm, struct vkvm_vcpu *vcpu)
{
    struct vkvm_cpuid *leaves = NULL;
    struct vkvm_msrs *msrs = NULL;
    struct vkvm_msr_filter *accesses = NULL;
    struct vkvm_pmu_filter *pmu = NULL;
    struct vkvm_nested_state *nested = NULL, *copy = NULL;
    struct vkvm_xsave *xsave = NULL;
    uint32_t *list = NULL;
    size_t size;
    int r = vkvm_get_supported_cpuid(kvm, &leaves);
    struct kvm_cpuid_entry2 e = { .function = 3 };
    for (int i = 0; r >= 0 && i < 200; i++)
        r = vkvm_cpuid_add(leaves, &e);
    vkvm_cpuid_free(leaves);
    leaves = NULL;
    if (r >= 0)
        r = vkvm_get_emulated_cpuid(kvm, &leaves);
    vkvm_cpuid_free(leaves);
    if (r >= 0)
        r = vkvm_get_msr_index_list(kvm, &list, &size);
    free(list);
    if (r >= 0)
        r = vkvm_msrs_new(3, &msrs);
    vkvm_msrs_free(msrs);
    if (r >= 0)
        r = vkvm_msr_filter_new(true, &accesses);
    if (r >= 0)
        r = vkvm_msr_filter_add_range(accesses, RW, 0, 100, true);
    if (r >= 0)
        r = vkvm_vm_set_msr_filter(vm, accesses);
    vkvm_msr_filter_free(accesses);
    if (r >= 0)
        r = vkvm_pmu_filter_new(KVM_PMU_EVENT_ALLOW, false, &pmu);
    for (int i = 0; r >= 0 && i < 17; i++)
        r = vkvm_pmu_filter_add(pmu, 1, 1);
    if (r >= 0)
        r = vkvm_vm_set_pmu_filter(vm, pmu);
    vkvm_pmu_filter_free(pmu);
    if (r >= 0)
        r = vkvm_vcpu_get_nested_state(vcpu, &nested);
    if (r >= 0)
        r = vkvm_nested_state_from_bytes(vkvm_nested_state_bytes(nested, &size), 128, &copy);
    vkvm_nested_state_free(copy);
    vkvm_nested_state_free(nested);
    if (r >= 0)
        r = vkvm_xsave_new(4096, &xsave);
    if (r >= 0)
        r = vkvm_vcpu_get_xsave2(vcpu, xsave);
    vkvm_xsave_free(xsave);
    return r;
}

static int scenario(struct fake_kvm *fake)
{
    struct vkvm *kvm = NULL;
    struct vkvm_vm *vm = NULL;
    struct vkvm_vcpu *vcpu = NULL;
    int r = x86_open(fake, &kvm, &vm, &vcpu);
    if (r >= 0)
        r = use_all(kvm, vm, vcpu);
    vkvm_vcpu_close(vcpu);
    vkvm_vm_close(vm);
    vkvm_close(kvm);
    return r;
}

static void prepare(struct fake_kvm *fake)
{
    x86_log_clear();
    fake_set_cap(fake, KVM_CAP_EXT_EMUL_CPUID, 1);
    fake_set_cap(fake, KVM_CAP_X86_MSR_FILTER, 1);
    fake_set_cap(fake, KVM_CAP_PMU_EVENT_FILTER, 1);
    fake->x86.nested_size = 128;
}

START_TEST(every_call_fails_once)
{
    ck_assert_int_gt(fake_walk(scenario, prepare, -EIO, NULL), 10);
}
END_TEST

START_TEST(every_allocation_fails_once)
{
    ck_assert_int_gt(fake_walk_alloc(scenario, prepare), 10);
}
END_TEST

Suite *x86_containers_suite(void)
{
    Suite *s = suite_create("x86-containers");
    TCase *t = tcase_create("containers");
    tcase_add_checked_fixture(t, x86_setup, x86_teardown);
    tcase_add_test(t, freeing_null_is_fine);
    tcase_add_test(t, xsave_small);
    tcase_add_test(t, xsave_large);
    tcase_add_test(t, cpuid);
    tcase_add_test(t, msr_lists);
    tcase_add_test(t, msr_values);
    tcase_add_test(t, msr_filter);
    tcase_add_test(t, pmu_filter);
    tcase_add_test(t, nested_state);
    tcase_add_test(t, every_call_fails_once);
    tcase_add_test(t, every_allocation_fails_once);
    suite_add_tcase(s, t);
    return s;
}
