/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests of virtio-scsi (virtio 1.2, 5.6.6.1).
 *
 * A chain is: a header with the command, data for the unit; a header for status and sense data,
 * data from the unit. Descriptors may be cut anywhere (2.7.4): the headers' bytes are taken off the
 * lists while the unit has the request, and put back for the answer.
 */
#include <linux/virtio_scsi.h>
#include <string.h>

#include <glib.h>

#include "devices/virtio-scsi/vscsi.h"

#define COMMAND_SIZE  offsetof(struct virtio_scsi_cmd_req, cdb)    /* and the CDB */
#define RESPONSE_SIZE offsetof(struct virtio_scsi_cmd_resp, sense) /* and the sense data */

bool vemu__vscsi_parse_lun(const uint8_t *bytes, unsigned *ret_target, unsigned *ret_lun)
{
    static const uint8_t zeros[4];

    *ret_target = bytes[1];
    *ret_lun = (unsigned)(bytes[2] & 0x3f) << 8 | bytes[3];
    /* one level, flat or peripheral addressing (SAM-5, 4.7.7) */
    return bytes[0] == 1 && ((bytes[2] & 0xc0) == 0x40 || !bytes[2]) &&
           memcmp(bytes + 4, zeros, sizeof(zeros)) == 0;
}

/* Takes `skip` bytes off the list. */
static void cut(struct vscsi_cut *cut, struct iovec *iov, unsigned count, size_t skip,
                struct iovec **ret_iov, unsigned *ret_count)
{
    while (count && skip >= iov->iov_len) {
        skip -= iov->iov_len;
        iov++;
        count--;
    }
    cut->at = count && skip ? iov : NULL;
    if (cut->at) {
        cut->saved = *iov;
        iov->iov_base = (uint8_t *)iov->iov_base + skip;
        iov->iov_len -= skip;
    }
    *ret_iov = iov;
    *ret_count = count;
}

static void mend(struct vscsi_cut *cut)
{
    if (cut->at)
        *cut->at = cut->saved;
    cut->at = NULL;
}

static void answer(struct vscsi_task *task, uint8_t response)
{
    const struct vemu_scsi_request *req = &task->req;
    bool moved = response == VIRTIO_SCSI_S_OK, check = moved && req->status == VEMU_SCSI_CHECK;
    uint64_t wanted = req->in_size ? req->in_size : req->out_size;
    uint32_t sense_size = task->scsi->sense_size;
    struct virtio_scsi_cmd_resp resp = {
        .sense_len = check ? MIN(VEMU_SCSI_SENSE_SIZE, sense_size) : 0,
        .resid = (uint32_t)(wanted - (moved ? req->transferred : 0)),
        .status = moved ? req->status : 0,
        .response = response,
    };

    *task->link = task->next;
    if (task->next)
        task->next->link = task->link;
    mend(&task->out);
    mend(&task->in);
    vemu__virtq_elem_write(&task->elem, 0, &resp, RESPONSE_SIZE);
    if (resp.sense_len)
        vemu__virtq_elem_write(&task->elem, RESPONSE_SIZE, req->sense, resp.sense_len);
    vemu__virtq_push(&task->elem,
                     (uint32_t)(RESPONSE_SIZE + sense_size +
                                (moved && req->in_size ? req->transferred : 0)));
}

static void task_done(struct vemu_scsi_request *req)
{
    struct vscsi_task *task = (void *)((char *)req - offsetof(struct vscsi_task, req));

    answer(task, req->overrun ? VIRTIO_SCSI_S_OVERRUN : VIRTIO_SCSI_S_OK);
}

static void enlist(struct vscsi *scsi, struct vscsi_task *task)
{
    task->next = scsi->tasks;
    task->link = &scsi->tasks;
    if (task->next)
        task->next->link = &task->next;
    scsi->tasks = task;
}

bool vemu__vscsi_start(struct vscsi *scsi, struct vscsi_task *task)
{
    struct vemu_virtq_elem *elem = &task->elem;
    size_t head = COMMAND_SIZE + scsi->cdb_size, tail = RESPONSE_SIZE + scsi->sense_size;
    struct vemu_scsi_request *req = &task->req;
    struct virtio_scsi_cmd_req command;
    struct vemu_scsi_unit *unit;

    if (elem->out_size < head || elem->in_size < tail)
        return false;
    memset(&command, 0, sizeof(command));
    vemu__virtq_elem_read(elem, 0, &command, MIN(head, sizeof(command)));
    memset(req, 0, sizeof(*req));
    memcpy(req->cdb, command.cdb, sizeof(req->cdb));
    req->done = task_done;
    req->out_size = elem->out_size - head;
    req->in_size = elem->in_size - tail;
    task->scsi = scsi;
    task->tag = command.tag;
    cut(&task->out, elem->out, elem->out_count, head, &req->out, &req->out_count);
    cut(&task->in, elem->in, elem->in_count, tail, &req->in, &req->in_count);
    enlist(scsi, task);
    if (!vemu__vscsi_parse_lun(command.lun, &task->target, &task->lun) ||
        !vemu__scsi_bus_has_target(&scsi->bus, task->target)) {
        answer(task, VIRTIO_SCSI_S_BAD_TARGET);
        return true;
    }
    if (req->out_size && req->in_size) { /* both directions: not offered */
        answer(task, VIRTIO_SCSI_S_FAILURE);
        return true;
    }
    unit = vemu__scsi_bus_find(&scsi->bus, task->target, task->lun);
    if (unit)
        vemu__scsi_submit(unit, req);
    else
        vemu__scsi_bus_answer_absent(&scsi->bus, task->target, req);
    return true;
}
