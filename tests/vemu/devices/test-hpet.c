/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * HPET: capabilities, counter, one-shot and periodic timers, level interrupts, legacy replacement,
 * saved state. Its ends of legacy lines are 0 and 1 here, and 2 is high while they replace others.
 */
#include <string.h>

#include "devices/devices.h"
#include "devices/hpet/hpet.h"
#include "mock.h"
#include "suite.h"

#define US         1000ll
#define TICKS_US   100u /* of the counter in a microsecond */
#define AT(offset) (VEMU_HPET_ADDRESS + (offset))
#define TIMER(n)   AT(0x100 + 0x20 * (n))

static struct vemu_device *hpet;

static struct vemu_vm *begin(void)
{
    struct vemu_vm *vm = mock_new();

    hpet = mock_add(vm, &vemu__device_hpet, NULL);
    vemu__hpet_connect(hpet, vemu_device_get_irq(hpet, 0, NULL), vemu_device_get_irq(hpet, 1, NULL),
                       vemu_device_get_irq(hpet, 2, NULL));
    return vm;
}

static void put(struct vemu_vm *vm, uint64_t at, uint64_t value)
{
    mock_write(vm, at, 8, value);
}

static uint64_t get(struct vemu_vm *vm, uint64_t at)
{
    return mock_read(vm, at, 8);
}

START_TEST(test_capabilities)
{
    struct vemu_vm *vm = begin();

    ck_assert_uint_eq(get(vm, AT(0)), 10000000ull << 32 | 0x8086a201);
    ck_assert_uint_eq(mock_read(vm, AT(4), 4), 10000000);
    ck_assert_uint_eq(get(vm, TIMER(0)), 0x00ff010000000030ull);
    ck_assert_uint_eq(get(vm, TIMER(2) + 8), UINT64_MAX);
    put(vm, TIMER(1), UINT64_MAX); /* no FSB, and what cannot be written */
    ck_assert_uint_eq(get(vm, TIMER(1)), 0x00ff010000003f7eull);
    put(vm, AT(0), 0);
    put(vm, TIMER(3), UINT64_MAX); /* there is none */
    ck_assert_uint_eq(get(vm, TIMER(3)), 0);
    ck_assert_uint_eq(get(vm, AT(0x3f8)), 0);
    mock_free(vm);
}
END_TEST

START_TEST(test_counter)
{
    struct vemu_vm *vm = begin();

    put(vm, AT(0xf0), 0x1234567890);
    mock_advance(vm, 1000 * US);
    ck_assert_uint_eq(get(vm, AT(0xf0)), 0x1234567890);
    put(vm, AT(0x10), 1);
    mock_advance(vm, 10 * US);
    ck_assert_uint_eq(get(vm, AT(0xf0)), 0x1234567890 + 10 * TICKS_US);
    ck_assert_uint_eq(mock_read(vm, AT(0xf4), 4), 0x12);
    put(vm, AT(0x10), 0);
    mock_advance(vm, 10 * US);
    ck_assert_uint_eq(get(vm, AT(0xf0)), 0x1234567890 + 10 * TICKS_US);
    mock_write(vm, AT(0xf4), 4, 7); /* one half */
    ck_assert_uint_eq(get(vm, AT(0xf0)), 0x734567890 + 10 * TICKS_US);
    mock_free(vm);
}
END_TEST

START_TEST(test_one_shot)
{
    struct vemu_vm *vm = begin();

    put(vm, TIMER(2), 1u << 2 | 20u << 9); /* GSI 20, edge */
    put(vm, TIMER(2) + 8, 5 * TICKS_US);
    mock_advance(vm, 100 * US);
    ck_assert_uint_eq(vm->irqs[20].rises, 0); /* not enabled as a whole */
    put(vm, AT(0x10), 1);
    mock_advance(vm, 4 * US);
    ck_assert_uint_eq(vm->irqs[20].rises, 0);
    mock_advance(vm, 2 * US);
    ck_assert_uint_eq(vm->irqs[20].rises, 1);
    ck_assert(!vm->irqs[20].level);
    mock_advance(vm, 1000 * US);
    ck_assert_uint_eq(vm->irqs[20].rises, 1);
    ck_assert_uint_eq(get(vm, AT(0x20)), 0); /* edges leave no status */
    /* 32 bits: the counter comes by again when it has gone round */
    put(vm, TIMER(2), 1u << 2 | 1u << 8 | 20u << 9);
    put(vm, TIMER(2) + 8, (get(vm, AT(0xf0)) - 10) & UINT32_MAX);
    mock_advance(vm, 42000000 * US);
    ck_assert_uint_eq(vm->irqs[20].rises, 1);
    mock_advance(vm, 1000000 * US);
    ck_assert_uint_eq(vm->irqs[20].rises, 2);
    mock_free(vm);
}
END_TEST

START_TEST(test_routes)
{
    struct vemu_vm *vm = begin();
    const unsigned bad[] = { 0, 1, 2, 3, 7, 15, 24, 31 };

    put(vm, AT(0x10), 1);
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        put(vm, TIMER(0), 1u << 2 | 1u << 1 | bad[n] << 9);
        put(vm, TIMER(0) + 8, get(vm, AT(0xf0)) + TICKS_US);
        mock_advance(vm, 10 * US);
        put(vm, AT(0x20), 7);
    }
    for (unsigned n = 0; n < 24; n++)
        ck_assert_uint_eq(vm->irqs[n].rises, 0);
    mock_free(vm);
}
END_TEST

/* As Linux sets it up: the comparator with VAL_SET, then the period. */
START_TEST(test_periodic)
{
    struct vemu_vm *vm = begin();

    put(vm, AT(0x10), 3);
    mock_write(vm, TIMER(0), 4, 1u << 2 | 1u << 3 | 1u << 6 | 1u << 8);
    mock_write(vm, TIMER(0) + 8, 4, 500 * TICKS_US);
    ck_assert_uint_eq(get(vm, TIMER(0)) & 1u << 6, 0);
    mock_write(vm, TIMER(0) + 8, 4, 1000 * TICKS_US);
    ck_assert_uint_eq(get(vm, TIMER(0) + 8), 500 * TICKS_US);
    ck_assert_uint_eq(vm->irqs[2].level, 1); /* instead of the PIT and the clock */
    mock_advance(vm, 10001 * US);
    ck_assert_uint_eq(vm->irqs[0].rises, 10);
    ck_assert_uint_eq(get(vm, TIMER(0) + 8), 10500 * TICKS_US);
    put(vm, AT(0x10), 0);
    ck_assert_uint_eq(vm->irqs[2].level, 0);
    mock_advance(vm, 10000 * US);
    ck_assert_uint_eq(vm->irqs[0].rises, 10);
    ck_assert(!mock_timer_armed(vm));
    mock_free(vm);
}
END_TEST

/* A period of nothing, or of one tick, is no storm. */
START_TEST(test_short_periods)
{
    struct vemu_vm *vm = begin();

    put(vm, AT(0x10), 3);
    put(vm, TIMER(1), 1u << 2 | 1u << 3 | 1u << 6);
    put(vm, TIMER(1) + 8, 1);
    mock_advance(vm, 1000 * US);
    ck_assert_uint_ge(vm->irqs[1].rises, 10);
    ck_assert_uint_le(vm->irqs[1].rises, 60);
    put(vm, TIMER(1) + 8, 0);
    mock_advance(vm, 1000 * US);
    ck_assert_uint_le(vm->irqs[1].rises, 62);
    mock_free(vm);
}
END_TEST

START_TEST(test_level)
{
    struct vemu_vm *vm = begin();

    put(vm, AT(0x10), 1);
    put(vm, TIMER(1), 1u << 2 | 1u << 1 | 16u << 9);
    put(vm, TIMER(2), 1u << 2 | 1u << 1 | 16u << 9);
    put(vm, TIMER(1) + 8, 10 * TICKS_US);
    put(vm, TIMER(2) + 8, 20 * TICKS_US);
    mock_advance(vm, 30 * US);
    ck_assert_uint_eq(get(vm, AT(0x20)), 6);
    ck_assert(vm->irqs[16].level);
    put(vm, AT(0x20), 2);
    ck_assert(vm->irqs[16].level);
    put(vm, AT(0x20), 4);
    ck_assert(!vm->irqs[16].level);
    /* not enabled: the status is there all the same */
    put(vm, TIMER(1), 1u << 1 | 16u << 9);
    put(vm, TIMER(1) + 8, get(vm, AT(0xf0)) + TICKS_US);
    mock_advance(vm, 10 * US);
    ck_assert_uint_eq(get(vm, AT(0x20)), 2);
    ck_assert(!vm->irqs[16].level);
    put(vm, TIMER(1), 1u << 2 | 1u << 1 | 17u << 9);
    ck_assert(vm->irqs[17].level);
    put(vm, TIMER(1), 1u << 2 | 17u << 9); /* edge */
    ck_assert(!vm->irqs[17].level);
    ck_assert_uint_eq(get(vm, AT(0x20)), 0);
    mock_free(vm);
}
END_TEST

START_TEST(test_legacy_leaves_nothing_high)
{
    struct vemu_vm *vm = begin();

    put(vm, AT(0x10), 3);
    put(vm, TIMER(0), 1u << 2 | 1u << 1);
    put(vm, TIMER(0) + 8, 10 * TICKS_US);
    mock_advance(vm, 20 * US);
    ck_assert(vm->irqs[0].level);
    put(vm, AT(0x10), 1);
    ck_assert(!vm->irqs[0].level);
    put(vm, AT(0x10), 3);
    ck_assert(vm->irqs[0].level);
    mock_reset(hpet);
    ck_assert(!vm->irqs[0].level && !vm->irqs[2].level);
    ck_assert_uint_eq(get(vm, AT(0x10)), 0);
    mock_free(vm);
}
END_TEST

START_TEST(test_state)
{
    struct vemu_vm *vm = begin();

    put(vm, AT(0x10), 3);
    put(vm, TIMER(0), 1u << 2 | 1u << 3 | 1u << 6);
    put(vm, TIMER(0) + 8, 100 * TICKS_US);
    mock_advance(vm, 250 * US);
    ck_assert_uint_eq(vm->irqs[0].rises, 2);
    mock_save_restore(hpet);
    mock_advance(vm, 250 * US);
    ck_assert_uint_eq(vm->irqs[0].rises, 5);
    ck_assert_uint_eq(get(vm, AT(0xf0)), 500 * TICKS_US);
    for (unsigned byte = 0; byte < 256; byte++) {
        mock_restore_garbage(hpet, (uint8_t)byte);
        mock_advance(vm, 1000 * US);
        for (unsigned at = 0; at < 0x400; at += 8)
            get(vm, AT(at));
    }
    mock_free(vm);
}
END_TEST

SUITE_MAIN("device-hpet", test_capabilities, test_counter, test_one_shot, test_routes,
           test_periodic, test_short_periods, test_level, test_legacy_leaves_nothing_high,
           test_state)
