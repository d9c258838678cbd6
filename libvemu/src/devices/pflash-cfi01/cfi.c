/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the flash says of itself: identifier codes and the Common Flash Interface's query data.
 */
#include "devices/pflash-cfi01/pflash.h"

#include <glib.h>

#define MANUFACTURER 0x89u /* Intel */
#define DEVICE_CODE  0x18u
#define PRIMARY      0x31u /* where the extended query table lies */

uint8_t vemu__pflash_ident(uint32_t offset)
{
    switch (offset & 0xff) {
    case 0: return MANUFACTURER;
    case 1: return DEVICE_CODE;
    default: return 0; /* 2 of a block: it is not locked */
    }
}

uint8_t vemu__pflash_query(uint32_t size, uint32_t offset)
{
    uint32_t sectors = size / PFLASH_SECTOR;

    switch (offset & 0xff) {
    case 0x10: return 'Q';
    case 0x11: return 'R';
    case 0x12: return 'Y';
    case 0x13: return 0x01; /* command set: Intel, extended */
    case 0x15: return PRIMARY;
    case 0x1b: return 0x45; /* VCC from 4.5 V ... */
    case 0x1c: return 0x55; /* ... to 5.5 V */
    case 0x1f: return 7;    /* typical times, powers of two: programming a byte, us */
    case 0x20: return 7;    /* ... the buffer, us */
    case 0x21: return 10;   /* ... erasing a block, ms */
    case 0x23:
    case 0x24:
    case 0x25: return 4;                                /* longest times: 16 times as much */
    case 0x27: return (uint8_t)g_bit_storage(size - 1); /* size, power of two */
    case 0x2a: return PFLASH_BUFFER_LOG;
    case 0x2c: return 1; /* regions of blocks of one size */
    case 0x2d: return (uint8_t)(sectors - 1);
    case 0x2e: return (uint8_t)((sectors - 1) >> 8);
    case 0x2f: return (uint8_t)(PFLASH_SECTOR / 256);
    case 0x30: return (uint8_t)(PFLASH_SECTOR / 256 >> 8);
    case PRIMARY: return 'P';
    case PRIMARY + 1: return 'R';
    case PRIMARY + 2: return 'I';
    case PRIMARY + 3: return '1';
    case PRIMARY + 4: return '0';
    case PRIMARY + 12: return 0x50; /* best VCC: 5.0 V */
    default: return 0;              /* no optional command, no suspending, no protection */
    }
}
