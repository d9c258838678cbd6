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
#define VALUE_ANY     UINT64_MAX       /* discarded */
#define VALUE_NONE    (UINT64_MAX - 1) /* there was no such sector: nothing is like it */
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
/* What a bitmap says is changed, since it was made or cleared. */
struct model_version {
    uint64_t start;   /* clock */
    uint64_t *values; /* of each sector then */
    uint64_t *dirty;  /* clock, for each bit: when it was touched first */
};
struct model_bitmap {
    char name[16];
    uint64_t bit_sectors;
    uint64_t made, stored, removed, gone; /* clock; stored, gone: that is in the file */
    GArray *versions;                     /* struct model_version */
};
struct model {
    uint64_t max_sectors, sectors; /* most there will be; now */
    struct model_history *disk;    /* of each sector */
    struct model_history size;     /* in sectors */
    struct model_history name;     /* of the file beside the image: a number (words.c) */
    GArray *flushes;               /* struct model_value, in order of their end */
    GPtrArray *snapshots;          /* struct model_snapshot */
    GPtrArray *bitmaps;            /* struct model_bitmap */
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
/* The image is being told another name; it is on stable storage when that has ended. */
void model_begin_name(struct model *model, uint64_t clock, uint64_t name);
void model_end_name(struct model *model, uint64_t clock);
void model_cancel_name(struct model *model);
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

/* A bitmap begins to record, which is in the file when the image has been closed. */
struct model_bitmap *model_add_bitmap(struct model *model, uint64_t clock, uint64_t bit_sectors);
void model_clear_bitmap(struct model *model, uint64_t clock, struct model_bitmap *bitmap);
struct model_bitmap *model_find_bitmap(const struct model *model, const char *name);
/* Sectors may change from now on. */
void model_touch(struct model *model, uint64_t clock, uint64_t first, uint64_t count);
/* The image was closed in this time. */
void model_store_bitmaps(struct model *model, uint64_t start, uint64_t end);
void model_bitmaps_fini(struct model *model);

/* Bytes of a value. */
void model_fill(uint64_t value, void *sector);
bool model_matches(uint64_t value, const void *sector);

/* The time of the crash, never less than before. */
void model_set_time(struct model *model, uint64_t clock);
bool model_sector_may_be(const struct model *model, uint64_t sector, const void *bytes);
bool model_size_may_be(const struct model *model, uint64_t sectors);
bool model_name_may_be(const struct model *model, uint64_t name);
/* Whether a snapshot must be there, or may. */
bool model_snapshot_must_be(const struct model *model, const struct model_snapshot *snapshot);
bool model_snapshot_may_be(const struct model *model, const struct model_snapshot *snapshot);
/* The same of bitmaps, which come and go in the file when it is closed. */
bool model_bitmap_must_be(const struct model *model, const struct model_bitmap *bitmap);
bool model_bitmap_may_be(const struct model *model, const struct model_bitmap *bitmap);
/* Whether these bits (one byte for each) may be those of a disk with these contents: all that is
 * not as it was has to be dirty, and nothing that was not touched. */
bool model_bitmap_bits_may_be(const struct model *model, const struct model_bitmap *bitmap,
                              const uint8_t *bits, const uint8_t *contents, uint64_t sectors);
/* In words, for reports. */
char *model_describe(const struct model *model, uint64_t sector);

#endif
