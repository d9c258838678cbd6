/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-blk from inside: blk.c is the device, request.c its requests.
 */
#ifndef VEMU_DEVICES_VIRTIO_BLK_BLK_H
#define VEMU_DEVICES_VIRTIO_BLK_BLK_H

#include "block/backend.h"
#include "virtio/virtio.h"

#define BLK_SECTOR 512u

struct blk {
    struct vemu_virtio vdev;
    /* properties */
    struct vemu_block *drive;
    char *serial, *write_cache, *rerror, *werror;
    uint16_t num_queues, queue_size;
    uint32_t logical, physical, min_io, opt_io;
    int32_t bootindex;
    bool discard, write_zeroes, config_wce;
    uint32_t max_discard, max_write_zeroes; /* sectors */

    bool attached, default_writeback;
    uint8_t writeback; /* what the driver chose; saved */
    struct vemu_block_user user;
    uint64_t errors; /* requests that ended with an error */
};

struct blk_request {
    struct vemu_virtq_elem elem; /* first */
    struct blk *blk;
    struct vemu_block_request req;
    uint8_t *status;
    struct iovec data; /* of GET_ID */
};

/* Starts the request, or answers it at once. */
void vemu__blk_request_start(struct blk *blk, struct blk_request *request);

#endif
