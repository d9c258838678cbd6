/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The medium of a unit: starting, stopping, ejecting, locking (SBC-3, 5.25; MMC-6, 6.35 and 6.16).
 *
 * A stopped disk answers nothing that needs its medium until it is started. The tray of a CD-ROM
 * drive takes the image with it: it is out of reach while the tray is open, and back when it is
 * closed.
 */
#include <errno.h>

#include "core/error.h"
#include "core/vm.h"
#include "scsi/command.h"

/* MMC-6, table 336 */
#define EVENT_EJECT      1u
#define EVENT_NEW_MEDIUM 2u
#define EVENT_REMOVAL    3u

static void set_tray(struct vemu_scsi_unit *unit, bool open)
{
    if (open == (bool)unit->s.tray_open)
        return;
    unit->s.tray_open = open;
    unit->s.medium_event = open ? EVENT_REMOVAL : EVENT_NEW_MEDIUM;
    if (!open && unit->props.drive)
        vemu__scsi_unit_raise(unit, VEMU_SCSI_UA_MEDIUM);
    if (unit->vm)
        vemu__events_post(unit->vm, VEMU_EVENT_TRAY_MOVED, unit->name, open);
}

static void move_tray(struct vemu_scsi_request *req, bool open)
{
    struct vemu_scsi_unit *unit = req->unit;

    if (open && unit->s.locked) {
        vemu__scsi_fail(req, SENSE_LOCKED);
        return;
    }
    set_tray(unit, open);
    vemu__scsi_good(req);
}

int vemu__scsi_tray_move(struct vemu_scsi_unit *unit, bool open, bool force)
{
    if (open && unit->s.locked && !unit->s.tray_open) {
        if (!force) {
            unit->s.medium_event = EVENT_EJECT;
            return -EBUSY;
        }
        unit->s.locked = 0;
    }
    set_tray(unit, open);
    return 0;
}

int vemu__scsi_set_medium(struct vemu_scsi_unit *unit, struct vemu_block *block,
                          struct vemu_error **err)
{
    int r;

    if (!unit->s.tray_open)
        return vemu__error_set(err, EBUSY, "Tray of device '%s' is not open", unit->name);
    if (block && unit->props.drive)
        return vemu__error_set(err, EBUSY, "There already is a medium in device '%s'", unit->name);
    if (!block) {
        vemu__block_detach(unit->props.drive);
        unit->props.drive = NULL;
        return 0;
    }
    r = vemu__block_attach(block, &unit->user, unit, unit->lock, false, err);
    if (r >= 0)
        unit->props.drive = block;
    return r;
}

void vemu__scsi_start_stop(struct vemu_scsi_request *req)
{
    struct vemu_scsi_unit *unit = req->unit;
    bool start = req->cdb[4] & 0x01, load_eject = req->cdb[4] & 0x02;

    if (req->cdb[4] >> 4) { /* there are no power conditions */
        vemu__scsi_fail(req, SENSE_CDB_FIELD);
        return;
    }
    if (unit->type == &vemu__scsi_cdrom) {
        if (load_eject)
            move_tray(req, !start);
        else
            vemu__scsi_good(req); /* it spins up by itself when it is read */
        return;
    }
    if (load_eject) { /* nothing moves in a disk */
        vemu__scsi_fail(req, SENSE_CDB_FIELD);
        return;
    }
    unit->s.stopped = !start;
    if (start)
        vemu__scsi_good(req);
    else
        vemu__scsi_flush(req);
}

void vemu__scsi_prevent(struct vemu_scsi_request *req)
{
    if (!vemu__scsi_is_removable(req->unit)) {
        vemu__scsi_fail(req, SENSE_OPCODE);
        return;
    }
    req->unit->s.locked = req->cdb[4] & 1;
    vemu__scsi_good(req);
}
