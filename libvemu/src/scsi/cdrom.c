/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CD-ROM drives (MMC-6): one data track, read as blocks of 2048 bytes.
 *
 * What is too large for a CD is a DVD-ROM to the guest. Raw sectors, audio and subchannels are not
 * there.
 */
#include <string.h>

#include <glib.h>

#include "scsi/command.h"

#define CD_BLOCKS_MAX 405000u /* 90 minutes */
#define LEAD_OUT      0xaau
#define MSF_OFFSET    150u /* two seconds in front of block 0 */

#define PROFILE_CD_ROM  0x0008u
#define PROFILE_DVD_ROM 0x0010u

static uint32_t blocks_of(const struct vemu_scsi_unit *unit)
{
    return (uint32_t)MIN(vemu__scsi_blocks(unit), UINT32_MAX);
}

/* --- data ------------------------------------------------------------------------------------- */

static void cd_read(struct vemu_scsi_request *req)
{
    uint32_t blocks;
    uint64_t lba;

    vemu__scsi_cdb_range(req->cdb, &lba, &blocks);
    vemu__scsi_transfer(req, VEMU_BLOCK_READ, 0, lba, blocks);
}

/* 6.19: the user data of mode 1 sectors, or nothing of them. */
static void read_cd(struct vemu_scsi_request *req)
{
    const uint8_t *cdb = req->cdb;
    uint32_t blocks = scsi_get32(cdb + 5) & 0xffffff;
    unsigned type = (cdb[1] >> 2) & 7, parts = cdb[9] & 0xf8;

    if (cdb[10] & 7) /* subchannel */
        vemu__scsi_fail(req, SENSE_CDB_FIELD);
    else if ((type && type != 2) || (parts && parts != 0x10))
        vemu__scsi_fail(req, SENSE_TRACK_MODE);
    else
        vemu__scsi_transfer(req, VEMU_BLOCK_READ, 0, scsi_get32(cdb + 2), parts ? blocks : 0);
}

/* 6.28: the last block. */
static void read_capacity(struct vemu_scsi_request *req)
{
    uint32_t blocks = blocks_of(req->unit);
    uint8_t data[8] = { 0 };

    scsi_put32(data, blocks ? blocks - 1 : 0);
    scsi_put32(data + 4, req->unit->props.logical);
    vemu__scsi_reply(req, data, sizeof(data), sizeof(data));
}

/* --- table of contents ------------------------------------------------------------------------ */

static void put_address(uint8_t *to, uint32_t lba, bool msf)
{
    uint32_t frames = lba + MSF_OFFSET;

    if (!msf) {
        scsi_put32(to, lba);
        return;
    }
    to[0] = 0;
    to[1] = (uint8_t)MIN(frames / 75 / 60, 255u);
    to[2] = (uint8_t)(frames / 75 % 60);
    to[3] = (uint8_t)(frames % 75);
}

/* 6.26.2.5: tracks. */
static size_t put_tracks(const struct vemu_scsi_unit *unit, uint8_t first, bool msf, uint8_t *data)
{
    size_t size = 4;

    data[2] = data[3] = 1;
    if (first <= 1) {
        data[size + 1] = 0x14; /* data track, position in the subchannel */
        data[size + 2] = 1;
        put_address(data + size + 4, 0, msf);
        size += 8;
    }
    data[size + 1] = 0x14;
    data[size + 2] = LEAD_OUT;
    put_address(data + size + 4, blocks_of(unit), msf);
    return size + 8;
}

/* 6.26.2.6: sessions. */
static size_t put_sessions(bool msf, uint8_t *data)
{
    data[2] = data[3] = 1;
    data[5] = 0x14;
    data[6] = 1;
    put_address(data + 8, 0, msf);
    return 12;
}

/* 6.26.2.7: everything the lead-in says: first and last track, lead-out, the track. */
static size_t put_lead_in(const struct vemu_scsi_unit *unit, uint8_t *data)
{
    static const uint8_t points[] = { 0xa0, 0xa1, 0xa2, 1 };
    size_t size = 4;

    data[2] = data[3] = 1;
    for (size_t i = 0; i < sizeof(points); i++, size += 11) {
        uint8_t *entry = data + size;

        entry[0] = 1;
        entry[1] = 0x14;
        entry[3] = points[i];
        if (points[i] == 0xa0 || points[i] == 0xa1)
            entry[8] = 1; /* track number */
        else
            put_address(entry + 7, points[i] == 1 ? 0 : blocks_of(unit), true);
    }
    return size;
}

static void read_toc(struct vemu_scsi_request *req)
{
    const uint8_t *cdb = req->cdb;
    bool msf = cdb[1] & 2;
    unsigned format = cdb[2] & 0x0f ? cdb[2] & 0x0f : cdb[9] >> 6; /* where SFF-8020 had it */
    uint8_t data[64] = { 0 };
    size_t size = 0;

    if (format == 0 && (cdb[6] <= 1 || cdb[6] == LEAD_OUT))
        size = put_tracks(req->unit, cdb[6], msf, data);
    else if (format == 1)
        size = put_sessions(msf, data);
    else if (format == 2 && cdb[6] <= 1)
        size = put_lead_in(req->unit, data);
    if (!size) {
        vemu__scsi_fail(req, SENSE_CDB_FIELD);
        return;
    }
    scsi_put16(data, size - 2);
    vemu__scsi_reply(req, data, size, scsi_get16(cdb + 7));
}

/* 6.22: complete, one session, one track. */
static void read_disc_information(struct vemu_scsi_request *req)
{
    uint8_t data[34] = { 0 };

    if (req->cdb[1] & 7) { /* track or opportunity resources */
        vemu__scsi_fail(req, SENSE_CDB_FIELD);
        return;
    }
    scsi_put16(data, sizeof(data) - 2);
    data[2] = 0x0e; /* last session complete, disc complete */
    data[3] = data[4] = data[5] = data[6] = 1;
    data[7] = 0x20; /* unrestricted use */
    memset(data + 16, 0xff, 8); /* where sessions could begin: nowhere */
    vemu__scsi_reply(req, data, sizeof(data), scsi_get16(req->cdb + 7));
}

/* --- the drive -------------------------------------------------------------------------------- */

static unsigned profile_of(const struct vemu_scsi_unit *unit)
{
    uint32_t blocks = vemu__scsi_unit_ready(unit) ? blocks_of(unit) : 0;

    return !blocks ? 0 : blocks > CD_BLOCKS_MAX ? PROFILE_DVD_ROM : PROFILE_CD_ROM;
}

struct feature {
    uint16_t code;
    uint8_t version;
    bool persistent;
    uint16_t profile; /* current with this one; 0: with any */
    uint8_t length;
    uint8_t bytes[8];
};

/* 5.3; the list of profiles is added by itself. */
static const struct feature features[] = {
    { 0x0001, 2, true, 0, 8, { 0, 0, 0, 2, 1 } },            /* core: ATAPI or SCSI, DBE */
    { 0x0002, 1, true, 0, 4, { 0x02 } },                     /* morphing: events */
    { 0x0003, 2, true, 0, 4, { 0x29 } },                     /* removable: tray, eject, lock */
    { 0x0010, 0, false, 0, 8, { 0, 0, 8, 0, 0, 16, 0 } },    /* random readable */
    { 0x001e, 2, false, PROFILE_CD_ROM, 4, { 0 } },          /* CD read */
    { 0x001f, 0, false, PROFILE_DVD_ROM, 4, { 0 } },         /* DVD read */
    { 0x0105, 1, true, 0, 4, { 0 } },                        /* time-out */
};

static bool feature_is_current(const struct feature *f, unsigned profile)
{
    return f->persistent || (profile && (!f->profile || f->profile == profile));
}

/* `which`: 0: all, 1: those that are current, 2: `from` alone. */
static bool feature_wanted(uint16_t code, bool current, unsigned which, uint16_t from)
{
    return which == 2 ? code == from : code >= from && (which == 0 || current);
}

static size_t put_profiles(unsigned profile, uint8_t *to)
{
    static const uint16_t profiles[] = { PROFILE_DVD_ROM, PROFILE_CD_ROM };

    to[2] = 0x03; /* version 0, persistent, current */
    to[3] = 4 * G_N_ELEMENTS(profiles);
    for (size_t i = 0; i < G_N_ELEMENTS(profiles); i++) {
        scsi_put16(to + 4 + 4 * i, profiles[i]);
        to[4 + 4 * i + 2] = profiles[i] == profile;
    }
    return 4 + 4 * G_N_ELEMENTS(profiles);
}

static void get_configuration(struct vemu_scsi_request *req)
{
    unsigned profile = profile_of(req->unit), which = req->cdb[1] & 3;
    uint16_t from = scsi_get16(req->cdb + 2);
    uint8_t data[128] = { 0 };
    size_t size = 8;

    if (which == 3) {
        vemu__scsi_fail(req, SENSE_CDB_FIELD);
        return;
    }
    scsi_put16(data + 6, profile);
    if (feature_wanted(0, true, which, from))
        size += put_profiles(profile, data + size);
    for (size_t i = 0; i < G_N_ELEMENTS(features); i++) {
        const struct feature *f = &features[i];
        bool current = feature_is_current(f, profile);

        if (!feature_wanted(f->code, current, which, from))
            continue;
        scsi_put16(data + size, f->code);
        data[size + 2] = (uint8_t)(f->version << 2 | f->persistent << 1 | current);
        data[size + 3] = f->length;
        memcpy(data + size + 4, f->bytes, f->length);
        size += 4u + f->length;
    }
    scsi_put32(data, size - 4);
    vemu__scsi_reply(req, data, size, scsi_get16(req->cdb + 7));
}

/* 6.7: by asking again and again; of the classes there is only that of the medium. */
static void get_event_status(struct vemu_scsi_request *req)
{
    struct vemu_scsi_unit *unit = req->unit;
    uint8_t data[8] = { 0 };
    size_t size = 4;

    if (!(req->cdb[1] & 1)) { /* asynchronous: no such queue */
        vemu__scsi_fail(req, SENSE_CDB_FIELD);
        return;
    }
    data[2] = 0x80; /* no event available */
    data[3] = 0x10; /* medium */
    if (req->cdb[4] & 0x10) {
        data[2] = 4;
        data[4] = unit->s.medium_event;
        data[5] = (uint8_t)(unit->s.tray_open | (vemu__scsi_unit_ready(unit) ? 2 : 0));
        unit->s.medium_event = 0;
        size = 8;
    }
    scsi_put16(data, size - 2);
    vemu__scsi_reply(req, data, size, scsi_get16(req->cdb + 7));
}

/* 6.11 */
static void mechanism_status(struct vemu_scsi_request *req)
{
    uint8_t data[8] = { 0 };

    data[1] = req->unit->s.tray_open ? 0x10 : 0;
    vemu__scsi_reply(req, data, sizeof(data), scsi_get16(req->cdb + 8));
}

static const struct vemu_scsi_command cdrom_commands[] = {
    { 0x25, SCSI_MEDIUM, 0, read_capacity },
    { 0x28, SCSI_MEDIUM, 0, cd_read },
    { 0x43, SCSI_MEDIUM, 0, read_toc },
    { 0x46, SCSI_ANYTIME, 0, get_configuration },
    { 0x4a, SCSI_ANYTIME, 0, get_event_status },
    { 0x51, SCSI_MEDIUM, 0, read_disc_information },
    { 0xa8, SCSI_MEDIUM, 0, cd_read },
    { 0xbd, 0, 0, mechanism_status },
    { 0xbe, SCSI_MEDIUM, 0, read_cd },
    { 0, 0, 0, NULL },
};

const struct vemu_scsi_type vemu__scsi_cdrom = {
    .device_type = 0x05,
    .removable = true,
    .product = "VEMU DVD-ROM",
    .standard = 0x04e0, /* MMC-6 */
    .commands = cdrom_commands,
};
