/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Machine microvm: a small board without PCI for kernels that are started directly.
 *
 * Memory map
 *
 *   0x00000000  RAM up to 3 GiB; in it, as the e820 map tells,
 *     0x0009fc00  reserved, where a PC has its EBDA
 *     0x000a0000  hole (nothing is said about it)
 *     0x000e0000  ACPI tables, 0x000f0000 MP table, reserved up to 1 MiB
 *   0xfeb00000  virtio-mmio, 512 bytes a slot
 *   0xfec00000  I/O APIC        0xfee00000  local APICs (in the accelerator)
 *   0x100000000 the rest of the RAM; then, from a multiple of 1 GiB on, room for memory that is
 *               plugged in
 *
 * All RAM below 3 GiB is one block, tables included: each further memory slot costs KVM a grace
 * period.
 *
 * Interrupts are those of a PC (machines/pc.h). Whether the guest listens to the 8259 pair or to
 * the I/O APIC is its own matter.
 *
 * CPUs and memory modules that are plugged in announce themselves by a generic event device.
 *
 * virtio-mmio slots are given out in order to the devices that want one. With ACPI the DSDT tells
 * of them; they share pins 16 to 23, level-triggered. Without, the kernel's command line does
 * (virtio_mmio.device=), and each has an ISA line of its own, since those are edge-triggered.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "boot/acpi-virtio.h"
#include "core/vm.h"
#include "devices/ioapic/ioapic.h"
#include "machines/pc.h"
#include "mem/memory.h"
#include "virtio/mmio.h"

#define MIB           ((uint64_t)1 << 20)
#define GIB           ((uint64_t)1 << 30)
#define RAM_MIN       (2 * MIB)
#define RAM_LOW_MAX   (3 * GIB)
#define RAM_HIGH      (4 * GIB)
#define BASE_END      0x9fc00u
#define TABLES_START  0xe0000u
#define MPTABLE_START 0xf0000u
#define EVENT_GSI     5u /* with ACPI nothing else uses it */
#define VIRTIO_START  0xfeb00000u
#define VIRTIO_SLOTS  32u
#define VIRTIO_PIN    16u /* first of */
#define VIRTIO_PINS   8u

struct microvm {
    struct vemu_pc pc;
    bool has_pit, has_pic, has_rtc, has_acpi, has_serial, auto_cmdline; /* properties */
    char *rtc_base;
    struct vemu_acpi_virtio virtio[VIRTIO_SLOTS]; /* taken ones */
    unsigned virtio_count;
    bool cmdline_done;
};

/* --- board ------------------------------------------------------------------------------------ */

static int microvm_add_ram(struct microvm *m, struct vemu_error **err)
{
    uint64_t size = vemu__vm_config(m->pc.machine.vm)->memory_bytes;
    int r;

    if (size < RAM_MIN) {
        return vemu__error_set(err, EINVAL,
                               "machine microvm needs at least %" PRIu64 " MiB of "
                               "memory; it was given %" PRIu64 " KiB",
                               RAM_MIN / MIB, size >> 10);
    }
    m->pc.ram_low = MIN(size, RAM_LOW_MAX);
    m->pc.ram_high = size - m->pc.ram_low;
    r = vemu__pc_add_ram(&m->pc, 0, m->pc.ram_low, 0, "ram", err);
    if (r >= 0 && m->pc.ram_high) {
        r = vemu__pc_add_ram(&m->pc, RAM_HIGH, m->pc.ram_high, m->pc.ram_low, "ram-above-4g",
                             err);
    }
    m->pc.machine.address_end = vemu__pc_place_device_memory(&m->pc, RAM_HIGH + m->pc.ram_high);
    vemu__e820_add(&m->pc.e820, 0, BASE_END, VEMU_E820_RAM);
    vemu__e820_add(&m->pc.e820, BASE_END, 0xa0000 - BASE_END, VEMU_E820_RESERVED);
    vemu__e820_add(&m->pc.e820, TABLES_START, MIB - TABLES_START, VEMU_E820_RESERVED);
    vemu__e820_add(&m->pc.e820, MIB, m->pc.ram_low - MIB, VEMU_E820_RAM);
    vemu__e820_add(&m->pc.e820, RAM_HIGH, m->pc.ram_high, VEMU_E820_RAM);
    return r;
}

/* The generic event device, whose interrupt is an edge. */
static void microvm_hotplug_event(void *data, unsigned kind, bool level)
{
    struct microvm *m = data;

    vemu__ioapic_set_pin(m->pc.ioapic, EVENT_GSI, level);
}

static int microvm_init(struct vemu_machine *machine, struct vemu_error **err)
{
    struct microvm *m = (struct microvm *)machine;
    const struct vemu_vm_config *config = vemu__vm_config(machine->vm);
    int r;

    if (!config->kernel) {
        return vemu__error_set(err, EINVAL, "machine microvm has no firmware: it needs a kernel");
    }
    r = vemu__boot_open(machine->vm, config->kernel, config->initrd, config->cmdline, &m->pc.boot,
                        err);
    if (r >= 0) {
        r = microvm_add_ram(m, err);
    }
    if (r < 0) {
        return r;
    }
    r = vemu__pc_add_interrupts(&m->pc, m->has_pic, err);
    if (r < 0) {
        return r;
    }
    if (m->has_rtc) {
        r = vemu__pc_add_rtc(&m->pc, m->rtc_base, err);
        if (r < 0) {
            return r;
        }
    }
    if ((m->has_pit && !vemu__pc_add(&m->pc, "isa-pit", err)) ||
        !vemu__pc_add(&m->pc, "i8042", err) || !vemu__pc_add(&m->pc, "port92", err) ||
        !vemu__pc_add(&m->pc, "reset-port", err) || !vemu__pc_add(&m->pc, "post-port", err) ||
        (m->has_acpi && !vemu__pc_add(&m->pc, "acpi-pm", err))) {
        return -EINVAL;
    }
    return vemu__pc_add_hotplug(&m->pc, m->has_acpi, microvm_hotplug_event, m, err);
}

/* --- virtio-mmio slots ------------------------------------------------------------------------ */

static int microvm_virtio_slot(struct vemu_machine *machine, struct vemu_device *dev,
                               uint64_t *ret_address, unsigned *ret_irq, struct vemu_error **err)
{
    /* ISA lines that nothing else on the board uses. */
    static const uint8_t isa_lines[] = { 5, 6, 7, 10, 11, 12, 14, 15 };
    struct microvm *m = (struct microvm *)machine;
    unsigned n = m->virtio_count, max = m->has_acpi ? VIRTIO_SLOTS : G_N_ELEMENTS(isa_lines);

    if (n == max)
        return vemu__error_set(err, ENOSPC, "machine microvm has no more than %u virtio slots%s",
                               max, m->has_acpi ? "" : " with acpi=off");
    m->virtio[n].address = VIRTIO_START + n * VEMU_VIRTIO_MMIO_SIZE;
    m->virtio[n].irq = m->has_acpi ? VIRTIO_PIN + n % VIRTIO_PINS : isa_lines[n];
    *ret_address = m->virtio[n].address;
    *ret_irq = m->virtio[n].irq;
    m->virtio_count++;
    return 0;
}

/* Linux, Documentation/admin-guide/kernel-parameters.txt: virtio_mmio.device=size@base:irq. */
static void microvm_add_cmdline(struct microvm *m)
{
    if (m->has_acpi || !m->auto_cmdline || m->cmdline_done)
        return;
    m->cmdline_done = true;
    for (unsigned n = 0; n < m->virtio_count; n++) {
        char word[64];

        snprintf(word, sizeof(word), "virtio_mmio.device=%u@0x%x:%u", VEMU_VIRTIO_MMIO_SIZE,
                 m->virtio[n].address, m->virtio[n].irq);
        vemu__boot_add_cmdline(m->pc.boot, word);
    }
}

/* --- tables and kernel ------------------------------------------------------------------------ */

/* What of the devices, the user's included, the tables have to tell. */
static int microvm_describe(struct microvm *m, struct vemu_acpi_config *ret,
                            struct vemu_error **err)
{
    const GPtrArray *devices = m->pc.machine.vm->devices;

    *ret = (struct vemu_acpi_config){
        .ioapic_address = VEMU_IOAPIC_ADDRESS,
        .pic = m->has_pic,
        .pit = m->has_pit,
        .rtc = m->has_rtc,
        .virtio = m->virtio,
        .virtio_count = m->virtio_count,
        .event_gsi = EVENT_GSI,
    };
    vemu__pc_describe_devices(&m->pc, ret);
    vemu__pc_describe_hotplug(&m->pc, ret);
    for (guint i = 0; i < devices->len && !m->has_serial; i++) {
        const struct vemu_device *dev = devices->pdata[i];

        if (strcmp(dev->class_->name, "isa-serial") == 0) {
            return vemu__error_set(err, EINVAL,
                                   "the machine has isa-serial=off, but there is the isa-serial "
                                   "device '%s'",
                                   dev->id);
        }
    }
    return 0;
}

static int microvm_load(struct vemu_machine *machine, struct vemu_error **err)
{
    struct microvm *m = (struct microvm *)machine;
    struct vemu_boot_board board = {
        .memory = vemu__vm_memory(machine->vm),
        .e820 = &m->pc.e820,
        .ram_low = m->pc.ram_low,
        .ram_total = m->pc.ram_low + m->pc.ram_high,
        .rsdp = m->has_acpi ? TABLES_START : 0,
    };
    struct vemu_acpi_config config;
    uint8_t *tables = vemu__memory_ptr(board.memory, TABLES_START, MIB - TABLES_START, true);
    int r = microvm_describe(m, &config, err);

    if (r < 0) {
        return r;
    }
    if (!tables) {
        return vemu__error_set(err, EFAULT, "no memory at 0x%x", TABLES_START);
    }
    if (m->has_acpi) {
        r = vemu__acpi_build(&config, TABLES_START, tables, MPTABLE_START - TABLES_START);
    }
    if (r >= 0) {
        r = vemu__mptable_build(&config, MPTABLE_START, tables + (MPTABLE_START - TABLES_START),
                                MIB - MPTABLE_START);
    }
    if (r < 0) {
        return vemu__error_set(err, -r, "the firmware tables for %u vCPUs do not fit",
                               config.vcpus);
    }
    microvm_add_cmdline(m);
    return vemu__boot_load(m->pc.boot, &board, err);
}

static uint32_t microvm_boot_state(struct vemu_machine *machine, uint32_t id,
                                   struct vemu_cpu_state *state)
{
    /* The others wait for INIT and SIPI, as vcpu_reset left them. */
    return id == 0 ? vemu__boot_state(((struct vemu_pc *)machine)->boot, state) : 0;
}

static void microvm_fini(struct vemu_machine *machine)
{
    vemu__boot_free(((struct vemu_pc *)machine)->boot);
}

static const struct vemu_prop microvm_props[] = {
    VEMU_PROP(struct microvm, has_pit, "pit", BOOL, "on", "8254 timer and port 0x61"),
    VEMU_PROP(struct microvm, has_pic, "pic", BOOL, "on", "8259 interrupt controllers"),
    VEMU_PROP(struct microvm, has_rtc, "rtc", BOOL, "on", "real-time clock and CMOS memory"),
    VEMU_PROP(struct microvm, rtc_base, "rtc-base", STRING, "utc",
              "time the clock starts with: utc, localtime or a date such as 2026-01-31T12:00:00"),
    VEMU_PROP(struct microvm, has_acpi, "acpi", BOOL, "on",
              "ACPI tables, power button and power-off"),
    VEMU_PROP(struct microvm, has_serial, "isa-serial", BOOL, "on",
              "allow serial ports on the ISA bus"),
    VEMU_PROP(struct microvm, auto_cmdline, "auto-kernel-cmdline", BOOL, "on",
              "with acpi=off: add virtio_mmio.device= to the kernel's command line"),
    VEMU_PROP_END,
};

const struct vemu_machine_class vemu__machine_microvm = {
    .name = "microvm",
    .summary = "minimal board without PCI, direct kernel boot",
    .max_vcpus = 64,
    .instance_size = sizeof(struct microvm),
    .props = microvm_props,
    .init = microvm_init,
    .load = microvm_load,
    .boot_state = microvm_boot_state,
    .fini = microvm_fini,
    .virtio_slot = microvm_virtio_slot,
    .virtio_suffix = "-device",
};
