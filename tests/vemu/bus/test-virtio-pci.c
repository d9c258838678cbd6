/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Virtio over PCI: capabilities, common configuration, a request from doorbell to interrupt, by
 * MSI-X and INTx, and the window in configuration space. The device is virtio-rng.
 */
#include <linux/pci_regs.h>

#include "../devices/suite.h"
#include "board.h"

#define RNG  (4u << 3)
#define BAR4 0x900000000ull
#define BAR1 0xc0000000u

/* Rings in guest memory. */
#define DESC   0x1000u
#define DRIVER 0x2000u
#define DEVICE 0x3000u
#define BUFFER 0x4000u

static struct board board;
static uint64_t common, isr, config, doorbell; /* addresses */
static unsigned window;                        /* capability */

static uint32_t get(unsigned offset, unsigned size)
{
    return board_config_read(&board, RNG, offset, size);
}

static void put(unsigned offset, unsigned size, uint32_t value)
{
    board_config_write(&board, RNG, offset, size, value);
}

static uint32_t reg(unsigned offset, unsigned size)
{
    return (uint32_t)board_read(&board, common + offset, size);
}

static void set_reg(unsigned offset, unsigned size, uint64_t value)
{
    board_write(&board, common + offset, size, value);
}

static void setup(void)
{
    unsigned at;

    board_init(&board);
    put(PCI_BASE_ADDRESS_4, 4, (uint32_t)BAR4);
    put(PCI_BASE_ADDRESS_5, 4, BAR4 >> 32);
    put(PCI_BASE_ADDRESS_1, 4, BAR1);
    put(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    for (at = get(PCI_CAPABILITY_LIST, 1); at; at = get(at + 1, 1)) {
        uint64_t address = BAR4 + get(at + 8, 4);

        if (get(at, 1) != PCI_CAP_ID_VNDR)
            continue;
        switch (get(at + 3, 1)) {
        case 1: common = address; break;
        case 2:
            doorbell = address;
            ck_assert_uint_eq(get(at + 16, 4), 4);
            break;
        case 3: isr = address; break;
        case 4: config = address; break;
        case 5: window = at; break;
        default: ck_abort_msg("structure %u", get(at + 3, 1));
        }
    }
    ck_assert(common && doorbell && isr && config && window);
}

static void teardown(void)
{
    board_fini(&board);
}

/* The driver's part up to DRIVER_OK, with the queue on the given vector. */
static void start(uint16_t vector)
{
    set_reg(0x14, 1, 1);
    set_reg(0x14, 1, 3);
    set_reg(0x08, 4, 1);
    set_reg(0x0c, 4, 1); /* VERSION_1 */
    ck_assert_uint_eq(reg(0x0c, 4), 1);
    set_reg(0x14, 1, 0xb);
    ck_assert_uint_eq(reg(0x14, 1), 0xb);
    set_reg(0x16, 2, 0);
    set_reg(0x18, 2, 8);
    set_reg(0x1a, 2, vector);
    set_reg(0x20, 8, DESC);
    set_reg(0x28, 4, DRIVER);
    set_reg(0x30, 8, DEVICE);
    ck_assert_uint_eq(reg(0x28, 4), DRIVER);
    set_reg(0x1c, 2, 1);
    ck_assert_uint_eq(reg(0x1c, 2), 1);
    set_reg(0x14, 1, 0xf);
}

/* Asks for 16 bytes; `n` requests have been made before. */
static void request(unsigned n)
{
    board_write(&board, DESC, 8, BUFFER);
    board_write(&board, DESC + 8, 4, 16);
    board_write(&board, DESC + 12, 4, 2); /* for the device to write */
    board_write(&board, DRIVER + 4 + 2 * n, 2, 0);
    board_write(&board, DRIVER + 2, 2, n + 1);
    board_write(&board, doorbell, 2, 0);
    board_sync(&board);
    ck_assert_uint_eq(board_read(&board, DEVICE + 2, 2), n + 1);
    ck_assert_uint_eq(board_read(&board, DEVICE + 4 + 8 * n + 4, 4), 16);
    ck_assert(board_read(&board, BUFFER, 8) != 0);
}

START_TEST(test_identity)
{
    ck_assert_uint_eq(get(PCI_VENDOR_ID, 4), 0x10441af4);
    ck_assert_uint_eq(get(PCI_CLASS_REVISION, 4), 0x00ff0001);
    ck_assert_uint_eq(reg(0x12, 2), 1);
    ck_assert_uint_eq(reg(0x10, 4), 0x0001ffff); /* no vector, one queue */
    set_reg(0x00, 4, 1);
    ck_assert_uint_eq(reg(0x04, 4) & 1, 1); /* VERSION_1 */
    set_reg(0x00, 4, 2);
    ck_assert_uint_eq(reg(0x04, 4), 0);
    /* A queue that is not there. */
    set_reg(0x16, 2, 1);
    ck_assert_uint_eq(reg(0x18, 2), 0);
    set_reg(0x18, 2, 4);
    set_reg(0x1c, 2, 1);
    ck_assert_uint_eq(reg(0x1c, 2), 0);
    ck_assert_uint_eq(reg(0x20, 8), 0);
    set_reg(0x16, 2, 0xffff);
    set_reg(0x1a, 2, 0);
    ck_assert_uint_eq(reg(0x1a, 2), 0xffff);
    ck_assert_uint_eq(reg(0x100, 4), 0);
}
END_TEST

START_TEST(test_msix)
{
    unsigned cap = get(PCI_CAPABILITY_LIST, 1);

    while (get(cap, 1) != PCI_CAP_ID_MSIX)
        cap = get(cap + 1, 1);
    ck_assert_uint_eq(get(cap + PCI_MSIX_FLAGS, 2), 1); /* two vectors */
    for (unsigned n = 0; n < 2; n++) {
        board_write(&board, BAR1 + 16 * n, 8, 0xfee00000);
        board_write(&board, BAR1 + 16 * n + 8, 8, 0x50 + n);
    }
    put(cap + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
    start(1);
    set_reg(0x10, 2, 2); /* there is no vector 2 */
    ck_assert_uint_eq(reg(0x10, 2), 0xffff);
    request(0);
    ck_assert_uint_eq(board_log.msis, 1);
    ck_assert_uint_eq(board_log.msi[0].data, 0x51);
    ck_assert_uint_eq(board_read(&board, isr, 1), 0);
    request(1);
    ck_assert_uint_eq(board_log.msis, 2);
    set_reg(0x14, 1, 0);
    ck_assert_uint_eq(reg(0x1a, 2), 0xffff);
    ck_assert_uint_eq(reg(0x1c, 2), 0);
}
END_TEST

START_TEST(test_intx)
{
    start(0xffff);
    request(0);
    ck_assert_uint_eq(board_log.msis, 0);
    ck_assert_uint_eq(board_log.levels, 1u << 20); /* slot 4, pin A */
    ck_assert_uint_eq(board_read(&board, isr, 1), 1);
    ck_assert_uint_eq(board_log.levels, 0);
    ck_assert_uint_eq(board_read(&board, isr, 1), 0);
    request(1);
    ck_assert_uint_eq(board_log.levels, 1u << 20);
    vemu_vm_reset(board.vm, NULL);
    ck_assert_uint_eq(board_log.levels, 0);
}
END_TEST

static void set_window(unsigned bar, uint32_t offset, uint32_t length)
{
    put(window + 4, 1, bar);
    put(window + 8, 4, offset);
    put(window + 12, 4, length);
}

START_TEST(test_window)
{
    set_window(4, (uint32_t)(common - BAR4) + 0x14, 1);
    put(window + 16, 4, 0xffffff03);
    ck_assert_uint_eq(reg(0x14, 1), 0x03);
    ck_assert_uint_eq(get(window + 16, 1), 0x03);
    set_window(4, (uint32_t)(common - BAR4) + 0x12, 2);
    ck_assert_uint_eq(get(window + 16, 4), 1);
    /* What is no access does nothing: sizes, alignment, other BARs, outside. */
    set_window(4, (uint32_t)(common - BAR4) + 0x14, 3);
    put(window + 16, 4, 0);
    set_window(1, 0, 4);
    put(window + 16, 4, 0x77);
    ck_assert_uint_eq(board_read(&board, BAR1, 4), 0);
    set_window(4, 0xfffffffc, 4);
    put(window + 16, 4, 0);
    set_window(4, 0x4000, 1);
    put(window + 16, 4, 0);
    ck_assert_uint_eq(reg(0x14, 1), 0x03);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_identity, test_msix, test_intx, test_window };
    Suite *suite = suite_create("virtio-pci");
    TCase *tcase = tcase_create("virtio-pci");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
