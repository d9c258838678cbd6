/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ACPI and MP tables: checksums, pointers, contents; iasl agrees where it is installed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "../devices/suite.h"
#include "boot/acpi.h"

#define BASE 0xe0000u

static uint8_t tables[0x10000];

static const struct vemu_acpi_config full = {
    .vcpus = 4,
    .boot_vcpus = 2,
    .memory_slots = 1,
    .event_gsi = 5,
    .ioapic_address = 0xfec00000,
    .pic = true,
    .s3 = true,
    .pit = true,
    .rtc = true,
    .pvpanic_port = 0x505,
    .serial_count = 2,
    .serials = { { 0x3f8, 4 }, { 0x2f8, 3 } },
};

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, 4);
    return v;
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, 8);
    return v;
}

static uint8_t sum(const uint8_t *p, size_t n)
{
    uint8_t s = 0;

    while (n--) {
        s += *p++;
    }
    return s;
}

/* A table at a guest address, its signature and checksum checked. */
static const uint8_t *table(uint64_t gpa, const char *signature, int length)
{
    const uint8_t *p = tables + (gpa - BASE);

    ck_assert_uint_ge(gpa, BASE);
    ck_assert_uint_lt(gpa, BASE + (unsigned)length);
    ck_assert_mem_eq(p, signature, 4);
    ck_assert_uint_le(gpa - BASE + get32(p + 4), (unsigned)length);
    ck_assert_uint_eq(sum(p, get32(p + 4)), 0);
    return p;
}

START_TEST(test_tables)
{
    int length = vemu__acpi_build(&full, BASE, tables, sizeof(tables));
    const uint8_t *xsdt, *fadt, *madt;
    unsigned cpus = 0, at = 44;

    ck_assert_int_gt(length, 0);
    ck_assert_mem_eq(tables, "RSD PTR ", 8);
    ck_assert_uint_eq(sum(tables, 20), 0);
    ck_assert_uint_eq(sum(tables, 36), 0);
    xsdt = table(get64(tables + 24), "XSDT", length);
    fadt = table(get64(xsdt + 36), "FACP", length);
    madt = table(get64(xsdt + 44), "APIC", length);
    table(get64(fadt + 140), "DSDT", length);
    ck_assert_uint_eq(get32(fadt + 40), get64(fadt + 140));
    ck_assert_uint_eq(get32(fadt + 4), 276);
    ck_assert_uint_eq(get32(fadt + 36) % 64, 0);
    ck_assert_mem_eq(tables + (get32(fadt + 36) - BASE), "FACS", 4);
    ck_assert_uint_eq(get32(fadt + 56), 0x600);
    ck_assert_uint_eq(get32(fadt + 64), 0x604);
    ck_assert_uint_eq(get32(fadt + 76), 0x608);
    ck_assert_uint_eq(get64(fadt + 148 + 4), 0x600);
    ck_assert_uint_eq(get64(fadt + 172 + 4), 0x604);
    ck_assert_uint_eq(get64(fadt + 208 + 4), 0x608);
    ck_assert_uint_eq(get64(fadt + 116 + 4), 0xcf9);
    ck_assert_uint_eq(fadt[128], 0x06);
    while (at < get32(madt + 4)) {
        cpus += madt[at] == 0;
        ck_assert_uint_gt(madt[at + 1], 0);
        at += madt[at + 1];
    }
    ck_assert_uint_eq(at, get32(madt + 4));
    ck_assert_uint_eq(cpus, 4);
}
END_TEST

START_TEST(test_many_cpus)
{
    struct vemu_acpi_config config = full;
    uint8_t small[64];
    const uint8_t *madt;
    int length;

    config.vcpus = 300;
    length = vemu__acpi_build(&config, BASE, tables, sizeof(tables));
    ck_assert_int_gt(length, 0);
    madt = table(get64(tables + (get64(tables + 24) - BASE) + 44), "APIC", length);
    ck_assert_uint_eq(get32(madt + 4), 44u + 255 * 8 + 45 * 16 + 12 + 10 + 10 + 6);
    ck_assert_int_eq(vemu__acpi_build(&config, BASE, small, sizeof(small)), -ENOSPC);
}
END_TEST

START_TEST(test_mptable)
{
    struct vemu_acpi_config config = full;
    int length = vemu__mptable_build(&full, 0xf0000, tables, sizeof(tables));
    const uint8_t *mp = tables + 16;
    unsigned at = 44, entries = 0, cpus = 0, length16;

    ck_assert_int_gt(length, 0);
    ck_assert_mem_eq(tables, "_MP_", 4);
    ck_assert_uint_eq(sum(tables, 16), 0);
    ck_assert_uint_eq(get32(tables + 4), 0xf0010);
    ck_assert_mem_eq(mp, "PCMP", 4);
    length16 = get32(mp + 4) & 0xffff;
    ck_assert_uint_eq(length16 + 16, (unsigned)length);
    ck_assert_uint_eq(sum(mp, length16), 0);
    while (at < length16) {
        cpus += mp[at] == 0;
        at += mp[at] == 0 ? 20 : 8;
        entries++;
    }
    ck_assert_uint_eq(at, length16);
    ck_assert_uint_eq(entries, get32(mp + 34) & 0xffff);
    ck_assert_uint_eq(cpus, 4);
    ck_assert_int_eq(vemu__mptable_build(&config, 0xf0000, tables, 100), -ENOSPC);
}
END_TEST

/* Disassembles the DSDT and looks for what must be there. */
START_TEST(test_iasl)
{
    g_autofree char *dir = g_dir_make_tmp("acpi-XXXXXX", NULL);
    g_autofree char *aml = g_build_filename(dir, "dsdt.aml", NULL);
    g_autofree char *dsl = g_build_filename(dir, "dsdt.dsl", NULL);
    g_autofree char *iasl = g_find_program_in_path("iasl");
    g_autofree char *text = NULL;
    const char *wanted[] = { "PNP0501",  "QEMU0001",      "PNP0B00", "_S3",
                             "_S5",      "Device (COM2)", "0x02F8",  "ACPI0013",
                             "ACPI0007", "Device (C003)", "PNP0C80", "_EVT" };
    const uint8_t *dsdt;
    int length = vemu__acpi_build(&full, BASE, tables, sizeof(tables));
    char *argv[] = { iasl, (char *)"-d", aml, NULL };
    int status = -1;

    if (iasl) {
        const uint8_t *fadt = tables + (get64(tables + (get64(tables + 24) - BASE) + 36) - BASE);

        dsdt = table(get64(fadt + 140), "DSDT", length);
        ck_assert(g_file_set_contents(aml, (const char *)dsdt, get32(dsdt + 4), NULL));
        ck_assert(g_spawn_sync(dir, argv, NULL,
                               G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                               NULL, NULL, &status, NULL));
        ck_assert_int_eq(status, 0);
        ck_assert(g_file_get_contents(dsl, &text, NULL, NULL));
        for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
            ck_assert_msg(strstr(text, wanted[i]) != NULL, "no %s in:\n%s", wanted[i], text);
        }
        unlink(aml);
        unlink(dsl);
    }
    rmdir(dir);
}
END_TEST

/* A CPU that is not there can come; the MP table does not know of it. */
START_TEST(test_absent_cpus)
{
    struct vemu_acpi_config config = full;
    const uint8_t *madt;
    uint8_t mp[1024];
    int length, mp_length = vemu__mptable_build(&full, 0xf0000, mp, sizeof(mp));

    config.absent[0] = 1u << 2;
    length = vemu__acpi_build(&config, BASE, tables, sizeof(tables));
    madt = table(get64(tables + (get64(tables + 24) - BASE) + 44), "APIC", length);
    ck_assert_uint_eq(get32(madt + 44 + 4), 1);
    ck_assert_uint_eq(get32(madt + 44 + 8 + 4), 1);
    ck_assert_uint_eq(get32(madt + 44 + 16 + 4), 2); /* online capable */
    ck_assert_uint_eq(get32(madt + 44 + 24 + 4), 1);
    ck_assert_int_eq(vemu__mptable_build(&config, 0xf0000, mp, sizeof(mp)), mp_length - 20);
}
END_TEST

SUITE_MAIN("boot-acpi", test_absent_cpus, test_tables, test_many_cpus, test_mptable, test_iasl)
