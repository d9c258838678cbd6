/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a guest wrote, when, and so what each sector of its disk may hold after a crash.
 *
 * A sector has a history: values and the time in which each was being written. After a crash at a
 * time it holds the last value whose writing had ended when the last flush that ended began, or one
 * that came later.
 */
#ifndef TESTS_IMAGE_CRASH_MODEL_H
#define TESTS_IMAGE_CRASH_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#define VALUE_ZERO    UINT64_C(0)
#define VALUE_ANY     UINT64_MAX /* discarded */
#define MODEL_FOREVER UINT64_MAX

struct model_value {
    uint64_t start, end; /* clock; end MODEL_FOREVER: not done yet */
    uint64_t value;
    bool fua; /* on stable storage when it ended */
};
struct model_history {
    struct model_value *values;
    unsigned count, room;
    unsigned base; /* that a crash at the time of model_set_time() cannot undo */
};
struct model_snapshot {
    char name[16];
    struct model_value made, deleted; /* deleted.start MODEL_FOREVER: not at all */
    uint64_t sectors;
    uint64_t *values;
};
struct model {
    uint64_t max_sectors, sectors; /* most there will be; now */
    struct model_history *disk;    /* of each sector */
    struct model_history size;     /* in sectors */
    GArray *flushes;               /* struct model_value, in order of their end */
    GPtrArray *snapshots;          /* struct model_snapshot */
    uint64_t writes;
    uint64_t time,
        flushed; /* model_set_time(): of the crash; when the last flush before it began */
};

void model_init(struct model *model, uint64_t sectors, uint64_t max_sectors);
void model_fini(struct model *model);
/* A change of sectors begins: value + sector for each (VALUE_ANY and VALUE_ZERO as they are). */
void model_begin(struct model *model, uint64_t clock, uint64_t first, uint64_t count,
                 uint64_t value);
/* The same with a value for each. */
void model_begin_values(struct model *model, uint64_t clock, uint64_t count,
                        const uint64_t *values);
void model_set_fua(struct model *model, uint64_t first, uint64_t count);
void model_end(struct model *model, uint64_t clock, uint64_t first, uint64_t count);
void model_begin_size(struct model *model, uint64_t clock, uint64_t sectors);
void model_end_size(struct model *model, uint64_t clock);
/* The change that began last did not happen. */
void model_cancel(struct model *model, uint64_t first, uint64_t count);
void model_cancel_size(struct model *model);
/* Nothing but what was there in the beginning. */
bool model_is_untouched(const struct model *model, uint64_t first, uint64_t count);
void model_add_flush(struct model *model, uint64_t start, uint64_t end);
/* A value for the contents that are there before anything happens. */
void model_set_initial(struct model *model, uint64_t sectors, uint64_t value);
/* A value that was never used. */
uint64_t model_new_value(struct model *model, bool compressible);
uint64_t model_value_now(const struct model *model, uint64_t sector);
struct model_snapshot *model_add_snapshot(struct model *model, uint64_t clock, const char *name);
struct model_snapshot *model_find_snapshot(const struct model *model, const char *name);

/* Bytes of a value. */
void model_fill(uint64_t value, void *sector);
bool model_matches(uint64_t value, const void *sector);

/* The time of the crash, never less than before. */
void model_set_time(struct model *model, uint64_t clock);
bool model_sector_may_be(const struct model *model, uint64_t sector, const void *bytes);
bool model_size_may_be(const struct model *model, uint64_t sectors);
/* Whether a snapshot must be there, or may. */
bool model_snapshot_must_be(const struct model *model, const struct model_snapshot *snapshot);
bool model_snapshot_may_be(const struct model *model, const struct model_snapshot *snapshot);
/* In words, for reports. */
char *model_describe(const struct model *model, uint64_t sector);

#endif
