/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * IDENTIFY DEVICE and IDENTIFY PACKET DEVICE: 256 words that say what a drive is (ACS-2, 7.12 and
 * 7.13).
 */
#include <string.h>

#include <glib.h>

#include "devices/ahci/ahci.h"

#define LBA28_MAX 0x0fffffffu
#define LBA48_MAX 0xffffffffffffull

static void put(uint8_t *data, unsigned word, uint64_t value, unsigned words)
{
    for (unsigned i = 0; i < 2 * words; i++)
        data[2 * word + i] = (uint8_t)(value >> (8 * i));
}

/* Text has the first character of two in the upper byte, and spaces at its end. */
static void put_text(uint8_t *data, unsigned word, size_t size, const char *text)
{
    size_t length = strlen(text);

    for (size_t i = 0; i < size; i++)
        data[2 * word + (i ^ 1)] = (uint8_t)(i < length ? text[i] : ' ');
}

static void put_names(const struct ahci_drive *drive, uint8_t *data)
{
    put_text(data, 10, 20, drive->serial);
    put_text(data, 23, 8, drive->firmware);
    put_text(data, 27, 40, drive->model);
}

/* Modes of transfer, and what goes with them. */
static void put_modes(const struct ahci_port_state *s, uint8_t *data)
{
    put(data, 53, 0x0006, 1); /* words 64 to 70 and 88 say something */
    put(data, 63, 0x07 | (s->mwdma ? 1u << (8 + (s->mwdma & 7)) : 0), 1);
    put(data, 64, 0x03, 1);
    for (unsigned word = 65; word <= 68; word++)
        put(data, word, 120, 1); /* nanoseconds */
    put(data, 88, 0x3f | (s->udma ? 1u << (8 + (s->udma & 7)) : 0), 1);
}

static void put_checksum(uint8_t *data)
{
    uint8_t sum = 0;

    data[510] = 0xa5;
    for (unsigned i = 0; i < 511; i++)
        sum += data[i];
    data[511] = (uint8_t)-sum;
}

static void put_capacity(const struct ahci_drive *drive, uint8_t *data)
{
    const struct vemu_scsi_unit_props *p = &drive->unit.props;
    uint64_t sectors = vemu__block_size(p->drive) / 512;
    unsigned exponent = (unsigned)__builtin_ctz(p->physical / 512);
    uint64_t cylinders = MIN(sectors / (16 * 63), 16383);

    put(data, 1, cylinders, 1);
    put(data, 3, 16, 1);
    put(data, 6, 63, 1);
    put(data, 60, MIN(sectors, LBA28_MAX), 2);
    put(data, 100, MIN(sectors, LBA48_MAX), 4);
    put(data, 106, 0x4000u | (exponent ? 0x2000u | exponent : 0), 1);
}

void vemu__ata_identify(const struct ahci_drive *drive, uint8_t *data)
{
    const struct vemu_scsi_unit_props *p = &drive->unit.props;
    const struct ahci_port_state *s = drive->port->s;
    unsigned wwn = p->wwn ? 0x0100 : 0;

    memset(data, 0, 512);
    put(data, 0, 0x0040, 1);
    put_names(drive, data);
    put_capacity(drive, data);
    put_modes(s, data);
    put(data, 47, 0x8010, 1); /* up to 16 sectors of a multiple */
    put(data, 49, 0x2f00, 1); /* LBA, DMA, IORDY, standard standby timers */
    put(data, 50, 0x4000, 1);
    put(data, 59, s->multiple ? 0x0100u | s->multiple : 0, 1);
    put(data, 75, AHCI_SLOTS - 1, 1); /* queue depth */
    put(data, 76, 0x010e, 1);         /* queueing; three speeds */
    put(data, 78, 0x0040, 1);         /* settings survive resets of the link */
    put(data, 79, 0x0040, 1);
    put(data, 80, 0x03f0, 1);         /* ATA-4 to ACS-2 */
    put(data, 82, 0x0069, 1);         /* look-ahead, write cache, power management, SMART */
    put(data, 83, 0x7400, 1);         /* FLUSH CACHE EXT, FLUSH CACHE, 48 bits */
    put(data, 84, 0x4061 | wwn, 1);   /* FUA, general purpose logs, SMART log */
    put(data, 85, 0x0048u | (s->write_cache ? 0x20u : 0) | (s->smart ? 1u : 0), 1);
    put(data, 86, 0x3400, 1);
    put(data, 87, 0x4061 | wwn, 1);
    if (p->wwn) /* its highest word first */
        for (unsigned i = 0; i < 4; i++)
            put(data, 108 + i, p->wwn >> (48 - 16 * i), 1);
    put(data, 119, 0x4000, 1);
    put(data, 120, 0x4000, 1);
    if (vemu__block_can_discard(p->drive) && !vemu__block_read_only(p->drive)) {
        put(data, 105, 8, 1); /* sectors of ranges */
        put(data, 169, 1, 1); /* TRIM */
    }
    put(data, 217, p->rotation, 1);
    put(data, 222, 0x101f, 1); /* SATA */
    put_checksum(data);
}

void vemu__ata_identify_packet(const struct ahci_drive *drive, uint8_t *data)
{
    memset(data, 0, 512);
    put(data, 0, 0x85c0, 1); /* CD-ROM, removable, 12 bytes of command */
    put_names(drive, data);
    put_modes(drive->port->s, data);
    put(data, 49, 0x0f00, 1);
    put(data, 50, 0x4000, 1);
    put(data, 76, 0x000e, 1);
    put(data, 80, 0x03f0, 1);
    put(data, 82, 0x0210, 1); /* DEVICE RESET, PACKET */
    put(data, 83, 0x4000, 1);
    put(data, 84, 0x4000, 1);
    put(data, 85, 0x0210, 1);
    put(data, 87, 0x4000, 1);
    put(data, 222, 0x101f, 1);
    put_checksum(data);
}
