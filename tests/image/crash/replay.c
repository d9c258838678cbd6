/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Crashes: what the disk may hold after one.
 *
 * The store holds what the last flush made safe. Of the writes since then any may be there or not,
 * and of the last one (or of all) any of its sectors. Each choice is one cut: it is applied, looked
 * at through the driver, which may repair it, and taken back. Some cuts are repaired for a second
 * time, with another crash at each write of that.
 */
#include "look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VARIANTS    9u
#define DEEP_EVERY  16u /* cuts */
#define AGAIN_EVERY 64u
#define AGAIN_MOST  24u

struct replay {
    struct crash_run *run;
    struct crash_result *result;
    const GArray *log;
    guint count;     /* events before it happened */
    GArray *pending; /* guint: those of them that are not safe */
    unsigned variant;
    uint64_t number; /* of the cut */
    unsigned max_failures;
    bool silent;
    GString *text; /* what is wrong with this cut */
};

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

static guint pending_at(const struct replay *replay, guint n)
{
    return g_array_index(replay->pending, guint, n);
}

/* Of those that are not safe. */
static guint newest(const struct replay *replay)
{
    return pending_at(replay, replay->pending->len - 1);
}

/* How much of an event reaches the disk. */
enum part { PART_NONE, PART_TORN, PART_ALL };

static enum part part_of(const struct replay *replay, guint i, guint chosen,
                         struct crash_random *random)
{
    bool last = i == newest(replay);

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
    guint window = replay->pending->len;
    const struct crash_event *last = event_at(replay, newest(replay));
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
    const struct crash_event *last = event_at(replay, newest(replay));

    if (replay->result->failures++ >= replay->max_failures || replay->silent)
        return;
    fprintf(stderr,
            "%s, seed %" PRIu64 ", cut %" PRIu64 " (event %u of %u, %u not flushed, choice %u; the "
            "last: %s of %" PRIu64 " bytes at %#" PRIx64 "):\n%s",
            replay->run->set->name, replay->run->seed, replay->number, replay->count,
            replay->log->len, replay->pending->len, replay->variant, kinds[last->kind], last->bytes,
            last->offset, replay->text->str);
}

static struct crash_store *store_of(const struct replay *replay, const struct crash_event *event)
{
    return event->file ? &replay->run->data : &replay->run->store;
}

/* What of the events that are not safe is there; the same each time. */
static void apply_cut(struct replay *replay)
{
    struct crash_random random = { replay->run->seed * 1000003 + replay->count * 16 +
                                   replay->variant };
    guint chosen = pending_at(replay, (guint)crash_random(&random, replay->pending->len));

    replay->run->store.mode = CRASH_UNDOABLE;
    for (guint n = 0; n < replay->pending->len; n++) {
        guint i = pending_at(replay, n);
        const struct crash_event *event = event_at(replay, i);

        switch (part_of(replay, i, chosen, &random)) {
        case PART_ALL: crash_store_apply(store_of(replay, event), event, NULL); break;
        case PART_TORN: apply_torn(store_of(replay, event), event, &random); break;
        case PART_NONE: break;
        }
    }
}

static void roll_back(struct replay *replay)
{
    crash_store_rollback(&replay->run->store);
    crash_store_rollback(&replay->run->data);
    replay->run->store.mode = CRASH_PLAIN;
}

/* --- a crash in the repair after a crash ------------------------------------------------------ */

/* The events of a repair. */
static GArray *repair(struct replay *replay)
{
    struct crash_store *store = &replay->run->store;
    struct vemu_image_check found = VEMU_IMAGE_CHECK_INIT;
    struct vemu_image *image = NULL;
    GArray *log = store->log, *events;

    store->log = g_array_new(FALSE, TRUE, sizeof(struct crash_event));
    apply_cut(replay);
    store->mode = CRASH_UNDOABLE_RECORD;
    if (crash_open(replay->run, VEMU_IMAGE_WRITE, &image, NULL) >= 0) {
        vemu_image_check(image, VEMU_IMAGE_REPAIR_LEAKS | VEMU_IMAGE_REPAIR_ERRORS, &found, NULL,
                         NULL);
        vemu_image_close(image);
    }
    roll_back(replay);
    events = store->log;
    store->log = log;
    return events;
}

static bool crash_again(struct replay *replay, const GArray *events, guint count)
{
    struct crash_random random = { replay->number * 1000 + count };
    uint64_t choice = crash_random(&random, 3);
    guint safe = 0;
    bool ok;

    apply_cut(replay);
    for (guint i = 0; i < count; i++)
        if (g_array_index(events, struct crash_event, i).kind == CRASH_FLUSH)
            safe = i;
    for (guint i = 0; i < count; i++) {
        const struct crash_event *event = &g_array_index(events, struct crash_event, i);
        bool last = i == count - 1;

        if (i >= safe && choice == 1 && !last && crash_random(&random, 2))
            continue;
        if (last && choice == 2)
            apply_torn(store_of(replay, event), event, &random);
        else
            crash_store_apply(store_of(replay, event), event, NULL);
    }
    ok = crash_look(replay->run, replay->number, false, replay->text, replay->result);
    roll_back(replay);
    if (!ok)
        g_string_append_printf(replay->text, "    (after a crash at %u of %u in the repair)\n",
                               count, events->len);
    replay->result->again++;
    return ok;
}

static bool again(struct replay *replay)
{
    GArray *events = repair(replay);
    guint step = MAX(events->len / AGAIN_MOST, 1);
    bool ok = true;

    for (guint count = 1; ok && count <= events->len; count += step)
        ok = crash_again(replay, events, count);
    crash_log_clear(events);
    g_array_free(events, TRUE);
    return ok;
}

static void cut(struct replay *replay, const char *dump)
{
    const struct crash_store *store = &replay->run->store;
    bool ok;

    apply_cut(replay);
    if (dump && !g_file_set_contents(dump, (char *)store->bytes, (gssize)store->size, NULL))
        fprintf(stderr, "cannot write '%s'\n", dump);
    g_string_truncate(replay->text, 0);
    ok = crash_look(replay->run, replay->number, replay->number % DEEP_EVERY == 0 || dump,
                    replay->text, replay->result);
    roll_back(replay);
    if (ok && (replay->number % AGAIN_EVERY == 0 || dump))
        ok = again(replay);
    if (!ok)
        report(replay);
    replay->result->cuts++;
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

/* What was written to a file is safe. */
static void settle(struct replay *replay, unsigned file)
{
    guint kept = 0;

    for (guint n = 0; n < replay->pending->len; n++) {
        guint i = pending_at(replay, n);
        const struct crash_event *event = event_at(replay, i);

        if (event->file == file)
            crash_store_apply(store_of(replay, event), event, NULL);
        else
            g_array_index(replay->pending, guint, kept++) = i;
    }
    g_array_set_size(replay->pending, kept);
}

void crash_replay(struct crash_run *run, uint64_t only, const char *dump, unsigned max_failures,
                  struct crash_result *result)
{
    /* the store forgets its log when it is loaded */
    GArray *log = run->store.log;
    struct replay replay = { .run = run,
                             .result = result,
                             .log = log,
                             .pending = g_array_new(FALSE, FALSE, sizeof(guint)),
                             .max_failures = max_failures,
                             .text = g_string_new(NULL) };

    run->store.log = g_array_new(FALSE, TRUE, sizeof(struct crash_event));
    crash_store_load(&run->store, run->start->data, run->start->len);
    if (run->data_start)
        crash_store_load(&run->data, run->data_start->data, run->data_start->len);
    replay.silent = run->broken != BREAK_NOTHING && !run->verbose;
    for (guint i = 0; i < log->len && result->failures < max_failures; i++) {
        const struct crash_event *event = &g_array_index(log, struct crash_event, i);

        replay.count = i + 1;
        if (event->kind != CRASH_FLUSH)
            g_array_append_val(replay.pending, i);
        else if (flush_counts(&replay, event))
            settle(&replay, event->file);
        if (!replay.pending->len)
            continue;
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
    g_array_free(replay.pending, TRUE);
    g_array_free(run->store.log, TRUE);
    run->store.log = log;
}
