/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Task management and events of virtio-scsi (virtio 1.2, 5.6.6.2 and 5.6.6.3).
 *
 * Ending a task is waiting for it: the answer to the task comes first, then that to the request to
 * end it, which is what SAM-5 (7.2) asks of a task that was already done.
 */
#include <linux/virtio_scsi.h>
#include <string.h>

#include <glib.h>

#include "devices/virtio-scsi/vscsi.h"

#define FUNCTION_COMPLETE 0u /* 5.6.6.2; <linux/virtio_scsi.h> has it under no name */

/* --- task management -------------------------------------------------------------------------- */

static bool has_task(const struct vscsi *scsi, const struct vemu_scsi_unit *unit,
                     const uint64_t *tag)
{
    for (const struct vscsi_task *task = scsi->tasks; task; task = task->next)
        if (task->target == unit->target && task->lun == unit->lun && (!tag || task->tag == *tag))
            return true;
    return false;
}

static void reset_unit(struct vemu_scsi_unit *unit)
{
    vemu__scsi_unit_drain(unit);
    vemu__scsi_unit_reset(unit);
    vemu__scsi_unit_raise(unit, VEMU_SCSI_UA_RESET);
}

static uint8_t manage_unit(struct vscsi *scsi, struct vemu_scsi_unit *unit, uint32_t what,
                           uint64_t tag)
{
    switch (what) {
    case VIRTIO_SCSI_T_TMF_ABORT_TASK:
    case VIRTIO_SCSI_T_TMF_ABORT_TASK_SET:
    case VIRTIO_SCSI_T_TMF_CLEAR_TASK_SET:
        vemu__scsi_unit_drain(unit);
        return FUNCTION_COMPLETE;
    case VIRTIO_SCSI_T_TMF_LOGICAL_UNIT_RESET:
        reset_unit(unit);
        return FUNCTION_COMPLETE;
    case VIRTIO_SCSI_T_TMF_QUERY_TASK:
        return has_task(scsi, unit, &tag) ? VIRTIO_SCSI_S_FUNCTION_SUCCEEDED
                                          : FUNCTION_COMPLETE;
    case VIRTIO_SCSI_T_TMF_QUERY_TASK_SET:
        return has_task(scsi, unit, NULL) ? VIRTIO_SCSI_S_FUNCTION_SUCCEEDED
                                          : FUNCTION_COMPLETE;
    default: return VIRTIO_SCSI_S_FUNCTION_REJECTED; /* no ACA */
    }
}

static uint8_t manage(struct vscsi *scsi, const struct virtio_scsi_ctrl_tmf_req *tmf)
{
    struct vemu_scsi_unit *unit;
    unsigned target, lun;

    if (!vemu__vscsi_parse_lun(tmf->lun, &target, &lun) ||
        !vemu__scsi_bus_has_target(&scsi->bus, target))
        return VIRTIO_SCSI_S_BAD_TARGET;
    if (tmf->subtype == VIRTIO_SCSI_T_TMF_I_T_NEXUS_RESET) {
        for (unsigned i = 0; i < scsi->bus.count; i++)
            if (scsi->bus.units[i]->target == target)
                reset_unit(scsi->bus.units[i]);
        return FUNCTION_COMPLETE;
    }
    unit = vemu__scsi_bus_find(&scsi->bus, target, lun);
    return unit ? manage_unit(scsi, unit, tmf->subtype, tmf->tag) : VIRTIO_SCSI_S_INCORRECT_LUN;
}

/* Asynchronous notification of a unit: none has any. */
static uint8_t subscribe(const struct vscsi *scsi, const struct virtio_scsi_ctrl_an_req *an)
{
    unsigned target, lun;

    if (!vemu__vscsi_parse_lun(an->lun, &target, &lun) ||
        !vemu__scsi_bus_has_target(&scsi->bus, target))
        return VIRTIO_SCSI_S_BAD_TARGET;
    return vemu__scsi_bus_find(&scsi->bus, target, lun) ? VIRTIO_SCSI_S_OK
                                                        : VIRTIO_SCSI_S_INCORRECT_LUN;
}

bool vemu__vscsi_control(struct vscsi *scsi, struct vemu_virtq_elem *elem)
{
    struct virtio_scsi_ctrl_an_resp an_resp = { 0 };
    struct virtio_scsi_ctrl_tmf_req tmf = { 0 };
    struct virtio_scsi_ctrl_an_req an = { 0 };
    uint32_t type;
    uint8_t response;

    if (vemu__virtq_elem_read(elem, 0, &type, sizeof(type)) < sizeof(type))
        return false;
    switch (type) {
    case VIRTIO_SCSI_T_TMF:
        if (vemu__virtq_elem_read(elem, 0, &tmf, sizeof(tmf)) < sizeof(tmf) || !elem->in_size)
            return false;
        response = manage(scsi, &tmf);
        vemu__virtq_elem_write(elem, 0, &response, sizeof(response));
        vemu__virtq_push(elem, sizeof(response));
        return true;
    case VIRTIO_SCSI_T_AN_QUERY:
    case VIRTIO_SCSI_T_AN_SUBSCRIBE:
        if (vemu__virtq_elem_read(elem, 0, &an, sizeof(an)) < sizeof(an) ||
            elem->in_size < sizeof(an_resp))
            return false;
        an_resp.response = subscribe(scsi, &an);
        vemu__virtq_elem_write(elem, 0, &an_resp, sizeof(an_resp));
        vemu__virtq_push(elem, sizeof(an_resp));
        return true;
    default: return false;
    }
}

/* --- events ----------------------------------------------------------------------------------- */

/* False: the driver has given no room. */
static bool put_event(struct vscsi *scsi, const struct virtio_scsi_event *event)
{
    struct vemu_virtq *q = vemu__virtio_queue(&scsi->vdev, VSCSI_EVENTS);
    struct vemu_virtq_elem *elem;

    if (!q || !vemu__virtq_pop(q, &elem))
        return false;
    vemu__virtq_push(elem, (uint32_t)vemu__virtq_elem_write(elem, 0, event, sizeof(*event)));
    vemu__virtq_flush(q);
    return true;
}

void vemu__vscsi_tell(struct vscsi *scsi, uint32_t event, const struct vemu_scsi_unit *unit,
                      uint32_t reason)
{
    struct virtio_scsi_event e = {
        .event = event | (scsi->events_missed ? VIRTIO_SCSI_T_EVENTS_MISSED : 0u),
        .lun = { 1, (uint8_t)unit->target, (uint8_t)(0x40 | unit->lun >> 8), (uint8_t)unit->lun },
        .reason = reason,
    };
    uint64_t feature = 1ull << (event == VIRTIO_SCSI_T_PARAM_CHANGE ? VIRTIO_SCSI_F_CHANGE
                                                                    : VIRTIO_SCSI_F_HOTPLUG);

    if (!vemu__virtio_live(&scsi->vdev) || !vemu__virtio_has(&scsi->vdev, feature))
        return;
    scsi->events_missed = !put_event(scsi, &e);
}

void vemu__vscsi_tell_missed(struct vscsi *scsi)
{
    const struct virtio_scsi_event e = { .event = VIRTIO_SCSI_T_EVENTS_MISSED };

    if (scsi->events_missed)
        scsi->events_missed = !put_event(scsi, &e);
}
