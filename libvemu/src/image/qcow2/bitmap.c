/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dirty bitmaps of qcow2 images: recording writes, and what users do with them.
 */
#include <errno.h>

#include "image/qcow2/bitmap.h"

struct qcow2_bitmap *vemu__qcow2_bitmap_new(struct qcow2 *s, const char *name,
                                            uint8_t granularity_bits)
{
    struct qcow2_bitmap *bitmap = g_new0(struct qcow2_bitmap, 1);

    bitmap->name = g_strdup(name);
    bitmap->granularity_bits = granularity_bits;
    bitmap->count = qcow2_div_up(s->header.size, 1ull << granularity_bits);
    bitmap->bytes = qcow2_div_up(bitmap->count, 8);
    return bitmap;
}

void vemu__qcow2_bitmap_free(void *data)
{
    struct qcow2_bitmap *bitmap = data;

    g_free(bitmap->name);
    g_free(bitmap->extra);
    g_free(bitmap->bits);
    g_free(bitmap);
}

struct qcow2_bitmap *vemu__qcow2_bitmap_find(const struct qcow2 *s, const char *name)
{
    for (guint i = 0; i < s->bitmaps->len; i++) {
        struct qcow2_bitmap *bitmap = g_ptr_array_index(s->bitmaps, i);

        if (strcmp(bitmap->name, name) == 0)
            return bitmap;
    }
    return NULL;
}

uint64_t vemu__qcow2_bitmaps_memory(const struct qcow2 *s)
{
    uint64_t bytes = 0;

    for (guint i = 0; i < s->bitmaps->len; i++) {
        const struct qcow2_bitmap *bitmap = g_ptr_array_index(s->bitmaps, i);

        if (bitmap->bits)
            bytes += bitmap->bytes;
    }
    return bytes;
}

static bool usable(const struct qcow2_bitmap *bitmap)
{
    return !bitmap->inconsistent && !bitmap->unknown;
}

static int check_usable(const struct qcow2_bitmap *bitmap, struct vemu_error **err)
{
    if (bitmap->inconsistent)
        return vemu__error_set(err, EINVAL,
                               "Bitmap '%s' is inconsistent and cannot be used; it "
                               "can only be removed",
                               bitmap->name);
    if (bitmap->unknown)
        return vemu__error_set(err, ENOTSUP, "Bitmap '%s' has extra data that is not known",
                               bitmap->name);
    return 0;
}

static bool records(const struct qcow2_bitmap *bitmap)
{
    return usable(bitmap) && bitmap->flags & QCOW2_BITMAP_AUTO;
}

void vemu__qcow2_bitmaps_update(struct qcow2 *s)
{
    bool any = false;

    for (guint i = 0; i < s->bitmaps->len; i++)
        any |= records(g_ptr_array_index(s->bitmaps, i));
    atomic_store(&s->bitmaps_recording, any);
}

/* --- bits ------------------------------------------------------------------------------------- */

static void set_range(struct qcow2_bitmap *bitmap, uint64_t offset, uint64_t bytes)
{
    uint64_t bit = offset >> bitmap->granularity_bits;
    uint64_t last = MIN((offset + bytes - 1) >> bitmap->granularity_bits, bitmap->count - 1);

    for (; bit <= last; bit++) {
        if (bit % 8 == 0 && last - bit >= 8) { /* whole bytes */
            uint64_t n = (last - bit) / 8;

            memset(bitmap->bits + bit / 8, 0xff, n);
            bit += n * 8 - 1;
            continue;
        }
        bitmap->bits[bit / 8] |= (uint8_t)(1u << bit % 8);
    }
}

static bool get_bit(const struct qcow2_bitmap *bitmap, uint64_t bit)
{
    return bitmap->bits[bit / 8] >> bit % 8 & 1;
}

/* The first bit from `bit` on that is `set`, or the number of bits. */
static uint64_t find_bit(const struct qcow2_bitmap *bitmap, uint64_t bit, bool set)
{
    while (bit < bitmap->count) {
        if (bit % 8 == 0 && bitmap->bits[bit / 8] == (set ? 0 : 0xff)) {
            bit += 8;
            continue;
        }
        if (get_bit(bitmap, bit) == set)
            return bit;
        bit++;
    }
    return bitmap->count;
}

/* Ready to be changed: read, and in use on disk. */
static int prepare(struct qcow2 *s, struct qcow2_bitmap *bitmap)
{
    int r = vemu__qcow2_bitmap_read(s, bitmap);

    return r < 0 ? r : vemu__qcow2_bitmap_mark(s, bitmap);
}

int vemu__qcow2_bitmaps_touch(struct qcow2 *s, uint64_t offset, uint64_t bytes)
{
    int r = 0;

    if (!atomic_load(&s->bitmaps_recording) || !bytes)
        return 0;
    for (guint i = 0; r == 0 && i < s->bitmaps->len; i++) {
        struct qcow2_bitmap *bitmap = g_ptr_array_index(s->bitmaps, i);

        if (!records(bitmap) || !bitmap->count)
            continue;
        r = prepare(s, bitmap);
        if (r == 0)
            set_range(bitmap, offset, bytes);
    }
    return r;
}

/* --- another size of the image ---------------------------------------------------------------- */

int vemu__qcow2_bitmaps_prepare_size(struct qcow2 *s, uint64_t size, struct vemu_error **err)
{
    uint64_t more = 0;
    int r = 0;

    pthread_mutex_lock(&s->lock);
    for (guint i = 0; r == 0 && i < s->bitmaps->len; i++) {
        struct qcow2_bitmap *bitmap = g_ptr_array_index(s->bitmaps, i);
        uint64_t bytes = qcow2_div_up(qcow2_div_up(size, 1ull << bitmap->granularity_bits), 8);
        uint8_t *bits;

        r = check_usable(bitmap, err);
        if (r == 0) {
            r = prepare(s, bitmap);
            if (r < 0)
                vemu__error_set(err, -r, "Bitmap '%s': %s", bitmap->name, g_strerror(-r));
        }
        more += bytes > bitmap->bytes ? bytes - bitmap->bytes : 0;
        if (r == 0 && vemu__qcow2_bitmaps_memory(s) + more > QCOW2_MAX_BITMAP_BITS)
            r = vemu__error_set(err, EFBIG, "Bitmap '%s' would be too large", bitmap->name);
        if (r < 0 || bytes <= bitmap->bytes)
            continue;
        bits = g_try_realloc(bitmap->bits, bytes);
        if (!bits) {
            r = vemu__error_set(err, ENOMEM, "No memory for bitmap '%s'", bitmap->name);
            continue;
        }
        memset(bits + bitmap->bytes, 0, bytes - bitmap->bytes);
        bitmap->bits = bits;
    }
    pthread_mutex_unlock(&s->lock);
    return r;
}

void vemu__qcow2_bitmaps_set_size(struct qcow2 *s)
{
    pthread_mutex_lock(&s->lock);
    for (guint i = 0; i < s->bitmaps->len; i++) {
        struct qcow2_bitmap *bitmap = g_ptr_array_index(s->bitmaps, i);

        bitmap->count = qcow2_div_up(s->header.size, 1ull << bitmap->granularity_bits);
        bitmap->bytes = qcow2_div_up(bitmap->count, 8);
        if (bitmap->bits && bitmap->count % 8) /* what was cut off does not come back */
            bitmap->bits[bitmap->bytes - 1] &= (uint8_t)((1u << (bitmap->count % 8)) - 1);
    }
    pthread_mutex_unlock(&s->lock);
}

uint64_t vemu__qcow2_measure_bitmaps(struct vemu_image *source, uint32_t cluster_size)
{
    const struct qcow2 *s = qcow2_of(source);
    uint64_t bytes = 0, directory = 0;

    if (source->driver != &vemu__qcow2_driver)
        return 0;
    for (guint i = 0; i < s->bitmaps->len; i++) {
        const struct qcow2_bitmap *bitmap = g_ptr_array_index(s->bitmaps, i);
        uint64_t clusters = qcow2_div_up(bitmap->bytes, cluster_size);

        if (!bitmap->persistent || bitmap->inconsistent)
            continue;
        bytes += clusters * cluster_size + qcow2_align_up(clusters * 8, cluster_size);
        directory += qcow2_align_up(24 + strlen(bitmap->name), 8);
    }
    return bytes + qcow2_align_up(directory, cluster_size);
}

/* --- for users -------------------------------------------------------------------------------- */

static int find_usable(struct qcow2 *s, const char *name, struct qcow2_bitmap **ret,
                       struct vemu_error **err)
{
    *ret = vemu__qcow2_bitmap_find(s, name);
    if (!*ret)
        return vemu__error_set(err, ENOENT, "Dirty bitmap '%s' not found", name);
    return check_usable(*ret, err);
}

static int qcow2_bitmap_list(struct vemu_image *image,
                             int (*each)(void *, const struct vemu_image_bitmap *), void *data)
{
    struct qcow2 *s = qcow2_of(image);
    g_autoptr(GArray) list = g_array_new(FALSE, TRUE, sizeof(struct vemu_image_bitmap));
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    int r = 0;

    pthread_mutex_lock(&s->lock);
    for (guint i = 0; r == 0 && i < s->bitmaps->len; i++) {
        struct qcow2_bitmap *bitmap = g_ptr_array_index(s->bitmaps, i);
        struct vemu_image_bitmap one = { .name = g_strdup(bitmap->name) };
        uint64_t bit = 0, end, dirty = 0, shift = bitmap->granularity_bits;

        g_ptr_array_add(names, (char *)one.name);
        one.granularity = 1ull << shift;
        one.flags = (bitmap->flags & QCOW2_BITMAP_AUTO ? VEMU_IMAGE_BITMAP_ENABLED : 0) |
                    (bitmap->inconsistent ? VEMU_IMAGE_BITMAP_INCONSISTENT : 0) |
                    (bitmap->persistent ? VEMU_IMAGE_BITMAP_PERSISTENT : 0);
        if (usable(bitmap))
            r = vemu__qcow2_bitmap_read(s, bitmap);
        for (; r == 0 && bitmap->bits; bit = end) {
            bit = find_bit(bitmap, bit, true);
            if (bit >= bitmap->count)
                break;
            end = find_bit(bitmap, bit, false);
            dirty += MIN(end << shift, s->header.size) - (bit << shift);
        }
        one.dirty_bytes = dirty;
        g_array_append_val(list, one);
    }
    pthread_mutex_unlock(&s->lock);
    for (guint i = 0; r == 0 && i < list->len; i++) /* no lock while calling out */
        r = each(data, &g_array_index(list, struct vemu_image_bitmap, i));
    return r;
}

static int qcow2_bitmap_add(struct vemu_image *image, const char *name, uint64_t granularity,
                            uint32_t flags, struct vemu_error **err)
{
    struct qcow2 *s = qcow2_of(image);
    struct qcow2_bitmap *bitmap;
    int r = 0;

    if (!granularity)
        granularity = MIN(MAX(s->cluster_size, 4096), 65536);
    if (granularity < 512 || granularity > 1ull << 31 || granularity & (granularity - 1))
        return vemu__error_set(err, EINVAL,
                               "The granularity must be a power of two from 512 bytes to 2 GiB");
    if (!*name || strlen(name) > 1023)
        return vemu__error_set(err, EINVAL, "The name of a bitmap has 1 to 1023 bytes");
    if (flags & VEMU_IMAGE_BITMAP_PERSISTENT && s->header.version < 3)
        return vemu__error_set(err, ENOTSUP, "Cannot store dirty bitmaps in qcow2 v2 files");
    pthread_mutex_lock(&s->lock);
    bitmap = vemu__qcow2_bitmap_new(s, name, (uint8_t)__builtin_ctzll(granularity));
    if (vemu__qcow2_bitmap_find(s, name))
        r = vemu__error_set(err, EEXIST, "Bitmap already exists: %s", name);
    else if (s->bitmaps->len >= QCOW2_MAX_BITMAPS)
        r = vemu__error_set(err, EFBIG, "There are %u bitmaps already", s->bitmaps->len);
    else if (vemu__qcow2_bitmaps_memory(s) + bitmap->bytes > QCOW2_MAX_BITMAP_BITS)
        r = vemu__error_set(err, EFBIG, "The bitmap would be too large: use a larger granularity");
    else if (vemu__qcow2_bitmap_read(s, bitmap) < 0)
        r = vemu__error_set(err, ENOMEM, "No memory for the bitmap");
    if (r == 0) {
        bitmap->persistent = flags & VEMU_IMAGE_BITMAP_PERSISTENT;
        bitmap->flags = flags & VEMU_IMAGE_BITMAP_ENABLED ? QCOW2_BITMAP_AUTO : 0;
        bitmap->changed = true;
        g_ptr_array_add(s->bitmaps, bitmap);
        vemu__qcow2_bitmaps_update(s);
    } else {
        vemu__qcow2_bitmap_free(bitmap);
    }
    pthread_mutex_unlock(&s->lock);
    return r;
}

static int qcow2_bitmap_remove(struct vemu_image *image, const char *name, struct vemu_error **err)
{
    struct qcow2 *s = qcow2_of(image);
    struct qcow2_bitmap *bitmap;
    guint index;
    int r = 0;

    pthread_mutex_lock(&s->lock);
    bitmap = vemu__qcow2_bitmap_find(s, name);
    if (!bitmap) {
        r = vemu__error_set(err, ENOENT, "Dirty bitmap '%s' not found", name);
    } else if ((r = vemu__qcow2_bitmap_mark(s, bitmap)) < 0) {
        /* after a crash it is there again, without what is written from now on */
        vemu__error_set(err, -r, "Bitmap '%s': %s", name, g_strerror(-r));
    } else {
        (void)g_ptr_array_find(s->bitmaps, bitmap, &index);
        (void)g_ptr_array_steal_index(s->bitmaps, index);
        if (bitmap->persistent && bitmap->table_offset) {
            if (!s->bitmap_removed)
                s->bitmap_removed = g_ptr_array_new_with_free_func(vemu__qcow2_bitmap_free);
            g_ptr_array_add(s->bitmap_removed, bitmap);
        } else {
            vemu__qcow2_bitmap_free(bitmap);
        }
        vemu__qcow2_bitmaps_update(s);
    }
    pthread_mutex_unlock(&s->lock);
    return r;
}

/* With the lock: a bitmap that is about to be changed. */
static int find_to_change(struct qcow2 *s, const char *name, struct qcow2_bitmap **ret,
                          struct vemu_error **err)
{
    int r = find_usable(s, name, ret, err);

    return r < 0 ? r : prepare(s, *ret);
}

static int qcow2_bitmap_clear(struct vemu_image *image, const char *name, struct vemu_error **err)
{
    struct qcow2 *s = qcow2_of(image);
    struct qcow2_bitmap *bitmap;
    int r;

    pthread_mutex_lock(&s->lock);
    r = find_to_change(s, name, &bitmap, err);
    if (r == 0)
        memset(bitmap->bits, 0, bitmap->bytes);
    pthread_mutex_unlock(&s->lock);
    return r;
}

static int qcow2_bitmap_enable(struct vemu_image *image, const char *name, int enabled,
                               struct vemu_error **err)
{
    struct qcow2 *s = qcow2_of(image);
    struct qcow2_bitmap *bitmap;
    int r;

    pthread_mutex_lock(&s->lock);
    r = find_to_change(s, name, &bitmap, err);
    if (r == 0)
        bitmap->flags =
            enabled ? bitmap->flags | QCOW2_BITMAP_AUTO : bitmap->flags & ~QCOW2_BITMAP_AUTO;
    vemu__qcow2_bitmaps_update(s);
    pthread_mutex_unlock(&s->lock);
    return r;
}

static int qcow2_bitmap_set(struct vemu_image *image, const char *name, uint64_t offset,
                            uint64_t bytes)
{
    struct qcow2 *s = qcow2_of(image);
    struct qcow2_bitmap *bitmap;
    int r;

    pthread_mutex_lock(&s->lock);
    r = find_usable(s, name, &bitmap, NULL);
    if (r == 0 && bytes && bitmap->count) {
        r = prepare(s, bitmap);
        if (r == 0)
            set_range(bitmap, offset, bytes);
    }
    pthread_mutex_unlock(&s->lock);
    return r;
}

static int qcow2_bitmap_next(struct vemu_image *image, const char *name, uint64_t offset,
                             uint64_t *ret_offset, uint64_t *ret_bytes)
{
    struct qcow2 *s = qcow2_of(image);
    struct qcow2_bitmap *bitmap;
    uint64_t bit, end;
    int r;

    pthread_mutex_lock(&s->lock);
    r = find_usable(s, name, &bitmap, NULL);
    if (r == 0)
        r = vemu__qcow2_bitmap_read(s, bitmap);
    if (r == 0 && offset < s->header.size) { /* in the last granule there may be bytes behind it */
        bit = find_bit(bitmap, offset >> bitmap->granularity_bits, true);
        if (bit < bitmap->count) {
            end = find_bit(bitmap, bit, false) << bitmap->granularity_bits;
            *ret_offset = MAX(offset, bit << bitmap->granularity_bits);
            *ret_bytes = MIN(end, s->header.size) - *ret_offset;
            r = 1;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return r;
}

const struct vemu_image_bitmap_ops vemu__qcow2_bitmap_ops = {
    .list = qcow2_bitmap_list,
    .add = qcow2_bitmap_add,
    .remove = qcow2_bitmap_remove,
    .clear = qcow2_bitmap_clear,
    .enable = qcow2_bitmap_enable,
    .set_dirty = qcow2_bitmap_set,
    .next_dirty = qcow2_bitmap_next,
};
