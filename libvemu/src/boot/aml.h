/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing ACPI machine language (ACPI 6.4, chapter 20): the few terms that static tables need.
 */
#ifndef VEMU_BOOT_AML_H
#define VEMU_BOOT_AML_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

/* Nested terms: begin returns a mark that end takes to put in the package length. */
gsize vemu__aml_scope(GByteArray *out, const char *path);
gsize vemu__aml_device(GByteArray *out, const char *name);
gsize vemu__aml_name_buffer(GByteArray *out, const char *name);
void vemu__aml_end(GByteArray *out, gsize mark);

/* Name (name, value). Names are four characters, padded with '_' if shorter. */
void vemu__aml_name_integer(GByteArray *out, const char *name, uint64_t value);
void vemu__aml_name_string(GByteArray *out, const char *name, const char *value);
/* Name (name, EisaId (value)), value as "PNP0501". */
void vemu__aml_name_eisaid(GByteArray *out, const char *name, const char *value);
/* Name (name, Package () { values }). */
void vemu__aml_name_package(GByteArray *out, const char *name, const uint8_t *values, unsigned n);

/* Method (name, arguments), Serialized or not; ended like a scope. */
gsize vemu__aml_method(GByteArray *out, const char *name, unsigned arguments, bool serialized);
/* A term that begins with `op` and has a package length: If, Else, While, Package, Buffer. */
gsize vemu__aml_block(GByteArray *out, uint8_t op);
/* Bytes as they are: operators, locals, arguments. */
void vemu__aml_bytes(GByteArray *out, const uint8_t *bytes, unsigned n);
#define VEMU_AML(out, ...)                                                                         \
    vemu__aml_bytes(out, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))
/* A name where one is meant: "MSTA", or a path from the root, "\\_SB_.CPUS.CSCN". */
void vemu__aml_ref(GByteArray *out, const char *path);
void vemu__aml_integer(GByteArray *out, uint64_t value);
/* OperationRegion (name, SystemIO, port, size). */
void vemu__aml_io_region(GByteArray *out, const char *name, uint64_t port, uint64_t size);
/* Field (region, access, NoLock, update) { ... }; ended like a scope. `flags`: VEMU_AML_FIELD_*. */
#define VEMU_AML_FIELD_BYTES  0x01 /* ByteAcc */
#define VEMU_AML_FIELD_DWORDS 0x03
#define VEMU_AML_FIELD_ZEROS  0x40 /* WriteAsZeros; else Preserve */
gsize vemu__aml_field(GByteArray *out, const char *region, uint8_t flags);
/* `bits` of the field, or (name NULL) a gap. */
void vemu__aml_field_unit(GByteArray *out, const char *name, unsigned bits);
void vemu__aml_mutex(GByteArray *out, const char *name);
void vemu__aml_acquire(GByteArray *out, const char *name);
void vemu__aml_release(GByteArray *out, const char *name);

/* Resource descriptors inside _CRS (begin: vemu__aml_crs, end: vemu__aml_crs_end). */
gsize vemu__aml_crs(GByteArray *out);
void vemu__aml_io(GByteArray *out, uint16_t base, uint8_t length);
void vemu__aml_irq(GByteArray *out, unsigned irq);
void vemu__aml_memory32(GByteArray *out, uint32_t base, uint32_t size, bool writable);
/* An input of the I/O APICs, edge-triggered, active high. */
void vemu__aml_gsi_edge(GByteArray *out, uint32_t gsi);
void vemu__aml_crs_end(GByteArray *out, gsize mark);

#endif
