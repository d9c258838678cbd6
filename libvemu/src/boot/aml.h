/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing ACPI machine language (ACPI 6.4, chapter 20): the few terms that static tables need.
 */
#ifndef VEMU_BOOT_AML_H
#define VEMU_BOOT_AML_H

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

/* Resource descriptors inside _CRS (begin: vemu__aml_crs, end: vemu__aml_crs_end). */
gsize vemu__aml_crs(GByteArray *out);
void vemu__aml_io(GByteArray *out, uint16_t base, uint8_t length);
void vemu__aml_irq(GByteArray *out, unsigned irq);
void vemu__aml_crs_end(GByteArray *out, gsize mark);

#endif
