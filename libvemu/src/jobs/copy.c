/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What all jobs do: a range goes from one image to another, and holes stay holes.
 */
#include "jobs/copy.h"

#include <errno.h>
#include <glib.h>

#include "core/iov.h"

enum kind { SKIP, ZERO, DATA };

/* What is to be done with the beginning of a range. */
static int look(const struct job_copy *c, uint64_t offset, uint64_t *bytes, enum kind *ret)
{
    struct vemu_image_extent extent = VEMU_IMAGE_EXTENT_INIT;
    int r = vemu_image_get_extent(c->source, c->above ? c->base : NULL, offset, *bytes, &extent);

    if (r < 0)
        return r;
    *bytes = MIN(*bytes, extent.bytes);
    if (c->missing && (extent.flags & VEMU_IMAGE_EXTENT_ALLOCATED) && !extent.depth)
        *ret = SKIP;
    else if (extent.flags & VEMU_IMAGE_EXTENT_ZERO)
        *ret = c->missing && !c->base ? SKIP : ZERO; /* without a backing image it is zeros */
    else if (c->above && c->base && !(extent.flags & VEMU_IMAGE_EXTENT_ALLOCATED))
        *ret = SKIP;
    else
        *ret = DATA;
    return 0;
}

/* What is zero already, in whatever layer, stays so. */
static int write_zeros(const struct job_copy *c, uint64_t offset, uint64_t bytes)
{
    uint64_t end = offset + bytes;
    int r = 0;

    while (offset < end && r >= 0) {
        struct vemu_image_extent extent = VEMU_IMAGE_EXTENT_INIT;

        r = vemu_image_get_extent(c->target, NULL, offset, end - offset, &extent);
        if (r < 0) { /* it is not known: written */
            extent.bytes = end - offset;
            extent.flags = VEMU_IMAGE_EXTENT_DATA;
        }
        bytes = MIN(extent.bytes, end - offset);
        r = c->missing || !(extent.flags & VEMU_IMAGE_EXTENT_ZERO)
                ? vemu_image_zero(c->target, offset, bytes, c->zero_flags)
                : 0;
        offset += bytes;
    }
    return r;
}

static int copy_data(const struct job_copy *c, uint8_t *buf, uint64_t offset, uint64_t bytes,
                     bool *ret_read)
{
    int r = vemu_image_read(c->source, offset, buf, bytes);

    *ret_read = r < 0;
    return r < 0 ? r : vemu_image_write(c->target, offset, buf, bytes, 0);
}

/* A cluster is written once, so it is read as a whole. */
static int copy_compressed(const struct job_copy *c, uint8_t *buf, uint64_t offset, uint64_t bytes,
                           bool *ret_read)
{
    uint64_t cluster = MAX(c->target->cluster_size, IMAGE_SECTOR);
    int r = vemu_image_read(c->source, offset, buf, bytes);

    *ret_read = r < 0;
    for (uint64_t done = 0; done < bytes && r >= 0; done += cluster) {
        uint64_t part = MIN(cluster, bytes - done);

        if (vemu__is_zero(buf + done, part))
            r = write_zeros(c, offset + done, part);
        else
            r = vemu_image_write(c->target, offset + done, buf + done, part, VEMU_IMAGE_COMPRESSED);
    }
    return r;
}

/* Parts of the target that have a bit of everything are copied as a whole: its own backing image
 * need not be there to fill them up. */
static int look_at_part(const struct job_copy *c, uint64_t offset, uint64_t *bytes, enum kind *ret)
{
    uint64_t part = c->above && !c->missing ? MAX(c->target->cluster_size, 1) : 1;
    uint64_t end = offset + *bytes, at;
    int r = look(c, offset, bytes, ret);

    if (r < 0 || offset + *bytes == end)
        return r;
    if (*bytes >= part) {
        *bytes -= *bytes % part;
        return 0;
    }
    end = MIN(end, offset + part);
    for (at = offset + *bytes; at < end && r >= 0; at += *bytes) {
        enum kind next = SKIP;

        *bytes = end - at;
        r = look(c, at, bytes, &next);
        *ret = next == *ret ? next : DATA;
    }
    *bytes = end - offset;
    return r;
}

int vemu__job_copy(const struct job_copy *c, uint64_t offset, uint64_t bytes, bool *ret_read)
{
    g_autofree uint8_t *buf = g_try_malloc(bytes);
    uint64_t end = offset + bytes;
    int r = buf ? 0 : -ENOMEM;

    *ret_read = false;
    if (r >= 0 && c->compress)
        return copy_compressed(c, buf, offset, bytes, ret_read);
    while (offset < end && r >= 0) {
        enum kind kind = SKIP;

        bytes = end - offset;
        r = look_at_part(c, offset, &bytes, &kind);
        *ret_read = r < 0;
        if (r >= 0 && kind == ZERO)
            r = write_zeros(c, offset, bytes);
        else if (r >= 0 && kind == DATA)
            r = copy_data(c, buf, offset, bytes, ret_read);
        offset += bytes;
    }
    return r;
}
