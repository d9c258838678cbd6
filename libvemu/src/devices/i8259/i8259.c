/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pair of 8259A interrupt controllers, cascaded as in the PC/AT, with the ELCR registers.
 *
 * Theory of operation
 *
 * The model is the Intel 8259A data sheet (order number 231468): IRR latches requests, IMR masks
 * them, ISR holds what is in service; priorities are fixed or rotate. The slave's INT is input 2 of
 * the master. The master's INT is the VM's ExtINT: the accelerator is told its level, and asks for
 * the vector (vemu__i8259_ack) when the processor takes the interrupt.
 *
 * An edge stays latched until it is acknowledged even if the input falls again. (The chip wants the
 * input held until INTA and otherwise answers with a spurious IRQ 7; devices that pulse would
 * depend on timing.) When the request is gone by the time of INTA, because it was masked or a level
 * fell, the master's ack returns -1 and the accelerator delivers nothing; a request that vanished
 * on the slave only shows as the slave's spurious IRQ 15, as software has to expect it anyway.
 *
 * Locking: one device lock for both chips. The accelerator's set_extint is called with it held, so
 * an accelerator must not call vemu__i8259_ack() with a lock that its set_extint takes.
 */
#include "devices/i8259/i8259.h"

#include "accel/accel.h"
#include "devices/devices.h"
#include "machines/machine.h"

#define ICW1_INIT   0x10
#define ICW1_LTIM   0x08
#define ICW1_SINGLE 0x02
#define ICW1_ICW4   0x01

#define ICW4_SFNM 0x10 /* special fully nested mode */
#define ICW4_AEOI 0x02

#define OCW3      0x08
#define OCW3_POLL 0x04
#define OCW3_RR   0x02
#define OCW3_RIS  0x01
#define OCW3_ESMM 0x40
#define OCW3_SMM  0x20

#define CASCADE 2

struct i8259_chip {
    uint8_t irr, imr, isr;
    uint8_t lines;  /* levels of the inputs */
    uint8_t elcr;   /* bit n: input n is level-triggered */
    uint8_t lowest; /* input with the lowest priority; 7 after initialization */
    uint8_t base;   /* ICW2 */
    uint8_t icw;    /* next initialization word expected (2, 3, 4), 0: initialized */
    uint8_t icw4_follows, single, ltim;
    uint8_t auto_eoi, rotate_on_aeoi, special_mask, special_nested;
    uint8_t read_isr; /* OCW3: reads of the command port give ISR */
    uint8_t poll;     /* OCW3: the next read is a poll */
};

struct i8259 {
    struct vemu_device dev;
    struct i8259_chip chips[2]; /* master, slave */
    bool extint;                /* as last told to the accelerator */
};

/* Inputs that can be level-triggered: not the timer, keyboard, cascade, RTC and FPU (PIIX ELCR). */
static const uint8_t elcr_mask[2] = { 0xf8, 0xde };

static bool chip_is_level(const struct i8259_chip *c, unsigned n)
{
    return c->ltim || (c->elcr & (1u << n));
}

/* Position of input n in the order of priority: 0 is the highest. */
static unsigned chip_rank(const struct i8259_chip *c, unsigned n)
{
    return (n - c->lowest - 1) & 7;
}

/* The input with the highest priority among `bits`, or -1. */
static int chip_highest(const struct i8259_chip *c, uint8_t bits)
{
    for (unsigned rank = 0; rank < 8; rank++) {
        unsigned n = (c->lowest + 1 + rank) & 7;

        if (bits & (1u << n)) {
            return (int)n;
        }
    }
    return -1;
}

/* The request the chip raises INT for, or -1. */
static int chip_request(const struct i8259_chip *c, bool is_master)
{
    int request = chip_highest(c, c->irr & ~c->imr);
    uint8_t blocking = c->isr;
    int service;

    if (request < 0) {
        return -1;
    }
    if (c->special_mask) {
        blocking &= ~c->imr; /* in-service inputs that are masked do not block */
    }
    if (c->special_nested && is_master) {
        blocking &= ~(1u << CASCADE); /* the slave may nest within itself */
    }
    service = chip_highest(c, blocking);
    if (service >= 0 && chip_rank(c, (unsigned)service) <= chip_rank(c, (unsigned)request)) {
        return -1;
    }
    return request;
}

static void chip_set_input(struct i8259_chip *c, unsigned n, bool level)
{
    uint8_t bit = 1u << n;

    if (chip_is_level(c, n)) {
        c->irr = level ? c->irr | bit : c->irr & ~bit;
    } else if (level && !(c->lines & bit)) {
        c->irr |= bit;
    }
    c->lines = level ? c->lines | bit : c->lines & ~bit;
}

static void chip_intack(struct i8259_chip *c, unsigned n)
{
    uint8_t bit = 1u << n;

    if (!chip_is_level(c, n)) {
        c->irr &= ~bit;
    }
    if (!c->auto_eoi) {
        c->isr |= bit;
    } else if (c->rotate_on_aeoi) {
        c->lowest = n;
    }
}

/* Carries the slave's output to the master and the master's to the accelerator. */
static void i8259_update(struct i8259 *s)
{
    struct vemu_accel_vm *accel_vm = NULL;
    const struct vemu_accel_ops *accel;
    bool level;

    chip_set_input(&s->chips[0], CASCADE, chip_request(&s->chips[1], false) >= 0);
    level = chip_request(&s->chips[0], true) >= 0;
    if (level == s->extint) {
        return;
    }
    s->extint = level;
    accel = vemu__vm_accel(s->dev.vm, &accel_vm);
    if (accel && accel_vm && accel->set_extint) {
        accel->set_extint(accel_vm, level);
    }
}

void vemu__i8259_set_irq(struct vemu_device *dev, unsigned n, bool level)
{
    struct i8259 *s = (struct i8259 *)dev;

    if (n >= 16 || n == CASCADE) {
        return;
    }
    pthread_mutex_lock(&dev->lock);
    chip_set_input(&s->chips[n / 8], n % 8, level);
    i8259_update(s);
    pthread_mutex_unlock(&dev->lock);
}

static int i8259_ack_locked(struct i8259 *s)
{
    struct i8259_chip *master = &s->chips[0], *slave = &s->chips[1];
    int n = chip_request(master, true), vector;

    if (n < 0) {
        return -1;
    }
    chip_intack(master, (unsigned)n);
    if (n == CASCADE && !master->single) {
        int m = chip_request(slave, false);

        if (m >= 0) {
            chip_intack(slave, (unsigned)m);
        } else {
            m = 7; /* spurious: no in-service bit on the slave */
        }
        vector = slave->base + m;
    } else {
        vector = master->base + n;
    }
    /* The cascade input is the slave's INT: falls with INTA, rises for the next request. */
    chip_set_input(master, CASCADE, false);
    i8259_update(s);
    return vector;
}

int vemu__i8259_ack(struct vemu_device *dev)
{
    int vector;

    pthread_mutex_lock(&dev->lock);
    vector = i8259_ack_locked((struct i8259 *)dev);
    pthread_mutex_unlock(&dev->lock);
    return vector;
}

/* --- registers -------------------------------------------------------------------------------- */

static void chip_write_icw1(struct i8259_chip *c, uint8_t value)
{
    /* Data sheet, "Initialization command words": edge sense and IMR cleared, IR7 lowest, ... */
    c->irr = 0;
    c->imr = 0;
    c->isr = 0;
    c->lowest = 7;
    c->special_mask = 0;
    c->read_isr = 0;
    c->poll = 0;
    c->auto_eoi = 0;
    c->rotate_on_aeoi = 0;
    c->special_nested = 0;
    c->icw = 2;
    c->icw4_follows = (value & ICW1_ICW4) != 0;
    c->single = (value & ICW1_SINGLE) != 0;
    c->ltim = (value & ICW1_LTIM) != 0;
    for (unsigned n = 0; n < 8; n++) {
        if (chip_is_level(c, n) && (c->lines & (1u << n))) {
            c->irr |= 1u << n;
        }
    }
}

static void chip_write_ocw2(struct i8259_chip *c, uint8_t value)
{
    unsigned command = value >> 5, level = value & 7;
    int n;

    switch (command) {
    case 0: /* rotate in automatic EOI mode: clear */
    case 4: /* set */ c->rotate_on_aeoi = command == 4; break;
    case 1: /* non-specific EOI */
    case 5: /* rotate on non-specific EOI */
        n = chip_highest(c, c->special_mask ? c->isr & ~c->imr : c->isr);
        if (n >= 0) {
            c->isr &= ~(1u << n);
            if (command == 5) {
                c->lowest = (uint8_t)n;
            }
        }
        break;
    case 3: /* specific EOI */
    case 7: /* rotate on specific EOI */
        c->isr &= ~(1u << level);
        if (command == 7) {
            c->lowest = (uint8_t)level;
        }
        break;
    case 6: /* set priority */ c->lowest = (uint8_t)level; break;
    case 2: /* no operation */ break;
    }
}

static void chip_write_command(struct i8259_chip *c, uint8_t value)
{
    if (value & ICW1_INIT) {
        chip_write_icw1(c, value);
    } else if (value & OCW3) {
        if (value & OCW3_POLL) {
            c->poll = 1;
        }
        if (value & OCW3_RR) {
            c->read_isr = value & OCW3_RIS;
        }
        if (value & OCW3_ESMM) {
            c->special_mask = (value & OCW3_SMM) != 0;
        }
    } else {
        chip_write_ocw2(c, value);
    }
}

static void chip_write_data(struct i8259_chip *c, uint8_t value)
{
    switch (c->icw) {
    case 2:
        c->base = value & 0xf8;
        c->icw = !c->single ? 3 : c->icw4_follows ? 4 : 0;
        break;
    case 3: /* the wiring is fixed: nothing to keep */ c->icw = c->icw4_follows ? 4 : 0; break;
    case 4:
        c->special_nested = (value & ICW4_SFNM) != 0;
        c->auto_eoi = (value & ICW4_AEOI) != 0;
        c->icw = 0;
        break;
    default: /* OCW1 */ c->imr = value; break;
    }
}

/* Poll command: the read works as INTA and gives the request (data sheet, "Poll command"). */
static uint8_t i8259_poll(struct i8259 *s, unsigned which)
{
    struct i8259_chip *c = &s->chips[which];
    int n = chip_request(c, which == 0);

    c->poll = 0;
    if (n < 0) {
        return 0;
    }
    chip_intack(c, (unsigned)n);
    if (which == 1) {
        chip_set_input(&s->chips[0], CASCADE, false);
        s->chips[0].irr &= ~(1u << CASCADE);
    }
    i8259_update(s);
    return 0x80 | (uint8_t)n;
}

static uint64_t i8259_read(struct i8259 *s, unsigned which, uint64_t offset)
{
    struct i8259_chip *c = &s->chips[which];

    if (c->poll) {
        return i8259_poll(s, which);
    }
    if (offset == 1) {
        return c->imr;
    }
    return c->read_isr ? c->isr : c->irr;
}

static void i8259_write(struct i8259 *s, unsigned which, uint64_t offset, uint8_t value)
{
    if (offset == 1) {
        chip_write_data(&s->chips[which], value);
    } else {
        chip_write_command(&s->chips[which], value);
    }
    i8259_update(s);
}

static uint64_t master_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    return i8259_read((struct i8259 *)dev, 0, offset);
}

static void master_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    i8259_write((struct i8259 *)dev, 0, offset, (uint8_t)value);
}

static uint64_t slave_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    return i8259_read((struct i8259 *)dev, 1, offset);
}

static void slave_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    i8259_write((struct i8259 *)dev, 1, offset, (uint8_t)value);
}

static uint64_t elcr_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    return ((struct i8259 *)dev)->chips[offset].elcr;
}

static void elcr_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct i8259 *s = (struct i8259 *)dev;
    struct i8259_chip *c = &s->chips[offset];

    c->elcr = (uint8_t)value & elcr_mask[offset];
    for (unsigned n = 0; n < 8; n++) {
        if (c->elcr & (1u << n)) {
            chip_set_input(c, n, (c->lines & (1u << n)) != 0);
        }
    }
    i8259_update(s);
}

static const struct vemu_region_ops master_region = {
    .read = master_read,
    .write = master_write,
    .min_size = 1,
    .max_size = 1,
};
static const struct vemu_region_ops slave_region = {
    .read = slave_read,
    .write = slave_write,
    .min_size = 1,
    .max_size = 1,
};
static const struct vemu_region_ops elcr_region = {
    .read = elcr_read,
    .write = elcr_write,
    .min_size = 1,
    .max_size = 1,
};

/* --- life cycle ------------------------------------------------------------------------------- */

static int i8259_realize(struct vemu_device *dev, struct vemu_error **err)
{
    int r = vemu_device_map(dev, VEMU_SPACE_IO, 0x20, 2, &master_region, "pic-master", err);

    if (r >= 0) {
        r = vemu_device_map(dev, VEMU_SPACE_IO, 0xa0, 2, &slave_region, "pic-slave", err);
    }
    if (r >= 0) {
        r = vemu_device_map(dev, VEMU_SPACE_IO, 0x4d0, 2, &elcr_region, "elcr", err);
    }
    return r;
}

static void i8259_reset(struct vemu_device *dev)
{
    struct i8259 *s = (struct i8259 *)dev;

    for (unsigned i = 0; i < 2; i++) {
        struct i8259_chip *c = &s->chips[i];
        uint8_t lines = c->lines; /* the wires, whose drivers reset on their own */

        *c = (struct i8259_chip){ .lines = lines, .lowest = 7 };
    }
    s->chips[0].lines &= ~(1u << CASCADE);
    i8259_update(s);
}

static void i8259_restored(struct vemu_device *dev)
{
    struct i8259 *s = (struct i8259 *)dev;

    for (unsigned i = 0; i < 2; i++) {
        struct i8259_chip *c = &s->chips[i];

        c->lowest &= 7;
        c->base &= 0xf8;
        c->elcr &= elcr_mask[i];
        c->icw = c->icw >= 2 && c->icw <= 4 ? c->icw : 0;
    }
    s->extint = !(chip_request(&s->chips[0], true) >= 0); /* tell the accelerator in any case */
    i8259_update(s);
}

#define CHIP_STATE(i)                                                                              \
    VEMU_STATE(struct i8259, chips[i].irr), VEMU_STATE(struct i8259, chips[i].imr),                \
        VEMU_STATE(struct i8259, chips[i].isr), VEMU_STATE(struct i8259, chips[i].lines),          \
        VEMU_STATE(struct i8259, chips[i].elcr), VEMU_STATE(struct i8259, chips[i].lowest),        \
        VEMU_STATE(struct i8259, chips[i].base), VEMU_STATE(struct i8259, chips[i].icw),           \
        VEMU_STATE(struct i8259, chips[i].icw4_follows),                                           \
        VEMU_STATE(struct i8259, chips[i].single), VEMU_STATE(struct i8259, chips[i].ltim),        \
        VEMU_STATE(struct i8259, chips[i].auto_eoi),                                               \
        VEMU_STATE(struct i8259, chips[i].rotate_on_aeoi),                                         \
        VEMU_STATE(struct i8259, chips[i].special_mask),                                           \
        VEMU_STATE(struct i8259, chips[i].special_nested),                                         \
        VEMU_STATE(struct i8259, chips[i].read_isr), VEMU_STATE(struct i8259, chips[i].poll)

static const struct vemu_state_field i8259_state[] = {
    CHIP_STATE(0),
    CHIP_STATE(1),
    VEMU_STATE_END,
};

static const struct vemu_prop i8259_props[] = { VEMU_PROP_END };

static const struct vemu_device_ops i8259_ops = {
    .realize = i8259_realize,
    .reset = i8259_reset,
    .restored = i8259_restored,
};

const struct vemu_device_class vemu__device_i8259 = {
    .name = "isa-pic",
    .summary = "pair of 8259A interrupt controllers",
    .flags = VEMU_DEVICE_INTERNAL,
    .state_version = 1,
    .instance_size = sizeof(struct i8259),
    .props = i8259_props,
    .state = i8259_state,
    .ops = &i8259_ops,
};
