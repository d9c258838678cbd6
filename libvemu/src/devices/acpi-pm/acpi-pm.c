/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ACPI fixed hardware: PM1 event and control blocks, power management timer, power button.
 *
 * The register model is ACPI 6.4, section 4.8. The machine is always in ACPI mode (no SMI command
 * port, SCI_EN reads 1). The power button is the fixed one: vemu_vm_powerdown() sets PWRBTN_STS,
 * and the SCI (level, IRQ 9) goes up if the guest has PWRBTN_EN set. A write of SLP_EN with the
 * type of \_S5 powers off, with that of \_S3 it puts the machine to sleep, where the board has it
 * (s3=on); other types have no object in the DSDT and are ignored. After a sleep WAK_STS is set,
 * and the bit of what woke the machine; for the host or a key that is the power button's, as no
 * other would do.
 */
#include "devices/acpi-pm/acpi-pm.h"

#include <errno.h>

#include "devices/devices.h"

#define PM_TIMER_HZ 3579545ull
#define NS          1000000000ull

#define PM1_TIMER    0x0001
#define PM1_GLOBAL   0x0020
#define PM1_POWER    0x0100
#define PM1_SLEEP    0x0200
#define PM1_RTC      0x0400
#define PM1_WAKE     0x8000
#define PM1_STS_MASK (PM1_TIMER | PM1_GLOBAL | PM1_POWER | PM1_SLEEP | PM1_RTC | PM1_WAKE)
#define PM1_EN_MASK  (PM1_TIMER | PM1_GLOBAL | PM1_POWER | PM1_SLEEP | PM1_RTC)

#define CONTROL_SCI_EN   0x0001
#define CONTROL_SLP_TYP  0x1c00
#define CONTROL_SLP_EN   0x2000
#define CONTROL_WRITABLE (0x0006 | CONTROL_SLP_TYP) /* BM_RLD, GBL_RLS, SLP_TYP */

struct acpi_pm {
    struct vemu_device dev;
    struct vemu_irq *sci;
    struct vemu_timer *timer;
    bool has_s3;
    uint16_t status, enable, control;
    uint8_t carry; /* bit 23 of the timer when TMR_STS was last brought up to date */
};

static uint64_t pm_ticks(struct acpi_pm *s)
{
    int64_t now = vemu_clock_ns(s->dev.vm);

    return now <= 0 ? 0 : (uint64_t)((unsigned __int128)now * PM_TIMER_HZ / NS);
}

/* TMR_STS is set whenever bit 23 of the timer changes (ACPI 6.4, 4.8.3.3). */
static void pm_update(struct acpi_pm *s)
{
    uint64_t ticks = pm_ticks(s);
    uint8_t carry = ticks >> 23 & 1;
    int64_t deadline = INT64_MAX;

    if (carry != s->carry) {
        s->carry = carry;
        s->status |= PM1_TIMER;
    }
    if ((s->enable & PM1_TIMER) && !(s->status & PM1_TIMER)) {
        uint64_t next = ((ticks >> 23) + 1) << 23;

        deadline = (int64_t)(((unsigned __int128)next * NS + PM_TIMER_HZ - 1) / PM_TIMER_HZ);
    }
    vemu_timer_set(s->timer, deadline);
    vemu_irq_set(s->sci, (s->status & s->enable) != 0);
}

static void pm_tick(struct vemu_device *dev)
{
    pm_update((struct acpi_pm *)dev);
}

static void pm_powerdown(struct vemu_device *dev)
{
    struct acpi_pm *s = (struct acpi_pm *)dev;

    s->status |= PM1_POWER;
    pm_update(s);
}

static uint64_t event_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    struct acpi_pm *s = (struct acpi_pm *)dev;

    if (offset == 2) {
        return s->enable;
    }
    pm_update(s);
    return s->status;
}

static void event_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct acpi_pm *s = (struct acpi_pm *)dev;

    pm_update(s);
    if (offset == 2) {
        s->enable = value & PM1_EN_MASK;
    } else {
        s->status &= ~(value & PM1_STS_MASK); /* write 1 to clear */
    }
    pm_update(s);
}

static uint64_t control_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    return ((struct acpi_pm *)dev)->control | CONTROL_SCI_EN;
}

static void control_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value)
{
    struct acpi_pm *s = (struct acpi_pm *)dev;
    unsigned type = (value & CONTROL_SLP_TYP) >> 10;

    s->control = value & CONTROL_WRITABLE;
    if (!(value & CONTROL_SLP_EN)) {
        return;
    }
    if (type == VEMU_ACPI_S5_TYPE) {
        vemu_vm_request_shutdown(dev->vm, VEMU_CAUSE_GUEST_SHUTDOWN, 0);
    } else if (type == VEMU_ACPI_S3_TYPE && s->has_s3) {
        vemu_vm_request_sleep(dev->vm, s->enable & PM1_RTC ? VEMU_WAKE_BIT(VEMU_WAKE_RTC) : 0);
    } else {
        vemu_vm_log(dev->vm, VEMU_LOG_DEBUG, "acpi: sleep type %u asked for; there is S5 (%u)%s",
                    type, VEMU_ACPI_S5_TYPE, s->has_s3 ? " and S3" : " only");
    }
}

static uint64_t timer_read(struct vemu_device *dev, uint64_t offset, unsigned size)
{
    return pm_ticks((struct acpi_pm *)dev) & 0xffffff;
}

static void timer_write(struct vemu_device *dev, uint64_t offset, unsigned size, uint64_t value) {}

static const struct vemu_region_ops event_region = {
    .read = event_read,
    .write = event_write,
    .min_size = 2,
    .max_size = 2,
};
static const struct vemu_region_ops control_region = {
    .read = control_read,
    .write = control_write,
    .min_size = 2,
    .max_size = 2,
};
static const struct vemu_region_ops timer_region = {
    .read = timer_read,
    .write = timer_write,
    .min_size = 4,
    .max_size = 4,
};

static int pm_realize(struct vemu_device *dev, struct vemu_error **err)
{
    struct acpi_pm *s = (struct acpi_pm *)dev;
    int r;

    s->sci = vemu_device_get_irq(dev, VEMU_ACPI_SCI, err);
    if (!s->sci) {
        return -EINVAL;
    }
    s->timer = vemu_device_add_timer(dev, pm_tick);
    if (!s->timer) {
        return vemu__error_set(err, ENOMEM, "no memory for a timer");
    }
    r = vemu_device_map(dev, VEMU_SPACE_IO, VEMU_ACPI_PM1_EVENT, 4, &event_region, "pm1-event",
                        err);
    if (r >= 0) {
        r = vemu_device_map(dev, VEMU_SPACE_IO, VEMU_ACPI_PM1_CONTROL, 2, &control_region,
                            "pm1-control", err);
    }
    if (r >= 0) {
        r = vemu_device_map(dev, VEMU_SPACE_IO, VEMU_ACPI_PM_TIMER, 4, &timer_region, "pm-timer",
                            err);
    }
    if (r >= 0) {
        vemu_device_on_powerdown(dev, pm_powerdown);
    }
    return r;
}

static void pm_reset(struct vemu_device *dev)
{
    struct acpi_pm *s = (struct acpi_pm *)dev;

    s->status = 0;
    s->enable = 0;
    s->control = 0;
    s->carry = pm_ticks(s) >> 23 & 1;
    pm_update(s);
}

static void pm_woken(struct vemu_device *dev, enum vemu_wake cause)
{
    struct acpi_pm *s = (struct acpi_pm *)dev;

    s->status |= PM1_WAKE | (cause == VEMU_WAKE_RTC ? PM1_RTC : PM1_POWER);
    pm_update(s);
}

static void pm_restored(struct vemu_device *dev)
{
    struct acpi_pm *s = (struct acpi_pm *)dev;

    s->status &= PM1_STS_MASK;
    s->enable &= PM1_EN_MASK;
    s->control &= CONTROL_WRITABLE;
    s->carry &= 1;
    pm_update(s);
}

static const struct vemu_prop pm_props[] = {
    VEMU_PROP(struct acpi_pm, has_s3, "s3", BOOL, "off", "suspend to memory"),
    VEMU_PROP_END,
};

static const struct vemu_state_field pm_state[] = {
    VEMU_STATE(struct acpi_pm, status),
    VEMU_STATE(struct acpi_pm, enable),
    VEMU_STATE(struct acpi_pm, control),
    VEMU_STATE(struct acpi_pm, carry),
    VEMU_STATE_END,
};

static const struct vemu_device_ops pm_ops = {
    .realize = pm_realize,
    .reset = pm_reset,
    .woken = pm_woken,
    .restored = pm_restored,
};

const struct vemu_device_class vemu__device_acpi_pm = {
    .name = "acpi-pm",
    .summary = "ACPI power button, power-off and timer",
    .flags = VEMU_DEVICE_INTERNAL,
    .state_version = 1,
    .instance_size = sizeof(struct acpi_pm),
    .props = pm_props,
    .state = pm_state,
    .ops = &pm_ops,
};
