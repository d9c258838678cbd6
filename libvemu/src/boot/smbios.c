/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SMBIOS tables (DMTF DSP0134, System Management BIOS Reference Specification 3.6, as of 2.8).
 *
 * A structure is a formatted part and its strings, which the former names by number. Memory devices
 * of up to 16 GiB each make up the RAM, as sockets of a board would; the last one holds the rest.
 */
#include "boot/smbios.h"

#include <stdio.h>
#include <string.h>

#include "boot/acpi-table.h"

#define MANUFACTURER "VEMU"
#define GIB          ((uint64_t)1 << 30)
#define DIMM_MAX     (16 * GIB)
#define DIMMS_MAX    256u

#define HANDLE_BIOS    0x0000
#define HANDLE_SYSTEM  0x0100
#define HANDLE_BOARD   0x0200
#define HANDLE_CHASSIS 0x0300
#define HANDLE_CPU     0x0400 /* and on */
#define HANDLE_OEM     0x0b00
#define HANDLE_MEMORY  0x1000
#define HANDLE_DIMM    0x1100 /* and on */
#define HANDLE_RANGE   0x1300 /* and on */
#define HANDLE_BOOT    0x2000
#define HANDLE_END     0x7f00
#define HANDLE_NONE    0xfffe /* no error information is kept */
#define NOT_SPECIFIED  0x02   /* "unknown" in most enumerations */

struct writer {
    GByteArray *out;
    guint start;       /* of the structure */
    GByteArray *texts; /* its strings, each with its NUL */
    uint8_t text_count;
    uint16_t count, longest;
};

static void begin(struct writer *w, uint8_t type, uint16_t handle)
{
    w->start = w->out->len;
    w->text_count = 0;
    g_byte_array_set_size(w->texts, 0);
    vemu__put8(w->out, type);
    vemu__put8(w->out, 0);
    vemu__put16(w->out, handle);
}

/* Its number. */
static uint8_t add_text(struct writer *w, const char *text)
{
    g_byte_array_append(w->texts, (const uint8_t *)text, (guint)strlen(text) + 1);
    return ++w->text_count;
}

/* The number of a string; 0 for none. */
static void put_text(struct writer *w, const char *text)
{
    vemu__put8(w->out, text && *text ? add_text(w, text) : 0);
}

static void put_chosen(struct writer *w, const char *chosen, const char *otherwise)
{
    put_text(w, chosen ? chosen : otherwise);
}

static void end(struct writer *w)
{
    w->out->data[w->start + 1] = (uint8_t)(w->out->len - w->start);
    g_byte_array_append(w->out, w->texts->data, w->texts->len);
    vemu__put_zeros(w->out, w->texts->len ? 1 : 2);
    w->count++;
    w->longest = (uint16_t)MAX(w->longest, w->out->len - w->start);
}

static void put_bios(struct writer *w, const struct vemu_smbios_config *config)
{
    uint8_t release[2];

    vemu__smbios_release(&config->texts, release);
    begin(w, 0, HANDLE_BIOS);
    put_chosen(w, config->texts.bios.vendor, MANUFACTURER);
    put_chosen(w, config->texts.bios.version, config->bios_version);
    vemu__put16(w->out, 0xe800);
    put_chosen(w, config->texts.bios.date, "01/01/2026");
    vemu__put8(w->out, 0);
    vemu__put64(w->out, 1 << 3);      /* characteristics: none are told */
    vemu__put16(w->out, 1 << 12 | 1); /* extension: virtual machine; ACPI */
    vemu__put8(w->out, release[0]);
    vemu__put8(w->out, release[1]);
    vemu__put16(w->out, 0xffff); /* embedded controller: none */
    end(w);
}

/* Time fields little endian, as every reader of 2.6 and later expects (7.2.1). */
static void put_uuid(struct writer *w, const char *text)
{
    static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
    uint8_t bytes[16] = { 0 };
    unsigned digits = 0;

    for (; text && *text && digits < 32; text++) {
        if (g_ascii_isxdigit(*text)) {
            unsigned value = (unsigned)g_ascii_xdigit_value(*text);

            bytes[digits / 2] |= (uint8_t)(digits % 2 ? value : value << 4);
            digits++;
        }
    }
    for (unsigned i = 0; i < 16; i++) {
        vemu__put8(w->out, bytes[order[i]]);
    }
}

static void put_system(struct writer *w, const struct vemu_smbios_config *config)
{
    const struct vemu_smbios_texts *texts = &config->texts;

    begin(w, 1, HANDLE_SYSTEM);
    put_chosen(w, texts->system.manufacturer, MANUFACTURER);
    put_chosen(w, texts->system.product, config->product);
    put_chosen(w, texts->system.version, config->version);
    put_text(w, texts->system.serial);
    put_uuid(w, texts->system.uuid ? texts->system.uuid : config->uuid);
    vemu__put8(w->out, 6); /* woken by: power switch */
    put_text(w, texts->system.sku);
    put_chosen(w, texts->system.family, "Virtual Machine");
    end(w);
}

static void put_board(struct writer *w, const struct vemu_smbios_config *config)
{
    const struct vemu_smbios_texts *texts = &config->texts;

    begin(w, 2, HANDLE_BOARD);
    put_chosen(w, texts->board.manufacturer, MANUFACTURER);
    put_chosen(w, texts->board.product, config->product);
    put_chosen(w, texts->board.version, config->version);
    put_text(w, texts->board.serial);
    put_text(w, texts->board.asset);
    vemu__put8(w->out, 1); /* hosts the rest */
    put_text(w, texts->board.location);
    vemu__put16(w->out, HANDLE_CHASSIS);
    vemu__put8(w->out, 0x0a); /* motherboard */
    vemu__put8(w->out, 0);    /* contains nothing of ours */
    end(w);
}

static void put_chassis(struct writer *w, const struct vemu_smbios_config *config)
{
    begin(w, 3, HANDLE_CHASSIS);
    put_chosen(w, config->texts.chassis.manufacturer, MANUFACTURER);
    vemu__put8(w->out, 1); /* other */
    put_chosen(w, config->texts.chassis.version, config->version);
    put_text(w, config->texts.chassis.serial);
    put_text(w, config->texts.chassis.asset);
    vemu__put8(w->out, 3); /* states: safe */
    vemu__put8(w->out, 3);
    vemu__put8(w->out, 3);
    vemu__put8(w->out, NOT_SPECIFIED);
    vemu__put32(w->out, 0);
    vemu__put8(w->out, 0);
    vemu__put8(w->out, 0);
    vemu__put16(w->out, 0); /* contained elements, their length */
    put_text(w, config->texts.chassis.sku);
    end(w);
}

static void put_oem(struct writer *w, const char *oem)
{
    g_auto(GStrv) lines = g_strsplit(oem, "\n", -1);

    begin(w, 11, HANDLE_OEM);
    vemu__put8(w->out, (uint8_t)g_strv_length(lines));
    for (unsigned n = 0; lines[n]; n++)
        add_text(w, lines[n]);
    end(w);
}

static uint16_t small(uint32_t count)
{
    return (uint16_t)MIN(count, 0xffffu);
}

static uint8_t tiny(uint32_t count)
{
    return (uint8_t)MIN(count, 0xffu);
}

static void put_processor(struct writer *w, const struct vemu_smbios_config *config,
                          uint32_t socket, uint32_t cores, uint32_t threads)
{
    char name[24];

    snprintf(name, sizeof(name), "CPU %u", socket);
    begin(w, 4, (uint16_t)(HANDLE_CPU + socket));
    put_text(w, name);
    vemu__put8(w->out, 3); /* central processor */
    vemu__put8(w->out, 1); /* family: other */
    put_text(w, MANUFACTURER);
    vemu__put64(w->out, 0); /* CPUID: ask the CPU */
    put_text(w, config->version);
    vemu__put8(w->out, 0);
    vemu__put16(w->out, 0); /* external clock */
    vemu__put16(w->out, 2000);
    vemu__put16(w->out, 2000);
    vemu__put8(w->out, 0x41); /* populated, enabled */
    vemu__put8(w->out, 1);
    vemu__put16(w->out, 0xffff); /* no cache handles */
    vemu__put16(w->out, 0xffff);
    vemu__put16(w->out, 0xffff);
    put_text(w, NULL);
    put_text(w, NULL);
    put_text(w, NULL);
    vemu__put8(w->out, tiny(cores));
    vemu__put8(w->out, tiny(cores));
    vemu__put8(w->out, tiny(threads));
    vemu__put16(w->out, 0x04); /* 64-bit capable */
    vemu__put16(w->out, 1);
    vemu__put16(w->out, small(cores)); /* 3.0: the wide counts */
    vemu__put16(w->out, small(cores));
    vemu__put16(w->out, small(threads));
    end(w);
}

/* The sockets that have something in them. */
static void put_processors(struct writer *w, const struct vemu_smbios_config *config)
{
    const struct vemu_topology *t = &config->topology;
    const uint32_t cores = t->dies * t->cores, threads = cores * t->threads;

    if (!threads) {
        put_processor(w, config, 0, config->vcpus, config->vcpus);
        return;
    }
    for (uint32_t n = 0; n * threads < config->vcpus; n++)
        put_processor(w, config, n, cores, threads);
}

static void put_dimm(struct writer *w, unsigned n, uint64_t bytes)
{
    uint64_t mib = bytes >> 20;
    char name[24];

    begin(w, 17, (uint16_t)(HANDLE_DIMM + n));
    vemu__put16(w->out, HANDLE_MEMORY);
    vemu__put16(w->out, HANDLE_NONE);
    vemu__put16(w->out, 0xffff);
    vemu__put16(w->out, 0xffff);
    vemu__put16(w->out, (uint16_t)(mib < 0x7fff ? mib : 0x7fff)); /* 0x7fff: see extended size */
    vemu__put8(w->out, 9);                                        /* DIMM */
    vemu__put8(w->out, 0);
    snprintf(name, sizeof(name), "DIMM %u", n);
    put_text(w, name);
    put_text(w, NULL);
    vemu__put8(w->out, 7); /* RAM */
    vemu__put16(w->out, 1 << 1);
    vemu__put16(w->out, 0);
    put_text(w, MANUFACTURER);
    put_text(w, NULL);
    put_text(w, NULL);
    put_text(w, NULL);
    vemu__put8(w->out, 0);
    vemu__put32(w->out, mib < 0x7fff ? 0 : (uint32_t)mib);
    vemu__put16(w->out, 0);
    vemu__put16(w->out, 0);
    vemu__put16(w->out, 0);
    vemu__put16(w->out, 0);
    end(w);
}

static void put_range(struct writer *w, unsigned n, uint64_t start, uint64_t size)
{
    uint64_t last = start + size - 1;
    bool is_wide = last >> 10 >= 0xffffffff;

    begin(w, 19, (uint16_t)(HANDLE_RANGE + n));
    vemu__put32(w->out, is_wide ? 0xffffffff : (uint32_t)(start >> 10));
    vemu__put32(w->out, is_wide ? 0xffffffff : (uint32_t)(last >> 10));
    vemu__put16(w->out, HANDLE_MEMORY);
    vemu__put8(w->out, 1);
    vemu__put64(w->out, is_wide ? start : 0);
    vemu__put64(w->out, is_wide ? last : 0);
    end(w);
}

static void put_memory(struct writer *w, const struct vemu_smbios_config *config)
{
    uint64_t total = config->ram_low + config->ram_high, rest = total, kib = total >> 10;
    unsigned dimms = (unsigned)MIN((total + DIMM_MAX - 1) / DIMM_MAX, DIMMS_MAX);

    begin(w, 16, HANDLE_MEMORY);
    vemu__put8(w->out, 1); /* other location */
    vemu__put8(w->out, 3); /* system memory */
    vemu__put8(w->out, 6); /* multi-bit ECC */
    vemu__put32(w->out, kib < 0x80000000 ? (uint32_t)kib : 0x80000000);
    vemu__put16(w->out, HANDLE_NONE);
    vemu__put16(w->out, (uint16_t)dimms);
    vemu__put64(w->out, kib < 0x80000000 ? 0 : total);
    end(w);
    for (unsigned n = 0; n < dimms; n++) {
        uint64_t size = n + 1 == dimms ? rest : MIN(rest, DIMM_MAX);

        put_dimm(w, n, size);
        rest -= size;
    }
    put_range(w, 0, 0, config->ram_low);
    if (config->ram_high) {
        put_range(w, 1, 4 * GIB, config->ram_high);
    }
}

/* 5.2.1 */
static void put_entry(GByteArray *entry, const struct writer *w, uint32_t address)
{
    guint start = entry->len;

    g_byte_array_append(entry, (const uint8_t *)"_SM_", 4);
    vemu__put8(entry, 0);
    vemu__put8(entry, VEMU_SMBIOS_ENTRY_SIZE);
    vemu__put8(entry, 2); /* version 2.8 */
    vemu__put8(entry, 8);
    vemu__put16(entry, w->longest);
    vemu__put_zeros(entry, 6);
    g_byte_array_append(entry, (const uint8_t *)"_DMI_", 5);
    vemu__put8(entry, 0);
    vemu__put16(entry, (uint16_t)w->out->len);
    vemu__put32(entry, address);
    vemu__put16(entry, w->count);
    vemu__put8(entry, 0x28);
    entry->data[start + 0x15] = vemu__acpi_checksum(entry->data + start + 0x10, 15);
    entry->data[start + 4] = vemu__acpi_checksum(entry->data + start, VEMU_SMBIOS_ENTRY_SIZE);
}

void vemu__smbios_build(const struct vemu_smbios_config *config, uint32_t address,
                        GByteArray *entry, GByteArray *tables)
{
    g_autoptr(GByteArray) texts = g_byte_array_new();
    struct writer w = { .out = tables, .texts = texts };

    put_bios(&w, config);
    put_system(&w, config);
    if (vemu__smbios_has_board(&config->texts))
        put_board(&w, config);
    put_chassis(&w, config);
    put_processors(&w, config);
    if (config->texts.oem)
        put_oem(&w, config->texts.oem);
    put_memory(&w, config);
    begin(&w, 32, HANDLE_BOOT); /* boot status: no errors */
    vemu__put_zeros(tables, 7);
    end(&w);
    begin(&w, 127, HANDLE_END);
    end(&w);
    put_entry(entry, &w, address);
}
