/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random work on a whole image: snapshots, its size, bitmaps, options, closing and opening.
 */
#include "workload.h"

#include <errno.h>

#include "core/error.h"
#include "image/qcow2/qcow2.h"

#define SNAPSHOTS_MAX 4u
#define BITMAPS_MAX   5u

/* --- snapshots, size -------------------------------------------------------------------------- */

static unsigned live_snapshots(const struct crash_run *run, struct model_snapshot **ret)
{
    unsigned count = 0;

    for (guint i = 0; i < run->model.snapshots->len; i++) {
        struct model_snapshot *snapshot = run->model.snapshots->pdata[i];

        if (snapshot->deleted.start == MODEL_FOREVER)
            ret[count++] = snapshot;
    }
    return count;
}

static bool snapshot_create(struct crash_run *run, struct vemu_image *image)
{
    g_autofree char *name = g_strdup_printf("s%u", run->model.snapshots->len);
    struct model_snapshot *snapshot =
        model_add_snapshot(&run->model, crash_store_tick(&run->store), name);
    struct vemu_error *err = NULL;
    int r = vemu_image_create_snapshot(image, name, &err);

    if (r < 0) {
        g_ptr_array_remove(run->model.snapshots, snapshot);
        g_free(snapshot->values);
        g_free(snapshot);
        if (r == -ERANGE) { /* refcounts of few bits do not count far */
            vemu_error_free(err);
            return true;
        }
        return crash_complain(run, "create snapshot", r, err);
    }
    snapshot->made.end = crash_store_tick(&run->store);
    return true;
}

static bool snapshot_delete(struct crash_run *run, struct vemu_image *image,
                            struct model_snapshot *snapshot)
{
    struct vemu_error *err = NULL;
    int r;

    snapshot->deleted.start = crash_store_tick(&run->store);
    r = vemu_image_delete_snapshot(image, snapshot->name, &err);
    snapshot->deleted.end = crash_store_tick(&run->store);
    return r < 0 ? crash_complain(run, "delete snapshot", r, err) : true;
}

/* The disk gets another size: what is cut off may be anything until it is there again. */
static void size_begin(struct crash_run *run, uint64_t clock, uint64_t sectors)
{
    uint64_t was = run->model.sectors;

    model_begin_size(&run->model, clock, sectors);
    if (sectors < was)
        model_begin(&run->model, clock, sectors, was - sectors, VALUE_ANY);
}

static bool snapshot_apply(struct crash_run *run, struct vemu_image *image,
                           const struct model_snapshot *snapshot)
{
    uint64_t clock = crash_store_tick(&run->store), was = run->model.sectors;
    struct vemu_error *err = NULL;
    int r;

    size_begin(run, clock, snapshot->sectors);
    model_begin_values(&run->model, clock, snapshot->sectors, snapshot->values);
    model_touch(&run->model, clock, 0, MAX(was, snapshot->sectors));
    r = vemu_image_apply_snapshot(image, snapshot->name, &err);
    if (r == -ERANGE) { /* nothing happened */
        model_cancel(&run->model, 0, snapshot->sectors);
        if (snapshot->sectors < was)
            model_cancel(&run->model, snapshot->sectors, was - snapshot->sectors);
        model_cancel_size(&run->model);
        vemu_error_free(err);
        return true;
    }
    clock = crash_store_tick(&run->store);
    model_end(&run->model, clock, 0, MAX(was, snapshot->sectors));
    model_end_size(&run->model, clock);
    return r < 0 ? crash_complain(run, "apply snapshot", r, err) : true;
}

static bool resize(struct crash_run *run, struct vemu_image *image)
{
    uint64_t was = run->model.sectors, clock = crash_store_tick(&run->store);
    uint64_t sectors = 8 + crash_random(&run->random, run->set->max_sectors - 8);
    uint64_t low = MIN(was, sectors), changed = MAX(was, sectors) - low;
    struct vemu_error *err = NULL;
    int r;

    if (sectors < was / 2) /* or little is left to work on */
        sectors = was / 2 + sectors / 2, low = MIN(was, sectors), changed = MAX(was, sectors) - low;
    size_begin(run, clock, sectors);
    model_touch(&run->model, clock, low, changed);
    if (sectors > was)
        model_begin(&run->model, clock, was, sectors - was, VALUE_ZERO);
    r = vemu_image_resize(image, sectors * CRASH_SECTOR, NULL, VEMU_IMAGE_RESIZE_SHRINK, NULL,
                          &err);
    if (r == -ENOTSUP) { /* with snapshots, perhaps */
        model_cancel(&run->model, low, changed);
        model_cancel_size(&run->model);
        vemu_error_free(err);
        return true;
    }
    clock = crash_store_tick(&run->store);
    model_end(&run->model, clock, low, changed);
    model_end_size(&run->model, clock);
    return r < 0 ? crash_complain(run, "resize", r, err) : true;
}

/* --- dirty bitmaps: come, go, are cleared; stored when the image is closed -------------------- */

static bool bitmap_add(struct crash_run *run, struct vemu_image *image)
{
    uint64_t sectors = UINT64_C(1) << crash_random(&run->random, 8);
    struct model_bitmap *bitmap =
        model_add_bitmap(&run->model, crash_store_tick(&run->store), sectors);
    struct vemu_error *err = NULL;
    int r = vemu_image_add_bitmap(image, bitmap->name, sectors * CRASH_SECTOR,
                                  VEMU_IMAGE_BITMAP_ENABLED | VEMU_IMAGE_BITMAP_PERSISTENT, &err);

    return r < 0 ? crash_complain(run, "add bitmap", r, err) : true;
}

static int bitmap_found(void *data, const struct vemu_image_bitmap *bitmap)
{
    bool *inconsistent = data;

    *inconsistent |= bitmap->flags & VEMU_IMAGE_BITMAP_INCONSISTENT;
    return 0;
}

static bool bitmaps(struct crash_run *run, struct vemu_image *image)
{
    struct model_bitmap **live = g_newa(struct model_bitmap *, run->model.bitmaps->len + 1);
    struct model_bitmap *bitmap;
    struct vemu_error *err = NULL;
    bool inconsistent = false;
    unsigned count = 0;
    int r;

    if (qcow2_of(image)->header.version < 3) /* has none */
        return true;
    for (guint i = 0; i < run->model.bitmaps->len; i++) {
        bitmap = run->model.bitmaps->pdata[i];
        if (bitmap->removed == MODEL_FOREVER)
            live[count++] = bitmap;
    }
    if (vemu_image_list_bitmaps(image, bitmap_found, &inconsistent) < 0 || inconsistent)
        return crash_complain(run, "bitmaps are not as they were", -EIO, NULL);
    if (!count || (count < BITMAPS_MAX && crash_random(&run->random, 2)))
        return bitmap_add(run, image);
    bitmap = live[crash_random(&run->random, count)];
    if (crash_random(&run->random, 2)) {
        model_clear_bitmap(&run->model, crash_store_tick(&run->store), bitmap);
        r = vemu_image_clear_bitmap(image, bitmap->name, &err);
        return r < 0 ? crash_complain(run, "clear bitmap", r, err) : true;
    }
    bitmap->removed = crash_store_tick(&run->store);
    r = vemu_image_remove_bitmap(image, bitmap->name, &err);
    return r < 0 ? crash_complain(run, "remove bitmap", r, err) : true;
}

/* --- options, emptying ------------------------------------------------------------------------ */

static bool amend(struct crash_run *run, struct vemu_image *image)
{
    static const struct vemu_property choices[] = {
        { "refcount_bits", "8" }, { "refcount_bits", "16" },   { "refcount_bits", "64" },
        { "compat", "0.10" },     { "compat", "1.1" },         { "lazy_refcounts", "on" },
        { "compat", "0.10" },     { "lazy_refcounts", "off" },
    };
    const struct vemu_property *choice =
        &choices[crash_random(&run->random, G_N_ELEMENTS(choices))];
    struct vemu_error *err = NULL;
    int r = vemu_image_amend(image, choice, 1, NULL, &err);

    if (r == -EINVAL || r == -ENOTSUP) { /* what version 2 does not have, or what it cannot say */
        vemu_error_free(err);
        return true;
    }
    return r < 0 ? crash_complain(run, "amend", r, err) : true;
}

/* The backing file shows through everywhere. */
static bool make_empty(struct crash_run *run, struct vemu_image *image)
{
    uint64_t clock = crash_store_tick(&run->store), sectors = run->model.sectors;
    g_autofree uint64_t *values = g_new0(uint64_t, sectors);
    struct vemu_error *err = NULL;
    int r;

    for (uint64_t i = 0; i < MIN(sectors, run->set->sectors); i++)
        values[i] = BACKING_VALUE + i;
    model_begin_values(&run->model, clock, sectors, values);
    model_touch(&run->model, clock, 0, sectors);
    r = vemu_image_make_empty(image, &err);
    model_end(&run->model, crash_store_tick(&run->store), 0, sectors);
    return r < 0 ? crash_complain(run, "make empty", r, err) : true;
}

/* --- closing and opening ---------------------------------------------------------------------- */

static bool reopen(struct crash_run *run, struct vemu_image **image)
{
    uint64_t start = crash_store_tick(&run->store);
    struct vemu_error *err = NULL;
    int r = vemu_image_close(*image);

    *image = NULL;
    crash_mark_flush(&run->store);
    if (r < 0)
        return crash_complain(run, "close", r, NULL);
    model_add_flush(&run->model, start, crash_store_tick(&run->store));
    model_store_bitmaps(&run->model, start, run->store.clock);
    r = crash_open(run, VEMU_IMAGE_WRITE, image, &err);
    return r < 0 ? crash_complain(run, "open again", r, err) : true;
}

/* --- one of these ----------------------------------------------------------------------------- */

bool crash_whole(struct crash_run *run, struct vemu_image **image, bool *ret_done)
{
    struct model_snapshot **live = g_newa(struct model_snapshot *, run->model.snapshots->len + 1);
    unsigned count = live_snapshots(run, live);
    uint64_t roll = crash_random(&run->random, 100);
    uint32_t flags = run->set->flags;

    *ret_done = true;
    if (roll < 3 && (flags & SET_SNAPSHOTS) && count < SNAPSHOTS_MAX)
        return snapshot_create(run, *image);
    if (roll >= 3 && roll < 5 && count)
        return snapshot_delete(run, *image, live[crash_random(&run->random, count)]);
    if (roll >= 5 && roll < 7 && count)
        return snapshot_apply(run, *image, live[crash_random(&run->random, count)]);
    if (roll >= 7 && roll < 10 && (flags & SET_RESIZE))
        return resize(run, *image);
    if (roll == 10 || (roll == 11 && (flags & SET_BITMAPS)))
        return reopen(run, image);
    if (roll >= 12 && roll < 16 && (flags & SET_BITMAPS))
        return bitmaps(run, *image);
    if (roll >= 16 && roll < 20 && (flags & SET_AMEND))
        return crash_random(&run->random, 2) && flags & (SET_BACKING | SET_DATA_FILE)
                   ? crash_words_amend(run, *image)
                   : amend(run, *image);
    if (roll == 20 && (flags & SET_BACKING))
        return make_empty(run, *image);
    if (roll >= 21 && roll < 31 && (flags & SET_WORDS))
        return crash_words_amend(run, *image);
    *ret_done = false;
    return true;
}
