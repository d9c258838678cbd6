/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The routing table and its editor; MSI with device ids; ioeventfds that make no sense.
 */
#include <vkvm/routing.h>

#include "test-generic.h"

static struct vkvm_routes *routes;

static void setup(void)
{
    generic_setup();
    fake_set_cap(&g_fake, KVM_CAP_IRQ_ROUTING, 32);
    ck_assert_int_eq(vkvm_routes_new(g_vm, 24, &routes), 0);
}

static void teardown(void)
{
    routes = vkvm_routes_free(routes);
    generic_teardown();
}

static const struct kvm_irq_routing *kernel_table(void)
{
    return fake_seen(&g_fake, vkvm_vm_get_fd(g_vm), KVM_SET_GSI_ROUTING, NULL);
}

START_TEST(tables)
{
    struct vkvm_routing *a, *b;
    size_t count;
    ck_assert_int_eq(vkvm_routing_new(&a), 0);
    ck_assert_int_eq(vkvm_routing_new(&b), 0);
    for (uint32_t i = 0; i < 50; i++)
        ck_assert_int_eq(vkvm_routing_add_msi(a, i % 10, 0x1fee00000ull, i), 0);
    const struct kvm_irq_routing_entry sint = { .gsi = 60,
                                                .type = KVM_IRQ_ROUTING_HV_SINT,
                                                .u.hv_sint = { .vcpu = 2, .sint = 3 } };
    ck_assert_int_eq(vkvm_routing_add(a, &sint), 0);
    ck_assert_int_eq(vkvm_routing_copy(b, a), 0);
    ck_assert_int_eq(vkvm_routing_remove(a, 3), 5);
    ck_assert_int_eq(vkvm_routing_remove(a, 3), 0);
    ck_assert_uint_eq(vkvm_routing_count(a), 46);
    const struct kvm_irq_routing_entry *entries = vkvm_routing_entries(b, &count);
    ck_assert_uint_eq(count, 51);
    ck_assert_uint_eq(entries[13].u.msi.address_hi, 1);
    ck_assert_uint_eq(entries[13].u.msi.data, 13);
    ck_assert_uint_eq(entries[50].u.hv_sint.sint, 3);
    entries = vkvm_routing_entries(a, &count);
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_ne(entries[i].gsi, 3);
    /* copying needs memory, and changes nothing without */
    vkvm_routing_free(a);
    ck_assert_int_eq(vkvm_routing_new(&a), 0);
    fake_alloc_fail(1);
    ck_assert_int_eq(vkvm_routing_copy(a, b), -ENOMEM);
    fake_alloc_fail(0);
    ck_assert_uint_eq(vkvm_routing_count(a), 0);
    vkvm_routing_free(a);
    vkvm_routing_free(b);
}
END_TEST

START_TEST(edits_show_when_committed)
{
    uint32_t gsi, other;
    ck_assert_int_eq(vkvm_routes_alloc(routes, &gsi), 0);
    ck_assert_uint_eq(gsi, 24);
    ck_assert_int_eq(vkvm_routes_alloc(routes, &other), 0);
    ck_assert_uint_eq(other, 25);
    ck_assert_int_eq(vkvm_routes_set_irqchip(routes, 4, KVM_IRQCHIP_IOAPIC, 4), 0);
    ck_assert_int_eq(vkvm_routes_set_irqchip(routes, 4, KVM_IRQCHIP_PIC_MASTER, 4), 0);
    ck_assert_int_eq(vkvm_routes_set_msi(routes, gsi, 0xfee00000, 0x41), 0);
    ck_assert_ptr_null(kernel_table());
    ck_assert_int_eq(vkvm_routes_commit(routes), 0);
    ck_assert_uint_eq(kernel_table()->nr, 3);
    ck_assert_int_eq(vkvm_routes_set_msi_from(routes, gsi, 0xfee00000, 0x42, 9), 0);
    ck_assert_int_eq(vkvm_routes_set_msi(routes, other, 0xfee00000, 0x43), 0);
    ck_assert_int_eq(vkvm_routes_commit(routes), 0);
    const struct kvm_irq_routing *table = kernel_table();
    ck_assert_uint_eq(table->nr, 4); /* replaced, not added to */
    ck_assert_uint_eq(table->entries[2].u.msi.data, 0x42);
    ck_assert_uint_eq(table->entries[2].u.msi.devid, 9);
    ck_assert_uint_eq(table->entries[2].flags, KVM_MSI_VALID_DEVID);
    int calls = g_fake.calls;
    ck_assert_int_eq(vkvm_routes_commit(routes), 0); /* nothing new */
    ck_assert_int_eq(g_fake.calls, calls);
    vkvm_routes_unset(routes, gsi); /* masked: no entry, same number */
    vkvm_routes_unset(routes, gsi);
    ck_assert_uint_eq(vkvm_routes_count(routes), 3);
    ck_assert_int_eq(vkvm_routes_release(routes, other), 0);
    ck_assert_int_eq(vkvm_routes_release(routes, other), -ENOENT);
    ck_assert_int_eq(vkvm_routes_release(routes, 1000), -ENOENT);
    ck_assert_int_eq(vkvm_routes_commit(routes), 0);
    ck_assert_uint_eq(kernel_table()->nr, 2);
    ck_assert_int_eq(vkvm_routes_alloc(routes, &other), 0);
    ck_assert_uint_eq(other, 25);
    const struct kvm_irq_routing_entry sint = { .gsi = 26,
                                                .type = KVM_IRQ_ROUTING_HV_SINT,
                                                .u.hv_sint = { .vcpu = 2, .sint = 3 } };
    ck_assert_int_eq(vkvm_routes_set(routes, &sint), 0);
    ck_assert_uint_eq(vkvm_routes_count(routes), 3);
}
END_TEST

START_TEST(refused_and_rolled_back)
{
    uint32_t gsi;
    ck_assert_int_eq(vkvm_routes_set_irqchip(routes, 4, KVM_IRQCHIP_IOAPIC, 4), 0);
    vkvm_routes_rollback(routes); /* to nothing */
    ck_assert_uint_eq(vkvm_routes_count(routes), 0);
    ck_assert_int_eq(vkvm_routes_commit(routes), 0);
    ck_assert_uint_eq(kernel_table()->nr, 0); /* an empty table instead of the kernel's own */
    ck_assert_int_eq(vkvm_routes_set_irqchip(routes, 4, KVM_IRQCHIP_IOAPIC, 4), 0);
    ck_assert_int_eq(vkvm_routes_commit(routes), 0);
    ck_assert_int_eq(vkvm_routes_alloc(routes, &gsi), 0);
    ck_assert_int_eq(vkvm_routes_set_irqchip(routes, gsi, KVM_IRQCHIP_IOAPIC, 99), 0);
    fail_next(KVM_SET_GSI_ROUTING, -EINVAL);
    ck_assert_int_eq(vkvm_routes_commit(routes), -EINVAL);
    ck_assert_uint_eq(vkvm_routes_count(routes), 2); /* to be corrected */
    ck_assert_uint_eq(kernel_table()->nr, 1);
    vkvm_routes_rollback(routes);
    ck_assert_uint_eq(vkvm_routes_count(routes), 1);
    ck_assert_int_eq(vkvm_routes_alloc(routes, &gsi), 0);
    ck_assert_uint_eq(gsi, 24);                      /* numbers too */
    ck_assert_int_eq(vkvm_routes_commit(routes), 0); /* only a number: kept, nothing to tell */
    vkvm_routes_rollback(routes);
    ck_assert_int_eq(vkvm_routes_alloc(routes, &gsi), 0);
    ck_assert_uint_eq(gsi, 25);
    /* no memory for the copy: the kernel is not asked */
    ck_assert_int_eq(vkvm_routes_set_msi(routes, gsi, 0xfee00000, 0x43), 0);
    for (int nth = 1; nth <= 3; nth++) {
        fake_alloc_fail(nth);
        ck_assert_int_eq(vkvm_routes_commit(routes), -ENOMEM);
        fake_alloc_fail(0);
        ck_assert_uint_eq(kernel_table()->nr, 1);
    }
    ck_assert_int_eq(vkvm_routes_commit(routes), 0);
    ck_assert_uint_eq(kernel_table()->nr, 2);
}
END_TEST

START_TEST(limits)
{
    uint32_t gsi;
    for (uint32_t i = 24; i < 32; i++)
        ck_assert_int_eq(vkvm_routes_alloc(routes, &gsi), 0);
    ck_assert_int_eq(vkvm_routes_alloc(routes, &gsi), -ENOSPC);
    ck_assert_int_eq(vkvm_routes_set_msi(routes, 32, 0, 0), -EINVAL);
    /* a table that does not grow keeps the entry it has */
    for (uint32_t i = 0; i < 24; i++)
        ck_assert_int_eq(vkvm_routes_set_msi(routes, i, 0, 0), 0);
    fake_alloc_fail(1);
    ck_assert_int_eq(vkvm_routes_set_msi(routes, 23, 0, 1), -ENOMEM);
    fake_alloc_fail(0);
    ck_assert_uint_eq(vkvm_routes_count(routes), 24);

    struct vkvm_routes *other = NULL;
    ck_assert_int_eq(vkvm_routes_new(g_vm, 33, &other), -EINVAL);
    for (int nth = 1; nth <= 7; nth++) {
        fake_alloc_fail(nth);
        ck_assert_int_eq(vkvm_routes_new(g_vm, 24, &other), -ENOMEM);
        fake_alloc_fail(0);
    }
    fake_set_cap(&g_fake, KVM_CAP_IRQ_ROUTING, 1 << 30); /* more than anybody has */
    ck_assert_int_eq(vkvm_routes_new(g_vm, 24, &other), 0);
    vkvm_routes_free(other);
    fake_set_cap(&g_fake, KVM_CAP_IRQ_ROUTING, 0);
    ck_assert_int_eq(vkvm_routes_new(g_vm, 24, &other), -EOPNOTSUPP);
    ck_assert_ptr_null(vkvm_routes_free(NULL));
}
END_TEST

START_TEST(messages_with_device_ids)
{
    ck_assert_int_eq(vkvm_vm_signal_msi_from(g_vm, 0x8080000, 5, 0x100), -EOPNOTSUPP);
    fake_set_cap(&g_fake, KVM_CAP_MSI_DEVID, 1);
    ck_assert_int_eq(vkvm_vm_signal_msi_from(g_vm, 0x108080000ull, 5, 0x100), 1);
    ck_assert_uint_eq(g_fake.last_msi.address_hi, 1);
    ck_assert_uint_eq(g_fake.last_msi.devid, 0x100);
    ck_assert_uint_eq(g_fake.last_msi.flags, KVM_MSI_VALID_DEVID);
}
END_TEST

START_TEST(ioeventfds)
{
    struct vkvm_ioeventfd io = { .address = 0x1000 };
    for (uint32_t length = 0; length < 70; length++) {
        io.length = length;
        bool fine = length == 0 || length == 1 || length == 2 || length == 4 || length == 8;
        ck_assert_int_eq(vkvm_vm_add_ioeventfd(g_vm, &io, 3), fine ? 0 : -EINVAL);
    }
    io.length = 0; /* any length, any value */
    ck_assert_int_eq(vkvm_vm_add_ioeventfd(g_vm, &io, 3), 0);
    ck_assert_uint_eq(g_fake.last_ioeventfd.len, 0);
    io.match = 1;
    ck_assert_int_eq(vkvm_vm_add_ioeventfd(g_vm, &io, 3), -EINVAL);
    struct vkvm_error error = VKVM_ERROR_INIT;
    ck_assert_int_eq(vkvm_vm_last_error(g_vm, &error), 0);
    ck_assert_str_eq(error.name, "KVM_IOEVENTFD");
    ck_assert_ptr_nonnull(error.hint);
}
END_TEST

Suite *routes_suite(void)
{
    Suite *s = suite_create("vkvm-routes");
    TCase *t = tcase_create("routes");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, tables);
    tcase_add_test(t, edits_show_when_committed);
    tcase_add_test(t, refused_and_rolled_back);
    tcase_add_test(t, limits);
    tcase_add_test(t, messages_with_device_ids);
    tcase_add_test(t, ioeventfds);
    suite_add_tcase(s, t);
    return s;
}
