/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AHCI with an ATA disk and an ATAPI drive: registers, data, queueing, errors, resets, interrupts.
 */
#include <check.h>
#include <string.h>
#include <unistd.h>

#include "../core/test-main.h"
#include "ahci.h"

#define DISK_SIZE (1u << 20)
#define SECTORS   (DISK_SIZE / 512)
#define DISK      0u
#define CDROM     2u
#define GOOD      0x50u

#define COMMAND(opcode, features, lba, count, size, write)                                         \
    sata_command(&s, DISK, opcode, features, lba, count, size, write)

static struct sata s;

static void setup(void)
{
    sata_init(&s, DISK_SIZE);
    sata_start_port(&s, DISK);
    sata_start_port(&s, CDROM);
}

static void teardown(void)
{
    sata_fini(&s);
}

static uint8_t *data(unsigned at)
{
    return sata_memory(&s, SATA_DATA + at);
}

static uint8_t *fis_of(unsigned port, unsigned offset)
{
    return sata_memory(&s, SATA_FIS + port * 0x10000 + offset);
}

static unsigned word(unsigned n)
{
    return data(0)[2 * n] | (unsigned)data(0)[2 * n + 1] << 8;
}

START_TEST(test_registers)
{
    ck_assert_uint_eq(board_config_read(&s.board, SATA_BDF, 0, 4), 0x29228086);
    ck_assert_uint_eq(board_config_read(&s.board, SATA_BDF, 8, 4), 0x01060102);
    ck_assert_uint_eq(board_read(&s.board, SATA_BAR, 4) & 0xc0041f1f, 0xc0041f05);
    ck_assert_uint_eq(board_read(&s.board, SATA_BAR + 4, 4), 0x80000000);
    ck_assert_uint_eq(board_read(&s.board, SATA_BAR + 0x0c, 4), 0x3f);
    ck_assert_uint_eq(board_read(&s.board, SATA_BAR + 0x10, 4), 0x00010301);
    ck_assert_uint_eq(sata_get(&s, DISK, 0x28), 0x133);
    ck_assert_uint_eq(sata_get(&s, 1, 0x28), 0);
    ck_assert_uint_eq(sata_get(&s, DISK, 0x24), 0x00000101);
    ck_assert_uint_eq(sata_get(&s, CDROM, 0x24), 0xeb140101);
    ck_assert_uint_eq(sata_get(&s, 1, 0x24), 0xffffffff);
    ck_assert_uint_eq(sata_get(&s, DISK, 0x20), 0x150);
    ck_assert_uint_eq(sata_get(&s, DISK, 0x18) & 0xc011, 0xc011);
    ck_assert_uint_eq(fis_of(DISK, 0x40)[0], 0x34); /* the signature came */
}
END_TEST

START_TEST(test_identify)
{
    uint8_t sum = 0;

    ck_assert_uint_eq(COMMAND(0xec, 0, 0, 0, 512, false), GOOD);
    ck_assert_mem_eq(data(20), "1S32", 4); /* pairs of characters change places */
    ck_assert_uint_eq(word(60) | word(61) << 16, SECTORS);
    ck_assert_uint_eq(word(100), SECTORS);
    ck_assert_uint_eq(word(75), 31);
    ck_assert_uint_eq(word(169), 1);
    for (unsigned i = 0; i < 512; i++)
        sum += data(0)[i];
    ck_assert_uint_eq(sum, 0);
    ck_assert_uint_eq(fis_of(DISK, 0x20)[0], 0x5f); /* PIO setup */
    ck_assert_uint_eq(fis_of(DISK, 0x20)[15], GOOD);
    ck_assert_uint_eq(sata_get(&s, DISK, 0x10) & 3, 2);
    ck_assert_uint_eq(sata_memory(&s, SATA_LIST)[5], 2); /* 512 bytes were moved */
    ck_assert_uint_eq(sata_command(&s, CDROM, 0xa1, 0, 0, 0, 512, false), GOOD);
    ck_assert_uint_eq(word(0), 0x85c0);
    ck_assert_uint_eq(sata_command(&s, CDROM, 0xec, 0, 0, 0, 512, false), 0x451);
    ck_assert_uint_eq(fis_of(CDROM, 0x40)[5], 0x14);
    ck_assert_uint_eq(fis_of(CDROM, 0x40)[6], 0xeb);
}
END_TEST

START_TEST(test_data)
{
    for (unsigned i = 0; i < 16384; i++)
        *data(i) = (uint8_t)(i * 11 + i / 512);
    ck_assert_uint_eq(COMMAND(0x35, 0, 100, 16, 8192, true), GOOD);
    memset(data(0), 0, 8192);
    ck_assert_uint_eq(COMMAND(0x25, 0, 100, 16, 8192, false), GOOD);
    for (unsigned i = 0; i < 8192; i++)
        ck_assert_uint_eq(*data(i), (uint8_t)(i * 11 + i / 512));
    memset(data(0), 0, 512);
    ck_assert_uint_eq(COMMAND(0x20, 0, 101, 1, 512, false), GOOD); /* PIO */
    ck_assert_uint_eq(*data(0), (uint8_t)(512 * 11 + 1));
    ck_assert_uint_eq(COMMAND(0xca, 0, SECTORS - 1, 1, 512, true), GOOD);
    ck_assert_uint_eq(COMMAND(0xea, 0, 0, 0, 0, false), GOOD);
    ck_assert_uint_eq(COMMAND(0x42, 0, 0, 1000, 0, false), GOOD);
    ck_assert_uint_eq(COMMAND(0xe5, 0, 0, 0, 0, false), GOOD);
    ck_assert_uint_eq(fis_of(DISK, 0x40)[12], 0xff);
}
END_TEST

/* Each stops the port until it is started anew. */
START_TEST(test_errors)
{
    const struct {
        uint8_t opcode;
        uint64_t lba;
        uint16_t count;
        unsigned size;
        bool write;
        uint32_t tfd;
    } cases[] = {
        { 0x25, SECTORS, 1, 512, false, 0x1051 },    /* behind the end */
        { 0x25, SECTORS - 1, 2, 1024, false, 0x1051 },
        { 0x25, 0xffffffffffff, 0, 512, false, 0x1051 },
        { 0x25, 0, 2, 512, false, 0x0451 },          /* less memory than data */
        { 0x35, 0, 1, 512, false, 0x0451 },          /* direction */
        { 0xff, 0, 0, 0, false, 0x0451 },
        { 0x42, SECTORS, 1, 0, false, 0x1051 },
        { 0x2f, 0x33, 1, 512, false, 0x0451 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_uint_eq(COMMAND(cases[i].opcode, 0, cases[i].lba, cases[i].count, cases[i].size,
                                  cases[i].write), cases[i].tfd);
        ck_assert(sata_get(&s, DISK, 0x10) & 1u << 30);
        ck_assert_uint_eq(sata_get(&s, DISK, 0x38), 1); /* stays there */
        sata_recover(&s, DISK);
        ck_assert_uint_eq(COMMAND(0xe5, 0, 0, 0, 0, false), GOOD);
    }
    *sata_memory(&s, SATA_TABLE) = 0x99; /* no FIS that a host sends */
    sata_set(&s, DISK, 0x38, 1);
    ck_assert(sata_get(&s, DISK, 0x10) & 1u << 27);
    sata_recover(&s, DISK);
    sata_set(&s, DISK, 0x18, 0x10);
    sata_set(&s, DISK, 0x00, 0xfffffc00); /* no memory */
    sata_set(&s, DISK, 0x18, 0x11);
    sata_set(&s, DISK, 0x38, 1);
    ck_assert(sata_get(&s, DISK, 0x10) & 1u << 29);
}
END_TEST

static void queue(unsigned slot, bool write, uint64_t lba, unsigned sectors)
{
    const uint8_t fis[20] = { 0x27, 0x80, write ? 0x61 : 0x60, (uint8_t)sectors, (uint8_t)lba,
                              (uint8_t)(lba >> 8), (uint8_t)(lba >> 16), 0x40, 0, 0, 0, 0,
                              (uint8_t)(slot << 3) };

    sata_prepare(&s, DISK, slot, fis, NULL, slot * 4096, sectors * 512, write);
}

START_TEST(test_queue)
{
    for (unsigned slot = 0; slot < 8; slot++) {
        memset(data(slot * 4096), (int)slot + 1, 4096);
        queue(slot, true, 8 * slot, 8);
    }
    sata_set(&s, DISK, 0x34, 0xff);
    sata_set(&s, DISK, 0x38, 0xff);
    for (unsigned i = 0; i < 5000 && sata_get(&s, DISK, 0x34); i++)
        usleep(1000);
    ck_assert_uint_eq(sata_get(&s, DISK, 0x34), 0);
    ck_assert_uint_eq(sata_get(&s, DISK, 0x38), 0);
    ck_assert_uint_eq(fis_of(DISK, 0x58)[0], 0xa1);
    memset(data(0), 0, 32768);
    for (unsigned slot = 0; slot < 8; slot++)
        queue(slot, false, 8 * slot, 8);
    queue(5, false, SECTORS - 1, 8); /* fails, and is told last */
    sata_set(&s, DISK, 0x34, 0xff);
    sata_set(&s, DISK, 0x38, 0xff);
    for (unsigned i = 0; i < 5000 && !(sata_get(&s, DISK, 0x20) & 1); i++)
        usleep(1000);
    ck_assert_uint_eq(sata_get(&s, DISK, 0x20), 0x1051);
    ck_assert(sata_get(&s, DISK, 0x34) & 1u << 5);
    ck_assert(sata_get(&s, DISK, 0x10) & 1u << 30);
    ck_assert_uint_eq(*data(0), 1);
    sata_recover(&s, DISK);
    ck_assert_uint_eq(sata_get(&s, DISK, 0x34), 0);
    ck_assert_uint_eq(COMMAND(0x2f, 0, 0x10, 1, 512, false), GOOD);
    ck_assert_uint_eq(*data(0), 5);
    ck_assert_uint_eq(*data(3), 0x10);
    ck_assert_uint_eq(*data(4), (SECTORS - 1) & 0xff);
}
END_TEST

START_TEST(test_settings)
{
    uint64_t ranges[64] = { 8ull | 8ull << 48, 0, 64ull | 16ull << 48 };

    ck_assert_uint_eq(COMMAND(0xef, 0x82, 0, 0, 0, false), GOOD);
    ck_assert_uint_eq(COMMAND(0xec, 0, 0, 0, 512, false), GOOD);
    ck_assert_uint_eq(word(85) & 0x20, 0);
    ck_assert_uint_eq(COMMAND(0xef, 0x03, 0, 0x42, 0, false), GOOD);
    ck_assert_uint_eq(COMMAND(0xec, 0, 0, 0, 512, false), GOOD);
    ck_assert_uint_eq(word(88), 0x043f);
    ck_assert_uint_eq(COMMAND(0xb0, 0xda, 0xc24f00, 0, 0, false), GOOD);
    ck_assert_uint_eq(COMMAND(0xb0, 0xd0, 0xc24f00, 1, 512, false), GOOD);
    memset(data(0), 0xee, 65536);
    ck_assert_uint_eq(COMMAND(0x35, 0, 0, 128, 65536, true), GOOD);
    memcpy(data(0), ranges, 512);
    ck_assert_uint_eq(COMMAND(0x06, 1, 0, 1, 512, true), GOOD);
    ck_assert_uint_eq(COMMAND(0x25, 0, 0, 128, 65536, false), GOOD);
    ck_assert_uint_eq(*data(7 * 512), 0xee);
    ck_assert_uint_eq(*data(8 * 512), 0); /* a hole */
    ck_assert_uint_eq(*data(64 * 512), 0);
    ck_assert_uint_eq(*data(80 * 512), 0xee);
    ranges[1] = 1ull << 40 | 1ull << 48;
    memcpy(data(0), ranges, 512);
    ck_assert_uint_eq(COMMAND(0x06, 1, 0, 1, 512, true), 0x1051);
    sata_recover(&s, DISK);
    ck_assert_uint_eq(COMMAND(0xb0, 0xd0, 0, 1, 512, false), 0x451);
}
END_TEST

#define CDB(...) ((const uint8_t[12]){ __VA_ARGS__ })

START_TEST(test_packets)
{
    ck_assert_uint_eq(sata_packet(&s, CDROM, CDB(0), 0), 0x6451); /* attention: power on */
    sata_recover(&s, CDROM);
    ck_assert_uint_eq(sata_packet(&s, CDROM, CDB(0x03, 0, 0, 0, 18), 18), GOOD);
    ck_assert_uint_eq(*data(2), 6);
    ck_assert_uint_eq(*data(12), 0x29);
    ck_assert_uint_eq(sata_packet(&s, CDROM, CDB(0), 0), GOOD);
    ck_assert_uint_eq(sata_packet(&s, CDROM, CDB(0x12, 0, 0, 0, 36), 36), GOOD);
    ck_assert_mem_eq(data(0), "\x05\x80", 2);
    ck_assert_uint_eq(sata_packet(&s, CDROM, CDB(0x28, 0, 0, 0, 0, 16, 0, 0, 2), 4096), GOOD);
    ck_assert_mem_eq(data(1), "CD001", 5);
    ck_assert_uint_eq(fis_of(CDROM, 0x40)[12], 3);
    ck_assert_uint_eq(sata_packet(&s, CDROM, CDB(0x28, 0, 0, 0, 0, 16, 0, 0, 2), 2048), 0x451);
    ck_assert(sata_get(&s, CDROM, 0x10) & 1u << 24);
    sata_recover(&s, CDROM);
    ck_assert_uint_eq(sata_packet(&s, CDROM, CDB(0x28, 0, 1, 0, 0, 16, 0, 0, 1), 2048), 0x5451);
    sata_recover(&s, CDROM);
    ck_assert_uint_eq(sata_packet(&s, CDROM, CDB(0x03, 0, 0, 0, 18), 18), GOOD);
    ck_assert_uint_eq(*data(12), 0x21);
    ck_assert_uint_eq(sata_packet(&s, CDROM, CDB(0x03, 0, 0, 0, 18), 18), GOOD);
    ck_assert_uint_eq(*data(12), 0); /* told once */
}
END_TEST

START_TEST(test_resets)
{
    const uint8_t reset[20] = { 0x27, 0, [15] = 4 }, go[20] = { 0x27 };

    /* COMRESET */
    sata_set(&s, DISK, 0x18, 0x10);
    sata_set(&s, DISK, 0x2c, 0x301);
    ck_assert_uint_eq(sata_get(&s, DISK, 0x28), 0);
    ck_assert_uint_eq(sata_get(&s, DISK, 0x20), 0x7f);
    sata_set(&s, DISK, 0x2c, 0x300);
    ck_assert_uint_eq(sata_get(&s, DISK, 0x28), 0x133);
    ck_assert_uint_eq(sata_get(&s, DISK, 0x20), 0x150);
    ck_assert(sata_get(&s, DISK, 0x10) & 0x40);
    sata_set(&s, DISK, 0x30, ~0u);
    ck_assert(!(sata_get(&s, DISK, 0x10) & 0x40));
    /* by software */
    sata_set(&s, DISK, 0x18, 0x11);
    sata_prepare(&s, DISK, 0, reset, NULL, 0, 0, false);
    sata_set(&s, DISK, 0x38, 1);
    ck_assert_uint_eq(sata_get(&s, DISK, 0x38), 0);
    ck_assert(sata_get(&s, DISK, 0x20) & 0x80);
    sata_prepare(&s, DISK, 0, go, NULL, 0, 0, false);
    sata_set(&s, DISK, 0x38, 1);
    ck_assert_uint_eq(sata_get(&s, DISK, 0x20), 0x150);
    ck_assert_uint_eq(COMMAND(0xe5, 0, 0, 0, 0, false), GOOD);
    /* of the adapter */
    board_write(&s.board, SATA_BAR + 4, 4, 3);
    ck_assert_uint_eq(board_read(&s.board, SATA_BAR + 4, 4), 0x80000000);
    ck_assert_uint_eq(sata_get(&s, DISK, 0x18), 6);
    /* with commands under way: afterwards memory is the guest's */
    for (unsigned round = 0; round < 20; round++) {
        sata_start_port(&s, DISK);
        for (unsigned slot = 0; slot < 8; slot++)
            queue(slot, false, 8 * slot, 8);
        sata_set(&s, DISK, 0x34, 0xff);
        sata_set(&s, DISK, 0x38, 0xff);
        if (round & 1)
            sata_set(&s, DISK, 0x18, 0x10);
        else
            board_write(&s.board, SATA_BAR + 4, 4, 1);
        memset(data(0), 0x77, 32768);
        usleep(500);
        for (unsigned i = 0; i < 32768; i++)
            ck_assert_uint_eq(*data(i), 0x77);
    }
}
END_TEST

START_TEST(test_interrupts)
{
    unsigned at, before;

    board_write(&s.board, SATA_BAR + 4, 4, 2);
    sata_set(&s, DISK, 0x10, ~0u);
    sata_set(&s, DISK, 0x14, 1);
    ck_assert_uint_eq(board_read(&s.board, SATA_BAR + 8, 4), 0);
    ck_assert_uint_eq(COMMAND(0xe5, 0, 0, 0, 0, false), GOOD);
    ck_assert_uint_eq(board_read(&s.board, SATA_BAR + 8, 4), 1);
    ck_assert_uint_ne(board_log.levels, 0);
    board_write(&s.board, SATA_BAR + 8, 4, 1); /* its cause is still there */
    ck_assert_uint_eq(board_read(&s.board, SATA_BAR + 8, 4), 1);
    sata_set(&s, DISK, 0x10, ~0u);
    board_write(&s.board, SATA_BAR + 8, 4, 1);
    ck_assert_uint_eq(board_read(&s.board, SATA_BAR + 8, 4), 0);
    ck_assert_uint_eq(board_log.levels, 0);
    at = board_config_read(&s.board, SATA_BDF, 0x34, 1);
    ck_assert_uint_eq(board_config_read(&s.board, SATA_BDF, at, 1), 5);
    board_config_write(&s.board, SATA_BDF, at + 4, 4, 0xfee00000);
    board_config_write(&s.board, SATA_BDF, at + 12, 2, 0x31);
    board_config_write(&s.board, SATA_BDF, at + 2, 2, 1);
    before = board_log.msis;
    ck_assert_uint_eq(COMMAND(0xe5, 0, 0, 0, 0, false), GOOD);
    ck_assert_uint_eq(board_log.msis, before + 1);
    ck_assert_uint_eq(board_log.levels, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_registers, test_identify, test_data, test_errors,
                                   test_queue, test_settings, test_packets, test_resets,
                                   test_interrupts };
    Suite *suite = suite_create("ahci");
    TCase *tcase = tcase_create("ports");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
