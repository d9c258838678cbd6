/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Disks: direct access block devices (SBC-3).
 */
#include <string.h>

#include <glib.h>

#include "scsi/command.h"

/* Protection information (4.22) is for disks that were formatted with it. */
static bool wants_protection(const uint8_t *cdb)
{
    return cdb[0] >= 0x20 && cdb[1] >> 5;
}

static void transfer(struct vemu_scsi_request *req, enum vemu_block_op op)
{
    const uint8_t *cdb = req->cdb;
    bool fua = cdb[0] >= 0x20 && (cdb[1] & 0x08);
    uint32_t flags = 0, blocks;
    uint64_t lba;

    if (wants_protection(cdb)) {
        vemu__scsi_fail(req, SENSE_CDB_FIELD);
        return;
    }
    if (op == VEMU_BLOCK_WRITE && (fua || !req->unit->s.write_cache))
        flags = VEMU_BLOCK_FUA;
    vemu__scsi_cdb_range(cdb, &lba, &blocks);
    vemu__scsi_transfer(req, op, flags, lba, blocks);
}

static void disk_read(struct vemu_scsi_request *req)
{
    transfer(req, VEMU_BLOCK_READ);
}

static void disk_write(struct vemu_scsi_request *req)
{
    transfer(req, VEMU_BLOCK_WRITE);
}

/* 5.16: the last block, all ones when it does not fit. */
static void read_capacity_10(struct vemu_scsi_request *req)
{
    uint64_t blocks = vemu__scsi_blocks(req->unit);
    uint8_t data[8];

    if (!blocks) {
        vemu__scsi_fail(req, SENSE_LBA);
        return;
    }
    scsi_put32(data, MIN(blocks - 1, UINT32_MAX));
    scsi_put32(data + 4, req->unit->props.logical);
    vemu__scsi_reply(req, data, sizeof(data), sizeof(data));
}

static void read_capacity_16(struct vemu_scsi_request *req)
{
    const struct vemu_scsi_unit *unit = req->unit;
    uint64_t blocks = vemu__scsi_blocks(unit);
    uint8_t data[32] = { 0 };

    if (!blocks) {
        vemu__scsi_fail(req, SENSE_LBA);
        return;
    }
    scsi_put64(data, blocks - 1);
    scsi_put32(data + 8, unit->props.logical);
    data[13] = (uint8_t)__builtin_ctz(unit->props.physical / unit->props.logical);
    data[14] = vemu__scsi_can_unmap(unit) ? 0x80 : 0; /* LBPME */
    vemu__scsi_reply(req, data, sizeof(data), scsi_get32(req->cdb + 10));
}

/* 5.22: always all of it; the range only has to be there. */
static void synchronize_cache(struct vemu_scsi_request *req)
{
    uint32_t blocks;
    uint64_t lba;

    vemu__scsi_cdb_range(req->cdb, &lba, &blocks);
    if (vemu__scsi_check_range(req, lba, blocks))
        vemu__scsi_flush(req);
}

static const struct vemu_scsi_command disk_commands[] = {
    { 0x08, SCSI_MEDIUM, 0, disk_read },
    { 0x0a, SCSI_MEDIUM | SCSI_WRITES, 0, disk_write },
    { 0x25, SCSI_MEDIUM, 0, read_capacity_10 },
    { 0x28, SCSI_MEDIUM, 0, disk_read },
    { 0x2a, SCSI_MEDIUM | SCSI_WRITES, 0, disk_write },
    { 0x2f, SCSI_MEDIUM, 0, vemu__scsi_verify },
    { 0x35, SCSI_MEDIUM, 0, synchronize_cache },
    { 0x41, SCSI_MEDIUM | SCSI_WRITES, 0, vemu__scsi_write_same },
    { 0x42, SCSI_MEDIUM | SCSI_WRITES, 0, vemu__scsi_unmap },
    { 0x88, SCSI_MEDIUM, 0, disk_read },
    { 0x8a, SCSI_MEDIUM | SCSI_WRITES, 0, disk_write },
    { 0x8f, SCSI_MEDIUM, 0, vemu__scsi_verify },
    { 0x91, SCSI_MEDIUM, 0, synchronize_cache },
    { 0x93, SCSI_MEDIUM | SCSI_WRITES, 0, vemu__scsi_write_same },
    { 0x9e, SCSI_MEDIUM | SCSI_ACTION, 0x10, read_capacity_16 },
    { 0xa8, SCSI_MEDIUM, 0, disk_read },
    { 0xaa, SCSI_MEDIUM | SCSI_WRITES, 0, disk_write },
    { 0xaf, SCSI_MEDIUM, 0, vemu__scsi_verify },
    { 0, 0, 0, NULL },
};

const struct vemu_scsi_type vemu__scsi_disk = {
    .device_type = 0x00,
    .product = "VEMU HARDDISK",
    .standard = 0x04c0, /* SBC-3 */
    .commands = disk_commands,
};
