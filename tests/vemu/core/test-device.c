/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices: properties from text, ids, realizing, tearing down.
 */
#include "test-main.h"

#include "core/property.h"

static int add(struct vemu_vm *vm, const char *id, const char *name, const char *value,
               struct vemu_error **err)
{
    const struct vemu_property prop = { name, value };

    return vemu_vm_add_device(vm, "test-device", id, &prop, name || value ? 1 : 0, err);
}

START_TEST(numbers)
{
    uint64_t n;
    bool b;

    ck_assert(vemu__parse_number("0", 10, &n) && n == 0);
    ck_assert(vemu__parse_number("0x1F", 255, &n) && n == 31);
    ck_assert(vemu__parse_number("18446744073709551615", UINT64_MAX, &n) && n == UINT64_MAX);
    ck_assert(vemu__parse_number("010", 10, &n) && n == 10);
    ck_assert(!vemu__parse_number("18446744073709551616", UINT64_MAX, &n));
    ck_assert(!vemu__parse_number("256", 255, &n));
    ck_assert(!vemu__parse_number("-1", UINT64_MAX, &n));
    ck_assert(!vemu__parse_number(" 1", 10, &n));
    ck_assert(!vemu__parse_number("1 ", 10, &n));
    ck_assert(!vemu__parse_number("", 10, &n));
    ck_assert(!vemu__parse_number("0x", 10, &n));
    ck_assert(!vemu__parse_number("+1", 10, &n));
    ck_assert(vemu__parse_size("3k", &n) && n == 3072);
    ck_assert(vemu__parse_size("2G", &n) && n == 2ull << 30);
    ck_assert(vemu__parse_size("1P", &n) && n == 1ull << 50);
    ck_assert(vemu__parse_size("17", &n) && n == 17);
    ck_assert(!vemu__parse_size("1KB", &n));
    ck_assert(!vemu__parse_size("1X", &n));
    ck_assert(!vemu__parse_size("K", &n));
    ck_assert(!vemu__parse_size("16384P", &n));
    ck_assert(vemu__parse_bool("on", &b) && b);
    ck_assert(vemu__parse_bool("no", &b) && !b);
    ck_assert(!vemu__parse_bool("1", &b));
}
END_TEST

START_TEST(properties)
{
    struct vemu_vm *vm = fake_vm(NULL);
    struct fake_device *device =
        fake_add_device(vm, "a", "flag", "on", "u8", "255", "u64", "0xffffffffffffffff", "length",
                        "2M", "text", "words", NULL);

    ck_assert(device->flag);
    ck_assert_uint_eq(device->u8, 255);
    ck_assert_uint_eq(device->u16, 77);
    ck_assert_uint_eq(device->u32, 16);
    ck_assert_uint_eq(device->u64, UINT64_MAX);
    ck_assert_uint_eq(device->length, 2u << 20);
    ck_assert_str_eq(device->text, "words");
    ck_assert_str_eq(device->dev.id, "a");

    FAILS(add(vm, "b", "u8", "256", &err), EINVAL, "test-device 'b': property 'u8': '256'");
    FAILS(add(vm, "b", "flag", "perhaps", &err), EINVAL, "'perhaps'");
    FAILS(add(vm, "b", "length", "9Q", &err), EINVAL, "'9Q'");
    FAILS(add(vm, "b", "colour", "red", &err), EINVAL, "'colour'; known are: flag, u8");
    FAILS(add(vm, "b", "chardev", "none", &err), ENOENT, "'none'");
    FAILS(add(vm, "b", "u8", NULL, &err), EINVAL, "no value");
    FAILS(add(vm, "b", NULL, "1", &err), EINVAL, "no name");
    FAILS(add(vm, "a", NULL, NULL, &err), EEXIST, "'a'");
    FAILS(add(vm, "1a", NULL, NULL, &err), EINVAL, "'1a'");
    FAILS(add(vm, "a b", NULL, NULL, &err), EINVAL, "'a b'");
    FAILS(add(vm, "", NULL, NULL, &err), EINVAL, "''");
    FAILS(vemu_vm_add_device(vm, "warp-drive", NULL, NULL, 0, &err), EINVAL, "'warp-drive'");
    FAILS(vemu_vm_add_device(vm, NULL, NULL, NULL, 0, &err), EINVAL, "missing");
    FAILS(vemu_vm_add_device(vm, "test-internal", NULL, NULL, 0, &err), EINVAL, "part of");
    OK(add(vm, NULL, NULL, NULL, &err));
    OK(add(vm, NULL, NULL, NULL, &err));
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(life)
{
    struct vemu_vm *vm = fake_vm(NULL);
    struct fake_device *device = fake_add_device(vm, "a", NULL);

    OK(vemu_vm_realize(vm, &err));
    ck_assert_uint_eq(device->realizes, 1);
    ck_assert_uint_eq(device->resets, 1);
    FAILS(add(vm, "late", NULL, NULL, &err), EBUSY, "realized");
    OK(vemu_vm_start(vm, &err));
    OK(vemu_vm_pause(vm, &err));
    ck_assert_uint_eq(device->resumes, 1);
    ck_assert_uint_eq(device->pauses, 1);
    OK(vemu_vm_reset(vm, &err));
    ck_assert_uint_eq(device->resets, 2);
    OK(vemu_vm_stop(vm, &err));
    ck_assert_uint_eq(device->unrealizes, 1);
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(realize_fails)
{
    struct vemu_vm *vm = fake_vm(NULL);
    struct fake_device *good = fake_add_device(vm, "good", "iobase", "0x100", NULL);
    struct fake_device *bad = fake_add_device(vm, "bad", "iobase", "0x200", "fail", "on", NULL);

    FAILS(vemu_vm_realize(vm, &err), EIO, "test-device 'bad'");
    ck_assert_int_eq(vemu_vm_get_state(vm), VEMU_VM_CREATED);
    FAILS(vemu_vm_realize(vm, &err), EINVAL, "earlier attempt");
    FAILS(vemu_vm_start(vm, &err), EINVAL, "not realized");
    OK(vemu_vm_stop(vm, &err));
    ck_assert_uint_eq(good->unrealizes, 1);
    ck_assert_uint_eq(bad->unrealizes, 0);
    vemu_vm_unref(vm);
    ck_assert_uint_eq(atomic_load(&fake.vms), 0);
    ck_assert_uint_eq(atomic_load(&fake.finis), 1);
}
END_TEST

START_TEST(overlap)
{
    struct vemu_vm *vm = fake_vm(NULL);

    fake_add_device(vm, "one", "iobase", "0x100", NULL);
    fake_add_device(vm, "two", "iobase", "0x10f", NULL);
    FAILS(vemu_vm_realize(vm, &err), EEXIST, "test-device 'two': ports at 0x10f");
    vemu_vm_unref(vm);

    vm = fake_vm(NULL);
    fake_add_device(vm, "ram", "mmio", "0x100000", NULL);
    FAILS(vemu_vm_realize(vm, &err), EEXIST, "overlaps high");
    vemu_vm_unref(vm);

    vm = fake_vm(NULL);
    fake_add_device(vm, "high", "iobase", "0xfff8", NULL);
    FAILS(vemu_vm_realize(vm, &err), EINVAL, "outside");
    vemu_vm_unref(vm);

    vm = fake_vm(NULL);
    fake_add_device(vm, "irq", "irq", "24", NULL);
    FAILS(vemu_vm_realize(vm, &err), EINVAL, "interrupt 24");
    vemu_vm_unref(vm);
}
END_TEST

START_TEST(chardev_taken)
{
    struct vemu_vm *vm = fake_vm(NULL);

    OK(fake_add_chardev(vm, &err, "null", "c", NULL));
    fake_add_device(vm, "one", "chardev", "c", NULL);
    fake_add_device(vm, "two", "chardev", "c", NULL);
    FAILS(vemu_vm_realize(vm, &err), EBUSY, "two");
    FAILS(vemu_vm_add_monitor(vm, "c", &err), EBUSY, "");
    FAILS(vemu_vm_add_monitor(vm, "d", &err), ENOENT, "'d'");
    vemu_vm_unref(vm);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { numbers, properties,    life, realize_fails,
                                   overlap, chardev_taken, NULL };

    return run_tests("device", tests);
}
