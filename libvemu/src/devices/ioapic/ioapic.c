/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * I/O APIC (Intel 82093AA with the EOI register of version 0x20).
 *
 * Theory of operation
 *
 * Each of 24 pins has a redirection entry (82093AA data sheet, section 3.2.4). An interrupt leaves
 * as a message: the entry translated to an MSI address and data (Intel SDM Vol. 3, 11.11),
 * delivered by the accelerator. Edge pins send one message per rising edge; an edge on a masked pin
 * is lost, as the data sheet says. Level pins send one message and set Remote IRR; the EOI of that
 * vector clears it and the pin sends again if it is still asserted.
 *
 * The accelerator also gets the translated table (set_ioapic_routes), because KVM has to know which
 * vectors' EOIs to report. It is given only when something that matters changed: on KVM each update
 * waits for a grace period, and guests write entries in halves while masked.
 *
 * Pins carry "asserted", not a voltage, so the polarity bit is kept but does not invert anything.
 *
 * Locking: the device lock is held around register accesses by the core and taken here by
 * vemu__ioapic_set_pin() and vemu__ioapic_eoi(). The accelerator is called with the lock held
 * (device -> interrupt controller -> accelerator); it must not call back into the I/O APIC from
 * there.
 */
#include "devices/ioapic/ioapic.h"

#include <string.h>

#include "accel/accel.h"
#include "devices/devices.h"
#include "machines/machine.h"

#define REG_SELECT 0x00
#define REG_WINDOW 0x10
#define REG_EOI    0x40

#define INDEX_ID      0x00
#define INDEX_VERSION 0x01
#define INDEX_ARB     0x02
#define INDEX_TABLE   0x10

#define VERSION (0x20u | ((VEMU_IOAPIC_PINS - 1) << 16))

#define ENTRY_VECTOR     0xffull
#define ENTRY_DELIVERY   (7ull << 8)
#define ENTRY_LOGICAL    (1ull << 11)
#define ENTRY_STATUS     (1ull << 12)
#define ENTRY_POLARITY   (1ull << 13)
#define ENTRY_REMOTE_IRR (1ull << 14)
#define ENTRY_LEVEL      (1ull << 15)
#define ENTRY_MASKED     (1ull << 16)
#define ENTRY_DEST       (0xffull << 56)
#define ENTRY_WRITABLE                                                                             \
    (ENTRY_VECTOR | ENTRY_DELIVERY | ENTRY_LOGICAL | ENTRY_POLARITY | ENTRY_LEVEL | ENTRY_MASKED | \
     ENTRY_DEST)

struct ioapic {
    struct vemu_device dev;
    uint64_t address;                               /* property */
    struct vemu_msi_route routes[VEMU_IOAPIC_PINS]; /* as the accelerator knows them */
    bool routes_known;
    /* state */
    uint64_t entries[VEMU_IOAPIC_PINS];
    uint32_t levels; /* bit n: pin n is asserted */
    uint8_t select, id;
};

static struct vemu_msi_route entry_route(uint64_t entry)
{
    struct vemu_msi_route route = { .masked = true };

    /* One that waits for its EOI stays, although masked: KVM reports no EOIs of others. */
    if ((entry & ENTRY_MASKED) && (entry & (ENTRY_LEVEL | ENTRY_REMOTE_IRR)) !=
                                      (ENTRY_LEVEL | ENTRY_REMOTE_IRR)) {
        return route;
    }
    route.masked = false;
    route.level = (entry & ENTRY_LEVEL) != 0;
    route.address = 0xfee00000u | ((entry >> 56) << 12) | ((entry & ENTRY_LOGICAL) ? 4 : 0);
    route.data = (uint32_t)(entry & (ENTRY_VECTOR | ENTRY_DELIVERY)) |
                 (route.level ? 0xc000u : 0); /* trigger mode level, asserted */
    return route;
}

static bool route_equal(const struct vemu_msi_route *a, const struct vemu_msi_route *b)
{
    return a->masked == b->masked && a->level == b->level && a->address == b->address &&
           a->data == b->data;
}

static void ioapic_push_routes(struct ioapic *s)
{
    struct vemu_accel_vm *accel_vm = NULL;
    const struct vemu_accel_ops *accel = vemu__vm_accel(s->dev.vm, &accel_vm);
    bool changed = !s->routes_known;

    for (unsigned i = 0; i < VEMU_IOAPIC_PINS; i++) {
        struct vemu_msi_route route = entry_route(s->entries[i]);

        if (!route_equal(&route, &s->routes[i])) {
            s->routes[i] = route;
            changed = true;
        }
    }
    if (!changed || !accel || !accel_vm || !accel->set_ioapic_routes) {
        return;
    }
    s->routes_known = accel->set_ioapic_routes(accel_vm, s->routes, VEMU_IOAPIC_PINS) >= 0;
    if (!s->routes_known) {
        vemu_vm_log(s->dev.vm, VEMU_LOG_WARNING, "ioapic: the accelerator refused the routes");
    }
}

static void ioapic_send(struct ioapic *s, unsigned pin)
{
    struct vemu_accel_vm *accel_vm = NULL;
    const struct vemu_accel_ops *accel = vemu__vm_accel(s->dev.vm, &accel_vm);
    struct vemu_msi_route route = entry_route(s->entries[pin]);

    if (route.level) {
        s->entries[pin] |= ENTRY_REMOTE_IRR;
    }
    if (accel && accel_vm) {
        accel->signal_msi(accel_vm, route.address, route.data);
    }
}

/* Sends for a level pin that is asserted, unmasked and not waiting for an EOI. */
static void ioapic_service_level(struct ioapic *s, unsigned pin)
{
    uint64_t entry = s->entries[pin];

    if ((s->levels & (1u << pin)) && (entry & ENTRY_LEVEL) &&
        !(entry & (ENTRY_MASKED | ENTRY_REMOTE_IRR))) {
        ioapic_send(s, pin);
    }
}

void vemu__ioapic_set_pin(struct vemu_device *dev, unsigned pin, bool level)
{
    struct ioapic *s = (struct ioapic *)dev;
    uint32_t bit = 1u << pin;

    if (pin >= VEMU_IOAPIC_PINS) {
        return;
    }
    pthread_mutex_lock(&dev->lock);
    if (!level) {
        s->levels &= ~bit;
    } else if (!(s->levels & bit)) {
        s->levels |= bit;
        if (s->entries[pin] & ENTRY_LEVEL) {
            ioapic_service_level(s, pin);
        } else if (!(s->entries[pin] & ENTRY_MASKED)) {
            ioapic_send(s, pin);
        }
    }
    pthread_mutex_unlock(&dev->lock);
}

static void ioapic_eoi_locked(struct ioapic *s, uint8_t vector)
{
    for (unsigned pin = 0; pin < VEMU_IOAPIC_PINS; pin++) {
        uint64_t entry = s->entries[pin];

        if ((entry & ENTRY_LEVEL) && (entry & ENTRY_REMOTE_IRR) && (uint8_t)entry == vector) {
            s->entries[pin] &= ~ENTRY_REMOTE_IRR;
            ioapic_service_level(s, pin);
        }
    }
}

void vemu__ioapic_eoi(struct vemu_device *dev, uint8_t vector)
{
    pthread_mutex_lock(&dev->lock);
    ioapic_eoi_locked((struct ioapic *)dev, vector);
    pthread_mutex_unlock(&dev->lock);
}

static uint32_t ioapic_read_index(const struct ioapic *s)
{
    unsigned i = s->select;

    switch (i) {
    case INDEX_ID:
    case INDEX_ARB: return (uint32_t)s->id << 24;
    case INDEX_VERSION: return VERSION;
    }
    if (i >= INDEX_TABLE && i < INDEX_TABLE + 2 * VEMU_IOAPIC_PINS) {
        uint64_t entry = s->entries[(i - INDEX_TABLE) / 2];

        return (i & 1) ? (uint32_t)(entry >> 32) : (uint32_t)entry;
    }
    return 0;
}

static void ioapic_write_entry(struct ioapic *s, unsigned pin, bool high, uint32_t value)
{
    uint64_t old = s->entries[pin];
    uint64_t merged =
        high ? (old & 0xffffffffu) | ((uint64_t)value << 32) : (old & ~0xffffffffull) | value;

    merged = (merged & ENTRY_WRITABLE) | (old & ENTRY_REMOTE_IRR);
    if (!(merged & ENTRY_LEVEL)) {
        merged &= ~ENTRY_REMOTE_IRR; /* meaningless for edge; this is how old kernels clear it */
    }
    s->entries[pin] = merged;
    ioapic_push_routes(s);
    ioapic_service_level(s, pin);
}

static uint64_t ioapic_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    const struct ioapic *s = (struct ioapic *)dev;

    switch (offset) {
    case REG_SELECT: return s->select;
    case REG_WINDOW: return ioapic_read_index(s);
    }
    return 0;
}

static void ioapic_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct ioapic *s = (struct ioapic *)dev;
    unsigned i = s->select;

    switch (offset) {
    case REG_SELECT: s->select = (uint8_t)value; return;
    case REG_EOI: ioapic_eoi_locked(s, (uint8_t)value); return;
    case REG_WINDOW:
        if (i == INDEX_ID) {
            s->id = (value >> 24) & 0x0f;
        } else if (i >= INDEX_TABLE && i < INDEX_TABLE + 2 * VEMU_IOAPIC_PINS) {
            ioapic_write_entry(s, (i - INDEX_TABLE) / 2, i & 1, (uint32_t)value);
        }
        return;
    }
}

static const struct vemu_region_ops ioapic_region = {
    .read = ioapic_read,
    .write = ioapic_write,
    .min_size = 4, /* data sheet, section 3.0: accessed as dwords */
    .max_size = 4,
};

static int ioapic_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct ioapic *s = (struct ioapic *)dev;

    /* A new accelerator knows no routes: the same as all masked. */
    for (unsigned i = 0; i < VEMU_IOAPIC_PINS; i++) {
        s->routes[i].masked = true;
    }
    s->routes_known = true;
    return vemu_device_map(dev, VEMU_SPACE_MEMORY, s->address, 0x1000, &ioapic_region, "ioapic",
                           err);
}

static void ioapic_reset(struct vemu_device *dev)
{
    struct ioapic *s = (struct ioapic *)dev;

    for (unsigned i = 0; i < VEMU_IOAPIC_PINS; i++) {
        s->entries[i] = ENTRY_MASKED;
    }
    s->select = 0;
    s->id = 0;
    /* levels stay: they are the wires, whose drivers reset on their own */
    ioapic_push_routes(s);
}

static void ioapic_restored(struct vemu_device *dev)
{
    struct ioapic *s = (struct ioapic *)dev;

    for (unsigned i = 0; i < VEMU_IOAPIC_PINS; i++) {
        s->entries[i] &= ENTRY_WRITABLE | ENTRY_REMOTE_IRR;
    }
    s->levels &= (1u << VEMU_IOAPIC_PINS) - 1;
    s->routes_known = false;
    ioapic_push_routes(s);
}

static const struct vemu_prop ioapic_props[] = {
    VEMU_PROP(struct ioapic, address, "address", U64, "0xfec00000", "base of the register page"),
    VEMU_PROP_END,
};

static const struct vemu_state_field ioapic_state[] = {
    VEMU_STATE(struct ioapic, entries),
    VEMU_STATE(struct ioapic, levels),
    VEMU_STATE(struct ioapic, select),
    VEMU_STATE(struct ioapic, id),
    VEMU_STATE_END,
};

static const struct vemu_device_ops ioapic_ops = {
    .realize = ioapic_realize,
    .reset = ioapic_reset,
    .restored = ioapic_restored,
};

const struct vemu_device_class vemu__device_ioapic = {
    .name = "ioapic",
    .summary = "I/O APIC with 24 pins",
    .flags = VEMU_DEVICE_INTERNAL,
    .state_version = 1,
    .instance_size = sizeof(struct ioapic),
    .props = ioapic_props,
    .state = ioapic_state,
    .ops = &ioapic_ops,
};
