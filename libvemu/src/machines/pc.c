/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What boards of the PC family have in common: interrupt controllers, clock, legacy ports.
 */
#include "machines/pc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "core/vm.h"
#include "devices/i8259/i8259.h"
#include "devices/ioapic/ioapic.h"
#include "devices/pvpanic/pvpanic.h"
#include "devices/serial-16550/serial.h"

static void pc_irq(void *data, unsigned n, bool level)
{
    struct vemu_pc *pc = data;

    if (pc->pic && n < 16) {
        vemu__i8259_set_irq(pc->pic, n, level);
    }
    if (n != 2) {
        vemu__ioapic_set_pin(pc->ioapic, n == 0 ? 2 : n, level);
    }
}

static void pc_ioapic_eoi(struct vemu_machine *machine, uint8_t vector)
{
    vemu__ioapic_eoi(((struct vemu_pc *)machine)->ioapic, vector);
}

static int pc_pic_ack(struct vemu_machine *machine)
{
    return vemu__i8259_ack(((struct vemu_pc *)machine)->pic);
}

struct vemu_device *vemu__pc_add(struct vemu_pc *pc, const char *class_name,
                                 struct vemu_error **err)
{
    return vemu__vm_add_board_device(pc->machine.vm, class_name, class_name, NULL, 0, err);
}

int vemu__pc_add_interrupts(struct vemu_pc *pc, bool has_pic, struct vemu_error **err)
{
    struct vemu_machine *machine = &pc->machine;

    pc->ioapic = vemu__pc_add(pc, "ioapic", err);
    if (!pc->ioapic) {
        return -EINVAL;
    }
    machine->ioapic_eoi = pc_ioapic_eoi;
    if (has_pic) {
        pc->pic = vemu__pc_add(pc, "isa-pic", err);
        if (!pc->pic) {
            return -EINVAL;
        }
        machine->pic_ack = pc_pic_ack;
    }
    for (unsigned n = 0; n < G_N_ELEMENTS(machine->irq_lines); n++) {
        machine->irq_lines[n] = vemu__irq_new(machine->vm, pc_irq, pc, n);
    }
    return 0;
}

int vemu__pc_add_rtc(struct vemu_pc *pc, const char *base, struct vemu_error **err)
{
    char low[32], high[32], vcpus[16];
    const struct vemu_property props[] = {
        { "ram-below-4g", low },
        { "ram-above-4g", high },
        { "vcpus", vcpus },
        { "base", base },
    };

    snprintf(low, sizeof(low), "%" PRIu64, pc->ram_low);
    snprintf(high, sizeof(high), "%" PRIu64, pc->ram_high);
    snprintf(vcpus, sizeof(vcpus), "%u", vemu__vm_config(pc->machine.vm)->vcpus);
    return vemu__vm_add_board_device(pc->machine.vm, "mc146818rtc", "rtc", props,
                                     G_N_ELEMENTS(props), err)
               ? 0
               : -EINVAL;
}

void vemu__pc_describe_devices(const struct vemu_pc *pc, struct vemu_acpi_config *config)
{
    const GPtrArray *devices = pc->machine.vm->devices;

    for (guint i = 0; i < devices->len; i++) {
        const struct vemu_device *dev = devices->pdata[i];
        unsigned irq;

        if (strcmp(dev->class_->name, "pvpanic") == 0) {
            config->pvpanic_port = vemu__pvpanic_get_port(dev);
        } else if (strcmp(dev->class_->name, "isa-serial") == 0 &&
                   config->serial_count < VEMU_ACPI_SERIAL_MAX) {
            vemu__serial_get_resources(dev, &config->serials[config->serial_count].iobase, &irq);
            config->serials[config->serial_count++].irq = (uint8_t)irq;
        }
    }
}
