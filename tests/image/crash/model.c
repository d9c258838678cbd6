/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a guest wrote, when, and so what each sector of its disk may hold after a crash.
 */
#include "model.h"

#include <string.h>

#define WORDS 64u /* of 8 bytes, in a sector */

/* A value: number of the write in the high bits, whether its bytes repeat, number of the sector. */
#define VALUE_SHIFT   24
#define VALUE_REPEATS (UINT64_C(1) << 23)

static void history_add(struct model_history *history, uint64_t clock, uint64_t value)
{
    if (history->count == history->room) {
        history->room = history->room ? history->room * 2 : 4;
        history->values = g_renew(struct model_value, history->values, history->room);
    }
    history->values[history->count++] = (struct model_value){ clock, MODEL_FOREVER, value, false };
}

static void history_end(struct model_history *history, uint64_t clock)
{
    history->values[history->count - 1].end = clock;
}

void model_init(struct model *model, uint64_t sectors, uint64_t max_sectors)
{
    memset(model, 0, sizeof(*model));
    model->sectors = sectors;
    model->max_sectors = max_sectors;
    model->disk = g_new0(struct model_history, max_sectors);
    model->flushes = g_array_new(FALSE, FALSE, sizeof(struct model_value));
    model->snapshots = g_ptr_array_new();
    model->bitmaps = g_ptr_array_new();
    for (uint64_t i = 0; i < max_sectors; i++) {
        history_add(&model->disk[i], 0, VALUE_ZERO);
        history_end(&model->disk[i], 0);
    }
    history_add(&model->size, 0, sectors);
    history_end(&model->size, 0);
    history_add(&model->name, 0, 0);
    history_end(&model->name, 0);
}

void model_fini(struct model *model)
{
    for (uint64_t i = 0; i < model->max_sectors; i++)
        g_free(model->disk[i].values);
    g_free(model->disk);
    g_free(model->size.values);
    g_free(model->name.values);
    g_array_free(model->flushes, TRUE);
    for (guint i = 0; i < model->snapshots->len; i++) {
        struct model_snapshot *snapshot = model->snapshots->pdata[i];

        g_free(snapshot->values);
        g_free(snapshot);
    }
    g_ptr_array_free(model->snapshots, TRUE);
    model_bitmaps_fini(model);
}

/* --- what happens ----------------------------------------------------------------------------- */

void model_begin(struct model *model, uint64_t clock, uint64_t first, uint64_t count,
                 uint64_t value)
{
    for (uint64_t i = first; i < first + count; i++)
        history_add(&model->disk[i], clock,
                    value == VALUE_ANY || value == VALUE_ZERO ? value : value + i);
}

void model_begin_values(struct model *model, uint64_t clock, uint64_t count, const uint64_t *values)
{
    for (uint64_t i = 0; i < count; i++)
        history_add(&model->disk[i], clock, values[i]);
}

void model_set_fua(struct model *model, uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++)
        model->disk[i].values[model->disk[i].count - 1].fua = true;
}

void model_set_initial(struct model *model, uint64_t sectors, uint64_t value)
{
    for (uint64_t i = 0; i < sectors; i++)
        model->disk[i].values[0].value = value + i;
}

bool model_is_untouched(const struct model *model, uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++)
        if (model->disk[i].count > 1)
            return false;
    return true;
}

void model_cancel(struct model *model, uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++)
        model->disk[i].count--;
}

void model_cancel_size(struct model *model)
{
    model->size.count--;
    model->sectors = model->size.values[model->size.count - 1].value;
}

void model_end(struct model *model, uint64_t clock, uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++)
        history_end(&model->disk[i], clock);
}

void model_begin_size(struct model *model, uint64_t clock, uint64_t sectors)
{
    history_add(&model->size, clock, sectors);
    model->sectors = sectors;
}

void model_end_size(struct model *model, uint64_t clock)
{
    history_end(&model->size, clock);
}

void model_begin_name(struct model *model, uint64_t clock, uint64_t name)
{
    history_add(&model->name, clock, name);
    model->name.values[model->name.count - 1].fua = true;
}

void model_end_name(struct model *model, uint64_t clock)
{
    history_end(&model->name, clock);
}

void model_cancel_name(struct model *model)
{
    model->name.count--;
}

void model_add_flush(struct model *model, uint64_t start, uint64_t end)
{
    struct model_value flush = { start, end, 0, false };

    g_array_append_val(model->flushes, flush);
}

uint64_t model_new_value(struct model *model, bool compressible)
{
    return ++model->writes << VALUE_SHIFT | (compressible ? VALUE_REPEATS : 0);
}

uint64_t model_value_now(const struct model *model, uint64_t sector)
{
    const struct model_history *history = &model->disk[sector];

    return history->values[history->count - 1].value;
}

struct model_snapshot *model_add_snapshot(struct model *model, uint64_t clock, const char *name)
{
    struct model_snapshot *snapshot = g_new0(struct model_snapshot, 1);

    g_strlcpy(snapshot->name, name, sizeof(snapshot->name));
    snapshot->made = (struct model_value){ clock, MODEL_FOREVER, 0, false };
    snapshot->deleted = (struct model_value){ MODEL_FOREVER, MODEL_FOREVER, 0, false };
    snapshot->sectors = model->sectors;
    snapshot->values = g_new(uint64_t, model->sectors);
    for (uint64_t i = 0; i < model->sectors; i++)
        snapshot->values[i] = model_value_now(model, i);
    g_ptr_array_add(model->snapshots, snapshot);
    return snapshot;
}

struct model_snapshot *model_find_snapshot(const struct model *model, const char *name)
{
    for (guint i = 0; i < model->snapshots->len; i++) {
        struct model_snapshot *snapshot = model->snapshots->pdata[i];

        if (strcmp(snapshot->name, name) == 0)
            return snapshot;
    }
    return NULL;
}

/* --- contents --------------------------------------------------------------------------------- */

static uint64_t word(uint64_t value, unsigned i)
{
    uint64_t x = value;

    if (value == VALUE_ZERO)
        return 0;
    if (value & VALUE_REPEATS)
        return value;
    x = (x + i) * UINT64_C(0x9e3779b97f4a7c15);
    return x ^ x >> 29;
}

void model_fill(uint64_t value, void *sector)
{
    uint64_t *words = sector;

    for (unsigned i = 0; i < WORDS; i++)
        words[i] = word(value, i);
}

bool model_matches(uint64_t value, const void *sector)
{
    const uint64_t *words = sector;

    if (value == VALUE_ANY || value == VALUE_NONE)
        return value == VALUE_ANY;
    for (unsigned i = 0; i < WORDS; i++)
        if (words[i] != word(value, i))
            return false;
    return true;
}

/* --- after a crash ---------------------------------------------------------------------------- */

static void history_settle(struct model_history *history, uint64_t flushed)
{
    while (history->base + 1 < history->count && history->values[history->base + 1].end < flushed)
        history->base++;
}

void model_set_time(struct model *model, uint64_t clock)
{
    uint64_t flushed = model->flushed;

    model->time = clock;
    for (guint i = 0; i < model->flushes->len; i++) {
        const struct model_value *flush = &g_array_index(model->flushes, struct model_value, i);

        if (flush->end <= clock)
            flushed = MAX(flushed, flush->start);
    }
    if (flushed == model->flushed)
        return;
    model->flushed = flushed;
    for (uint64_t i = 0; i < model->max_sectors; i++)
        history_settle(&model->disk[i], flushed);
    history_settle(&model->size, flushed);
}

/* The oldest value that may be there. */
static unsigned oldest(const struct model *model, const struct model_history *history)
{
    unsigned from = history->base;

    for (unsigned i = from + 1; i < history->count; i++)
        if (history->values[i].fua && history->values[i].end <= model->time)
            from = i;
    return from;
}

bool model_sector_may_be(const struct model *model, uint64_t sector, const void *bytes)
{
    const struct model_history *history = &model->disk[sector];

    for (unsigned i = oldest(model, history); i < history->count; i++) {
        if (history->values[i].start > model->time)
            return false;
        if (model_matches(history->values[i].value, bytes))
            return true;
    }
    return false;
}

static bool history_may_be(const struct model *model, const struct model_history *history,
                           uint64_t value)
{
    for (unsigned i = oldest(model, history); i < history->count; i++)
        if (history->values[i].start <= model->time && history->values[i].value == value)
            return true;
    return false;
}

bool model_size_may_be(const struct model *model, uint64_t sectors)
{
    return history_may_be(model, &model->size, sectors);
}

bool model_name_may_be(const struct model *model, uint64_t name)
{
    return history_may_be(model, &model->name, name);
}

bool model_snapshot_must_be(const struct model *model, const struct model_snapshot *snapshot)
{
    return snapshot->made.end < model->flushed && snapshot->deleted.start > model->time;
}

bool model_snapshot_may_be(const struct model *model, const struct model_snapshot *snapshot)
{
    return snapshot->made.start <= model->time && snapshot->deleted.end >= model->flushed;
}

char *model_describe(const struct model *model, uint64_t sector)
{
    const struct model_history *history = &model->disk[sector];
    GString *text = g_string_new(NULL);

    for (unsigned i = oldest(model, history); i < history->count; i++) {
        const struct model_value *v = &history->values[i];

        if (v->start > model->time)
            break;
        g_string_append_printf(
            text, "%s%s %" G_GUINT64_FORMAT " (%" G_GUINT64_FORMAT "-%" G_GINT64_FORMAT ")",
            text->len ? ", " : "",
            v->value == VALUE_ANY    ? "anything"
            : v->value == VALUE_ZERO ? "zeros"
                                     : "write",
            v->value == VALUE_ANY ? 0 : v->value >> VALUE_SHIFT, v->start, (gint64)v->end);
    }
    return g_string_free(text, FALSE);
}
