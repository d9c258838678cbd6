/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Static ACPI tables (ACPI 6.4, chapter 5) for a board with fixed hardware (devices/acpi-pm).
 *
 * Fixed hardware and not the hardware-reduced model: with the latter Linux leaves PIT and PIC alone
 * and then has neither a timer tick nor a reference to calibrate the TSC with, should the
 * accelerator not tell its frequency. The power button, power-off and reset register are the
 * classic ones, which every system knows.
 *
 * Layout from the given address on: RSDP, XSDT, FACS (64-byte aligned), DSDT, FADT, MADT.
 */
#include "boot/acpi.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "boot/acpi-virtio.h"
#include "boot/aml.h"
#include "devices/acpi-pm/acpi-pm.h"

#define OEM_ID       "VEMU  "
#define OEM_TABLE_ID "VEMUMICR"
#define CREATOR_ID   "VEMU"

#define LAPIC_ADDRESS 0xfee00000u
#define IOAPIC_ID     0u

#define FADT_SIZE       276u
#define FADT_WBINVD     (1u << 0)
#define FADT_PROC_C1    (1u << 2)
#define FADT_SLP_BUTTON (1u << 5) /* no fixed sleep button */
#define FADT_FIX_RTC    (1u << 6) /* RTC wake is not in the fixed registers */
#define FADT_RESET_REG  (1u << 10)
#define BOOT_LEGACY     (1u << 0)
#define BOOT_NO_VGA     (1u << 2)
#define BOOT_NO_RTC     (1u << 5)

#define GAS_IO 1

struct table_header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem_id[6], oem_table_id[8];
    uint32_t oem_revision;
    char creator_id[4];
    uint32_t creator_revision;
} __attribute__((packed));

struct builder {
    GByteArray *out;
    uint64_t gpa;
};

static void put8(GByteArray *out, uint8_t value)
{
    g_byte_array_append(out, &value, 1);
}

static void put16(GByteArray *out, uint16_t value)
{
    value = GUINT16_TO_LE(value);
    g_byte_array_append(out, (uint8_t *)&value, 2);
}

static void put32(GByteArray *out, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    g_byte_array_append(out, (uint8_t *)&value, 4);
}

static void put64(GByteArray *out, uint64_t value)
{
    value = GUINT64_TO_LE(value);
    g_byte_array_append(out, (uint8_t *)&value, 8);
}

static void put_zeros(GByteArray *out, unsigned n)
{
    while (n--) {
        put8(out, 0);
    }
}

static void align(GByteArray *out, unsigned to)
{
    put_zeros(out, (to - out->len % to) % to);
}

static uint8_t checksum(const uint8_t *data, size_t size)
{
    uint8_t sum = 0;

    while (size--) {
        sum += *data++;
    }
    return (uint8_t)-sum;
}

static guint table_begin(struct builder *b, const char *signature, uint8_t revision)
{
    struct table_header h = { .revision = revision,
                              .oem_revision = GUINT32_TO_LE(1),
                              .creator_revision = GUINT32_TO_LE(1) };
    guint start;

    align(b->out, 16);
    start = b->out->len;
    memcpy(h.signature, signature, 4);
    memcpy(h.oem_id, OEM_ID, 6);
    memcpy(h.oem_table_id, OEM_TABLE_ID, 8);
    memcpy(h.creator_id, CREATOR_ID, 4);
    g_byte_array_append(b->out, (uint8_t *)&h, sizeof(h));
    return start;
}

/* Fills in length and checksum; returns the table's address. */
static uint64_t table_end(struct builder *b, guint start)
{
    uint8_t *table = b->out->data + start;
    uint32_t length = b->out->len - start, le = GUINT32_TO_LE(length);

    memcpy(table + offsetof(struct table_header, length), &le, 4);
    table[offsetof(struct table_header, checksum)] = 0;
    table[offsetof(struct table_header, checksum)] = checksum(table, length);
    return b->gpa + start;
}

static void set32(struct builder *b, guint at, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    memcpy(b->out->data + at, &value, 4);
}

static void set64(struct builder *b, guint at, uint64_t value)
{
    value = GUINT64_TO_LE(value);
    memcpy(b->out->data + at, &value, 8);
}

static void put_gas(GByteArray *out, uint64_t port, uint8_t bytes)
{
    put8(out, GAS_IO);
    put8(out, (uint8_t)(bytes * 8));
    put8(out, 0);
    put8(out, bytes == 1 ? 1 : bytes == 2 ? 2 : bytes == 4 ? 3 : 0); /* access size */
    put64(out, port);
}

/* --- tables ----------------------------------------------------------------------------------- */

static uint64_t build_facs(struct builder *b)
{
    guint start;

    align(b->out, 64);
    start = b->out->len;
    g_byte_array_append(b->out, (const uint8_t *)"FACS", 4);
    put32(b->out, 64);
    put_zeros(b->out, 24); /* signature, vectors, lock, flags */
    put8(b->out, 2);       /* version */
    put_zeros(b->out, 31);
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

static uint64_t build_dsdt(struct builder *b, const struct vemu_acpi_config *config)
{
    static const uint8_t s5[4] = { VEMU_ACPI_S5_TYPE, VEMU_ACPI_S5_TYPE, 0, 0 };
    guint start = table_begin(b, "DSDT", 2);
    gsize scope = vemu__aml_scope(b->out, "\\_SB_");

    if (config->rtc) {
        dsdt_isa_device(b->out, "RTC", "PNP0B00", 0x70, 2, 8);
    }
    if (config->pit) {
        dsdt_isa_device(b->out, "TIMR", "PNP0100", 0x40, 4, 0);
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
    vemu__acpi_dsdt_virtio(b->out, config->virtio, config->virtio_count);
    vemu__aml_end(b->out, scope);
    vemu__aml_name_package(b->out, "_S5_", s5, sizeof(s5));
    return table_end(b, start);
}

/* ACPI 6.4, table 5.9. */
static uint64_t build_fadt(struct builder *b, const struct vemu_acpi_config *config, uint64_t facs,
                           uint64_t dsdt)
{
    guint start = table_begin(b, "FACP", 6);
    GByteArray *out = b->out;

    put32(out, (uint32_t)facs);
    put32(out, (uint32_t)dsdt);
    put8(out, 0);
    put8(out, 0); /* preferred profile: unspecified */
    put16(out, VEMU_ACPI_SCI);
    put32(out, 0);     /* SMI_CMD: always in ACPI mode */
    put_zeros(out, 4); /* ACPI_ENABLE, ACPI_DISABLE, S4BIOS_REQ, PSTATE_CNT */
    put32(out, VEMU_ACPI_PM1_EVENT);
    put32(out, 0);
    put32(out, VEMU_ACPI_PM1_CONTROL);
    put32(out, 0);
    put32(out, 0); /* PM2 */
    put32(out, VEMU_ACPI_PM_TIMER);
    put_zeros(out, 8); /* GPE0, GPE1 */
    put8(out, 4);      /* lengths: PM1_EVT, PM1_CNT, PM2_CNT, PM_TMR, GPE0, GPE1 */
    put8(out, 2);
    put8(out, 0);
    put8(out, 4);
    put_zeros(out, 4);                 /* GPE lengths, GPE1_BASE, CST_CNT */
    put16(out, 0xfff);                 /* no C2 */
    put16(out, 0xfff);                 /* no C3 */
    put_zeros(out, 8);                 /* FLUSH_*, DUTY_*, DAY_ALRM, MON_ALRM */
    put8(out, config->rtc ? 0x32 : 0); /* CENTURY */
    put16(out, BOOT_LEGACY | BOOT_NO_VGA | (config->rtc ? 0 : BOOT_NO_RTC));
    put8(out, 0);
    put32(out, FADT_WBINVD | FADT_PROC_C1 | FADT_SLP_BUTTON | FADT_FIX_RTC | FADT_RESET_REG);
    put_gas(out, 0xcf9, 1);
    put8(out, 0x06); /* RESET_VALUE */
    put16(out, 0);   /* ARM */
    put8(out, 4);    /* FADT 6.4 */
    put64(out, 0);   /* X_FIRMWARE_CTRL: the 32-bit field is in use */
    put64(out, dsdt);
    put_gas(out, VEMU_ACPI_PM1_EVENT, 4);
    put_zeros(out, 12);
    put_gas(out, VEMU_ACPI_PM1_CONTROL, 2);
    put_zeros(out, 12);
    put_zeros(out, 12); /* PM2 */
    put_gas(out, VEMU_ACPI_PM_TIMER, 4);
    put_zeros(out, 48); /* GPE0, GPE1, SLEEP_CONTROL, SLEEP_STATUS */
    put64(out, 0);      /* hypervisor vendor */
    g_assert(out->len - start == FADT_SIZE);
    return table_end(b, start);
}

/* ACPI 6.4, 5.2.12. */
static uint64_t build_madt(struct builder *b, const struct vemu_acpi_config *config)
{
    guint start = table_begin(b, "APIC", 5);
    GByteArray *out = b->out;

    put32(out, LAPIC_ADDRESS);
    put32(out, config->pic ? 1 : 0); /* PCAT_COMPAT */
    for (uint32_t i = 0; i < config->vcpus; i++) {
        if (i < 255) { /* local APIC */
            put8(out, 0);
            put8(out, 8);
            put8(out, (uint8_t)i);
            put8(out, (uint8_t)i);
            put32(out, 1); /* enabled */
        } else {           /* local x2APIC */
            put8(out, 9);
            put8(out, 16);
            put16(out, 0);
            put32(out, i);
            put32(out, 1);
            put32(out, i);
        }
    }
    put8(out, 1); /* I/O APIC, interrupts from 0 on */
    put8(out, 12);
    put8(out, IOAPIC_ID);
    put8(out, 0);
    put32(out, (uint32_t)config->ioapic_address);
    put32(out, 0);
    put8(out, 2); /* override: ISA 0 is pin 2, as the bus specifies */
    put8(out, 10);
    put8(out, 0);
    put8(out, 0);
    put32(out, 2);
    put16(out, 0);
    put8(out, 2); /* override: SCI is level, active high */
    put8(out, 10);
    put8(out, 0);
    put8(out, VEMU_ACPI_SCI);
    put32(out, VEMU_ACPI_SCI);
    put16(out, 0x000d);
    put8(out, 4); /* NMI at LINT1 of all processors */
    put8(out, 6);
    put8(out, 0xff);
    put16(out, 0);
    put8(out, 1);
    return table_end(b, start);
}

int vemu__acpi_build(const struct vemu_acpi_config *config, uint64_t gpa, uint8_t *buf, size_t size)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    struct builder b = { out, gpa };
    uint64_t facs, dsdt, fadt, madt;
    guint xsdt;

    /* RSDP, revision 2 (ACPI 6.4, 5.2.5.3); XSDT address and checksums come last. */
    g_byte_array_append(out, (const uint8_t *)"RSD PTR ", 8);
    put8(out, 0);
    g_byte_array_append(out, (const uint8_t *)OEM_ID, 6);
    put8(out, 2);
    put32(out, 0);
    put32(out, 36);
    put64(out, 0);
    put8(out, 0);
    put_zeros(out, 3);

    xsdt = table_begin(&b, "XSDT", 1);
    put64(out, 0);
    put64(out, 0);
    table_end(&b, xsdt); /* its length is final */
    facs = build_facs(&b);
    dsdt = build_dsdt(&b, config);
    fadt = build_fadt(&b, config, facs, dsdt);
    madt = build_madt(&b, config);
    set64(&b, xsdt + sizeof(struct table_header), fadt);
    set64(&b, xsdt + sizeof(struct table_header) + 8, madt);
    out->data[xsdt + offsetof(struct table_header, checksum)] = 0;
    out->data[xsdt + offsetof(struct table_header, checksum)] =
        checksum(out->data + xsdt, sizeof(struct table_header) + 16);
    set64(&b, 24, gpa + xsdt);
    set32(&b, 16, 0);
    out->data[8] = checksum(out->data, 20);
    out->data[32] = checksum(out->data, 36);

    if (out->len > size) {
        return -ENOSPC;
    }
    memcpy(buf, out->data, out->len);
    return (int)out->len;
}

/* --- MP table --------------------------------------------------------------------------------- */

static void mp_interrupt(GByteArray *out, uint8_t entry, uint8_t type, uint16_t flags, uint8_t irq,
                         uint8_t apic, uint8_t pin)
{
    put8(out, entry);
    put8(out, type);
    put16(out, flags);
    put8(out, 0); /* bus 0 is ISA */
    put8(out, irq);
    put8(out, apic);
    put8(out, pin);
}

/* Intel MultiProcessor Specification 1.4, chapter 4. */
int vemu__mptable_build(const struct vemu_acpi_config *config, uint64_t gpa, uint8_t *buf,
                        size_t size)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    uint16_t entries = 0, length;
    const guint start = 16;
    uint8_t ioapic_id = (uint8_t)MIN(config->vcpus, 254u);

    g_byte_array_append(out, (const uint8_t *)"_MP_", 4);
    put32(out, (uint32_t)gpa + start);
    put8(out, 1);
    put8(out, 4);
    put8(out, 0); /* checksum */
    put_zeros(out, 5);

    g_byte_array_append(out, (const uint8_t *)"PCMP", 4);
    put16(out, 0); /* length */
    put8(out, 4);
    put8(out, 0); /* checksum */
    g_byte_array_append(out, (const uint8_t *)"VEMU    microvm     ", 20);
    put_zeros(out, 6);
    put16(out, 0); /* entries */
    put32(out, LAPIC_ADDRESS);
    put32(out, 0);

    for (uint32_t i = 0; i < config->vcpus && i < 254; i++, entries++) {
        put8(out, 0);
        put8(out, (uint8_t)i);
        put8(out, 0x14);           /* integrated local APIC */
        put8(out, i == 0 ? 3 : 1); /* enabled, bootstrap processor */
        put32(out, 0x600);         /* family 6 */
        put32(out, 0x201);         /* APIC, FPU */
        put_zeros(out, 8);
    }
    put8(out, 1);
    put8(out, 0);
    g_byte_array_append(out, (const uint8_t *)"ISA   ", 6);
    entries++;
    put8(out, 2);
    put8(out, ioapic_id);
    put8(out, 0x11);
    put8(out, 1); /* enabled */
    put32(out, (uint32_t)config->ioapic_address);
    entries++;
    for (uint8_t irq = 0; irq < 16; irq++) {
        if (irq != 2) { /* the cascade; its pin takes IRQ 0 */
            mp_interrupt(out, 3, 0, irq == VEMU_ACPI_SCI ? 0x000d : 0, irq, ioapic_id,
                         irq == 0 ? 2 : irq);
            entries++;
        }
    }
    if (config->pic) {
        mp_interrupt(out, 4, 3, 0, 0, 0xff, 0); /* 8259 at LINT0 */
        entries++;
    }
    mp_interrupt(out, 4, 1, 0, 0, 0xff, 1); /* NMI at LINT1 */
    entries++;

    length = GUINT16_TO_LE((uint16_t)(out->len - start));
    memcpy(out->data + start + 4, &length, 2);
    entries = GUINT16_TO_LE(entries);
    memcpy(out->data + start + 34, &entries, 2);
    out->data[start + 7] = checksum(out->data + start, out->len - start);
    out->data[10] = checksum(out->data, 16);
    if (out->len > size) {
        return -ENOSPC;
    }
    memcpy(buf, out->data, out->len);
    return (int)out->len;
}
