/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-scsi from inside: vscsi.c is the device, task.c its requests, control.c task management
 * and events. Units (devices/scsi-drive) join by the functions below.
 */
#ifndef VEMU_DEVICES_VIRTIO_SCSI_VSCSI_H
#define VEMU_DEVICES_VIRTIO_SCSI_VSCSI_H

#include "scsi/scsi.h"
#include "virtio/virtio.h"

#define VSCSI_CONTROL  0u /* queues */
#define VSCSI_EVENTS   1u
#define VSCSI_REQUESTS 2u

struct vscsi_task;

struct vscsi {
    struct vemu_virtio vdev;
    /* properties */
    uint16_t num_queues, queue_size;
    struct vemu_scsi_bus bus;
    struct vscsi_task *tasks; /* under way */
    /* saved */
    uint32_t cdb_size, sense_size; /* as the driver chose */
    uint8_t events_missed;
};

/* A list of memory pieces whose first bytes are taken off. */
struct vscsi_cut {
    struct iovec *at, saved; /* the piece that was changed, NULL: none */
};

struct vscsi_task {
    struct vemu_virtq_elem elem; /* first */
    struct vscsi *scsi;
    struct vscsi_task *next, **link;
    uint64_t tag;
    unsigned target, lun;
    struct vscsi_cut out, in;
    struct vemu_scsi_request req;
};

/* --- vscsi.c ---------------------------------------------------------------------------------- */
/* The device as this class, on whatever transport; NULL: it is something else. */
struct vscsi *vemu__vscsi_of(struct vemu_device *dev);
/* Attaches the unit and tells the driver. The device's lock is held. */
int vemu__vscsi_add_unit(struct vscsi *scsi, struct vemu_scsi_unit *unit,
                         const struct vemu_scsi_type *type, uint32_t target, uint32_t lun,
                         struct vemu_error **err);
/* Requests are finished first. */
void vemu__vscsi_remove_unit(struct vscsi *scsi, struct vemu_scsi_unit *unit);

/* --- task.c ----------------------------------------------------------------------------------- */
/* Starts the request, or answers it at once; false: the driver broke a rule. */
bool vemu__vscsi_start(struct vscsi *scsi, struct vscsi_task *task);
/* Target and unit of 8 bytes (5.6.6.1); false: no unit has such an address. */
bool vemu__vscsi_parse_lun(const uint8_t *bytes, unsigned *ret_target, unsigned *ret_lun);

/* --- control.c -------------------------------------------------------------------------------- */
/* Answers the request; false: the driver broke a rule. */
bool vemu__vscsi_control(struct vscsi *scsi, struct vemu_virtq_elem *elem);
/* Tells an event of a unit, or notes that one was missed. */
void vemu__vscsi_tell(struct vscsi *scsi, uint32_t event, const struct vemu_scsi_unit *unit,
                      uint32_t reason);
/* There may be room for what was missed. */
void vemu__vscsi_tell_missed(struct vscsi *scsi);

#endif
