/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Buses: logical units by target and number, and what answers in place of one that is not there.
 */
#include <errno.h>
#include <string.h>

#include <glib.h>

#include "core/error.h"
#include "core/iov.h"
#include "scsi/command.h"

/* --- addresses -------------------------------------------------------------------------------- */

struct vemu_scsi_unit *vemu__scsi_bus_find(const struct vemu_scsi_bus *bus, unsigned target,
                                           unsigned lun)
{
    for (unsigned i = 0; i < bus->count; i++)
        if (bus->units[i]->target == target && bus->units[i]->lun == lun)
            return bus->units[i];
    return NULL;
}

bool vemu__scsi_bus_has_target(const struct vemu_scsi_bus *bus, unsigned target)
{
    for (unsigned i = 0; i < bus->count; i++)
        if (bus->units[i]->target == target)
            return true;
    return false;
}

/* The others of the target hear of it (SPC-4, 6.33). */
static void tell_neighbours(const struct vemu_scsi_bus *bus, const struct vemu_scsi_unit *unit)
{
    for (unsigned i = 0; i < bus->count; i++)
        if (bus->units[i] != unit && bus->units[i]->target == unit->target)
            vemu__scsi_unit_raise(bus->units[i], VEMU_SCSI_UA_LUNS);
}

int vemu__scsi_bus_add(struct vemu_scsi_bus *bus, struct vemu_scsi_unit *unit, uint32_t target,
                       uint32_t lun, struct vemu_error **err)
{
    unsigned at = 0;

    if (target == VEMU_SCSI_ANY)
        for (target = 0; vemu__scsi_bus_has_target(bus, target);)
            target++;
    if (target > VEMU_SCSI_TARGET_MAX)
        return vemu__error_set(err, EINVAL, "scsi-id is more than %u", VEMU_SCSI_TARGET_MAX);
    if (lun > VEMU_SCSI_LUN_MAX)
        return vemu__error_set(err, EINVAL, "lun is more than %u", VEMU_SCSI_LUN_MAX);
    if (vemu__scsi_bus_find(bus, target, lun))
        return vemu__error_set(err, EBUSY, "there is a unit at scsi-id %u, lun %u already", target,
                               lun);
    unit->target = target;
    unit->lun = lun;
    unit->bus = bus;
    while (at < bus->count && (bus->units[at]->target < target ||
                               (bus->units[at]->target == target && bus->units[at]->lun < lun)))
        at++;
    bus->units = g_renew(struct vemu_scsi_unit *, bus->units, bus->count + 1);
    memmove(bus->units + at + 1, bus->units + at, (bus->count - at) * sizeof(*bus->units));
    bus->units[at] = unit;
    bus->count++;
    tell_neighbours(bus, unit);
    return 0;
}

void vemu__scsi_bus_remove(struct vemu_scsi_bus *bus, struct vemu_scsi_unit *unit)
{
    unsigned at = 0;

    while (at < bus->count && bus->units[at] != unit)
        at++;
    if (at == bus->count)
        return;
    memmove(bus->units + at, bus->units + at + 1, (bus->count - at - 1) * sizeof(*bus->units));
    bus->count--;
    tell_neighbours(bus, unit);
    unit->bus = NULL;
}

void vemu__scsi_bus_free(struct vemu_scsi_bus *bus)
{
    g_free(bus->units);
    bus->units = NULL;
}

/* --- REPORT LUNS ------------------------------------------------------------------------------ */

/* SAM-5, 4.7.7: peripheral device or flat addressing. */
static void put_lun(uint8_t *to, unsigned lun)
{
    memset(to, 0, 8);
    scsi_put16(to, lun < 256 ? lun : 0x4000 | lun);
}

/* SPC-4, 6.33. Without a bus a unit is number 0. */
static void report_luns(const struct vemu_scsi_bus *bus, unsigned target,
                        struct vemu_scsi_request *req)
{
    uint32_t wanted = scsi_get32(req->cdb + 6), count = 0;
    g_autofree uint8_t *data = g_malloc0(8 * ((bus ? bus->count : 0) + 2u));

    if (req->cdb[2] > 2) {
        vemu__scsi_fail(req, SENSE_CDB_FIELD);
        return;
    }
    for (unsigned i = 0; bus && i < bus->count && req->cdb[2] != 1; i++)
        if (bus->units[i]->target == target)
            put_lun(data + 8 + 8 * count++, bus->units[i]->lun);
    if (!bus && req->cdb[2] != 1)
        count = 1;
    scsi_put32(data, 8 * count);
    vemu__scsi_reply(req, data, 8 + 8 * count, wanted);
}

void vemu__scsi_report_luns(struct vemu_scsi_request *req)
{
    report_luns(req->unit->bus, req->unit->target, req);
}

/* --- units that are not there ----------------------------------------------------------------- */

void vemu__scsi_bus_answer_absent(const struct vemu_scsi_bus *bus, unsigned target,
                                  struct vemu_scsi_request *req)
{
    const uint8_t absent[36] = { 0x7f, 0, 6, 2, sizeof(absent) - 5 };

    req->unit = NULL;
    req->status = VEMU_SCSI_GOOD;
    req->overrun = false;
    req->transferred = 0;
    req->trimmed = NULL;
    req->job = NULL;
    if (req->cdb[0] == 0xa0)
        report_luns(bus, target, req);
    else if (req->cdb[0] == 0x12 && !(req->cdb[1] & 1) && !req->cdb[2])
        vemu__scsi_reply(req, absent, sizeof(absent), scsi_get16(req->cdb + 3));
    else
        vemu__scsi_fail(req, SENSE_NO_UNIT);
}
