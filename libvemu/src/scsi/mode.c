/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mode parameters: MODE SENSE and MODE SELECT (SPC-4, 6.9 to 6.14, 7.5; SBC-3, 6.5; MMC-6, 7).
 *
 * Nothing can be changed but the write cache. MODE SELECT takes pages that are as they are, and
 * applies nothing unless all of it is right.
 */
#include <string.h>

#include <glib.h>

#include "scsi/command.h"

#define PAGE_CACHING 0x08u
#define WCE          0x04u /* byte 2 of the caching page */
#define DATA_MAX     256u
#define ALL_PAGES    0x3fu

enum which { CURRENT, CHANGEABLE, DEFAULT, SAVED };

struct page {
    uint8_t code, length;
    bool disks, cdroms;
    uint8_t bytes[20]; /* behind the header */
};

static const struct page pages[] = {
    /* Read-write error recovery: automatic reallocation, no correction to tell. */
    { 0x01, 10, true, true, { 0x80 } },
    { PAGE_CACHING, 18, true, false, { 0 } },
    /* Control: commands may be reordered. */
    { 0x0a, 10, true, true, { 0x02, 0x10 } },
    /* Informational exceptions: none. */
    { 0x1c, 10, true, false, { 0x08 } },
    /* MM capabilities (MMC-3, 5.5.10; obsolete, and read by Linux): reads CD-R, CD-RW, DVD-ROM;
     * multi session, mode 2; lock, eject, tray; 64x. */
    { 0x2a, 20, false, true, { 0x0b, 0x00, 0x70, 0x00, 0x29, 0x00, 0x2c, 0x00, 0, 2, 8, 0, 0x2c } },
};

static bool page_applies(const struct vemu_scsi_unit *unit, const struct page *page)
{
    return unit->type == &vemu__scsi_disk ? page->disks : page->cdroms;
}

/* The page with its header. */
static size_t page_put(const struct vemu_scsi_unit *unit, const struct page *page, enum which which,
                       uint8_t *to)
{
    bool cache = which == DEFAULT ? unit->default_write_cache : unit->s.write_cache;

    to[0] = page->code;
    to[1] = page->length;
    memset(to + 2, 0, page->length);
    if (which != CHANGEABLE)
        memcpy(to + 2, page->bytes, page->length);
    if (page->code == PAGE_CACHING && (which == CHANGEABLE || cache))
        to[2] |= WCE;
    return page->length + 2u;
}

/* Pages with this code; 0: there are none. */
static size_t pages_put(const struct vemu_scsi_unit *unit, uint8_t code, enum which which,
                        uint8_t *to)
{
    size_t size = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(pages); i++)
        if (page_applies(unit, &pages[i]) && (code == ALL_PAGES || code == pages[i].code))
            size += page_put(unit, &pages[i], which, to + size);
    return size;
}

/* SBC-3, 6.5.2.2 and .3; the long one has 64-bit numbers. */
static size_t block_descriptor(const struct vemu_scsi_unit *unit, bool is_long, uint8_t *to)
{
    uint64_t blocks = vemu__scsi_blocks(unit);

    if (is_long) {
        scsi_put64(to, blocks);
        scsi_put32(to + 12, unit->props.logical);
        return 16;
    }
    scsi_put32(to, MIN(blocks, UINT32_MAX));
    scsi_put32(to + 4, unit->props.logical);
    return 8;
}

void vemu__scsi_mode_sense(struct vemu_scsi_request *req)
{
    const struct vemu_scsi_unit *unit = req->unit;
    const uint8_t *cdb = req->cdb;
    bool is_six = cdb[0] == 0x1a;
    bool is_long = !is_six && (cdb[1] & 0x10);
    enum which which = cdb[2] >> 6;
    uint8_t data[DATA_MAX] = { 0 };
    size_t header = is_six ? 4 : 8, size = header, length;

    if (which == SAVED) {
        vemu__scsi_fail(req, SENSE_NO_SAVING);
        return;
    }
    if (!(cdb[1] & 0x08) && unit->type == &vemu__scsi_disk)
        size += block_descriptor(unit, is_long, data + size);
    length = size - header;
    size += pages_put(unit, cdb[2] & 0x3f, which, data + size);
    if (size == header + length || (cdb[3] && cdb[3] != 0xff)) { /* no such page, or subpage */
        vemu__scsi_fail(req, SENSE_CDB_FIELD);
        return;
    }
    data[is_six ? 2 : 3] = unit->type != &vemu__scsi_disk ? 0
                           : (vemu__scsi_read_only(unit) ? 0x80 : 0) | 0x10; /* WP, DPOFUA */
    if (is_six) {
        data[0] = (uint8_t)(size - 1);
        data[3] = (uint8_t)length;
    } else {
        scsi_put16(data, size - 2);
        data[4] = is_long;
        scsi_put16(data + 6, length);
    }
    vemu__scsi_reply(req, data, size, is_six ? cdb[4] : scsi_get16(cdb + 7));
}

/* --- MODE SELECT ------------------------------------------------------------------------------ */

/* A page of the list: 0, or what is wrong with it. */
static uint32_t page_check(const struct vemu_scsi_unit *unit, const uint8_t *page, size_t room,
                           size_t *ret_size, bool *ret_cache)
{
    uint8_t now[DATA_MAX], mask[DATA_MAX];
    uint8_t code = page[0] & 0x3f;
    size_t size = code == ALL_PAGES ? 0 : pages_put(unit, code, CURRENT, now);

    if (!size || (page[0] & 0x40) || room < 2 || page[1] + 2u != size)
        return SENSE_LIST_FIELD;
    if (size > room)
        return SENSE_LIST_LENGTH;
    pages_put(unit, code, CHANGEABLE, mask);
    for (size_t i = 2; i < size; i++)
        if ((page[i] ^ now[i]) & ~mask[i])
            return SENSE_LIST_FIELD;
    if (code == PAGE_CACHING)
        *ret_cache = page[2] & WCE;
    *ret_size = size;
    return 0;
}

/* Header and block descriptor: where pages begin, or 0 and what is wrong. */
static size_t head_check(const struct vemu_scsi_unit *unit, const uint8_t *list, size_t size,
                         bool is_six, uint32_t *ret_sense)
{
    size_t header = is_six ? 4 : 8;
    size_t length = is_six ? list[3] : scsi_get16(list + 6);
    bool is_long = !is_six && (list[4] & 1);
    uint32_t block;

    *ret_sense = SENSE_LIST_LENGTH;
    if (size < header || size - header < length)
        return 0;
    *ret_sense = SENSE_LIST_FIELD;
    if (length && length != (is_long ? 16 : 8))
        return 0;
    block = scsi_get32(list + header + (is_long ? 12 : 4)) & (is_long ? ~0u : 0xffffff);
    if (length && block != unit->props.logical)
        return 0;
    return header + length;
}

void vemu__scsi_mode_select(struct vemu_scsi_request *req)
{
    struct vemu_scsi_unit *unit = req->unit;
    const uint8_t *cdb = req->cdb;
    bool is_six = cdb[0] == 0x15, cache = unit->s.write_cache;
    size_t size = is_six ? cdb[4] : scsi_get16(cdb + 7), at, step = 0;
    uint8_t list[DATA_MAX + 16] = { 0 };
    uint32_t sense = 0;

    if (!(cdb[1] & 0x10) || (cdb[1] & 0x01) || size > DATA_MAX) { /* PF, SP */
        vemu__scsi_fail(req, SENSE_CDB_FIELD);
        return;
    }
    if (!size) {
        vemu__scsi_good(req);
        return;
    }
    if (!vemu__scsi_fetch(req, list, size))
        return;
    at = head_check(unit, list, size, is_six, &sense);
    if (!at) {
        vemu__scsi_fail(req, sense);
        return;
    }
    for (sense = 0; at < size && !sense; at += step)
        sense = page_check(unit, list + at, size - at, &step, &cache);
    if (sense) {
        vemu__scsi_fail(req, sense);
    } else if (unit->s.write_cache && !cache) { /* what is in the cache is written first */
        unit->s.write_cache = false;
        vemu__scsi_flush(req);
    } else {
        unit->s.write_cache = cache;
        vemu__scsi_good(req);
    }
}
