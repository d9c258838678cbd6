/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * INQUIRY: what the unit is (SPC-4, 6.6 and 7.8; SBC-3, 6.6).
 */
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "scsi/command.h"

#define DATA_MAX 256u
#define STANDARD 74u /* bytes of standard data */

/* A field of text is filled up with spaces (SPC-4, 4.3.1). */
static void put_text(uint8_t *to, size_t size, const char *text)
{
    size_t length = MIN(strlen(text), size);

    memset(to, ' ', size);
    memcpy(to, text, length);
}

static const char *vendor_of(const struct vemu_scsi_unit *unit)
{
    return unit->props.vendor ? unit->props.vendor : "VEMU";
}

static void standard(const struct vemu_scsi_unit *unit, uint8_t *data)
{
    const struct vemu_scsi_unit_props *p = &unit->props;

    data[0] = unit->type->device_type;
    data[1] = vemu__scsi_is_removable(unit) ? 0x80 : 0;
    data[2] = 6;          /* SPC-4 */
    data[3] = 0x10 | 2;   /* HISUP, response data format */
    data[4] = STANDARD - 5;
    data[7] = 0x02; /* CMDQUE */
    put_text(data + 8, 8, vendor_of(unit));
    put_text(data + 16, 16, p->product ? p->product : unit->type->product);
    put_text(data + 32, 4, p->version ? p->version : "1.0");
    scsi_put16(data + 58, 0x00a0); /* SAM-5 */
    scsi_put16(data + 60, 0x0460); /* SPC-4 */
    scsi_put16(data + 62, unit->type->standard);
}

/* --- vital product data ----------------------------------------------------------------------- */

/* Each fills `data` behind the header and returns how much; 0: there is no such page. */

static size_t page_serial(const struct vemu_scsi_unit *unit, uint8_t *data)
{
    size_t length = unit->props.serial ? strlen(unit->props.serial) : 0;

    if (length)
        memcpy(data, unit->props.serial, length);
    return length;
}

/* 7.8.6: vendor and serial number, and the world wide name if there is one. */
static size_t page_identification(const struct vemu_scsi_unit *unit, uint8_t *data)
{
    const char *id = unit->props.serial ? unit->props.serial : unit->name;
    size_t length = MIN(strlen(id), 100), at;

    data[0] = 2; /* ASCII */
    data[1] = 1; /* of the unit, T10 vendor identification */
    data[3] = (uint8_t)(8 + length);
    put_text(data + 4, 8, vendor_of(unit));
    memcpy(data + 12, id, length);
    at = 12 + length;
    if (unit->props.wwn) {
        data[at] = 1;     /* binary */
        data[at + 1] = 3; /* of the unit, NAA */
        data[at + 3] = 8;
        scsi_put64(data + at + 4, unit->props.wwn);
        at += 12;
    }
    return at;
}

static size_t page_limits(const struct vemu_scsi_unit *unit, uint8_t *data)
{
    const struct vemu_scsi_unit_props *p = &unit->props;

    data[0] = 1; /* WSNZ: no WRITE SAME of 0 blocks */
    scsi_put16(data + 2, p->min_io / p->logical);
    scsi_put32(data + 8, p->opt_io / p->logical);
    if (vemu__scsi_can_unmap(unit)) {
        scsi_put32(data + 16, SCSI_RANGE_MAX / p->logical);
        scsi_put32(data + 20, SCSI_UNMAP_EXTENTS);
        scsi_put32(data + 24, p->physical / p->logical);
    }
    scsi_put64(data + 32, SCSI_RANGE_MAX / p->logical);
    return 0x3c;
}

static size_t page_characteristics(const struct vemu_scsi_unit *unit, uint8_t *data)
{
    scsi_put16(data, unit->props.rotation);
    return 0x3c;
}

static size_t page_provisioning(const struct vemu_scsi_unit *unit, uint8_t *data)
{
    if (vemu__scsi_can_unmap(unit)) {
        data[1] = 0xe0; /* UNMAP, WRITE SAME(16), WRITE SAME(10) */
        data[2] = 2;    /* thin */
    }
    return 4;
}

static const struct {
    uint8_t code;
    bool disks_only;
    size_t (*fill)(const struct vemu_scsi_unit *unit, uint8_t *data);
} pages[] = {
    { 0x80, false, page_serial },         { 0x83, false, page_identification },
    { 0xb0, true, page_limits },          { 0xb1, true, page_characteristics },
    { 0xb2, true, page_provisioning },
};

static size_t fill(const struct vemu_scsi_unit *unit, size_t n, uint8_t *data)
{
    memset(data, 0, DATA_MAX);
    if (pages[n].disks_only && unit->type != &vemu__scsi_disk)
        return 0;
    return pages[n].fill(unit, data + 4);
}

/* The page with its header; 0: there is no such page. */
static size_t vital(const struct vemu_scsi_unit *unit, uint8_t code, uint8_t *data)
{
    uint8_t list[G_N_ELEMENTS(pages) + 1] = { 0 };
    size_t count = 1, size = 0;

    for (size_t n = 0; n < G_N_ELEMENTS(pages); n++) {
        size_t length = fill(unit, n, data);

        if (length)
            list[count++] = pages[n].code;
        if (length && pages[n].code == code) {
            size = length;
            break;
        }
    }
    if (code == 0) {
        memset(data, 0, DATA_MAX);
        memcpy(data + 4, list, count);
        size = count;
    }
    data[0] = unit->type->device_type;
    data[1] = code;
    scsi_put16(data + 2, size);
    return size ? size + 4 : 0;
}

void vemu__scsi_inquiry(struct vemu_scsi_request *req)
{
    const uint8_t *cdb = req->cdb;
    uint8_t data[DATA_MAX] = { 0 };
    size_t size = STANDARD;

    if (cdb[1] & 1)
        size = vital(req->unit, cdb[2], data);
    else if (cdb[2])
        size = 0; /* a page code without EVPD */
    else
        standard(req->unit, data);
    if (size)
        vemu__scsi_reply(req, data, size, scsi_get16(cdb + 3));
    else
        vemu__scsi_fail(req, SENSE_CDB_FIELD);
}
