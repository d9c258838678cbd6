/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PCI Express in ACPI tables: MCFG, the host bridge in the DSDT.
 *
 * Interrupt wiring in _PRT is fixed, without link devices: with the I/O APIC, pin p of slot s is
 * input 20 + (s + p) % 4 (slots 25 and up: 16 + p); with the 8259 pair, which the guest chooses by
 * \_PIC, it is line 10 or 11 as firmware (or the machine, when there is none) has programmed the
 * router.
 */
#include "boot/acpi-pci.h"

#include <string.h>

#include "boot/aml.h"
#include "devices/acpi-pm/acpi-pm.h"

#define OP_ZERO         0x00
#define OP_ONE          0x01
#define OP_NAME         0x08
#define OP_BYTE         0x0a
#define OP_BUFFER       0x11
#define OP_PACKAGE      0x12
#define OP_METHOD       0x14
#define OP_LOCAL0       0x60
#define OP_ARG0         0x68
#define OP_STORE        0x70
#define OP_AND          0x7b
#define OP_OR           0x7d
#define OP_CREATE_DWORD 0x8a
#define OP_LNOT         0x92
#define OP_LEQUAL       0x93
#define OP_IF           0xa0
#define OP_ELSE         0xa1
#define OP_RETURN       0xa4

#define METHOD_SERIALIZED 0x08

#define SLOTS 32u
#define PINS  4u

/* Address space descriptors (ACPI 6.4, 6.4.3.5). */
#define SPACE_MEMORY 0
#define SPACE_IO     1
#define SPACE_BUS    2
#define SPACE_FIXED  0x0c /* minimum and maximum are fixed, positive decode, producer */
#define IO_ALL       0x03
#define MEMORY_RW    0x01

/* _OSC (PCI Firmware Specification 3.2, 4.5): native hot-plug, power management events, the
 * capability structure. Not: SHPC hot-plug, error reporting (there is none). */
#define OSC_CONTROL      0x15
#define OSC_UNKNOWN_UUID 0x04
#define OSC_UNKNOWN_REV  0x08
#define OSC_MASKED       0x10

uint64_t vemu__acpi_build_mcfg(struct vemu_acpi_builder *b, const struct vemu_acpi_pci *pci)
{
    guint start = vemu__acpi_begin(b, "MCFG", 1);

    vemu__put_zeros(b->out, 8);
    vemu__put64(b->out, pci->ecam_address);
    vemu__put16(b->out, 0); /* segment */
    vemu__put8(b->out, 0);
    vemu__put8(b->out, pci->last_bus);
    vemu__put32(b->out, 0);
    return vemu__acpi_end(b, start);
}

/* --- terms ------------------------------------------------------------------------------------ */

static void put_seg(GByteArray *out, const char *name)
{
    g_byte_array_append(out, (const uint8_t *)name, 4);
}

static gsize block(GByteArray *out, uint8_t op)
{
    vemu__put8(out, op);
    return out->len;
}

static gsize method(GByteArray *out, const char *name, uint8_t flags)
{
    gsize mark = block(out, OP_METHOD);

    put_seg(out, name);
    vemu__put8(out, flags);
    return mark;
}

static void put_byte(GByteArray *out, uint8_t value)
{
    vemu__put8(out, OP_BYTE);
    vemu__put8(out, value);
}

static void put_bytes(GByteArray *out, const uint8_t *bytes, unsigned n)
{
    g_byte_array_append(out, bytes, n);
}
#define PUT(out, ...)                                                                              \
    put_bytes(out, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void space_word(GByteArray *out, uint8_t type, uint8_t flags, uint32_t start, uint32_t end)
{
    PUT(out, 0x88, 13, 0, type, SPACE_FIXED, flags);
    vemu__put16(out, 0);
    vemu__put16(out, (uint16_t)start);
    vemu__put16(out, (uint16_t)(end - 1));
    vemu__put16(out, 0);
    vemu__put16(out, (uint16_t)(end - start));
}

static void space_dword(GByteArray *out, uint64_t start, uint64_t end)
{
    PUT(out, 0x87, 23, 0, SPACE_MEMORY, SPACE_FIXED, MEMORY_RW);
    vemu__put32(out, 0);
    vemu__put32(out, (uint32_t)start);
    vemu__put32(out, (uint32_t)(end - 1));
    vemu__put32(out, 0);
    vemu__put32(out, (uint32_t)(end - start));
}

static void space_qword(GByteArray *out, uint64_t start, uint64_t end)
{
    PUT(out, 0x8a, 43, 0, SPACE_MEMORY, SPACE_FIXED, MEMORY_RW);
    vemu__put64(out, 0);
    vemu__put64(out, start);
    vemu__put64(out, end - 1);
    vemu__put64(out, 0);
    vemu__put64(out, end - start);
}

/* 32-bit fixed memory range (6.4.3.4). */
static void memory_fixed(GByteArray *out, uint64_t start, uint32_t length)
{
    PUT(out, 0x86, 9, 0, 0 /* read only: a hint */);
    vemu__put32(out, (uint32_t)start);
    vemu__put32(out, length);
}

/* --- host bridge ------------------------------------------------------------------------------ */

static unsigned apic_input(unsigned slot, unsigned pin)
{
    return slot < 25 ? 20 + (slot + pin) % 4 : 16 + pin;
}

/* A router input A..D or E..H: 10, 10, 11, 11. */
static unsigned pic_line(unsigned slot, unsigned pin)
{
    return apic_input(slot, pin) % 4 < 2 ? 10 : 11;
}

static void put_routes(GByteArray *out, const char *name,
                       unsigned (*line)(unsigned slot, unsigned pin))
{
    gsize all, one;

    vemu__put8(out, OP_NAME);
    put_seg(out, name);
    all = block(out, OP_PACKAGE);
    vemu__put8(out, SLOTS * PINS);
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        for (unsigned pin = 0; pin < PINS; pin++) {
            one = block(out, OP_PACKAGE);
            vemu__put8(out, 4);
            vemu__put8(out, 0x0c); /* dword: all functions of the slot */
            vemu__put32(out, slot << 16 | 0xffff);
            if (pin < 2)
                vemu__put8(out, pin == 0 ? OP_ZERO : OP_ONE);
            else
                put_byte(out, (uint8_t)pin);
            vemu__put8(out, OP_ZERO); /* no link device */
            put_byte(out, (uint8_t)line(slot, pin));
            vemu__aml_end(out, one);
        }
    }
    vemu__aml_end(out, all);
}

static void put_prt(GByteArray *out)
{
    gsize prt, part;

    put_routes(out, "PRTA", apic_input);
    put_routes(out, "PRTP", pic_line);
    prt = method(out, "_PRT", 0);
    part = block(out, OP_IF);
    put_seg(out, "PICM");
    vemu__put8(out, OP_RETURN);
    put_seg(out, "PRTA");
    vemu__aml_end(out, part);
    vemu__put8(out, OP_RETURN);
    put_seg(out, "PRTP");
    vemu__aml_end(out, prt);
}

static void or_into_status(GByteArray *out, uint8_t bits)
{
    vemu__put8(out, OP_OR);
    put_seg(out, "CDW1");
    put_byte(out, bits);
    put_seg(out, "CDW1");
}

static void create_dword(GByteArray *out, uint8_t offset, const char *name)
{
    PUT(out, OP_CREATE_DWORD, OP_ARG0 + 3);
    put_byte(out, offset);
    put_seg(out, name);
}

static void put_osc(GByteArray *out)
{
    /* 33DB4D5B-1FF7-401C-9657-7441C03DD766 in the mixed byte order of ToUUID (19.6.142) */
    static const uint8_t uuid[16] = { 0x5b, 0x4d, 0xdb, 0x33, 0xf7, 0x1f, 0x1c, 0x40,
                                      0x96, 0x57, 0x74, 0x41, 0xc0, 0x3d, 0xd7, 0x66 };
    gsize osc = method(out, "_OSC", METHOD_SERIALIZED | 4), ours, buffer, part;

    create_dword(out, 0, "CDW1");
    ours = block(out, OP_IF);
    PUT(out, OP_LEQUAL, OP_ARG0);
    buffer = block(out, OP_BUFFER);
    put_byte(out, sizeof(uuid));
    put_bytes(out, uuid, sizeof(uuid));
    vemu__aml_end(out, buffer);
    create_dword(out, 8, "CDW3");
    vemu__put8(out, OP_AND); /* Local0 = CDW3 & OSC_CONTROL */
    put_seg(out, "CDW3");
    put_byte(out, OSC_CONTROL);
    vemu__put8(out, OP_LOCAL0);
    part = block(out, OP_IF);
    PUT(out, OP_LNOT, OP_LEQUAL, OP_ARG0 + 1, OP_ONE);
    or_into_status(out, OSC_UNKNOWN_REV);
    vemu__aml_end(out, part);
    part = block(out, OP_IF);
    PUT(out, OP_LNOT, OP_LEQUAL);
    put_seg(out, "CDW3");
    vemu__put8(out, OP_LOCAL0);
    or_into_status(out, OSC_MASKED);
    vemu__aml_end(out, part);
    PUT(out, OP_STORE, OP_LOCAL0);
    put_seg(out, "CDW3");
    vemu__aml_end(out, ours);
    part = block(out, OP_ELSE);
    or_into_status(out, OSC_UNKNOWN_UUID);
    vemu__aml_end(out, part);
    PUT(out, OP_RETURN, OP_ARG0 + 3);
    vemu__aml_end(out, osc);
}

static void put_windows(GByteArray *out, const struct vemu_acpi_pci *pci)
{
    gsize crs = vemu__aml_crs(out);

    space_word(out, SPACE_BUS, 0, 0, pci->last_bus + 1u);
    vemu__aml_io(out, 0xcf8, 8);
    space_word(out, SPACE_IO, IO_ALL, 0, 0xcf8);
    space_word(out, SPACE_IO, IO_ALL, 0xd00, 0x10000);
    space_dword(out, 0xa0000, 0xc0000); /* where a VGA adapter's memory is */
    for (unsigned i = 0; i < G_N_ELEMENTS(pci->memory_start); i++) {
        if (pci->memory_start[i] < pci->memory_end[i]) {
            space_dword(out, pci->memory_start[i], pci->memory_end[i]);
        }
    }
    if (pci->memory64_start < pci->memory64_end) {
        space_qword(out, pci->memory64_start, pci->memory64_end);
    }
    vemu__aml_crs_end(out, crs);
}

/* Ranges that belong to no device a driver would claim. */
static void put_board(GByteArray *out, const struct vemu_acpi_pci *pci)
{
    gsize device = vemu__aml_device(out, "MBRD"), crs;

    vemu__aml_name_eisaid(out, "_HID", "PNP0C02");
    vemu__aml_name_integer(out, "_UID", 1);
    crs = vemu__aml_crs(out);
    if (pci->ecam_address)
        memory_fixed(out, pci->ecam_address, (pci->last_bus + 1u) << 20);
    vemu__aml_io(out, VEMU_ACPI_PM1_EVENT, 128);
    vemu__aml_crs_end(out, crs);
    vemu__aml_end(out, device);
}

void vemu__acpi_dsdt_pci(GByteArray *out, const struct vemu_acpi_pci *pci)
{
    gsize scope, device, pic;

    vemu__aml_name_integer(out, "PICM", 0);
    pic = method(out, "_PIC", 1);
    PUT(out, OP_STORE, OP_ARG0);
    put_seg(out, "PICM");
    vemu__aml_end(out, pic);

    scope = vemu__aml_scope(out, "\\_SB_");
    device = vemu__aml_device(out, "PCI0");
    vemu__aml_name_eisaid(out, "_HID", "PNP0A08");
    vemu__aml_name_eisaid(out, "_CID", "PNP0A03");
    vemu__aml_name_integer(out, "_UID", 0);
    vemu__aml_name_integer(out, "_BBN", 0);
    vemu__aml_name_integer(out, "_SEG", 0);
    put_windows(out, pci);
    put_prt(out);
    put_osc(out);
    vemu__aml_end(out, device);
    put_board(out, pci);
    vemu__aml_end(out, scope);
}
