/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing ACPI tables: header, checksum, pointers.
 */
#include "boot/acpi-table.h"

#include <string.h>

#define OEM_ID       "VEMU  "
#define OEM_TABLE_ID "VEMUMICR"
#define CREATOR_ID   "VEMU"

#define GAS_IO 1

void vemu__put8(GByteArray *out, uint8_t value)
{
    g_byte_array_append(out, &value, 1);
}

void vemu__put16(GByteArray *out, uint16_t value)
{
    value = GUINT16_TO_LE(value);
    g_byte_array_append(out, (uint8_t *)&value, 2);
}

void vemu__put32(GByteArray *out, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    g_byte_array_append(out, (uint8_t *)&value, 4);
}

void vemu__put64(GByteArray *out, uint64_t value)
{
    value = GUINT64_TO_LE(value);
    g_byte_array_append(out, (uint8_t *)&value, 8);
}

void vemu__put_zeros(GByteArray *out, unsigned n)
{
    while (n--) {
        vemu__put8(out, 0);
    }
}

void vemu__put_align(GByteArray *out, unsigned to)
{
    vemu__put_zeros(out, (to - out->len % to) % to);
}

void vemu__put_gas_io(GByteArray *out, uint64_t port, uint8_t bytes)
{
    vemu__put8(out, GAS_IO);
    vemu__put8(out, (uint8_t)(bytes * 8));
    vemu__put8(out, 0);
    vemu__put8(out, bytes == 1 ? 1 : bytes == 2 ? 2 : bytes == 4 ? 3 : 0); /* access size */
    vemu__put64(out, port);
}

uint8_t vemu__acpi_checksum(const uint8_t *data, size_t size)
{
    uint8_t sum = 0;

    while (size--) {
        sum += *data++;
    }
    return (uint8_t)-sum;
}

void vemu__acpi_init(struct vemu_acpi_builder *b, uint64_t gpa)
{
    b->out = g_byte_array_new();
    b->gpa = gpa;
    b->pointers = g_array_new(FALSE, FALSE, sizeof(struct vemu_acpi_pointer));
    b->tables = g_array_new(FALSE, FALSE, sizeof(struct vemu_acpi_range));
}

void vemu__acpi_fini(struct vemu_acpi_builder *b)
{
    g_byte_array_free(b->out, TRUE);
    g_array_free(b->pointers, TRUE);
    g_array_free(b->tables, TRUE);
}

guint vemu__acpi_begin(struct vemu_acpi_builder *b, const char *signature, uint8_t revision)
{
    struct vemu_acpi_header h = { .revision = revision,
                                  .oem_revision = GUINT32_TO_LE(1),
                                  .creator_revision = GUINT32_TO_LE(1) };
    guint start;

    vemu__put_align(b->out, 16);
    start = b->out->len;
    memcpy(h.signature, signature, 4);
    memcpy(h.oem_id, OEM_ID, 6);
    memcpy(h.oem_table_id, OEM_TABLE_ID, 8);
    memcpy(h.creator_id, CREATOR_ID, 4);
    g_byte_array_append(b->out, (uint8_t *)&h, sizeof(h));
    return start;
}

uint64_t vemu__acpi_end(struct vemu_acpi_builder *b, guint start)
{
    uint8_t *table = b->out->data + start;
    uint32_t length = b->out->len - start, le = GUINT32_TO_LE(length);
    struct vemu_acpi_range range = { start, length };

    memcpy(table + offsetof(struct vemu_acpi_header, length), &le, 4);
    table[VEMU_ACPI_CHECKSUM] = 0;
    table[VEMU_ACPI_CHECKSUM] = vemu__acpi_checksum(table, length);
    g_array_append_val(b->tables, range);
    return b->gpa + start;
}

void vemu__put_pointer(struct vemu_acpi_builder *b, uint64_t address, uint8_t size)
{
    struct vemu_acpi_pointer pointer = { b->out->len, size };

    g_array_append_val(b->pointers, pointer);
    if (size == 4) {
        vemu__put32(b->out, (uint32_t)address);
    } else {
        vemu__put64(b->out, address);
    }
}
