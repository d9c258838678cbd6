/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether what a crash left is a good image.
 */
#include "look.h"
#include "workload.h"

#include <stdlib.h>
#include <string.h>

#include "core/error.h"

struct look {
    struct crash_run *run;
    struct crash_result *result;
    uint64_t number;
    GString *text;
    uint8_t *bytes; /* the whole disk */
};

static bool wrong(struct look *look, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool wrong(struct look *look, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_string_append(look->text, "    ");
    g_string_append_vprintf(look->text, format, args);
    g_string_append_c(look->text, '\n');
    va_end(args);
    return false;
}

static bool wrong_error(struct look *look, const char *what, int r, struct vemu_error *err)
{
    wrong(look, "%s: %s", what, err ? vemu_error_message(err) : g_strerror(-r));
    vemu_error_free(err);
    return false;
}

static void checked(void *data, const char *text)
{
    struct look *look = data;

    if (look->text->len < 4096)
        wrong(look, "check: %s", text);
}

/* Leaks are fine, but their messages would only be in the way. */
static bool check(struct look *look, struct vemu_image *image, const char *when)
{
    struct vemu_image_check found = VEMU_IMAGE_CHECK_INIT;
    struct vemu_error *err = NULL;
    size_t length = look->text->len;
    int r;

    found.message = checked;
    found.message_data = look;
    r = vemu_image_check(image, 0, &found, NULL, &err);
    if (r < 0)
        return wrong_error(look, "cannot check", r, err);
    if (!found.corruptions && !found.check_errors) {
        g_string_truncate(look->text, length);
        return true;
    }
    return wrong(look, "%s: %" PRIu64 " corruptions, %" PRIu64 " places cannot be checked", when,
                 found.corruptions, found.check_errors);
}

static bool contents(struct look *look, struct vemu_image *image)
{
    struct model *model = &look->run->model;
    uint64_t size = vemu_image_get_size(image), sectors = size / CRASH_SECTOR;
    int r;

    if (size % CRASH_SECTOR || !model_size_may_be(model, sectors))
        return wrong(look, "the size is %" PRIu64, size);
    look->bytes = g_malloc(size + 1);
    r = vemu_image_read(image, 0, look->bytes, size);
    if (r < 0)
        return wrong(look, "cannot read: %s", g_strerror(-r));
    for (uint64_t i = 0; i < sectors; i++) {
        const uint8_t *bytes = look->bytes + i * CRASH_SECTOR;
        g_autofree char *expected = NULL;
        uint64_t word;

        if (model_sector_may_be(model, i, bytes))
            continue;
        expected = model_describe(model, i);
        memcpy(&word, bytes, sizeof(word));
        return wrong(look, "sector %" PRIu64 " begins with %#" PRIx64 ", expected: %s", i, word,
                     expected);
    }
    return true;
}

static int snapshot_found(void *data, const struct vemu_image_snapshot *snapshot)
{
    g_ptr_array_add(data, g_strdup(snapshot->name));
    return 0;
}

static bool snapshot_contents(struct look *look, const struct model_snapshot *snapshot)
{
    struct vemu_image *image = NULL;
    struct vemu_error *err = NULL;
    g_autofree uint8_t *bytes = NULL;
    size_t size = snapshot->sectors * CRASH_SECTOR;
    bool ok = true;
    int r = crash_open(look->run, 0, &image, &err);

    if (r >= 0)
        r = vemu_image_load_snapshot(image, snapshot->name, &err);
    bytes = g_malloc(size + 1);
    if (r >= 0)
        r = vemu_image_read(image, 0, bytes, size);
    if (r < 0)
        ok = wrong_error(look, snapshot->name, r, err);
    for (uint64_t i = 0; ok && i < snapshot->sectors; i++)
        if (!model_matches(snapshot->values[i], bytes + i * CRASH_SECTOR))
            ok = wrong(look, "snapshot %s: sector %" PRIu64 " is not what it was", snapshot->name,
                       i);
    vemu_image_close(image);
    return ok;
}

static bool snapshots(struct look *look, struct vemu_image *image, bool deep)
{
    const struct model *model = &look->run->model;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    bool ok = true;

    vemu_image_list_snapshots(image, snapshot_found, names);
    for (guint i = 0; i < names->len; i++) {
        const struct model_snapshot *snapshot = model_find_snapshot(model, names->pdata[i]);

        if (!snapshot || !model_snapshot_may_be(model, snapshot))
            return wrong(look, "snapshot %s is there", (char *)names->pdata[i]);
    }
    for (guint i = 0; i < model->snapshots->len && ok; i++) {
        const struct model_snapshot *snapshot = model->snapshots->pdata[i];

        if (!model_snapshot_must_be(model, snapshot))
            continue;
        if (!g_ptr_array_find_with_equal_func(names, snapshot->name, g_str_equal, NULL))
            return wrong(look, "snapshot %s is not there", snapshot->name);
        if (deep)
            ok = snapshot_contents(look, snapshot);
    }
    return ok;
}

/* The image is good for more: what is written now is there, and it is still without errors. */
static bool works(struct look *look, struct vemu_image *image)
{
    struct crash_random random = { look->number };
    uint64_t sectors = vemu_image_get_size(image) / CRASH_SECTOR;

    for (unsigned i = 0; i < 6; i++) {
        uint64_t first = crash_random(&random, sectors), value = (i + 1) << 24 | 1;
        uint64_t count = 1 + crash_random(&random, 24);
        g_autofree uint8_t *bytes = g_malloc(count * CRASH_SECTOR);
        int r;

        count = MIN(count, sectors - first);

        for (uint64_t k = 0; k < count; k++)
            model_fill(value + k, bytes + k * CRASH_SECTOR);
        r = vemu_image_write(image, first * CRASH_SECTOR, bytes, count * CRASH_SECTOR, 0);
        memset(bytes, 0, count * CRASH_SECTOR);
        if (r >= 0)
            r = vemu_image_read(image, first * CRASH_SECTOR, bytes, count * CRASH_SECTOR);
        if (r < 0)
            return wrong(look, "cannot be used afterwards: %s", g_strerror(-r));
        for (uint64_t k = 0; k < count; k++)
            if (!model_matches(value + k, bytes + k * CRASH_SECTOR))
                return wrong(look, "written afterwards, and not there: sector %" PRIu64, first + k);
    }
    return check(look, image, "after writing to it");
}

/* --- dirty bitmaps ---------------------------------------------------------------------------- */

struct found_bitmap {
    char name[16];
    uint32_t flags;
    uint64_t bit_sectors;
};

static int bitmap_found(void *data, const struct vemu_image_bitmap *bitmap)
{
    struct found_bitmap found = { .flags = bitmap->flags,
                                  .bit_sectors = bitmap->granularity / CRASH_SECTOR };

    g_strlcpy(found.name, bitmap->name, sizeof(found.name));
    g_array_append_val((GArray *)data, found);
    return 0;
}

/* Those that were in use are not trusted; the others have to be right. */
static bool bitmap_contents(struct look *look, struct vemu_image *image,
                            const struct found_bitmap *found, const struct model_bitmap *bitmap)
{
    uint64_t size = vemu_image_get_size(image), sectors = size / CRASH_SECTOR, at = 0, bytes;
    g_autofree uint8_t *bits = g_malloc0(sectors / found->bit_sectors + 1);
    struct vemu_error *err = NULL;
    int r = 1;

    if (found->flags & VEMU_IMAGE_BITMAP_INCONSISTENT)
        return true;
    if (found->bit_sectors != bitmap->bit_sectors || !(found->flags & VEMU_IMAGE_BITMAP_ENABLED))
        return wrong(look, "bitmap %s is another one", found->name);
    while (at < size &&
           (r = vemu_image_next_dirty(image, found->name, at, &at, &bytes, &err)) == 1) {
        for (uint64_t i = at / CRASH_SECTOR; i < (at + bytes) / CRASH_SECTOR; i++)
            bits[i / found->bit_sectors] = 1;
        at += bytes;
    }
    if (r < 0)
        return wrong_error(look, found->name, r, err);
    look->result->bitmaps++;
    return model_bitmap_bits_may_be(&look->run->model, bitmap, bits, look->bytes, sectors) ||
           wrong(look, "bitmap %s does not say what has changed", found->name);
}

static bool bitmaps(struct look *look, struct vemu_image *image)
{
    const struct model *model = &look->run->model;
    g_autoptr(GArray) list = g_array_new(FALSE, TRUE, sizeof(struct found_bitmap));
    int r = vemu_image_list_bitmaps(image, bitmap_found, list);
    bool ok = true;

    if (r < 0)
        return wrong(look, "cannot list bitmaps: %s", g_strerror(-r));
    for (guint i = 0; i < model->bitmaps->len && ok; i++) {
        const struct model_bitmap *bitmap = model->bitmaps->pdata[i];
        bool there = false;

        for (guint k = 0; k < list->len; k++)
            there |= strcmp(bitmap->name, g_array_index(list, struct found_bitmap, k).name) == 0;
        if (!there && model_bitmap_must_be(model, bitmap))
            ok = wrong(look, "bitmap %s is not there", bitmap->name);
    }
    for (guint i = 0; i < list->len && ok; i++) {
        const struct found_bitmap *found = &g_array_index(list, struct found_bitmap, i);
        const struct model_bitmap *bitmap = model_find_bitmap(model, found->name);

        if (!bitmap || !model_bitmap_may_be(model, bitmap))
            return wrong(look, "bitmap %s is there", found->name);
        ok = bitmap_contents(look, image, found, bitmap);
    }
    return ok;
}

static bool words(struct look *look, struct vemu_image *image)
{
    g_autofree char *text = crash_words_look(look->run, image);

    return text ? wrong(look, "%s", text) : true;
}

/* --- all of it -------------------------------------------------------------------------------- */

bool crash_look(struct crash_run *run, uint64_t number, bool deep, GString *text,
                struct crash_result *result)
{
    struct look look = { .run = run, .result = result, .number = number, .text = text };
    struct vemu_image *image = NULL;
    struct vemu_error *err = NULL;
    bool ok;
    int r = crash_open(run, VEMU_IMAGE_WRITE, &image, &err);

    if (r < 0)
        return wrong_error(&look, "cannot open", r, err);
    ok = check(&look, image, "opened") && contents(&look, image) && snapshots(&look, image, deep) &&
         bitmaps(&look, image) && words(&look, image);
    if (ok && deep)
        ok = works(&look, image);
    r = vemu_image_close(image);
    g_free(look.bytes);
    result->deep += deep;
    return r < 0 ? wrong(&look, "cannot close: %s", g_strerror(-r)) : ok;
}
