/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-scsi: a SCSI host adapter (virtio 1.2, 5.6).
 *
 * All queues and units share the device's lock. Requests go to the units as they come, and come
 * back in any order. Whatever ends requests early (task management, resets, unplugging) waits for
 * the nodes to finish what was begun, so that no request touches memory that the driver has taken
 * back.
 *
 * Not offered: protection information, data in both directions at once.
 */
#include "devices/virtio-scsi/vscsi.h"

#include <errno.h>
#include <linux/virtio_scsi.h>
#include <string.h>

#include <glib.h>

#include "core/error.h"
#include "virtio/class.h"

#define QUEUES_MAX  (VEMU_VIRTIO_QUEUES_MAX - VSCSI_REQUESTS)
#define SECTORS_MAX 0xffffu /* of a request; a hint */
#define SENSE_MAX   4096u
#define CDB_MAX     256u

static struct vscsi *scsi_of(struct vemu_virtio *vdev)
{
    return (struct vscsi *)vdev;
}

struct vscsi *vemu__vscsi_of(struct vemu_device *dev)
{
    if (strcmp(dev->class_->name, "virtio-scsi-device") != 0 &&
        strcmp(dev->class_->name, "virtio-scsi-pci") != 0)
        return NULL;
    return scsi_of(vemu__virtio_of(dev));
}

/* --- the data path ---------------------------------------------------------------------------- */

static void flush_requests(void *data)
{
    struct vemu_virtio *vdev = data;

    for (unsigned n = VSCSI_REQUESTS; n < vdev->queue_count; n++)
        vemu__virtq_flush(vemu__virtio_queue(vdev, n));
}

static void drain(struct vscsi *scsi)
{
    for (unsigned i = 0; i < scsi->bus.count; i++)
        vemu__scsi_unit_drain(scsi->bus.units[i]);
}

static void vscsi_notify(struct vemu_virtio *vdev, unsigned queue)
{
    struct vemu_virtq *q = vemu__virtio_queue(vdev, queue);
    struct vscsi *scsi = scsi_of(vdev);
    struct vemu_virtq_elem *elem;

    if (queue == VSCSI_EVENTS) {
        vemu__vscsi_tell_missed(scsi);
        return;
    }
    while (vemu__virtq_pop(q, &elem)) {
        if (queue == VSCSI_CONTROL ? vemu__vscsi_control(scsi, elem)
                                   : vemu__vscsi_start(scsi, (struct vscsi_task *)elem))
            continue;
        vemu__virtio_broken(vdev, "queue %u: request is too short", queue);
        vemu__virtq_drop(elem);
        break;
    }
    for (unsigned i = 0; i < scsi->bus.count; i++)
        vemu__scsi_kick(scsi->bus.units[i]);
    vemu__virtq_flush(q);
}

static void vscsi_queue_reset(struct vemu_virtio *vdev, unsigned queue)
{
    if (vemu__virtq_held(vemu__virtio_queue(vdev, queue)))
        drain(scsi_of(vdev));
}

static void vscsi_pause(struct vemu_virtio *vdev)
{
    struct vscsi *scsi = scsi_of(vdev);

    for (unsigned i = 0; i < scsi->bus.count; i++)
        vemu__scsi_unit_pause(scsi->bus.units[i]);
}

/* --- units ------------------------------------------------------------------------------------ */

static void unit_changed(struct vemu_scsi_unit *unit, void *data, uint16_t code)
{
    /* 5.6.6.3.3: ASC in the low byte, ASCQ in the next */
    vemu__vscsi_tell(data, VIRTIO_SCSI_T_PARAM_CHANGE, unit,
                     (uint32_t)(code >> 8) | (uint32_t)(code & 0xff) << 8);
}

static const struct vemu_scsi_adapter adapter = {
    .batch = flush_requests,
    .changed = unit_changed,
};

int vemu__vscsi_add_unit(struct vscsi *scsi, struct vemu_scsi_unit *unit,
                         const struct vemu_scsi_type *type, uint32_t target, uint32_t lun,
                         struct vemu_error **err)
{
    int r;

    unit->iothread = scsi->vdev.iothread;
    r = vemu__scsi_unit_attach(unit, type, &adapter, scsi, &scsi->vdev.dev->lock, err);
    if (r < 0)
        return r;
    r = vemu__scsi_bus_add(&scsi->bus, unit, target, lun, err);
    if (r < 0) {
        vemu__scsi_unit_detach(unit);
        return r;
    }
    vemu__vscsi_tell(scsi, VIRTIO_SCSI_T_TRANSPORT_RESET, unit, VIRTIO_SCSI_EVT_RESET_RESCAN);
    return 0;
}

void vemu__vscsi_remove_unit(struct vscsi *scsi, struct vemu_scsi_unit *unit)
{
    vemu__scsi_unit_drain(unit);
    vemu__scsi_bus_remove(&scsi->bus, unit);
    vemu__scsi_unit_detach(unit);
    vemu__vscsi_tell(scsi, VIRTIO_SCSI_T_TRANSPORT_RESET, unit, VIRTIO_SCSI_EVT_RESET_REMOVED);
}

/* --- configuration ---------------------------------------------------------------------------- */

static void vscsi_config_get(struct vemu_virtio *vdev, uint8_t *config)
{
    const struct vscsi *scsi = scsi_of(vdev);
    const struct virtio_scsi_config c = {
        .num_queues = scsi->num_queues,
        .seg_max = scsi->queue_size - 2u,
        .max_sectors = SECTORS_MAX,
        .cmd_per_lun = scsi->queue_size / 2u,
        .event_info_size = sizeof(struct virtio_scsi_event),
        .sense_size = scsi->sense_size,
        .cdb_size = scsi->cdb_size,
        .max_channel = 0,
        .max_target = VEMU_SCSI_TARGET_MAX,
        .max_lun = VEMU_SCSI_LUN_MAX,
    };

    memcpy(config, &c, sizeof(c));
}

static void vscsi_config_set(struct vemu_virtio *vdev, const uint8_t *config, size_t offset,
                             size_t size)
{
    struct vscsi *scsi = scsi_of(vdev);
    struct virtio_scsi_config c;

    memcpy(&c, config, sizeof(c));
    if (c.sense_size > SENSE_MAX || c.cdb_size > CDB_MAX) {
        vemu__virtio_broken(vdev, "sense size %u, CDB size %u", c.sense_size, c.cdb_size);
        return;
    }
    scsi->sense_size = c.sense_size;
    scsi->cdb_size = c.cdb_size;
}

/* --- life ------------------------------------------------------------------------------------- */

static int vscsi_realize(struct vemu_virtio *vdev, struct vemu_error **err)
{
    struct vscsi *scsi = scsi_of(vdev);

    if (scsi->num_queues > QUEUES_MAX)
        return vemu__error_set(err, EINVAL, "num_queues is more than %u", QUEUES_MAX);
    if (scsi->queue_size < 4 || scsi->queue_size > VEMU_VIRTQ_SIZE_MAX ||
        (scsi->queue_size & (scsi->queue_size - 1)))
        return vemu__error_set(err, EINVAL, "virtqueue_size is not a power of two from 4 to %u",
                               VEMU_VIRTQ_SIZE_MAX);
    if (!scsi->num_queues)
        scsi->num_queues = (uint16_t)vemu__virtio_default_queues(vdev, QUEUES_MAX);
    vemu__virtio_add_queue(vdev, scsi->queue_size, sizeof(struct vemu_virtq_elem));
    vemu__virtio_add_queue(vdev, scsi->queue_size, sizeof(struct vemu_virtq_elem));
    for (unsigned n = 0; n < scsi->num_queues; n++)
        vemu__virtio_add_queue(vdev, scsi->queue_size, sizeof(struct vscsi_task));
    vdev->features = 1ull << VIRTIO_SCSI_F_HOTPLUG | 1ull << VIRTIO_SCSI_F_CHANGE;
    vdev->config_size = sizeof(struct virtio_scsi_config);
    return 0;
}

/* Units that are still there lose their adapter. */
static void vscsi_unrealize(struct vemu_virtio *vdev)
{
    struct vscsi *scsi = scsi_of(vdev);

    while (scsi->bus.count)
        vemu__vscsi_remove_unit(scsi, scsi->bus.units[0]);
    vemu__scsi_bus_free(&scsi->bus);
}

static void vscsi_reset(struct vemu_virtio *vdev)
{
    struct vscsi *scsi = scsi_of(vdev);

    scsi->sense_size = VIRTIO_SCSI_SENSE_DEFAULT_SIZE;
    scsi->cdb_size = VIRTIO_SCSI_CDB_DEFAULT_SIZE;
    scsi->events_missed = false;
    for (unsigned i = 0; i < scsi->bus.count; i++)
        vemu__scsi_unit_reset(scsi->bus.units[i]);
}

static void vscsi_restored(struct vemu_virtio *vdev)
{
    struct vscsi *scsi = scsi_of(vdev);

    scsi->sense_size = MIN(scsi->sense_size, SENSE_MAX);
    scsi->cdb_size = MIN(scsi->cdb_size, CDB_MAX);
}

static const struct vemu_virtio_ops vscsi_ops = {
    .realize = vscsi_realize,
    .unrealize = vscsi_unrealize,
    .config_get = vscsi_config_get,
    .config_set = vscsi_config_set,
    .notify = vscsi_notify,
    .queue_reset = vscsi_queue_reset,
    .reset = vscsi_reset,
    .pause = vscsi_pause,
    .restored = vscsi_restored,
};

static const struct vemu_virtio_class vscsi_class = {
    .name = "virtio-scsi",
    .id = VEMU_VIRTIO_ID_SCSI,
    .ops = &vscsi_ops,
};

static const struct vemu_prop vscsi_props[] = {
    VEMU_PROP(struct vscsi, num_queues, "num_queues", U16, "0",
              "request queues; 0: as many as are useful"),
    VEMU_PROP(struct vscsi, queue_size, "virtqueue_size", U16, "256", "entries of a queue"),
    VEMU_VIRTIO_PROP_IOTHREAD(struct vscsi),
    VEMU_PROP_END,
};

static const struct vemu_state_field vscsi_state[] = {
    VEMU_STATE(struct vscsi, cdb_size),
    VEMU_STATE(struct vscsi, sense_size),
    VEMU_STATE(struct vscsi, events_missed),
    VEMU_STATE_END,
};

VEMU_VIRTIO_DEVICE(vemu__device_virtio_scsi, struct vscsi, &vscsi_class, "virtio-scsi",
                   "SCSI host adapter", vscsi_props, vscsi_state);
