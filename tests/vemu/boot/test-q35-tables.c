/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables of machine q35: iasl disassembles and compiles all of them without a complaint; what
 * firmware makes of the loader's commands is what direct boot places; SMBIOS holds together.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "../devices/suite.h"
#include "boot/acpi.h"
#include "boot/smbios.h"

#define BASE 0xe0000u

static const struct vemu_acpi_pci pci = {
    .ecam_address = 0xb0000000,
    .last_bus = 255,
    .memory_start = { 0x10000000, 0xc0000000 },
    .memory_end = { 0xb0000000, 0xfec00000 },
    .memory64_start = 0x800000000,
    .memory64_end = 0x1000000000,
};
static const struct vemu_acpi_config config = {
    .vcpus = 5,
    .boot_vcpus = 3,
    .absent = { 1u << 4 },
    .memory_slots = 2,
    .ioapic_address = 0xfec00000,
    .pic = true,
    .pit = true,
    .rtc = true,
    .hpet = true,
    .genid_address = 0xfed70000,
    .pvpanic_port = 0x505,
    .serial_count = 1,
    .serials = { { 0x3f8, 4 } },
    .gpe_port = 0x620,
    .fw_cfg_port = 0x510,
    .pci = &pci,
};

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) | get16(p + 2) << 16;
}

static uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static uint8_t sum(const uint8_t *p, size_t n)
{
    uint8_t s = 0;

    while (n--)
        s = (uint8_t)(s + *p++);
    return s;
}

/* --- iasl ------------------------------------------------------------------------------------- */

static char *run(const char *dir, char **argv)
{
    g_autofree char *out = NULL, *err = NULL;
    int status = -1;

    ck_assert(
        g_spawn_sync(dir, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err, &status, NULL));
    ck_assert_msg(status == 0, "%s: %s%s", argv[1], out, err);
    return g_strconcat(out, err, NULL);
}

/* Table -> source -> table again: no errors, no warnings. */
static char *check_table(const char *iasl, const char *dir, const uint8_t *table)
{
    g_autofree char *aml = g_strdup_printf("%s/%.4s.aml", dir, (const char *)table);
    g_autofree char *dsl = g_strdup_printf("%s/%.4s.dsl", dir, (const char *)table);
    char *disassemble[] = { (char *)iasl, (char *)"-d", aml, NULL };
    char *compile[] = { (char *)iasl, (char *)"-we", dsl, NULL };
    g_autofree char *out = NULL, *said = NULL;
    char *text = NULL;

    ck_assert(g_file_set_contents(aml, (const char *)table, get32(table + 4), NULL));
    out = run(dir, disassemble);
    said = run(dir, compile);
    /* iasl prints this for DSDTs only, and exits with 0 whatever the warnings. */
    ck_assert_msg(memcmp(table, "DSDT", 4) || strstr(said, "0 Errors, 0 Warnings"), "%s", said);
    ck_assert(g_file_get_contents(dsl, &text, NULL, NULL));
    return text;
}

START_TEST(test_iasl)
{
    static uint8_t tables[0x10000];
    g_autofree char *dir = g_dir_make_tmp("acpi-XXXXXX", NULL);
    g_autofree char *iasl = g_find_program_in_path("iasl");
    int length = vemu__acpi_build(&config, BASE, tables, sizeof(tables));
    const uint8_t *xsdt = tables + (get64(tables + 24) - BASE), *fadt = NULL;
    char *clean[] = { (char *)"rm", (char *)"-rf", dir, NULL };
    unsigned count = (get32(xsdt + 4) - 36) / 8;

    ck_assert_int_gt(length, 0);
    ck_assert_uint_eq(count, 4);
    ck_assert_mem_eq(tables + (get32(tables + 16) - BASE), "RSDT", 4);
    for (unsigned i = 0; i < count; i++)
        ck_assert_uint_eq(get32(tables + (get32(tables + 16) - BASE) + 36 + 4 * i),
                          get64(xsdt + 36 + 8 * i));
    for (unsigned i = 0; i <= count && iasl; i++) {
        uint64_t gpa = i < count ? get64(xsdt + 36 + 8 * i) : get64(fadt + 140);
        const uint8_t *table = tables + (gpa - BASE);
        g_autofree char *text = NULL;

        ck_assert_uint_eq(sum(table, get32(table + 4)), 0);
        if (memcmp(table, "FACP", 4) == 0) {
            fadt = table;
            ck_assert_uint_eq(get32(fadt + 80), 0x620);
            ck_assert_uint_eq(fadt[92], 16);
        }
        text = check_table(iasl, dir, table);
        if (i == count) {
            const char *wanted[] = { "PNP0A08",
                                     "_OSC",
                                     "_PRT",
                                     "PICM",
                                     "QEMU0002",
                                     "PNP0103",
                                     "VM_Gen_Counter",
                                     "_E05",
                                     "PNP0C02",
                                     "0x0000000800000000",
                                     "33db4d5b-1ff7-401c-9657-7441c03dd766" };

            for (size_t n = 0; n < G_N_ELEMENTS(wanted); n++)
                ck_assert_msg(strstr(text, wanted[n]) != NULL, "no %s in:\n%s", wanted[n], text);
        }
        if (memcmp(table, "MCFG", 4) == 0)
            ck_assert_msg(strstr(text, "00000000B0000000") != NULL, "%s", text);
    }
    g_free(run(NULL, clean));
}
END_TEST

/* --- CPUs and nodes --------------------------------------------------------------------------- */

static const uint8_t *find_table(const uint8_t *tables, const char *signature)
{
    const uint8_t *xsdt = tables + (get64(tables + 24) - BASE);

    for (unsigned i = 0; i < (get32(xsdt + 4) - 36) / 8; i++) {
        const uint8_t *table = tables + (get64(xsdt + 36 + 8 * i) - BASE);

        if (!memcmp(table, signature, 4))
            return table;
    }
    return NULL;
}

/* Three cores in each of two sockets: APIC ids 0 1 2 4 5 6. */
START_TEST(test_numa)
{
    static const uint8_t nodes[6] = { 0, 0, 0, 1, 1, 1 }, ids[6] = { 0, 1, 2, 4, 5, 6 };
    static const uint8_t distances[2][4] = { { 10, 21 }, { 31, 10 } };
    static const struct vemu_acpi_numa_range ranges[] = {
        { 0, 0x8000000, 0, false },
        { 0x8000000, 0x8000000, 1, false },
        { 0x100000000, 0x40000000, 1, true },
    };
    static const struct vemu_acpi_numa numa = {
        .count = 2,
        .cpu_nodes = nodes,
        .range_count = G_N_ELEMENTS(ranges),
        .ranges = ranges,
        .distances = distances[0],
        .distance_row = 4,
    };
    static uint8_t tables[0x10000];
    g_autofree char *dir = g_dir_make_tmp("acpi-XXXXXX", NULL);
    g_autofree char *iasl = g_find_program_in_path("iasl");
    char *clean[] = { (char *)"rm", (char *)"-rf", dir, NULL };
    struct vemu_acpi_config c = config;
    const uint8_t *srat, *slit, *madt, *fadt;

    c.vcpus = 6;
    c.topology = (struct vemu_topology){ .sockets = 2, .dies = 1, .cores = 3, .threads = 1 };
    c.numa = &numa;
    ck_assert_int_gt(vemu__acpi_build(&c, BASE, tables, sizeof(tables)), 0);
    srat = find_table(tables, "SRAT");
    slit = find_table(tables, "SLIT");
    madt = find_table(tables, "APIC");
    fadt = find_table(tables, "FACP");
    ck_assert(srat && slit && madt && fadt);
    ck_assert_uint_eq(get32(srat + 4), 48 + 6 * 16 + 3 * 40);
    for (unsigned n = 0; n < 6; n++) {
        const uint8_t *local = srat + 48 + 16 * n, *apic = madt + 44 + 8 * n;

        ck_assert_uint_eq(local[2], nodes[n]);
        ck_assert_uint_eq(local[3], ids[n]);
        ck_assert_uint_eq(get32(local + 4), 1);
        ck_assert_uint_eq(apic[2], n);
        ck_assert_uint_eq(apic[3], ids[n]);
    }
    for (unsigned n = 0; n < 3; n++) {
        const uint8_t *memory = srat + 48 + 6 * 16 + 40 * n;

        ck_assert_uint_eq(memory[0], 1);
        ck_assert_uint_eq(get32(memory + 2), ranges[n].node);
        ck_assert_uint_eq(get64(memory + 8), ranges[n].start);
        ck_assert_uint_eq(get64(memory + 16), ranges[n].size);
        ck_assert_uint_eq(get32(memory + 28), n == 2 ? 3 : 1);
    }
    ck_assert_uint_eq(get64(slit + 36), 2);
    ck_assert_mem_eq(slit + 44, "\012\025\037\012", 4);
    if (iasl) {
        const uint8_t *const checked[] = { srat, slit, madt, tables + (get64(fadt + 140) - BASE) };

        for (unsigned n = 0; n < G_N_ELEMENTS(checked); n++) {
            g_autofree char *text = check_table(iasl, dir, checked[n]);

            if (n == 3)
                ck_assert(strstr(text, "_PXM") && strstr(text, "MPRX"));
        }
    }
    c.numa = NULL;
    ck_assert_int_gt(vemu__acpi_build(&c, BASE, tables, sizeof(tables)), 0);
    ck_assert_ptr_null(find_table(tables, "SRAT"));
    g_free(run(NULL, clean));
}
END_TEST

/* --- loader ----------------------------------------------------------------------------------- */

static void add_to(uint8_t *p, unsigned size, uint64_t value)
{
    uint64_t old = size == 4 ? get32(p) : get64(p);

    old += value;
    memcpy(p, &old, size);
}

/* Does what firmware does, with the tables at BASE + 64, and compares with direct placing. */
START_TEST(test_loader)
{
    static uint8_t direct[0x10000];
    g_autoptr(GByteArray) rsdp = g_byte_array_new(), tables = g_byte_array_new();
    g_autoptr(GByteArray) loader = g_byte_array_new();
    int length = vemu__acpi_build(&config, BASE, direct, sizeof(direct));
    unsigned allocated = 0, sums = 0;

    vemu__acpi_build_files(&config, rsdp, tables, loader);
    ck_assert_uint_eq(loader->len % 128, 0);
    ck_assert_uint_eq(rsdp->len, 36);
    for (guint at = 0; at < loader->len; at += 128) {
        const uint8_t *c = loader->data + at;
        GByteArray *file = strcmp((const char *)c + 4, "etc/acpi/rsdp") == 0 ? rsdp : tables;
        uint32_t offset;

        switch (get32(c)) {
        case 1: allocated++; break;
        case 2:
            ck_assert_uint_eq(allocated, 2);
            ck_assert_str_eq((const char *)c + 60, "etc/acpi/tables");
            offset = get32(c + 116);
            ck_assert_uint_le(offset + c[120], file->len);
            add_to(file->data + offset, c[120], BASE + 64);
            break;
        case 3:
            offset = get32(c + 60);
            ck_assert_uint_le(get32(c + 64) + get32(c + 68), file->len);
            file->data[offset] =
                (uint8_t)(file->data[offset] - sum(file->data + get32(c + 64), get32(c + 68)));
            sums++;
            break;
        default: ck_abort_msg("command %u", get32(c));
        }
    }
    ck_assert_uint_eq(sums, 2 + 7);
    ck_assert_uint_eq(tables->len + 64, (unsigned)length);
    ck_assert_mem_eq(rsdp->data, direct, 36);
    ck_assert_mem_eq(tables->data, direct + 64, tables->len);
}
END_TEST

/* --- SMBIOS ----------------------------------------------------------------------------------- */

/* The structure of a type; NULL: there is none. */
static const uint8_t *structure(const GByteArray *tables, unsigned type, unsigned *ret_count)
{
    const uint8_t *p = tables->data, *end = p + tables->len, *found = NULL;

    *ret_count = 0;
    while (p < end) {
        const uint8_t *start = p;

        if (start[0] == type && !found)
            found = start;
        ++*ret_count;
        for (p += p[1]; p + 1 < end && (p[0] || p[1]); p++)
            ;
        p += 2;
    }
    ck_assert_ptr_eq(p, end);
    return found;
}

static const char *text(const uint8_t *start, unsigned field)
{
    const char *p = (const char *)start + start[1];

    for (unsigned n = 1; n < start[field]; n++)
        p += strlen(p) + 1;
    return p;
}

START_TEST(test_smbios)
{
    const struct vemu_smbios_config smbios = {
        .product = "A product",
        .version = "q35",
        .bios_version = "1",
        .uuid = "00112233-4455-6677-8899-aabbccddeeff",
        .vcpus = 300,
        .ram_low = 0x80000000,
        .ram_high = 31ull << 30,
    };
    static const uint8_t uuid[16] = { 0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
                                      0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
    static const uint8_t types[] = { 0, 1, 3, 4, 16, 17, 19, 32, 127 };
    g_autoptr(GByteArray) entry = g_byte_array_new(), tables = g_byte_array_new();
    const uint8_t *s;
    unsigned count;

    vemu__smbios_build(&smbios, 0xf0020, entry, tables);
    ck_assert_uint_eq(entry->len, VEMU_SMBIOS_ENTRY_SIZE);
    ck_assert_mem_eq(entry->data, "_SM_", 4);
    ck_assert_uint_eq(sum(entry->data, entry->len), 0);
    ck_assert_uint_eq(sum(entry->data + 16, 15), 0);
    ck_assert_uint_eq(get16(entry->data + 22), tables->len);
    ck_assert_uint_eq(get32(entry->data + 24), 0xf0020);
    for (size_t i = 0; i < sizeof(types); i++)
        ck_assert_ptr_nonnull(structure(tables, types[i], &count));
    ck_assert_uint_eq(get16(entry->data + 28), count);
    s = structure(tables, 1, &count);
    ck_assert_mem_eq(s + 8, uuid, 16);
    ck_assert_str_eq(text(s, 5), "A product");
    s = structure(tables, 4, &count);
    ck_assert_uint_eq(s[0x23], 255);
    ck_assert_uint_eq(get16(s + 0x2a), 300);
    s = structure(tables, 16, &count);
    ck_assert_uint_eq(get32(s + 7), 33u << 20); /* KiB */
    ck_assert_uint_eq(get16(s + 13), 3);        /* of 16, 16 and 1 GiB */
    s = structure(tables, 17, &count);
    ck_assert_uint_eq(get16(s + 12), 16384);
    s = structure(tables, 19, &count);
    ck_assert_uint_eq(get32(s + 8), 0x1fffff);
}
END_TEST

static void refused(struct vemu_smbios_texts texts, const char *words)
{
    struct vemu_error *err = NULL;

    ck_assert_int_lt(vemu__smbios_texts_check(&texts, &err), 0);
    ck_assert_msg(strstr(vemu_error_message(err), words) != NULL, "%s", vemu_error_message(err));
    vemu_error_free(err);
}

START_TEST(test_smbios_texts)
{
    static const uint8_t uuid[4] = { 3, 2, 1, 0 };
    const struct vemu_smbios_config smbios = {
        .product = "A product",
        .version = "q35",
        .bios_version = "1",
        .uuid = "ffffffff-ffff-ffff-ffff-ffffffffffff",
        .vcpus = 1,
        .ram_low = 0x8000000,
        .texts = {
            .bios = { .vendor = "V", .date = "02/03/2004", .release = "3.255" },
            .system = { .product = "P", .serial = "S",
                        .uuid = "00010203-0000-0000-0000-000000000000",
                        .sku = "K", .family = "F" },
            .board = { .asset = "A", .location = "L" },
            .chassis = { .serial = "CS", .asset = "CA", .sku = "CK" },
            .oem = "one\ntwo, three",
        },
    };
    g_autoptr(GByteArray) entry = g_byte_array_new(), tables = g_byte_array_new();
    g_autofree char *long_text = g_strnfill(16384, 'x'), *lines = g_strnfill(511, 'x');
    const uint8_t *s;
    unsigned count;

    ck_assert_int_eq(vemu__smbios_texts_check(&smbios.texts, NULL), 0);
    vemu__smbios_build(&smbios, 0, entry, tables);
    s = structure(tables, 0, &count);
    ck_assert_str_eq(text(s, 4), "V");
    ck_assert_str_eq(text(s, 5), "1"); /* not given: ours */
    ck_assert_str_eq(text(s, 8), "02/03/2004");
    ck_assert(s[0x14] == 3 && s[0x15] == 255);
    s = structure(tables, 1, &count);
    ck_assert_str_eq(text(s, 4), "VEMU");
    ck_assert_str_eq(text(s, 5), "P");
    ck_assert_str_eq(text(s, 7), "S");
    ck_assert_mem_eq(s + 8, uuid, 4);
    ck_assert_str_eq(text(s, 0x19), "K");
    ck_assert_str_eq(text(s, 0x1a), "F");
    s = structure(tables, 2, &count);
    ck_assert_uint_eq(s[1], 15);
    ck_assert_str_eq(text(s, 5), "A product");
    ck_assert_str_eq(text(s, 8), "A");
    ck_assert_str_eq(text(s, 10), "L");
    ck_assert_uint_eq(get16(s + 11), 0x0300);
    s = structure(tables, 3, &count);
    ck_assert_str_eq(text(s, 7), "CS");
    ck_assert_str_eq(text(s, 8), "CA");
    ck_assert_str_eq(text(s, 0x15), "CK");
    s = structure(tables, 11, &count);
    ck_assert_uint_eq(s[1], 5);
    ck_assert_uint_eq(s[4], 2);
    ck_assert_mem_eq(s + 5, "one\0two, three\0", 16);
    ck_assert_uint_eq(get16(entry->data + 28), count);

    refused((struct vemu_smbios_texts){ .bios = { .vendor = "a\nb" } },
            "smbios.bios.vendor has a control");
    refused((struct vemu_smbios_texts){ .board = { .serial = "\xff" } },
            "smbios.board.serial is not UTF-8");
    refused((struct vemu_smbios_texts){ .bios = { .release = "1" } }, "'1' is not two numbers");
    refused((struct vemu_smbios_texts){ .bios = { .release = "256.0" } }, "is not two numbers");
    refused((struct vemu_smbios_texts){ .bios = { .release = "1.0x" } }, "is not two numbers");
    refused((struct vemu_smbios_texts){ .system = { .uuid = "1" } }, "'1' is not a UUID");
    refused((struct vemu_smbios_texts){ .oem = "a\n\nb" }, "smbios.oem has an empty string");
    refused((struct vemu_smbios_texts){ .oem = "" }, "smbios.oem has an empty string");
    refused((struct vemu_smbios_texts){ .system = { .sku = long_text } }, "more than 16384 bytes");
    for (unsigned i = 1; i < 511; i += 2)
        lines[i] = '\n'; /* 256 lines */
    refused((struct vemu_smbios_texts){ .oem = lines }, "more than 255 strings");
}
END_TEST

SUITE_MAIN("q35-tables", test_iasl, test_numa, test_loader, test_smbios, test_smbios_texts)
