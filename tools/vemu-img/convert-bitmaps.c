/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert --bitmaps: dirty bitmaps go along.
 */
#include <stdlib.h>
#include <string.h>

#include "convert.h"

struct copied {
    const struct convert *convert;
    struct vemu_image *source, *target;
    int status;
};

static int copy_bitmap(void *data, const struct vemu_image_bitmap *bitmap)
{
    struct copied *c = data;
    struct vemu_error *err = NULL;

    if (!(bitmap->flags & VEMU_IMAGE_BITMAP_PERSISTENT))
        return 0;
    if (bitmap->flags & VEMU_IMAGE_BITMAP_INCONSISTENT) {
        if (c->convert->skip_broken) {
            warn("Skipping inconsistent bitmap '%s'", bitmap->name);
            return 0;
        }
        report("Cannot copy inconsistent bitmap '%s'", bitmap->name);
        fprintf(stderr, "Try --skip-broken-bitmaps, or use 'vemu-img bitmap --remove'\n");
        c->status = 1;
        return 1;
    }
    int r = vemu_image_add_bitmap(c->target, bitmap->name, bitmap->granularity,
                                  VEMU_IMAGE_BITMAP_PERSISTENT, &err);
    if (r >= 0)
        r = vemu_image_merge_bitmap(c->target, bitmap->name, c->source, bitmap->name, &err);
    if (r >= 0 && bitmap->flags & VEMU_IMAGE_BITMAP_ENABLED)
        r = vemu_image_enable_bitmap(c->target, bitmap->name, 1, &err);
    if (r < 0)
        c->status = report_error(&err, r, "Failed to populate bitmap %s: ", bitmap->name);
    return r < 0;
}

int convert_bitmaps(const struct convert *c, struct vemu_image *source, struct vemu_image *target)
{
    struct copied copied = { c, source, target, 0 };
    int r = vemu_image_list_bitmaps(source, copy_bitmap, &copied);

    if (r < 0)
        return report_error(NULL, r, "Failed to list bitmaps: ");
    return copied.status;
}
