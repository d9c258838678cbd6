/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The NBD protocol: numbers and layouts that client and server share.
 *
 * Source: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md. All integers on the
 * wire are big endian. Only the "fixed newstyle" negotiation is spoken; extended headers (64-bit
 * lengths) are not.
 */
#ifndef VEMU_IMAGE_NBD_PROTO_H
#define VEMU_IMAGE_NBD_PROTO_H

#include "core/big-endian.h"

#define NBD_PORT "10809"

/* --- negotiation ------------------------------------------------------------------------------ */

#define NBD_MAGIC          0x4e42444d41474943ull /* "NBDMAGIC" */
#define NBD_OPTION_MAGIC   0x49484156454f5054ull /* "IHAVEOPT" */
#define NBD_OLDSTYLE_MAGIC 0x00420281861253ull
#define NBD_REPLY_MAGIC    0x0003e889045565a9ull

#define NBD_FLAG_FIXED_NEWSTYLE 1u
#define NBD_FLAG_NO_ZEROES      2u

enum nbd_option {
    NBD_OPT_EXPORT_NAME = 1,
    NBD_OPT_ABORT = 2,
    NBD_OPT_LIST = 3,
    NBD_OPT_STARTTLS = 5,
    NBD_OPT_INFO = 6,
    NBD_OPT_GO = 7,
    NBD_OPT_STRUCTURED_REPLY = 8,
    NBD_OPT_LIST_META_CONTEXT = 9,
    NBD_OPT_SET_META_CONTEXT = 10,
};

#define NBD_REP_ACK                 1u
#define NBD_REP_SERVER              2u
#define NBD_REP_INFO                3u
#define NBD_REP_META_CONTEXT        4u
#define NBD_REP_IS_ERROR            (1u << 31)
#define NBD_REP_ERR_UNSUP           (NBD_REP_IS_ERROR + 1)
#define NBD_REP_ERR_POLICY          (NBD_REP_IS_ERROR + 2)
#define NBD_REP_ERR_INVALID         (NBD_REP_IS_ERROR + 3)
#define NBD_REP_ERR_PLATFORM        (NBD_REP_IS_ERROR + 4)
#define NBD_REP_ERR_TLS_REQD        (NBD_REP_IS_ERROR + 5)
#define NBD_REP_ERR_UNKNOWN         (NBD_REP_IS_ERROR + 6)
#define NBD_REP_ERR_SHUTDOWN        (NBD_REP_IS_ERROR + 7)
#define NBD_REP_ERR_BLOCK_SIZE_REQD (NBD_REP_IS_ERROR + 8)
#define NBD_REP_ERR_TOO_BIG         (NBD_REP_IS_ERROR + 9)

#define NBD_INFO_EXPORT      0u
#define NBD_INFO_NAME        1u
#define NBD_INFO_DESCRIPTION 2u
#define NBD_INFO_BLOCK_SIZE  3u

/* Transmission flags, of an export. */
#define NBD_FLAG_HAS_FLAGS         (1u << 0)
#define NBD_FLAG_READ_ONLY         (1u << 1)
#define NBD_FLAG_SEND_FLUSH        (1u << 2)
#define NBD_FLAG_SEND_FUA          (1u << 3)
#define NBD_FLAG_ROTATIONAL        (1u << 4)
#define NBD_FLAG_SEND_TRIM         (1u << 5)
#define NBD_FLAG_SEND_WRITE_ZEROES (1u << 6)
#define NBD_FLAG_SEND_DF           (1u << 7)
#define NBD_FLAG_CAN_MULTI_CONN    (1u << 8)
#define NBD_FLAG_SEND_RESIZE       (1u << 9)
#define NBD_FLAG_SEND_CACHE        (1u << 10)
#define NBD_FLAG_SEND_FAST_ZERO    (1u << 11)

/* What names and messages may have ("String values"). */
#define NBD_MAX_STRING 4096u

/* --- transmission ----------------------------------------------------------------------------- */

#define NBD_REQUEST_MAGIC          0x25609513u
#define NBD_SIMPLE_REPLY_MAGIC     0x67446698u
#define NBD_STRUCTURED_REPLY_MAGIC 0x668e33efu

enum nbd_command {
    NBD_CMD_READ = 0,
    NBD_CMD_WRITE = 1,
    NBD_CMD_DISC = 2,
    NBD_CMD_FLUSH = 3,
    NBD_CMD_TRIM = 4,
    NBD_CMD_CACHE = 5,
    NBD_CMD_WRITE_ZEROES = 6,
    NBD_CMD_BLOCK_STATUS = 7,
};

#define NBD_CMD_FLAG_FUA       (1u << 0)
#define NBD_CMD_FLAG_NO_HOLE   (1u << 1)
#define NBD_CMD_FLAG_DF        (1u << 2)
#define NBD_CMD_FLAG_REQ_ONE   (1u << 3)
#define NBD_CMD_FLAG_FAST_ZERO (1u << 4)

#define NBD_REPLY_FLAG_DONE         1u
#define NBD_REPLY_TYPE_NONE         0u
#define NBD_REPLY_TYPE_OFFSET_DATA  1u
#define NBD_REPLY_TYPE_OFFSET_HOLE  2u
#define NBD_REPLY_TYPE_BLOCK_STATUS 5u
#define NBD_REPLY_TYPE_IS_ERROR     (1u << 15)
#define NBD_REPLY_TYPE_ERROR        (NBD_REPLY_TYPE_IS_ERROR + 1)
#define NBD_REPLY_TYPE_ERROR_OFFSET (NBD_REPLY_TYPE_IS_ERROR + 2)

#define NBD_STATE_HOLE  (1u << 0) /* base:allocation */
#define NBD_STATE_ZERO  (1u << 1)
#define NBD_STATE_DIRTY (1u << 0) /* qemu:dirty-bitmap:... */

#define NBD_EPERM     1u
#define NBD_EIO       5u
#define NBD_ENOMEM    12u
#define NBD_EINVAL    22u
#define NBD_ENOSPC    28u
#define NBD_EOVERFLOW 75u
#define NBD_ENOTSUP   95u
#define NBD_ESHUTDOWN 108u

#define NBD_REQUEST_SIZE    28u /* magic, flags, type, cookie, offset, length */
#define NBD_SIMPLE_SIZE     16u /* magic, error, cookie */
#define NBD_STRUCTURED_SIZE 20u /* magic, flags, type, cookie, length */

/* What every server takes, when it does not say ("Block size constraints"). */
#define NBD_MAX_PAYLOAD (32u << 20)

#endif
