/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The watchdog's stages in time that stands still until it is moved: when they end, and that one
 * which runs freely waits for no end that nobody would see. The PCI function is a stand-in.
 */
#include <string.h>

#include "bus/pci.h"
#include "core/watchdog.h"
#include "devices/devices.h"
#include "mock.h"
#include "suite.h"

#define CONFIG 0x60
#define LOCK   0x68
#define ON     2
#define FREE   4
#define FAST   0x04
#define NO_INT 0x03

#define TIMER1    0u
#define TIMER2    4u
#define INTERRUPT 8u
#define RELOAD    12u
#define TIMEOUT   0x200u
#define MS        1000000ll

/* With the fast clock, 32 ms and 64 ms. */
#define PRELOAD1 32999u
#define PRELOAD2 65999u

static struct vemu_vm *vm;
static struct vemu_pci_device *dog;
static const struct vemu_pci_ops *hooks;
static const struct vemu_region_ops *regs;
static unsigned fired;
static bool line;
static uint8_t
    saved[VEMU_PCI_CONFIG_SIZE]; /* configuration space, which comes back with the state */

const struct vemu_prop vemu__pci_props[] = { VEMU_PROP_END };
const struct vemu_state_field vemu__pci_state[] = { VEMU_STATE_END };

void vemu_pci_init(struct vemu_pci_device *pci, const struct vemu_pci_ident *ident,
                   const struct vemu_pci_ops *ops)
{
    ck_assert_uint_eq(ident->device, 0x25ab);
    hooks = ops;
}

void vemu_pci_add_bar(struct vemu_pci_device *pci, unsigned n, uint64_t size, uint32_t flags,
                      const struct vemu_region_ops *ops, const char *name)
{
    regs = ops;
}

int vemu_pci_attach(struct vemu_pci_device *pci, struct vemu_error **err)
{
    return 0;
}

void vemu_pci_reset(struct vemu_pci_device *pci)
{
    memset(pci->config, 0, sizeof(pci->config));
}

void vemu_pci_restored(struct vemu_pci_device *pci)
{
    memcpy(pci->config, saved, sizeof(saved));
}

void vemu_pci_unplug(struct vemu_device *dev) {}

void vemu_pci_set_intx(struct vemu_pci_device *pci, bool level)
{
    line = level;
}

void vemu__watchdog_fire(struct vemu_vm *v)
{
    fired++;
}

/* --- the guest -------------------------------------------------------------------------------- */

static void configure(unsigned offset, uint8_t value)
{
    dog->config[offset] = value;
    hooks->config_written(dog, offset, 1);
}

static uint32_t get(unsigned offset)
{
    return (uint32_t)regs->read(&dog->dev, offset, 4);
}

static void set(unsigned offset, uint32_t value)
{
    regs->write(&dog->dev, RELOAD, 4, 0x80);
    regs->write(&dog->dev, RELOAD, 4, 0x86);
    regs->write(&dog->dev, offset, 4, value);
}

static void start(uint32_t preload1, uint32_t preload2, uint8_t config, uint8_t lock)
{
    fired = 0;
    line = false;
    vm = mock_new();
    dog = (struct vemu_pci_device *)mock_add(vm, &vemu__device_i6300esb, NULL);
    ck_assert(!mock_timer_armed(vm));
    configure(CONFIG, config);
    set(TIMER1, preload1);
    set(TIMER2, preload2);
    configure(LOCK, lock);
}

/* --- tests ------------------------------------------------------------------------------------ */

/* One stage after the other, then the action, once. */
START_TEST(test_stages)
{
    start(PRELOAD1, PRELOAD2, FAST, ON);
    mock_advance(vm, 32 * MS - 1);
    ck_assert_uint_eq(get(INTERRUPT), 0);
    mock_advance(vm, 1);
    ck_assert_uint_eq(get(INTERRUPT), 1);
    ck_assert(line);
    set(INTERRUPT, 1); /* taking note changes nothing about the second stage */
    ck_assert(!line);
    mock_advance(vm, 64 * MS - 1);
    ck_assert_uint_eq(fired, 0);
    mock_advance(vm, 1);
    ck_assert_uint_eq(fired, 1);
    ck_assert_uint_eq(get(RELOAD), TIMEOUT);
    ck_assert(!mock_timer_armed(vm));
    set(RELOAD, TIMEOUT); /* it is not started by that */
    set(INTERRUPT, 1);
    ck_assert(!mock_timer_armed(vm));
    set(RELOAD, 0x100);
    mock_advance(vm, 96 * MS);
    ck_assert_uint_eq(fired, 2);
    mock_free(vm);
}
END_TEST

/* The shortest stages there are: a second of them is not a million timers. */
START_TEST(test_storm)
{
    start(0, 0, FAST, ON | FREE);
    for (unsigned i = 0; i < 10; i++) {
        mock_advance(vm, 10000);
        ck_assert_uint_eq(get(INTERRUPT), 1);
        ck_assert_uint_eq(get(RELOAD), TIMEOUT);
        ck_assert(!mock_timer_armed(vm));
        mock_advance(vm, 3600000 * MS); /* an hour */
        ck_assert(!mock_timer_armed(vm));
        set(i % 2 ? INTERRUPT : RELOAD, i % 2 ? 1 : TIMEOUT);
        ck_assert(mock_timer_armed(vm));
        ck_assert_uint_eq(i % 2 ? get(INTERRUPT) : get(RELOAD), 0);
    }
    ck_assert_uint_eq(fired, 0);
    mock_free(vm);
}
END_TEST

/* Bits that are cleared are set again at the ends that come, as if each end had been seen. */
START_TEST(test_free)
{
    start(PRELOAD1, PRELOAD2, FAST, ON | FREE);
    mock_advance(vm, 96 * MS);
    ck_assert_uint_eq(get(RELOAD), TIMEOUT);
    mock_advance(vm, 100 * 96 * MS + 10 * MS); /* 22 ms before the end of a first stage */
    set(RELOAD, TIMEOUT);
    mock_advance(vm, 86 * MS - 1);
    ck_assert_uint_eq(get(RELOAD), 0);
    mock_advance(vm, 1);
    ck_assert_uint_eq(get(RELOAD), TIMEOUT);
    mock_advance(vm, 100 * 96 * MS + 50 * MS); /* within a second stage */
    set(INTERRUPT, 1);
    mock_advance(vm, 46 * MS + 32 * MS - 1);
    ck_assert(!line);
    mock_advance(vm, 1);
    ck_assert(line);
    /* Saved and restored meanwhile. */
    mock_advance(vm, 100 * 96 * MS); /* where a second stage begins */
    memcpy(saved, dog->config, sizeof(saved));
    mock_save_restore(&dog->dev);
    ck_assert_uint_eq(get(INTERRUPT), 1);
    ck_assert(!mock_timer_armed(vm));
    set(INTERRUPT, 1);
    mock_advance(vm, 96 * MS - 1);
    ck_assert_uint_eq(get(INTERRUPT), 0);
    mock_advance(vm, 1);
    ck_assert_uint_eq(get(INTERRUPT), 1);
    mock_free(vm);
}
END_TEST

/* What makes ends count again: an interrupt that is wanted now, and an end that resets. */
START_TEST(test_changed)
{
    start(PRELOAD1, PRELOAD2, FAST | NO_INT, ON | FREE);
    mock_advance(vm, 1000 * 96 * MS);
    ck_assert(!mock_timer_armed(vm));
    configure(CONFIG, FAST);
    mock_advance(vm, 32 * MS - 1);
    ck_assert(!line);
    mock_advance(vm, 1);
    ck_assert(line);
    mock_advance(vm, 1000 * 96 * MS);
    configure(LOCK, ON);
    ck_assert_uint_eq(fired, 0);
    mock_advance(vm, 64 * MS);
    ck_assert_uint_eq(fired, 1);
    configure(LOCK, 0);
    ck_assert(!mock_timer_armed(vm));
    configure(CONFIG, 0);
    ck_assert(!mock_timer_armed(vm));
    mock_free(vm);
}
END_TEST

/* An end whose timer has still to run is not left out. */
START_TEST(test_late)
{
    start(PRELOAD1, PRELOAD2, FAST, ON);
    vm->now_ns += 33 * MS; /* the loop is busy */
    configure(CONFIG, FAST);
    set(INTERRUPT, 1);
    mock_advance(vm, 0);
    ck_assert(line);
    mock_free(vm);
}
END_TEST

START_TEST(test_hostile)
{
    start(0xfffffu, 0xfffffu, 0, ON | FREE);
    for (unsigned byte = 0; byte < 0x100; byte++) {
        memset(saved, (int)byte, sizeof(saved));
        mock_restore_garbage(&dog->dev, (uint8_t)byte);
        configure(CONFIG, (uint8_t)byte & 0x27);
        configure(LOCK, (uint8_t)byte & 7);
        set(RELOAD, 0x300);
        set(INTERRUPT, 1);
        mock_advance(vm, 1000 * MS);
    }
    mock_free(vm);
}
END_TEST

SUITE_MAIN("i6300esb", test_stages, test_storm, test_free, test_changed, test_late, test_hostile)
