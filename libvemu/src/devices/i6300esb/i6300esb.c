/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watchdog of the Intel 6300ESB (data sheet 300641, chapter 18): PCI function 8086:25ab.
 *
 * Two stages count down one after the other, each from a preload value of 20 bits; a reload sets
 * the first going again. When the second ends, the watchdog's action is carried out (that of
 * core/watchdog.h), if the configuration lets it reset. The clock is PCI's 33 MHz divided by 2^15,
 * or by 2^5.
 *
 * Writes to the timer registers need an unlock sequence of 80h and 86h at the reload register each
 * time. The end of the first stage raises INTA# (on the chip an input of its second I/O APIC), if
 * the configuration says "interrupt" (Linux says none). Left out: SMI as the other choice, the
 * count registers.
 *
 * One that runs freely ends stages without end, every microsecond at its fastest. All that is seen
 * of an end is a bit that stays until the guest clears it. So once the bits are set nobody waits
 * for further ends; when one is cleared, the stage that is under way by then is computed.
 */
#include <string.h>

#include "bus/pci.h"
#include "core/vm.h"
#include "core/watchdog.h"
#include "devices/devices.h"

/* configuration space */
#define CONFIG      0x60u
#define CONFIG_BITS 0x0027u /* interrupt type, prescaler, reset off */
#define CONFIG_TYPE 0x0003u /* of the first stage's end; 0: interrupt, 2: SMI, 3: none */
#define CONFIG_FAST 0x0004u
#define CONFIG_MUTE 0x0020u /* the second stage resets nothing */
#define LOCK        0x68u
#define LOCK_LOCKED 0x01u
#define LOCK_ENABLE 0x02u
#define LOCK_FREE   0x04u /* free running: never resets, goes on counting */

/* BAR 0 */
#define BAR_SIZE       16u
#define TIMER1         0x00u
#define TIMER2         0x04u
#define INTERRUPT      0x08u /* bit 0: the first stage ended; write 1 to clear */
#define RELOAD         0x0cu
#define PRELOAD_MASK   0xfffffu
#define RELOAD_NOW     0x0100u
#define RELOAD_TIMEOUT 0x0200u /* the second stage ended; write 1 to clear */
#define UNLOCK_FIRST   0x80u
#define UNLOCK_SECOND  0x86u

#define PCI_HZ     33000000ull
#define NS         1000000000ull
#define SHIFT_SLOW 15u
#define SHIFT_FAST 5u

struct i6300esb {
    struct vemu_pci_device pci;
    struct vemu_timer *timer;
    /* saved, besides configuration space */
    uint32_t preload[2];
    uint8_t stage;  /* that counts: 0, 1; meaningless when none does */
    uint8_t unlock; /* values of the sequence that were seen */
    uint8_t timeout;
    uint8_t counting;
    uint8_t interrupt; /* the first stage ended and nobody has said that he knows */
    int64_t deadline_ns;
};

static struct i6300esb *of(struct vemu_device *dev)
{
    return (struct i6300esb *)dev;
}

/* --- counting --------------------------------------------------------------------------------- */

static int64_t stage_ns(const struct i6300esb *s, unsigned stage)
{
    unsigned shift = s->pci.config[CONFIG] & CONFIG_FAST ? SHIFT_FAST : SHIFT_SLOW;
    unsigned __int128 clocks = (unsigned __int128)(s->preload[stage] + 1) << shift;

    return (int64_t)(clocks * NS / PCI_HZ);
}

/* Is there nothing that the end of a stage would change? */
static bool is_settled(const struct i6300esb *s)
{
    return s->pci.config[LOCK] & LOCK_FREE && s->timeout &&
           (s->interrupt || s->pci.config[CONFIG] & CONFIG_TYPE);
}

static void await_end(struct i6300esb *s)
{
    vemu_timer_set(s->timer, s->counting && !is_settled(s) ? s->deadline_ns : INT64_MAX);
}

static void begin_stage(struct i6300esb *s, unsigned stage)
{
    s->stage = (uint8_t)stage;
    s->counting = 1;
    s->deadline_ns = vemu_clock_ns(s->pci.dev.vm) + stage_ns(s, stage);
    await_end(s);
}

/* Something is other than before, so that ends may change something again. Those that nobody waited
 * for are over; one that the timer has still to tell of is not. */
static void go_on(struct i6300esb *s)
{
    int64_t now = vemu_clock_ns(s->pci.dev.vm), round = stage_ns(s, 0) + stage_ns(s, 1);

    if (s->counting && !vemu_timer_armed(s->timer) && s->deadline_ns <= now) {
        s->deadline_ns += (now - s->deadline_ns) / round * round;
        while (s->deadline_ns <= now) {
            s->stage ^= 1;
            s->deadline_ns += stage_ns(s, s->stage);
        }
    }
    await_end(s);
}

static void stop(struct i6300esb *s)
{
    s->counting = 0;
    vemu_timer_set(s->timer, INT64_MAX);
}

static bool is_enabled(const struct i6300esb *s)
{
    return s->pci.config[LOCK] & LOCK_ENABLE;
}

static void set_interrupt(struct i6300esb *s, bool active)
{
    s->interrupt = active;
    vemu_pci_set_intx(&s->pci, active);
}

static void on_timer(struct vemu_device *dev)
{
    struct i6300esb *s = of(dev);

    if (s->stage == 0) {
        if (!(s->pci.config[CONFIG] & CONFIG_TYPE))
            set_interrupt(s, true);
        begin_stage(s, 1);
        return;
    }
    s->timeout = 1;
    if (s->pci.config[LOCK] & LOCK_FREE) {
        begin_stage(s, 0);
        return;
    }
    stop(s);
    if (!(s->pci.config[CONFIG] & CONFIG_MUTE))
        vemu__watchdog_fire(dev->vm);
}

/* --- configuration space ---------------------------------------------------------------------- */

/* The lock register's bits can be written until the first of them is set. */
static void set_locked(struct i6300esb *s, bool locked)
{
    s->pci.writable[LOCK] = locked ? 0 : LOCK_LOCKED | LOCK_ENABLE | LOCK_FREE;
}

static void config_written(struct vemu_pci_device *pci, unsigned offset, unsigned size)
{
    struct i6300esb *s = (struct i6300esb *)pci;

    if (vemu_pci_touches(offset, size, LOCK, 1)) {
        set_locked(s, pci->config[LOCK] & LOCK_LOCKED);
        if (is_enabled(s) && !s->counting)
            begin_stage(s, 0);
        else if (!is_enabled(s))
            stop(s);
    }
    if (vemu_pci_touches(offset, size, LOCK, 1) || vemu_pci_touches(offset, size, CONFIG, 1))
        go_on(s);
}

static const struct vemu_pci_ops pci_hooks = { .config_written = config_written };

/* --- registers -------------------------------------------------------------------------------- */

static uint64_t regs_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    const struct i6300esb *s = of(dev);
    uint32_t value = 0;

    if ((offset & ~3ull) == RELOAD)
        value = s->timeout ? RELOAD_TIMEOUT : 0;
    else if ((offset & ~3ull) == INTERRUPT)
        value = s->interrupt;

    return value >> (8 * (offset & 3));
}

static void reload_write(struct i6300esb *s, uint32_t value)
{
    if (value == UNLOCK_FIRST) {
        s->unlock = 1;
        return;
    }
    if (value == UNLOCK_SECOND && s->unlock == 1) {
        s->unlock = 2;
        return;
    }
    if (s->unlock == 2) {
        if (value & RELOAD_TIMEOUT) {
            s->timeout = 0;
            go_on(s);
        }
        if (value & RELOAD_NOW && is_enabled(s))
            begin_stage(s, 0);
    }
    s->unlock = 0;
}

static void regs_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct i6300esb *s = of(dev);

    if (offset == RELOAD) {
        reload_write(s, (uint32_t)value);
        return;
    }
    if (offset == INTERRUPT && value & 1) {
        set_interrupt(s, false);
        go_on(s);
    }
    if ((offset == TIMER1 || offset == TIMER2) && size == 4 && s->unlock == 2)
        s->preload[offset / 4] = (uint32_t)value & PRELOAD_MASK;
    s->unlock = 0;
}

static const struct vemu_region_ops regs_region = {
    .read = regs_read,
    .write = regs_write,
    .min_size = 1,
    .max_size = 4,
};

/* --- class ------------------------------------------------------------------------------------ */

static int i6300esb_realize(struct vemu_device *dev, struct vemu_error **err)
{
    static const struct vemu_pci_ident ident = {
        .vendor = 0x8086,
        .device = 0x25ab,
        .subvendor = 0x1af4,
        .subdevice = 0x1100,
        .class_ = 0x088000,
        .pin = 1,
    };
    struct i6300esb *s = of(dev);

    s->timer = vemu_device_add_timer(dev, on_timer);
    vemu_pci_init(&s->pci, &ident, &pci_hooks);
    vemu_pci_add_bar(&s->pci, 0, BAR_SIZE, 0, &regs_region, "i6300esb");
    vemu_pci_put16(s->pci.writable, CONFIG, CONFIG_BITS);
    set_locked(s, false);
    return vemu_pci_attach(&s->pci, err);
}

static void i6300esb_reset(struct vemu_device *dev)
{
    struct i6300esb *s = of(dev);

    /* That it ran out is what a guest asks after the reset. */
    s->preload[0] = s->preload[1] = PRELOAD_MASK;
    s->stage = s->unlock = s->interrupt = 0;
    set_locked(s, false);
    stop(s);
    vemu_pci_reset(&s->pci);
}

static void i6300esb_restored(struct vemu_device *dev)
{
    struct i6300esb *s = of(dev);

    set_locked(s, false);
    vemu_pci_restored(&s->pci);
    set_locked(s, s->pci.config[LOCK] & LOCK_LOCKED);
    s->preload[0] &= PRELOAD_MASK;
    s->preload[1] &= PRELOAD_MASK;
    s->stage &= 1;
    s->interrupt &= 1;
    s->counting = is_enabled(s) && s->counting;
    s->deadline_ns = MAX(s->deadline_ns, 0);
    await_end(s);
}

static const struct vemu_prop i6300esb_props[] = {
    VEMU_PROP_GROUP(0, vemu__pci_props),
    VEMU_PROP_END,
};

static const struct vemu_state_field i6300esb_state[] = {
    VEMU_STATE_GROUP(0, vemu__pci_state),
    VEMU_STATE(struct i6300esb, preload),
    VEMU_STATE(struct i6300esb, stage),
    VEMU_STATE(struct i6300esb, unlock),
    VEMU_STATE(struct i6300esb, timeout),
    VEMU_STATE(struct i6300esb, counting),
    VEMU_STATE(struct i6300esb, interrupt),
    VEMU_STATE(struct i6300esb, deadline_ns),
    VEMU_STATE_END,
};

static const struct vemu_device_ops i6300esb_ops = {
    .realize = i6300esb_realize,
    .reset = i6300esb_reset,
    .restored = i6300esb_restored,
    .unplug = vemu_pci_unplug,
    .hotplug = true,
};

const struct vemu_device_class vemu__device_i6300esb = {
    .name = "i6300esb",
    .summary = "watchdog of the Intel 6300ESB (PCI)",
    .state_version = 1,
    .instance_size = sizeof(struct i6300esb),
    .props = i6300esb_props,
    .state = i6300esb_state,
    .ops = &i6300esb_ops,
};
