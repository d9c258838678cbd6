/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Machine q35: Intel Q35 and ICH9 with PCI Express, for kernels started directly and for firmware.
 *
 * Memory map
 *
 *   0x00000000   RAM, up to 2.75 GiB; 2 GiB when there is more, so that the rest is aligned
 *   0xb0000000   PCI Express configuration space, 256 MiB
 *   0xc0000000   PCI memory, up to the I/O APIC; and from the end of RAM up to 0xb0000000
 *   0xfec00000   I/O APIC        0xfee00000  local APICs (in the accelerator)
 *   0xfed00000   HPET, if any
 *   below 4 GiB  firmware, if any
 *   0x100000000  the rest of the RAM; then, from a multiple of 1 GiB on, room for memory that is
 *                plugged in; then, from a multiple of 32 GiB on, 32 GiB of PCI memory
 *
 * Interrupts are those of a PC (machines/pc.c); PCI's go through the ICH9's router to pins 16 to
 * 23.
 *
 * Started directly, a kernel finds what firmware would have left: tables below 1 MiB, configuration
 * space in place, the interrupt router programmed. Resources of PCI devices it assigns itself.
 * With firmware everything but the power-on state is firmware's matter, and the tables go to it by
 * fw_cfg, as does a kernel for UEFI.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <glib.h>

#include "boot/acpi-hotplug.h"
#include "boot/smbios.h"
#include "core/vm.h"
#include "devices/acpi-pm/acpi-pm.h"
#include "devices/fw-cfg/fw-cfg.h"
#include "devices/ich9-lpc/lpc.h"
#include "devices/ioapic/ioapic.h"
#include "machines/boot-order.h"
#include "machines/firmware.h"
#include "machines/flash.h"
#include "machines/fw-file.h"
#include "machines/fw-kernel.h"
#include "machines/fw-tables.h"
#include "machines/pc.h"
#include "machines/waking.h"

#define MIB           ((uint64_t)1 << 20)
#define GIB           ((uint64_t)1 << 30)
#define RAM_MIN       (2 * MIB)
#define RAM_LOW_MAX   0xb0000000u
#define RAM_LOW_SPLIT 0x80000000u
#define RAM_HIGH      (4 * GIB)
#define ECAM_ADDRESS  0xb0000000u
#define ECAM_TEXT     "0xb0000000"
#define ECAM_SIZE     0x10000000u
#define MMIO_END      VEMU_IOAPIC_ADDRESS
#define MMIO64_SIZE   (32 * GIB)
#define BASE_END      0x9fc00u
#define TABLES_START  0xe0000u
#define SMBIOS_START  0xf0000u
#define SMBIOS_TABLES 0xf0020u
#define LAST_BUS      255u
#define PRODUCT       "Standard PC (Q35 + ICH9, 2009)"

struct q35 {
    struct vemu_pc pc;
    bool has_pit, has_pic, has_acpi, has_sata, has_ps2, has_hpet, has_s3; /* properties */
    char *rtc_base, *firmware_path, *flash_nodes[VEMU_FLASH_UNITS];
    struct vemu_device *host, *lpc, *fw_cfg;
    struct vemu_firmware *firmware;
    struct vemu_fw_kernel *fw_kernel; /* until it is published */
    struct vemu_boot_order boot_order;
    struct vemu_smbios_texts smbios;
    struct vemu_fw_tables tables;
    struct vemu_acpi_pci pci;
    struct vemu_waking waking; /* vector 0: power-on state, or that of the kernel's start */
};

/* --- memory ----------------------------------------------------------------------------------- */

static void q35_add_e820(struct q35 *m)
{
    struct vemu_pc *pc = &m->pc;

    vemu__e820_add(&pc->e820, 0, BASE_END, VEMU_E820_RAM);
    vemu__e820_add(&pc->e820, BASE_END, 0xa0000 - BASE_END, VEMU_E820_RESERVED);
    vemu__e820_add(&pc->e820, TABLES_START, MIB - TABLES_START, VEMU_E820_RESERVED);
    vemu__e820_add(&pc->e820, MIB, pc->ram_low - MIB, VEMU_E820_RAM);
    vemu__e820_add(&pc->e820, ECAM_ADDRESS, ECAM_SIZE, VEMU_E820_RESERVED);
    vemu__e820_add(&pc->e820, RAM_HIGH, pc->ram_high, VEMU_E820_RAM);
}

static int q35_add_ram(struct q35 *m, struct vemu_error **err)
{
    struct vemu_pc *pc = &m->pc;
    uint64_t size = vemu__vm_config(pc->machine.vm)->memory_bytes, high_end;
    int r;

    if (size < RAM_MIN) {
        return vemu__error_set(err, EINVAL,
                               "machine q35 needs at least %" PRIu64 " MiB of memory; it was given "
                               "%" PRIu64 " KiB",
                               RAM_MIN / MIB, size >> 10);
    }
    pc->ram_low = size < RAM_LOW_MAX ? size : RAM_LOW_SPLIT;
    pc->ram_high = size - pc->ram_low;
    r = vemu__pc_add_ram(pc, 0, pc->ram_low, 0, "ram", err);
    if (r >= 0 && pc->ram_high) {
        r = vemu__pc_add_ram(pc, RAM_HIGH, pc->ram_high, pc->ram_low, "ram-above-4g", err);
    }
    q35_add_e820(m);
    high_end = vemu__pc_place_device_memory(pc, RAM_HIGH + pc->ram_high);
    m->pci = (struct vemu_acpi_pci){
        .ecam_address = ECAM_ADDRESS,
        .last_bus = LAST_BUS,
        .memory_start = { pc->ram_low, ECAM_ADDRESS + ECAM_SIZE },
        .memory_end = { ECAM_ADDRESS, MMIO_END },
        .memory64_start = (high_end + MMIO64_SIZE - 1) / MMIO64_SIZE * MMIO64_SIZE,
    };
    /* Windows begin where a BAR of some size can: not right behind odd amounts of RAM. */
    m->pci.memory_start[0] = (pc->ram_low + 256 * MIB - 1) / (256 * MIB) * (256 * MIB);
    m->pci.memory64_end = m->pci.memory64_start + MMIO64_SIZE;
    pc->machine.address_end = m->pci.memory64_end;
    return r;
}

/* --- board ------------------------------------------------------------------------------------ */

static int q35_add_pci(struct q35 *m, struct vemu_error **err)
{
    const struct vemu_property mch[] = {
        { "addr", "0" },
        { "ecam", m->pc.boot ? ECAM_TEXT : "0" },
    };
    const struct vemu_property lpc[] = { { "addr", "1f.0" }, { "multifunction", "on" } };
    const struct vemu_property sata[] = { { "addr", "1f.2" } };
    struct vemu_vm *vm = m->pc.machine.vm;

    m->host = vemu__vm_add_board_device(vm, "pcie-host", "pcie-host", NULL, 0, err);
    if (!m->host) {
        return -EINVAL;
    }
    m->pc.machine.pci = (struct vemu_pci_host *)m->host;
    if (!vemu__vm_add_board_device(vm, "mch", "mch", mch, G_N_ELEMENTS(mch), err)) {
        return -EINVAL;
    }
    m->lpc = vemu__vm_add_board_device(vm, "ICH9-LPC", "lpc", lpc, G_N_ELEMENTS(lpc), err);
    if (!m->lpc) {
        return -EINVAL;
    }
    /* Its ports are buses ide.0 to ide.5. */
    if (m->has_sata &&
        !vemu__vm_add_board_device(vm, "ich9-ahci", "ide", sata, G_N_ELEMENTS(sata), err)) {
        return -EINVAL;
    }
    return 0;
}

static bool q35_add_i8042(struct q35 *m, struct vemu_error **err)
{
    const char *plugged = m->has_ps2 ? "on" : "off";
    const struct vemu_property props[] = { { "keyboard", plugged }, { "mouse", plugged } };

    return vemu__vm_add_board_device(m->pc.machine.vm, "i8042", "i8042", props, G_N_ELEMENTS(props),
                                     err) != NULL;
}

static int q35_open(struct q35 *m, struct vemu_error **err)
{
    const struct vemu_vm_config *config = vemu__vm_config(m->pc.machine.vm);

    bool has_flash = m->flash_nodes[0] || m->flash_nodes[1];
    int r = 0;

    if (m->firmware_path && has_flash) {
        return vemu__error_set(err, EINVAL,
                               "machine q35 starts firmware from a file or from flash, not both");
    }
    if (config->kernel && !m->firmware_path && !has_flash) {
        return vemu__boot_open(m->pc.machine.vm, config->kernel, config->initrd, config->cmdline,
                               &m->pc.boot, err);
    }
    if (!has_flash) {
        r = vemu__firmware_open(m->firmware_path, &m->firmware, err);
    }
    if (r >= 0 && config->kernel && m->firmware && !vemu__firmware_is_uefi(m->firmware)) {
        return vemu__error_set(err, EINVAL,
                               "firmware '%s' is not UEFI: it cannot start a kernel, which machine "
                               "q35 starts without firmware, too",
                               m->firmware_path);
    }
    return r >= 0 && config->kernel ? vemu__fw_kernel_open(config, &m->fw_kernel, err) : r;
}

static void q35_hotplug_event(void *data, unsigned kind, bool level)
{
    struct q35 *m = data;

    if (level)
        vemu__ich9_raise_gpe(m->lpc,
                             kind == VEMU_HOTPLUG_CPU ? VEMU_ACPI_GPE_CPU : VEMU_ACPI_GPE_MEMORY);
}

static void q35_genid_event(void *data, unsigned n, bool level)
{
    struct q35 *m = data;

    if (level)
        vemu__ich9_raise_gpe(m->lpc, VEMU_ACPI_GPE_GENID);
}

static int q35_init(struct vemu_machine *machine, struct vemu_error **err)
{
    struct q35 *m = (struct q35 *)machine;
    struct vemu_pc *pc = &m->pc;
    const struct vemu_property pm[] = { { "s3", m->has_s3 ? "on" : "off" } };
    int r = vemu__boot_order_check(&m->boot_order, err);

    if (r >= 0) {
        r = vemu__smbios_texts_check(&m->smbios, err);
    }
    if (r >= 0) {
        r = q35_open(m, err);
    }
    if (r >= 0) {
        r = q35_add_ram(m, err);
    }
    if (r >= 0 && m->firmware) {
        r = vemu__firmware_add_rom(m->firmware, vemu__vm_memory(machine->vm), err);
    }
    if (r >= 0) {
        r = vemu__flash_add(machine, m->flash_nodes, err);
    }
    if (r >= 0) {
        r = vemu__pc_add_interrupts(pc, m->has_pic, err);
    }
    if (r >= 0) {
        r = vemu__pc_add_rtc(pc, m->rtc_base, err);
    }
    if (r >= 0 && m->has_hpet) {
        r = vemu__pc_add_hpet(pc, err);
    }
    if (r >= 0) {
        r = q35_add_pci(m, err);
    }
    if (r < 0) {
        return r;
    }
    m->fw_cfg = vemu__pc_add(pc, "fw_cfg", err);
    if (!m->fw_cfg || (m->has_pit && !vemu__pc_add(pc, "isa-pit", err)) || !q35_add_i8042(m, err) ||
        !vemu__pc_add(pc, "port92", err) || !vemu__pc_add(pc, "post-port", err) ||
        !vemu__vm_add_board_device(machine->vm, "acpi-pm", "acpi-pm", pm, G_N_ELEMENTS(pm), err)) {
        return -EINVAL;
    }
    machine->can_sleep = m->has_acpi && m->has_s3;
    if (m->has_acpi)
        machine->genid_line = vemu__irq_user(vemu__irq_new(machine->vm, q35_genid_event, m, 0));
    return vemu__pc_add_hotplug(pc, m->has_acpi, q35_hotplug_event, m, err);
}

/* --- tables ----------------------------------------------------------------------------------- */

static void q35_describe(struct q35 *m, struct vemu_acpi_config *acpi,
                         struct vemu_smbios_config *smbios)
{
    const struct vemu_vm_config *config = vemu__vm_config(m->pc.machine.vm);

    *acpi = (struct vemu_acpi_config){
        .ioapic_address = VEMU_IOAPIC_ADDRESS,
        .pic = m->has_pic,
        .pit = m->has_pit,
        .rtc = true,
        .ps2 = m->has_ps2,
        .hpet = m->has_hpet,
        .s3 = m->has_s3,
        .gpe_port = VEMU_ICH9_GPE_PORT,
        .fw_cfg_port = VEMU_FW_CFG_PORT,
        .pci = &m->pci,
    };
    vemu__pc_describe_devices(&m->pc, acpi);
    vemu__pc_describe_hotplug(&m->pc, acpi);
    vemu__pc_describe_numa(&m->pc, acpi);
    *smbios = (struct vemu_smbios_config){
        .product = PRODUCT,
        .version = "q35",
        .bios_version = vemu_version(),
        .uuid = config->uuid,
        .vcpus = vemu__vcpus_present(m->pc.machine.vm),
        .topology = vemu__topology_of(config),
        .ram_low = m->pc.ram_low,
        .ram_high = m->pc.ram_high,
        .texts = m->smbios,
    };
}

/* Tables in guest memory, as firmware leaves them. */
static int q35_place_tables(struct q35 *m, const struct vemu_acpi_config *acpi,
                            const struct vemu_smbios_config *smbios, struct vemu_error **err)
{
    struct vemu_memory *mem = vemu__vm_memory(m->pc.machine.vm);
    uint8_t *to = vemu__memory_ptr(mem, TABLES_START, MIB - TABLES_START, true);
    g_autoptr(GByteArray) entry = g_byte_array_new(), tables = g_byte_array_new();
    int r = 0;

    if (!to) {
        return vemu__error_set(err, EFAULT, "no memory at 0x%x", TABLES_START);
    }
    vemu__smbios_build(smbios, SMBIOS_TABLES, entry, tables);
    if (m->has_acpi) {
        r = vemu__acpi_build(acpi, TABLES_START, to, SMBIOS_START - TABLES_START);
    }
    if (r < 0 || tables->len > MIB - SMBIOS_TABLES) {
        return vemu__error_set(err, ENOSPC,
                               "the firmware tables for %u vCPUs, and their texts, do not fit",
                               acpi->vcpus);
    }
    memcpy(to + (SMBIOS_START - TABLES_START), entry->data, entry->len);
    memcpy(to + (SMBIOS_TABLES - TABLES_START), tables->data, tables->len);
    return 0;
}

/* The memory map, as etc/e820 has it: address, size, type. */
static void q35_publish_memory(struct q35 *m)
{
    g_autoptr(GByteArray) map = g_byte_array_new();
    const struct vemu_e820 *e820 = &m->pc.e820;
    uint64_t end = GUINT64_TO_LE(m->pci.memory64_start);

    for (unsigned i = 0; i < e820->count; i++) {
        const struct vemu_e820_entry *e = &e820->entries[i];
        uint64_t address = GUINT64_TO_LE(e->address), size = GUINT64_TO_LE(e->size);
        uint32_t type = GUINT32_TO_LE((uint32_t)e->type);

        if (e->type == VEMU_E820_RAM && e->address < MIB) {
            size = GUINT64_TO_LE(m->pc.ram_low); /* firmware knows its own first megabyte */
        } else if (e->address <= MIB || (e->type != VEMU_E820_RAM)) {
            continue;
        }
        g_byte_array_append(map, (const uint8_t *)&address, 8);
        g_byte_array_append(map, (const uint8_t *)&size, 8);
        g_byte_array_append(map, (const uint8_t *)&type, 4);
    }
    vemu__fw_cfg_set_file(m->fw_cfg, "etc/e820", map->data, map->len);
    vemu__fw_cfg_set_file(m->fw_cfg, "etc/reserved-memory-end", &end, sizeof(end));
}

/* Everything firmware asks for. */
static void q35_publish(struct q35 *m, const struct vemu_acpi_config *acpi,
                        const struct vemu_smbios_config *smbios)
{
    g_autoptr(GByteArray) entry = g_byte_array_new(), tables = g_byte_array_new();
    uint64_t serial = acpi->serial_count ? acpi->serials[0].iobase : 0;
    /* S0 to S5: bit 7 says that there is such a state, the others are its sleep type. */
    const uint8_t states[6] = {
        0x80, 0, 0, VEMU_ACPI_S3_TYPE | (m->has_s3 ? 0x80 : 0), 0, 0x80 | VEMU_ACPI_S5_TYPE,
    };

    vemu__fw_cfg_set_integer(m->fw_cfg, VEMU_FW_CFG_RAM_SIZE, m->pc.ram_low + m->pc.ram_high, 8);
    vemu__fw_cfg_set_integer(m->fw_cfg, VEMU_FW_CFG_NO_VGA, 1, 2);
    vemu__fw_cfg_set_integer(m->fw_cfg, VEMU_FW_CFG_CPUS, vemu__vcpus_present(m->pc.machine.vm), 2);
    vemu__fw_cfg_set_integer(m->fw_cfg, VEMU_FW_CFG_MAX_CPUS,
                             vemu__topology_apic_limit(&m->pc.machine.vm->config), 2);
    q35_publish_memory(m);
    vemu__smbios_build(smbios, 0, entry, tables);
    vemu__fw_cfg_set_file(m->fw_cfg, "etc/smbios/smbios-anchor", entry->data, entry->len);
    vemu__fw_cfg_set_file(m->fw_cfg, "etc/smbios/smbios-tables", tables->data, tables->len);
    vemu__fw_cfg_set_file(m->fw_cfg, "etc/system-states", states, sizeof(states));
    if (m->has_acpi) {
        m->tables = (struct vemu_fw_tables){ m->fw_cfg, m->pc.machine.pci, *acpi };
        vemu__fw_tables_publish(&m->tables);
    }
    vemu__boot_order_publish(&m->boot_order, m->fw_cfg,
                             vemu__vm_find_device(m->pc.machine.vm, "rtc"));
    if (serial) { /* there is no display: SeaBIOS talks on the first serial port */
        vemu__fw_cfg_set_file(m->fw_cfg, "etc/sercon-port", &serial, sizeof(serial));
    }
}

/* --- start ------------------------------------------------------------------------------------ */

static int q35_load(struct vemu_machine *machine, struct vemu_error **err)
{
    struct q35 *m = (struct q35 *)machine;
    struct vemu_boot_board board = {
        .memory = vemu__vm_memory(machine->vm),
        .e820 = &m->pc.e820,
        .ram_low = m->pc.ram_low,
        .ram_total = m->pc.ram_low + m->pc.ram_high,
        .rsdp = m->has_acpi ? TABLES_START : 0,
    };
    struct vemu_acpi_config acpi;
    struct vemu_smbios_config smbios;
    int r;

    m->waking.vector = 0;
    q35_describe(m, &acpi, &smbios);
    vemu__fw_files_publish(machine->vm, m->fw_cfg);
    if (m->fw_kernel) {
        r = vemu__fw_kernel_publish(m->fw_kernel, m->fw_cfg, err);
        g_clear_pointer(&m->fw_kernel, vemu__fw_kernel_free);
        if (r < 0) {
            return r;
        }
    }
    if (!m->pc.boot) {
        q35_publish(m, &acpi, &smbios);
        return m->firmware ? vemu__firmware_shadow(m->firmware, board.memory, err)
                           : vemu__flash_shadow(machine, err);
    }
    r = q35_place_tables(m, &acpi, &smbios, err);
    if (r < 0) {
        return r;
    }
    vemu__ich9_preset_routes(m->lpc);
    return vemu__boot_load(m->pc.boot, &board, err);
}

/* Firmware begins at the reset vector, and knows by the CMOS that it is to wake the guest. Where
 * there is none, its part is done here; and as it does, a guest that left no address is booted. */
static int q35_wake(struct vemu_machine *machine, struct vemu_error **err)
{
    struct q35 *m = (struct q35 *)machine;

    if (!m->pc.boot) {
        return 0;
    }
    vemu__ich9_preset_routes(m->lpc);
    m->waking = vemu__waking_read(vemu__vm_memory(machine->vm), TABLES_START + VEMU_ACPI_FACS);
    if (m->waking.vector) {
        return 0;
    }
    vemu_vm_log(machine->vm, VEMU_LOG_WARNING,
                "the guest slept without a waking vector in the FACS: it is booted");
    return q35_load(machine, err);
}

static uint32_t q35_boot_state(struct vemu_machine *machine, uint32_t id,
                               struct vemu_cpu_state *state)
{
    const struct vemu_pc *pc = (struct vemu_pc *)machine;

    if (id == 0 && ((struct q35 *)machine)->waking.vector) {
        return vemu__waking_state(&((struct q35 *)machine)->waking, state);
    }
    /* Firmware starts from the power-on state, and other vCPUs wait for it or the kernel. */
    return id == 0 && pc->boot ? vemu__boot_state(pc->boot, state) : 0;
}

static void q35_fini(struct vemu_machine *machine)
{
    struct q35 *m = (struct q35 *)machine;

    vemu__boot_free(m->pc.boot);
    vemu__firmware_free(m->firmware);
    vemu__fw_kernel_free(m->fw_kernel);
}

static const struct vemu_prop q35_props[] = {
    VEMU_PROP(struct q35, has_pit, "pit", BOOL, "on", "8254 timer and port 0x61"),
    VEMU_PROP(struct q35, has_hpet, "hpet", BOOL, "off", "high precision event timers"),
    VEMU_PROP(struct q35, has_pic, "pic", BOOL, "on", "8259 interrupt controllers"),
    VEMU_PROP(struct q35, has_acpi, "acpi", BOOL, "on", "ACPI tables"),
    VEMU_PROP(struct q35, has_s3, "s3", BOOL, "on", "the guest can suspend to memory"),
    VEMU_PROP(struct q35, has_sata, "sata", BOOL, "on", "SATA adapter at 00:1f.2, for IDE drives"),
    VEMU_PROP(struct q35, has_ps2, "i8042", BOOL, "on", "PS/2 keyboard and mouse"),
    VEMU_PROP(struct q35, rtc_base, "rtc-base", STRING, "utc",
              "time the clock starts with: utc, localtime or a date such as 2026-01-31T12:00:00"),
    VEMU_PROP(struct q35, firmware_path, "firmware", STRING, NULL,
              "BIOS image; without a kernel: SeaBIOS"),
    VEMU_PROP(struct q35, flash_nodes[0], "pflash0", STRING, NULL,
              "block node with firmware, as flash memory"),
    VEMU_PROP(struct q35, flash_nodes[1], "pflash1", STRING, NULL,
              "block node with firmware's variables, as flash memory"),
    VEMU_PROP_GROUP(offsetof(struct q35, boot_order), vemu__boot_order_props),
    VEMU_PROP_GROUP(offsetof(struct q35, smbios), vemu__smbios_texts_props),
    VEMU_PROP_END,
};

const struct vemu_machine_class vemu__machine_q35 = {
    .name = "q35",
    .alias = "pc-q35-*",
    .summary = "PC with PCI Express (Q35, ICH9)",
    .max_vcpus = 255,
    .has_numa = true,
    .has_fw_cfg = true,
    .has_dies = true,
    .instance_size = sizeof(struct q35),
    .props = q35_props,
    .init = q35_init,
    .load = q35_load,
    .boot_state = q35_boot_state,
    .wake = q35_wake,
    .fini = q35_fini,
    .virtio_suffix = "-pci",
};
