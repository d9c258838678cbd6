/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * I/O APIC: registers, edge and level delivery, EOI, masks, routes.
 */
#include "devices/devices.h"
#include "devices/ioapic/ioapic.h"
#include "mock.h"
#include "suite.h"

#define BASE VEMU_IOAPIC_ADDRESS

static uint32_t reg_read(struct vemu_vm *vm, unsigned index)
{
    mock_write(vm, BASE, 4, index);
    return (uint32_t)mock_read(vm, BASE + 0x10, 4);
}

static void reg_write(struct vemu_vm *vm, unsigned index, uint32_t value)
{
    mock_write(vm, BASE, 4, index);
    mock_write(vm, BASE + 0x10, 4, value);
}

static void entry_write(struct vemu_vm *vm, unsigned pin, uint64_t entry)
{
    reg_write(vm, 0x10 + 2 * pin, 0x10000); /* masked first, as drivers do */
    reg_write(vm, 0x11 + 2 * pin, (uint32_t)(entry >> 32));
    reg_write(vm, 0x10 + 2 * pin, (uint32_t)entry);
}

START_TEST(test_registers)
{
    struct vemu_vm *vm = mock_new();

    mock_add(vm, &vemu__device_ioapic, NULL);
    ck_assert_uint_eq(reg_read(vm, 1), 0x00170020);
    reg_write(vm, 0, 0x0f000000);
    ck_assert_uint_eq(reg_read(vm, 0), 0x0f000000);
    ck_assert_uint_eq(reg_read(vm, 2), 0x0f000000);
    for (unsigned pin = 0; pin < 24; pin++) {
        ck_assert_uint_eq(reg_read(vm, 0x10 + 2 * pin), 0x10000);
    }
    reg_write(vm, 0x10, 0xffffffff);
    ck_assert_uint_eq(reg_read(vm, 0x10), 0x1afff); /* status and remote IRR are read-only */
    reg_write(vm, 0x11, 0xffffffff);
    ck_assert_uint_eq(reg_read(vm, 0x11), 0xff000000);
    reg_write(vm, 0x40, 0xffffffff); /* behind the table */
    ck_assert_uint_eq(reg_read(vm, 0x40), 0);
    ck_assert_uint_eq(reg_read(vm, 0xff), 0);
    mock_write(vm, BASE + 0x10, 1, 0); /* narrow writes are dropped */
    ck_assert_uint_eq(vm->msi_count, 0);
    mock_free(vm);
}
END_TEST

START_TEST(test_edge)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = mock_add(vm, &vemu__device_ioapic, NULL);

    vemu__ioapic_set_pin(dev, 4, true); /* masked: lost */
    vemu__ioapic_set_pin(dev, 4, false);
    entry_write(vm, 4, 0x0300000000000834); /* logical, vector 0x34 */
    ck_assert_uint_eq(vm->msi_count, 0);
    vemu__ioapic_set_pin(dev, 4, true);
    vemu__ioapic_set_pin(dev, 4, true); /* no further edge */
    ck_assert_uint_eq(vm->msi_count, 1);
    ck_assert_uint_eq(vm->msis[0].address, 0xfee03004);
    ck_assert_uint_eq(vm->msis[0].data, 0x34);
    vemu__ioapic_set_pin(dev, 4, false);
    vemu__ioapic_set_pin(dev, 4, true);
    ck_assert_uint_eq(vm->msi_count, 2);
    vemu__ioapic_set_pin(dev, 24, true); /* no such pin */
    mock_free(vm);
}
END_TEST

START_TEST(test_level)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = mock_add(vm, &vemu__device_ioapic, NULL);

    entry_write(vm, 9, 0x8000 | 0x2000 | 0x100 | 0x41); /* level, low, lowest priority */
    vemu__ioapic_set_pin(dev, 9, true);
    ck_assert_uint_eq(vm->msi_count, 1);
    ck_assert_uint_eq(vm->msis[0].data, 0xc141);
    ck_assert_uint_eq(reg_read(vm, 0x22), 0xe141); /* remote IRR */
    vemu__ioapic_set_pin(dev, 9, false);
    vemu__ioapic_set_pin(dev, 9, true); /* not again before EOI */
    ck_assert_uint_eq(vm->msi_count, 1);
    vemu__ioapic_eoi(dev, 0x40); /* another vector */
    ck_assert_uint_eq(vm->msi_count, 1);
    vemu__ioapic_eoi(dev, 0x41);
    ck_assert_uint_eq(vm->msi_count, 2); /* still asserted */
    vemu__ioapic_set_pin(dev, 9, false);
    mock_write(vm, BASE + 0x40, 4, 0x41); /* the EOI register does the same */
    ck_assert_uint_eq(vm->msi_count, 2);
    ck_assert_uint_eq(reg_read(vm, 0x22), 0xa141);
    mock_free(vm);
}
END_TEST

START_TEST(test_level_unmask)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = mock_add(vm, &vemu__device_ioapic, NULL);

    vemu__ioapic_set_pin(dev, 10, true);
    entry_write(vm, 10, 0x8055);
    ck_assert_uint_eq(vm->msi_count, 1); /* asserted when it was unmasked */
    reg_write(vm, 0x24, 0x18055);
    vemu__ioapic_eoi(dev, 0x55);
    ck_assert_uint_eq(vm->msi_count, 1);
    reg_write(vm, 0x24, 0x8055);
    ck_assert_uint_eq(vm->msi_count, 2);
    reg_write(vm, 0x24, 0x10055); /* to edge and back clears remote IRR */
    reg_write(vm, 0x24, 0x8055);
    ck_assert_uint_eq(vm->msi_count, 3);
    mock_free(vm);
}
END_TEST

START_TEST(test_routes)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = mock_add(vm, &vemu__device_ioapic, NULL);

    ck_assert_uint_eq(vm->route_updates, 0); /* nothing to tell yet */
    entry_write(vm, 3, 0x0100000000008066);
    ck_assert_uint_eq(vm->route_updates, 1); /* only the write that unmasked */
    ck_assert(!vm->routes[3].masked);
    ck_assert(vm->routes[3].level);
    ck_assert_uint_eq(vm->routes[3].address, 0xfee01000);
    ck_assert_uint_eq(vm->routes[3].data, 0xc066);
    ck_assert(vm->routes[4].masked);
    mock_reset(dev);
    ck_assert_uint_eq(vm->route_updates, 2);
    ck_assert(vm->routes[3].masked);
    mock_free(vm);
}
END_TEST

/* KVM reports EOIs only of routes it knows: one that waits for its EOI must not be taken away. */
START_TEST(test_route_in_service)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = mock_add(vm, &vemu__device_ioapic, NULL);

    entry_write(vm, 7, 0x8044);
    vemu__ioapic_set_pin(dev, 7, true);
    ck_assert_uint_eq(vm->msi_count, 1);
    reg_write(vm, 0x1e, 0x18044); /* masked in the handler */
    ck_assert(!vm->routes[7].masked);
    vemu__ioapic_eoi(dev, 0x44);
    ck_assert_uint_eq(vm->msi_count, 1); /* masked: not again */
    reg_write(vm, 0x1e, 0x18044);
    ck_assert(vm->routes[7].masked);
    mock_free(vm);
}
END_TEST

START_TEST(test_state)
{
    struct vemu_vm *vm = mock_new();
    struct vemu_device *dev = mock_add(vm, &vemu__device_ioapic, NULL);
    unsigned updates;

    entry_write(vm, 5, 0x8070);
    vemu__ioapic_set_pin(dev, 5, true);
    updates = vm->route_updates;
    mock_save_restore(dev);
    ck_assert_uint_gt(vm->route_updates, updates);
    ck_assert_uint_eq(reg_read(vm, 0x1a), 0xc070);
    vemu__ioapic_eoi(dev, 0x70);
    ck_assert_uint_eq(vm->msi_count, 2);
    mock_restore_garbage(dev, 0xff);
    ck_assert_uint_eq(reg_read(vm, 0x1a) & 0x1000, 0);
    mock_free(vm);
}
END_TEST

SUITE_MAIN("ioapic", test_registers, test_edge, test_level, test_level_unmask, test_routes,
           test_route_in_service, test_state)
