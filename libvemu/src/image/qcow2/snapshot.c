/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Internal snapshots: listing, creating, applying, deleting, reading one.
 *
 * Each change is one switch of the header (shadow.c): either all of it has happened or nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "image/qcow2/bitmap.h"
#include "image/qcow2/layout.h"
#include "image/qcow2/shadow.h"

static int fail(struct vemu_error **err, int r, const char *what)
{
    if (r >= 0)
        return 0;
    if (r == -ERANGE)
        return vemu__error_set(err, ERANGE,
                               "%s: a refcount would not fit into its width "
                               "(refcount_bits)",
                               what);
    return vemu__error_set(err, -r, "%s: %s", what, g_strerror(-r));
}

static int find(const struct qcow2 *s, const char *id_or_name, unsigned *ret)
{
    for (unsigned i = 0; i < s->snapshot_count; i++)
        if (strcmp(s->snapshots[i].id, id_or_name) == 0) {
            *ret = i;
            return 0;
        }
    for (unsigned i = 0; i < s->snapshot_count; i++)
        if (strcmp(s->snapshots[i].name, id_or_name) == 0) {
            *ret = i;
            return 0;
        }
    return -ENOENT;
}

static int find_for(const struct qcow2 *s, const char *id_or_name, unsigned *ret,
                    struct vemu_error **err)
{
    if (find(s, id_or_name, ret) == 0)
        return 0;
    return vemu__error_set(err, ENOENT, "there is no snapshot '%s'", id_or_name);
}

static int qcow2_snapshot_list(struct vemu_image *image,
                               int (*each)(void *, const struct vemu_image_snapshot *), void *data)
{
    struct qcow2 *s = qcow2_of(image);
    int r = 0;

    for (unsigned i = 0; r == 0 && i < s->snapshot_count; i++) {
        const struct qcow2_snapshot *from = &s->snapshots[i];
        const struct vemu_image_snapshot snapshot = {
            .id = from->id,
            .name = from->name,
            .vm_state_size = from->vm_state_size,
            .disk_size = from->disk_size,
            .date_s = from->date_s,
            .date_ns = from->date_ns,
            .vm_clock_ns = from->vm_clock_ns,
            .icount = from->icount,
        };

        r = each(data, &snapshot);
    }
    return r;
}

/* The lock of exclusive work is held if this returns 0. */
static int begin(struct qcow2 *s, struct qcow2_shadow *shadow, struct vemu_error **err)
{
    int r = vemu__qcow2_may_write(s);

    if (s->external)
        return vemu__error_set(err, ENOTSUP,
                               "images with an external data file have no internal snapshots");
    if (r == 0)
        r = vemu__qcow2_exclusive_begin(s);
    if (r < 0)
        return fail(err, r, "Could not begin");
    r = vemu__qcow2_shadow_begin(s, shadow);
    if (r < 0)
        vemu__qcow2_exclusive_end(s);
    return fail(err, r, "Could not read refcounts");
}

static void end(struct qcow2 *s, struct qcow2_shadow *shadow)
{
    vemu__qcow2_shadow_end(shadow);
    vemu__qcow2_exclusive_end(s);
}

static uint64_t *copy_l1(const uint64_t *from, uint64_t count, uint64_t size)
{
    uint64_t *l1 = calloc(MAX(size, 1), 8);

    if (l1)
        memcpy(l1, from, MIN(count, size) * 8);
    return l1;
}

static int load_l1(struct qcow2 *s, const struct qcow2_snapshot *snapshot, uint64_t **ret)
{
    uint64_t size = qcow2_align_up(atomic_load(&s->image.file->size), s->cluster_size);

    *ret = NULL;
    if (!snapshot->l1_size) {
        *ret = calloc(1, 8);
        return *ret ? 0 : -ENOMEM;
    }
    if (snapshot->l1_offset > size || (uint64_t)snapshot->l1_size * 8 > size - snapshot->l1_offset)
        return -EIO;
    return vemu__qcow2_file_read_table(s->image.file, snapshot->l1_offset, snapshot->l1_size, ret);
}

/* Takes what is in the array apart from the one at `index`, so that it can be put back. */
static struct qcow2_snapshot remove_at(struct qcow2 *s, unsigned index)
{
    struct qcow2_snapshot snapshot = s->snapshots[index];

    s->snapshot_count--;
    memmove(&s->snapshots[index], &s->snapshots[index + 1],
            (s->snapshot_count - index) * sizeof(snapshot));
    return snapshot;
}

static void insert_at(struct qcow2 *s, unsigned index, const struct qcow2_snapshot *snapshot)
{
    s->snapshots = g_renew(struct qcow2_snapshot, s->snapshots, s->snapshot_count + 1);
    memmove(&s->snapshots[index + 1], &s->snapshots[index],
            (s->snapshot_count - index) * sizeof(*snapshot));
    s->snapshots[index] = *snapshot;
    s->snapshot_count++;
}

/* --- creating --------------------------------------------------------------------------------- */

static void describe(const struct qcow2 *s, const char *name, struct qcow2_snapshot *ret)
{
    struct timespec now;
    uint64_t id = 0;

    for (unsigned i = 0; i < s->snapshot_count; i++)
        id = MAX(id, MIN(g_ascii_strtoull(s->snapshots[i].id, NULL, 10), UINT32_MAX));
    clock_gettime(CLOCK_REALTIME, &now);
    *ret = (struct qcow2_snapshot){
        .l1_size = s->header.l1_size,
        .id = g_strdup_printf("%" PRIu64, id + 1),
        .name = g_strdup(name),
        .date_s = (uint32_t)now.tv_sec,
        .date_ns = (uint32_t)now.tv_nsec,
        .disk_size = s->header.size,
        .icount = UINT64_MAX,
        .known_extra = 24,
    };
}

static int create(struct qcow2_shadow *shadow, struct qcow2_snapshot *snapshot)
{
    struct qcow2 *s = shadow->s;
    uint64_t count = s->l1.count, old_bytes = vemu__qcow2_snapshot_bytes(s);
    uint64_t *active = copy_l1(s->l1.entry, count, count);
    uint64_t *frozen = copy_l1(s->l1.entry, count, count);
    int r = active && frozen ? 0 : -ENOMEM;

    /* Everything is referenced once more; the flags say so in tables that both use. */
    if (r == 0)
        r = vemu__qcow2_shadow_ref_tree(shadow, active, count, 1);
    if (r == 0)
        r = vemu__qcow2_shadow_fix_flags(shadow, active, count, frozen);
    for (uint64_t i = 0; r == 0 && i < count; i++)
        frozen[i] &= ~QCOW2_COPIED;
    if (r == 0)
        r = vemu__qcow2_shadow_write_l1(shadow, frozen, count, &snapshot->l1_offset);
    if (r == 0)
        r = vemu__qcow2_shadow_replace_l1(shadow, active, count);
    if (r == 0) {
        insert_at(s, s->snapshot_count, snapshot);
        r = vemu__qcow2_shadow_write_snapshots(shadow, old_bytes);
        if (r == 0)
            r = vemu__qcow2_shadow_commit(shadow);
        if (r < 0)
            (void)remove_at(s, s->snapshot_count - 1);
    }
    free(active);
    free(frozen);
    return r;
}

static int qcow2_snapshot_create(struct vemu_image *image, const char *name,
                                 struct vemu_error **err)
{
    struct qcow2 *s = qcow2_of(image);
    struct qcow2_snapshot snapshot;
    struct qcow2_shadow shadow;
    int r;

    if (strlen(name) > UINT16_MAX)
        return vemu__error_set(err, EINVAL, "the name is too long");
    if (s->snapshot_count >= QCOW2_MAX_SNAPSHOTS)
        return vemu__error_set(err, EFBIG, "there are %u snapshots already", s->snapshot_count);
    r = begin(s, &shadow, err);
    if (r < 0)
        return r;
    describe(s, name, &snapshot);
    r = create(&shadow, &snapshot);
    if (r < 0)
        vemu__qcow2_snapshot_clear(&snapshot);
    end(s, &shadow);
    return fail(err, r, "Could not create snapshot");
}

/* --- applying --------------------------------------------------------------------------------- */

static int apply(struct qcow2_shadow *shadow, const struct qcow2_snapshot *snapshot)
{
    struct qcow2 *s = shadow->s;
    uint64_t count, *frozen = NULL, *active = NULL;
    int r = load_l1(s, snapshot, &frozen);

    if (r < 0)
        return r;
    shadow->header.size = snapshot->disk_size;
    count = MAX(snapshot->l1_size, MAX(vemu__qcow2_l1_entries(&s->header, snapshot->disk_size), 1));
    if (count > QCOW2_MAX_L1_BYTES / 8)
        r = -EFBIG;
    active = r < 0 ? NULL : copy_l1(frozen, snapshot->l1_size, count);
    if (r == 0 && !active)
        r = -ENOMEM;
    if (r == 0)
        r = vemu__qcow2_shadow_ref_tree(shadow, active, count, 1);
    if (r == 0)
        r = vemu__qcow2_shadow_ref_tree(shadow, s->l1.entry, s->l1.count, -1);
    if (r == 0)
        r = vemu__qcow2_shadow_fix_flags(shadow, active, count, NULL);
    if (r == 0)
        r = vemu__qcow2_shadow_replace_l1(shadow, active, count);
    if (r == 0)
        r = vemu__qcow2_shadow_commit(shadow);
    free(frozen);
    free(active);
    return r;
}

/* All of the disk has other contents. */
static int touch_all(struct qcow2 *s)
{
    int r;

    pthread_mutex_lock(&s->lock);
    r = vemu__qcow2_bitmaps_touch(s, 0, s->header.size);
    pthread_mutex_unlock(&s->lock);
    return r;
}

static int qcow2_snapshot_apply(struct vemu_image *image, const char *id_or_name,
                                struct vemu_error **err)
{
    struct qcow2 *s = qcow2_of(image);
    struct qcow2_shadow shadow;
    unsigned index = 0;
    int r = begin(s, &shadow, err);

    if (r < 0)
        return r;
    r = find_for(s, id_or_name, &index, err);
    if (r == 0 && s->snapshots[index].disk_size != s->header.size)
        r = vemu__qcow2_bitmaps_prepare_size(s, s->snapshots[index].disk_size, err);
    if (r == 0)
        r = touch_all(s);
    if (r == 0)
        r = apply(&shadow, &s->snapshots[index]);
    if (r == 0) {
        vemu__qcow2_bitmaps_set_size(s);
        r = touch_all(s);
    }
    end(s, &shadow);
    return fail(err, r, "Could not apply snapshot");
}

/* --- deleting --------------------------------------------------------------------------------- */

static int delete_(struct qcow2_shadow *shadow, unsigned index)
{
    struct qcow2 *s = shadow->s;
    uint64_t old_bytes = vemu__qcow2_snapshot_bytes(s), *frozen = NULL;
    struct qcow2_snapshot *snapshot = &s->snapshots[index], removed;
    uint64_t *active = copy_l1(s->l1.entry, s->l1.count, s->l1.count);
    int r = active ? load_l1(s, snapshot, &frozen) : -ENOMEM;

    if (r == 0)
        r = vemu__qcow2_shadow_ref_tree(shadow, frozen, snapshot->l1_size, -1);
    if (r == 0)
        r = vemu__qcow2_shadow_ref(shadow, snapshot->l1_offset, (uint64_t)snapshot->l1_size * 8,
                                   -1);
    if (r == 0)
        r = vemu__qcow2_shadow_fix_flags(shadow, active, s->l1.count, NULL);
    if (r == 0)
        r = vemu__qcow2_shadow_replace_l1(shadow, active, s->l1.count);
    if (r == 0) {
        removed = remove_at(s, index);
        r = vemu__qcow2_shadow_write_snapshots(shadow, old_bytes);
        if (r == 0)
            r = vemu__qcow2_shadow_commit(shadow);
        if (r < 0)
            insert_at(s, index, &removed);
        else
            vemu__qcow2_snapshot_clear(&removed);
    }
    free(active);
    free(frozen);
    return r;
}

static int qcow2_snapshot_delete(struct vemu_image *image, const char *id_or_name,
                                 struct vemu_error **err)
{
    struct qcow2 *s = qcow2_of(image);
    struct qcow2_shadow shadow;
    unsigned index = 0;
    int r = begin(s, &shadow, err);

    if (r < 0)
        return r;
    r = find_for(s, id_or_name, &index, err);
    if (r == 0)
        r = delete_(&shadow, index);
    end(s, &shadow);
    return fail(err, r, "Could not delete snapshot");
}

/* --- reading one ------------------------------------------------------------------------------ */

static int load(struct qcow2 *s, const struct qcow2_snapshot *snapshot)
{
    uint64_t *l1 = NULL;
    int r = load_l1(s, snapshot, &l1);

    if (r == 0 && vemu__qcow2_l1_entries(&s->header, snapshot->disk_size) > snapshot->l1_size)
        r = -EIO;
    if (r < 0) {
        free(l1);
        return r;
    }
    pthread_mutex_lock(&s->lock);
    free(s->l1.entry);
    s->l1.entry = l1;
    s->l1.count = snapshot->l1_size;
    s->loaded_snapshot = true;
    s->writable = false;
    atomic_store(&s->image.size, snapshot->disk_size);
    pthread_mutex_unlock(&s->lock);
    return 0;
}

static int qcow2_snapshot_load(struct vemu_image *image, const char *id_or_name,
                               struct vemu_error **err)
{
    struct qcow2 *s = qcow2_of(image);
    unsigned index = 0;
    int r = vemu__qcow2_exclusive_begin(s);

    if (r < 0)
        return fail(err, r, "Could not begin");
    r = find_for(s, id_or_name, &index, err);
    if (r == 0)
        r = load(s, &s->snapshots[index]);
    vemu__qcow2_exclusive_end(s);
    return fail(err, r, "Could not load snapshot");
}

const struct vemu_image_snapshot_ops vemu__qcow2_snapshot_ops = {
    .list = qcow2_snapshot_list,
    .create = qcow2_snapshot_create,
    .apply = qcow2_snapshot_apply,
    .delete_ = qcow2_snapshot_delete,
    .load = qcow2_snapshot_load,
};
