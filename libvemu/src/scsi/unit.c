/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Logical units: properties, the block node, unit attentions.
 */
#include <errno.h>
#include <string.h>

#include <glib.h>

#include "block/limits.h"
#include "core/error.h"
#include "scsi/command.h"

#define CD_BLOCK 2048u

/* --- facts ------------------------------------------------------------------------------------ */

bool vemu__scsi_unit_ready(const struct vemu_scsi_unit *unit)
{
    return unit->props.drive && !unit->s.tray_open && !unit->s.stopped;
}

uint64_t vemu__scsi_blocks(const struct vemu_scsi_unit *unit)
{
    if (!unit->props.drive || unit->s.tray_open)
        return 0;
    return vemu__block_size(unit->props.drive) / unit->props.logical;
}

bool vemu__scsi_read_only(const struct vemu_scsi_unit *unit)
{
    return unit->type == &vemu__scsi_cdrom ||
           (unit->props.drive && vemu__block_read_only(unit->props.drive));
}

bool vemu__scsi_can_unmap(const struct vemu_scsi_unit *unit)
{
    return !vemu__scsi_read_only(unit) && vemu__block_can_discard(unit->props.drive);
}

bool vemu__scsi_is_removable(const struct vemu_scsi_unit *unit)
{
    return unit->type->removable || unit->props.removable;
}

/* --- unit attentions -------------------------------------------------------------------------- */

static const uint32_t attention_sense[VEMU_SCSI_UA_COUNT] = {
    SENSE(6, 0x29, 0x00), /* power on */
    SENSE(6, 0x29, 0x03), /* bus device reset function occurred */
    SENSE(6, 0x28, 0x00), /* not ready to ready change, medium may have changed */
    SENSE(6, 0x3f, 0x0e), /* reported LUNs data has changed */
    SENSE(6, 0x2a, 0x01), /* mode parameters changed */
    SENSE(6, 0x2a, 0x09), /* capacity data has changed */
};

uint32_t vemu__scsi_take_attention(struct vemu_scsi_unit *unit)
{
    unsigned n = (unsigned)__builtin_ctz(unit->s.attentions | 1u << VEMU_SCSI_UA_COUNT);

    if (n == VEMU_SCSI_UA_COUNT)
        return SENSE_NONE;
    unit->s.attentions &= (uint8_t)~(1u << n);
    return attention_sense[n];
}

void vemu__scsi_unit_raise(struct vemu_scsi_unit *unit, unsigned attention)
{
    unit->s.attentions |= (uint8_t)attention;
    /* After a reset all else is told by it (SAM-5, 5.14.2). */
    if (attention == VEMU_SCSI_UA_RESET || attention == VEMU_SCSI_UA_POWER_ON)
        unit->s.attentions = (uint8_t)attention;
}

static void unit_resized(void *data)
{
    struct vemu_scsi_unit *unit = data;
    bool is_cdrom = unit->type == &vemu__scsi_cdrom;

    vemu__scsi_unit_raise(unit, is_cdrom ? VEMU_SCSI_UA_MEDIUM : VEMU_SCSI_UA_CAPACITY);
    if (unit->adapter->changed)
        unit->adapter->changed(unit, unit->adapter_data, is_cdrom ? 0x2800 : 0x2a09);
}

static void unit_batch(void *data)
{
    struct vemu_scsi_unit *unit = data;

    vemu__block_kick(unit->props.drive); /* next steps of jobs */
    unit->adapter->batch(unit->adapter_data);
}

/* --- life ------------------------------------------------------------------------------------- */

/* Text of a fixed field of INQUIRY data. */
static int check_text(const char *text, const char *name, size_t max, struct vemu_error **err)
{
    if (!text)
        return 0;
    if (strlen(text) > max)
        return vemu__error_set(err, EINVAL, "%s is longer than %zu characters", name, max);
    for (const char *p = text; *p; p++)
        if (*p < ' ' || *p > '~')
            return vemu__error_set(err, EINVAL, "%s has a character that is not plain text", name);
    return 0;
}

static int unit_check(struct vemu_scsi_unit *unit, struct vemu_error **err)
{
    struct vemu_scsi_unit_props *p = &unit->props;
    int r = check_text(p->serial, "serial", 36, err);

    if (r >= 0)
        r = check_text(p->version, "ver", 4, err);
    if (r >= 0)
        r = check_text(p->vendor, "vendor", 8, err);
    if (r >= 0)
        r = check_text(p->product, "product", 16, err);
    if (r < 0)
        return r;
    if (unit->type == &vemu__scsi_cdrom) {
        p->logical = p->physical = CD_BLOCK;
        return 0;
    }
    if (!p->drive)
        return vemu__error_set(err, EINVAL, "property 'drive' is missing");
    r = vemu__block_check_limits(p->drive, p->logical, p->physical, p->min_io, p->opt_io, err);
    return r < 0 ? r
                 : vemu__block_parse_write_cache(p->drive, p->write_cache,
                                                 &unit->default_write_cache, err);
}

int vemu__scsi_unit_attach(struct vemu_scsi_unit *unit, const struct vemu_scsi_type *type,
                           const struct vemu_scsi_adapter *adapter, void *adapter_data,
                           pthread_mutex_t *lock, struct vemu_error **err)
{
    int r;

    unit->type = type;
    unit->adapter = adapter;
    unit->adapter_data = adapter_data;
    unit->lock = lock;
    r = unit_check(unit, err);
    if (r < 0)
        return r;
    unit->user = (struct vemu_block_user){
        .name = unit->name,
        .batch = unit_batch,
        .resized = unit_resized,
        .rerror = unit->props.rerror,
        .werror = unit->props.werror,
        .iothread = unit->iothread,
    };
    if (unit->props.drive)
        r = vemu__block_attach(unit->props.drive, &unit->user, unit, lock, false, err);
    if (r < 0)
        return r;
    unit->attached = true;
    vemu__scsi_unit_reset(unit);
    return 0;
}

void vemu__scsi_unit_detach(struct vemu_scsi_unit *unit)
{
    if (unit->attached)
        vemu__block_detach(unit->props.drive);
    unit->attached = false;
}

void vemu__scsi_unit_reset(struct vemu_scsi_unit *unit)
{
    uint8_t tray_open = unit->s.tray_open; /* it stays where it is */

    memset(&unit->s, 0, sizeof(unit->s));
    unit->s.tray_open = tray_open;
    unit->s.write_cache = unit->default_write_cache;
    unit->s.attentions = VEMU_SCSI_UA_POWER_ON;
}

void vemu__scsi_unit_drain(struct vemu_scsi_unit *unit)
{
    if (unit->props.drive)
        vemu__block_drain(unit->props.drive);
}

void vemu__scsi_unit_pause(struct vemu_scsi_unit *unit)
{
    if (unit->props.drive)
        vemu__block_pause(unit->props.drive);
}

/* --- properties ------------------------------------------------------------------------------- */

#define PROP(field, name, type, def, summary)                                                      \
    VEMU_PROP(struct vemu_scsi_unit_props, field, name, type, def, summary)
#define NAMES                                                                                      \
    PROP(serial, "serial", STRING, NULL, "serial number, up to 36 characters"),                    \
        PROP(version, "ver", STRING, NULL, "firmware revision, up to 4 characters"),               \
        PROP(vendor, "vendor", STRING, NULL, "vendor, up to 8 characters"),                        \
        PROP(product, "product", STRING, NULL, "product, up to 16 characters"),                    \
        PROP(wwn, "wwn", U64, "0", "world wide name; 0: none")

const struct vemu_prop vemu__scsi_disk_props[] = {
    PROP(drive, "drive", BLOCK, NULL, "the block node that holds the contents"),
    NAMES,
    PROP(logical, "logical_block_size", U32, "512", "bytes"),
    PROP(physical, "physical_block_size", U32, "512", "bytes"),
    PROP(min_io, "min_io_size", U32, "0", "bytes; hint for the guest"),
    PROP(opt_io, "opt_io_size", U32, "0", "bytes; hint for the guest"),
    PROP(write_cache, "write-cache", STRING, "auto",
         "whether the guest sees a write cache: on, off, or auto: as the drive has it"),
    VEMU_PROP_BLOCK_POLICY(struct vemu_scsi_unit_props, rerror, werror),
    PROP(rotation, "rotation_rate", U16, "0", "per minute; 1: does not rotate, 0: not told"),
    PROP(removable, "removable", BOOL, "off", "tell that the medium can be removed"),
    VEMU_PROP_END,
};

const struct vemu_prop vemu__scsi_cdrom_props[] = {
    PROP(drive, "drive", BLOCK, NULL, "the block node with the medium; none: the drive is empty"),
    NAMES,
    VEMU_PROP_BLOCK_POLICY(struct vemu_scsi_unit_props, rerror, werror),
    VEMU_PROP_END,
};
