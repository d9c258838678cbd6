/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Static ACPI tables (ACPI 6.4, chapter 5) for a board with fixed hardware (devices/acpi-pm).
 *
 * Fixed hardware and not the hardware-reduced model: with the latter Linux leaves PIT and PIC alone
 * and then has neither a timer tick nor a reference to calibrate the TSC with, should the
 * accelerator not tell its frequency. The power button, power-off and reset register are the
 * classic ones, which every system knows.
 *
 * Layout from the given address on: RSDP, FACS (64-byte aligned), DSDT, FADT, MADT, others, RSDT,
 * XSDT.
 */
#include "boot/acpi.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "boot/acpi-hotplug.h"
#include "boot/acpi-numa.h"
#include "boot/acpi-pci.h"
#include "boot/acpi-table.h"
#include "boot/acpi-virtio.h"
#include "boot/aml.h"
#include "devices/acpi-pm/acpi-pm.h"
#include "devices/hpet/hpet.h"

#define OEM_ID "VEMU  "

#define RSDP_SIZE 36u
#define RSDP_ROOM VEMU_ACPI_FACS /* so that the FACS behind it is aligned */

#define LAPIC_ADDRESS 0xfee00000u
#define IOAPIC_ID     0u

#define CPU_ENABLED        1u
#define CPU_ONLINE_CAPABLE 2u

#define FADT_SIZE       276u
#define FADT_WBINVD     (1u << 0)
#define FADT_PROC_C1    (1u << 2)
#define FADT_SLP_BUTTON (1u << 5) /* no fixed sleep button */
#define FADT_FIX_RTC    (1u << 6) /* RTC wake is not in the fixed registers */
#define FADT_RESET_REG  (1u << 10)
#define BOOT_LEGACY     (1u << 0)
#define BOOT_8042       (1u << 1)
#define BOOT_NO_VGA     (1u << 2)
#define BOOT_NO_RTC     (1u << 5)

/* --- tables ----------------------------------------------------------------------------------- */

static uint64_t build_facs(struct vemu_acpi_builder *b)
{
    guint start;

    vemu__put_align(b->out, 64);
    start = b->out->len;
    g_byte_array_append(b->out, (const uint8_t *)"FACS", 4);
    vemu__put32(b->out, 64);
    vemu__put_zeros(b->out, 24); /* signature, vectors, lock, flags */
    vemu__put8(b->out, 2);       /* version */
    vemu__put_zeros(b->out, 31);
    return b->gpa + start;
}

static void dsdt_isa_device(GByteArray *out, const char *name, const char *eisaid, uint16_t port,
                            uint8_t ports, int irq)
{
    gsize device = vemu__aml_device(out, name), crs;

    vemu__aml_name_eisaid(out, "_HID", eisaid);
    crs = vemu__aml_crs(out);
    vemu__aml_io(out, port, ports);
    if (irq >= 0) {
        vemu__aml_irq(out, (unsigned)irq);
    }
    vemu__aml_crs_end(out, crs);
    vemu__aml_end(out, device);
}

static void dsdt_serials(GByteArray *out, const struct vemu_acpi_config *config)
{
    for (unsigned i = 0; i < config->serial_count && i < VEMU_ACPI_SERIAL_MAX; i++) {
        char name[5] = { 'C', 'O', 'M', (char)('1' + i), 0 };
        gsize device = vemu__aml_device(out, name), crs;

        vemu__aml_name_eisaid(out, "_HID", "PNP0501");
        vemu__aml_name_integer(out, "_UID", i + 1);
        crs = vemu__aml_crs(out);
        vemu__aml_io(out, config->serials[i].iobase, 8);
        if (config->serials[i].irq < 16) {
            vemu__aml_irq(out, config->serials[i].irq);
        }
        vemu__aml_crs_end(out, crs);
        vemu__aml_end(out, device);
    }
}

/* The keyboard has the ports of both. */
static void dsdt_ps2(GByteArray *out)
{
    gsize device = vemu__aml_device(out, "KBD"), crs;

    vemu__aml_name_eisaid(out, "_HID", "PNP0303");
    crs = vemu__aml_crs(out);
    vemu__aml_io(out, 0x60, 1);
    vemu__aml_io(out, 0x64, 1);
    vemu__aml_irq(out, 1);
    vemu__aml_crs_end(out, crs);
    vemu__aml_end(out, device);
    device = vemu__aml_device(out, "MOU");
    vemu__aml_name_eisaid(out, "_HID", "PNP0F13");
    crs = vemu__aml_crs(out);
    vemu__aml_irq(out, 12);
    vemu__aml_crs_end(out, crs);
    vemu__aml_end(out, device);
}

static void dsdt_hpet(GByteArray *out)
{
    gsize device = vemu__aml_device(out, "HPET"), crs;

    vemu__aml_name_eisaid(out, "_HID", "PNP0103");
    vemu__aml_name_integer(out, "_UID", 0);
    crs = vemu__aml_crs(out);
    vemu__aml_memory32(out, VEMU_HPET_ADDRESS, VEMU_HPET_SIZE, false);
    vemu__aml_crs_end(out, crs);
    vemu__aml_end(out, device);
}

/* "Virtual Machine Generation ID", and what its event calls. */
static void dsdt_genid(GByteArray *out, uint64_t address)
{
    gsize scope = vemu__aml_scope(out, "\\_SB_"), device, inner;

    device = vemu__aml_device(out, "VGEN");
    vemu__aml_name_string(out, "_HID", "VEMU0001");
    vemu__aml_name_string(out, "_CID", "VM_Gen_Counter");
    vemu__aml_name_string(out, "_DDN", "VM_Gen_Counter");
    vemu__aml_name_integer(out, "_STA", 0xf);
    inner = vemu__aml_method(out, "ADDR", 0, false); /* Return (Package () { low, high }) */
    VEMU_AML(out, 0xa4);
    gsize package = vemu__aml_block(out, 0x12);
    VEMU_AML(out, 2);
    vemu__aml_integer(out, (uint32_t)address);
    vemu__aml_integer(out, address >> 32);
    vemu__aml_end(out, package);
    vemu__aml_end(out, inner);
    vemu__aml_end(out, device);
    vemu__aml_end(out, scope);
    scope = vemu__aml_scope(out, "\\_GPE");
    inner = vemu__aml_method(out, "_E05", 0, false); /* Notify (\_SB.VGEN, 0x80) */
    VEMU_AML(out, 0x86);
    vemu__aml_ref(out, "\\_SB_.VGEN");
    vemu__aml_integer(out, 0x80);
    vemu__aml_end(out, inner);
    vemu__aml_end(out, scope);
}

static uint64_t build_dsdt(struct vemu_acpi_builder *b, const struct vemu_acpi_config *config)
{
    static const uint8_t s3[4] = { VEMU_ACPI_S3_TYPE, VEMU_ACPI_S3_TYPE, 0, 0 };
    static const uint8_t s5[4] = { VEMU_ACPI_S5_TYPE, VEMU_ACPI_S5_TYPE, 0, 0 };
    guint start = vemu__acpi_begin(b, "DSDT", 2);
    gsize scope = vemu__aml_scope(b->out, "\\_SB_");

    if (config->rtc) {
        dsdt_isa_device(b->out, "RTC", "PNP0B00", 0x70, 2, 8);
    }
    if (config->pit) {
        dsdt_isa_device(b->out, "TIMR", "PNP0100", 0x40, 4, 0);
    }
    if (config->hpet) {
        dsdt_hpet(b->out);
    }
    if (config->ps2) {
        dsdt_ps2(b->out);
    }
    dsdt_serials(b->out, config);
    if (config->pvpanic_port) {
        gsize device = vemu__aml_device(b->out, "PEVT"), crs;

        vemu__aml_name_string(b->out, "_HID", "QEMU0001");
        crs = vemu__aml_crs(b->out);
        vemu__aml_io(b->out, config->pvpanic_port, 1);
        vemu__aml_crs_end(b->out, crs);
        vemu__aml_name_integer(b->out, "_STA", 0xf);
        vemu__aml_end(b->out, device);
    }
    if (config->fw_cfg_port) {
        gsize device = vemu__aml_device(b->out, "FWCF"), crs;

        vemu__aml_name_string(b->out, "_HID", "QEMU0002");
        vemu__aml_name_integer(b->out, "_STA", 0xb);
        crs = vemu__aml_crs(b->out);
        vemu__aml_io(b->out, config->fw_cfg_port, 12);
        vemu__aml_crs_end(b->out, crs);
        vemu__aml_end(b->out, device);
    }
    vemu__acpi_dsdt_virtio(b->out, config->virtio, config->virtio_count);
    vemu__aml_end(b->out, scope);
    if (config->pci) {
        vemu__acpi_dsdt_pci(b->out, config->pci);
    }
    vemu__acpi_dsdt_hotplug(b->out, config);
    if (config->genid_address) {
        dsdt_genid(b->out, config->genid_address);
    }
    if (config->s3) {
        vemu__aml_name_package(b->out, "_S3_", s3, sizeof(s3));
    }
    vemu__aml_name_package(b->out, "_S5_", s5, sizeof(s5));
    return vemu__acpi_end(b, start);
}

/* ACPI 6.4, table 5.9. */
static uint64_t build_fadt(struct vemu_acpi_builder *b, const struct vemu_acpi_config *config,
                           uint64_t facs, uint64_t dsdt)
{
    guint start = vemu__acpi_begin(b, "FACP", 6);
    GByteArray *out = b->out;

    vemu__put_pointer(b, facs, 4);
    vemu__put_pointer(b, dsdt, 4);
    vemu__put8(out, 0);
    vemu__put8(out, 0); /* preferred profile: unspecified */
    vemu__put16(out, VEMU_ACPI_SCI);
    vemu__put32(out, 0);     /* SMI_CMD: always in ACPI mode */
    vemu__put_zeros(out, 4); /* ACPI_ENABLE, ACPI_DISABLE, S4BIOS_REQ, PSTATE_CNT */
    vemu__put32(out, VEMU_ACPI_PM1_EVENT);
    vemu__put32(out, 0);
    vemu__put32(out, VEMU_ACPI_PM1_CONTROL);
    vemu__put32(out, 0);
    vemu__put32(out, 0); /* PM2 */
    vemu__put32(out, VEMU_ACPI_PM_TIMER);
    vemu__put32(out, config->gpe_port);
    vemu__put32(out, 0); /* GPE1 */
    vemu__put8(out, 4);  /* lengths: PM1_EVT, PM1_CNT, PM2_CNT, PM_TMR, GPE0 */
    vemu__put8(out, 2);
    vemu__put8(out, 0);
    vemu__put8(out, 4);
    vemu__put8(out, config->gpe_port ? VEMU_ACPI_GPE_SIZE : 0);
    vemu__put_zeros(out, 3);                 /* GPE1 length, GPE1_BASE, CST_CNT */
    vemu__put16(out, 0xfff);                 /* no C2 */
    vemu__put16(out, 0xfff);                 /* no C3 */
    vemu__put_zeros(out, 8);                 /* FLUSH_*, DUTY_*, DAY_ALRM, MON_ALRM */
    vemu__put8(out, config->rtc ? 0x32 : 0); /* CENTURY */
    vemu__put16(out, BOOT_LEGACY | BOOT_NO_VGA | (config->ps2 ? BOOT_8042 : 0) |
                         (config->rtc ? 0 : BOOT_NO_RTC));
    vemu__put8(out, 0);
    vemu__put32(out, FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON | FADT_RESET_REG |
                         (config->s3 ? 0 : FADT_FIX_RTC));
    vemu__put_gas_io(out, 0xcf9, 1);
    vemu__put8(out, 0x06); /* RESET_VALUE */
    vemu__put16(out, 0);   /* ARM */
    vemu__put8(out, 4);    /* FADT 6.4 */
    vemu__put64(out, 0);   /* X_FIRMWARE_CTRL: the 32-bit field is in use */
    vemu__put_pointer(b, dsdt, 8);
    vemu__put_gas_io(out, VEMU_ACPI_PM1_EVENT, 4);
    vemu__put_zeros(out, 12);
    vemu__put_gas_io(out, VEMU_ACPI_PM1_CONTROL, 2);
    vemu__put_zeros(out, 12);
    vemu__put_zeros(out, 12); /* PM2 */
    vemu__put_gas_io(out, VEMU_ACPI_PM_TIMER, 4);
    if (config->gpe_port) {
        vemu__put_gas_io(out, config->gpe_port, VEMU_ACPI_GPE_SIZE);
    } else {
        vemu__put_zeros(out, 12);
    }
    vemu__put_zeros(out, 36); /* GPE1, SLEEP_CONTROL, SLEEP_STATUS */
    vemu__put64(out, 0);      /* hypervisor vendor */
    g_assert(out->len - start == FADT_SIZE);
    return vemu__acpi_end(b, start);
}

/* ACPI 6.4, 5.2.12. */
static uint64_t build_madt(struct vemu_acpi_builder *b, const struct vemu_acpi_config *config)
{
    guint start = vemu__acpi_begin(b, "APIC", 5);
    GByteArray *out = b->out;

    vemu__put32(out, LAPIC_ADDRESS);
    vemu__put32(out, config->pic ? 1 : 0); /* PCAT_COMPAT */
    for (uint32_t i = 0; i < config->vcpus; i++) {
        uint32_t flags = vemu__acpi_is_absent(config, i) ? CPU_ONLINE_CAPABLE : CPU_ENABLED;
        uint32_t apic_id = vemu__topology_apic_id(&config->topology, i);

        if (i < 255 && apic_id < 255) { /* local APIC */
            vemu__put8(out, 0);
            vemu__put8(out, 8);
            vemu__put8(out, (uint8_t)i);
            vemu__put8(out, (uint8_t)apic_id);
            vemu__put32(out, flags);
        } else { /* local x2APIC */
            vemu__put8(out, 9);
            vemu__put8(out, 16);
            vemu__put16(out, 0);
            vemu__put32(out, apic_id);
            vemu__put32(out, flags);
            vemu__put32(out, i);
        }
    }
    vemu__put8(out, 1); /* I/O APIC, interrupts from 0 on */
    vemu__put8(out, 12);
    vemu__put8(out, IOAPIC_ID);
    vemu__put8(out, 0);
    vemu__put32(out, (uint32_t)config->ioapic_address);
    vemu__put32(out, 0);
    vemu__put8(out, 2); /* override: ISA 0 is pin 2, as the bus specifies */
    vemu__put8(out, 10);
    vemu__put8(out, 0);
    vemu__put8(out, 0);
    vemu__put32(out, 2);
    vemu__put16(out, 0);
    vemu__put8(out, 2); /* override: SCI is level, active high */
    vemu__put8(out, 10);
    vemu__put8(out, 0);
    vemu__put8(out, VEMU_ACPI_SCI);
    vemu__put32(out, VEMU_ACPI_SCI);
    vemu__put16(out, 0x000d);
    vemu__put8(out, 4); /* NMI at LINT1 of all processors */
    vemu__put8(out, 6);
    vemu__put8(out, 0xff);
    vemu__put16(out, 0);
    vemu__put8(out, 1);
    return vemu__acpi_end(b, start);
}

/* IA-PC HPET Specification 1.0a, 3.2.4. */
static uint64_t build_hpet(struct vemu_acpi_builder *b)
{
    guint start = vemu__acpi_begin(b, "HPET", 1);

    vemu__put32(b->out, VEMU_HPET_ID);
    vemu__put8(b->out, 0); /* system memory */
    vemu__put8(b->out, 64);
    vemu__put16(b->out, 0);
    vemu__put64(b->out, VEMU_HPET_ADDRESS);
    vemu__put8(b->out, 0);    /* the first one */
    vemu__put16(b->out, 128); /* ticks below which a periodic timer loses interrupts */
    vemu__put8(b->out, 0);
    return vemu__acpi_end(b, start);
}

/* The roots of the same tree: GRUB and other small readers know only the one with short pointers.
 * */
struct roots {
    uint64_t rsdt, xsdt;
};

static uint64_t build_root(struct vemu_acpi_builder *b, const char *signature, uint8_t pointer_size,
                           const uint64_t *tables, unsigned count)
{
    guint start = vemu__acpi_begin(b, signature, 1);

    for (unsigned i = 0; i < count; i++) {
        vemu__put_pointer(b, tables[i], pointer_size);
    }
    return vemu__acpi_end(b, start);
}

/* Everything but the RSDP (ACPI 6.4, 5.2.7 and 5.2.8). */
static struct roots build_tables(struct vemu_acpi_builder *b, const struct vemu_acpi_config *config)
{
    uint64_t facs = build_facs(b), dsdt = build_dsdt(b, config), tables[8];
    struct roots roots;
    unsigned count = 0;

    tables[count++] = build_fadt(b, config, facs, dsdt);
    tables[count++] = build_madt(b, config);
    if (config->pci && config->pci->ecam_address) {
        tables[count++] = vemu__acpi_build_mcfg(b, config->pci);
    }
    if (config->hpet) {
        tables[count++] = build_hpet(b);
    }
    if (config->numa) {
        tables[count++] = vemu__acpi_build_srat(b, config);
    }
    if (config->numa && config->numa->distances) {
        tables[count++] = vemu__acpi_build_slit(b, config->numa);
    }
    g_assert(count <= G_N_ELEMENTS(tables));
    roots.rsdt = build_root(b, "RSDT", 4, tables, count);
    roots.xsdt = build_root(b, "XSDT", 8, tables, count);
    return roots;
}

/* RSDP, revision 2 (ACPI 6.4, 5.2.5.3). */
static void put_rsdp(GByteArray *out, struct roots roots)
{
    guint start = out->len;

    g_byte_array_append(out, (const uint8_t *)"RSD PTR ", 8);
    vemu__put8(out, 0);
    g_byte_array_append(out, (const uint8_t *)OEM_ID, 6);
    vemu__put8(out, 2);
    vemu__put32(out, (uint32_t)roots.rsdt);
    vemu__put32(out, RSDP_SIZE);
    vemu__put64(out, roots.xsdt);
    vemu__put_zeros(out, 4);
    out->data[start + 8] = vemu__acpi_checksum(out->data + start, 20);
    out->data[start + 32] = vemu__acpi_checksum(out->data + start, RSDP_SIZE);
}

int vemu__acpi_build(const struct vemu_acpi_config *config, uint64_t gpa, uint8_t *buf, size_t size)
{
    struct vemu_acpi_builder b;
    g_autoptr(GByteArray) rsdp = g_byte_array_new();
    int r = -ENOSPC;

    vemu__acpi_init(&b, gpa);
    vemu__put_zeros(b.out, RSDP_ROOM);
    put_rsdp(rsdp, build_tables(&b, config));
    memcpy(b.out->data, rsdp->data, rsdp->len);
    if (b.out->len <= size) {
        memcpy(buf, b.out->data, b.out->len);
        r = (int)b.out->len;
    }
    vemu__acpi_fini(&b);
    return r;
}

void vemu__acpi_build_files(const struct vemu_acpi_config *config, GByteArray *rsdp,
                            GByteArray *tables, GByteArray *loader)
{
    struct vemu_acpi_builder b;

    vemu__acpi_init(&b, 0);
    put_rsdp(rsdp, build_tables(&b, config));
    g_byte_array_append(tables, b.out->data, b.out->len);
    vemu__acpi_put_loader(&b, rsdp, tables, loader);
    vemu__acpi_fini(&b);
}

/* --- MP table --------------------------------------------------------------------------------- */

static void mp_interrupt(GByteArray *out, uint8_t entry, uint8_t type, uint16_t flags, uint8_t irq,
                         uint8_t apic, uint8_t pin)
{
    vemu__put8(out, entry);
    vemu__put8(out, type);
    vemu__put16(out, flags);
    vemu__put8(out, 0); /* bus 0 is ISA */
    vemu__put8(out, irq);
    vemu__put8(out, apic);
    vemu__put8(out, pin);
}

/* The floating pointer, and the header of the table that follows it at `table`. */
static void mp_headers(GByteArray *out, uint64_t table)
{
    g_byte_array_append(out, (const uint8_t *)"_MP_", 4);
    vemu__put32(out, (uint32_t)table);
    vemu__put8(out, 1);
    vemu__put8(out, 4);
    vemu__put8(out, 0); /* checksum */
    vemu__put_zeros(out, 5);

    g_byte_array_append(out, (const uint8_t *)"PCMP", 4);
    vemu__put16(out, 0); /* length */
    vemu__put8(out, 4);
    vemu__put8(out, 0); /* checksum */
    g_byte_array_append(out, (const uint8_t *)"VEMU    microvm     ", 20);
    vemu__put_zeros(out, 6);
    vemu__put16(out, 0); /* entries */
    vemu__put32(out, LAPIC_ADDRESS);
    vemu__put32(out, 0);
}

/* These return the number of entries. */
static uint16_t mp_processors(GByteArray *out, const struct vemu_acpi_config *config)
{
    uint16_t entries = 0;

    for (uint32_t i = 0; i < config->vcpus; i++) {
        const uint32_t apic_id = vemu__topology_apic_id(&config->topology, i);

        if (apic_id >= 254 || vemu__acpi_is_absent(config, i)) {
            continue;
        }
        entries++;
        vemu__put8(out, 0);
        vemu__put8(out, (uint8_t)apic_id);
        vemu__put8(out, 0x14);           /* integrated local APIC */
        vemu__put8(out, i == 0 ? 3 : 1); /* enabled, bootstrap processor */
        vemu__put32(out, 0x600);         /* family 6 */
        vemu__put32(out, 0x201);         /* APIC, FPU */
        vemu__put_zeros(out, 8);
    }
    return entries;
}

static uint16_t mp_bus_and_ioapic(GByteArray *out, uint8_t ioapic_id, uint64_t ioapic_address)
{
    vemu__put8(out, 1);
    vemu__put8(out, 0);
    g_byte_array_append(out, (const uint8_t *)"ISA   ", 6);

    vemu__put8(out, 2);
    vemu__put8(out, ioapic_id);
    vemu__put8(out, 0x11);
    vemu__put8(out, 1); /* enabled */
    vemu__put32(out, (uint32_t)ioapic_address);
    return 2;
}

static uint16_t mp_interrupts(GByteArray *out, uint8_t ioapic_id, bool pic)
{
    uint16_t entries = 0;

    for (uint8_t irq = 0; irq < 16; irq++) {
        if (irq != 2) { /* the cascade; its pin takes IRQ 0 */
            mp_interrupt(out, 3, 0, irq == VEMU_ACPI_SCI ? 0x000d : 0, irq, ioapic_id,
                         irq == 0 ? 2 : irq);
            entries++;
        }
    }
    if (pic) {
        mp_interrupt(out, 4, 3, 0, 0, 0xff, 0); /* 8259 at LINT0 */
        entries++;
    }
    mp_interrupt(out, 4, 1, 0, 0, 0xff, 1); /* NMI at LINT1 */
    return entries + 1;
}

/* Intel MultiProcessor Specification 1.4, chapter 4. */
int vemu__mptable_build(const struct vemu_acpi_config *config, uint64_t gpa, uint8_t *buf,
                        size_t size)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    uint16_t entries = 0, length;
    const guint start = 16;
    const uint32_t apic_limit =
        config->vcpus ? vemu__topology_apic_id(&config->topology, config->vcpus - 1) + 1 : 0;
    uint8_t ioapic_id = (uint8_t)MIN(apic_limit, 254u);

    mp_headers(out, gpa + start);
    entries += mp_processors(out, config);
    entries += mp_bus_and_ioapic(out, ioapic_id, config->ioapic_address);
    entries += mp_interrupts(out, ioapic_id, config->pic);

    length = GUINT16_TO_LE((uint16_t)(out->len - start));
    memcpy(out->data + start + 4, &length, 2);
    entries = GUINT16_TO_LE(entries);
    memcpy(out->data + start + 34, &entries, 2);
    out->data[start + 7] = vemu__acpi_checksum(out->data + start, out->len - start);
    out->data[10] = vemu__acpi_checksum(out->data, 16);
    if (out->len > size) {
        return -ENOSPC;
    }
    memcpy(buf, out->data, out->len);
    return (int)out->len;
}
