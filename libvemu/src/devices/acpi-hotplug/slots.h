/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Slots of a hot-plug controller: what the register interfaces of CPUs and memory share.
 */
#ifndef VEMU_DEVICES_ACPI_HOTPLUG_SLOTS_H
#define VEMU_DEVICES_ACPI_HOTPLUG_SLOTS_H

#include "devices/acpi-hotplug/acpi-hotplug.h"

#define HOTPLUG_SLOTS_MAX 256u

/* Bits of both status registers, but for their place. */
#define HOTPLUG_PRESENT   0x01u
#define HOTPLUG_INSERTING 0x02u
#define HOTPLUG_REMOVING  0x04u
#define HOTPLUG_EJECT     0x08u /* written */
#define HOTPLUG_VISIBLE   0x07u
#define HOTPLUG_LEAVING   0x80u /* ejected, not yet gone */

struct hotplug_slots {
    struct vemu_device dev;
    uint32_t count; /* property */
    const char *kind;
    struct vemu_irq *event; /* NULL: nobody is told */
    struct vemu_timer *news;
    struct vemu_device *owner[HOTPLUG_SLOTS_MAX];
    bool ost_news[HOTPLUG_SLOTS_MAX];
    struct vemu_hotplug_range range[HOTPLUG_SLOTS_MAX]; /* follows from the devices */
    /* saved */
    uint32_t selector;
    uint8_t command;
    uint8_t flags[HOTPLUG_SLOTS_MAX];
    uint32_t ost_event[HOTPLUG_SLOTS_MAX], ost_status[HOTPLUG_SLOTS_MAX];
};

/* The slot that is selected; false: there is none. */
static inline bool hotplug_selected(const struct hotplug_slots *s)
{
    return s->selector < s->count;
}

int hotplug_realize(struct hotplug_slots *s, const char *kind, struct vemu_irq *event,
                    struct vemu_error **err);
void hotplug_reset(struct vemu_device *dev);
void hotplug_restored(struct vemu_device *dev);
/* A write to the control bits of the selected slot. */
void hotplug_control(struct hotplug_slots *s, uint8_t bits);
/* The guest's report on the selected slot is complete. */
void hotplug_report(struct hotplug_slots *s, uint32_t status);

extern const struct vemu_state_field hotplug_state[];

#endif
