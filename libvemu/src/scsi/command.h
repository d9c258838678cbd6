/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SCSI commands from inside: for the files of scsi/ only.
 *
 * A type of unit is a table of commands; request.c finds the entry, checks what its flags ask for,
 * and calls it. The command ends by exactly one of the functions below, at once or when the node is
 * done. Multi-byte fields of SCSI are big endian.
 */
#ifndef VEMU_SCSI_COMMAND_H
#define VEMU_SCSI_COMMAND_H

#include "scsi/scsi.h"

#define SCSI_ANYTIME (1u << 0) /* is no occasion to tell a unit attention (SAM-5, 5.14.5) */
#define SCSI_MEDIUM  (1u << 1) /* needs a medium */
#define SCSI_WRITES  (1u << 2) /* needs one that can be written */
#define SCSI_ACTION  (1u << 3) /* `action` is the service action, in byte 1 */

struct vemu_scsi_command {
    uint8_t opcode, flags, action;
    void (*run)(struct vemu_scsi_request *req);
};

struct vemu_scsi_type {
    uint8_t device_type; /* SPC-4, table 139 */
    bool removable;      /* always */
    const char *product;
    uint16_t standard; /* version descriptor of its command set */
    const struct vemu_scsi_command *commands; /* the last one has no function */
};

/* Sense key, additional sense code and its qualifier (SPC-4, 4.5 and annex F). */
#define SENSE(key, asc, ascq) ((uint32_t)(key) << 16 | (asc) << 8 | (ascq))
enum vemu_scsi_sense {
    SENSE_NONE = SENSE(0, 0, 0),
    SENSE_STOPPED = SENSE(2, 0x04, 0x02),
    SENSE_NO_MEDIUM = SENSE(2, 0x3a, 0x01),
    SENSE_TRAY_OPEN = SENSE(2, 0x3a, 0x02),
    SENSE_WRITE_ERROR = SENSE(3, 0x0c, 0x00),
    SENSE_READ_ERROR = SENSE(3, 0x11, 0x00),
    SENSE_LIST_LENGTH = SENSE(5, 0x1a, 0x00),
    SENSE_OPCODE = SENSE(5, 0x20, 0x00),
    SENSE_LBA = SENSE(5, 0x21, 0x00),
    SENSE_CDB_FIELD = SENSE(5, 0x24, 0x00),
    SENSE_NO_UNIT = SENSE(5, 0x25, 0x00),
    SENSE_LIST_FIELD = SENSE(5, 0x26, 0x00),
    SENSE_NO_SAVING = SENSE(5, 0x39, 0x00),
    SENSE_LOCKED = SENSE(5, 0x53, 0x02),
    SENSE_TRACK_MODE = SENSE(5, 0x64, 0x00),
    SENSE_NO_MEMORY = SENSE(0xb, 0x55, 0x03),
    SENSE_PROTECTED = SENSE(7, 0x27, 0x00),
    SENSE_NO_SPACE = SENSE(7, 0x27, 0x07),
    SENSE_MISCOMPARE = SENSE(0xe, 0x1d, 0x00),
};

/* --- request.c: the ends ---------------------------------------------------------------------- */
void vemu__scsi_good(struct vemu_scsi_request *req);
void vemu__scsi_fail(struct vemu_scsi_request *req, uint32_t sense);
/* The initiator has not the room, or the data, for the command. */
void vemu__scsi_overrun(struct vemu_scsi_request *req);
/* Data for the initiator: `size` bytes, of which it wants `wanted`. */
void vemu__scsi_reply(struct vemu_scsi_request *req, const void *buf, size_t size, size_t wanted);
/* Parameter data of the initiator. False: there is less, and the request has ended. */
bool vemu__scsi_fetch(struct vemu_scsi_request *req, void *buf, size_t size);
/* Moves whole blocks between node and initiator; checks the range. */
void vemu__scsi_transfer(struct vemu_scsi_request *req, enum vemu_block_op op, uint32_t flags,
                         uint64_t lba, uint64_t blocks);
void vemu__scsi_flush(struct vemu_scsi_request *req);
/* False: not all of it is on the medium, and the request has ended. */
bool vemu__scsi_check_range(struct vemu_scsi_request *req, uint64_t lba, uint64_t blocks);

/* --- request.c: several steps ----------------------------------------------------------------- */

/* Work that takes several requests to the node, one after the other. */
struct vemu_scsi_job {
    /* Submits the next one by vemu__scsi_step(), or ends the request. */
    void (*next)(struct vemu_scsi_request *req);
    uint64_t offset, left; /* bytes of the node */
    uint64_t done;         /* bytes behind us */
    struct iovec iov;      /* `buf` */
    uint8_t *buf;
    size_t buf_size;
    /* UNMAP */
    unsigned at, count;
    struct vemu_scsi_extent {
        uint64_t offset, bytes;
    } extents[];
};
/* Gives the request a job with that much room; NULL: no memory, and the request has ended. */
struct vemu_scsi_job *vemu__scsi_job_new(struct vemu_scsi_request *req,
                                         void (*next)(struct vemu_scsi_request *req),
                                         size_t buf_size, unsigned extents);
void vemu__scsi_step(struct vemu_scsi_request *req, enum vemu_block_op op, uint32_t flags,
                     uint64_t offset, uint64_t bytes);

/* --- the commands ----------------------------------------------------------------------------- */
extern const struct vemu_scsi_command vemu__scsi_common_commands[];
void vemu__scsi_inquiry(struct vemu_scsi_request *req);      /* inquiry.c */
void vemu__scsi_mode_sense(struct vemu_scsi_request *req);   /* mode.c */
void vemu__scsi_mode_select(struct vemu_scsi_request *req);
void vemu__scsi_report_luns(struct vemu_scsi_request *req);  /* bus.c */
void vemu__scsi_unmap(struct vemu_scsi_request *req);        /* range.c */
void vemu__scsi_write_same(struct vemu_scsi_request *req);
void vemu__scsi_verify(struct vemu_scsi_request *req);
void vemu__scsi_start_stop(struct vemu_scsi_request *req);   /* medium.c */
void vemu__scsi_prevent(struct vemu_scsi_request *req);

/* --- facts ------------------------------------------------------------------------------------ */
uint64_t vemu__scsi_blocks(const struct vemu_scsi_unit *unit); /* 0: no medium */
bool vemu__scsi_read_only(const struct vemu_scsi_unit *unit);
bool vemu__scsi_can_unmap(const struct vemu_scsi_unit *unit);
bool vemu__scsi_is_removable(const struct vemu_scsi_unit *unit);
/* First block and number of blocks of a CDB, by the size of it. */
void vemu__scsi_cdb_range(const uint8_t *cdb, uint64_t *ret_lba, uint32_t *ret_blocks);
void vemu__scsi_put_sense(uint8_t *sense, uint32_t code);
/* The attention that is to be told first, as sense; it is told now. 0: none. */
uint32_t vemu__scsi_take_attention(struct vemu_scsi_unit *unit);

/* Limits that VPD page B0h tells (SBC-3, 6.6.4). */
#define SCSI_UNMAP_EXTENTS 256u
#define SCSI_RANGE_MAX     (1u << 31) /* bytes of one UNMAP or WRITE SAME */

static inline uint16_t scsi_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t scsi_get32(const uint8_t *p)
{
    return (uint32_t)scsi_get16(p) << 16 | scsi_get16(p + 2);
}
static inline uint64_t scsi_get64(const uint8_t *p)
{
    return (uint64_t)scsi_get32(p) << 32 | scsi_get32(p + 4);
}
static inline void scsi_put16(uint8_t *p, uint64_t value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}
static inline void scsi_put32(uint8_t *p, uint64_t value)
{
    scsi_put16(p, value >> 16);
    scsi_put16(p + 2, value);
}
static inline void scsi_put64(uint8_t *p, uint64_t value)
{
    scsi_put32(p, value >> 32);
    scsi_put32(p + 4, value);
}

#endif
