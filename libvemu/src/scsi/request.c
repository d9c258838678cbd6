/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SCSI requests: from a CDB to its command, and to the end.
 *
 * Theory of operation
 *
 * vemu__scsi_submit() looks the command up in the table of the unit's type, then in that of all. A
 * unit attention that waits is told in place of the command, unless the command is one that may
 * look (SAM-5, 5.14.5). A command ends by vemu__scsi_good(), vemu__scsi_fail() or
 * vemu__scsi_reply(); those that need the node do so from block_done().
 *
 * Data goes between node and initiator without a copy: the request's own list is cut to the length
 * of the transfer, and mended before `done`. A command whose data does not fit into the initiator's
 * memory is not begun: `overrun`.
 */
#include <errno.h>
#include <string.h>

#include <glib.h>

#include "core/iov.h"
#include "scsi/command.h"

unsigned vemu__scsi_cdb_size(uint8_t opcode)
{
    static const uint8_t sizes[8] = { 6, 10, 10, 0, 16, 12, 0, 0 }; /* SPC-4, 4.2.5.1 */

    return sizes[opcode >> 5];
}

void vemu__scsi_cdb_range(const uint8_t *cdb, uint64_t *ret_lba, uint32_t *ret_blocks)
{
    switch (vemu__scsi_cdb_size(cdb[0])) {
    case 6:
        *ret_lba = scsi_get32(cdb) & 0x1fffff;
        *ret_blocks = cdb[4] ? cdb[4] : 256;
        break;
    case 10:
        *ret_lba = scsi_get32(cdb + 2);
        *ret_blocks = scsi_get16(cdb + 7);
        break;
    case 12:
        *ret_lba = scsi_get32(cdb + 2);
        *ret_blocks = scsi_get32(cdb + 6);
        break;
    default:
        *ret_lba = scsi_get64(cdb + 2);
        *ret_blocks = scsi_get32(cdb + 10);
        break;
    }
}

/* --- the ends --------------------------------------------------------------------------------- */

void vemu__scsi_put_sense(uint8_t *sense, uint32_t code)
{
    memset(sense, 0, VEMU_SCSI_SENSE_SIZE);
    sense[0] = 0x70; /* current, fixed format (SPC-4, 4.5.3) */
    sense[2] = (uint8_t)(code >> 16);
    sense[7] = VEMU_SCSI_SENSE_SIZE - 8;
    sense[12] = (uint8_t)(code >> 8);
    sense[13] = (uint8_t)code;
}

static void mend(struct vemu_scsi_request *req)
{
    if (req->trimmed)
        req->trimmed->iov_len = req->trimmed_length;
    req->trimmed = NULL;
}

static void finish(struct vemu_scsi_request *req)
{
    mend(req);
    if (req->job)
        g_free(req->job->buf);
    g_free(req->job);
    req->job = NULL;
    req->done(req);
}

void vemu__scsi_good(struct vemu_scsi_request *req)
{
    req->status = VEMU_SCSI_GOOD;
    finish(req);
}

void vemu__scsi_fail(struct vemu_scsi_request *req, uint32_t sense)
{
    struct vemu_scsi_unit *unit = req->unit;

    req->status = VEMU_SCSI_CHECK;
    req->transferred = 0;
    vemu__scsi_put_sense(req->sense, sense);
    if (unit && unit->keep_sense) {
        unit->s.has_sense = true;
        memcpy(unit->s.sense, req->sense, sizeof(unit->s.sense));
    }
    finish(req);
}

void vemu__scsi_reply(struct vemu_scsi_request *req, const void *buf, size_t size, size_t wanted)
{
    req->transferred = vemu__iov_write(req->in, req->in_count, 0, buf, MIN(size, wanted));
    vemu__scsi_good(req);
}

void vemu__scsi_overrun(struct vemu_scsi_request *req)
{
    req->transferred = 0;
    req->overrun = true;
    finish(req);
}

bool vemu__scsi_fetch(struct vemu_scsi_request *req, void *buf, size_t size)
{
    req->transferred = vemu__iov_read(req->out, req->out_count, 0, buf, size);
    if (req->transferred == size)
        return true;
    vemu__scsi_overrun(req);
    return false;
}

/* --- the node --------------------------------------------------------------------------------- */

static uint32_t sense_of(const struct vemu_block_request *req, int result)
{
    switch (result) {
    case -EROFS: return SENSE_PROTECTED;
    case -ENOSPC:
    case -EDQUOT: return SENSE_NO_SPACE;
    case -EINVAL: return SENSE_LBA;
    case -ENOTSUP: return SENSE_OPCODE;
    default: return req->op == VEMU_BLOCK_READ ? SENSE_READ_ERROR : SENSE_WRITE_ERROR;
    }
}

static void block_done(struct vemu_block_request *block, int result)
{
    struct vemu_scsi_request *req =
        (void *)((char *)block - offsetof(struct vemu_scsi_request, block));

    if (result < 0) {
        vemu__scsi_fail(req, sense_of(block, result));
    } else if (req->job) {
        req->job->next(req);
    } else {
        req->transferred = block->bytes;
        vemu__scsi_good(req);
    }
}

static void submit(struct vemu_scsi_request *req, enum vemu_block_op op, uint32_t flags,
                   uint64_t offset, uint64_t bytes, struct iovec *iov, unsigned count)
{
    req->block.op = op;
    req->block.flags = flags;
    req->block.offset = offset;
    req->block.bytes = bytes;
    req->block.iov = iov;
    req->block.iov_count = count;
    req->block.done = block_done;
    vemu__block_submit(req->unit->props.drive, &req->block);
}

void vemu__scsi_flush(struct vemu_scsi_request *req)
{
    submit(req, VEMU_BLOCK_FLUSH, 0, 0, 0, NULL, 0);
}

bool vemu__scsi_check_range(struct vemu_scsi_request *req, uint64_t lba, uint64_t blocks)
{
    uint64_t capacity = vemu__scsi_blocks(req->unit);

    if (lba <= capacity && blocks <= capacity - lba)
        return true;
    vemu__scsi_fail(req, SENSE_LBA);
    return false;
}

/* Cuts the list to `bytes`, of which it has at least as many. */
static unsigned cut(struct vemu_scsi_request *req, struct iovec *iov, uint64_t bytes)
{
    unsigned n = 0;

    while (bytes > iov[n].iov_len)
        bytes -= iov[n++].iov_len;
    if (bytes < iov[n].iov_len) {
        req->trimmed = &iov[n];
        req->trimmed_length = iov[n].iov_len;
        iov[n].iov_len = bytes;
    }
    return n + 1;
}

void vemu__scsi_transfer(struct vemu_scsi_request *req, enum vemu_block_op op, uint32_t flags,
                         uint64_t lba, uint64_t blocks)
{
    uint32_t size = req->unit->props.logical;
    bool reads = op == VEMU_BLOCK_READ;
    struct iovec *iov = reads ? req->in : req->out;

    if (!vemu__scsi_check_range(req, lba, blocks))
        return;
    if (!blocks) {
        vemu__scsi_good(req);
        return;
    }
    if (blocks * size > (reads ? req->in_size : req->out_size)) {
        vemu__scsi_overrun(req);
        return;
    }
    submit(req, op, flags, lba * size, blocks * size, iov, cut(req, iov, blocks * size));
}

/* --- several steps ---------------------------------------------------------------------------- */

struct vemu_scsi_job *vemu__scsi_job_new(struct vemu_scsi_request *req,
                                         void (*next)(struct vemu_scsi_request *req),
                                         size_t buf_size, unsigned extents)
{
    struct vemu_scsi_job *job =
        g_try_malloc0(sizeof(*job) + extents * sizeof(struct vemu_scsi_extent));
    uint8_t *buf = buf_size ? g_try_malloc(buf_size) : NULL;

    if (!job || (buf_size && !buf)) {
        g_free(job);
        g_free(buf);
        vemu__scsi_fail(req, SENSE_NO_MEMORY);
        return NULL;
    }
    job->next = next;
    job->buf = buf;
    job->buf_size = buf_size;
    req->job = job;
    return job;
}

void vemu__scsi_step(struct vemu_scsi_request *req, enum vemu_block_op op, uint32_t flags,
                     uint64_t offset, uint64_t bytes)
{
    struct vemu_scsi_job *job = req->job;

    job->iov = (struct iovec){ job->buf, bytes };
    submit(req, op, flags, offset, bytes, &job->iov, 1);
}

/* --- the beginning ---------------------------------------------------------------------------- */

static const struct vemu_scsi_command *find_in(const struct vemu_scsi_command *table,
                                               const uint8_t *cdb)
{
    for (; table->run; table++)
        if (table->opcode == cdb[0] &&
            (!(table->flags & SCSI_ACTION) || table->action == (cdb[1] & 0x1f)))
            return table;
    return NULL;
}

static uint32_t not_ready(const struct vemu_scsi_unit *unit)
{
    return unit->s.stopped ? SENSE_STOPPED : unit->s.tray_open ? SENSE_TRAY_OPEN : SENSE_NO_MEDIUM;
}

void vemu__scsi_submit(struct vemu_scsi_unit *unit, struct vemu_scsi_request *req)
{
    const struct vemu_scsi_command *command = find_in(unit->type->commands, req->cdb);

    if (!command)
        command = find_in(vemu__scsi_common_commands, req->cdb);
    req->unit = unit;
    req->status = VEMU_SCSI_GOOD;
    req->overrun = false;
    req->transferred = 0;
    req->trimmed = NULL;
    req->job = NULL;
    if (req->cdb[0] != 0x03)
        unit->s.has_sense = false;
    if (unit->s.attentions && !(command && (command->flags & SCSI_ANYTIME)))
        vemu__scsi_fail(req, vemu__scsi_take_attention(unit));
    else if (!command)
        vemu__scsi_fail(req, SENSE_OPCODE);
    else if ((command->flags & SCSI_MEDIUM) && !vemu__scsi_unit_ready(unit))
        vemu__scsi_fail(req, not_ready(unit));
    else if ((command->flags & SCSI_WRITES) && vemu__scsi_read_only(unit))
        vemu__scsi_fail(req, SENSE_PROTECTED);
    else
        command->run(req);
}

void vemu__scsi_kick(struct vemu_scsi_unit *unit)
{
    if (unit->props.drive)
        vemu__block_kick(unit->props.drive);
}

/* --- commands of all units -------------------------------------------------------------------- */

static void test_unit_ready(struct vemu_scsi_request *req)
{
    vemu__scsi_good(req);
}

/* SPC-4, 6.39: sense data as data: of the last command, of an attention, or none. */
static void request_sense(struct vemu_scsi_request *req)
{
    struct vemu_scsi_unit *unit = req->unit;
    uint8_t sense[VEMU_SCSI_SENSE_SIZE];

    if (unit->s.has_sense)
        memcpy(sense, unit->s.sense, sizeof(sense));
    else
        vemu__scsi_put_sense(sense, vemu__scsi_take_attention(unit));
    unit->s.has_sense = false;
    if (req->cdb[1] & 1) { /* descriptor format (4.5.2) */
        const uint8_t desc[8] = { 0x72, sense[2], sense[12], sense[13] };

        vemu__scsi_reply(req, desc, sizeof(desc), req->cdb[4]);
        return;
    }
    vemu__scsi_reply(req, sense, sizeof(sense), req->cdb[4]);
}

const struct vemu_scsi_command vemu__scsi_common_commands[] = {
    { 0x00, SCSI_MEDIUM, 0, test_unit_ready },
    { 0x03, SCSI_ANYTIME, 0, request_sense },
    { 0x12, SCSI_ANYTIME, 0, vemu__scsi_inquiry },
    { 0x15, 0, 0, vemu__scsi_mode_select },
    { 0x1a, 0, 0, vemu__scsi_mode_sense },
    { 0x1b, 0, 0, vemu__scsi_start_stop },
    { 0x1e, 0, 0, vemu__scsi_prevent },
    { 0x55, 0, 0, vemu__scsi_mode_select },
    { 0x5a, 0, 0, vemu__scsi_mode_sense },
    { 0xa0, SCSI_ANYTIME, 0, vemu__scsi_report_luns },
    { 0, 0, 0, NULL },
};
