/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The encoding of recorded sessions and the layouts of arguments.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <vkvm/vkvm.h>

#include "trace-format.h"
#include "trace-layout.h"

Suite *vkvm_trace_suite(void);

static uint32_t random_state = 1;

static uint32_t random32(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

START_TEST(checksum)
{
    /* the check value of CRC-32C */
    ck_assert_uint_eq(trace__crc(0, "123456789", 9), 0xe3069283);
    ck_assert_uint_eq(trace__crc(trace__crc(0, "1234", 4), "56789", 5), 0xe3069283);
}
END_TEST

START_TEST(numbers)
{
    static const uint64_t values[] = { 0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX };
    struct trace_buf b = { 0 };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        trace__put_number(&b, values[i]);
        trace__put_signed(&b, (int64_t)values[i]);
        trace__put_signed(&b, -(int64_t)(values[i] / 2));
    }
    struct trace_cur c = { b.data, b.data + b.size, false };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        ck_assert_uint_eq(trace__get_number(&c), values[i]);
        ck_assert_int_eq(trace__get_signed(&c), (int64_t)values[i]);
        ck_assert_int_eq(trace__get_signed(&c), -(int64_t)(values[i] / 2));
    }
    ck_assert(!c.bad && c.p == c.end);
    ck_assert_uint_eq(trace__get_number(&c), 0);
    ck_assert(c.bad);
    trace__buf_fini(&b);
    /* eleven bytes, and ten that say more than 64 bits */
    static const uint8_t endless[] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1 };
    static const uint8_t large[] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 2 };
    c = (struct trace_cur){ endless, endless + sizeof(endless), false };
    trace__get_number(&c);
    ck_assert(c.bad);
    c = (struct trace_cur){ large, large + sizeof(large), false };
    trace__get_number(&c);
    ck_assert(c.bad);
}
END_TEST

/* Bytes with runs of zeros. */
static void fill_random(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t run = random32() % 20;
        bool zero = random32() % 2;
        for (; run && i < size; run--, i++)
            bytes[i] = zero ? 0 : (uint8_t)random32();
        if (!run && i < size)
            bytes[i++] = 1;
    }
}

START_TEST(sparse_bytes)
{
    uint8_t bytes[600], back[600];
    for (int round = 0; round < 2000; round++) {
        struct trace_buf b = { 0 };
        size_t size = random32() % sizeof(bytes);
        fill_random(bytes, size);
        trace__put_sparse(&b, bytes, size);
        struct trace_cur c = { b.data, b.data + b.size, false }, again = c;
        memset(back, 0xee, sizeof(back));
        ck_assert_uint_eq(trace__get_sparse(&c, back, sizeof(back)), size);
        ck_assert(!c.bad && c.p == c.end);
        if (size)
            ck_assert_mem_eq(bytes, back, size);
        ck_assert(size == sizeof(back) || back[size] == 0xee);
        /* too little room: the size is told, nothing is written */
        memset(back, 0xee, sizeof(back));
        if (size) {
            ck_assert_uint_eq(trace__get_sparse(&again, back, size - 1), size);
            ck_assert_uint_eq(back[0], 0xee);
        }
        trace__buf_fini(&b);
    }
    struct trace_buf b = { 0 };
    memset(bytes, 0, sizeof(bytes));
    trace__put_sparse(&b, bytes, sizeof(bytes));
    ck_assert_uint_le(b.size, 6); /* zeros are nearly free */
    trace__buf_fini(&b);
}
END_TEST

START_TEST(sparse_lies)
{
    uint8_t back[16];
    static const struct {
        size_t size;
        uint8_t bytes[8];
    } rows[] = {
        { 3, { 4, 5, 0 } },               /* more zeros than bytes */
        { 4, { 4, 1, 4, 9 } },            /* more literals than bytes */
        { 4, { 4, 0, 3, 9 } },            /* literals missing */
        { 3, { 4, 0, 0 } },               /* a piece of nothing */
        { 1, { 4 } },                     /* cut */
        { 5, { 255, 255, 255, 255, 7 } }, /* larger than any argument */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct trace_cur c = { rows[i].bytes, rows[i].bytes + rows[i].size, false };
        ck_assert_uint_eq(trace__get_sparse(&c, back, sizeof(back)), 0);
        ck_assert(c.bad);
    }
}
END_TEST

START_TEST(patches)
{
    uint8_t old[500], new[500] = { 0 }, target[500];
    for (int round = 0; round < 2000; round++) {
        size_t size = 1 + random32() % (sizeof(old) - 1);
        size_t skip = round % 2 ? random32() % size : SIZE_MAX;
        fill_random(old, size);
        memcpy(new, old, size);
        for (unsigned i = random32() % 10; i; i--)
            new[random32() % size] = (uint8_t)random32();
        memcpy(target, old, size);
        struct trace_buf b = { 0 };
        size_t pieces = trace__put_patch(&b, old, new, size, skip);
        struct trace_cur c = { b.data, b.data + b.size, false };
        ck_assert_uint_eq(trace__get_patch(&c, target, size), pieces);
        ck_assert(!c.bad && c.p == c.end);
        ck_assert_mem_eq(old, target, size); /* the copy has followed */
        bool same = true;
        for (size_t i = 0; i < size; i++)
            same &= i == skip || target[i] == new[i];
        ck_assert(same);
        trace__buf_fini(&b);
    }
    /* over zeros */
    struct trace_buf b = { 0 };
    trace__put_patch(&b, NULL, new, sizeof(new), SIZE_MAX);
    memset(target, 0, sizeof(target));
    struct trace_cur c = { b.data, b.data + b.size, false };
    trace__get_patch(&c, target, sizeof(target));
    ck_assert_mem_eq(target, new, sizeof(new));
    trace__buf_fini(&b);
}
END_TEST

START_TEST(patch_lies)
{
    uint8_t target[16] = { 0 };
    static const struct {
        size_t size;
        uint8_t bytes[16];
    } rows[] = {
        { 3, { 1, 16, 9 } }, /* behind the end */
        { 15, { 17, 0 } },   /* longer than the target */
        { 3, { 2, 15, 9 } }, /* across the end */
        { 3, { 4, 0, 9 } },  /* bytes missing */
        { 3, { 1, 0, 9 } },  /* no end */
        { 12, { 1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 9 } }, /* wraps */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct trace_cur c = { rows[i].bytes, rows[i].bytes + rows[i].size, false };
        ck_assert_uint_eq(trace__get_patch(&c, target, sizeof(target)), 0);
        ck_assert(c.bad);
    }
}
END_TEST

/* --- layouts --- */

static struct trace_part parts[TRACE_MAX_PARTS];
static struct trace_object object;

static unsigned layout_parts(unsigned long request, void *argument)
{
    struct trace_layout derived;
    return trace__layout_parts(trace__layout(request, &derived), &object, argument, parts);
}

START_TEST(layout_by_number)
{
    struct kvm_regs regs;
    ck_assert_uint_eq(layout_parts(KVM_GET_REGS, &regs), 1);
    ck_assert_uint_eq(parts[0].in, 0);
    ck_assert_uint_eq(parts[0].capacity, sizeof(regs));
    ck_assert_uint_eq(layout_parts(KVM_SET_REGS, &regs), 1);
    ck_assert_uint_eq(parts[0].in, sizeof(regs));
    ck_assert_uint_eq(parts[0].capacity, 0);
    ck_assert_uint_eq(layout_parts(KVM_CREATE_VCPU, (void *)3), 0);
    ck_assert_uint_eq(layout_parts(KVM_SET_REGS, NULL), 0);
}
END_TEST

START_TEST(layout_of_arrays)
{
    struct {
        struct kvm_cpuid2 head;
        struct kvm_cpuid_entry2 entries[4];
    } cpuid = { .head.nent = 4 };
    struct trace_layout derived;
    const struct trace_layout *get = trace__layout(KVM_GET_SUPPORTED_CPUID, &derived);
    ck_assert_uint_eq(layout_parts(KVM_SET_CPUID2, &cpuid), 1);
    ck_assert_uint_eq(parts[0].in, sizeof(cpuid));
    ck_assert_uint_eq(layout_parts(KVM_GET_SUPPORTED_CPUID, &cpuid), 1);
    ck_assert_uint_eq(parts[0].in, 4);
    ck_assert_uint_eq(parts[0].capacity, sizeof(cpuid));
    cpuid.head.nent = 2;
    trace__layout_out(get, parts, 1, (uint8_t *)&cpuid, sizeof(cpuid), 0);
    ck_assert_uint_eq(parts[0].out, 8 + 2 * sizeof(cpuid.entries[0]));
    cpuid.head.nent = 100; /* more than there was room for */
    trace__layout_out(get, parts, 1, (uint8_t *)&cpuid, sizeof(cpuid), 0);
    ck_assert_uint_eq(parts[0].out, sizeof(cpuid));
    trace__layout_out(get, parts, 1, (uint8_t *)&cpuid, sizeof(cpuid), -E2BIG);
    ck_assert_uint_eq(parts[0].out, 8);
    cpuid.head.nent = UINT32_MAX; /* nobody has that much */
    layout_parts(KVM_SET_CPUID2, &cpuid);
    ck_assert_uint_le(parts[0].in, TRACE_MAX_PART);

    struct {
        struct kvm_msrs head;
        struct kvm_msr_entry entries[2];
    } msrs = { { .nmsrs = 2 }, { { .index = 1, .data = 7 }, { .index = 2, .data = 8 } } };
    ck_assert_uint_eq(layout_parts(KVM_GET_MSRS, &msrs), 1);
    ck_assert_uint_eq(parts[0].in, sizeof(msrs));
    trace__layout_mask(trace__layout(KVM_GET_MSRS, &derived), (uint8_t *)&msrs, sizeof(msrs));
    ck_assert_uint_eq(msrs.entries[1].index, 2);
    ck_assert_uint_eq(msrs.entries[1].data, 0); /* only output */

    struct kvm_nested_state nested = { .size = 4224 };
    layout_parts(KVM_GET_NESTED_STATE, &nested);
    ck_assert_uint_eq(parts[0].in, 8);
    ck_assert_uint_eq(parts[0].capacity, 4224);
    layout_parts(KVM_SET_NESTED_STATE, &nested);
    ck_assert_uint_eq(parts[0].in, 4224);

    struct {
        struct kvm_reg_list head;
        uint64_t regs[5];
    } list = { .head.n = 5 };
    layout_parts(KVM_GET_REG_LIST, &list);
    ck_assert_uint_eq(parts[0].capacity, sizeof(list));
}
END_TEST

START_TEST(layout_of_pointers)
{
    uint64_t bits[4] = { 0 };
    struct kvm_userspace_memory_region region = { .slot = 3, .memory_size = 100 * 4096 };
    struct kvm_dirty_log log = { .slot = 3, .dirty_bitmap = bits };
    object = (struct trace_object){ 0 };
    ck_assert_uint_eq(layout_parts(KVM_GET_DIRTY_LOG, &log), 2);
    ck_assert_uint_eq(parts[1].capacity, 0); /* a slot nobody has made */
    trace__layout_learn(&object, KVM_SET_USER_MEMORY_REGION, &region, -EINVAL);
    layout_parts(KVM_GET_DIRTY_LOG, &log);
    ck_assert_uint_eq(parts[1].capacity, 0);
    trace__layout_learn(&object, KVM_SET_USER_MEMORY_REGION, &region, 0);
    layout_parts(KVM_GET_DIRTY_LOG, &log);
    ck_assert_uint_eq(parts[1].capacity, 16);
    ck_assert_ptr_eq(parts[1].data, bits);
    struct kvm_userspace_memory_region2 region2 = { .slot = 3, .memory_size = 65 * 4096 };
    trace__layout_learn(&object, KVM_SET_USER_MEMORY_REGION2, &region2, 0);
    region2.slot = 4;
    region2.memory_size = 4096;
    trace__layout_learn(&object, KVM_SET_USER_MEMORY_REGION2, &region2, 0);
    layout_parts(KVM_GET_DIRTY_LOG, &log);
    ck_assert_uint_eq(parts[1].capacity, 16);
    log.slot = 4;
    layout_parts(KVM_GET_DIRTY_LOG, &log);
    ck_assert_uint_eq(parts[1].capacity, 8);
    trace__object_fini(&object);

    struct kvm_clear_dirty_log clear = { .num_pages = 65, .dirty_bitmap = bits };
    layout_parts(KVM_CLEAR_DIRTY_LOG, &clear);
    ck_assert_uint_eq(parts[1].in, 16);

    struct kvm_one_reg reg = { .id = KVM_REG_SIZE_U32 | 1, .addr = (uintptr_t)bits };
    layout_parts(KVM_GET_ONE_REG, &reg);
    ck_assert_uint_eq(parts[1].capacity, 4);
    reg.id = KVM_REG_SIZE_U128;
    layout_parts(KVM_SET_ONE_REG, &reg);
    ck_assert_uint_eq(parts[1].in, 16);

    struct kvm_device_attr attr = { .group = 1, .addr = (uintptr_t)bits };
    layout_parts(KVM_SET_DEVICE_ATTR, &attr);
    ck_assert_uint_eq(parts[1].in, 8);
    layout_parts(KVM_GET_DEVICE_ATTR, &attr);
    ck_assert_uint_eq(parts[1].capacity, 8);
    const struct kvm_create_device create = { .type = KVM_DEV_TYPE_VFIO };
    trace__layout_device(&object, &create);
    layout_parts(KVM_SET_DEVICE_ATTR, &attr);
    ck_assert_uint_eq(parts[1].in, 0); /* a descriptor: not compared */
    object = (struct trace_object){ 0 };

    struct kvm_msr_filter filter = { 0 };
    filter.ranges[1].nmsrs = 9;
    filter.ranges[1].bitmap = (uint8_t *)bits;
    ck_assert_uint_eq(layout_parts(KVM_X86_SET_MSR_FILTER, &filter), 17);
    ck_assert_uint_eq(parts[1].in, 0);
    ck_assert_uint_eq(parts[2].in, 2);
    struct trace_layout derived;
    trace__layout_mask(trace__layout(KVM_X86_SET_MSR_FILTER, &derived), (uint8_t *)&filter,
                       sizeof(filter));
    ck_assert_ptr_null(filter.ranges[1].bitmap);
    ck_assert_uint_eq(filter.ranges[1].nmsrs, 9);
}
END_TEST

START_TEST(layout_of_xsave)
{
    struct kvm_xsave xsave;
    struct trace_object vm = { 0 };
    object = (struct trace_object){ .vm = &vm };
    layout_parts(KVM_GET_XSAVE2, &xsave);
    ck_assert_uint_eq(parts[0].capacity, 4096);
    trace__layout_learn(&vm, KVM_CHECK_EXTENSION, (void *)KVM_CAP_XSAVE2, 11008);
    layout_parts(KVM_GET_XSAVE2, &xsave);
    ck_assert_uint_eq(parts[0].capacity, 11008);
    layout_parts(KVM_SET_XSAVE, &xsave);
    ck_assert_uint_eq(parts[0].in, 11008);
    trace__layout_learn(&vm, KVM_CHECK_EXTENSION, (void *)KVM_CAP_XSAVE2, INT32_MAX);
    layout_parts(KVM_GET_XSAVE2, &xsave);
    ck_assert_uint_le(parts[0].capacity, TRACE_MAX_PART);
    object = (struct trace_object){ 0 };
}
END_TEST

START_TEST(layout_masks_addresses)
{
    struct trace_layout derived;
    struct kvm_userspace_memory_region region;
    struct kvm_irqfd irqfd;
    memset(&region, 0xff, sizeof(region));
    trace__layout_mask(trace__layout(KVM_SET_USER_MEMORY_REGION, &derived), (uint8_t *)&region,
                       sizeof(region));
    ck_assert_uint_eq(region.userspace_addr, 0);
    ck_assert_uint_eq(region.memory_size, UINT64_MAX);
    memset(&irqfd, 0xff, sizeof(irqfd));
    trace__layout_mask(trace__layout(KVM_IRQFD, &derived), (uint8_t *)&irqfd, sizeof(irqfd));
    ck_assert_uint_eq(irqfd.fd, 0);
    ck_assert_uint_eq(irqfd.resamplefd, 0);
    ck_assert_uint_eq(irqfd.gsi, UINT32_MAX);
    /* fewer bytes than the mask covers */
    memset(&irqfd, 0xff, sizeof(irqfd));
    trace__layout_mask(trace__layout(KVM_IRQFD, &derived), (uint8_t *)&irqfd, 2);
    ck_assert_uint_eq(irqfd.fd, 0xffff0000);
}
END_TEST

Suite *vkvm_trace_suite(void)
{
    Suite *s = suite_create("vkvm-trace");
    TCase *t = tcase_create("codec");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, checksum);
    tcase_add_test(t, numbers);
    tcase_add_test(t, sparse_bytes);
    tcase_add_test(t, sparse_lies);
    tcase_add_test(t, patches);
    tcase_add_test(t, patch_lies);
    suite_add_tcase(s, t);
    t = tcase_create("layout");
    tcase_add_test(t, layout_by_number);
    tcase_add_test(t, layout_of_arrays);
    tcase_add_test(t, layout_of_pointers);
    tcase_add_test(t, layout_of_xsave);
    tcase_add_test(t, layout_masks_addresses);
    suite_add_tcase(s, t);
    return s;
}
