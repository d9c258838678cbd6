/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dirty bitmaps in the file: directory, tables, data.
 *
 * Before the first change of a bitmap its "in use" flag is set on disk, so that nobody trusts it
 * after a crash. Storing writes data, tables and directory to new clusters, brings their refcounts
 * to the disk, then writes the header that has the directory's new place, then frees the old ones.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "image/qcow2/bitmap.h"
#include "image/qcow2/check.h"

#define ENTRY_SIZE 24u
#define MAX_NAME   1023u
#define TABLE_MASK 0x00fffffffffffe00ull
#define ALL_ONES   1ull

static bool all_ones(const uint8_t *p, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i++)
        if (p[i] != 0xff)
            return false;
    return true;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int bad(struct vemu_error **err, const char *what)
{
    return vemu__error_set(err, EINVAL, "Bitmap directory: %s", what);
}

/* `names`: of those before. */
static int decode(struct qcow2 *s, const uint8_t *p, uint64_t rest, uint64_t at, GHashTable *names,
                  uint64_t *ret_bytes, struct vemu_error **err)
{
    uint32_t flags, extra, table_size, name;
    struct qcow2_bitmap *bitmap;
    uint64_t table, need;

    if (rest < ENTRY_SIZE)
        return bad(err, "it is shorter than its entries");
    table = be_get64(p);
    table_size = be_get32(p + 8);
    flags = be_get32(p + 12);
    name = be_get16(p + 18);
    extra = be_get32(p + 20);
    need = qcow2_align_up((uint64_t)ENTRY_SIZE + extra + name, 8);
    if (need > rest)
        return bad(err, "an entry is longer than the directory");
    if (!name || name > MAX_NAME || memchr(p + ENTRY_SIZE + extra, 0, name))
        return bad(err, "a name is not valid");
    if (p[16] != 1)
        return bad(err, "a bitmap has an unknown type");
    if (p[17] < 9 || p[17] > 31)
        return bad(err, "a granularity is out of range");
    if (flags & ~7u)
        return bad(err, "unknown flags");
    if (!table || table & (s->cluster_size - 1) || table > INT64_MAX / 2)
        return bad(err, "a table's offset is not valid");
    g_autofree char *text = g_strndup((const char *)p + ENTRY_SIZE + extra, name);
    if (g_hash_table_contains(names, text))
        return bad(err, "a name is there twice");
    bitmap = vemu__qcow2_bitmap_new(s, text, p[17]);
    g_hash_table_add(names, bitmap->name);
    bitmap->persistent = true;
    bitmap->table_offset = table;
    bitmap->table_size = table_size;
    bitmap->flags = flags & ~QCOW2_BITMAP_IN_USE;
    bitmap->inconsistent = flags & QCOW2_BITMAP_IN_USE;
    bitmap->unknown = extra && !(flags & QCOW2_BITMAP_EXTRA_COMPAT);
    bitmap->flags_at = at + 12;
    bitmap->extra_size = extra;
    bitmap->extra = g_memdup2(p + ENTRY_SIZE, extra);
    g_ptr_array_add(s->bitmaps, bitmap);
    *ret_bytes = need;
    /* A bitmap in use may have been made for another size. */
    if (!bitmap->inconsistent && table_size != qcow2_div_up(bitmap->bytes, s->cluster_size))
        return bad(err, "a table has the wrong size for the image");
    return bitmap->bytes > QCOW2_MAX_BITMAP_BITS ? bad(err, "a bitmap is too large") : 0;
}

int vemu__qcow2_bitmaps_load(struct qcow2 *s, struct vemu_error **err)
{
    const struct qcow2_header *h = &s->header;
    uint64_t size = qcow2_align_up(atomic_load(&s->image.file->size), s->cluster_size), at = 0,
             n = 0;
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    g_autofree uint8_t *directory = NULL;
    int r;

    if (!h->bitmap_count)
        return 0;
    if (h->bitmaps_offset > size || h->bitmaps_size > size - h->bitmaps_offset)
        return bad(err, "it is behind the end of the file");
    directory = g_try_malloc(MAX(h->bitmaps_size, 1));
    r = directory ? vemu__qcow2_file_read(s->image.file, h->bitmaps_offset, directory,
                                          (size_t)h->bitmaps_size)
                  : -ENOMEM;
    if (r < 0)
        return vemu__error_set(err, -r, "Could not read bitmap directory: %s", g_strerror(-r));
    for (uint32_t i = 0; i < h->bitmap_count; i++) {
        r = decode(s, directory + at, h->bitmaps_size - at, h->bitmaps_offset + at, names, &n, err);
        if (r < 0)
            return r;
        at += n;
    }
    vemu__qcow2_bitmaps_update(s);
    return at == h->bitmaps_size ? 0 : bad(err, "it is longer than its entries");
}

static int read_table(struct qcow2 *s, const struct qcow2_bitmap *bitmap, uint64_t **ret)
{
    uint64_t size = qcow2_align_up(atomic_load(&s->image.file->size), s->cluster_size);

    *ret = NULL;
    if (bitmap->table_offset > size ||
        (uint64_t)bitmap->table_size * 8 > size - bitmap->table_offset)
        return -EIO;
    return vemu__qcow2_file_read_table(s->image.file, bitmap->table_offset, bitmap->table_size,
                                       ret);
}

int vemu__qcow2_bitmap_read(struct qcow2 *s, struct qcow2_bitmap *bitmap)
{
    uint64_t *table = NULL;
    int r = 0;

    if (bitmap->bits)
        return 0;
    if (vemu__qcow2_bitmaps_memory(s) + bitmap->bytes > QCOW2_MAX_BITMAP_BITS)
        return -EFBIG;
    bitmap->bits = g_try_malloc0(MAX(bitmap->bytes, 1));
    if (!bitmap->bits)
        return -ENOMEM;
    if (!bitmap->table_offset)
        return 0;
    r = read_table(s, bitmap, &table);
    for (uint64_t i = 0, at = 0; r == 0 && at < bitmap->bytes; i++, at += s->cluster_size) {
        uint64_t offset = table[i] & TABLE_MASK, n = MIN(s->cluster_size, bitmap->bytes - at);

        if (offset & (s->cluster_size - 1))
            r = -EIO;
        else if (offset)
            r = vemu__qcow2_file_read(s->image.file, offset, bitmap->bits + at, (size_t)n);
        else if (table[i] & ALL_ONES)
            memset(bitmap->bits + at, 0xff, (size_t)n);
    }
    if (r == 0 && bitmap->count % 8) /* bits behind the end are nothing */
        bitmap->bits[bitmap->bytes - 1] &= (uint8_t)((1u << (bitmap->count % 8)) - 1);
    free(table);
    if (r < 0)
        g_clear_pointer(&bitmap->bits, g_free);
    return r;
}

/* --- writing ---------------------------------------------------------------------------------- */

int vemu__qcow2_bitmap_mark(struct qcow2 *s, struct qcow2_bitmap *bitmap)
{
    uint8_t flags[4];
    int r;

    bitmap->changed = true;
    if (!bitmap->persistent || !bitmap->flags_at || bitmap->marked || !s->writable)
        return 0;
    r = vemu__qcow2_file_read(s->image.file, bitmap->flags_at, flags, sizeof(flags));
    be_put32(flags, be_get32(flags) | QCOW2_BITMAP_IN_USE);
    if (r == 0)
        r = vemu__qcow2_file_write(s->image.file, bitmap->flags_at, flags, sizeof(flags));
    if (r == 0)
        r = vemu_image_flush(s->image.file);
    bitmap->marked = r == 0;
    return r;
}

struct old {
    uint64_t offset, bytes;
};

static void gives_up(GArray *olds, uint64_t offset, uint64_t bytes)
{
    struct old old = { offset, bytes };

    if (offset && bytes)
        g_array_append_val(olds, old);
}

/* What a bitmap takes in the file. */
static int give_up_bitmap(struct qcow2 *s, const struct qcow2_bitmap *bitmap, GArray *olds)
{
    uint64_t *table = NULL;
    int r = bitmap->table_offset ? read_table(s, bitmap, &table) : 0;

    for (uint32_t i = 0; r == 0 && table && i < bitmap->table_size; i++)
        gives_up(olds, table[i] & TABLE_MASK & ~(uint64_t)(s->cluster_size - 1), s->cluster_size);
    if (r == 0)
        gives_up(olds, bitmap->table_offset, (uint64_t)bitmap->table_size * 8);
    free(table);
    return r;
}

static int alloc_write(struct qcow2 *s, const void *data, uint64_t bytes, uint64_t *ret_offset)
{
    uint64_t room = qcow2_align_up(bytes, s->cluster_size);
    uint8_t *padded = vemu__qcow2_buffer(room);
    int r = padded ? 0 : -ENOMEM;

    if (r == 0) {
        memcpy(padded, data, bytes);
        memset(padded + bytes, 0, room - bytes);
        pthread_mutex_lock(&s->lock);
        r = vemu__qcow2_alloc_table(s, bytes, ret_offset);
        pthread_mutex_unlock(&s->lock);
    }
    if (r == 0)
        r = vemu__qcow2_file_write(s->image.file, *ret_offset, padded, room);
    free(padded);
    return r;
}

static int store_bits(struct qcow2 *s, struct qcow2_bitmap *bitmap, GArray *olds)
{
    uint32_t size = (uint32_t)qcow2_div_up(bitmap->bytes, s->cluster_size);
    uint64_t *table = calloc(MAX(size, 1), 8);
    int r = table ? give_up_bitmap(s, bitmap, olds) : -ENOMEM;

    for (uint32_t i = 0; r == 0 && i < size; i++) {
        uint64_t at = (uint64_t)i * s->cluster_size, n = MIN(s->cluster_size, bitmap->bytes - at);

        if (vemu__is_zero(bitmap->bits + at, (size_t)n))
            continue;
        if (n == s->cluster_size && all_ones(bitmap->bits + at, n)) {
            table[i] = htobe64(ALL_ONES);
            continue;
        }
        r = alloc_write(s, bitmap->bits + at, n, &table[i]);
        table[i] = htobe64(table[i]);
    }
    if (r == 0)
        r = alloc_write(s, table, MAX(size, 1) * 8ull, &bitmap->table_offset);
    if (r == 0)
        bitmap->table_size = size;
    free(table);
    return r;
}

static void encode(GByteArray *out, struct qcow2_bitmap *bitmap)
{
    uint8_t head[ENTRY_SIZE] = { 0 };
    guint start = out->len;

    be_put64(head, bitmap->table_offset);
    be_put32(head + 8, bitmap->table_size);
    be_put32(head + 12, bitmap->flags | (bitmap->inconsistent ? QCOW2_BITMAP_IN_USE : 0));
    head[16] = 1;
    head[17] = bitmap->granularity_bits;
    be_put16(head + 18, (uint16_t)strlen(bitmap->name));
    be_put32(head + 20, bitmap->extra_size);
    g_byte_array_append(out, head, sizeof(head));
    if (bitmap->extra_size)
        g_byte_array_append(out, bitmap->extra, bitmap->extra_size);
    g_byte_array_append(out, (const uint8_t *)bitmap->name, (guint)strlen(bitmap->name));
    bitmap->flags_at = start + 12; /* in the directory so far */
    while (out->len % 8)
        g_byte_array_append(out, (const uint8_t *)"", 1);
}

/* The new directory becomes the image's, and the old one's clusters are given back. */
static int switch_directory(struct qcow2 *s, const struct qcow2_header *new, GArray *olds)
{
    struct qcow2_header old;
    int r = vemu__qcow2_settle(s);

    if (r < 0)
        return r;
    old = s->header;
    s->header.bitmap_count = new->bitmap_count;
    s->header.bitmaps_offset = new->bitmaps_offset;
    s->header.bitmaps_size = new->bitmaps_size;
    s->header.autoclear = new->autoclear;
    r = vemu__qcow2_header_write(s->image.file, &s->header, NULL);
    if (r < 0) {
        s->header = old;
        return r;
    }
    pthread_mutex_lock(&s->lock);
    gives_up(olds, old.bitmap_count ? old.bitmaps_offset : 0, old.bitmaps_size);
    for (guint i = 0; i < olds->len; i++) {
        struct old *gone = &g_array_index(olds, struct old, i);

        vemu__qcow2_free_later(s, gone->offset, gone->bytes, false);
    }
    if (new->bitmap_count)
        vemu__qcow2_metadata_mark(s, new->bitmaps_offset, new->bitmaps_size);
    pthread_mutex_unlock(&s->lock);
    return vemu__qcow2_settle(s);
}

int vemu__qcow2_bitmaps_store(struct qcow2 *s)
{
    g_autoptr(GArray) olds = g_array_new(FALSE, FALSE, sizeof(struct old));
    g_autoptr(GByteArray) directory = g_byte_array_new();
    struct qcow2_header h = s->header;
    bool changed = s->bitmap_removed != NULL;
    int r = 0;

    for (guint i = 0; i < s->bitmaps->len; i++) {
        const struct qcow2_bitmap *bitmap = g_ptr_array_index(s->bitmaps, i);

        changed |= bitmap->persistent && bitmap->changed;
    }
    if (!changed)
        return 0;
    h.bitmap_count = 0;
    for (guint i = 0; s->bitmap_removed && r == 0 && i < s->bitmap_removed->len; i++)
        r = give_up_bitmap(s, g_ptr_array_index(s->bitmap_removed, i), olds);
    for (guint i = 0; r == 0 && i < s->bitmaps->len; i++) {
        struct qcow2_bitmap *bitmap = g_ptr_array_index(s->bitmaps, i);

        if (!bitmap->persistent)
            continue;
        if (bitmap->bits && bitmap->changed)
            r = store_bits(s, bitmap, olds);
        encode(directory, bitmap);
        h.bitmap_count++;
    }
    h.autoclear &= ~QCOW2_AUTOCLEAR_BITMAPS;
    h.bitmaps_size = directory->len;
    h.bitmaps_offset = 0;
    if (r == 0 && h.bitmap_count) {
        h.autoclear |= QCOW2_AUTOCLEAR_BITMAPS;
        r = directory->len > QCOW2_MAX_BITMAP_DATA
                ? -EFBIG
                : alloc_write(s, directory->data, directory->len, &h.bitmaps_offset);
    }
    if (r == 0)
        r = switch_directory(s, &h, olds);
    if (r < 0) /* on disk they stay in use: a leak, and bitmaps that nobody trusts */
        return r;
    for (guint i = 0; i < s->bitmaps->len; i++) {
        struct qcow2_bitmap *bitmap = g_ptr_array_index(s->bitmaps, i);

        bitmap->flags_at = bitmap->persistent ? bitmap->flags_at + h.bitmaps_offset : 0;
        bitmap->marked = bitmap->changed = false;
    }
    g_clear_pointer(&s->bitmap_removed, g_ptr_array_unref);
    return 0;
}

/* --- check ------------------------------------------------------------------------------------ */

int vemu__qcow2_bitmaps_check(struct qcow2_check *c)
{
    struct qcow2 *s = c->s;
    int r = 0;

    if (s->header.bitmap_count)
        r = vemu__qcow2_check_ref(c, s->header.bitmaps_offset, s->header.bitmaps_size, 1);
    for (guint i = 0; r == 0 && i < s->bitmaps->len; i++) {
        const struct qcow2_bitmap *bitmap = g_ptr_array_index(s->bitmaps, i);
        uint64_t *table;

        if (!bitmap->table_offset)
            continue;
        r = vemu__qcow2_check_ref(c, bitmap->table_offset, (uint64_t)bitmap->table_size * 8, 1);
        if (r < 0)
            break;
        if (read_table(s, bitmap, &table) < 0) {
            vemu__qcow2_check_say(c, "ERROR bitmap '%s': the table cannot be read", bitmap->name);
            c->result->corruptions++;
            continue;
        }
        for (uint32_t n = 0; r == 0 && n < bitmap->table_size; n++) {
            uint64_t offset = table[n] & TABLE_MASK;

            if (table[n] & ~(TABLE_MASK | ALL_ONES) || (offset && table[n] & ALL_ONES) ||
                offset & (s->cluster_size - 1)) {
                vemu__qcow2_check_say(c,
                                      "ERROR bitmap '%s': table entry %" PRIu32 " is not valid: "
                                      "%" PRIx64,
                                      bitmap->name, n, table[n]);
                c->result->corruptions++;
            } else if (offset) {
                r = vemu__qcow2_check_ref(c, offset, s->cluster_size, 1);
            }
        }
        free(table);
    }
    return r;
}
