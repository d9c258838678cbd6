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
#include "devices/acpi-hotplug/acpi-hotplug.h"
#include "devices/hpet/hpet.h"
#include "devices/i8259/i8259.h"
#include "devices/ioapic/ioapic.h"
#include "devices/pvpanic/pvpanic.h"
#include "devices/serial-16550/serial.h"
#include "devices/vmgenid/vmgenid.h"
#include "mem/memdev.h"

#define GIB ((uint64_t)1 << 30)

static void pc_line(struct vemu_pc *pc, unsigned n, bool level)
{
    if (pc->pic && n < 16) {
        vemu__i8259_set_irq(pc->pic, n, level);
    }
    if (n != 2) {
        vemu__ioapic_set_pin(pc->ioapic, n == 0 ? 2 : n, level);
    }
}

static void legacy_update(struct vemu_pc *pc)
{
    struct vemu_pc_legacy *l = &pc->legacy;

    for (unsigned i = 0; i < 2; i++) {
        const bool level = l->replaced ? l->hpet[i] : l->chips[i];

        if (l->out[i] != level)
            pc_line(pc, i ? 8 : 0, level);
        l->out[i] = level;
    }
}

static void pc_irq(void *data, unsigned n, bool level)
{
    struct vemu_pc *pc = data;

    if (!pc->hpet || (n != 0 && n != 8)) {
        pc_line(pc, n, level);
        return;
    }
    pthread_mutex_lock(&pc->legacy.lock);
    pc->legacy.chips[n == 8] = level;
    legacy_update(pc);
    pthread_mutex_unlock(&pc->legacy.lock);
}

/* The HPET's ends: 0 and 1 instead of PIT and clock, 2 while it is so. */
static void pc_hpet_irq(void *data, unsigned n, bool level)
{
    struct vemu_pc *pc = data;

    pthread_mutex_lock(&pc->legacy.lock);
    if (n == 2)
        pc->legacy.replaced = level;
    else
        pc->legacy.hpet[n] = level;
    legacy_update(pc);
    pthread_mutex_unlock(&pc->legacy.lock);
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

int vemu__pc_add_hpet(struct vemu_pc *pc, struct vemu_error **err)
{
    struct vemu_irq *ends[3];

    pc->legacy.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    pc->hpet = vemu__pc_add(pc, "hpet", err);
    if (!pc->hpet)
        return -EINVAL;
    for (unsigned n = 0; n < G_N_ELEMENTS(ends); n++)
        ends[n] = vemu__irq_user(vemu__irq_new(pc->machine.vm, pc_hpet_irq, pc, n));
    vemu__hpet_connect(pc->hpet, ends[0], ends[1], ends[2]);
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

/* --- memory ----------------------------------------------------------------------------------- */

/* The nodes' memory back-ends, one behind the other. */
static int add_node_ram(struct vemu_pc *pc, uint64_t gpa, uint64_t size, uint64_t offset,
                        const char *name, struct vemu_error **err)
{
    struct vemu_vm *vm = pc->machine.vm;
    uint64_t start = 0;
    int r = 0;

    for (uint32_t n = 0; r >= 0 && n < vm->numa->count; n++) {
        const struct vemu_numa_place *node = &vm->numa->nodes[n];
        const uint64_t from = MAX(start, offset), end = MIN(start + node->bytes, offset + size);
        g_autofree char *region = g_strdup_printf("%s-node%u", name, n);

        if (from < end) {
            uint8_t *hva = vemu__memdev_ptr(node->memdev) + (from - start);

            r = vemu__memory_settle(vm, hva, end - from, err);
            if (r >= 0)
                r = vemu__memory_add_ram_at(vm->memory, gpa + (from - offset), end - from,
                                            vemu__memdev_ram_flags(node->memdev), region, hva, NULL,
                                            err);
        }
        start += node->bytes;
    }
    return r;
}

int vemu__pc_add_ram(struct vemu_pc *pc, uint64_t gpa, uint64_t size, uint64_t offset,
                     const char *name, struct vemu_error **err)
{
    struct vemu_vm *vm = pc->machine.vm;
    struct vemu_memdev *memdev;
    int r;

    if (vemu__numa_count(vm) && vm->numa->nodes[0].memdev)
        return add_node_ram(pc, gpa, size, offset, name, err);
    if (!vm->config.memory_backend)
        return vemu__memory_add_ram(vm->memory, gpa, size, 0, name, NULL, err);
    r = vemu__memdev_take_main(vm, &memdev, err);
    if (r >= 0)
        r = vemu__memory_settle(vm, vemu__memdev_ptr(memdev) + offset, size, err);
    return r < 0 ? r
                 : vemu__memory_add_ram_at(vm->memory, gpa, size, vemu__memdev_ram_flags(memdev),
                                           name, vemu__memdev_ptr(memdev) + offset, NULL, err);
}

/* Modules begin at multiples of their size up to 1 GiB: so much is added for each. */
uint64_t vemu__pc_place_device_memory(struct vemu_pc *pc, uint64_t start)
{
    const struct vemu_vm_config *config = vemu__vm_config(pc->machine.vm);
    uint64_t size = config->max_memory_bytes - config->memory_bytes;

    if (!size)
        return start;
    pc->machine.device_memory_base = (start + GIB - 1) / GIB * GIB;
    pc->machine.device_memory_size = (size + GIB - 1) / GIB * GIB + config->memory_slots * GIB;
    return pc->machine.device_memory_base + pc->machine.device_memory_size;
}

/* --- hot-plug --------------------------------------------------------------------------------- */

static int add_controller(struct vemu_pc *pc, enum vemu_hotplug_kind kind, const char *name,
                          uint32_t slots, uint32_t boot, struct vemu_error **err)
{
    char slots_text[16], boot_text[16];
    const struct vemu_property props[] = { { "slots", slots_text }, { "boot-cpus", boot_text } };

    snprintf(slots_text, sizeof(slots_text), "%u", slots);
    snprintf(boot_text, sizeof(boot_text), "%u", boot);
    pc->machine.hotplug[kind] =
        vemu__vm_add_board_device(pc->machine.vm, name, name, props, boot ? 2 : 1, err);
    return pc->machine.hotplug[kind] ? 0 : -EINVAL;
}

int vemu__pc_add_hotplug(struct vemu_pc *pc, bool has_acpi, vemu_irq_fn fn, void *data,
                         struct vemu_error **err)
{
    struct vemu_machine *machine = &pc->machine;
    const struct vemu_vm_config *config = vemu__vm_config(machine->vm);
    int r = 0;

    if (config->max_vcpus == config->vcpus && !config->memory_slots)
        return 0;
    if (!has_acpi)
        return vemu__error_set(err, EINVAL,
                               "CPUs and memory modules are plugged in by ACPI, but the machine "
                               "has acpi=off");
    for (unsigned kind = 0; kind < VEMU_HOTPLUG_KINDS; kind++)
        machine->hotplug_lines[kind] =
            vemu__irq_user(vemu__irq_new(machine->vm, fn, data, kind));
    if (config->max_vcpus > config->vcpus)
        r = add_controller(pc, VEMU_HOTPLUG_CPU, "acpi-cpu-hotplug", config->max_vcpus,
                           config->vcpus, err);
    if (r >= 0 && config->memory_slots)
        r = add_controller(pc, VEMU_HOTPLUG_MEMORY, "acpi-memory-hotplug", config->memory_slots, 0,
                           err);
    return r;
}

void vemu__pc_describe_hotplug(const struct vemu_pc *pc, struct vemu_acpi_config *acpi)
{
    struct vemu_vm *vm = pc->machine.vm;

    acpi->vcpus = vm->config.max_vcpus;
    acpi->boot_vcpus = vm->config.vcpus;
    acpi->topology = vemu__topology_of(&vm->config);
    acpi->memory_slots = pc->machine.hotplug[VEMU_HOTPLUG_MEMORY] ? vm->config.memory_slots : 0;
    for (uint32_t id = 0; id < acpi->vcpus && id / 64 < VEMU_ACPI_CPU_WORDS; id++)
        if (!vemu__vcpu_is_present(vm, id))
            acpi->absent[id / 64] |= (uint64_t)1 << id % 64;
}

/* --- NUMA ------------------------------------------------------------------------------------- */

static void add_range(struct vemu_pc *pc, uint64_t start, uint64_t end, uint32_t node)
{
    if (start < end)
        pc->numa_ranges[pc->numa.range_count++] =
            (struct vemu_acpi_numa_range){ .start = start, .size = end - start, .node = node };
}

void vemu__pc_describe_numa(struct vemu_pc *pc, struct vemu_acpi_config *acpi)
{
    const struct vemu_vm *vm = pc->machine.vm;
    const struct vemu_numa *numa = vm->numa;
    const uint64_t above = 4 * GIB - pc->ram_low;
    uint64_t start = 0;

    if (!vemu__numa_count(vm))
        return;
    pc->numa = (struct vemu_acpi_numa){
        .count = numa->count,
        .cpu_nodes = numa->cpu_nodes,
        .ranges = pc->numa_ranges,
        .distances = numa->has_distances ? numa->distances[0] : NULL,
        .distance_row = VEMU_NUMA_NODES_MAX,
    };
    for (uint32_t n = 0; n < numa->count; n++) {
        const uint64_t end = start + numa->nodes[n].bytes;

        add_range(pc, start, MIN(end, pc->ram_low), n);
        add_range(pc, MAX(start, pc->ram_low) + above, end + above, n);
        start = end;
    }
    if (pc->machine.device_memory_size) { /* until a module's _PXM says otherwise */
        add_range(pc, pc->machine.device_memory_base,
                  pc->machine.device_memory_base + pc->machine.device_memory_size, numa->count - 1);
        pc->numa_ranges[pc->numa.range_count - 1].hot_pluggable = true;
    }
    acpi->numa = &pc->numa;
}

/* --- devices ---------------------------------------------------------------------------------- */

void vemu__pc_describe_devices(const struct vemu_pc *pc, struct vemu_acpi_config *config)
{
    const GPtrArray *devices = pc->machine.vm->devices;

    for (guint i = 0; i < devices->len; i++) {
        const struct vemu_device *dev = devices->pdata[i];
        unsigned irq;

        if (strcmp(dev->class_->name, "vmgenid") == 0) {
            config->genid_address = VEMU_VMGENID_ADDRESS;
        } else if (strcmp(dev->class_->name, "pvpanic") == 0) {
            config->pvpanic_port = vemu__pvpanic_get_port(dev);
        } else if (strcmp(dev->class_->name, "isa-serial") == 0 &&
                   config->serial_count < VEMU_ACPI_SERIAL_MAX) {
            vemu__serial_get_resources(dev, &config->serials[config->serial_count].iobase, &irq);
            config->serials[config->serial_count++].irq = (uint8_t)irq;
        }
    }
}
