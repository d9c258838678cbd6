/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-blk: a disk (virtio 1.2, 5.2).
 *
 * Queues share one lock and one block node; several of them spare the driver contention, not the
 * device. Requests go to the node as they are, and come back in any order. A reset, of the device
 * or of a queue, waits for the node to finish what was begun: no request may touch the memory of a
 * driver that has been told it is over.
 *
 * Not offered: geometry, several ranges in one discard, secure erase, lifetime, zones.
 */
#include "devices/virtio-blk/blk.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <string.h>

#include <glib.h>

#include "block/limits.h"
#include "core/bootindex.h"
#include "core/error.h"
#include "virtio/class.h"

#define QUEUES_MAX  64u
#define RANGE_MAX   (INT32_MAX / BLK_SECTOR)
#define CONFIG_SIZE offsetof(struct virtio_blk_config, max_secure_erase_sectors)

static struct blk *blk_of(struct vemu_virtio *vdev)
{
    return (struct blk *)vdev;
}

/* --- the data path ---------------------------------------------------------------------------- */

static void blk_notify(struct vemu_virtio *vdev, unsigned queue)
{
    struct vemu_virtq *q = vemu__virtio_queue(vdev, queue);
    struct blk *blk = blk_of(vdev);
    struct vemu_virtq_elem *elem;

    while (vemu__virtq_pop(q, &elem)) {
        if (elem->out_size < sizeof(struct virtio_blk_outhdr) || !elem->in_size) {
            vemu__virtio_broken(vdev, "queue %u: request without header or status", queue);
            vemu__virtq_drop(elem);
            break;
        }
        vemu__blk_request_start(blk, (struct blk_request *)elem);
    }
    vemu__block_kick(blk->drive);
    vemu__virtq_flush(q);
}

/* The node has finished some requests. */
static void blk_batch(void *data)
{
    struct vemu_virtio *vdev = data;

    for (unsigned n = 0; n < vdev->queue_count; n++)
        vemu__virtq_flush(vemu__virtio_queue(vdev, n));
}

static void blk_queue_reset(struct vemu_virtio *vdev, unsigned queue)
{
    if (vemu__virtq_held(vemu__virtio_queue(vdev, queue)))
        vemu__block_drain(blk_of(vdev)->drive);
}

static void blk_pause(struct vemu_virtio *vdev)
{
    vemu__block_pause(blk_of(vdev)->drive);
}

/* --- configuration ---------------------------------------------------------------------------- */

static void blk_config_get(struct vemu_virtio *vdev, uint8_t *config)
{
    const struct blk *blk = blk_of(vdev);
    const struct virtio_blk_config c = {
        .capacity = vemu__block_size(blk->drive) / BLK_SECTOR,
        .seg_max = blk->queue_size - 2u,
        .blk_size = blk->logical,
        .physical_block_exp = (uint8_t)__builtin_ctz(blk->physical / blk->logical),
        .min_io_size = (uint16_t)(blk->min_io / blk->logical),
        .opt_io_size = blk->opt_io / blk->logical,
        .wce = blk->writeback,
        .num_queues = blk->num_queues,
        .max_discard_sectors = blk->max_discard,
        .max_discard_seg = 1,
        .discard_sector_alignment = blk->logical / BLK_SECTOR,
        .max_write_zeroes_sectors = blk->max_write_zeroes,
        .max_write_zeroes_seg = 1,
        .write_zeroes_may_unmap = vemu__block_can_discard(blk->drive),
    };

    memcpy(config, &c, CONFIG_SIZE);
}

static void blk_config_set(struct vemu_virtio *vdev, const uint8_t *config, size_t offset,
                           size_t size)
{
    struct blk *blk = blk_of(vdev);
    const size_t wce = offsetof(struct virtio_blk_config, wce);

    if (offset <= wce && wce < offset + size &&
        vemu__virtio_has(vdev, 1ull << VIRTIO_BLK_F_CONFIG_WCE))
        blk->writeback = config[wce] & 1;
}

static void blk_resized(void *data)
{
    vemu__virtio_config_changed(data);
}

/* --- life ------------------------------------------------------------------------------------- */

static int blk_check(struct blk *blk, struct vemu_error **err)
{
    if (!blk->drive)
        return vemu__error_set(err, EINVAL, "property 'drive' is missing");
    if (blk->num_queues > QUEUES_MAX)
        return vemu__error_set(err, EINVAL, "num-queues is more than %u", QUEUES_MAX);
    if (blk->queue_size < 4 || blk->queue_size > VEMU_VIRTQ_SIZE_MAX ||
        (blk->queue_size & (blk->queue_size - 1)))
        return vemu__error_set(err, EINVAL, "queue-size is not a power of two from 4 to %u",
                               VEMU_VIRTQ_SIZE_MAX);
    blk->max_discard = MIN(blk->max_discard, RANGE_MAX);
    blk->max_write_zeroes = MIN(blk->max_write_zeroes, RANGE_MAX);
    return vemu__block_check_limits(blk->drive, blk->logical, blk->physical, blk->min_io,
                                    blk->opt_io, err);
}

static void blk_offer(struct blk *blk)
{
    bool writable = !vemu__block_read_only(blk->drive);

    blk->vdev.features = 1ull << VIRTIO_BLK_F_SEG_MAX | 1ull << VIRTIO_BLK_F_BLK_SIZE |
                         1ull << VIRTIO_BLK_F_TOPOLOGY | 1ull << VIRTIO_BLK_F_FLUSH;
    if (!writable)
        blk->vdev.features |= 1ull << VIRTIO_BLK_F_RO;
    if (blk->config_wce && writable)
        blk->vdev.features |= 1ull << VIRTIO_BLK_F_CONFIG_WCE;
    if (blk->num_queues > 1)
        blk->vdev.features |= 1ull << VIRTIO_BLK_F_MQ;
    if (blk->discard && writable && vemu__block_can_discard(blk->drive))
        blk->vdev.features |= 1ull << VIRTIO_BLK_F_DISCARD;
    if (blk->write_zeroes && writable)
        blk->vdev.features |= 1ull << VIRTIO_BLK_F_WRITE_ZEROES;
    blk->vdev.config_size = CONFIG_SIZE;
}

static int blk_realize(struct vemu_virtio *vdev, struct vemu_error **err)
{
    struct blk *blk = blk_of(vdev);
    int r = blk_check(blk, err);

    if (r >= 0)
        r = vemu__block_parse_write_cache(blk->drive, blk->write_cache, &blk->default_writeback,
                                          err);
    if (r < 0)
        return r;
    blk->user = (struct vemu_block_user){
        .name = vdev->dev->id,
        .batch = blk_batch,
        .resized = blk_resized,
        .rerror = blk->rerror,
        .werror = blk->werror,
        .iothread = vdev->iothread,
    };
    r = vemu__block_attach(blk->drive, &blk->user, vdev, &vdev->dev->lock, false, err);
    if (r < 0)
        return r;
    if (!blk->num_queues)
        blk->num_queues = (uint16_t)vemu__virtio_default_queues(vdev, QUEUES_MAX);
    for (unsigned n = 0; n < blk->num_queues; n++)
        vemu__virtio_add_queue(vdev, blk->queue_size, sizeof(struct blk_request));
    blk_offer(blk);
    return 0;
}

static void blk_unrealize(struct vemu_virtio *vdev)
{
    vemu__block_detach(blk_of(vdev)->drive);
}

static void blk_reset(struct vemu_virtio *vdev)
{
    struct blk *blk = blk_of(vdev);

    blk->writeback = blk->default_writeback;
}

static const struct vemu_virtio_ops blk_ops = {
    .realize = blk_realize,
    .unrealize = blk_unrealize,
    .config_get = blk_config_get,
    .config_set = blk_config_set,
    .notify = blk_notify,
    .queue_reset = blk_queue_reset,
    .reset = blk_reset,
    .pause = blk_pause,
};

static const struct vemu_virtio_class blk_class = {
    .name = "virtio-blk",
    .id = VEMU_VIRTIO_ID_BLOCK,
    .boot_suffix = "/disk@0,0",
    .ops = &blk_ops,
};

static const struct vemu_prop blk_props[] = {
    VEMU_PROP(struct blk, drive, "drive", BLOCK, NULL, "the block node that holds the contents"),
    VEMU_PROP_BOOTINDEX(struct blk, bootindex),
    VEMU_VIRTIO_PROP_IOTHREAD(struct blk),
    VEMU_PROP(struct blk, serial, "serial", STRING, NULL, "serial number, up to 20 characters"),
    VEMU_PROP(struct blk, num_queues, "num-queues", U16, "0",
              "request queues; 0: as many as are useful"),
    VEMU_PROP(struct blk, queue_size, "queue-size", U16, "256", "entries of a queue"),
    VEMU_PROP(struct blk, logical, "logical_block_size", U32, "512", "bytes"),
    VEMU_PROP(struct blk, physical, "physical_block_size", U32, "512", "bytes"),
    VEMU_PROP(struct blk, min_io, "min_io_size", U32, "0", "bytes; hint for the guest"),
    VEMU_PROP(struct blk, opt_io, "opt_io_size", U32, "0", "bytes; hint for the guest"),
    VEMU_PROP(struct blk, write_cache, "write-cache", STRING, "auto",
              "whether the guest sees a write cache: on, off, or auto: as the drive has it"),
    VEMU_PROP_BLOCK_POLICY(struct blk, rerror, werror),
    VEMU_PROP(struct blk, config_wce, "config-wce", BOOL, "on",
              "let the guest turn the write cache on and off"),
    VEMU_PROP(struct blk, discard, "discard", BOOL, "on", "offer discards if the drive has them"),
    VEMU_PROP(struct blk, write_zeroes, "write-zeroes", BOOL, "on", "offer to write zeros"),
    VEMU_PROP(struct blk, max_discard, "max-discard-sectors", U32, "4194303",
              "most sectors of a discard"),
    VEMU_PROP(struct blk, max_write_zeroes, "max-write-zeroes-sectors", U32, "4194303",
              "most sectors of a request for zeros"),
    VEMU_PROP_END,
};

static const struct vemu_state_field blk_state[] = {
    VEMU_STATE(struct blk, writeback),
    VEMU_STATE_END,
};

VEMU_VIRTIO_DEVICE(vemu__device_virtio_blk, struct blk, &blk_class, "virtio-blk", "disk", blk_props,
                   blk_state);
