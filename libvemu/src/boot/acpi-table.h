/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing ACPI tables: what the files that build them share.
 */
#ifndef VEMU_BOOT_ACPI_TABLE_H
#define VEMU_BOOT_ACPI_TABLE_H

#include <stdint.h>

#include <glib.h>

/* ACPI 6.4, 5.2.6 */
struct vemu_acpi_header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem_id[6], oem_table_id[8];
    uint32_t oem_revision;
    char creator_id[4];
    uint32_t creator_revision;
} __attribute__((packed));
#define VEMU_ACPI_CHECKSUM offsetof(struct vemu_acpi_header, checksum)

struct vemu_acpi_pointer {
    uint32_t offset;
    uint8_t size;
};
struct vemu_acpi_range {
    uint32_t start, length;
};

/* Tables for guest address `gpa`, one behind the other. */
struct vemu_acpi_builder {
    GByteArray *out;
    uint64_t gpa;
    /* For firmware that places them elsewhere: where addresses stand in `out`, and which parts have
     * a checksum that covers them. */
    GArray *pointers; /* struct vemu_acpi_pointer */
    GArray *tables;   /* struct vemu_acpi_range */
};

void vemu__acpi_init(struct vemu_acpi_builder *b, uint64_t gpa);
void vemu__acpi_fini(struct vemu_acpi_builder *b);
/* Begins a table with its header; returns a mark for vemu__acpi_end(), which fills in length and
 * checksum and returns the table's address. */
guint vemu__acpi_begin(struct vemu_acpi_builder *b, const char *signature, uint8_t revision);
uint64_t vemu__acpi_end(struct vemu_acpi_builder *b, guint start);
/* An address inside the tables, of 4 or 8 bytes. */
void vemu__put_pointer(struct vemu_acpi_builder *b, uint64_t address, uint8_t size);
/* What makes the sum of all bytes zero. */
uint8_t vemu__acpi_checksum(const uint8_t *data, size_t size);

/* Little endian. */
void vemu__put8(GByteArray *out, uint8_t value);
void vemu__put16(GByteArray *out, uint16_t value);
void vemu__put32(GByteArray *out, uint32_t value);
void vemu__put64(GByteArray *out, uint64_t value);
void vemu__put_zeros(GByteArray *out, unsigned n);
void vemu__put_align(GByteArray *out, unsigned to);
/* Generic address structure of a port (ACPI 6.4, 5.2.3.2). */
void vemu__put_gas_io(GByteArray *out, uint64_t port, uint8_t bytes);

#endif
