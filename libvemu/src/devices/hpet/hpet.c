/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * High Precision Event Timers (IA-PC HPET Specification 1.0a): a counter of 100 MHz and three
 * timers, each periodic or not, of 64 or 32 bits, with edge or level interrupts. No FSB delivery.
 *
 * The counter is not kept: it follows from the machine's clock since it was enabled. A match is
 * where the counter comes to be equal to the comparator; one that lies behind it comes when the
 * counter has gone round, as on the chip. A periodic timer that could not keep up has lost the
 * matches between: its comparator is moved on, and there is one interrupt for all of them.
 */
#include "devices/hpet/hpet.h"

#include <errno.h>
#include <string.h>

#include "devices/devices.h"

#define TIMERS          3u
#define TICK_NS         10
#define PERIOD_FS       10000000ull
#define PERIODIC_MIN_NS 20000 /* between interrupts of a periodic timer: nobody can do more */

#define REG_ID      0x000u
#define REG_CONFIG  0x010u
#define REG_STATUS  0x020u
#define REG_COUNTER 0x0f0u
#define REG_TIMERS  0x100u
#define TIMER_SPACE 0x20u

#define CONFIG_ENABLE 1u
#define CONFIG_LEGACY 2u

#define T_LEVEL    (1u << 1)
#define T_ENABLE   (1u << 2)
#define T_PERIODIC (1u << 3)
#define T_SET      (1u << 6)
#define T_32       (1u << 8)
#define T_ROUTE    (31u << 9)
#define T_WRITABLE (T_LEVEL | T_ENABLE | T_PERIODIC | T_SET | T_32 | T_ROUTE)
#define T_CAN      (1u << 4 | 1u << 5) /* periodic, 64 bits */
#define ROUTES     0x00ff0100u         /* pins of the I/O APIC that any timer can have */
#define LINES      24u

struct hpet_timer {
    uint32_t config;
    uint64_t comparator, period;
    int64_t last_ns; /* when it last fired */
};

struct hpet {
    struct vemu_device dev;
    struct vemu_irq *irqs[LINES], *legacy[2], *replaces;
    struct vemu_timer *alarms[TIMERS];
    /* saved */
    uint32_t config, status;
    uint64_t counter; /* at start_ns, or as it stands */
    int64_t start_ns;
    struct hpet_timer timers[TIMERS];
};

/* --- time ------------------------------------------------------------------------------------- */

static uint64_t elapsed(const struct hpet *s)
{
    return s->config & CONFIG_ENABLE ? (uint64_t)(vemu_clock_ns(s->dev.vm) - s->start_ns) / TICK_NS
                                     : 0;
}

static uint64_t counter(const struct hpet *s)
{
    return s->counter + elapsed(s);
}

static uint64_t mask(const struct hpet_timer *t)
{
    return t->config & T_32 ? UINT32_MAX : UINT64_MAX;
}

/* --- interrupts ------------------------------------------------------------------------------- */

/* NULL: it goes nowhere. */
static struct vemu_irq *line(const struct hpet *s, unsigned n)
{
    const unsigned route = (s->timers[n].config & T_ROUTE) >> 9;

    if (s->config & CONFIG_LEGACY && n < 2)
        return s->legacy[n];
    return route < LINES && ROUTES >> route & 1 ? s->irqs[route] : NULL;
}

/* The levels of all lines follow from the status; several timers may share one. */
static void update_lines(struct hpet *s)
{
    bool high[LINES] = { false }, legacy[2] = { false };

    for (unsigned n = 0; n < TIMERS; n++) {
        const uint32_t c = s->timers[n].config;
        const bool level =
            s->config & CONFIG_ENABLE && c & T_ENABLE && c & T_LEVEL && s->status >> n & 1;

        if (s->config & CONFIG_LEGACY && n < 2)
            legacy[n] = level;
        else if (line(s, n))
            high[(c & T_ROUTE) >> 9] |= level;
    }
    for (unsigned n = 0; n < LINES; n++)
        if (s->irqs[n])
            vemu_irq_set(s->irqs[n], high[n]);
    for (unsigned n = 0; n < 2; n++)
        if (s->legacy[n])
            vemu_irq_set(s->legacy[n], legacy[n]);
}

static void fire(struct hpet *s, unsigned n)
{
    const uint32_t c = s->timers[n].config;
    struct vemu_irq *irq = line(s, n);

    s->timers[n].last_ns = vemu_clock_ns(s->dev.vm);
    if (c & T_LEVEL) {
        s->status |= 1u << n;
        update_lines(s);
    } else if (c & T_ENABLE && irq) {
        vemu_irq_pulse(irq);
    }
}

/* --- matches ---------------------------------------------------------------------------------- */

/* Ticks from now until the next match, at least 1. */
static uint64_t ahead(const struct hpet *s, const struct hpet_timer *t)
{
    return ((t->comparator - counter(s) - 1) & mask(t)) + 1; /* 0: 2^64 of them */
}

static void schedule(struct hpet *s, unsigned n)
{
    const struct hpet_timer *t = &s->timers[n];
    const uint64_t ticks = ahead(s, t), done = elapsed(s);
    int64_t deadline = INT64_MAX;

    /* Nobody would notice a timer without a way to tell. */
    if (s->config & CONFIG_ENABLE && t->config & (T_ENABLE | T_LEVEL) && ticks &&
        ticks < INT64_MAX / TICK_NS / 2 && done < INT64_MAX / TICK_NS / 2) {
        deadline = s->start_ns + (int64_t)(done + ticks) * TICK_NS;
        if (t->config & T_PERIODIC && deadline < t->last_ns + PERIODIC_MIN_NS)
            deadline = t->last_ns + PERIODIC_MIN_NS;
    }
    vemu_timer_set(s->alarms[n], deadline);
}

static void schedule_all(struct hpet *s)
{
    for (unsigned n = 0; n < TIMERS; n++)
        schedule(s, n);
}

/* The comparator goes on to the first match that is not over. */
static void move_on(const struct hpet *s, struct hpet_timer *t)
{
    const uint64_t period = t->period & mask(t);
    const uint64_t late = (counter(s) - t->comparator) & mask(t);

    if (period)
        t->comparator = (t->comparator + (late / period + 1) * period) & mask(t);
}

static void alarm_rings(struct hpet *s, unsigned n)
{
    struct hpet_timer *t = &s->timers[n];

    if (t->config & T_PERIODIC)
        move_on(s, t);
    fire(s, n);
    schedule(s, n);
}

static void alarm0(struct vemu_device *dev)
{
    alarm_rings((struct hpet *)dev, 0);
}

static void alarm1(struct vemu_device *dev)
{
    alarm_rings((struct hpet *)dev, 1);
}

static void alarm2(struct vemu_device *dev)
{
    alarm_rings((struct hpet *)dev, 2);
}

/* --- registers -------------------------------------------------------------------------------- */

static uint64_t timer_get(const struct hpet *s, unsigned n, uint64_t offset)
{
    const struct hpet_timer *t = &s->timers[n];

    switch (offset) {
    case 0: return (uint64_t)ROUTES << 32 | T_CAN | t->config;
    case 8: return t->comparator & mask(t);
    default: return 0; /* FSB route */
    }
}

/* All 64 bits of the register that has the offset, a multiple of 8. */
static uint64_t get(const struct hpet *s, uint64_t offset)
{
    const unsigned n = (unsigned)((offset - REG_TIMERS) / TIMER_SPACE);

    switch (offset) {
    case REG_ID: return PERIOD_FS << 32 | VEMU_HPET_ID;
    case REG_CONFIG: return s->config;
    case REG_STATUS: return s->status;
    case REG_COUNTER: return counter(s);
    default: break;
    }
    return offset >= REG_TIMERS && n < TIMERS ? timer_get(s, n, offset % TIMER_SPACE) : 0;
}

static uint64_t hpet_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    const uint64_t value = get((struct hpet *)dev, offset & ~7ull);

    return size == 8 ? value : (uint32_t)(offset & 4 ? value >> 32 : value);
}

static void set_config(struct hpet *s, uint32_t value)
{
    const uint32_t changed = s->config ^ value;

    if (changed & CONFIG_ENABLE) {
        s->counter = counter(s);
        s->start_ns = vemu_clock_ns(s->dev.vm);
    }
    if (changed & CONFIG_LEGACY) { /* nothing stays behind on lines that others have now */
        for (unsigned n = 0; n < 2; n++)
            if (s->legacy[n])
                vemu_irq_set(s->legacy[n], false);
    }
    s->config = value;
    if (s->replaces)
        vemu_irq_set(s->replaces, value & CONFIG_LEGACY);
    update_lines(s);
    schedule_all(s);
}

static void set_counter(struct hpet *s, uint64_t value)
{
    s->counter = value;
    s->start_ns = vemu_clock_ns(s->dev.vm);
    schedule_all(s);
}

static void set_timer_config(struct hpet *s, unsigned n, uint32_t value)
{
    struct hpet_timer *t = &s->timers[n];

    t->config = value & T_WRITABLE;
    if (!(t->config & T_LEVEL))
        s->status &= ~(1u << n);
    if (t->config & T_32) {
        t->comparator &= UINT32_MAX;
        t->period &= UINT32_MAX;
    }
    update_lines(s);
    schedule(s, n);
}

/* 2.3.9.2.2: in periodic mode the value is the period, and with VAL_SET the comparator as well. */
static void set_comparator(struct hpet *s, unsigned n, uint64_t value, uint64_t bits)
{
    struct hpet_timer *t = &s->timers[n];

    if (t->config & T_32 && !(bits & UINT32_MAX))
        return;
    if (!(t->config & T_PERIODIC) || t->config & T_SET)
        t->comparator = ((t->comparator & ~bits) | (value & bits)) & mask(t);
    if (t->config & T_PERIODIC)
        t->period = ((t->period & ~bits) | (value & bits)) & mask(t);
    t->config &= ~T_SET;
    schedule(s, n);
}

/* `bits` of the register are written. */
static void put(struct hpet *s, uint64_t offset, uint64_t value, uint64_t bits)
{
    const unsigned n = (unsigned)((offset - REG_TIMERS) / TIMER_SPACE);
    const uint64_t merged = (get(s, offset) & ~bits) | (value & bits);

    switch (offset) {
    case REG_CONFIG: set_config(s, merged & (CONFIG_ENABLE | CONFIG_LEGACY)); return;
    case REG_STATUS:
        s->status &= ~(uint32_t)(value & bits);
        update_lines(s);
        return;
    case REG_COUNTER: set_counter(s, merged); return;
    default: break;
    }
    if (offset < REG_TIMERS || n >= TIMERS)
        return;
    if (offset % TIMER_SPACE == 0 && bits & UINT32_MAX)
        set_timer_config(s, n, (uint32_t)merged);
    else if (offset % TIMER_SPACE == 8)
        set_comparator(s, n, value, bits);
}

static void hpet_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    const unsigned shift = size == 4 && offset & 4 ? 32 : 0;
    const uint64_t bits = size == 8 ? UINT64_MAX : (uint64_t)UINT32_MAX << shift;

    put((struct hpet *)dev, offset & ~7ull, value << shift, bits);
}

static const struct vemu_region_ops hpet_region = {
    .read = hpet_read,
    .write = hpet_write,
    .min_size = 4,
    .max_size = 8,
};

/* --- life cycle ------------------------------------------------------------------------------- */

void vemu__hpet_connect(struct vemu_device *dev, struct vemu_irq *timer, struct vemu_irq *clock,
                        struct vemu_irq *replaces)
{
    struct hpet *s = (struct hpet *)dev;

    s->legacy[0] = timer;
    s->legacy[1] = clock;
    s->replaces = replaces;
}

static int hpet_realize(struct vemu_device *dev, struct vemu_error **err)
{
    static const vemu_timer_fn alarms[TIMERS] = { alarm0, alarm1, alarm2 };
    struct hpet *s = (struct hpet *)dev;

    for (unsigned n = 0; n < LINES; n++) {
        if (!(ROUTES >> n & 1))
            continue;
        s->irqs[n] = vemu_device_get_irq(dev, n, err);
        if (!s->irqs[n])
            return -EINVAL;
    }
    for (unsigned n = 0; n < TIMERS; n++) {
        s->alarms[n] = vemu_device_add_timer(dev, alarms[n]);
        if (!s->alarms[n])
            return vemu__error_set(err, ENOMEM, "no memory for a timer");
    }
    return vemu_device_map(dev, VEMU_SPACE_MEMORY, VEMU_HPET_ADDRESS, VEMU_HPET_SIZE, &hpet_region,
                           "hpet", err);
}

static void hpet_reset(struct vemu_device *dev)
{
    struct hpet *s = (struct hpet *)dev;

    memset(s->timers, 0, sizeof(s->timers));
    for (unsigned n = 0; n < TIMERS; n++)
        s->timers[n].comparator = UINT64_MAX;
    s->status = 0;
    s->counter = 0;
    s->start_ns = 0;
    s->config = 0;
    set_config(s, 0);
}

/* What a stream says is not what registers can hold. */
static void hpet_restored(struct vemu_device *dev)
{
    struct hpet *s = (struct hpet *)dev;
    const int64_t now = vemu_clock_ns(dev->vm);

    s->config &= CONFIG_ENABLE | CONFIG_LEGACY;
    s->status &= (1u << TIMERS) - 1;
    if (s->start_ns > now || s->start_ns < 0)
        s->start_ns = now;
    for (unsigned n = 0; n < TIMERS; n++) {
        struct hpet_timer *t = &s->timers[n];

        t->config &= T_WRITABLE;
        t->comparator &= mask(t);
        t->period &= mask(t);
        t->last_ns = t->last_ns < 0 || t->last_ns > now ? 0 : t->last_ns;
    }
    set_config(s, s->config);
}

#define TIMER_STATE(n)                                                                             \
    VEMU_STATE(struct hpet, timers[n].config), VEMU_STATE(struct hpet, timers[n].comparator),      \
        VEMU_STATE(struct hpet, timers[n].period), VEMU_STATE(struct hpet, timers[n].last_ns)

static const struct vemu_state_field hpet_state[] = {
    VEMU_STATE(struct hpet, config),
    VEMU_STATE(struct hpet, status),
    VEMU_STATE(struct hpet, counter),
    VEMU_STATE(struct hpet, start_ns),
    TIMER_STATE(0),
    TIMER_STATE(1),
    TIMER_STATE(2),
    VEMU_STATE_END,
};

static const struct vemu_prop hpet_props[] = { VEMU_PROP_END };

static const struct vemu_device_ops hpet_ops = {
    .realize = hpet_realize,
    .reset = hpet_reset,
    .restored = hpet_restored,
};

const struct vemu_device_class vemu__device_hpet = {
    .name = "hpet",
    .summary = "high precision event timers",
    .flags = VEMU_DEVICE_INTERNAL,
    .state_version = 1,
    .instance_size = sizeof(struct hpet),
    .props = hpet_props,
    .state = hpet_state,
    .ops = &hpet_ops,
};
