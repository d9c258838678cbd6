/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory slots: guest_memfd, address spaces, holes, lists, attributes, faulting in.
 */
#include <vkvm/memory.h>

#include "test-generic.h"

static struct vkvm_memory slot_at(uint64_t gpa, uint64_t pages)
{
    struct vkvm_memory m = VKVM_MEMORY_INIT;
    m.gpa = gpa;
    m.length = pages * PAGE;
    m.hva = g_pages;
    return m;
}

START_TEST(a_slot_with_guest_memfd)
{
    uint32_t slot = 99;
    size_t size;
    struct vkvm_memory m = slot_at(0x100000, 4);
    m.flags = KVM_MEM_GUEST_MEMFD;
    m.guest_memfd_offset = 8 * PAGE;
    ck_assert_int_eq(vkvm_vm_add_memory_slot(g_vm, &m, &slot), -EOPNOTSUPP);
    fake_set_cap(&g_fake, KVM_CAP_USER_MEMORY2, 1);
    ck_assert_int_eq(vkvm_vm_add_memory_slot(g_vm, &m, &slot), -EINVAL); /* no descriptor */
    m.guest_memfd = 7;
    m.guest_memfd_offset++;
    ck_assert_int_eq(vkvm_vm_add_memory_slot(g_vm, &m, &slot), -EINVAL);
    m.guest_memfd_offset--;
    ck_assert_int_eq(vkvm_vm_add_memory_slot(g_vm, &m, &slot), 0);
    ck_assert_uint_eq(slot, 0);
    const struct kvm_userspace_memory_region2 *seen =
        fake_seen(&g_fake, vkvm_vm_get_fd(g_vm), KVM_SET_USER_MEMORY_REGION2, &size);
    ck_assert_uint_eq(size, sizeof(*seen));
    ck_assert_uint_eq(seen->guest_memfd, 7);
    ck_assert_uint_eq(seen->guest_memfd_offset, 8 * PAGE);
    ck_assert_uint_eq(seen->flags, KVM_MEM_GUEST_MEMFD);
    /* its flags keep the descriptor */
    ck_assert_int_eq(vkvm_vm_set_memory_flags(g_vm, slot, KVM_MEM_READONLY), 0);
    seen = fake_seen(&g_fake, vkvm_vm_get_fd(g_vm), KVM_SET_USER_MEMORY_REGION2, &size);
    ck_assert_uint_eq(seen->flags, KVM_MEM_GUEST_MEMFD | KVM_MEM_READONLY);
    ck_assert_int_eq(vkvm_vm_remove_memory(g_vm, slot), 0);
    ck_assert_uint_eq(g_fake.last_region.memory_size, 0);
    m.size--;
    ck_assert_int_eq(vkvm_vm_add_memory_slot(g_vm, &m, &slot), -EINVAL);
}
END_TEST

START_TEST(address_spaces_do_not_overlap)
{
    uint32_t a, b, c;
    struct vkvm_memory m = slot_at(0x100000, 4);
    ck_assert_int_eq(vkvm_vm_add_memory_slot(g_vm, &m, &a), 0);
    m.space = 1;
    ck_assert_int_eq(vkvm_vm_add_memory_slot(g_vm, &m, &b), 0);
    ck_assert_uint_eq(a, 0);
    ck_assert_uint_eq(b, 0x10000);
    ck_assert_int_eq(vkvm_vm_add_memory_slot(g_vm, &m, &c), -EEXIST);
    m.gpa = 0;
    m.hva = g_pages + 4 * PAGE;
    ck_assert_int_eq(vkvm_vm_add_memory_slot(g_vm, &m, &c), 0);
    ck_assert_uint_eq(c, 0x10001);
    m.space = 2;
    ck_assert_int_eq(vkvm_vm_add_memory_slot(g_vm, &m, &c), -EINVAL);
    /* translation is of space 0, lookup of either */
    ck_assert_ptr_null(vkvm_vm_translate(g_vm, 0, 1));
    struct vkvm_memory found = VKVM_MEMORY_INIT;
    ck_assert_int_eq(vkvm_vm_lookup_memory(g_vm, 1, 0x10, &found), 0);
    ck_assert_uint_eq(found.slot, 0x10001);
    ck_assert_uint_eq(found.space, 1);
    ck_assert_int_eq(vkvm_vm_lookup_memory(g_vm, 0, 0x10, &found), -ENOENT);
    ck_assert_int_eq(vkvm_vm_lookup_memory(g_vm, 1, 0x900000, &found), -ENOENT);
    found.size = 4;
    ck_assert_int_eq(vkvm_vm_lookup_memory(g_vm, 0, 0x100000, &found), -EINVAL);
    uint64_t gpa = 0;
    ck_assert_int_eq(vkvm_vm_translate_hva(g_vm, g_pages + PAGE + 5, 10, &gpa), 0);
    ck_assert_uint_eq(gpa, 0x101005);
    ck_assert_int_eq(vkvm_vm_translate_hva(g_vm, g_pages + 4 * PAGE - 1, 2, &gpa), -ENOENT);
    ck_assert_int_eq(vkvm_vm_translate_hva(g_vm, g_pages + 4 * PAGE, 2, &gpa), -ENOENT);
    ck_assert_int_eq(vkvm_vm_translate_hva(g_vm, g_pages, 0, &gpa), -ENOENT);
}
END_TEST

START_TEST(listing_and_generation)
{
    uint32_t slot;
    struct vkvm_memory list[4];
    uint64_t before = vkvm_vm_get_memory_generation(g_vm);
    struct vkvm_memory m = slot_at(0x200000, 2);
    ck_assert_int_eq(vkvm_vm_add_memory_slot(g_vm, &m, &slot), 0);
    ck_assert_uint_ne(vkvm_vm_get_memory_generation(g_vm), before);
    before = vkvm_vm_get_memory_generation(g_vm);
    m.gpa = 0x100000;
    ck_assert_int_eq(vkvm_vm_add_memory_slot(g_vm, &m, &slot), 0); /* an alias */
    ck_assert_uint_eq(vkvm_vm_list_memory(g_vm, NULL, 0), 2);
    ck_assert_uint_eq(vkvm_vm_list_memory(g_vm, list, 1), 2);
    ck_assert_uint_eq(vkvm_vm_list_memory(g_vm, list, 4), 2);
    ck_assert_uint_eq(list[0].gpa, 0x100000);
    ck_assert_uint_eq(list[0].slot, 1);
    ck_assert_uint_eq(list[1].slot, 0);
    ck_assert_ptr_eq(list[0].hva, list[1].hva);
    uint64_t gpa = 0; /* of aliases the lowest */
    ck_assert_int_eq(vkvm_vm_translate_hva(g_vm, g_pages, 1, &gpa), 0);
    ck_assert_uint_eq(gpa, 0x100000);
    before = vkvm_vm_get_memory_generation(g_vm);
    ck_assert_int_eq(vkvm_vm_log_dirty(g_vm, 0, true), 0);
    ck_assert_uint_eq(g_fake.last_region.flags, KVM_MEM_LOG_DIRTY_PAGES);
    ck_assert_uint_ne(vkvm_vm_get_memory_generation(g_vm), before);
    before = vkvm_vm_get_memory_generation(g_vm);
    ck_assert_int_eq(vkvm_vm_log_dirty(g_vm, 0, true), 0);
    ck_assert_uint_eq(vkvm_vm_get_memory_generation(g_vm), before); /* nothing changed */
    fail_next(KVM_SET_USER_MEMORY_REGION, -ENOMEM);
    ck_assert_int_eq(vkvm_vm_log_dirty(g_vm, 0, false), -ENOMEM);
    ck_assert_int_eq(vkvm_vm_log_dirty(g_vm, 0, false), 0);
    ck_assert_uint_eq(g_fake.last_region.flags, 0);
    ck_assert_int_eq(vkvm_vm_log_dirty(g_vm, 77, false), -ENOENT);
}
END_TEST

START_TEST(adding_around_holes)
{
    uint32_t slots[8];
    struct vkvm_memory list[8], m = slot_at(0x100000, 16);
    const struct vkvm_range holes[] = {
        { 0x108000, 2 * PAGE }, /* in the middle */
        { 0x0ff000, 2 * PAGE }, /* begins before */
        { 0x109000, PAGE },     /* inside another */
        { 0x10f000, 4 * PAGE }, /* reaches beyond */
        { 0x800000, PAGE },     /* elsewhere */
    };
    ck_assert_int_eq(vkvm_vm_add_memory_around(g_vm, &m, holes, 5, slots, 8), 2);
    ck_assert_uint_eq(vkvm_vm_list_memory(g_vm, list, 8), 2);
    ck_assert_uint_eq(list[0].gpa, 0x101000);
    ck_assert_uint_eq(list[0].length, 7 * PAGE);
    ck_assert_ptr_eq(list[0].hva, g_pages + PAGE);
    ck_assert_uint_eq(list[1].gpa, 0x10a000);
    ck_assert_uint_eq(list[1].length, 5 * PAGE);
    ck_assert_ptr_eq(list[1].hva, g_pages + 10 * PAGE);
    ck_assert_uint_eq(slots[1], list[1].slot);

    /* no holes; all hole; too many pieces; bad holes */
    m.gpa = 0x400000;
    ck_assert_int_eq(vkvm_vm_add_memory_around(g_vm, &m, NULL, 0, slots, 8), 1);
    m.gpa = 0x500000;
    const struct vkvm_range all = { 0x500000, 16 * PAGE };
    ck_assert_int_eq(vkvm_vm_add_memory_around(g_vm, &m, &all, 1, slots, 8), 0);
    const struct vkvm_range middle = { 0x504000, PAGE };
    ck_assert_int_eq(vkvm_vm_add_memory_around(g_vm, &m, &middle, 1, slots, 1), -E2BIG);
    ck_assert_int_eq(vkvm_vm_add_memory_around(g_vm, &m, &middle, 1, slots, 0), -E2BIG);
    const struct vkvm_range crooked = { 0x504001, PAGE };
    ck_assert_int_eq(vkvm_vm_add_memory_around(g_vm, &m, &crooked, 1, slots, 8), -EINVAL);
    m.length = 0;
    ck_assert_int_eq(vkvm_vm_add_memory_around(g_vm, &m, &middle, 1, slots, 8), -EINVAL);
    m.size = 0;
    ck_assert_int_eq(vkvm_vm_add_memory_around(g_vm, &m, &middle, 1, slots, 8), -EINVAL);

    /* the second piece fails: the first goes again */
    m = slot_at(0x500000, 16);
    fake_inject(&g_fake, KVM_SET_USER_MEMORY_REGION, 2, -ENOMEM);
    ck_assert_int_eq(vkvm_vm_add_memory_around(g_vm, &m, &middle, 1, slots, 8), -ENOMEM);
    ck_assert_uint_eq(vkvm_vm_list_memory(g_vm, list, 8), 3);
    ck_assert_int_eq(vkvm_vm_add_memory_around(g_vm, &m, &middle, 1, slots, 8), 2);
    /* up to the very top of the address space */
    m = slot_at(UINT64_MAX - 4 * PAGE + 1, 4);
    const struct vkvm_range top = { UINT64_MAX - 2 * PAGE + 1, PAGE };
    ck_assert_int_eq(vkvm_vm_add_memory_around(g_vm, &m, &top, 1, slots, 8), 2);
    ck_assert_ptr_eq(vkvm_vm_translate(g_vm, UINT64_MAX, 1), g_pages + 4 * PAGE - 1);
    m.flags = KVM_MEM_GUEST_MEMFD;
    ck_assert_int_eq(vkvm_vm_add_memory_around(g_vm, &m, &top, 1, slots, 8), -EOPNOTSUPP);
}
END_TEST

START_TEST(punching_holes)
{
    uint32_t slot, other, behind = 1;
    struct vkvm_memory list[8], m = slot_at(0x100000, 16);
    ck_assert_int_eq(vkvm_vm_add_memory_slot(g_vm, &m, &slot), 0);
    m.gpa = 0x200000;
    ck_assert_int_eq(vkvm_vm_add_memory_slot(g_vm, &m, &other), 0);
    /* the number stays in front, even when it is not the lowest free one */
    ck_assert_int_eq(vkvm_vm_remove_memory(g_vm, slot), 0);
    ck_assert_int_eq(vkvm_vm_punch_memory(g_vm, other, 0x204000, 2 * PAGE, &behind), 0);
    ck_assert_uint_eq(behind, 0);
    ck_assert_uint_eq(vkvm_vm_list_memory(g_vm, list, 8), 2);
    ck_assert_uint_eq(list[0].slot, other);
    ck_assert_uint_eq(list[0].length, 4 * PAGE);
    ck_assert_uint_eq(list[1].gpa, 0x206000);
    ck_assert_uint_eq(list[1].length, 10 * PAGE);
    ck_assert_ptr_eq(list[1].hva, g_pages + 6 * PAGE);
    /* at the end, at the front, all */
    ck_assert_int_eq(vkvm_vm_punch_memory(g_vm, other, 0x203000, PAGE, &behind), 0);
    ck_assert_uint_eq(behind, UINT32_MAX);
    ck_assert_int_eq(vkvm_vm_punch_memory(g_vm, other, 0x200000, PAGE, &behind), 0);
    ck_assert_uint_eq(behind, UINT32_MAX);
    ck_assert_ptr_null(vkvm_vm_translate(g_vm, 0x200000, 1));
    ck_assert_ptr_eq(vkvm_vm_translate(g_vm, 0x201000, 1), g_pages + PAGE);
    /* mistakes */
    ck_assert_int_eq(vkvm_vm_punch_memory(g_vm, 50, 0x201000, PAGE, &behind), -ENOENT);
    ck_assert_int_eq(vkvm_vm_punch_memory(g_vm, other, 0x201000, 0, &behind), -EINVAL);
    ck_assert_int_eq(vkvm_vm_punch_memory(g_vm, other, 0x201001, PAGE, &behind), -EINVAL);
    ck_assert_int_eq(vkvm_vm_punch_memory(g_vm, other, 0x201000, 9 * PAGE, &behind), -EINVAL);
    ck_assert_int_eq(vkvm_vm_punch_memory(g_vm, other, 0x200000, PAGE, &behind), -EINVAL);
    ck_assert_int_eq(vkvm_vm_punch_memory(g_vm, other, 0x900000, PAGE, &behind), -EINVAL);
    /* failures on the way put it back: removal, first piece, second piece */
    for (int nth = 1; nth <= 3; nth++) {
        struct vkvm_memory now[8];
        size_t count = vkvm_vm_list_memory(g_vm, list, 8);
        fake_inject(&g_fake, KVM_SET_USER_MEMORY_REGION, nth, -ENOMEM);
        ck_assert_int_eq(vkvm_vm_punch_memory(g_vm, 0, 0x208000, PAGE, &behind), -ENOMEM);
        ck_assert_uint_eq(vkvm_vm_list_memory(g_vm, now, 8), count);
        ck_assert_uint_eq(now[1].gpa, list[1].gpa);
        ck_assert_uint_eq(now[1].length, list[1].length);
        ck_assert_uint_eq(now[1].slot, list[1].slot);
    }
    ck_assert_int_eq(vkvm_vm_punch_memory(g_vm, other, 0x201000, 2 * PAGE, &behind), 0);
    ck_assert_uint_eq(vkvm_vm_list_memory(g_vm, list, 8), 1);
}
END_TEST

START_TEST(punching_with_no_slot_left)
{
    uint32_t slot, behind;
    for (uint64_t i = 0; i < 16; i++) {
        struct vkvm_memory m = slot_at(0x100000 + i * 0x100000, 16);
        ck_assert_int_eq(vkvm_vm_add_memory_slot(g_vm, &m, &slot), 0);
    }
    ck_assert_int_eq(vkvm_vm_punch_memory(g_vm, 3, 0x404000, PAGE, &behind), -ENOSPC);
    ck_assert_ptr_eq(vkvm_vm_translate(g_vm, 0x404000, PAGE), g_pages + 4 * PAGE);
    ck_assert_int_eq(vkvm_vm_punch_memory(g_vm, 3, 0x40f000, PAGE, &behind), 0);
}
END_TEST

START_TEST(private_memory)
{
    ck_assert_int_eq(vkvm_vm_create_guest_memfd(g_vm, 16 * PAGE, 0), -EOPNOTSUPP);
    fake_set_cap(&g_fake, KVM_CAP_GUEST_MEMFD, 1);
    int fd = vkvm_vm_create_guest_memfd(g_vm, 16 * PAGE, GUEST_MEMFD_FLAG_MMAP);
    ck_assert_int_ge(fd, 0);
    const struct kvm_create_guest_memfd *create =
        fake_seen(&g_fake, vkvm_vm_get_fd(g_vm), KVM_CREATE_GUEST_MEMFD, NULL);
    ck_assert_uint_eq(create->size, 16 * PAGE);
    ck_assert_uint_eq(create->flags, 1);
    g_fake.sys.close(g_fake.sys.data, fd);

    ck_assert_int_eq(vkvm_vm_set_memory_attributes(g_vm, 0x1000, PAGE, 8), -EOPNOTSUPP);
    fake_set_cap(&g_fake, KVM_CAP_MEMORY_ATTRIBUTES, 8);
    ck_assert_int_eq(
        vkvm_vm_set_memory_attributes(g_vm, 0x1000, PAGE, KVM_MEMORY_ATTRIBUTE_PRIVATE), 0);
    const struct kvm_memory_attributes *set =
        fake_seen(&g_fake, vkvm_vm_get_fd(g_vm), KVM_SET_MEMORY_ATTRIBUTES, NULL);
    ck_assert_uint_eq(set->address, 0x1000);
    ck_assert_uint_eq(set->size, PAGE);
    ck_assert_uint_eq(set->attributes, 8);
}
END_TEST

START_TEST(faulting_in)
{
    uint64_t done = 5;
    g_fake.generic.pre_fault_step = 3 * PAGE;
    g_fake.generic.pre_fault_end = UINT64_MAX;
    ck_assert_int_eq(vkvm_vcpu_pre_fault(g_vcpu, 0, 8 * PAGE, &done), 0);
    ck_assert_uint_eq(done, 8 * PAGE);
    g_fake.generic.pre_fault_end = 6 * PAGE;
    ck_assert_int_eq(vkvm_vcpu_pre_fault(g_vcpu, 0, 8 * PAGE, &done), -ENOENT);
    ck_assert_uint_eq(done, 6 * PAGE);
    fail_next(KVM_PRE_FAULT_MEMORY, -EINTR);
    ck_assert_int_eq(vkvm_vcpu_pre_fault(g_vcpu, 0, 8 * PAGE, &done), -EINTR);
    ck_assert_uint_eq(done, 0);
    g_fake.generic.pre_fault_step = 0; /* a kernel that does nothing would be asked for ever */
    ck_assert_int_eq(vkvm_vcpu_pre_fault(g_vcpu, 0, 8 * PAGE, NULL), -EIO);
}
END_TEST

static void fill_memory_fault(struct kvm_run *run)
{
    const uint64_t fault[3] = { KVM_MEMORY_EXIT_FLAG_PRIVATE, 0x5000, PAGE };
    run->exit_reason = KVM_EXIT_MEMORY_FAULT;
    memcpy(&run->hw, fault, sizeof(fault));
}

static void fill_nothing(struct kvm_run *run)
{
    run->exit_reason = KVM_EXIT_UNKNOWN;
}

START_TEST(a_memory_fault_is_an_exit)
{
    struct vkvm_exit exit;
    g_fake.script[0] = (struct fake_exit){ -EFAULT, fill_memory_fault };
    g_fake.script[1] = (struct fake_exit){ -EHWPOISON, fill_memory_fault };
    g_fake.script[2] = (struct fake_exit){ -EFAULT, fill_nothing };
    g_fake.script_len = 3;
    for (int i = 0; i < 2; i++) {
        memset(&exit, 0, sizeof(exit));
        ck_assert_int_eq(vkvm_vcpu_run(g_vcpu, &exit), 0);
        ck_assert_uint_eq(exit.kind, VKVM_EXIT_MEMORY_FAULT);
        ck_assert_uint_eq(exit.memory_fault.gpa, 0x5000);
    }
    ck_assert_int_eq(vkvm_vcpu_run(g_vcpu, &exit), -EFAULT);
}
END_TEST

static int memory_scenario(struct fake_kvm *fake)
{
    struct vkvm *kvm = NULL;
    struct vkvm_vm *vm = NULL;
    struct vkvm_vcpu *vcpu = NULL;
    uint32_t slots[4], behind;
    const struct vkvm_range hole = { 0x104000, PAGE };
    int r = generic_open(fake, &kvm, &vm, &vcpu);
    if (r >= 0) {
        struct vkvm_memory m = slot_at(0x100000, 16);
        r = vkvm_vm_add_memory_around(vm, &m, &hole, 1, slots, 4);
    }
    if (r >= 0)
        r = vkvm_vm_punch_memory(vm, slots[1], 0x108000, PAGE, &behind);
    if (r >= 0)
        r = vkvm_vm_remove_memory(vm, behind);
    generic_close(kvm, vm, vcpu);
    return r;
}

START_TEST(every_failure_is_reported)
{
    int ignored;
    ck_assert_int_gt(fake_walk(memory_scenario, NULL, -EIO, &ignored), 8);
    ck_assert_int_eq(ignored, 1); /* KVM_CAP_NR_MEMSLOTS has a default */
    ck_assert_int_gt(fake_walk_alloc(memory_scenario, NULL), 5);
}
END_TEST

Suite *memory_suite(void)
{
    Suite *s = suite_create("vkvm-memory");
    TCase *t = tcase_create("memory");
    tcase_add_checked_fixture(t, generic_setup, generic_teardown);
    tcase_add_test(t, a_slot_with_guest_memfd);
    tcase_add_test(t, address_spaces_do_not_overlap);
    tcase_add_test(t, listing_and_generation);
    tcase_add_test(t, adding_around_holes);
    tcase_add_test(t, punching_holes);
    tcase_add_test(t, punching_with_no_slot_left);
    tcase_add_test(t, private_memory);
    tcase_add_test(t, faulting_in);
    tcase_add_test(t, a_memory_fault_is_an_exit);
    suite_add_tcase(s, t);
    t = tcase_create("walk");
    tcase_add_test(t, every_failure_is_reported);
    suite_add_tcase(s, t);
    return s;
}
