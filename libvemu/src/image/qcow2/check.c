/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checking and repairing qcow2 images: references against refcounts, flags against both.
 *
 * Wrong refcounts are repaired where they are, first all that go up: a cut leaves leaks. Refcount
 * structures that are broken themselves are written anew (shadow.c).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "image/qcow2/check.h"

void vemu__qcow2_check_say(struct qcow2_check *c, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    if (!c->result->message)
        return;
    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    c->result->message(c->result->message_data, text);
}

/* --- refcounts -------------------------------------------------------------------------------- */

/* Compares, and with `fix` changes `disk`. */
static void compare(struct qcow2_check *c, struct qcow2_refmap *disk, uint32_t fix)
{
    /* What is said of clusters behind the end of the file is of no interest. */
    uint64_t count =
        MAX(qcow2_div_up(c->file_size, c->s->cluster_size), vemu__qcow2_refmap_end(&c->refs));
    const uint64_t step = 4096; /* clusters looked at in one go, a multiple of 8 */

    for (uint64_t i = 0; i < count; i++) {
        uint64_t is = qcow2_refmap_get(disk, i), found = qcow2_refmap_get(&c->refs, i);
        uint64_t *fixed = NULL;

        if (is == found) {
            uint64_t bytes = step << disk->order >> 3, at = i << disk->order >> 3;

            if (i % step == 0 && i + step <= MIN(disk->count, c->refs.count) &&
                memcmp(disk->data + at, c->refs.data + at, bytes) == 0)
                i += step - 1;
            continue;
        }
        if (is == 0)
            c->rebuild = true;
        else if (is > found && fix & VEMU_IMAGE_REPAIR_LEAKS)
            fixed = &c->result->leaks_fixed;
        else if (is < found && fix & VEMU_IMAGE_REPAIR_ERRORS)
            fixed = &c->result->corruptions_fixed;
        vemu__qcow2_check_say(c, "%s cluster %" PRIu64 " refcount=%" PRIu64 " reference=%" PRIu64,
                              fixed        ? "Repairing"
                              : is < found ? "ERROR"
                                           : "Leaked",
                              i, is, found);
        if (fixed) {
            vemu__qcow2_refcount_encode(disk->data, disk->order, i, found);
            (*fixed)++;
        } else if (is < found) {
            c->result->corruptions++;
        } else {
            c->result->leaks++;
        }
    }
}

/* Writes the blocks of `disk` that differ from what is there. */
static int write_blocks(struct qcow2_check *c, const struct qcow2_refmap *disk)
{
    struct qcow2 *s = c->s;
    uint8_t *block = vemu__qcow2_buffer(s->cluster_size);
    int r = block ? 0 : -ENOMEM;

    for (uint64_t i = 0; r == 0 && i < s->reftable.count; i++) {
        uint64_t offset = s->reftable.entry[i] & ~511ull;
        const uint8_t *want = disk->data + i * s->cluster_size;

        if (!offset || i << s->block_bits >= disk->count)
            continue;
        r = vemu__qcow2_file_read(s->image.file, offset, block, s->cluster_size);
        if (r == 0 && memcmp(block, want, s->cluster_size) != 0)
            r = vemu__qcow2_file_write(s->image.file, offset, want, s->cluster_size);
    }
    free(block);
    return r < 0 ? r : vemu_image_flush(s->image.file);
}

/* New refcount structures from what was found. */
static int rebuild(struct qcow2_check *c)
{
    struct qcow2 *s = c->s;
    struct qcow2_shadow shadow = { .s = s, .header = s->header };
    int r;

    vemu__qcow2_check_say(c, "Rebuilding refcount structure");
    r = vemu__qcow2_refmap_init(&shadow.map, c->refs.order, c->refs.count);
    if (r == 0)
        r = vemu__qcow2_refmap_init(&shadow.used, 0, shadow.map.count);
    for (uint64_t i = 0; r == 0 && i < c->refs.count; i++) {
        uint64_t refs = qcow2_refmap_get(&c->refs, i);

        vemu__qcow2_refcount_encode(shadow.map.data, shadow.map.order, i, refs);
        vemu__qcow2_refcount_encode(shadow.used.data, 0, i, refs != 0);
    }
    if (r == 0)
        r = vemu__qcow2_shadow_commit(&shadow);
    vemu__qcow2_shadow_end(&shadow);
    return r;
}

/* --- flags ------------------------------------------------------------------------------------ */

static int check_table_flags(struct qcow2_check *c, const struct qcow2_refmap *disk,
                             uint64_t offset, uint8_t *table, bool fix, uint64_t *wrong)
{
    struct qcow2 *s = c->s;
    bool changed = false;
    int r = vemu__qcow2_file_read(s->image.file, offset, table, s->cluster_size);

    if (r < 0) {
        vemu__qcow2_check_say(c, "ERROR: Could not read L2 table: %s", g_strerror(-r));
        c->result->check_errors++;
        return 0;
    }
    for (uint32_t at = 0; at < s->cluster_size; at += 1u << s->l2_entry_bits) {
        struct qcow2_entry entry = { .l2 = be_get64(table + at) };
        uint64_t data = entry.l2 & QCOW2_OFFSET_MASK, refs;

        if (entry.l2 & QCOW2_COMPRESSED || !qcow2_has_host(s, &entry))
            continue;
        refs = s->external ? 1 : qcow2_refmap_get(disk, data >> s->cluster_bits);
        if ((refs == 1) == ((entry.l2 & QCOW2_COPIED) != 0))
            continue;
        (*wrong)++;
        vemu__qcow2_check_say(
            c, "%s OFLAG_COPIED data cluster: l2_entry=%" PRIx64 " refcount=%" PRIu64,
            fix ? "Repairing" : "ERROR", entry.l2, refs);
        be_put64(table + at, entry.l2 ^ QCOW2_COPIED);
        changed = true;
    }
    return fix && changed ? vemu__qcow2_file_write(s->image.file, offset, table, s->cluster_size)
                          : 0;
}

static int check_flags(struct qcow2_check *c, const struct qcow2_refmap *disk)
{
    struct qcow2 *s = c->s;
    struct vemu_image_check *res = c->result;
    bool fix = c->repair & VEMU_IMAGE_REPAIR_ERRORS ||
               (c->repair && !res->check_errors && !res->corruptions && !res->leaks);
    uint8_t *table = vemu__qcow2_buffer(s->cluster_size);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_direct_hash, g_direct_equal);
    uint64_t wrong = 0;
    bool changed = false;
    int r = table ? 0 : -ENOMEM;

    for (uint64_t i = 0; r == 0 && i < s->l1.count; i++) {
        uint64_t entry = s->l1.entry[i], offset = entry & QCOW2_OFFSET_MASK, refs;

        if (!offset)
            continue;
        refs = qcow2_refmap_get(disk, offset >> s->cluster_bits);
        if ((refs == 1) != ((entry & QCOW2_COPIED) != 0)) {
            wrong++;
            vemu__qcow2_check_say(c,
                                  "%s OFLAG_COPIED L2 cluster: l1_index=%" PRIu64
                                  " l1_entry=%" PRIx64 " refcount=%" PRIu64,
                                  fix ? "Repairing" : "ERROR", i, entry, refs);
            if (fix)
                s->l1.entry[i] ^= QCOW2_COPIED;
            changed |= fix;
        }
        if (!(offset & (s->cluster_size - 1)) && offset < c->file_size &&
            g_hash_table_add(seen, (gpointer)(uintptr_t)(offset >> 9)))
            r = check_table_flags(c, disk, offset, table, fix, &wrong);
    }
    if (r == 0 && changed)
        r = vemu__qcow2_file_write_table(s->image.file, s->l1.offset, s->l1.count, s->l1.entry);
    if (fix)
        res->corruptions_fixed += wrong;
    else
        res->corruptions += wrong;
    free(table);
    return r < 0 || !fix || !wrong ? r : vemu_image_flush(s->image.file);
}

/* --- the whole -------------------------------------------------------------------------------- */

/* Refcounts that cannot be read count as none. */
static int load_disk(struct qcow2_check *c, struct qcow2_refmap *ret)
{
    struct qcow2 *s = c->s;
    uint64_t blocks =
        MIN(s->reftable.count,
            qcow2_div_up(c->file_size, s->cluster_size) / (1ull << s->block_bits) + 2);
    int r = vemu__qcow2_refmap_init(ret, s->refcount_order, blocks << s->block_bits);

    for (uint64_t i = 0; r == 0 && i < blocks; i++) {
        uint64_t offset = s->reftable.entry[i];

        if (!offset || offset & (s->cluster_size - 1) || offset >= c->file_size)
            continue;
        if (vemu__qcow2_file_read(s->image.file, offset, ret->data + i * s->cluster_size,
                                  s->cluster_size) < 0)
            c->result->check_errors++;
    }
    return r;
}

static int repair_refcounts(struct qcow2_check *c, struct qcow2_refmap *disk,
                            const struct vemu_image_check *before)
{
    struct vemu_image_check *res = c->result;
    uint64_t corruptions = res->corruptions, leaks = res->leaks;
    int r;

    if (c->rebuild && c->repair & VEMU_IMAGE_REPAIR_ERRORS) {
        r = rebuild(c);
        vemu__qcow2_refmap_fini(disk);
        c->file_size = atomic_load(&c->s->image.file->size);
        if (r == 0)
            r = load_disk(c, disk);
        if (r < 0)
            return r;
        /* what remains is for the caller's next check; the old structures are leaks no more */
        res->corruptions = before->corruptions;
        res->leaks = before->leaks;
        res->corruptions_fixed += corruptions - res->corruptions;
        res->leaks_fixed += leaks - res->leaks;
        return 0;
    }
    if (c->rebuild) {
        vemu__qcow2_check_say(c, "ERROR need to rebuild refcount structures");
        return -EIO;
    }
    if (!res->leaks && !res->corruptions)
        return 0;
    res->corruptions = before->corruptions;
    res->leaks = before->leaks;
    compare(c, disk, c->repair);
    return write_blocks(c, disk);
}

static int check_all(struct qcow2_check *c)
{
    struct qcow2 *s = c->s;
    struct vemu_image_check *res = c->result, before;
    struct qcow2_refmap disk = { 0 };
    uint64_t clusters = qcow2_div_up(c->file_size, s->cluster_size), end;
    int r;

    res->total_clusters = qcow2_div_up(s->header.size, s->cluster_size);
    r = vemu__qcow2_refmap_init(&c->refs, s->refcount_order, clusters + 1);
    if (r == 0)
        r = vemu__qcow2_check_walk(c);
    if (r == 0)
        r = load_disk(c, &disk);
    if (r == 0) {
        before = *res;
        compare(c, &disk, 0);
        if (c->repair)
            r = repair_refcounts(c, &disk, &before);
    }
    if (r == 0)
        r = check_flags(c, &disk);
    end = MAX(qcow2_div_up(c->file_size, s->cluster_size), vemu__qcow2_refmap_end(&c->refs));
    while (end && !qcow2_refmap_get(&disk, end - 1) && !qcow2_refmap_get(&c->refs, end - 1))
        end--;
    res->image_end_offset = end << s->cluster_bits;
    vemu__qcow2_refmap_fini(&disk);
    vemu__qcow2_refmap_fini(&c->refs);
    return r;
}

int vemu__qcow2_check_exclusive(struct qcow2 *s, uint32_t repair, struct vemu_image_check *result,
                                const struct vemu_progress *progress)
{
    struct qcow2_check check = { .s = s,
                                 .result = result,
                                 .progress = progress,
                                 .repair = repair,
                                 .file_size = atomic_load(&s->image.file->size) };
    int r = check_all(&check);

    if (r < 0 || !repair)
        return r;
    r = vemu__qcow2_reload(s);
    /* Clean and consistent now. */
    if (r == 0 && !result->check_errors && !result->corruptions) {
        s->header.incompatible &= ~(QCOW2_INCOMPAT_DIRTY | QCOW2_INCOMPAT_CORRUPT);
        atomic_store(&s->broken, false);
        s->dirty_bit = false;
        r = vemu__qcow2_header_write_fields(s->image.file, &s->header);
        if (r == 0)
            r = vemu_image_flush(s->image.file);
    }
    return r;
}

int vemu__qcow2_check(struct vemu_image *image, uint32_t repair, struct vemu_image_check *result,
                      const struct vemu_progress *progress, struct vemu_error **err)
{
    struct qcow2 *s = qcow2_of(image);
    int r;

    if (s->loaded_snapshot)
        return vemu__error_set(err, ENOTSUP, "a loaded snapshot cannot be checked");
    r = vemu__qcow2_exclusive_begin(s);
    if (r < 0)
        return r;
    r = s->writable ? 0 : vemu__qcow2_load_reftable(s, err);
    if (r == 0)
        r = vemu__qcow2_check_exclusive(s, repair, result, progress);
    vemu__qcow2_exclusive_end(s);
    return r;
}
