/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Flash memory from inside: pflash.c is the device with its memory and its block node, command.c
 * what is written to it, and cfi.c what it says of itself.
 */
#ifndef VEMU_DEVICES_PFLASH_CFI01_PFLASH_H
#define VEMU_DEVICES_PFLASH_CFI01_PFLASH_H

#include "block/backend.h"

#define PFLASH_SECTOR     4096u
#define PFLASH_SIZE_MAX   (8u << 20)
#define PFLASH_BUFFER     256u
#define PFLASH_BUFFER_LOG 8

/* Status register (Intel StrataFlash data sheet 290667, table 17). */
#define PFLASH_READY         0x80u
#define PFLASH_ERASE_ERROR   0x20u
#define PFLASH_PROGRAM_ERROR 0x10u
#define PFLASH_LOCKED        0x02u
#define PFLASH_SEQUENCE      (PFLASH_ERASE_ERROR | PFLASH_PROGRAM_ERROR)

/* What reads give. */
enum pflash_mode { PFLASH_ARRAY, PFLASH_STATUS, PFLASH_IDENT, PFLASH_QUERY, PFLASH_MODES };

/* What the next write is. */
enum pflash_cycle {
    PFLASH_COMMAND,
    PFLASH_PROGRAM, /* a byte to program */
    PFLASH_ERASE,   /* the confirmation of an erase */
    PFLASH_LOCK,    /* which of the lock commands */
    PFLASH_COUNT,   /* how many bytes go to the buffer, less one */
    PFLASH_DATA,    /* one of them */
    PFLASH_CONFIRM, /* the confirmation of the buffer */
    PFLASH_CYCLES,
};

struct pflash {
    struct vemu_device dev;
    /* properties */
    struct vemu_block *drive;
    uint64_t address;
    /* wiring */
    struct vemu_block_user user;
    struct vemu_region *region;
    uint8_t *array;
    uint32_t size;
    /* What was programmed and is not at the node yet; empty: start == end. */
    uint32_t dirty_start, dirty_end;
    /* saved */
    uint8_t mode, cycle, status;
    uint16_t left;   /* bytes that the buffer still gets */
    uint32_t window; /* where it goes; UINT32_MAX: the first byte will say */
    uint8_t buffer[PFLASH_BUFFER];
};

/* --- pflash.c --------------------------------------------------------------------------------- */
/* Reads give something else from now on. */
void vemu__pflash_set_mode(struct pflash *s, enum pflash_mode mode);
/* Clears bits that are clear in `bytes`. False: the flash is read only. */
bool vemu__pflash_program(struct pflash *s, uint32_t offset, const uint8_t *bytes, uint32_t size);
/* Sets all bits of the sector. False: read only, or the node failed, and nothing has changed. */
bool vemu__pflash_erase(struct pflash *s, uint32_t offset);
/* Brings what was programmed to the node; failure is noted in the status register. */
void vemu__pflash_settle(struct pflash *s);
bool vemu__pflash_is_read_only(const struct pflash *s);

/* --- command.c -------------------------------------------------------------------------------- */
void vemu__pflash_write(struct pflash *s, uint32_t offset, uint8_t value);

/* --- cfi.c ------------------------------------------------------------------------------------ */
/* Byte `offset` of the query data (CFI 2.0; JESD68.01) for a flash of `size` bytes. */
uint8_t vemu__pflash_query(uint32_t size, uint32_t offset);
/* Byte `offset` of the identifier. */
uint8_t vemu__pflash_ident(uint32_t offset);

#endif
