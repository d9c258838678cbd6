/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PCI: configuration space, BARs, bridges, interrupts, messages, hot-plug slots.
 */
#include <linux/pci_regs.h>

#include "../devices/suite.h"
#include "board.h"

#define F   (1u << 3) /* slot 1 of bus 0 */
#define RP1 (2u << 3)
#define RP2 (3u << 3)
#define LPC (0x1fu << 3)

#define MEMORY (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)

static struct board board;

static void setup(void)
{
    board_init(&board);
}

static void teardown(void)
{
    board_fini(&board);
}

static uint32_t get(unsigned bdf, unsigned offset, unsigned size)
{
    return board_config_read(&board, bdf, offset, size);
}

static void put(unsigned bdf, unsigned offset, unsigned size, uint32_t value)
{
    board_config_write(&board, bdf, offset, size, value);
}

/* Offset of a capability; 0: there is none. */
static unsigned find_cap(unsigned bdf, unsigned id)
{
    unsigned at = get(bdf, PCI_CAPABILITY_LIST, 1);

    for (unsigned n = 0; at && n < 48; n++) {
        if (get(bdf, at, 1) == id)
            return at;
        at = get(bdf, at + 1, 1);
    }
    return 0;
}

START_TEST(test_header)
{
    ck_assert_uint_eq(get(F, PCI_VENDOR_ID, 4), 0x56781234);
    ck_assert_uint_eq(get(F, PCI_CLASS_REVISION, 4), 0x05800007);
    ck_assert_uint_eq(get(F, PCI_SUBSYSTEM_VENDOR_ID, 4), 0x87654321);
    ck_assert_uint_eq(get(F, PCI_HEADER_TYPE, 1), 0);
    ck_assert_uint_eq(get(F, PCI_INTERRUPT_PIN, 1), 1);
    ck_assert_uint_eq(get(F, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST, PCI_STATUS_CAP_LIST);
    put(F, PCI_VENDOR_ID, 4, 0);
    put(F, PCI_CLASS_REVISION, 4, 0);
    put(F, PCI_STATUS, 2, 0xffff);
    ck_assert_uint_eq(get(F, PCI_VENDOR_ID, 4), 0x56781234);
    ck_assert_uint_eq(get(F, PCI_CLASS_REVISION, 4), 0x05800007);
    ck_assert_uint_eq(get(F, PCI_STATUS, 2), PCI_STATUS_CAP_LIST);
    put(F, PCI_COMMAND, 2, 0xffff);
    ck_assert_uint_eq(get(F, PCI_COMMAND, 2), 0x0547);
    put(F, PCI_INTERRUPT_LINE, 1, 0x5a);
    ck_assert_uint_eq(get(F, PCI_INTERRUPT_LINE, 4), 0x0000015a);
    /* Nobody there; beyond 256 bytes; unaligned. */
    ck_assert_uint_eq(get(9u << 3, 0, 4), 0xffffffff);
    ck_assert_uint_eq(get(F + 1, 0, 4), 0xffffffff);
    ck_assert_uint_eq(get(77u << 8, 0, 4), 0xffffffff);
    ck_assert_uint_eq(get(F, 0x100, 4), 0);
    ck_assert_uint_eq(get(F, 1, 4), 0x47567812);
}
END_TEST

START_TEST(test_ports)
{
    board_out(&board, 0xcf8, 4, 0x80000000 | F << 8 | 0x2c);
    ck_assert_uint_eq(board_in(&board, 0xcf8, 4), 0x80000000 | F << 8 | 0x2c);
    ck_assert_uint_eq(board_in(&board, 0xcfc, 4), 0x87654321);
    ck_assert_uint_eq(board_in(&board, 0xcfe, 2), 0x8765);
    ck_assert_uint_eq(board_in(&board, 0xcff, 1), 0x87);
    board_out(&board, 0xcf8, 4, 0x80000000 | F << 8 | PCI_INTERRUPT_LINE);
    board_out(&board, 0xcfc, 1, 0x42);
    ck_assert_uint_eq(get(F, PCI_INTERRUPT_LINE, 1), 0x42);
    board_out(&board, 0xcf8, 4, F << 8); /* not enabled */
    ck_assert_uint_eq(board_in(&board, 0xcfc, 4), 0xffffffff);
    board_out(&board, 0xcf8, 2, 0x1234); /* no double word: nothing */
    ck_assert_uint_eq(board_in(&board, 0xcf8, 4), F << 8);
    /* Reset control: bytes at 0xcf9 are not part of the address. */
    board_out(&board, 0xcf9, 1, 0x02);
    ck_assert_uint_eq(board_in(&board, 0xcf9, 1), 0x02);
    ck_assert_uint_eq(board_in(&board, 0xcf8, 4), F << 8);
}
END_TEST

START_TEST(test_bars)
{
    struct board_function *f = board.f;

    /* Sizes, with decoding off. */
    for (unsigned n = 0; n < 6; n++)
        put(F, PCI_BASE_ADDRESS_0 + 4 * n, 4, 0xffffffff);
    ck_assert_uint_eq(get(F, PCI_BASE_ADDRESS_0, 4), 0xfffff000);
    ck_assert_uint_eq(get(F, PCI_BASE_ADDRESS_1, 4), 0xffffffe1);
    ck_assert_uint_eq(get(F, PCI_BASE_ADDRESS_2, 4), 0xfff0000c);
    ck_assert_uint_eq(get(F, PCI_BASE_ADDRESS_3, 4), 0xffffffff);
    ck_assert_uint_eq(get(F, PCI_BASE_ADDRESS_4, 4), 0xfffff000);
    ck_assert_uint_eq(get(F, PCI_BASE_ADDRESS_5, 4), 0);
    put(F, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO); /* with it on: still nothing */
    for (unsigned n = 0; n < 3; n++)
        ck_assert_uint_eq(f->pci.bars[n].address, VEMU_PCI_UNMAPPED);

    put(F, PCI_BASE_ADDRESS_0, 4, 0xc0000fff);
    ck_assert_uint_eq(f->moved_to[0], 0xc0000000);
    put(F, PCI_BASE_ADDRESS_1, 4, 0xc020);
    put(F, PCI_BASE_ADDRESS_2, 4, 0x00100000);
    put(F, PCI_BASE_ADDRESS_3, 4, 0x8);
    board_write(&board, 0xc0000010, 4, 0x11223344);
    ck_assert_uint_eq(board_read(&board, 0xc0000010, 8), 0x11223344);
    ck_assert_uint_eq(f->registers[0x13], 0x11);
    ck_assert_uint_eq(board_in(&board, 0xc03c, 1), 0x1c);
    ck_assert_uint_eq(board_read(&board, 0x800100000 + 0xabc, 2), 0xabc);
    /* Moved, switched off, in D3hot, reset. */
    put(F, PCI_BASE_ADDRESS_0, 4, 0xd0000000);
    ck_assert_uint_eq(board_read(&board, 0xc0000010, 4), 0xffffffff);
    ck_assert_uint_eq(board_read(&board, 0xd0000010, 4), 0x11223344);
    put(F, PCI_COMMAND, 2, PCI_COMMAND_IO);
    ck_assert_uint_eq(board_read(&board, 0xd0000010, 4), 0xffffffff);
    ck_assert_uint_eq(board_in(&board, 0xc03c, 1), 0x1c);
    put(F, PCI_COMMAND, 2, MEMORY);
    ck_assert_uint_eq(board_read(&board, 0xd0000010, 4), 0x11223344);
    put(F, find_cap(F, PCI_CAP_ID_PM) + PCI_PM_CTRL, 2, 3);
    ck_assert_uint_eq(board_read(&board, 0xd0000010, 4), 0xffffffff);
    put(F, find_cap(F, PCI_CAP_ID_PM) + PCI_PM_CTRL, 2, 0);
    ck_assert_uint_eq(board_read(&board, 0xd0000010, 4), 0x11223344);
    vemu_vm_reset(board.vm, NULL);
    ck_assert_uint_eq(get(F, PCI_BASE_ADDRESS_0, 4), 0);
    ck_assert_uint_eq(board_read(&board, 0xd0000010, 4), 0xffffffff);
}
END_TEST

/* BARs over RAM, over each other and over the configuration space give way. */
START_TEST(test_overlaps)
{
    put(F, PCI_COMMAND, 2, MEMORY);
    board.f->registers[0] = 0x77;
    put(F, PCI_BASE_ADDRESS_0, 4, 0x1000);
    board_write(&board, 0x1000, 4, 0x55);
    ck_assert_uint_eq(board_read(&board, 0x1000, 1), 0x55);
    ck_assert_uint_eq(board.f->registers[0], 0x77);
    put(F, PCI_BASE_ADDRESS_0, 4, BOARD_ECAM + (F << 12));
    ck_assert_uint_eq(get(F, 0, 4), 0x56781234);
    put(F, PCI_BASE_ADDRESS_2, 4, 0xc0000000);
    put(F, PCI_BASE_ADDRESS_3, 4, 0);
    put(F, PCI_BASE_ADDRESS_0, 4, 0xc0000000); /* BAR 2 was first */
    ck_assert_uint_eq(board_read(&board, 0xc0000000, 1), 0);
    put(F, PCI_BASE_ADDRESS_2, 4, 0xc8000000);
    ck_assert_uint_eq(board_read(&board, 0xc0000000, 1), 0x77);
}
END_TEST

START_TEST(test_ecam)
{
    put(0, 0x60, 4, 0xe0000001);
    ck_assert_uint_eq(get(F, 0, 4), 0xffffffff);
    ck_assert_uint_eq(board_read(&board, 0xe0000000 + (F << 12), 4), 0x56781234);
    board_write(&board, 0xe0000000 + 0x60, 4, 0xe8000005); /* 64 MiB */
    ck_assert_uint_eq(board_read(&board, 0xe8000000 + (F << 12), 4), 0x56781234);
    ck_assert_uint_eq(board_read(&board, 0xe0000000 + (F << 12), 4), 0xffffffff);
    board_write(&board, 0xe8000000 + 0x60, 4, 0); /* off: only the ports remain */
    ck_assert_uint_eq(board_read(&board, 0xe8000000, 4), 0xffffffff);
    board_out(&board, 0xcf8, 4, 0x80000060);
    board_out(&board, 0xcfc, 4, BOARD_ECAM | 1);
    ck_assert_uint_eq(get(F, 0, 4), 0x56781234);
}
END_TEST

/* --- bridges ---------------------------------------------------------------------------------- */

static void open_bridge(void)
{
    put(RP1, PCI_PRIMARY_BUS, 4, 0x00070700); /* secondary 7, subordinate 7 */
    put(RP1, PCI_MEMORY_BASE, 4, 0xc010c000); /* 0xc0000000-0xc01fffff */
    put(RP1, PCI_IO_BASE, 2, 0xd0d0);
    put(RP1, PCI_COMMAND, 2, MEMORY | PCI_COMMAND_IO);
}

START_TEST(test_bridge)
{
    unsigned below = 7u << 8;

    ck_assert_uint_eq(get(RP1, PCI_HEADER_TYPE, 1), 1);
    ck_assert_uint_eq(get(below, 0, 4), 0xffffffff);
    open_bridge();
    ck_assert_uint_eq(get(below, 0, 4), 0x56781234);
    ck_assert_uint_eq(get(below | 1 << 3, 0, 4), 0xffffffff); /* a port has but slot 0 */
    put(below, PCI_COMMAND, 2, MEMORY | PCI_COMMAND_IO);
    put(below, PCI_BASE_ADDRESS_0, 4, 0xc0100000);
    ck_assert_uint_eq(board_read(&board, 0xc0100004, 4), 0);
    put(below, PCI_BASE_ADDRESS_1, 4, 0xdfe0);
    ck_assert_uint_eq(board_in(&board, 0xdfe4, 1), 4);
    /* Outside the window, the window gone, the bridge off. */
    put(below, PCI_BASE_ADDRESS_0, 4, 0xc0200000);
    ck_assert_uint_eq(board_read(&board, 0xc0200004, 4), 0xffffffff);
    put(RP1, PCI_MEMORY_BASE, 4, 0xc020c020);
    ck_assert_uint_eq(board_read(&board, 0xc0200004, 4), 0);
    put(RP1, PCI_COMMAND, 2, PCI_COMMAND_IO);
    ck_assert_uint_eq(board_read(&board, 0xc0200004, 4), 0xffffffff);
    /* 64-bit prefetchable window. */
    put(RP1, PCI_PREF_MEMORY_BASE, 4, 0x00100010);
    put(RP1, PCI_PREF_BASE_UPPER32, 4, 9);
    put(RP1, PCI_PREF_LIMIT_UPPER32, 4, 9);
    put(RP1, PCI_COMMAND, 2, MEMORY);
    put(below, PCI_BASE_ADDRESS_2, 4, 0x00100000);
    put(below, PCI_BASE_ADDRESS_3, 4, 9);
    ck_assert_uint_eq(board_read(&board, 0x900100020, 1), 0x20);
    /* Reset of the secondary bus. */
    put(RP1, PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CTL_BUS_RESET);
    ck_assert_uint_eq(get(below, PCI_COMMAND, 2), 0);
    ck_assert_uint_eq(board_find(&board, "below")->resets, 2);
    ck_assert_uint_eq(board_read(&board, 0x900100020, 1), 0xff);
}
END_TEST

START_TEST(test_flr)
{
    unsigned cap = find_cap(F, PCI_CAP_ID_EXP);

    put(F, PCI_COMMAND, 2, MEMORY);
    put(F, cap + PCI_EXP_DEVCTL, 2, PCI_EXP_DEVCTL_BCR_FLR);
    ck_assert_uint_eq(get(F, PCI_COMMAND, 2), 0);
    ck_assert_uint_eq(get(F, cap + PCI_EXP_DEVCTL, 2), 0);
    ck_assert_uint_eq(board.f->resets, 2);
    /* On the root bus an integrated endpoint, behind a port a real one. */
    ck_assert_uint_eq(get(F, cap + PCI_EXP_FLAGS, 2) >> 4 & 15, PCI_EXP_TYPE_RC_END);
    open_bridge();
    ck_assert_uint_eq(get(7u << 8, cap + PCI_EXP_FLAGS, 2) >> 4 & 15, PCI_EXP_TYPE_ENDPOINT);
}
END_TEST

/* --- interrupts ------------------------------------------------------------------------------- */

static void set_intx(const char *id, bool level)
{
    struct board_function *f = board_find(&board, id);

    pthread_mutex_lock(&f->pci.dev.lock);
    vemu_pci_set_intx(&f->pci, level);
    pthread_mutex_unlock(&f->pci.dev.lock);
}

START_TEST(test_intx)
{
    set_intx("f", true); /* slot 1, pin A: input F, line 21 */
    ck_assert_uint_eq(board_log.levels, 1u << 21);
    ck_assert_uint_eq(get(F, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, PCI_STATUS_INTERRUPT);
    set_intx("below", true); /* behind slot 2: line 22 */
    ck_assert_uint_eq(board_log.levels, 1u << 21 | 1u << 22);
    put(F, PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
    ck_assert_uint_eq(board_log.levels, 1u << 22);
    ck_assert_uint_eq(get(F, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT, PCI_STATUS_INTERRUPT);
    put(F, PCI_COMMAND, 2, 0);
    /* Routed to ISA lines as well: F to 10, G to 11. */
    put(LPC, 0x69, 1, 10);
    ck_assert_uint_eq(board_log.levels, 1u << 21 | 1u << 22 | 1u << 10);
    put(LPC, 0x68, 4, 0x800b0a80);
    ck_assert_uint_eq(board_log.levels, 1u << 21 | 1u << 22 | 1u << 10 | 1u << 11);
    set_intx("f", false);
    ck_assert_uint_eq(board_log.levels, 1u << 22 | 1u << 11);
    vemu_vm_reset(board.vm, NULL);
    ck_assert_uint_eq(board_log.levels, 0);
}
END_TEST

static void msi_notify(unsigned vector)
{
    pthread_mutex_lock(&board.f->pci.dev.lock);
    vemu_pci_msi_notify(&board.f->pci, vector);
    pthread_mutex_unlock(&board.f->pci.dev.lock);
}

START_TEST(test_msi)
{
    unsigned cap = find_cap(F, PCI_CAP_ID_MSI);

    ck_assert_uint_eq(get(F, cap + PCI_MSI_FLAGS, 2), 0x0184);
    put(F, cap + PCI_MSI_ADDRESS_LO, 4, 0xfee01003);
    ck_assert_uint_eq(get(F, cap + PCI_MSI_ADDRESS_LO, 4), 0xfee01000);
    put(F, cap + PCI_MSI_DATA_64, 2, 0x4044);
    msi_notify(0);
    put(F, cap + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | 1 << 4); /* two vectors */
    msi_notify(0);                                                 /* may not master the bus */
    ck_assert_uint_eq(board_log.msis, 0);
    put(F, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
    msi_notify(3);
    msi_notify(4);
    ck_assert_uint_eq(board_log.msis, 1);
    ck_assert_uint_eq(board_log.msi[0].address, 0xfee01000);
    ck_assert_uint_eq(board_log.msi[0].data, 0x4045);
    put(F, cap + PCI_MSI_MASK_64, 4, 0xffffffff);
    ck_assert_uint_eq(get(F, cap + PCI_MSI_MASK_64, 4), 0xf);
    msi_notify(2);
    ck_assert_uint_eq(get(F, cap + PCI_MSI_PENDING_64, 4), 4);
    put(F, cap + PCI_MSI_MASK_64, 4, 0);
    ck_assert_uint_eq(get(F, cap + PCI_MSI_PENDING_64, 4), 0);
    ck_assert_uint_eq(board_log.msis, 2);
    ck_assert_uint_eq(board_log.msi[1].data, 0x4044);
}
END_TEST

START_TEST(test_msix)
{
    unsigned cap = find_cap(F, PCI_CAP_ID_MSIX);
    const uint64_t table = 0xc0000000, pba = table + 0x800;

    ck_assert_uint_eq(get(F, cap + PCI_MSIX_FLAGS, 2), 3);
    ck_assert_uint_eq(get(F, cap + PCI_MSIX_TABLE, 4), 4);
    ck_assert_uint_eq(get(F, cap + PCI_MSIX_PBA, 4), 0x804);
    put(F, PCI_BASE_ADDRESS_4, 4, (uint32_t)table);
    put(F, PCI_COMMAND, 2, MEMORY);
    ck_assert_uint_eq(board_read(&board, table + 12, 4), 1); /* masked at reset */
    for (unsigned n = 0; n < 5; n++) {
        board_write(&board, table + 16 * n, 8, 0x1fee02003ull);
        board_write(&board, table + 16 * n + 8, 4, 0x30 + n);
    }
    ck_assert_uint_eq(board_read(&board, table, 8), 0x1fee02000ull);
    ck_assert_uint_eq(board_read(&board, table + 64, 8), 0); /* there are but four */
    vemu_pci_msix_notify(&board.f->pci, 0);
    ck_assert_uint_eq(board_read(&board, pba, 8), 0);
    put(F, cap + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
    board_write(&board, table + 16 + 12, 4, 0);
    vemu_pci_msix_notify(&board.f->pci, 1); /* masked as a whole */
    vemu_pci_msix_notify(&board.f->pci, 2); /* and by itself */
    vemu_pci_msix_notify(&board.f->pci, 4);
    ck_assert_uint_eq(board_log.msis, 0);
    ck_assert_uint_eq(board_read(&board, pba, 4), 6);
    board_write(&board, pba, 4, 0);
    ck_assert_uint_eq(board_read(&board, pba, 4), 6);
    put(F, cap + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
    ck_assert_uint_eq(board_log.msis, 1);
    ck_assert_uint_eq(board_log.msi[0].address, 0x1fee02000ull);
    ck_assert_uint_eq(board_log.msi[0].data, 0x31);
    ck_assert_uint_eq(board_read(&board, pba, 4), 4);
    board_write(&board, table + 32 + 12, 4, 0);
    ck_assert_uint_eq(board_log.msis, 2);
    ck_assert_uint_eq(board_log.msi[1].data, 0x32);
    ck_assert_uint_eq(board_read(&board, pba, 4), 0);
    vemu_vm_reset(board.vm, NULL);
    vemu_pci_msix_notify(&board.f->pci, 1);
    ck_assert_uint_eq(board_log.msis, 2);
}
END_TEST

/* --- places ----------------------------------------------------------------------------------- */

static void expect_refused(int result, struct vemu_error **err, int code, const char *words)
{
    ck_assert_int_eq(result, code);
    ck_assert_msg(strstr(vemu_error_message(*err), words) != NULL, "%s", vemu_error_message(*err));
    vemu_error_free(*err);
    *err = NULL;
}

START_TEST(test_addresses)
{
    static const char *const wrong[] = { "", "x", "20", "1.8", "1.", "1.1.1", "-1", "1 ", "3.0x" };
    unsigned slot, function;

    for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
        ck_assert_int_eq(vemu__pci_parse_addr(wrong[i], &slot, &function), -EINVAL);
    ck_assert_int_eq(vemu__pci_parse_addr("1f.2", &slot, &function), 0);
    ck_assert_uint_eq(slot, 31);
    ck_assert_uint_eq(function, 2);
    ck_assert_int_eq(vemu__pci_parse_addr("0x10", &slot, &function), 0);
    ck_assert_uint_eq(slot, 16);
    ck_assert_uint_eq(function, 0);
}
END_TEST

/* The slot of rp2: off when empty; plugging in, power on, button, power off, gone. */
START_TEST(test_slot)
{
    unsigned cap = find_cap(RP2, PCI_CAP_ID_EXP), below = 9u << 8;
    unsigned msi = find_cap(RP2, PCI_CAP_ID_MSI);
    struct vemu_error *err = NULL;

    put(RP2, PCI_PRIMARY_BUS, 4, 0x00090900);
    put(RP2, msi + PCI_MSI_ADDRESS_LO, 4, 0xfee00000);
    put(RP2, msi + PCI_MSI_DATA_64, 2, 0x41);
    put(RP2, msi + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
    put(RP2, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
    ck_assert_uint_eq(get(RP2, cap + PCI_EXP_SLTCAP, 4), 6u << 19 | 0x5b);
    ck_assert_uint_eq(get(RP2, cap + PCI_EXP_SLTCTL, 2), 0x07c0); /* off, dark */
    ck_assert_uint_eq(get(RP2, cap + PCI_EXP_SLTSTA, 2), 0);
    ck_assert_uint_eq(get(RP1, cap + PCI_EXP_SLTSTA, 2), PCI_EXP_SLTSTA_PDS);
    ck_assert_uint_eq(get(RP1, cap + PCI_EXP_LNKSTA, 2) & PCI_EXP_LNKSTA_DLLLA,
                      PCI_EXP_LNKSTA_DLLLA);

    put(RP2, cap + PCI_EXP_SLTCTL, 2,
        0x07c0 | PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_CCIE |
            PCI_EXP_SLTCTL_DLLSCE);
    ck_assert_uint_eq(board_log.msis, 1); /* command completed */
    put(RP2, cap + PCI_EXP_SLTSTA, 2, PCI_EXP_SLTSTA_CC);
    expect_refused(board_plug(&board, "x", "rp1", NULL, &err), &err, -ENOSPC, "no free slot");
    expect_refused(board_plug(&board, "x", "nowhere", NULL, &err), &err, -ENOENT, "'nowhere'");
    expect_refused(board_plug(&board, "x", "rp2", "1", &err), &err, -EINVAL, "has no slot 1");
    expect_refused(board_plug(&board, "x", NULL, NULL, &err), &err, -EINVAL, "machine runs");
    ck_assert_int_eq(board_plug(&board, "x", "rp2", NULL, &err), 0);
    ck_assert_uint_eq(board_log.msis, 2);
    ck_assert_uint_eq(get(RP2, cap + PCI_EXP_SLTSTA, 2),
                      PCI_EXP_SLTSTA_PDS | PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_ABP);
    ck_assert_uint_eq(get(below, 0, 4), 0xffffffff); /* no power yet */
    put(RP2, cap + PCI_EXP_SLTSTA, 2, 0xffff);
    put(RP2, cap + PCI_EXP_SLTCTL, 2, 0x11c0 | PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_HPIE);
    ck_assert_uint_eq(get(below, 0, 4), 0x56781234);
    ck_assert_uint_eq(get(RP2, cap + PCI_EXP_SLTSTA, 2),
                      PCI_EXP_SLTSTA_PDS | PCI_EXP_SLTSTA_CC | PCI_EXP_SLTSTA_DLLSC);
    put(RP2, cap + PCI_EXP_SLTSTA, 2, 0xffff);

    /* The guest switches it off by itself: the device stays. */
    put(RP2, cap + PCI_EXP_SLTCTL, 2, 0x17c0);
    board_sync(&board);
    ck_assert_ptr_nonnull(board_find(&board, "x"));
    ck_assert_uint_eq(get(below, 0, 4), 0xffffffff);
    put(RP2, cap + PCI_EXP_SLTCTL, 2, 0x11c0 | PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_HPIE);
    put(RP2, cap + PCI_EXP_SLTSTA, 2, 0xffff);
    set_intx("x", true);

    board_log.msis = 0;
    ck_assert_int_eq(vemu_vm_remove_device(board.vm, "x", &err), 0);
    ck_assert_uint_eq(board_log.msis, 1);
    ck_assert_uint_eq(get(RP2, cap + PCI_EXP_SLTSTA, 2), PCI_EXP_SLTSTA_PDS | PCI_EXP_SLTSTA_ABP);
    put(RP2, cap + PCI_EXP_SLTCTL, 2, 0x17c0);
    board_sync(&board);
    ck_assert_ptr_null(board_find(&board, "x"));
    ck_assert_uint_eq(board_log.levels, 0);
    ck_assert_uint_eq(get(RP2, cap + PCI_EXP_SLTSTA, 2) & PCI_EXP_SLTSTA_PDS, 0);
    expect_refused(vemu_vm_remove_device(board.vm, "x", &err), &err, -ENOENT, "no device 'x'");
    expect_refused(vemu_vm_remove_device(board.vm, "f", &err), &err, -ENOTSUP,
                   "cannot be unplugged");
}
END_TEST

/* What comes out of a saved state is no better than what a guest writes. */
START_TEST(test_restored)
{
    struct vemu_pci_device *pci = &board.f->pci;

    pthread_mutex_lock(&pci->dev.lock);
    memset(pci->config, 0xff, sizeof(pci->config));
    pci->dev.class_->ops->restored(&pci->dev);
    pthread_mutex_unlock(&pci->dev.lock);
    ck_assert_uint_eq(get(F, PCI_VENDOR_ID, 4), 0x56781234);
    ck_assert_uint_eq(get(F, PCI_HEADER_TYPE, 1), 0);
    ck_assert_uint_eq(get(F, find_cap(F, PCI_CAP_ID_MSIX) + PCI_MSIX_TABLE, 4), 4);
    ck_assert_uint_eq(get(F, PCI_COMMAND, 2), 0x0547);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        test_header, test_ports, test_bars, test_overlaps,  test_ecam, test_bridge,   test_flr,
        test_intx,   test_msi,   test_msix, test_addresses, test_slot, test_restored,
    };
    Suite *suite = suite_create("pci");
    TCase *tcase = tcase_create("pci");
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
