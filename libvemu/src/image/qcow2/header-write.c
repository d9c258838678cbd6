/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The header of qcow2 images: writing, so that a crash leaves the old one or the new one.
 *
 * A sector is written whole or not at all, several may be torn in any way. So the first sector
 * decides: it has the fields, and whatever of the extensions finds room there. What does not - the
 * backing file's name, long extensions - goes behind it, to bytes that the present first sector
 * does not refer to (or that have the same in them already); flush; the first sector; flush.
 *
 * Extensions are one chain, that has to begin behind the fields. Where its rest cannot stand right
 * behind the first sector, a table of feature names leads over what is there: a reader stops at its
 * first empty name, and a program that does not want names skips it.
 *
 * Names of features are for people's eyes alone, and fill what is left of the first sector.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "image/qcow2/qcow2.h"

#define EXT_HEAD 8u
#define NEAR     4096u
/* What has to be in the first sector of a table of names that ends at once. */
#define EMPTY_TABLE 16u

struct feature {
    uint8_t type, bit; /* type 0: incompatible, 1: compatible, 2: auto-clear */
    char name[QCOW2_FEATURE_SIZE - 2];
};
static const struct feature features[] = {
    { 0, 0, "dirty bit" },        { 0, 1, "corrupt bit" },         { 0, 2, "external data file" },
    { 0, 3, "compression type" }, { 0, 4, "extended L2 entries" }, { 1, 0, "lazy refcounts" },
    { 2, 0, "bitmaps" },          { 2, 1, "raw external data" },
};

static void encode_fields(const struct qcow2_header *h, uint64_t backing, uint8_t *p)
{
    be_put32(p, QCOW2_MAGIC);
    be_put32(p + 4, h->version);
    be_put64(p + 8, backing);
    be_put32(p + 16, backing ? (uint32_t)strlen(h->backing) : 0);
    be_put32(p + 20, h->cluster_bits);
    be_put64(p + 24, h->size);
    be_put32(p + 32, h->crypt);
    be_put32(p + 36, h->l1_size);
    be_put64(p + 40, h->l1_offset);
    be_put64(p + 48, h->reftable_offset);
    be_put32(p + 56, h->reftable_clusters);
    be_put32(p + 60, h->snapshot_count);
    be_put64(p + 64, h->snapshots_offset);
    if (h->version == 2)
        return;
    be_put64(p + 72, h->incompatible);
    be_put64(p + 80, h->compatible);
    be_put64(p + 88, h->autoclear);
    be_put32(p + 96, h->refcount_order);
    be_put32(p + 100, h->length);
    if (h->length > QCOW2_V3_HEADER)
        p[QCOW2_V3_HEADER] = h->compression;
}

/* --- what is to be written -------------------------------------------------------------------- */

struct plan {
    const struct qcow2_header *h;
    size_t cluster, sector;  /* bytes of the first cluster, of its first sector */
    size_t room;             /* of the first sector: for fields and extensions */
    GByteArray *first;       /* fields, and extensions that stand right behind them */
    GByteArray *rest;        /* extensions that found no room there, and their end; or nothing */
    size_t name;             /* bytes of the backing file's name; 0: none */
    size_t rest_at, name_at; /* where they go */
};

static void put_extension(GByteArray *out, uint32_t type, const void *data, size_t bytes)
{
    static const uint8_t zeros[8];
    uint8_t head[EXT_HEAD];

    be_put32(head, type);
    be_put32(head + 4, (uint32_t)bytes);
    g_byte_array_append(out, head, sizeof(head));
    if (bytes)
        g_byte_array_append(out, data, (guint)bytes);
    g_byte_array_append(out, zeros, (guint)(qcow2_align_up(bytes, 8) - bytes));
}

static void add_extension(struct plan *plan, uint32_t type, const void *data, size_t bytes)
{
    bool fits = plan->first->len + EXT_HEAD + qcow2_align_up(bytes, 8) <= plan->room;

    put_extension(fits ? plan->first : plan->rest, type, data, bytes);
}

static void add_unknown(struct plan *plan, const GByteArray *all)
{
    for (size_t at = 0; at + EXT_HEAD <= all->len;) {
        size_t bytes = MIN(be_get32(all->data + at + 4), all->len - at - EXT_HEAD);

        add_extension(plan, be_get32(all->data + at), all->data + at + EXT_HEAD, bytes);
        at += EXT_HEAD + (size_t)qcow2_align_up(bytes, 8);
    }
}

/* Fields without their contents, extensions. */
static void plan_fill(struct plan *plan, size_t room)
{
    const struct qcow2_header *h = plan->h;
    uint8_t bitmaps[24] = { 0 };

    plan->room = room;
    g_byte_array_set_size(plan->rest, 0);
    g_byte_array_set_size(plan->first, h->length);
    memset(plan->first->data, 0, plan->first->len);
    if (h->unknown_fields)
        memcpy(plan->first->data + QCOW2_HEADER_SIZE, h->unknown_fields->data,
               h->unknown_fields->len);
    if (h->bitmap_count) {
        be_put32(bitmaps, h->bitmap_count);
        be_put64(bitmaps + 8, h->bitmaps_size);
        be_put64(bitmaps + 16, h->bitmaps_offset);
        add_extension(plan, QCOW2_EXT_BITMAPS, bitmaps, sizeof(bitmaps));
    }
    if (h->backing && h->backing_format)
        add_extension(plan, QCOW2_EXT_BACKING, h->backing_format, strlen(h->backing_format));
    if (h->incompatible & QCOW2_INCOMPAT_DATA_FILE && h->data_file)
        add_extension(plan, QCOW2_EXT_DATA, h->data_file, strlen(h->data_file));
    if (h->unknown_extensions)
        add_unknown(plan, h->unknown_extensions);
    if (plan->rest->len)
        put_extension(plan->rest, QCOW2_EXT_END, NULL, 0);
}

static void plan_init(struct plan *plan, const struct qcow2_header *h)
{
    plan->h = h;
    plan->cluster = (size_t)1 << h->cluster_bits;
    plan->sector = IMAGE_SECTOR;
    plan->first = g_byte_array_new();
    plan->rest = g_byte_array_new();
    plan->name = h->backing ? strlen(h->backing) : 0;
    plan->rest_at = plan->name_at = 0;
    plan_fill(plan, plan->sector - (plan->cluster > plan->sector ? EXT_HEAD : 0));
    if (plan->rest->len) /* the first sector needs what leads to the rest */
        plan_fill(plan, plan->sector - EMPTY_TABLE);
}

static void plan_fini(struct plan *plan)
{
    g_byte_array_unref(plan->first);
    g_byte_array_unref(plan->rest);
}

/* --- what is there ---------------------------------------------------------------------------- */

static void mark(uint8_t *used, size_t cluster, uint64_t from, uint64_t bytes)
{
    if (from < cluster)
        memset(used + from, 1, (size_t)MIN(bytes, cluster - from));
}

/* Of a table of names, what is before the first empty one. */
static size_t names_bytes(const uint8_t *table, size_t bytes)
{
    size_t at = 0;

    while (at + QCOW2_FEATURE_SIZE <= bytes && table[at + 2])
        at += QCOW2_FEATURE_SIZE;
    return at + 3 <= bytes && !table[at + 2] ? at + 3 : bytes;
}

/* The bytes that the header in `old` refers to, one each; where its extensions end. It was read and
 * judged before, but may have been changed since. */
static size_t mark_header(const uint8_t *old, size_t cluster, uint8_t *used)
{
    uint64_t name = be_get64(old + 8), end = name ? MIN(name, cluster) : cluster;
    uint64_t at = be_get32(old + 4) == 2 ? QCOW2_V2_HEADER : be_get32(old + 100);

    mark(used, cluster, 0, at);
    if (name)
        mark(used, cluster, name, be_get32(old + 16));
    while (at + EXT_HEAD <= end) {
        uint32_t type = be_get32(old + at), bytes = be_get32(old + at + 4);

        mark(used, cluster, at, EXT_HEAD);
        if (type == QCOW2_EXT_END)
            break;
        bytes = (uint32_t)MIN(bytes, end - at - EXT_HEAD);
        mark(used, cluster, at + EXT_HEAD,
             type == QCOW2_EXT_FEATURES ? names_bytes(old + at + EXT_HEAD, bytes) : bytes);
        at += EXT_HEAD + qcow2_align_up(bytes, 8);
    }
    return (size_t)MIN(at, cluster);
}

/* --- where the rest goes ---------------------------------------------------------------------- */

/* Something has to end the chain of extensions, or lead to its rest, if that is not next. */
static bool may_be_at(const struct plan *plan, size_t at, size_t bytes)
{
    return at % 8 == 0 && bytes <= plan->cluster && at <= plan->cluster - bytes &&
           (at == plan->first->len || at >= plan->first->len + EXT_HEAD);
}

static bool is_free(const uint8_t *used, size_t at, size_t bytes)
{
    return !memchr(used + at, 1, bytes);
}

/* The last place from `from` to `end` that nothing refers to; 0: there is none. */
static size_t find_last(const uint8_t *used, size_t from, size_t end, size_t bytes)
{
    size_t at = end >= from + bytes ? (end - bytes) & ~(size_t)7 : 0;

    while (at >= from && !is_free(used, at, bytes)) {
        size_t last = at + bytes - 1; /* that is used: the place has to end before it */

        while (!used[last])
            last--;
        at = last >= from + bytes ? (last - bytes) & ~(size_t)7 : 0;
    }
    return at >= from ? at : 0;
}

/* The first place from `from` on, or else the last one: what is free between is in one piece for
 * the next name. Not far from the beginning, where others may read. */
static size_t find_free(const struct plan *plan, const uint8_t *used, size_t from, size_t bytes)
{
    size_t end = MIN(plan->cluster, NEAR), at;

    from = qcow2_align_up(MAX(from, plan->sector), 8);
    if (bytes <= plan->cluster && from <= plan->cluster - bytes && is_free(used, from, bytes) &&
        may_be_at(plan, from, bytes))
        return from;
    at = find_last(used, from, end, bytes);
    return at ? at : find_last(used, from, plan->cluster, bytes);
}

/* The same from the first sector on, in the place of names of features. */
static size_t find_early(const struct plan *plan, const uint8_t *used, size_t bytes)
{
    size_t end = plan->sector;

    while (end < plan->cluster && !used[end])
        end++;
    if (bytes > end)
        return 0;
    for (size_t at = (end - bytes) & ~(size_t)7; at >= plan->first->len; at -= 8)
        if (may_be_at(plan, at, bytes))
            return at;
    return 0;
}

/* Where it is already, if it is; not within the first sector, which is written anyway. */
static size_t find_same(const struct plan *plan, const uint8_t *old, uint64_t at, const void *what,
                        size_t bytes)
{
    return at < plan->cluster && at + bytes > plan->sector && may_be_at(plan, (size_t)at, bytes) &&
                   memcmp(old + at, what, bytes) == 0
               ? (size_t)at
               : 0;
}

/* False: there is no room. `old_end`: of the extensions that are there. */
static bool find_places(struct plan *plan, const uint8_t *old, const uint8_t *used, size_t old_end)
{
    size_t rest = plan->rest->len, behind = 0;

    if (rest) {
        plan->rest_at = find_same(plan, old, old_end + EXT_HEAD - rest, plan->rest->data, rest);
        behind = plan->rest_at + rest;
    }
    if (plan->name && (plan->rest_at || !rest)) {
        plan->name_at = find_same(plan, old, be_get64(old + 8), plan->h->backing, plan->name);
        if (plan->name_at < behind)
            plan->name_at = find_free(plan, used, behind, plan->name);
    }
    if (rest ? plan->rest_at && (plan->name_at || !plan->name) : plan->name_at || !plan->name)
        return true;
    plan->rest_at = find_free(plan, used, 0, rest + plan->name);
    if (!plan->rest_at)
        plan->rest_at = find_early(plan, used, rest + plan->name);
    plan->name_at = plan->name ? plan->rest_at + rest : 0;
    return plan->rest_at;
}

/* --- putting it together ---------------------------------------------------------------------- */

static bool feature_is_on(const struct qcow2_header *h, const struct feature *feature)
{
    uint64_t bits = feature->type == 0   ? h->incompatible
                    : feature->type == 1 ? h->compatible
                                         : h->autoclear;

    return bits & 1ull << feature->bit;
}

/* As many names as there is room for; those of features that the image has before others. */
static size_t put_names(const struct qcow2_header *h, uint8_t *p, size_t room)
{
    size_t at = 0;

    if (h->version < 3)
        return 0;
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < G_N_ELEMENTS(features); i++)
            if (feature_is_on(h, &features[i]) == (pass == 0) && at + QCOW2_FEATURE_SIZE <= room) {
                memcpy(p + at, &features[i], QCOW2_FEATURE_SIZE);
                at += QCOW2_FEATURE_SIZE;
            }
    return at;
}

/* `page`: the first cluster as it is, zeros where nothing refers to. */
static void compose(const struct plan *plan, uint8_t *page)
{
    size_t from = plan->first->len, to = plan->sector, rest = plan->rest->len;
    uint8_t *p = page + from;

    memset(page, 0, plan->sector);
    memcpy(page, plan->first->data, from);
    if (rest)
        memcpy(page + plan->rest_at, plan->rest->data, rest);
    if (plan->name)
        memcpy(page + plan->name_at, plan->h->backing, plan->name);
    encode_fields(plan->h, plan->name_at, page);
    if (rest || plan->name)
        to = MIN(to, rest ? plan->rest_at : plan->name_at);
    if (rest && to > from) { /* a table that ends where the rest begins */
        be_put32(p, QCOW2_EXT_FEATURES);
        be_put32(p + 4, (uint32_t)(plan->rest_at - from - EXT_HEAD));
        if (to >= from + EMPTY_TABLE)
            put_names(plan->h, p + EXT_HEAD, to - from - EMPTY_TABLE);
    } else if (to >= from + 2 * EXT_HEAD + QCOW2_FEATURE_SIZE) {
        be_put32(p + 4, (uint32_t)put_names(plan->h, p + EXT_HEAD, to - from - 2 * EXT_HEAD));
        be_put32(p, be_get32(p + 4) ? QCOW2_EXT_FEATURES : QCOW2_EXT_END);
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

static int no_room(const struct plan *plan, struct vemu_error **err)
{
    bool alone = plan->first->len + plan->rest->len + plan->name <= plan->cluster;

    return vemu__error_set(
        err, EFBIG, "The header does not fit into the first cluster of %zu bytes%s", plan->cluster,
        alone ? " beside the present one, which must be whole until the new one is" : "");
}

/* Behind the first sector: what differs. Nothing on disk refers to it yet. */
static int write_rest(struct vemu_image *file, const uint8_t *old, const uint8_t *page,
                      size_t cluster)
{
    size_t from = IMAGE_SECTOR, to = cluster;
    int r;

    while (from < cluster && memcmp(old + from, page + from, IMAGE_SECTOR) == 0)
        from += IMAGE_SECTOR;
    if (from == cluster)
        return 0;
    while (memcmp(old + to - IMAGE_SECTOR, page + to - IMAGE_SECTOR, IMAGE_SECTOR) == 0)
        to -= IMAGE_SECTOR;
    r = vemu__qcow2_file_write(file, from, page + from, to - from);
    return r < 0 ? r : vemu_image_flush(file);
}

static int write_first(struct vemu_image *file, const uint8_t *old, const uint8_t *page)
{
    int r = vemu__qcow2_file_write(file, 0, page, IMAGE_SECTOR);

    if (r == 0)
        r = vemu_image_flush(file);
    if (r < 0) /* perhaps it is there, perhaps not */
        (void)vemu__qcow2_file_write(file, 0, old, IMAGE_SECTOR);
    return r;
}

/* What nothing refers to becomes zeros. */
static void clear_unused(uint8_t *page, const uint8_t *used, size_t cluster)
{
    for (size_t i = IMAGE_SECTOR; i < cluster; i++)
        if (!used[i])
            page[i] = 0;
}

/* `old`: the first cluster; all zeros for a new file. `page`: room for another. */
static int put(struct vemu_image *file, struct plan *plan, bool fresh, const uint8_t *old,
               uint8_t *page, struct vemu_error **err)
{
    g_autofree uint8_t *used = g_try_malloc0(plan->cluster);
    size_t old_end = 0, end;
    int r;

    if (!used)
        return vemu__error_set(err, ENOMEM, "Could not write qcow2 header: %s", g_strerror(ENOMEM));
    if (!fresh)
        old_end = mark_header(old, plan->cluster, used);
    if (!find_places(plan, old, used, old_end))
        return no_room(plan, err);
    memcpy(page, old, plan->cluster);
    clear_unused(page, used, plan->cluster);
    compose(plan, page);
    end = MAX(plan->name_at + plan->name, plan->rest_at + plan->rest->len);
    end = MAX(end, IMAGE_SECTOR);
    if (fresh) {
        r = vemu__qcow2_file_write(file, 0, page, MIN(plan->cluster, qcow2_align_up(end, 4096)));
    } else {
        r = write_rest(file, old, page, plan->cluster);
        if (r == 0)
            r = write_first(file, old, page);
    }
    return r < 0 ? vemu__error_set(err, -r, "Could not write qcow2 header: %s", g_strerror(-r)) : 0;
}

static int write_whole(struct vemu_image *file, const struct qcow2_header *h, bool fresh,
                       struct vemu_error **err)
{
    size_t cluster = (size_t)1 << h->cluster_bits;
    uint8_t *old, *page;
    struct plan plan;
    int r = 0;

    if (h->length > IMAGE_SECTOR - EMPTY_TABLE)
        return vemu__error_set(err, ENOTSUP,
                               "The header has %" PRIu32 " bytes of fields, too many to be changed",
                               h->length);
    old = vemu__qcow2_buffer(cluster);
    page = vemu__qcow2_buffer(cluster);
    plan_init(&plan, h);
    if (!old || !page)
        r = -ENOMEM;
    else if (fresh)
        memset(old, 0, cluster);
    else
        r = vemu__qcow2_file_read(file, 0, old, cluster);
    r = r < 0 ? vemu__error_set(err, -r, "Could not write qcow2 header: %s", g_strerror(-r))
              : put(file, &plan, fresh, old, page, err);
    plan_fini(&plan);
    free(old);
    free(page);
    return r;
}

int vemu__qcow2_header_create(struct vemu_image *file, const struct qcow2_header *h,
                              struct vemu_error **err)
{
    return write_whole(file, h, true, err);
}

int vemu__qcow2_header_write(struct vemu_image *file, const struct qcow2_header *h,
                             struct vemu_error **err)
{
    return write_whole(file, h, false, err);
}

int vemu__qcow2_header_write_fields(struct vemu_image *file, const struct qcow2_header *h)
{
    uint8_t *sector = vemu__qcow2_buffer(IMAGE_SECTOR);
    int r;

    if (!sector)
        return -ENOMEM;
    r = vemu__qcow2_file_read(file, 0, sector, IMAGE_SECTOR);
    if (r == 0) {
        uint64_t backing = be_get64(sector + 8);
        uint32_t backing_bytes = be_get32(sector + 16);

        encode_fields(h, 0, sector);
        be_put64(sector + 8, backing);
        be_put32(sector + 16, backing_bytes);
        r = vemu__qcow2_file_write(file, 0, sector, IMAGE_SECTOR);
    }
    free(sector);
    return r;
}
