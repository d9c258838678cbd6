/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changing options of a qcow2 image that is there: version, lazy refcounts, refcount width, names.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "core/property.h"
#include "image/qcow2/shadow.h"

/* What is asked for; -1, 0 or NULL: nothing. */
struct wish {
    int version, lazy, raw;
    uint64_t refcount_bits, size;
    const char *backing, *backing_format, *data_file;
};

static int parse(const struct qcow2 *s, const struct vemu_property *p, struct wish *w,
                 struct vemu_error **err)
{
    bool on;

    if (strcmp(p->name, "compat") == 0) {
        if (strcmp(p->value, "0.10") == 0 || strcmp(p->value, "v2") == 0)
            w->version = 2;
        else if (strcmp(p->value, "1.1") == 0 || strcmp(p->value, "v3") == 0)
            w->version = 3;
        else
            return vemu__error_set(err, EINVAL, "Unknown compatibility level %s", p->value);
    } else if (strcmp(p->name, "lazy_refcounts") == 0 || strcmp(p->name, "data_file_raw") == 0) {
        if (!vemu__parse_bool(p->value, &on))
            return vemu__error_set(err, EINVAL, "%s '%s' is neither on nor off", p->name, p->value);
        *(*p->name == 'l' ? &w->lazy : &w->raw) = on;
    } else if (strcmp(p->name, "refcount_bits") == 0) {
        if (!vemu__parse_number(p->value, 64, &w->refcount_bits) || !w->refcount_bits ||
            w->refcount_bits & (w->refcount_bits - 1))
            return vemu__error_set(err, EINVAL,
                                   "Refcount width must be a power of two and may not "
                                   "exceed 64 bits");
    } else if (strcmp(p->name, "size") == 0) {
        if (!vemu__parse_size(p->value, &w->size) || !w->size)
            return vemu__error_set(err, EINVAL, "size '%s' is not a size", p->value);
    } else if (strcmp(p->name, "backing_file") == 0) {
        w->backing = p->value;
    } else if (strcmp(p->name, "backing_fmt") == 0) {
        w->backing_format = p->value;
    } else if (strcmp(p->name, "data_file") == 0) {
        if (!s->external)
            return vemu__error_set(err, EINVAL,
                                   "data_file can only be set for images that use an external data "
                                   "file");
        w->data_file = p->value;
    } else {
        return vemu__error_set(err, ENOTSUP, "Option '%s' cannot be changed", p->name);
    }
    return 0;
}

static int fail(struct vemu_error **err, int r, const char *what)
{
    return r < 0 ? vemu__error_set(err, -r, "Could not change %s: %s", what, g_strerror(-r)) : 0;
}

/* --- refcount width --------------------------------------------------------------------------- */

static int set_refcount_bits(struct qcow2 *s, unsigned order)
{
    struct qcow2_shadow shadow;
    struct qcow2_refmap map;
    int r = vemu__qcow2_exclusive_begin(s);

    if (r < 0)
        return r;
    r = vemu__qcow2_shadow_begin(s, &shadow);
    if (r < 0)
        goto out;
    r = vemu__qcow2_refmap_init(&map, order, shadow.map.count);
    for (uint64_t i = 0; r == 0 && i < shadow.map.count; i++) {
        uint64_t refs = qcow2_refmap_get(&shadow.map, i);

        if (refs > qcow2_refcount_max(order))
            r = -ERANGE;
        else if (refs)
            vemu__qcow2_refcount_encode(map.data, order, i, refs);
    }
    if (r == 0) {
        vemu__qcow2_refmap_fini(&shadow.map);
        shadow.map = map;
        shadow.header.refcount_order = order;
        r = vemu__qcow2_shadow_commit(&shadow);
    } else {
        vemu__qcow2_refmap_fini(&map);
    }
    vemu__qcow2_shadow_end(&shadow);
out:
    vemu__qcow2_exclusive_end(s);
    return r;
}

/* --- version ---------------------------------------------------------------------------------- */

/* Writes the whole header, with names and extensions, as `h` has it. In exclusive work. */
static int write_header(struct qcow2 *s, const struct qcow2_header *h, struct vemu_error **err)
{
    int r = vemu__qcow2_header_write(s->image.file, h, err);

    if (r == 0)
        s->header = *h;
    return r;
}

/* Snapshots of version 3 have to say the disk's size. */
static int complete_snapshots(struct qcow2 *s)
{
    uint64_t old_bytes = vemu__qcow2_snapshot_bytes(s);
    struct qcow2_shadow shadow;
    bool changed = false;
    int r;

    for (unsigned i = 0; i < s->snapshot_count; i++) {
        changed |= s->snapshots[i].known_extra < 16;
        s->snapshots[i].known_extra = MAX(s->snapshots[i].known_extra, 16);
    }
    if (!changed)
        return 0;
    r = vemu__qcow2_shadow_begin(s, &shadow);
    if (r < 0)
        return r;
    r = vemu__qcow2_shadow_write_snapshots(&shadow, old_bytes);
    if (r == 0)
        r = vemu__qcow2_shadow_commit(&shadow);
    vemu__qcow2_shadow_end(&shadow);
    return r;
}

static int upgrade(struct qcow2 *s, struct vemu_error **err)
{
    struct qcow2_header h;
    int r = vemu__qcow2_exclusive_begin(s);

    if (r == 0) {
        r = complete_snapshots(s);
        h = s->header;
        h.version = 3;
        h.length = QCOW2_HEADER_SIZE;
        r = r < 0 ? fail(err, r, "snapshots") : write_header(s, &h, err);
        vemu__qcow2_exclusive_end(s);
    }
    return fail(err, r, "the version");
}

/* Version 2 has no zero clusters: they become nothing where nothing shows through, or data. */
static int expand_zeros(struct qcow2 *s, const struct vemu_progress *progress)
{
    uint64_t at = 0, size = s->header.size;
    struct qcow2_slice *slice;
    struct qcow2_run run;
    int r = 0;

    while (r == 0 && at < size) {
        pthread_mutex_lock(&s->lock);
        r = vemu__qcow2_find(s, at, size - at, &run);
        for (uint64_t done = 0; r == 0 && done < run.bytes; done += s->cluster_size) {
            struct qcow2_entry entry, none = { 0 };
            unsigned index;

            if ((run.type != QCOW2_T_ZERO_PLAIN && run.type != QCOW2_T_ZERO_ALLOC) ||
                !vemu__qcow2_reads_zero(s, QCOW2_T_UNALLOCATED, at) || s->image.backing_filename)
                break;
            r = vemu__qcow2_l2_write(s, at + done, &slice, &index);
            if (r < 0)
                break;
            vemu__qcow2_l2_get(s, slice, index, &entry);
            vemu__qcow2_l2_set(s, slice, index, &none);
            vemu__qcow2_free_entry(s, entry.l2, false);
        }
        pthread_mutex_unlock(&s->lock);
        if (r == 0 && s->image.backing_filename &&
            (run.type == QCOW2_T_ZERO_PLAIN || run.type == QCOW2_T_ZERO_ALLOC))
            r = vemu__qcow2_write_inner(s, at, run.bytes, NULL, 0, 0);
        at += r == 0 ? run.bytes : 0;
        if (r == 0)
            r = vemu__qcow2_relieve(s);
        if (r == 0)
            r = vemu__image_progress(progress, at, size);
    }
    return r;
}

static int downgrade(struct qcow2 *s, const struct vemu_progress *progress, struct vemu_error **err)
{
    const char *what = s->external                     ? "an external data file"
                       : s->extended                   ? "extended L2 entries"
                       : s->header.compression         ? "a compression type other than zlib"
                       : s->header.refcount_order != 4 ? "a refcount width other than 16 bits"
                       : s->bitmaps->len               ? "bitmaps"
                       : s->snapshot_count             ? "snapshots, which may have zero clusters"
                                                       : NULL;
    struct qcow2_header h;
    int r;

    if (what)
        return vemu__error_set(err, ENOTSUP, "Cannot downgrade an image with %s to compat=0.10",
                               what);
    s->lazy = false;
    r = expand_zeros(s, progress);
    if (r == 0) /* an image that was shrunk may have zero clusters behind its end */
        r = vemu__qcow2_empty_range(s, qcow2_align_up(s->header.size, s->cluster_size),
                                    s->l1.count << (s->cluster_bits + s->l2_bits));
    if (r == 0)
        r = vemu__qcow2_exclusive_begin(s);
    if (r == 0) {
        h = s->header;
        h.version = 2;
        h.length = QCOW2_V2_HEADER;
        h.incompatible = h.compatible = h.autoclear = 0;
        g_clear_pointer(&h.unknown_fields, g_byte_array_unref);
        s->header.unknown_fields = NULL;
        s->dirty_bit = false;
        r = write_header(s, &h, err);
        vemu__qcow2_exclusive_end(s);
    }
    return fail(err, r, "the version");
}

/* --- the rest --------------------------------------------------------------------------------- */

static int set_words(struct qcow2 *s, const struct wish *w, struct vemu_error **err)
{
    struct qcow2_header h;
    char *old = NULL;
    int r;

    if (w->lazy == 1 && s->header.version < 3)
        return vemu__error_set(err, EINVAL,
                               "Lazy refcounts only supported with compatibility level "
                               "1.1 and above (use compat=1.1 or greater)");
    if (w->raw == 1 && !(s->header.autoclear & QCOW2_AUTOCLEAR_RAW))
        return vemu__error_set(err, EINVAL, "data_file_raw cannot be set on existing images");
    r = vemu__qcow2_exclusive_begin(s);
    if (r < 0)
        return fail(err, r, "the header");
    h = s->header;
    if (w->lazy >= 0)
        h.compatible =
            w->lazy ? h.compatible | QCOW2_COMPAT_LAZY : h.compatible & ~QCOW2_COMPAT_LAZY;
    if (w->raw == 0)
        h.autoclear &= ~QCOW2_AUTOCLEAR_RAW;
    if (w->data_file) {
        old = h.data_file;
        h.data_file = *w->data_file ? g_strdup(w->data_file) : NULL;
    }
    r = write_header(s, &h, err);
    if (r < 0 && w->data_file)
        g_free(h.data_file);
    else
        g_free(old);
    if (r == 0 && w->lazy >= 0)
        s->lazy = w->lazy;
    vemu__qcow2_exclusive_end(s);
    return r;
}

int vemu__qcow2_amend(struct vemu_image *image, const struct vemu_property *props,
                      size_t prop_count, const struct vemu_progress *progress,
                      struct vemu_error **err)
{
    struct qcow2 *s = qcow2_of(image);
    struct wish w = { .version = 0, .lazy = -1, .raw = -1 };
    unsigned order;
    int r = vemu__qcow2_may_write(s);

    for (size_t i = 0; r == 0 && i < prop_count; i++)
        r = parse(s, &props[i], &w, err);
    if (!w.backing)
        w.backing = w.backing_format ? s->header.backing : NULL;
    else if (!w.backing_format)
        w.backing_format = s->header.backing_format;
    if (r == 0)
        r = vemu_image_check_backing(image, w.backing, w.backing_format, err);
    if (r < 0)
        return r;
    if (w.version == 3 && s->header.version == 2)
        r = upgrade(s, err);
    order = w.refcount_bits ? (unsigned)__builtin_ctzll(w.refcount_bits) : s->refcount_order;
    if (r == 0 && order != s->refcount_order) {
        if (s->header.version < 3)
            return vemu__error_set(err, EINVAL,
                                   "Refcount widths other than 16 bits require "
                                   "compatibility level 1.1 or above (use compat=1.1 "
                                   "or greater)");
        r = fail(err, set_refcount_bits(s, order), "the refcount width");
    }
    if (r == 0 && (w.lazy >= 0 || w.raw >= 0 || w.data_file))
        r = set_words(s, &w, err);
    if (r == 0 && (w.backing || w.backing_format))
        r = image->driver->set_backing(image, w.backing, w.backing_format, err);
    if (r == 0 && w.size)
        r = vemu_image_resize(image, w.size, NULL, 0, progress, err);
    if (r == 0 && w.version == 2 && s->header.version == 3)
        r = downgrade(s, progress, err);
    return r;
}
