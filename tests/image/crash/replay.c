/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Crashes: what the disk may hold after one, and whether that is a good image.
 *
 * The store holds what the last flush made safe. Of the writes since then any may be there or not,
 * and of the last one (or of all) any of its sectors. Each choice is one cut: it is applied, looked
 * at through the driver, which may repair it, and taken back.
 */
#include "crash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"

#define VARIANTS   9u
#define DEEP_EVERY 16u /* cuts */
#define READ_SIZE  65536u

struct replay {
    struct crash_run *run;
    struct crash_result *result;
    const GArray *log;
    guint durable; /* events before it are safe */
    guint count;   /* events before it happened */
    unsigned variant;
    uint64_t number; /* of the cut */
    unsigned max_failures;
    bool silent;
    GString *text; /* what is wrong with this cut */
};

/* --- looking at an image ---------------------------------------------------------------------- */

static bool wrong(struct replay *replay, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool wrong(struct replay *replay, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_string_append(replay->text, "    ");
    g_string_append_vprintf(replay->text, format, args);
    g_string_append_c(replay->text, '\n');
    va_end(args);
    return false;
}

static bool wrong_error(struct replay *replay, const char *what, int r, struct vemu_error *err)
{
    wrong(replay, "%s: %s", what, err ? vemu_error_message(err) : g_strerror(-r));
    vemu_error_free(err);
    return false;
}

static void checked(void *data, const char *text)
{
    struct replay *replay = data;

    if (replay->text->len < 4096)
        wrong(replay, "check: %s", text);
}

/* Leaks are fine, but their messages would only be in the way. */
static bool check(struct replay *replay, struct vemu_image *image, const char *when)
{
    struct vemu_image_check found = VEMU_IMAGE_CHECK_INIT;
    struct vemu_error *err = NULL;
    size_t length = replay->text->len;
    int r;

    found.message = checked;
    found.message_data = replay;
    r = vemu_image_check(image, 0, &found, NULL, &err);
    if (r < 0)
        return wrong_error(replay, "cannot check", r, err);
    if (!found.corruptions && !found.check_errors) {
        g_string_truncate(replay->text, length);
        return true;
    }
    return wrong(replay, "%s: %" PRIu64 " corruptions, %" PRIu64 " places cannot be checked", when,
                 found.corruptions, found.check_errors);
}

static bool contents(struct replay *replay, struct vemu_image *image)
{
    struct model *model = &replay->run->model;
    uint64_t size = vemu_image_get_size(image), sectors = size / CRASH_SECTOR;
    static uint8_t bytes[READ_SIZE];

    if (size % CRASH_SECTOR || !model_size_may_be(model, sectors))
        return wrong(replay, "the size is %" PRIu64, size);
    if (replay->run->set->flags & SET_DATA_FILE)
        return true;
    for (uint64_t at = 0; at < size; at += READ_SIZE) {
        size_t n = MIN(READ_SIZE, size - at);
        int r = vemu_image_read(image, at, bytes, n);

        if (r < 0)
            return wrong(replay, "cannot read at %" PRIu64 ": %s", at, g_strerror(-r));
        for (size_t i = 0; i < n; i += CRASH_SECTOR) {
            g_autofree char *expected = NULL;
            uint64_t sector = (at + i) / CRASH_SECTOR, word;

            if (model_sector_may_be(model, sector, bytes + i))
                continue;
            expected = model_describe(model, sector);
            memcpy(&word, bytes + i, sizeof(word));
            return wrong(replay, "sector %" PRIu64 " begins with %#" PRIx64 ", expected: %s",
                         sector, word, expected);
        }
    }
    return true;
}

static int snapshot_found(void *data, const struct vemu_image_snapshot *snapshot)
{
    g_ptr_array_add(data, g_strdup(snapshot->name));
    return 0;
}

static bool snapshot_contents(struct replay *replay, const struct model_snapshot *snapshot)
{
    struct vemu_image *image = NULL;
    struct vemu_error *err = NULL;
    g_autofree uint8_t *bytes = NULL;
    size_t size = snapshot->sectors * CRASH_SECTOR;
    bool ok = true;
    int r = crash_open(replay->run, 0, &image, &err);

    if (r >= 0)
        r = vemu_image_load_snapshot(image, snapshot->name, &err);
    bytes = g_malloc(size + 1);
    if (r >= 0)
        r = vemu_image_read(image, 0, bytes, size);
    if (r < 0)
        ok = wrong_error(replay, snapshot->name, r, err);
    for (uint64_t i = 0; ok && i < snapshot->sectors; i++)
        if (!model_matches(snapshot->values[i], bytes + i * CRASH_SECTOR))
            ok = wrong(replay, "snapshot %s: sector %" PRIu64 " is not what it was", snapshot->name,
                       i);
    vemu_image_close(image);
    return ok;
}

static bool snapshots(struct replay *replay, struct vemu_image *image, bool deep)
{
    const struct model *model = &replay->run->model;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    bool ok = true;

    vemu_image_list_snapshots(image, snapshot_found, names);
    for (guint i = 0; i < names->len; i++) {
        const struct model_snapshot *snapshot = model_find_snapshot(model, names->pdata[i]);

        if (!snapshot || !model_snapshot_may_be(model, snapshot))
            return wrong(replay, "snapshot %s is there", (char *)names->pdata[i]);
    }
    for (guint i = 0; i < model->snapshots->len && ok; i++) {
        const struct model_snapshot *snapshot = model->snapshots->pdata[i];

        if (!model_snapshot_must_be(model, snapshot))
            continue;
        if (!g_ptr_array_find_with_equal_func(names, snapshot->name, g_str_equal, NULL))
            return wrong(replay, "snapshot %s is not there", snapshot->name);
        if (deep)
            ok = snapshot_contents(replay, snapshot);
    }
    return ok;
}

/* The image is good for more: what is written now is there, and it is still without errors. */
static bool works(struct replay *replay, struct vemu_image *image)
{
    struct crash_random random = { replay->number };
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
            return wrong(replay, "cannot be used afterwards: %s", g_strerror(-r));
        for (uint64_t k = 0; k < count; k++)
            if (!model_matches(value + k, bytes + k * CRASH_SECTOR))
                return wrong(replay, "written afterwards, and not there: sector %" PRIu64,
                             first + k);
    }
    return check(replay, image, "after writing to it");
}

static bool look(struct replay *replay, bool deep)
{
    struct vemu_image *image = NULL;
    struct vemu_error *err = NULL;
    bool ok;
    int r = crash_open(replay->run, VEMU_IMAGE_WRITE, &image, &err);

    if (r < 0)
        return wrong_error(replay, "cannot open", r, err);
    ok =
        check(replay, image, "opened") && contents(replay, image) && snapshots(replay, image, deep);
    if (ok && deep && !(replay->run->set->flags & SET_DATA_FILE))
        ok = works(replay, image);
    r = vemu_image_close(image);
    return r < 0 ? wrong(replay, "cannot close: %s", g_strerror(-r)) : ok;
}

/* --- choosing what is on the disk ------------------------------------------------------------- */

static const struct crash_event *event_at(const struct replay *replay, guint i)
{
    return &g_array_index(replay->log, struct crash_event, i);
}

static void apply_torn(struct crash_store *store, const struct crash_event *event,
                       struct crash_random *random)
{
    uint64_t count = event->bytes / CRASH_SECTOR + 2;
    g_autofree bool *sectors = NULL;
    uint64_t from, to;

    if (event->kind != CRASH_WRITE) {
        crash_store_apply(store, event, NULL);
        return;
    }
    sectors = g_new0(bool, count);
    switch (crash_random(random, 3)) {
    case 0: /* a beginning */
        to = crash_random(random, count);
        for (uint64_t i = 0; i < to; i++)
            sectors[i] = true;
        break;
    case 1: /* an end */
        from = crash_random(random, count);
        for (uint64_t i = from; i < count; i++)
            sectors[i] = true;
        break;
    default:
        for (uint64_t i = 0; i < count; i++)
            sectors[i] = crash_random(random, 2);
        break;
    }
    crash_store_apply(store, event, sectors);
}

/* How much of an event reaches the disk. */
enum part { PART_NONE, PART_TORN, PART_ALL };

static enum part part_of(const struct replay *replay, guint i, guint chosen,
                         struct crash_random *random)
{
    bool last = i == replay->count - 1;

    if (event_at(replay, i)->fua && !last)
        return PART_ALL;
    switch (replay->variant) {
    case 0: return PART_ALL;
    case 1: return last ? PART_TORN : PART_ALL;
    case 2: return last ? PART_ALL : PART_NONE;
    case 3: return last ? PART_TORN : PART_NONE;
    case 4: return i == chosen ? PART_NONE : PART_ALL;
    case 5: return i == chosen ? PART_ALL : PART_NONE;
    case 6: return crash_random(random, 4) ? PART_ALL : PART_NONE;
    case 7: return crash_random(random, 2) ? PART_ALL : PART_NONE;
    default: return (enum part)crash_random(random, 3);
    }
}

/* Which variants are not the same as another one. */
static bool variant_is_new(const struct replay *replay)
{
    guint window = replay->count - replay->durable;
    const struct crash_event *last = event_at(replay, replay->count - 1);
    bool tears = last->kind == CRASH_WRITE && last->bytes > CRASH_SECTOR;

    switch (replay->variant) {
    case 0: return true;
    case 1: return tears;
    case 2: return window > 1;
    case 3: return tears && window > 1;
    case 4: return window > 2;
    case 5: return window > 3;
    case 6: return window > 4;
    case 7: return window > 2;
    default: return window > 1 || tears;
    }
}

static void report(struct replay *replay)
{
    static const char *const kinds[] = { "write", "discard", "truncate", "flush" };
    const struct crash_event *last = event_at(replay, replay->count - 1);

    if (replay->result->failures++ >= replay->max_failures || replay->silent)
        return;
    fprintf(stderr,
            "%s, seed %" PRIu64 ", cut %" PRIu64 " (event %u of %u, %u not flushed, choice %u; the "
            "last: %s of %" PRIu64 " bytes at %#" PRIx64 "):\n%s",
            replay->run->set->name, replay->run->seed, replay->number, replay->count,
            replay->log->len, replay->count - replay->durable, replay->variant, kinds[last->kind],
            last->bytes, last->offset, replay->text->str);
}

static void cut(struct replay *replay, const char *dump)
{
    struct crash_store *store = &replay->run->store;
    struct crash_random random = { replay->run->seed * 1000003 + replay->count * 16 +
                                   replay->variant };
    guint window = replay->count - replay->durable;
    guint chosen = replay->durable + (guint)crash_random(&random, window);
    bool deep = replay->number % DEEP_EVERY == 0 || dump;

    store->mode = CRASH_UNDOABLE;
    for (guint i = replay->durable; i < replay->count; i++) {
        const struct crash_event *event = event_at(replay, i);

        switch (part_of(replay, i, chosen, &random)) {
        case PART_ALL: crash_store_apply(store, event, NULL); break;
        case PART_TORN: apply_torn(store, event, &random); break;
        case PART_NONE: break;
        }
    }
    if (dump && !g_file_set_contents(dump, (char *)store->bytes, (gssize)store->size, NULL))
        fprintf(stderr, "cannot write '%s'\n", dump);
    g_string_truncate(replay->text, 0);
    if (!look(replay, deep))
        report(replay);
    replay->result->cuts++;
    replay->result->deep += deep;
    crash_store_rollback(store);
    store->mode = CRASH_PLAIN;
}

/* --- all of it -------------------------------------------------------------------------------- */

static bool flush_counts(const struct replay *replay, const struct crash_event *event)
{
    switch (replay->run->broken) {
    case BREAK_NOTHING: return true;
    case BREAK_ORDER: return event->for_guest;
    case BREAK_FLUSH: break;
    }
    return false;
}

static void settle(struct replay *replay)
{
    for (; replay->durable < replay->count; replay->durable++)
        crash_store_apply(&replay->run->store, event_at(replay, replay->durable), NULL);
}

void crash_replay(struct crash_run *run, uint64_t only, const char *dump, unsigned max_failures,
                  struct crash_result *result)
{
    /* the store forgets its log when it is loaded */
    GArray *log = run->store.log;
    struct replay replay = { .run = run,
                             .result = result,
                             .log = log,
                             .max_failures = max_failures,
                             .text = g_string_new(NULL) };

    run->store.log = g_array_new(FALSE, TRUE, sizeof(struct crash_event));
    crash_store_load(&run->store, run->start->data, run->start->len);
    replay.silent = run->broken != BREAK_NOTHING && !run->verbose;
    for (guint i = 0; i < log->len && result->failures < max_failures; i++) {
        const struct crash_event *event = &g_array_index(log, struct crash_event, i);

        replay.count = i + 1;
        if (event->kind == CRASH_FLUSH) {
            if (flush_counts(&replay, event))
                settle(&replay);
            if (replay.count == replay.durable)
                continue;
        }
        model_set_time(&run->model, event->clock);
        for (replay.variant = 0; replay.variant < VARIANTS; replay.variant++) {
            if (!variant_is_new(&replay))
                continue;
            replay.number++;
            if (only == UINT64_MAX || only == replay.number)
                cut(&replay, only == replay.number ? dump : NULL);
        }
    }
    g_string_free(replay.text, TRUE);
    g_array_free(run->store.log, TRUE);
    run->store.log = log;
}
