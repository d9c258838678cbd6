/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzer of PCI: a guest that writes anything anywhere: configuration space by both ways, BARs
 * wherever they then are, bridges and slots, while functions raise interrupts and are plugged in
 * and out. Nothing may happen but what happens to that guest.
 *
 * Input: operations of 8 bytes (struct fuzz_op). Built plainly it makes inputs from a seed and
 * runs as a test: pci [SEED COUNT]; it also replays files. Built with libFuzzer it takes its inputs
 * from there.
 */
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "../ops/ops.h"
#include "board.h"

#define OPS_MAX 2000

enum { CONFIG_WRITE, CONFIG_READ, PORT_WRITE, BAR_WRITE, BAR_READ, MEMORY, INTERRUPT, PLUG, KINDS };

/* Buses that the ports may have been given, mostly. */
static unsigned some_bdf(uint8_t what)
{
    static const uint8_t buses[] = { 0, 0, 0, 1, 2, 7 };
    static const uint8_t devfns[] = { 0, 1 << 3, 2 << 3, 3 << 3, 0x1f << 3, 4 << 3, 0, 7 };

    return (unsigned)buses[what / 8 % sizeof(buses)] << 8 | devfns[what % 8];
}

static unsigned some_size(uint8_t what)
{
    return 1u << (what >> 6) % 3;
}

static const char *some_function(uint8_t what)
{
    static const char *const names[] = { "f", "below", "hot", "rng" };

    return names[what % 4];
}

/* The function, if it is there: the guest may have let go of it just before, which is carried out
 * on the loop. */
static struct vemu_pci_device *find(struct board *board, uint8_t what)
{
    board_sync(board);
    return (struct vemu_pci_device *)board_find(board, some_function(what));
}

/* An address in a BAR that is mapped, or else anywhere. */
static uint64_t some_address(struct board *board, const struct fuzz_op *op)
{
    struct vemu_pci_device *pci = find(board, op->what);
    const struct vemu_pci_bar *bar = pci ? &pci->bars[op->what / 4 % VEMU_PCI_BARS] : NULL;

    if (bar && bar->size && bar->address != VEMU_PCI_UNMAPPED)
        return bar->address + op->small % bar->size;
    return (uint64_t)op->small << 20 | op->value;
}

static void interrupt(struct board *board, const struct fuzz_op *op)
{
    struct vemu_pci_device *pci = find(board, op->what);

    if (!pci || strcmp(pci->dev.id, "rng") == 0)
        return;
    vemu_pci_msix_notify(pci, op->small);
    pthread_mutex_lock(&pci->dev.lock);
    vemu_pci_msi_notify(pci, op->small);
    vemu_pci_set_intx(pci, op->value & 1);
    pthread_mutex_unlock(&pci->dev.lock);
}

static void plug(struct board *board, const struct fuzz_op *op)
{
    struct vemu_error *err = NULL;

    if (op->what & 1)
        board_plug(board, "hot", op->what & 2 ? "rp1" : "rp2", op->what & 4 ? "0.1" : NULL, &err);
    else
        vemu_vm_remove_device(board->vm, some_function(op->what >> 1), &err);
    vemu_error_free(err);
    board_sync(board);
}

static void play(struct board *board, const struct fuzz_op *op)
{
    switch (op->kind % KINDS) {
    case CONFIG_WRITE:
        board_config_write(board, some_bdf(op->what), op->small & 0x1ff, some_size(op->what),
                           op->value);
        break;
    case CONFIG_READ:
        board_config_read(board, some_bdf(op->what), op->small & 0xfff, some_size(op->what));
        break;
    case PORT_WRITE:
        board_out(board, 0xcf8, 4, 0x80000000 | some_bdf(op->what) << 8 | (op->small & 0xfc));
        board_out(board, (uint16_t)(0xcfc + (op->small & 3)), some_size(op->what), op->value);
        break;
    case BAR_WRITE:
        board_write(board, some_address(board, op), some_size(op->what), op->value);
        break;
    case BAR_READ: board_read(board, some_address(board, op), some_size(op->what)); break;
    case MEMORY: board_write(board, op->value % (1 << 20), some_size(op->what), op->small); break;
    case INTERRUPT: interrupt(board, op); break;
    default: plug(board, op); break;
    }
}

/* Lets the guest begin where a kernel would: bus numbers, windows, BARs. */
static void enumerate(struct board *board)
{
    for (unsigned n = 0; n < 2; n++) {
        unsigned port = (2 + n) << 3, bus = 1 + n;

        board_config_write(board, port, 0x18, 4, bus << 16 | bus << 8);
        board_config_write(board, port, 0x20, 4, 0xc0f0c000 + (n << 8) + (n << 24));
        board_config_write(board, port, 0x04, 2, 7);
        board_config_write(board, bus << 8, 0x10, 4, 0xc0000000 + (n << 24));
        board_config_write(board, bus << 8, 0x20, 4, 0xc0010000 + (n << 24));
        board_config_write(board, bus << 8, 0x04, 2, 7);
    }
    board_config_write(board, 1 << 3, 0x10, 4, 0xd0000000);
    board_config_write(board, 1 << 3, 0x20, 4, 0xd0010000);
    board_config_write(board, 1 << 3, 0x04, 2, 7);
    board_config_write(board, 4 << 3, 0x14, 4, 0xd0100000);
    board_config_write(board, 4 << 3, 0x20, 4, 0xd0200000);
    board_config_write(board, 4 << 3, 0x04, 2, 7);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct board board;
    struct fuzz_op op;
    unsigned count = 0;

    board_init(&board);
    enumerate(&board);
    for (; count < OPS_MAX && fuzz_take_op(&data, &size, &op, sizeof(op)); count++) {
        if (count % 64 == 0) { /* or nothing but the ports would be left soon */
            board_out(&board, 0xcf8, 4, 0x80000060);
            board_out(&board, 0xcfc, 4, BOARD_ECAM | 1);
        }
        play(&board, &op);
    }
    board_fini(&board);
    return 0;
}

/* Words that matter: all ones, single bits, addresses inside the windows. */
static uint32_t some_value(uint64_t *state)
{
    switch (fuzz_next(state) % 4) {
    case 0: return UINT32_MAX;
    case 1: return 1u << fuzz_next(state) % 32;
    case 2: return 0xc0000000 | (uint32_t)(fuzz_next(state) & 0x3fff000f);
    default: return (uint32_t)fuzz_next(state);
    }
}

static void make(uint64_t word, uint64_t *state, void *op)
{
    struct fuzz_op *o = op;

    *o = (struct fuzz_op){ (uint8_t)word, (uint8_t)(word >> 8), (uint16_t)(word >> 16),
                           some_value(state) };
    if (o->kind % KINDS == PLUG && word >> 32 & 7) /* slow, so rarely */
        o->kind = CONFIG_WRITE;
}

const struct fuzz_target fuzz_target = { "pci", OPS_MAX, 60, make };
