/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver of an AHCI adapter in a test: on the board of board.h, a disk at port 0, a CD-ROM drive
 * at port 2.
 */
#ifndef TESTS_VEMU_BUS_AHCI_H
#define TESTS_VEMU_BUS_AHCI_H

#include "board.h"

#define SATA_BAR   0xd0400000u
#define SATA_BDF   (5u << 3)
#define SATA_LIST  0x10000u /* command list, received FISes, tables of a port 0x10000 apart */
#define SATA_FIS   0x10800u
#define SATA_TABLE 0x11000u
#define SATA_DATA  0x80000u

struct sata {
    struct board board;
    char path[64];
};

/* A machine with drives whose image has `size` bytes, BARs assigned. */
void sata_init(struct sata *sata, uint64_t size);
void sata_fini(struct sata *sata);

uint32_t sata_get(struct sata *sata, unsigned port, unsigned offset);
void sata_set(struct sata *sata, unsigned port, unsigned offset, uint32_t value);
/* Addresses, FIS reception, ST. */
void sata_start_port(struct sata *sata, unsigned port);

/* A command in a slot: its FIS (20 bytes), and `size` bytes of memory from SATA_DATA + data on. */
void sata_prepare(struct sata *sata, unsigned port, unsigned slot, const uint8_t *fis,
                  const uint8_t *packet, unsigned data, unsigned size, bool write);
/* Sets the bit of PxCI (and PxSACT) and waits until it goes, or the port has an error: PxTFD. */
uint32_t sata_issue(struct sata *sata, unsigned port, unsigned slot, bool queued);

/* All in one, in slot 0. */
uint32_t sata_command(struct sata *sata, unsigned port, uint8_t opcode, uint8_t features,
                      uint64_t lba, uint16_t count, unsigned size, bool write);
uint32_t sata_packet(struct sata *sata, unsigned port, const uint8_t *cdb, unsigned size);
/* Clears the error and starts the port again. */
void sata_recover(struct sata *sata, unsigned port);
/* Guest memory. */
uint8_t *sata_memory(struct sata *sata, unsigned at);

#endif
