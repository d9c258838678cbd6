/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing ACPI machine language.
 *
 * A term with a package length is written without it; when it ends, its length is known and put in
 * with the shortest encoding (ACPI 6.4, 20.2.4).
 */
#include "boot/aml.h"

#include <string.h>

#define OP_NAME    0x08
#define OP_BYTE    0x0a
#define OP_WORD    0x0b
#define OP_DWORD   0x0c
#define OP_STRING  0x0d
#define OP_QWORD   0x0e
#define OP_SCOPE   0x10
#define OP_BUFFER  0x11
#define OP_PACKAGE 0x12
#define OP_EXT     0x5b
#define OP_DEVICE  0x82
#define OP_METHOD  0x14

/* behind OP_EXT */
#define OP_MUTEX   0x01
#define OP_ACQUIRE 0x23
#define OP_RELEASE 0x27
#define OP_REGION  0x80
#define OP_FIELD   0x81

static void put(GByteArray *out, const void *data, unsigned size)
{
    g_byte_array_append(out, data, size);
}

static void put8(GByteArray *out, uint8_t value)
{
    put(out, &value, 1);
}

static void put_nameseg(GByteArray *out, const char *name)
{
    char seg[4] = { '_', '_', '_', '_' };

    memcpy(seg, name, MIN(strlen(name), sizeof(seg)));
    put(out, seg, sizeof(seg));
}

static void put_integer(GByteArray *out, uint64_t value)
{
    unsigned size = value <= 0xff ? 1 : value <= 0xffff ? 2 : value <= 0xffffffff ? 4 : 8;
    uint64_t le = GUINT64_TO_LE(value);

    if (value <= 1) { /* ZeroOp, OneOp */
        put8(out, (uint8_t)value);
        return;
    }
    put8(out, size == 1 ? OP_BYTE : size == 2 ? OP_WORD : size == 4 ? OP_DWORD : OP_QWORD);
    put(out, &le, size);
}

/* Inserts the PkgLength for everything written since `mark`; it counts its own bytes too. */
void vemu__aml_end(GByteArray *out, gsize mark)
{
    gsize body = out->len - mark, total;
    unsigned extra = body + 1 < 0x40 ? 0 : body + 2 < 0x1000 ? 1 : 2;
    uint8_t length[3];

    total = body + 1 + extra;
    length[0] = (uint8_t)(extra == 0 ? total : (extra << 6 | (total & 0x0f)));
    length[1] = (uint8_t)(total >> 4);
    length[2] = (uint8_t)(total >> 12);
    g_byte_array_set_size(out, (guint)(out->len + 1 + extra));
    memmove(out->data + mark + 1 + extra, out->data + mark, body);
    memcpy(out->data + mark, length, 1 + extra);
}

gsize vemu__aml_scope(GByteArray *out, const char *path)
{
    gsize mark;

    put8(out, OP_SCOPE);
    mark = out->len;
    if (*path == '\\') {
        put8(out, '\\');
        path++;
    }
    put_nameseg(out, path);
    return mark;
}

gsize vemu__aml_device(GByteArray *out, const char *name)
{
    gsize mark;

    put8(out, OP_EXT);
    put8(out, OP_DEVICE);
    mark = out->len;
    put_nameseg(out, name);
    return mark;
}

static void put_name(GByteArray *out, const char *name)
{
    put8(out, OP_NAME);
    put_nameseg(out, name);
}

void vemu__aml_name_integer(GByteArray *out, const char *name, uint64_t value)
{
    put_name(out, name);
    put_integer(out, value);
}

void vemu__aml_name_string(GByteArray *out, const char *name, const char *value)
{
    put_name(out, name);
    put8(out, OP_STRING);
    put(out, value, (unsigned)strlen(value) + 1);
}

/* ACPI 6.4, 6.1.5: three letters of 5 bits and four hexadecimal digits, big endian. */
void vemu__aml_name_eisaid(GByteArray *out, const char *name, const char *value)
{
    uint32_t id = (uint32_t)(value[0] - '@') << 26 | (uint32_t)(value[1] - '@') << 21 |
                  (uint32_t)(value[2] - '@') << 16 |
                  (uint32_t)g_ascii_strtoull(value + 3, NULL, 16);

    put_name(out, name);
    put_integer(out, GUINT32_SWAP_LE_BE(id));
}

void vemu__aml_name_package(GByteArray *out, const char *name, const uint8_t *values, unsigned n)
{
    gsize mark;

    put_name(out, name);
    put8(out, OP_PACKAGE);
    mark = out->len;
    put8(out, (uint8_t)n);
    for (unsigned i = 0; i < n; i++) {
        put_integer(out, values[i]);
    }
    vemu__aml_end(out, mark);
}

/* --- terms of methods ------------------------------------------------------------------------- */

gsize vemu__aml_block(GByteArray *out, uint8_t op)
{
    put8(out, op);
    return out->len;
}

gsize vemu__aml_method(GByteArray *out, const char *name, unsigned arguments, bool serialized)
{
    gsize mark = vemu__aml_block(out, OP_METHOD);

    put_nameseg(out, name);
    put8(out, (uint8_t)(arguments | (serialized ? 0x08 : 0)));
    return mark;
}

void vemu__aml_bytes(GByteArray *out, const uint8_t *bytes, unsigned n)
{
    put(out, bytes, n);
}

/* ACPI 6.4, 20.2.2: two names and more have a prefix. */
void vemu__aml_ref(GByteArray *out, const char *path)
{
    g_auto(GStrv) names = NULL;
    guint count;

    if (*path == '\\') {
        put8(out, '\\');
        path++;
    }
    names = g_strsplit(path, ".", -1);
    count = g_strv_length(names);
    if (count == 2) {
        put8(out, 0x2e);
    } else if (count > 2) {
        put8(out, 0x2f);
        put8(out, (uint8_t)count);
    }
    for (guint i = 0; i < count; i++)
        put_nameseg(out, names[i]);
}

void vemu__aml_integer(GByteArray *out, uint64_t value)
{
    put_integer(out, value);
}

void vemu__aml_io_region(GByteArray *out, const char *name, uint64_t port, uint64_t size)
{
    put8(out, OP_EXT);
    put8(out, OP_REGION);
    put_nameseg(out, name);
    put8(out, 1); /* SystemIO */
    put_integer(out, port);
    put_integer(out, size);
}

gsize vemu__aml_field(GByteArray *out, const char *region, uint8_t flags)
{
    gsize mark;

    put8(out, OP_EXT);
    mark = vemu__aml_block(out, OP_FIELD);
    put_nameseg(out, region);
    put8(out, flags);
    return mark;
}

/* Widths are encoded like package lengths, but count bits. */
void vemu__aml_field_unit(GByteArray *out, const char *name, unsigned bits)
{
    if (name)
        put_nameseg(out, name);
    else
        put8(out, 0);
    if (bits < 0x40) {
        put8(out, (uint8_t)bits);
    } else {
        put8(out, (uint8_t)(0x40 | (bits & 0x0f)));
        put8(out, (uint8_t)(bits >> 4));
    }
}

void vemu__aml_mutex(GByteArray *out, const char *name)
{
    VEMU_AML(out, OP_EXT, OP_MUTEX);
    put_nameseg(out, name);
    put8(out, 0);
}

void vemu__aml_acquire(GByteArray *out, const char *name)
{
    VEMU_AML(out, OP_EXT, OP_ACQUIRE);
    put_nameseg(out, name);
    VEMU_AML(out, 0xff, 0xff); /* for ever */
}

void vemu__aml_release(GByteArray *out, const char *name)
{
    VEMU_AML(out, OP_EXT, OP_RELEASE);
    put_nameseg(out, name);
}

gsize vemu__aml_name_buffer(GByteArray *out, const char *name)
{
    put_name(out, name);
    put8(out, OP_BUFFER);
    return out->len;
}

/* A buffer's size stands before its bytes: a byte, patched when all descriptors are known. */
gsize vemu__aml_crs(GByteArray *out)
{
    gsize mark = vemu__aml_name_buffer(out, "_CRS");

    put8(out, OP_BYTE);
    put8(out, 0);
    return mark;
}

void vemu__aml_io(GByteArray *out, uint16_t base, uint8_t length)
{
    const uint8_t descriptor[8] = {
        /* ACPI 6.4, 6.4.2.5: 16-bit decode, alignment 1 */
        0x47, 0x01,   (uint8_t)base, (uint8_t)(base >> 8), (uint8_t)base, (uint8_t)(base >> 8),
        1,    length,
    };

    put(out, descriptor, sizeof(descriptor));
}

void vemu__aml_irq(GByteArray *out, unsigned irq)
{
    const uint16_t mask = (uint16_t)(1u << irq);
    const uint8_t descriptor[3] = { 0x22, (uint8_t)mask, (uint8_t)(mask >> 8) }; /* 6.4.2.1: edge */

    put(out, descriptor, sizeof(descriptor));
}

/* 6.4.3.4 */
void vemu__aml_memory32(GByteArray *out, uint32_t base, uint32_t size, bool writable)
{
    const uint8_t head[4] = { 0x86, 9, 0, writable };
    const uint32_t numbers[2] = { GUINT32_TO_LE(base), GUINT32_TO_LE(size) };

    put(out, head, sizeof(head));
    put(out, (const uint8_t *)numbers, sizeof(numbers));
}

void vemu__aml_gsi_edge(GByteArray *out, uint32_t gsi)
{
    /* 6.4.3.6: consumer, edge, active high, exclusive; one interrupt */
    VEMU_AML(out, 0x89, 6, 0, 0x03, 1);
    VEMU_AML(out, (uint8_t)gsi, (uint8_t)(gsi >> 8), (uint8_t)(gsi >> 16), (uint8_t)(gsi >> 24));
}

void vemu__aml_crs_end(GByteArray *out, gsize mark)
{
    const uint8_t end[2] = { 0x79, 0 }; /* 6.4.2.9: checksum 0 means "not used" */

    put(out, end, sizeof(end));
    out->data[mark + 1] = (uint8_t)(out->len - mark - 2);
    vemu__aml_end(out, mark);
}
