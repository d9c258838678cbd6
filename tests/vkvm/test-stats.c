/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Binary statistics: what a kernel says, and what none should.
 */
#include <vkvm/stats.h>

#include "test-generic.h"

#define NAME_SIZE 48
#define STRIDE    (sizeof(struct kvm_stats_desc) + NAME_SIZE)

/* A file with four statistics: 1 + 1 + 4 + 1 values. */
static struct {
    struct kvm_stats_header header;
    char id[NAME_SIZE];
    uint8_t descs[4 * STRIDE];
    uint64_t values[7];
} file;

static struct vkvm_stats *stats;

static struct kvm_stats_desc *desc_at(int i)
{
    return (struct kvm_stats_desc *)(void *)(file.descs + (size_t)i * STRIDE);
}

static void put(int i, const char *name, uint32_t flags, int16_t exponent, uint16_t size,
                uint32_t offset)
{
    struct kvm_stats_desc *desc = desc_at(i);
    *desc = (struct kvm_stats_desc){
        .flags = flags, .exponent = exponent, .size = size, .offset = offset, .bucket_size = 5
    };
    strncpy((char *)(desc + 1), name, NAME_SIZE);
}

static void setup(void)
{
    generic_setup();
    memset(&file, 0, sizeof(file));
    file.header = (struct kvm_stats_header){
        .name_size = NAME_SIZE,
        .num_desc = 4,
        .id_offset = offsetof(__typeof__(file), id),
        .desc_offset = offsetof(__typeof__(file), descs),
        .data_offset = offsetof(__typeof__(file), values),
    };
    strcpy(file.id, "kvm-77/vcpu-0");
    put(0, "exits", KVM_STATS_TYPE_CUMULATIVE | KVM_STATS_UNIT_NONE, 0, 1, 0);
    put(1, "wait_ns", KVM_STATS_TYPE_INSTANT | KVM_STATS_UNIT_SECONDS | KVM_STATS_BASE_POW10, -9, 1,
        8);
    put(2, "hist", KVM_STATS_TYPE_LINEAR_HIST | KVM_STATS_UNIT_BYTES | KVM_STATS_BASE_POW2, 10, 4,
        16);
    put(3, "blocking", KVM_STATS_TYPE_PEAK | (0x4 << KVM_STATS_UNIT_SHIFT), 0, 1, 48);
    for (uint64_t i = 0; i < 7; i++)
        file.values[i] = 100 + i;
    g_fake.generic.stats = &file;
    g_fake.generic.stats_size = sizeof(file);
    stats = NULL;
}

static void teardown(void)
{
    stats = vkvm_stats_close(stats);
    generic_teardown();
}

START_TEST(values_with_names_and_units)
{
    ck_assert_int_eq(vkvm_vcpu_open_stats(g_vcpu, &stats), 0);
    ck_assert_str_eq(vkvm_stats_get_id(stats), "kvm-77/vcpu-0");
    ck_assert_uint_eq(vkvm_stats_count(stats), 4);
    const struct vkvm_stat *s = vkvm_stats_get(stats, 0);
    ck_assert_str_eq(s->name, "exits");
    ck_assert_uint_eq(s->values[0], 0); /* not read yet */
    ck_assert_int_eq(vkvm_stats_read(stats), 0);
    ck_assert_uint_eq(s->values[0], 100);
    ck_assert_uint_eq(s->count, 1);
    ck_assert_uint_eq(s->type, VKVM_STAT_CUMULATIVE);
    ck_assert_uint_eq(s->unit, VKVM_STAT_NONE);
    ck_assert_double_eq(vkvm_stat_scale(s, 5), 5);
    s = vkvm_stats_find(stats, "wait_ns");
    ck_assert_ptr_eq(s, vkvm_stats_get(stats, 1));
    ck_assert_uint_eq(s->values[0], 101);
    ck_assert_uint_eq(s->type, VKVM_STAT_INSTANT);
    ck_assert_uint_eq(s->unit, VKVM_STAT_SECONDS);
    ck_assert_uint_eq(s->base, 10);
    ck_assert_int_eq(s->exponent, -9);
    ck_assert_double_eq_tol(vkvm_stat_scale(s, 1500), 1.5e-6, 1e-15);
    s = vkvm_stats_find(stats, "hist");
    ck_assert_uint_eq(s->count, 4);
    ck_assert_uint_eq(s->type, VKVM_STAT_LINEAR_HISTOGRAM);
    ck_assert_uint_eq(s->bucket_size, 5);
    ck_assert_uint_eq(s->base, 2);
    ck_assert_uint_eq(s->values[3], 105);
    ck_assert_double_eq(vkvm_stat_scale(s, 3), 3072);
    s = vkvm_stats_find(stats, "blocking");
    ck_assert_uint_eq(s->type, VKVM_STAT_PEAK);
    ck_assert_uint_eq(s->unit, VKVM_STAT_BOOLEAN);
    ck_assert_uint_eq(s->values[0], 106);
    ck_assert_ptr_null(vkvm_stats_find(stats, "nothing"));
    ck_assert_ptr_null(vkvm_stats_get(stats, 4));
    file.values[0] = 7;
    ck_assert_int_eq(vkvm_stats_read(stats), 0);
    ck_assert_uint_eq(vkvm_stats_get(stats, 0)->values[0], 7);
}
END_TEST

START_TEST(names)
{
    ck_assert_str_eq(vkvm_stat_type_name(VKVM_STAT_LOG_HISTOGRAM), "log-histogram");
    ck_assert_str_eq(vkvm_stat_type_name(5), "?");
    ck_assert_str_eq(vkvm_stat_unit_name(VKVM_STAT_NONE), "");
    ck_assert_str_eq(vkvm_stat_unit_name(VKVM_STAT_BOOLEAN), "boolean");
    ck_assert_str_eq(vkvm_stat_unit_name(15), "?");
}
END_TEST

START_TEST(a_vm_outlived)
{
    struct vkvm_vm *vm;
    ck_assert_int_eq(vkvm_create_vm(g_kvm, 0, &vm), 0);
    ck_assert_int_eq(vkvm_vm_open_stats(vm, &stats), 0);
    vkvm_vm_close(vm);
    ck_assert_int_eq(vkvm_stats_read(stats), 0);
    file.header.num_desc = 0; /* none at all */
    struct vkvm_stats *none;
    ck_assert_int_eq(vkvm_vm_open_stats(g_vm, &none), 0);
    ck_assert_uint_eq(vkvm_stats_count(none), 0);
    ck_assert_int_eq(vkvm_stats_read(none), 0);
    vkvm_stats_close(none);
    ck_assert_ptr_null(vkvm_stats_close(NULL));
}
END_TEST

static int open_result(void)
{
    int r = vkvm_vm_open_stats(g_vm, &stats);
    stats = r < 0 ? NULL : vkvm_stats_close(stats);
    return r;
}

START_TEST(descriptions_that_lie)
{
    const struct kvm_stats_header good = file.header;
#define BAD_HEADER(member, value, error)                                                           \
    do {                                                                                           \
        file.header = good;                                                                        \
        file.header.member = (value);                                                              \
        ck_assert_int_eq(open_result(), (error));                                                  \
    } while (0)
    BAD_HEADER(name_size, 0, -EPROTO);
    BAD_HEADER(name_size, 257, -EPROTO);
    BAD_HEADER(num_desc, 4097, -EPROTO);
    BAD_HEADER(num_desc, 4096, -EIO); /* ends early */
    BAD_HEADER(id_offset, 0, -EPROTO);
    BAD_HEADER(id_offset, UINT32_MAX, -EPROTO);
    BAD_HEADER(id_offset, 1u << 20, -EIO);
    BAD_HEADER(desc_offset, 1, -EPROTO);
    BAD_HEADER(desc_offset, UINT32_MAX - 7, -EPROTO);
    BAD_HEADER(data_offset, 2, -EPROTO);
    BAD_HEADER(data_offset, UINT32_MAX, -EPROTO);
    file.header = good;

    const struct kvm_stats_desc desc = *desc_at(2);
#define BAD_DESC(member, value)                                                                    \
    do {                                                                                           \
        *desc_at(2) = desc;                                                                        \
        desc_at(2)->member = (value);                                                              \
        ck_assert_int_eq(open_result(), -EPROTO);                                                  \
    } while (0)
    BAD_DESC(size, 0);
    BAD_DESC(offset, UINT32_MAX - 7);
    BAD_DESC(offset, 4);
    BAD_DESC(offset, 1u << 20);
    BAD_DESC(exponent, 65);
    BAD_DESC(exponent, -65);
    *desc_at(2) = desc;

    /* names without an end get one */
    memset(desc_at(3) + 1, 'x', NAME_SIZE);
    memset(file.id, 'y', NAME_SIZE);
    ck_assert_int_eq(vkvm_vm_open_stats(g_vm, &stats), 0);
    ck_assert_uint_eq(strlen(vkvm_stats_get(stats, 3)->name), NAME_SIZE);
    ck_assert_uint_eq(strlen(vkvm_stats_get_id(stats)), NAME_SIZE);
    ck_assert_int_eq(vkvm_stats_read(stats), 0);
}
END_TEST

START_TEST(values_that_end_early)
{
    g_fake.generic.stats_size = sizeof(file) - 8;
    ck_assert_int_eq(vkvm_vm_open_stats(g_vm, &stats), 0);
    ck_assert_int_eq(vkvm_stats_read(stats), -EIO);
    g_fake.generic.stats_size = 10;
    struct vkvm_stats *other;
    ck_assert_int_eq(vkvm_vm_open_stats(g_vm, &other), -EIO);
    fail_next(KVM_GET_STATS_FD, -EMFILE);
    ck_assert_int_eq(vkvm_vm_open_stats(g_vm, &other), -EMFILE);
    fail_next(KVM_GET_STATS_FD, -ENOTTY);
    ck_assert_int_eq(vkvm_vcpu_open_stats(g_vcpu, &other), -ENOTTY);
    ck_assert_int_eq(vkvm_stats_from_fd(&g_fake.sys, -1, &other), -EINVAL);
}
END_TEST

static void cut_short(void *argument, int *result)
{
    if (*result > 1)
        *result = 1;
}

static void claim_more(void *argument, int *result)
{
    *result += 1;
}

START_TEST(reads_in_pieces)
{
    struct fake_rule rule = {
        .call = FAKE_PREAD, .nth = 1, .times = 10, .after = true, .spoil = cut_short
    };
    fake_add_rule(&g_fake, &rule);
    ck_assert_int_eq(vkvm_vm_open_stats(g_vm, &stats), 0);
    ck_assert_str_eq(vkvm_stats_get(stats, 3)->name, "blocking");
    fake_clear_rules(&g_fake);
    /* a signal is no error */
    const struct fake_rule interrupted = { .call = FAKE_PREAD, .nth = 1, .error = -EINTR };
    fake_add_rule(&g_fake, &interrupted);
    ck_assert_int_eq(vkvm_stats_read(stats), 0);
    rule = (struct fake_rule){ .call = FAKE_PREAD, .nth = 1, .after = true, .spoil = claim_more };
    fake_add_rule(&g_fake, &rule);
    ck_assert_int_eq(vkvm_stats_read(stats), -EIO);
}
END_TEST

static void offer_stats(struct fake_kvm *fake)
{
    fake->generic.stats = &file;
    fake->generic.stats_size = sizeof(file);
}

static int stats_scenario(struct fake_kvm *fake)
{
    struct vkvm *kvm = NULL;
    struct vkvm_vm *vm = NULL;
    struct vkvm_vcpu *vcpu = NULL;
    struct vkvm_stats *s = NULL;
    int r = generic_open(fake, &kvm, &vm, &vcpu);
    if (r >= 0)
        r = vkvm_vcpu_open_stats(vcpu, &s);
    if (r >= 0)
        r = vkvm_stats_read(s);
    vkvm_stats_close(s);
    generic_close(kvm, vm, vcpu);
    return r;
}

START_TEST(every_failure_is_reported)
{
    ck_assert_int_gt(fake_walk(stats_scenario, offer_stats, -EIO, NULL), 6);
    ck_assert_int_gt(fake_walk_alloc(stats_scenario, offer_stats), 6);
}
END_TEST

Suite *stats_suite(void)
{
    Suite *s = suite_create("vkvm-stats");
    TCase *t = tcase_create("stats");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, values_with_names_and_units);
    tcase_add_test(t, names);
    tcase_add_test(t, a_vm_outlived);
    tcase_add_test(t, descriptions_that_lie);
    tcase_add_test(t, values_that_end_early);
    tcase_add_test(t, reads_in_pieces);
    tcase_add_test(t, every_failure_is_reported);
    suite_add_tcase(s, t);
    return s;
}
