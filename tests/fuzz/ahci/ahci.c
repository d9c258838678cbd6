/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzer of AHCI: a guest that writes the registers of adapter and ports, command lists, tables,
 * FISes and packets as it likes. What must hold at the end: after a reset the disk identifies
 * itself.
 *
 * Input: operations of 8 bytes (struct fuzz_op). Built plainly it makes inputs from a seed and
 * runs as a test: ahci [SEED COUNT]; it also replays files. Built with libFuzzer it takes its
 * inputs from there.
 */
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "../ops/ops.h"
#include "ahci.h"

#define OPS_MAX 500

enum { PORT, ADAPTER, READ, MEMORY, CONFIG, RECOVER, ATA, QUEUED, PACKET, ISSUE, KINDS = 16 };

static const uint8_t ata_opcodes[] = { 0x06, 0x20, 0x24, 0x25, 0x29, 0x2f, 0x30, 0x34, 0x35, 0x39,
                                       0x3d, 0x40, 0x42, 0x47, 0xa0, 0xa1, 0xb0, 0xc4, 0xc5, 0xc6,
                                       0xc8, 0xca, 0xe0, 0xe5, 0xe7, 0xea, 0xec, 0xef, 0x08, 0xff };
static const uint8_t scsi_opcodes[] = { 0x00, 0x03, 0x12, 0x15, 0x1a, 0x1b, 0x1e, 0x25, 0x28,
                                        0x43, 0x46, 0x4a, 0x51, 0x55, 0x5a, 0xa0, 0xa8, 0xbd,
                                        0xbe, 0x2a, 0x42 };

static unsigned port_of(const struct fuzz_op *op)
{
    static const uint8_t ports[] = { 0, 0, 0, 2, 2, 0, 2, 1 };

    return ports[op->what % 8];
}

/* A command of the table, with numbers that are often small; memory of some size. */
static void prepare(struct sata *sata, const struct fuzz_op *op, uint8_t opcode,
                    const uint8_t *packet)
{
    unsigned slot = op->small % 32, size = (op->value >> 8 & 0xff) * 128 % 0x10000;
    uint8_t fis[20] = { 0x27, op->value & 0x80000000 ? 0 : 0x80, opcode, (uint8_t)op->small,
                        (uint8_t)op->value, 0, 0, 0x40, 0, 0, 0, 0,
                        (uint8_t)(op->value >> 16 & 0x1f), 0, 0, (uint8_t)(op->value >> 28 & 4) };

    if (opcode == 0x60 || opcode == 0x61) {
        fis[3] = (uint8_t)(op->value >> 8 & 7);
        fis[12] = (uint8_t)(slot << 3);
    } else if (opcode == 0xb0) {
        fis[3] = 0xd0 | (op->small & 0xf);
        fis[5] = 0x4f;
        fis[6] = 0xc2;
    } else if (op->small & 0x8000) {
        fis[4 + (op->small >> 8) % 12] = (uint8_t)op->small;
    }
    sata_prepare(sata, port_of(op), slot, fis, packet, op->small & 0x3fff, size,
                 op->what & 0x80);
    sata_set(sata, port_of(op), 0x34, opcode == 0x60 || opcode == 0x61 ? 1u << slot : 0);
    sata_set(sata, port_of(op), 0x38, 1u << slot);
}

static void packet(struct sata *sata, const struct fuzz_op *op)
{
    uint8_t cdb[12] = { scsi_opcodes[op->what / 8 % sizeof(scsi_opcodes)] };

    for (unsigned i = 1; i < sizeof(cdb); i++)
        cdb[i] = op->small >> i & 1 ? (uint8_t)(op->value >> (i * 2)) & 0x1f : 0;
    prepare(sata, op, 0xa0, cdb);
}

static void play(struct sata *sata, const struct fuzz_op *op)
{
    uint32_t memory = op->value % (0x40000 - 4);

    switch (op->kind % KINDS) {
    case PORT:
        sata_set(sata, port_of(op), op->small & 0x7c, op->value);
        break;
    case ADAPTER: board_write(&sata->board, SATA_BAR + (op->small & 0xfc), 4, op->value); break;
    case READ: board_read(&sata->board, SATA_BAR + (op->small & 0xfff), 1u << op->what % 3); break;
    case MEMORY: /* lists, tables, received FISes, with whatever */
        memcpy(sata_memory(sata, SATA_LIST + memory), &op->small, op->what & 1 ? 2 : 1);
        break;
    case CONFIG:
        board_config_write(&sata->board, SATA_BDF, op->small & 0xfc, 4, op->value);
        board_config_write(&sata->board, SATA_BDF, 0x24, 4, SATA_BAR);
        board_config_write(&sata->board, SATA_BDF, 0x04, 2, op->what & 7 ? 7 : 3);
        break;
    case RECOVER:
        sata_start_port(sata, port_of(op));
        sata_recover(sata, port_of(op));
        break;
    case QUEUED:
    case QUEUED + KINDS / 2 - 1: prepare(sata, op, op->what & 0x40 ? 0x61 : 0x60, NULL); break;
    case PACKET: packet(sata, op); break;
    case ISSUE: sata_set(sata, port_of(op), 0x38, op->value); break;
    default: prepare(sata, op, ata_opcodes[op->what / 8 % sizeof(ata_opcodes)], NULL); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sata sata;
    struct fuzz_op op;

    sata_init(&sata, 65536);
    sata_start_port(&sata, 0);
    sata_start_port(&sata, 2);
    for (unsigned count = 0; count < OPS_MAX && fuzz_take_op(&data, &size, &op, sizeof(op));
         count++) {
        play(&sata, &op);
    }
    board_config_write(&sata.board, SATA_BDF, 0x24, 4, SATA_BAR);
    board_config_write(&sata.board, SATA_BDF, 0x04, 2, 7);
    board_write(&sata.board, SATA_BAR + 4, 4, 1);
    sata_start_port(&sata, 0);
    if (sata_command(&sata, 0, 0xec, 0, 0, 0, 512, false) != 0x50)
        abort();
    sata_fini(&sata);
    return 0;
}

const struct fuzz_target fuzz_target = { "ahci", OPS_MAX, 100, fuzz_make_op };
