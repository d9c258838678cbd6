/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How firmware is to place ACPI tables: the file etc/table-loader.
 *
 * A list of 128-byte commands that SeaBIOS and OVMF carry out in order (docs/specs of QEMU: "BIOS
 * linker/loader"): allocate a file's memory; add a file's address to a pointer inside another;
 * compute a checksum. The tables are built for address 0, so each pointer holds an offset.
 */
#include <string.h>

#include "boot/acpi-pci.h"

#define COMMAND_SIZE 128u
#define NAME_SIZE    56u

#define ALLOCATE     1
#define ADD_POINTER  2
#define ADD_CHECKSUM 3
#define ZONE_HIGH    1
#define ZONE_FSEG    2

#define RSDP_FILE   "etc/acpi/rsdp"
#define TABLES_FILE "etc/acpi/tables"

#define RSDP_RSDT     16u /* offsets of addresses */
#define RSDP_XSDT     24u
#define RSDP_CHECKSUM 8u
#define RSDP_EXTENDED 32u

static void put_name(GByteArray *out, const char *name)
{
    char field[NAME_SIZE] = { 0 };

    memcpy(field, name, strlen(name));
    g_byte_array_append(out, (const uint8_t *)field, sizeof(field));
}

static void finish(GByteArray *out, guint start)
{
    vemu__put_zeros(out, COMMAND_SIZE - (out->len - start));
}

static void allocate(GByteArray *out, const char *file, uint32_t align, uint8_t zone)
{
    guint start = out->len;

    vemu__put32(out, ALLOCATE);
    put_name(out, file);
    vemu__put32(out, align);
    vemu__put8(out, zone);
    finish(out, start);
}

static void add_pointer(GByteArray *out, const char *file, uint32_t offset, uint8_t size)
{
    guint start = out->len;

    vemu__put32(out, ADD_POINTER);
    put_name(out, file);
    put_name(out, TABLES_FILE);
    vemu__put32(out, offset);
    vemu__put8(out, size);
    finish(out, start);
}

static void add_checksum(GByteArray *out, const char *file, uint32_t offset, uint32_t from,
                         uint32_t length)
{
    guint start = out->len;

    vemu__put32(out, ADD_CHECKSUM);
    put_name(out, file);
    vemu__put32(out, offset);
    vemu__put32(out, from);
    vemu__put32(out, length);
    finish(out, start);
}

void vemu__acpi_put_loader(const struct vemu_acpi_builder *b, const GByteArray *rsdp,
                           const GByteArray *tables, GByteArray *loader)
{
    guint i;

    allocate(loader, TABLES_FILE, 64, ZONE_HIGH);
    allocate(loader, RSDP_FILE, 16, ZONE_FSEG);
    for (i = 0; i < b->pointers->len; i++) {
        const struct vemu_acpi_pointer *p =
            &g_array_index(b->pointers, struct vemu_acpi_pointer, i);

        add_pointer(loader, TABLES_FILE, p->offset, p->size);
    }
    /* Firmware adds to the byte what makes the sum zero: it must start from zero. */
    for (i = 0; i < b->tables->len; i++) {
        const struct vemu_acpi_range *t = &g_array_index(b->tables, struct vemu_acpi_range, i);

        tables->data[t->start + VEMU_ACPI_CHECKSUM] = 0;
        add_checksum(loader, TABLES_FILE, t->start + (uint32_t)VEMU_ACPI_CHECKSUM, t->start,
                     t->length);
    }
    add_pointer(loader, RSDP_FILE, RSDP_RSDT, 4);
    add_pointer(loader, RSDP_FILE, RSDP_XSDT, 8);
    rsdp->data[RSDP_CHECKSUM] = rsdp->data[RSDP_EXTENDED] = 0;
    add_checksum(loader, RSDP_FILE, RSDP_CHECKSUM, 0, 20);
    add_checksum(loader, RSDP_FILE, RSDP_EXTENDED, 0, 36);
}
