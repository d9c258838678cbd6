/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands on ranges of a disk: UNMAP, WRITE SAME, VERIFY (SBC-3, 5.28, 5.43, 5.30).
 *
 * They are jobs of several steps: one extent, or one buffer full, after the other.
 */
#include <string.h>

#include <glib.h>

#include "core/iov.h"
#include "scsi/command.h"

#define CHUNK (64u << 10) /* bytes of a step that goes through a buffer */

/* --- UNMAP ------------------------------------------------------------------------------------ */

static void unmap_next(struct vemu_scsi_request *req)
{
    struct vemu_scsi_job *job = req->job;

    if (job->at == job->count) {
        vemu__scsi_good(req);
        return;
    }
    vemu__scsi_step(req, VEMU_BLOCK_DISCARD, 0, job->extents[job->at].offset,
                    job->extents[job->at].bytes);
    job->at++;
}

/* The descriptors of the list: 0, or what is wrong. */
static uint32_t unmap_parse(struct vemu_scsi_request *req, const uint8_t *list, unsigned count)
{
    struct vemu_scsi_job *job = req->job;
    uint32_t size = req->unit->props.logical;
    uint64_t capacity = vemu__scsi_blocks(req->unit), total = 0;

    for (unsigned i = 0; i < count; i++, list += 16) {
        uint64_t lba = scsi_get64(list), blocks = scsi_get32(list + 8);

        if (lba > capacity || blocks > capacity - lba)
            return SENSE_LBA;
        total += blocks;
        if (total > SCSI_RANGE_MAX / size)
            return SENSE_LIST_FIELD;
        if (blocks)
            job->extents[job->count++] =
                (struct vemu_scsi_extent){ lba * size, blocks * size };
    }
    return 0;
}

void vemu__scsi_unmap(struct vemu_scsi_request *req)
{
    uint8_t list[8 + 16 * SCSI_UNMAP_EXTENTS] = { 0 };
    size_t size = scsi_get16(req->cdb + 7);
    uint32_t sense;
    unsigned count;

    if (!vemu__scsi_can_unmap(req->unit) || (req->cdb[1] & 1)) { /* ANCHOR */
        vemu__scsi_fail(req, req->cdb[1] & 1 ? SENSE_CDB_FIELD : SENSE_OPCODE);
        return;
    }
    if (!size) {
        vemu__scsi_good(req);
        return;
    }
    if (size < 8) {
        vemu__scsi_fail(req, SENSE_LIST_LENGTH);
        return;
    }
    if (!vemu__scsi_fetch(req, list, MIN(size, sizeof(list))))
        return;
    /* 5.28.2: what is not there is not looked at; a piece of a descriptor is none. */
    count = MIN(scsi_get16(list + 2), (unsigned)size - 8) / 16;
    if (count > SCSI_UNMAP_EXTENTS) {
        vemu__scsi_fail(req, SENSE_LIST_FIELD);
        return;
    }
    if (!vemu__scsi_job_new(req, unmap_next, 0, count))
        return;
    sense = unmap_parse(req, list + 8, count);
    if (sense)
        vemu__scsi_fail(req, sense);
    else
        unmap_next(req);
}

/* --- WRITE SAME ------------------------------------------------------------------------------- */

static uint32_t fua_of(const struct vemu_scsi_request *req)
{
    return req->unit->s.write_cache ? 0 : VEMU_BLOCK_FUA;
}

static void pattern_next(struct vemu_scsi_request *req)
{
    struct vemu_scsi_job *job = req->job;
    uint64_t n = MIN(job->left, job->buf_size), offset = job->offset;

    if (!n) {
        vemu__scsi_good(req);
        return;
    }
    job->left -= n;
    job->offset += n;
    vemu__scsi_step(req, VEMU_BLOCK_WRITE, fua_of(req), offset, n);
}

static void zeroes_next(struct vemu_scsi_request *req)
{
    vemu__scsi_good(req);
}

/* The block is in the job's buffer; all of it is to be like that. */
static void write_same(struct vemu_scsi_request *req, uint64_t offset, uint64_t bytes, bool unmap)
{
    struct vemu_scsi_job *job = req->job;
    uint32_t size = req->unit->props.logical;

    if (vemu__is_zero(job->buf, size)) {
        job->next = zeroes_next;
        vemu__scsi_step(req, VEMU_BLOCK_ZERO, fua_of(req) | (unmap ? VEMU_BLOCK_UNMAP : 0), offset,
                        bytes);
        return;
    }
    for (size_t at = size; at < job->buf_size; at += size)
        memcpy(job->buf + at, job->buf, size);
    job->offset = offset;
    job->left = bytes;
    pattern_next(req);
}

void vemu__scsi_write_same(struct vemu_scsi_request *req)
{
    uint32_t size = req->unit->props.logical, blocks;
    bool unmap = req->cdb[1] & 0x08, none = req->cdb[0] == 0x93 && (req->cdb[1] & 0x01);
    uint64_t lba;

    vemu__scsi_cdb_range(req->cdb, &lba, &blocks);
    /* Protection, ANCHOR, obsolete ways to fill in the address; no blocks (WSNZ), too many. */
    if ((req->cdb[1] & ~0x09u) || (req->cdb[0] == 0x41 && (req->cdb[1] & 0x01)) || !blocks ||
        blocks > SCSI_RANGE_MAX / size || (unmap && !vemu__scsi_can_unmap(req->unit))) {
        vemu__scsi_fail(req, SENSE_CDB_FIELD);
        return;
    }
    if (!vemu__scsi_check_range(req, lba, blocks) ||
        !vemu__scsi_job_new(req, pattern_next, CHUNK, 0))
        return;
    memset(req->job->buf, 0, size);
    if (none || vemu__scsi_fetch(req, req->job->buf, size))
        write_same(req, lba * size, (uint64_t)blocks * size, unmap);
}

/* --- VERIFY ----------------------------------------------------------------------------------- */

/* Compares what was read with the initiator's data, of which `period` bytes repeat. */
static bool verify_same(const struct vemu_scsi_request *req, size_t n, uint64_t period)
{
    const struct vemu_scsi_job *job = req->job;
    uint8_t theirs[4096];

    for (size_t at = 0; at < n;) {
        uint64_t from = (job->done + at) % period;
        size_t part = MIN(MIN(sizeof(theirs), n - at), period - from);

        if (vemu__iov_read(req->out, req->out_count, from, theirs, part) != part ||
            memcmp(theirs, job->buf + at, part) != 0)
            return false;
        at += part;
    }
    return true;
}

static void verify_next(struct vemu_scsi_request *req)
{
    struct vemu_scsi_job *job = req->job;
    unsigned check = (req->cdb[1] >> 1) & 3;
    uint64_t n = job->iov.iov_len; /* 0: nothing was read yet */

    if (n && check && !verify_same(req, n, check == 3 ? req->unit->props.logical : UINT64_MAX)) {
        vemu__scsi_fail(req, SENSE_MISCOMPARE);
        return;
    }
    job->done += n;
    job->left -= n;
    if (!job->left) {
        req->transferred = check ? req->out_size : 0;
        vemu__scsi_good(req);
        return;
    }
    vemu__scsi_step(req, VEMU_BLOCK_READ, 0, job->offset + job->done, MIN(job->left, CHUNK));
}

void vemu__scsi_verify(struct vemu_scsi_request *req)
{
    uint32_t size = req->unit->props.logical, blocks;
    unsigned check = (req->cdb[1] >> 1) & 3; /* BYTCHK */
    uint64_t lba;

    vemu__scsi_cdb_range(req->cdb, &lba, &blocks);
    if (req->cdb[1] >> 5 || check == 2) {
        vemu__scsi_fail(req, SENSE_CDB_FIELD);
        return;
    }
    if (!vemu__scsi_check_range(req, lba, blocks))
        return;
    if (!blocks) {
        vemu__scsi_good(req);
        return;
    }
    if (check && req->out_size < (check == 3 ? size : (uint64_t)blocks * size)) {
        vemu__scsi_overrun(req);
        return;
    }
    if (!vemu__scsi_job_new(req, verify_next, CHUNK, 0))
        return;
    req->job->offset = lba * size;
    req->job->left = (uint64_t)blocks * size;
    verify_next(req);
}
