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
 *   0x100000000 the rest of the RAM
 *
 * All RAM below 3 GiB is one block, tables included: each further memory slot costs KVM a grace
 * period.
 *
 * Interrupts: ISA line n goes to input n of the 8259 pair and to pin n of the I/O APIC, except that
 * the timer's line 0 is pin 2 there. Which of the two the guest listens to is its own matter.
 *
 * virtio-mmio slots are given out in order to the devices that want one. With ACPI the DSDT tells of
 * them; they share pins 16 to 23, level-triggered. Without, the kernel's command line does
 * (virtio_mmio.device=), and each has an ISA line of its own, since those are edge-triggered.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "boot/acpi-virtio.h"
#include "boot/acpi.h"
#include "boot/boot.h"
#include "core/vm.h"
#include "devices/i8259/i8259.h"
#include "devices/ioapic/ioapic.h"
#include "devices/pvpanic/pvpanic.h"
#include "devices/serial-16550/serial.h"
#include "machines/machine.h"
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
#define VIRTIO_START  0xfeb00000u
#define VIRTIO_SLOTS  32u
#define VIRTIO_PIN    16u /* first of */
#define VIRTIO_PINS   8u

struct microvm {
    struct vemu_machine machine;
    bool has_pit, has_pic, has_rtc, has_acpi, has_serial, auto_cmdline; /* properties */
    char *rtc_base;
    struct vemu_device *ioapic, *pic;
    struct vemu_boot *boot;
    struct vemu_e820 e820;
    uint64_t ram_low, ram_high;
    struct vemu_acpi_virtio virtio[VIRTIO_SLOTS]; /* taken ones */
    unsigned virtio_count;
    bool cmdline_done;
};

/* --- interrupts ------------------------------------------------------------------------------- */

static void microvm_irq(void *data, unsigned n, bool level)
{
    struct microvm *m = data;

    if (m->pic && n < 16) {
        vemu__i8259_set_irq(m->pic, n, level);
    }
    if (n != 2) {
        vemu__ioapic_set_pin(m->ioapic, n == 0 ? 2 : n, level);
    }
}

static void microvm_ioapic_eoi(struct vemu_machine *machine, uint8_t vector)
{
    vemu__ioapic_eoi(((struct microvm *)machine)->ioapic, vector);
}

static int microvm_pic_ack(struct vemu_machine *machine)
{
    return vemu__i8259_ack(((struct microvm *)machine)->pic);
}

/* --- board ------------------------------------------------------------------------------------ */

static struct vemu_device *add(struct microvm *m, const char *class_name, struct vemu_error **err)
{
    return vemu__vm_add_board_device(m->machine.vm, class_name, class_name, NULL, 0, err);
}

static int microvm_add_ram(struct microvm *m, struct vemu_error **err)
{
    uint64_t size = vemu__vm_config(m->machine.vm)->memory_bytes;
    struct vemu_memory *mem = vemu__vm_memory(m->machine.vm);
    void *hva;
    int r;

    if (size < RAM_MIN) {
        return vemu__error_set(err, EINVAL,
                               "machine microvm needs at least %" PRIu64 " MiB of "
                               "memory; it was given %" PRIu64 " KiB",
                               RAM_MIN / MIB, size >> 10);
    }
    m->ram_low = MIN(size, RAM_LOW_MAX);
    m->ram_high = size - m->ram_low;
    r = vemu__memory_add_ram(mem, 0, m->ram_low, 0, "ram", &hva, err);
    if (r >= 0 && m->ram_high) {
        r = vemu__memory_add_ram(mem, RAM_HIGH, m->ram_high, 0, "ram-above-4g", &hva, err);
    }
    vemu__e820_add(&m->e820, 0, BASE_END, VEMU_E820_RAM);
    vemu__e820_add(&m->e820, BASE_END, 0xa0000 - BASE_END, VEMU_E820_RESERVED);
    vemu__e820_add(&m->e820, TABLES_START, MIB - TABLES_START, VEMU_E820_RESERVED);
    vemu__e820_add(&m->e820, MIB, m->ram_low - MIB, VEMU_E820_RAM);
    vemu__e820_add(&m->e820, RAM_HIGH, m->ram_high, VEMU_E820_RAM);
    return r;
}

static int microvm_add_rtc(struct microvm *m, struct vemu_error **err)
{
    char low[32], high[32], vcpus[16];
    uint32_t count = vemu__vm_config(m->machine.vm)->vcpus;
    const struct vemu_property props[] = {
        { "ram-below-4g", low },
        { "ram-above-4g", high },
        { "vcpus", vcpus },
        { "base", m->rtc_base },
    };

    snprintf(low, sizeof(low), "%" PRIu64, m->ram_low);
    snprintf(high, sizeof(high), "%" PRIu64, m->ram_high);
    snprintf(vcpus, sizeof(vcpus), "%u", count);
    return vemu__vm_add_board_device(m->machine.vm, "mc146818rtc", "rtc", props,
                                     G_N_ELEMENTS(props), err)
               ? 0
               : -EINVAL;
}

static int microvm_init(struct vemu_machine *machine, struct vemu_error **err)
{
    struct microvm *m = (struct microvm *)machine;
    const struct vemu_vm_config *config = vemu__vm_config(machine->vm);
    int r;

    if (!config->kernel) {
        return vemu__error_set(err, EINVAL, "machine microvm has no firmware: it needs a kernel");
    }
    r = vemu__boot_open(machine->vm, config->kernel, config->initrd, config->cmdline, &m->boot,
                        err);
    if (r >= 0) {
        r = microvm_add_ram(m, err);
    }
    if (r < 0) {
        return r;
    }
    m->ioapic = add(m, "ioapic", err);
    if (!m->ioapic) {
        return -EINVAL;
    }
    machine->ioapic_eoi = microvm_ioapic_eoi;
    if (m->has_pic) {
        m->pic = add(m, "isa-pic", err);
        if (!m->pic) {
            return -EINVAL;
        }
        machine->pic_ack = microvm_pic_ack;
    }
    for (unsigned n = 0; n < G_N_ELEMENTS(machine->irq_lines); n++) {
        machine->irq_lines[n] = vemu__irq_new(machine->vm, microvm_irq, m, n);
    }
    if (m->has_rtc) {
        r = microvm_add_rtc(m, err);
        if (r < 0) {
            return r;
        }
    }
    if ((m->has_pit && !add(m, "isa-pit", err)) || !add(m, "i8042", err) ||
        !add(m, "port92", err) || !add(m, "reset-port", err) || !add(m, "post-port", err) ||
        (m->has_acpi && !add(m, "acpi-pm", err))) {
        return -EINVAL;
    }
    return 0;
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
        vemu__boot_add_cmdline(m->boot, word);
    }
}

/* --- tables and kernel ------------------------------------------------------------------------ */

/* What of the devices, the user's included, the tables have to tell. */
static int microvm_describe(struct microvm *m, struct vemu_acpi_config *ret,
                            struct vemu_error **err)
{
    const GPtrArray *devices = m->machine.vm->devices;

    *ret = (struct vemu_acpi_config){
        .vcpus = vemu__vm_config(m->machine.vm)->vcpus,
        .ioapic_address = VEMU_IOAPIC_ADDRESS,
        .pic = m->has_pic,
        .pit = m->has_pit,
        .rtc = m->has_rtc,
        .virtio = m->virtio,
        .virtio_count = m->virtio_count,
    };
    for (guint i = 0; i < devices->len; i++) {
        const struct vemu_device *dev = devices->pdata[i];
        unsigned irq;

        if (strcmp(dev->class_->name, "pvpanic") == 0) {
            ret->pvpanic_port = vemu__pvpanic_get_port(dev);
        } else if (strcmp(dev->class_->name, "isa-serial") == 0) {
            if (!m->has_serial) {
                return vemu__error_set(err, EINVAL,
                                       "the machine has isa-serial=off, but there is the "
                                       "isa-serial device '%s'",
                                       dev->id);
            }
            if (ret->serial_count < VEMU_ACPI_SERIAL_MAX) {
                vemu__serial_get_resources(dev, &ret->serials[ret->serial_count].iobase, &irq);
                ret->serials[ret->serial_count++].irq = (uint8_t)irq;
            }
        }
    }
    return 0;
}

static int microvm_load(struct vemu_machine *machine, struct vemu_error **err)
{
    struct microvm *m = (struct microvm *)machine;
    struct vemu_boot_board board = {
        .memory = vemu__vm_memory(machine->vm),
        .e820 = &m->e820,
        .ram_low = m->ram_low,
        .ram_total = m->ram_low + m->ram_high,
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
    return vemu__boot_load(m->boot, &board, err);
}

static uint32_t microvm_boot_state(struct vemu_machine *machine, uint32_t id,
                                   struct vemu_cpu_state *state)
{
    /* The others wait for INIT and SIPI, as vcpu_reset left them. */
    return id == 0 ? vemu__boot_state(((struct microvm *)machine)->boot, state) : 0;
}

static void microvm_fini(struct vemu_machine *machine)
{
    vemu__boot_free(((struct microvm *)machine)->boot);
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
