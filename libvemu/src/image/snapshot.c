/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Internal snapshots and dirty bitmaps: what all formats that have them have in common.
 */
#include <errno.h>
#include <string.h>

#include "core/error.h"
#include "image/image.h"

static int no_snapshots(const struct vemu_image *image, struct vemu_error **err)
{
    return vemu__error_set(err, ENOTSUP, "'%s': format '%s' has no internal snapshots",
                           image->filename, image->driver->name);
}

static int no_bitmaps(const struct vemu_image *image, struct vemu_error **err)
{
    return vemu__error_set(err, ENOTSUP, "'%s': format '%s' has no dirty bitmaps", image->filename,
                           image->driver->name);
}

static int check_change(const struct vemu_image *image, const char *name, struct vemu_error **err)
{
    if (!name || !*name)
        return vemu__error_set(err, EINVAL, "the name is missing");
    if (!(image->open_flags & VEMU_IMAGE_WRITE))
        return vemu__error_set(err, EROFS, "'%s' was opened for reading only", image->filename);
    return 0;
}

static int finish(const struct vemu_image *image, const char *what, const char *name, int r,
                  struct vemu_error **err)
{
    if (r >= 0)
        return 0;
    return vemu__error_set(err, -r, "'%s': cannot %s '%s': %s", image->filename, what, name,
                           strerror(-r));
}

/* --- snapshots -------------------------------------------------------------------------------- */

int vemu_image_list_snapshots(struct vemu_image *image,
                              int (*each)(void *data, const struct vemu_image_snapshot *snapshot),
                              void *data)
{
    const struct vemu_image_snapshot_ops *ops;

    image = vemu__image_skip_filters(image);
    ops = image->driver->snapshots;
    return ops && ops->list ? ops->list(image, each, data) : -ENOTSUP;
}

typedef int (*snapshot_fn)(struct vemu_image *, const char *, struct vemu_error **);

static int change_snapshot(struct vemu_image *image, snapshot_fn fn, const char *what,
                           const char *name, struct vemu_error **err)
{
    int r;

    if (!fn)
        return no_snapshots(image, err);
    r = check_change(image, name, err);
    return r < 0 ? r : finish(image, what, name, fn(image, name, err), err);
}

#define SNAPSHOT_FN(image, member)                                                                 \
    ((image)->driver->snapshots ? (image)->driver->snapshots->member : NULL)

int vemu_image_create_snapshot(struct vemu_image *image, const char *name, struct vemu_error **err)
{
    image = vemu__image_skip_filters(image);
    return change_snapshot(image, SNAPSHOT_FN(image, create), "create snapshot", name, err);
}

int vemu_image_apply_snapshot(struct vemu_image *image, const char *id_or_name,
                              struct vemu_error **err)
{
    image = vemu__image_skip_filters(image);
    return change_snapshot(image, SNAPSHOT_FN(image, apply), "apply snapshot", id_or_name, err);
}

int vemu_image_delete_snapshot(struct vemu_image *image, const char *id_or_name,
                               struct vemu_error **err)
{
    image = vemu__image_skip_filters(image);
    return change_snapshot(image, SNAPSHOT_FN(image, delete_), "delete snapshot", id_or_name, err);
}

int vemu_image_load_snapshot(struct vemu_image *image, const char *id_or_name,
                             struct vemu_error **err)
{
    snapshot_fn fn;

    image = vemu__image_skip_filters(image);
    fn = SNAPSHOT_FN(image, load);
    if (!fn)
        return no_snapshots(image, err);
    if (!id_or_name)
        return vemu__error_set(err, EINVAL, "the name is missing");
    return finish(image, "load snapshot", id_or_name, fn(image, id_or_name, err), err);
}

/* --- bitmaps ---------------------------------------------------------------------------------- */

int vemu_image_list_bitmaps(struct vemu_image *image,
                            int (*each)(void *data, const struct vemu_image_bitmap *bitmap),
                            void *data)
{
    const struct vemu_image_bitmap_ops *ops;

    image = vemu__image_skip_filters(image);
    ops = image->driver->bitmaps;
    return ops && ops->list ? ops->list(image, each, data) : -ENOTSUP;
}

/* The layer's operations, if it may be changed: NULL and *err. */
static const struct vemu_image_bitmap_ops *bitmap_ops(const struct vemu_image *image,
                                                      const char *name, struct vemu_error **err)
{
    if (!image->driver->bitmaps) {
        no_bitmaps(image, err);
        return NULL;
    }
    return check_change(image, name, err) < 0 ? NULL : image->driver->bitmaps;
}

/* bitmap_ops() has failed. */
static int why(const struct vemu_image *image, const char *name)
{
    return !image->driver->bitmaps ? -ENOTSUP : !name || !*name ? -EINVAL : -EROFS;
}

int vemu_image_add_bitmap(struct vemu_image *image, const char *name, uint64_t granularity,
                          uint32_t flags, struct vemu_error **err)
{
    struct vemu_image *layer = vemu__image_skip_filters(image);
    const struct vemu_image_bitmap_ops *ops = bitmap_ops(layer, name, err);

    if (!ops)
        return why(layer, name);
    if (granularity &&
        (granularity < 512 || granularity > 2ull << 30 || (granularity & (granularity - 1))))
        return vemu__error_set(err, EINVAL,
                               "the granularity is a power of two from 512 bytes to 2 GiB");
    if (flags & ~(VEMU_IMAGE_BITMAP_ENABLED | VEMU_IMAGE_BITMAP_PERSISTENT))
        return vemu__error_set(err, EINVAL, "unknown flags");
    return finish(layer, "add bitmap", name, ops->add(layer, name, granularity, flags, err), err);
}

int vemu_image_remove_bitmap(struct vemu_image *image, const char *name, struct vemu_error **err)
{
    struct vemu_image *layer = vemu__image_skip_filters(image);
    const struct vemu_image_bitmap_ops *ops = bitmap_ops(layer, name, err);

    if (!ops)
        return why(layer, name);
    return finish(layer, "remove bitmap", name, ops->remove(layer, name, err), err);
}

int vemu_image_clear_bitmap(struct vemu_image *image, const char *name, struct vemu_error **err)
{
    struct vemu_image *layer = vemu__image_skip_filters(image);
    const struct vemu_image_bitmap_ops *ops = bitmap_ops(layer, name, err);

    if (!ops)
        return why(layer, name);
    return finish(layer, "clear bitmap", name, ops->clear(layer, name, err), err);
}

int vemu_image_enable_bitmap(struct vemu_image *image, const char *name, int enabled,
                             struct vemu_error **err)
{
    struct vemu_image *layer = vemu__image_skip_filters(image);
    const struct vemu_image_bitmap_ops *ops = bitmap_ops(layer, name, err);

    if (!ops)
        return why(layer, name);
    return finish(layer, enabled ? "enable bitmap" : "disable bitmap", name,
                  ops->enable(layer, name, enabled, err), err);
}

int vemu_image_next_dirty(struct vemu_image *image, const char *name, uint64_t offset,
                          uint64_t *ret_offset, uint64_t *ret_bytes, struct vemu_error **err)
{
    int r;

    image = vemu__image_skip_filters(image);
    if (!image->driver->bitmaps)
        return no_bitmaps(image, err);
    if (!name)
        return vemu__error_set(err, EINVAL, "the name is missing");
    r = image->driver->bitmaps->next_dirty(image, name, offset, ret_offset, ret_bytes);
    return r < 0 ? finish(image, "read bitmap", name, r, err) : r;
}

int vemu_image_merge_bitmap(struct vemu_image *target, const char *name, struct vemu_image *source,
                            const char *source_name, struct vemu_error **err)
{
    struct vemu_image *layer = vemu__image_skip_filters(target);
    const struct vemu_image_bitmap_ops *ops = bitmap_ops(layer, name, err);
    uint64_t at = 0, bytes = 0;
    int r;

    if (!ops)
        return why(layer, name);
    if (source->size != layer->size)
        return vemu__error_set(err, EINVAL, "'%s' and '%s' differ in size", source->filename,
                               layer->filename);
    while ((r = vemu_image_next_dirty(source, source_name, at, &at, &bytes, err)) > 0) {
        r = ops->set_dirty(layer, name, at, bytes);
        if (r < 0)
            return finish(layer, "merge into bitmap", name, r, err);
        at += bytes;
    }
    return r;
}
