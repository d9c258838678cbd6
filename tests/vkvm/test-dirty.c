/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dirty tracking in its three forms.
 */
#include <vkvm/dirty.h>
#include <vkvm/memory.h>

#include "test-generic.h"

#define RING_BYTES (4096 * 16)

static struct vkvm_dirty *dirty;
static uint32_t low, high; /* slots */

/* A VM with no vCPU yet, and two slots: 64 and 40 pages. */
static void setup(void)
{
    fake_kvm_init(&g_fake);
    fake_set_cap(&g_fake, KVM_CAP_NR_MEMSLOTS, 16);
    ck_assert_int_eq(vkvm_open_with(&g_fake.sys, NULL, &g_kvm), 0);
    ck_assert_int_eq(vkvm_create_vm(g_kvm, 0, &g_vm), 0);
    g_vcpu = NULL;
    dirty = NULL;
    ck_assert_int_eq(vkvm_vm_add_memory(g_vm, 0x100000, 64 * PAGE, g_pages, 0, &low), 0);
    ck_assert_int_eq(vkvm_vm_add_memory(g_vm, 0x800000, 40 * PAGE, g_pages, 0, &high), 0);
    g_fake.generic.dirty[0].slot = low;
    g_fake.generic.dirty[0].pages = 64;
    g_fake.generic.dirty[1].slot = high;
    g_fake.generic.dirty[1].pages = 40;
}

static void teardown(void)
{
    dirty = vkvm_dirty_free(dirty);
    generic_teardown();
}

static void expect(uint32_t slot, uint64_t page, uint64_t pages)
{
    struct vkvm_dirty_range range = { 0 };
    ck_assert_int_eq(vkvm_dirty_next(dirty, &range), 1);
    ck_assert_uint_eq(range.slot, slot);
    ck_assert_uint_eq(range.offset, page * PAGE);
    ck_assert_uint_eq(range.length, pages * PAGE);
    ck_assert_uint_eq(range.gpa, (slot == low ? 0x100000 : 0x800000) + page * PAGE);
    ck_assert_ptr_eq(range.hva, g_pages + page * PAGE);
}

static void expect_end(void)
{
    struct vkvm_dirty_range range;
    ck_assert_int_eq(vkvm_dirty_next(dirty, &range), 0);
    ck_assert_uint_eq(vkvm_dirty_pending(dirty), 0);
}

START_TEST(bitmap)
{
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_BITMAP, 0, 0, &dirty), 0);
    ck_assert_uint_eq(vkvm_dirty_get_form(dirty), VKVM_DIRTY_BITMAP);
    ck_assert_int_eq(vkvm_dirty_add_vcpu(dirty, NULL), 0); /* nothing to do */
    ck_assert_int_eq(vkvm_dirty_start(dirty), 0);
    ck_assert_uint_eq(g_fake.last_region.flags, KVM_MEM_LOG_DIRTY_PAGES);
    g_fake.generic.dirty[0].bits[0] = 0x8000000000000001;
    g_fake.generic.dirty[1].bits[0] = 0xf0 | 1ull << 39 | 1ull << 45; /* beyond the end: a lie */
    ck_assert_int_eq(vkvm_dirty_harvest(dirty), 0);
    ck_assert_uint_eq(vkvm_dirty_pending(dirty), 7 * PAGE);
    expect(low, 0, 1);
    expect(low, 63, 1);
    expect(high, 4, 4);
    expect(high, 39, 1);
    expect_end();
    ck_assert_int_eq(vkvm_dirty_harvest(dirty), 0);
    expect_end();

    /* harvests add up; marking behind the iterator takes it back */
    g_fake.generic.dirty[0].bits[0] = 2;
    ck_assert_int_eq(vkvm_dirty_harvest(dirty), 0);
    g_fake.generic.dirty[0].bits[0] = 4;
    ck_assert_int_eq(vkvm_dirty_harvest(dirty), 0);
    expect(low, 1, 2);
    ck_assert_int_eq(vkvm_dirty_mark(dirty, low, 100, 1), 0);
    ck_assert_int_eq(vkvm_dirty_mark(dirty, high, 2 * PAGE - 1, 2), 0);
    ck_assert_int_eq(vkvm_dirty_mark(dirty, high, 0, 0), 0);
    expect(low, 0, 1);
    expect(high, 1, 2);
    ck_assert_int_eq(vkvm_dirty_mark(dirty, low, 5 * PAGE, PAGE), 0);
    expect(low, 5, 1);
    ck_assert_int_eq(vkvm_dirty_mark(dirty, 9, 0, 1), -ENOENT);
    ck_assert_int_eq(vkvm_dirty_mark(dirty, high, 40 * PAGE, 1), -ERANGE);
    ck_assert_int_eq(vkvm_dirty_mark(dirty, high, UINT64_MAX, 1), -ERANGE);
    expect_end();

    ck_assert_int_eq(vkvm_dirty_mark(dirty, low, 0, PAGE), 0);
    ck_assert_int_eq(vkvm_dirty_stop(dirty), 0);
    ck_assert_uint_eq(g_fake.last_region.flags, 0);
    expect_end();
}
END_TEST

START_TEST(slots_come_and_go)
{
    uint32_t third;
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_BITMAP, 0, VKVM_DIRTY_ALL_AT_START, &dirty),
                     0);
    struct vkvm_memory rom = VKVM_MEMORY_INIT;
    rom.gpa = 0x400000;
    rom.length = PAGE;
    rom.hva = g_pages;
    rom.flags = KVM_MEM_READONLY;
    ck_assert_int_eq(vkvm_vm_add_memory_slot(g_vm, &rom, &third), 0);
    ck_assert_int_eq(vkvm_dirty_start(dirty), 0);
    ck_assert_int_eq(vkvm_dirty_start(dirty), 0);                   /* again: nothing changes */
    ck_assert_int_eq(vkvm_dirty_mark(dirty, third, 0, 1), -ENOENT); /* a ROM */
    ck_assert_int_eq(vkvm_dirty_harvest(dirty), 0);
    ck_assert_uint_eq(vkvm_dirty_pending(dirty), 104 * PAGE);
    expect(low, 0, 64);
    ck_assert_int_eq(vkvm_vm_remove_memory(g_vm, high), 0); /* before its pages were taken */
    expect_end();
    /* another slot with the number of the old one begins anew */
    ck_assert_int_eq(
        vkvm_vm_add_memory(g_vm, 0x800000, 40 * PAGE, g_pages, KVM_MEM_LOG_DIRTY_PAGES, &third), 0);
    ck_assert_uint_eq(third, high);
    ck_assert_int_eq(vkvm_dirty_mark(dirty, low, PAGE, 1), 0);
    expect(low, 1, 1);
    expect(high, 0, 40);
    expect_end();
}
END_TEST

START_TEST(manual_clear)
{
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_MANUAL, 0, 0, &dirty), -EOPNOTSUPP);
    fake_set_cap(&g_fake, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 3);
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_MANUAL, 0, 0, &dirty), 0);
    ck_assert_uint_eq(g_fake.last_cap.args[0], 1);
    ck_assert_int_eq(vkvm_dirty_start(dirty), 0);
    g_fake.generic.dirty[0].bits[0] = 0x1001;
    g_fake.generic.dirty[1].bits[0] = 0x1;
    ck_assert_int_eq(vkvm_dirty_harvest(dirty), 0);
    ck_assert_uint_eq(g_fake.generic.dirty[0].bits[0], 0x1001); /* not protected yet */
    expect(low, 0, 1);
    ck_assert_uint_eq(g_fake.generic.dirty[0].bits[0], 0);
    ck_assert_uint_eq(g_fake.generic.dirty[1].bits[0], 1);
    expect(low, 12, 1);
    ck_assert_int_eq(g_fake.generic.clears, 1); /* a chunk at a time */
    fail_next(KVM_CLEAR_DIRTY_LOG, -EIO);
    struct vkvm_dirty_range range;
    ck_assert_int_eq(vkvm_dirty_next(dirty, &range), -EIO);
    expect(high, 0, 1); /* it stayed */
    expect_end();
    ck_assert_uint_eq(g_fake.generic.dirty[1].bits[0], 0);
    dirty = vkvm_dirty_free(dirty);
    ck_assert(!g_fake.generic.manual);
}
END_TEST

START_TEST(manual_clear_in_chunks)
{
    static uint8_t big[100000 * PAGE] __attribute__((aligned(4096))); /* never touched */
    uint32_t slot;
    struct vkvm_dirty_range range;
    struct fake_dirty *log = &g_fake.generic.dirty[2];
    fake_set_cap(&g_fake, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 3);
    ck_assert_int_eq(vkvm_vm_add_memory(g_vm, 1ull << 32, sizeof(big), big, 0, &slot), 0);
    log->slot = slot;
    log->pages = 100000;
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_MANUAL, 0, VKVM_DIRTY_ALL_AT_START, &dirty),
                     0);
    ck_assert_uint_eq(g_fake.last_cap.args[0], 3); /* all set by the kernel ... */
    ck_assert_int_eq(vkvm_dirty_start(dirty), 0);
    ck_assert_uint_eq(vkvm_dirty_pending(dirty), 0); /* ... not here */
    memset(log->bits, 0xff, 100000 / 8);
    ck_assert_int_eq(vkvm_dirty_harvest(dirty), 0);
    uint64_t pages = 0;
    int ranges = 0;
    while (vkvm_dirty_next(dirty, &range) == 1) {
        ck_assert_uint_eq(range.offset, pages * PAGE);
        pages += range.length / PAGE;
        ck_assert_int_eq(g_fake.generic.clears, ++ranges);
    }
    ck_assert_uint_eq(pages, 100000);
    ck_assert_int_eq(ranges, 4); /* of 32768 pages, the last shorter and not a multiple of 64 */
    /* a page written again after its chunk was cleared, and before the next harvest */
    log->bits[0] = 1;
    ck_assert_int_eq(vkvm_dirty_harvest(dirty), 0);
    ck_assert_int_eq(vkvm_dirty_next(dirty, &range), 1);
    ck_assert_uint_eq(range.length, PAGE);
    ck_assert_uint_eq(log->bits[0], 0);
}
END_TEST

static struct kvm_dirty_gfn *ring_of(struct vkvm_vcpu *vcpu)
{
    struct fake_handle *h = fake_handle(&g_fake, vkvm_vcpu_get_fd(vcpu));
    for (int i = 0; i < FAKE_MAX_MAPS; i++)
        if (h->maps[i].address && h->maps[i].offset == 64 * (off_t)PAGE)
            return h->maps[i].address;
    return NULL;
}

static void ring_put(struct kvm_dirty_gfn *gfn, uint32_t slot, uint64_t page)
{
    gfn->slot = slot;
    gfn->offset = page;
    gfn->flags = KVM_DIRTY_GFN_F_DIRTY;
}

START_TEST(ring)
{
    struct vkvm_vcpu *second;
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_RING, 0, 0, &dirty), -EOPNOTSUPP);
    fake_set_cap(&g_fake, KVM_CAP_DIRTY_LOG_RING, RING_BYTES);
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_RING, 3000, 0, &dirty), -EINVAL);
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_RING, 8192, 0, &dirty), -EINVAL);
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_RING, 512, 0, &dirty), -EINVAL);
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_RING, 1024, 0, &dirty), 0);
    ck_assert_uint_eq(g_fake.last_cap.cap, KVM_CAP_DIRTY_LOG_RING);
    ck_assert_uint_eq(g_fake.last_cap.args[0], 1024 * 16);
    struct vkvm_dirty *another = NULL;
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_BITMAP, 0, 0, &another), -EBUSY);
    ck_assert_int_eq(vkvm_vm_create_vcpu(g_vm, 0, &g_vcpu), 0);
    ck_assert_int_eq(vkvm_vm_create_vcpu(g_vm, 1, &second), 0);
    ck_assert_int_eq(vkvm_dirty_add_vcpu(dirty, g_vcpu), 0);
    ck_assert_int_eq(vkvm_dirty_add_vcpu(dirty, second), 0);
    ck_assert_int_eq(vkvm_dirty_start(dirty), 0);

    struct kvm_dirty_gfn *a = ring_of(g_vcpu), *b = ring_of(second);
    ring_put(&a[0], high, 7);
    ring_put(&a[1], low, 3);
    ring_put(&a[2], 1234, 3); /* no such slot */
    ring_put(&a[3], low, 64); /* outside */
    ring_put(&a[4], low, 1ull << 60);
    ring_put(&b[0], low, 4);
    ring_put(&b[2], low, 9); /* not its turn: the one before is not dirty */
    ck_assert_int_eq(vkvm_dirty_harvest(dirty), 0);
    ck_assert_int_eq(g_fake.generic.resets, 1);
    ck_assert_uint_eq(a[4].flags, KVM_DIRTY_GFN_F_RESET);
    expect(low, 3, 2);
    expect(high, 7, 1);
    expect_end();
    ck_assert_int_eq(vkvm_dirty_harvest(dirty), 0);
    ck_assert_int_eq(g_fake.generic.resets, 1); /* nothing to reset */

    /* a reset that fails is made up for, and what was found is kept */
    ring_put(&b[1], low, 8);
    fail_next(KVM_RESET_DIRTY_RINGS, -EIO);
    ck_assert_int_eq(vkvm_dirty_harvest(dirty), -EIO);
    ck_assert_int_eq(vkvm_dirty_harvest(dirty), 0);
    ck_assert_int_eq(g_fake.generic.resets, 2);
    expect(low, 8, 2);
    expect_end();

    /* all the way around, full by magic */
    for (int i = 0; i < 1024; i++)
        ring_put(&a[i], low, (uint64_t)i % 64);
    ck_assert_int_eq(vkvm_dirty_harvest(dirty), 0);
    expect(low, 0, 64);
    for (int i = 0; i < 1024; i++)
        ck_assert_uint_eq(a[i].flags, KVM_DIRTY_GFN_F_RESET);
    vkvm_vcpu_close(second); /* the ring's mapping is the tracker's */
    ck_assert_int_eq(vkvm_dirty_stop(dirty), 0);
    dirty = vkvm_dirty_free(dirty);
    /* rings never go away */
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_BITMAP, 0, 0, &dirty), -EBUSY);
}
END_TEST

START_TEST(ring_with_bitmap)
{
    fake_set_cap(&g_fake, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, RING_BYTES);
    fake_set_cap(&g_fake, KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP, 1);
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_BEST, 0, 0, &dirty), 0);
    ck_assert_uint_eq(vkvm_dirty_get_form(dirty), VKVM_DIRTY_RING);
    ck_assert_uint_eq(g_fake.last_cap.cap, KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP);
    ck_assert_int_eq(vkvm_vm_create_vcpu(g_vm, 0, &g_vcpu), 0);
    g_fake.fail_mmap = true;
    ck_assert_int_eq(vkvm_dirty_add_vcpu(dirty, g_vcpu), -ENOMEM);
    g_fake.fail_mmap = false;
    ck_assert_int_eq(vkvm_dirty_add_vcpu(dirty, g_vcpu), 0);
    ck_assert_int_eq(vkvm_dirty_start(dirty), 0);
    ring_put(&ring_of(g_vcpu)[0], low, 3);
    g_fake.generic.dirty[0].bits[0] = 4;
    ck_assert_int_eq(vkvm_dirty_harvest(dirty), 0);
    expect(low, 2, 2);
    expect_end();
    ring_put(&ring_of(g_vcpu)[1], low, 3); /* left in the ring when stopping */
    ck_assert_int_eq(vkvm_dirty_stop(dirty), 0);
    ck_assert_int_eq(vkvm_dirty_start(dirty), 0);
    ck_assert_int_eq(vkvm_dirty_harvest(dirty), 0);
    expect_end();
}
END_TEST

START_TEST(best_of_what_there_is)
{
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_BEST, 0, 0, &dirty), 0);
    ck_assert_uint_eq(vkvm_dirty_get_form(dirty), VKVM_DIRTY_BITMAP);
    dirty = vkvm_dirty_free(dirty);
    /* the ring comes too late: a vCPU is there */
    fake_set_cap(&g_fake, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, RING_BYTES);
    fake_set_cap(&g_fake, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, 1);
    g_fake.generic.refuse_cap = KVM_CAP_DIRTY_LOG_RING_ACQ_REL;
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_RING, 0, 0, &dirty), -EINVAL);
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_BEST, 0, VKVM_DIRTY_ALL_AT_START, &dirty), 0);
    ck_assert_uint_eq(vkvm_dirty_get_form(dirty), VKVM_DIRTY_MANUAL);
    ck_assert_uint_eq(g_fake.last_cap.args[0], 1); /* no INITIALLY_SET: done here */
    ck_assert_int_eq(vkvm_dirty_start(dirty), 0);
    ck_assert_uint_eq(vkvm_dirty_pending(dirty), 104 * PAGE);
    dirty = vkvm_dirty_free(dirty);
    /* a ring without the bitmap it needs is no ring, and nothing else either */
    g_fake.generic.refuse_cap = KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP;
    fake_set_cap(&g_fake, KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP, 1);
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_BEST, 0, 0, &dirty), -EINVAL);
}
END_TEST

START_TEST(mistakes)
{
    ck_assert_int_eq(vkvm_dirty_new(g_vm, 4, 0, 0, &dirty), -EINVAL);
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_BITMAP, 0, 2, &dirty), -EINVAL);
    ck_assert_ptr_null(vkvm_dirty_free(NULL));
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_BITMAP, 0, 0, &dirty), 0);
    fail_next(KVM_SET_USER_MEMORY_REGION, -ENOMEM);
    ck_assert_int_eq(vkvm_dirty_start(dirty), -ENOMEM);
    ck_assert_int_eq(vkvm_dirty_start(dirty), 0);
    fail_next(KVM_GET_DIRTY_LOG, -EIO);
    ck_assert_int_eq(vkvm_dirty_harvest(dirty), -EIO);
    fail_next(KVM_SET_USER_MEMORY_REGION, -ENOMEM);
    ck_assert_int_eq(vkvm_dirty_stop(dirty), -ENOMEM);
    uint64_t bits = 1;
    ck_assert_int_eq(vkvm_vm_clear_dirty_log(g_vm, low, 0, 64, &bits), -ENXIO);
    g_fake.generic.manual = true;
    ck_assert_int_eq(vkvm_vm_clear_dirty_log(g_vm, low, 1, 63, &bits), -EINVAL);
    ck_assert_int_eq(vkvm_vm_clear_dirty_log(g_vm, low, 0, 64, &bits), 0);
}
END_TEST

START_TEST(no_memory_for_new_slots)
{
    struct vkvm_dirty_range range;
    uint32_t slots[3];
    ck_assert_int_eq(vkvm_dirty_new(g_vm, VKVM_DIRTY_BITMAP, 0, 0, &dirty), 0);
    ck_assert_int_eq(vkvm_dirty_start(dirty), 0);
    ck_assert_int_eq(vkvm_dirty_mark(dirty, low, 0, 1), 0);
    for (uint64_t i = 0; i < 3; i++)
        ck_assert_int_eq(vkvm_vm_add_memory(g_vm, 0x1000000 * (i + 1), PAGE, g_pages,
                                            KVM_MEM_LOG_DIRTY_PAGES, &slots[i]),
                         0);
    /* the list, then a bitmap for each of the new ones: what was known stays */
    for (int nth = 1; nth <= 4; nth++) {
        fake_alloc_fail(nth);
        ck_assert_int_eq(vkvm_dirty_next(dirty, &range), -ENOMEM);
        fake_alloc_fail(nth);
        ck_assert_int_eq(vkvm_dirty_mark(dirty, slots[2], 0, 1), -ENOMEM);
    }
    fake_alloc_fail(0);
    ck_assert_int_eq(vkvm_dirty_mark(dirty, slots[2], 0, 1), 0);
    expect(low, 0, 1);
    ck_assert_int_eq(vkvm_dirty_next(dirty, &range), 1);
    ck_assert_uint_eq(range.slot, slots[2]);
    expect_end();
}
END_TEST

static void offer_ring(struct fake_kvm *fake)
{
    fake_set_cap(fake, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, RING_BYTES);
    fake_set_cap(fake, KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP, 1);
}

static int dirty_scenario(struct fake_kvm *fake)
{
    struct vkvm *kvm = NULL;
    struct vkvm_vm *vm = NULL;
    struct vkvm_vcpu *vcpu = NULL;
    struct vkvm_dirty *d = NULL;
    struct vkvm_dirty_range range;
    uint32_t slot;
    int r = vkvm_open_with(&fake->sys, NULL, &kvm);
    if (r >= 0)
        r = vkvm_create_vm(kvm, 0, &vm);
    if (r >= 0)
        r = vkvm_vm_add_memory(vm, 0, 64 * PAGE, g_pages, 0, &slot);
    if (r >= 0)
        r = vkvm_dirty_new(vm, VKVM_DIRTY_RING, 0, 0, &d);
    if (r >= 0)
        r = vkvm_vm_create_vcpu(vm, 0, &vcpu);
    if (r >= 0)
        r = vkvm_dirty_add_vcpu(d, vcpu);
    if (r >= 0)
        r = vkvm_dirty_start(d);
    if (r >= 0)
        r = vkvm_dirty_mark(d, slot, 0, 1);
    if (r >= 0)
        r = vkvm_dirty_harvest(d);
    if (r >= 0)
        r = vkvm_dirty_next(d, &range);
    if (r >= 0)
        r = vkvm_dirty_stop(d);
    vkvm_dirty_free(d);
    generic_close(kvm, vm, vcpu);
    return r;
}

START_TEST(every_failure_is_reported)
{
    int ignored;
    ck_assert_int_gt(fake_walk(dirty_scenario, offer_ring, -EIO, &ignored), 10);
    /* capabilities that cannot be asked for are as good as missing, or have a default */
    ck_assert_int_le(ignored, 3);
    ck_assert_int_gt(fake_walk_alloc(dirty_scenario, offer_ring), 5);
}
END_TEST

Suite *dirty_suite(void)
{
    Suite *s = suite_create("vkvm-dirty");
    TCase *t = tcase_create("dirty");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, bitmap);
    tcase_add_test(t, slots_come_and_go);
    tcase_add_test(t, manual_clear);
    tcase_add_test(t, manual_clear_in_chunks);
    tcase_add_test(t, ring);
    tcase_add_test(t, ring_with_bitmap);
    tcase_add_test(t, best_of_what_there_is);
    tcase_add_test(t, mistakes);
    tcase_add_test(t, no_memory_for_new_slots);
    suite_add_tcase(s, t);
    t = tcase_create("walk");
    tcase_add_test(t, every_failure_is_reported);
    suite_add_tcase(s, t);
    return s;
}
