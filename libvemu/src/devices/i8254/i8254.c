/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * 8254 interval timer with its PC/AT surroundings: IRQ 0, refresh, and the speaker gate of port
 * 0x61.
 *
 * Theory of operation
 *
 * The model is the Intel 8254 data sheet (order number 231164). Nothing counts while nobody looks:
 * a channel keeps the moment its count was loaded, and count and output are computed from the VM's
 * clock when they are read. Only channel 0 needs a host timer, for its interrupt: one event per
 * period (modes 2 and 3) or per shot (modes 0 and 4), which pulses IRQ 0.
 *
 * Periods that the host was too late for are dropped, not made up: a guest that keeps time has a
 * better clock, and a burst of stale ticks only does harm. A guest can program periods of less than
 * a microsecond; interrupts then come every 200 us at most, so that it cannot occupy the loop
 * thread.
 *
 * A new count takes effect at once also in modes 2 and 3 (the chip finishes the current period
 * first); drivers write the control word before, where the difference does not exist.
 *
 * Port 0x61: bit 0 gate of channel 2, bit 1 speaker data, bit 4 toggles with each refresh request
 * (15.085 us), bit 5 output of channel 2.
 */
#include <errno.h>
#include <string.h>

#include "devices/devices.h"

#define PIT_HZ        1193182ull
#define NS_PER_SECOND 1000000000ll
#define MIN_PERIOD_NS 200000ll
#define REFRESH_NS    15085ll
#define CHANNEL_COUNT 3

enum { ACCESS_LOW = 1, ACCESS_HIGH = 2, ACCESS_WORD = 3 };

struct pit_channel {
    uint8_t mode, access, bcd, gate;
    uint8_t loaded;     /* a count was written since the control word */
    uint8_t triggered;  /* modes 1 and 5: the gate has risen */
    uint8_t write_high; /* ACCESS_WORD: the next write is the high byte */
    uint8_t read_high;  /* likewise for reads */
    uint8_t write_low;  /* low byte kept until the high byte comes */
    uint8_t latch_left; /* bytes of the latched count not yet read */
    uint8_t status_latched, status;
    uint16_t latch;
    uint32_t count;      /* ticks per period, 1..65536; 0: never loaded */
    int64_t start_ns;    /* when the count was loaded, or the gate rose */
    uint64_t stopped_at; /* gate low: ticks done before it fell */
};

struct pit {
    struct vemu_device dev;
    struct vemu_irq *irq;
    struct vemu_timer *timer;
    struct pit_channel channels[CHANNEL_COUNT];
    uint8_t speaker; /* port 0x61 bits 1 to 3 */
};

static uint64_t ns_to_ticks(int64_t ns)
{
    return ns <= 0 ? 0 : (uint64_t)((unsigned __int128)ns * PIT_HZ / NS_PER_SECOND);
}

/* Rounded up, so that ns_to_ticks(ticks_to_ns(n)) == n. */
static int64_t ticks_to_ns(uint64_t ticks)
{
    return (int64_t)(((unsigned __int128)ticks * NS_PER_SECOND + PIT_HZ - 1) / PIT_HZ);
}

/* Does the channel count now? (Data sheet, figure 21: gate pin operations.) */
static bool channel_runs(const struct pit_channel *c)
{
    if (!c->loaded) {
        return false;
    }
    return (c->mode == 1 || c->mode == 5) ? c->triggered : c->gate;
}

static uint64_t channel_ticks(const struct pit_channel *c, int64_t now)
{
    return channel_runs(c) ? c->stopped_at + ns_to_ticks(now - c->start_ns) : c->stopped_at;
}

static bool channel_out(const struct pit_channel *c, int64_t now)
{
    uint64_t ticks = channel_ticks(c, now);

    if (!c->loaded) {
        return c->mode != 0; /* the control word sets OUT: low in mode 0, high in the others */
    }
    switch (c->mode) {
    case 0: return ticks >= c->count;
    case 1: return !c->triggered || ticks >= c->count;
    case 2: return !c->gate || ticks % c->count != c->count - 1;
    case 3: return !c->gate || ticks % c->count < (c->count + 1) / 2;
    case 5: return !c->triggered || ticks != c->count;
    default: return ticks != c->count;
    }
}

static uint16_t to_bcd(unsigned value)
{
    return (uint16_t)((value / 1000 % 10) << 12 | (value / 100 % 10) << 8 | (value / 10 % 10) << 4 |
                      value % 10);
}

static unsigned from_bcd(unsigned value)
{
    return (value >> 12) * 1000 + (value >> 8 & 15) * 100 + (value >> 4 & 15) * 10 + (value & 15);
}

/* What the counting element holds. */
static uint16_t channel_count(const struct pit_channel *c, int64_t now)
{
    uint64_t ticks = channel_ticks(c, now), modulus = c->bcd ? 10000 : 0x10000, value;

    if (!c->count) {
        return 0;
    }
    switch (c->mode) {
    case 2: value = c->count - ticks % c->count; break;
    case 3: value = c->count - 2 * ticks % c->count; break;
    default: value = modulus + c->count - ticks % modulus; break;
    }
    value %= modulus;
    return c->bcd ? to_bcd((unsigned)value) : (uint16_t)value;
}

static void pit_schedule(struct pit *s)
{
    const struct pit_channel *c = &s->channels[0];
    int64_t now, deadline = INT64_MAX;
    uint64_t ticks, next;

    if (channel_runs(c)) {
        now = vemu_clock_ns(s->dev.vm);
        ticks = channel_ticks(c, now);
        switch (c->mode) {
        case 0:
        case 4:
            next = c->mode == 4 ? c->count + 1 : c->count;
            if (ticks < next) {
                deadline = c->start_ns + ticks_to_ns(next - c->stopped_at);
            }
            break;
        case 2:
        case 3:
            next = (ticks / c->count + 1) * c->count;
            deadline = c->start_ns + ticks_to_ns(next - c->stopped_at);
            if (deadline < now + MIN_PERIOD_NS && ticks_to_ns(c->count) < MIN_PERIOD_NS) {
                deadline = now + MIN_PERIOD_NS;
            }
            break;
        }
    }
    vemu_timer_set(s->timer, deadline);
}

static void pit_tick(struct vemu_device *dev)
{
    struct pit *s = (struct pit *)dev;

    vemu_irq_pulse(s->irq);
    pit_schedule(s);
}

static void channel_load(struct pit *s, unsigned n, unsigned value)
{
    struct pit_channel *c = &s->channels[n];
    int64_t now = vemu_clock_ns(s->dev.vm);

    if (c->bcd) {
        value = from_bcd(value);
        c->count = value ? value : 10000;
    } else {
        c->count = value ? value : 0x10000;
    }
    if ((c->mode == 1 || c->mode == 5) && c->triggered) {
        c->loaded = 1; /* a running one-shot is not disturbed before the next trigger */
    } else {
        c->loaded = 1;
        c->start_ns = now;
        c->stopped_at = 0;
    }
    if (n == 0) {
        pit_schedule(s);
    }
}

static void channel_set_gate(struct pit *s, unsigned n, bool gate)
{
    struct pit_channel *c = &s->channels[n];
    int64_t now = vemu_clock_ns(s->dev.vm);

    if (gate == (c->gate != 0)) {
        return;
    }
    if (gate) {
        switch (c->mode) {
        case 1:
        case 5: /* rising edge: (re)trigger */
            c->triggered = c->loaded;
            c->stopped_at = 0;
            break;
        case 2:
        case 3: /* rising edge: reload */ c->stopped_at = 0; break;
        }
        c->start_ns = now;
    } else if (c->mode != 1 && c->mode != 5) {
        c->stopped_at = channel_ticks(c, now);
    }
    c->gate = gate;
}

static void channel_latch_count(struct pit_channel *c, int64_t now)
{
    if (!c->latch_left) { /* a second latch command is ignored until the first was read */
        c->latch = channel_count(c, now);
        c->latch_left = c->access == ACCESS_WORD ? 2 : 1;
    }
}

static void channel_latch_status(struct pit_channel *c, int64_t now)
{
    if (!c->status_latched) {
        c->status = (uint8_t)((channel_out(c, now) << 7) | (!c->loaded << 6) | (c->access << 4) |
                              (c->mode << 1) | c->bcd);
        c->status_latched = 1;
    }
}

static void pit_write_control(struct pit *s, uint8_t value)
{
    unsigned n = value >> 6, access = (value >> 4) & 3, mode = (value >> 1) & 7;
    int64_t now = vemu_clock_ns(s->dev.vm);
    struct pit_channel *c;

    if (n == 3) { /* read-back: bits 5 and 4 are active low */
        for (unsigned i = 0; i < CHANNEL_COUNT; i++) {
            if (value & (2u << i)) {
                if (!(value & 0x20)) {
                    channel_latch_count(&s->channels[i], now);
                }
                if (!(value & 0x10)) {
                    channel_latch_status(&s->channels[i], now);
                }
            }
        }
        return;
    }
    c = &s->channels[n];
    if (access == 0) {
        channel_latch_count(c, now);
        return;
    }
    *c = (struct pit_channel){
        .mode = (uint8_t)(mode > 5 ? mode - 4 : mode), /* 6 and 7 are 2 and 3 */
        .access = (uint8_t)access,
        .bcd = value & 1,
        .gate = c->gate,
    };
    if (n == 0) {
        pit_schedule(s);
    }
}

static void pit_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value64)
{
    struct pit *s = (struct pit *)dev;
    uint8_t value = (uint8_t)value64;
    struct pit_channel *c;

    if (offset == 3) {
        pit_write_control(s, value);
        return;
    }
    c = &s->channels[offset];
    switch (c->access) {
    case ACCESS_LOW: channel_load(s, (unsigned)offset, value); break;
    case ACCESS_HIGH: channel_load(s, (unsigned)offset, (unsigned)value << 8); break;
    case ACCESS_WORD:
        if (!c->write_high) {
            c->write_low = value;
            c->write_high = 1;
            if (c->mode == 0) { /* data sheet, mode 0: the first byte disables counting */
                c->loaded = 0;
                if (offset == 0) {
                    pit_schedule(s);
                }
            }
        } else {
            c->write_high = 0;
            channel_load(s, (unsigned)offset, c->write_low | (unsigned)value << 8);
        }
        break;
    }
}

static uint64_t pit_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    struct pit *s = (struct pit *)dev;
    struct pit_channel *c;
    uint16_t count;

    if (offset == 3) {
        return 0xff; /* the control word cannot be read: the bus floats */
    }
    c = &s->channels[offset];
    if (c->status_latched) {
        c->status_latched = 0;
        return c->status;
    }
    if (c->latch_left) {
        count = c->latch;
        c->latch_left--;
    } else {
        count = channel_count(c, vemu_clock_ns(s->dev.vm));
    }
    switch (c->access) {
    case ACCESS_LOW: return count & 0xff;
    case ACCESS_HIGH: return count >> 8;
    default: c->read_high = !c->read_high; return c->read_high ? count & 0xff : count >> 8;
    }
}

static uint64_t port61_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    struct pit *s = (struct pit *)dev;
    int64_t now = vemu_clock_ns(s->dev.vm);

    return s->channels[2].gate | s->speaker | ((now / REFRESH_NS & 1) << 4) |
           ((unsigned)channel_out(&s->channels[2], now) << 5);
}

static void port61_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct pit *s = (struct pit *)dev;

    s->speaker = value & 0x0e;
    channel_set_gate(s, 2, value & 1);
}

static const struct vemu_region_ops pit_region = {
    .read = pit_read,
    .write = pit_write,
    .min_size = 1,
    .max_size = 1,
};
static const struct vemu_region_ops port61_region = {
    .read = port61_read,
    .write = port61_write,
    .min_size = 1,
    .max_size = 1,
};

/* --- life cycle ------------------------------------------------------------------------------- */

static int pit_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct pit *s = (struct pit *)dev;
    int r;

    s->irq = vemu_device_get_irq(dev, 0, err);
    if (!s->irq) {
        return -EINVAL;
    }
    s->timer = vemu_device_add_timer(dev, pit_tick);
    if (!s->timer) {
        return vemu__error_set(err, ENOMEM, "no memory for a timer");
    }
    r = vemu_device_map(dev, VEMU_SPACE_IO, 0x40, 4, &pit_region, "pit", err);
    if (r >= 0) {
        r = vemu_device_map(dev, VEMU_SPACE_IO, 0x61, 1, &port61_region, "port61", err);
    }
    return r;
}

static void pit_reset(struct vemu_device *dev)
{
    struct pit *s = (struct pit *)dev;

    for (unsigned i = 0; i < CHANNEL_COUNT; i++) {
        s->channels[i] = (struct pit_channel){ .mode = 3, .access = ACCESS_WORD, .gate = i != 2 };
    }
    s->speaker = 0;
    vemu_timer_set(s->timer, INT64_MAX);
}

static void pit_restored(struct vemu_device *dev)
{
    struct pit *s = (struct pit *)dev;
    const int64_t now = vemu_clock_ns(dev->vm);

    for (unsigned i = 0; i < CHANNEL_COUNT; i++) {
        struct pit_channel *c = &s->channels[i];

        c->mode = c->mode > 5 ? 3 : c->mode;
        c->access = c->access & 3 ? c->access & 3 : ACCESS_WORD;
        c->gate = i == 2 ? c->gate & 1 : 1;
        c->bcd &= 1;
        c->latch_left = c->latch_left > 2 ? 0 : c->latch_left;
        c->count = c->count > 0x10000 ? 0x10000 : c->count;
        c->loaded = c->loaded && c->count;
        c->stopped_at &= UINT32_MAX;
        if (c->start_ns < 0 || c->start_ns > now) { /* the next tick would always be over */
            c->start_ns = now;
        }
    }
    pit_schedule(s);
}

#define CHANNEL_STATE(i)                                                                           \
    VEMU_STATE(struct pit, channels[i].mode), VEMU_STATE(struct pit, channels[i].access),          \
        VEMU_STATE(struct pit, channels[i].bcd), VEMU_STATE(struct pit, channels[i].gate),         \
        VEMU_STATE(struct pit, channels[i].loaded), VEMU_STATE(struct pit, channels[i].triggered), \
        VEMU_STATE(struct pit, channels[i].write_high),                                            \
        VEMU_STATE(struct pit, channels[i].read_high),                                             \
        VEMU_STATE(struct pit, channels[i].write_low),                                             \
        VEMU_STATE(struct pit, channels[i].latch_left),                                            \
        VEMU_STATE(struct pit, channels[i].status_latched),                                        \
        VEMU_STATE(struct pit, channels[i].status), VEMU_STATE(struct pit, channels[i].latch),     \
        VEMU_STATE(struct pit, channels[i].count), VEMU_STATE(struct pit, channels[i].start_ns),   \
        VEMU_STATE(struct pit, channels[i].stopped_at)

static const struct vemu_state_field pit_state[] = {
    CHANNEL_STATE(0), CHANNEL_STATE(1), CHANNEL_STATE(2), VEMU_STATE(struct pit, speaker),
    VEMU_STATE_END,
};

static const struct vemu_prop pit_props[] = { VEMU_PROP_END };

static const struct vemu_device_ops pit_ops = {
    .realize = pit_realize,
    .reset = pit_reset,
    .restored = pit_restored,
};

const struct vemu_device_class vemu__device_i8254 = {
    .name = "isa-pit",
    .summary = "8254 interval timer and port 0x61",
    .flags = VEMU_DEVICE_INTERNAL,
    .state_version = 1,
    .instance_size = sizeof(struct pit),
    .props = pit_props,
    .state = pit_state,
    .ops = &pit_ops,
};
