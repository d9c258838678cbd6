/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What dirty bitmaps may say after a crash.
 */
#include "model.h"

#include <string.h>

static void begin_version(struct model *model, uint64_t clock, struct model_bitmap *bitmap)
{
    struct model_version version = { .start = clock };
    uint64_t bits = (model->max_sectors + bitmap->bit_sectors - 1) / bitmap->bit_sectors;

    version.values = g_new(uint64_t, model->max_sectors);
    version.dirty = g_new(uint64_t, bits);
    for (uint64_t i = 0; i < model->max_sectors; i++)
        version.values[i] = i < model->sectors ? model_value_now(model, i) : VALUE_NONE;
    for (uint64_t i = 0; i < bits; i++)
        version.dirty[i] = MODEL_FOREVER;
    g_array_append_val(bitmap->versions, version);
}

struct model_bitmap *model_add_bitmap(struct model *model, uint64_t clock, uint64_t bit_sectors)
{
    struct model_bitmap *bitmap = g_new0(struct model_bitmap, 1);

    g_snprintf(bitmap->name, sizeof(bitmap->name), "b%u", model->bitmaps->len);
    bitmap->bit_sectors = bit_sectors;
    bitmap->made = clock;
    bitmap->stored = bitmap->removed = bitmap->gone = MODEL_FOREVER;
    bitmap->versions = g_array_new(FALSE, FALSE, sizeof(struct model_version));
    begin_version(model, clock, bitmap);
    g_ptr_array_add(model->bitmaps, bitmap);
    return bitmap;
}

void model_clear_bitmap(struct model *model, uint64_t clock, struct model_bitmap *bitmap)
{
    begin_version(model, clock, bitmap);
}

struct model_bitmap *model_find_bitmap(const struct model *model, const char *name)
{
    for (guint i = 0; i < model->bitmaps->len; i++) {
        struct model_bitmap *bitmap = model->bitmaps->pdata[i];

        if (strcmp(bitmap->name, name) == 0)
            return bitmap;
    }
    return NULL;
}

void model_touch(struct model *model, uint64_t clock, uint64_t first, uint64_t count)
{
    for (guint i = 0; count && i < model->bitmaps->len; i++) {
        struct model_bitmap *bitmap = model->bitmaps->pdata[i];
        struct model_version *version =
            &g_array_index(bitmap->versions, struct model_version, bitmap->versions->len - 1);

        for (uint64_t bit = first / bitmap->bit_sectors;
             bit <= (first + count - 1) / bitmap->bit_sectors; bit++)
            version->dirty[bit] = MIN(version->dirty[bit], clock);
    }
}

void model_store_bitmaps(struct model *model, uint64_t start, uint64_t end)
{
    for (guint i = 0; i < model->bitmaps->len; i++) {
        struct model_bitmap *bitmap = model->bitmaps->pdata[i];

        if (bitmap->removed < start)
            bitmap->gone = MIN(bitmap->gone, end);
        else
            bitmap->stored = MIN(bitmap->stored, end);
    }
}

void model_bitmaps_fini(struct model *model)
{
    for (guint i = 0; i < model->bitmaps->len; i++) {
        struct model_bitmap *bitmap = model->bitmaps->pdata[i];

        for (guint k = 0; k < bitmap->versions->len; k++) {
            struct model_version *version =
                &g_array_index(bitmap->versions, struct model_version, k);

            g_free(version->values);
            g_free(version->dirty);
        }
        g_array_free(bitmap->versions, TRUE);
        g_free(bitmap);
    }
    g_ptr_array_free(model->bitmaps, TRUE);
}

/* --- after a crash ---------------------------------------------------------------------------- */

bool model_bitmap_must_be(const struct model *model, const struct model_bitmap *bitmap)
{
    return bitmap->stored <= model->time && bitmap->removed > model->time;
}

bool model_bitmap_may_be(const struct model *model, const struct model_bitmap *bitmap)
{
    return bitmap->made <= model->time && bitmap->gone > model->time;
}

static bool version_may_be(const struct model *model, const struct model_bitmap *bitmap,
                           const struct model_version *version, const uint8_t *bits,
                           const uint8_t *contents, uint64_t sectors)
{
    for (uint64_t i = 0; i < sectors; i++) {
        uint64_t bit = i / bitmap->bit_sectors;

        if (bits[bit] ? version->dirty[bit] > model->time
                      : !model_matches(version->values[i], contents + i * 512))
            return false;
    }
    return true;
}

bool model_bitmap_bits_may_be(const struct model *model, const struct model_bitmap *bitmap,
                              const uint8_t *bits, const uint8_t *contents, uint64_t sectors)
{
    for (guint i = 0; i < bitmap->versions->len; i++) {
        const struct model_version *version =
            &g_array_index(bitmap->versions, struct model_version, i);

        if (version->start <= model->time &&
            version_may_be(model, bitmap, version, bits, contents, sectors))
            return true;
    }
    return false;
}
