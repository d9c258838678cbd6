/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The crash test: a workload on an image, then a crash at each of its writes.
 */
#ifndef TESTS_IMAGE_CRASH_CRASH_H
#define TESTS_IMAGE_CRASH_CRASH_H

#include <inttypes.h>

#include <vemu/image.h>

#include "disk.h"
#include "model.h"

/* --- random numbers --------------------------------------------------------------------------- */

struct crash_random {
    uint64_t state;
};
static inline uint64_t crash_random(struct crash_random *random, uint64_t below)
{
    uint64_t x = random->state += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (x ^ x >> 31) % below;
}

/* --- kinds of images -------------------------------------------------------------------------- */

#define SET_SNAPSHOTS (1u << 0)
#define SET_RESIZE    (1u << 1)
#define SET_COMPRESS  (1u << 2)
#define SET_BACKING   (1u << 3)
#define SET_DATA_FILE (1u << 4)
#define SET_BITMAPS   (1u << 5)
#define SET_AMEND     (1u << 6)
#define SET_WORDS     (1u << 7) /* begins with a header as another program may have written it */
#define SET_PROPS     6

struct crash_set {
    const char *name;
    uint32_t flags;
    uint32_t cluster_size;
    uint64_t sectors, max_sectors;
    struct vemu_property props[SET_PROPS]; /* of creating; name NULL: no more */
};
extern const struct crash_set crash_sets[];
extern const unsigned crash_set_count;

/* --- a run ------------------------------------------------------------------------------------ */

enum crash_break {
    BREAK_NOTHING,
    BREAK_ORDER, /* what the driver flushes to keep an order does not count */
    BREAK_FLUSH, /* nor does what the guest flushes */
};

struct crash_run {
    const struct crash_set *set;
    uint64_t seed;
    unsigned operations, threads;
    enum crash_break broken;
    const char *folder; /* for files beside the image */
    bool verbose;
    /* from here on the run's own */
    struct crash_random random;
    struct crash_store store, data; /* the image, and its data file */
    struct model model;
    GByteArray *start, *data_start; /* the files as they were created */
};

/* Creates an image and works on it; leaves the log and the model. False: something failed, and was
 * reported. */
bool crash_workload(struct crash_run *run);
/* Opens what is in the store. */
int crash_open(struct crash_run *run, uint32_t flags, struct vemu_image **ret,
               struct vemu_error **err);

struct crash_result {
    uint64_t cuts, failures;
    uint64_t deep;    /* cuts with snapshots read and work done afterwards as well */
    uint64_t again;   /* crashes in the repair after one */
    uint64_t bitmaps; /* that were compared */
};
/* Crashes at each event. `only`: this cut alone (numbers as reports have them), and its image goes
 * to `dump`; UINT64_MAX: all. Stops after `max_failures`. */
void crash_replay(struct crash_run *run, uint64_t only, const char *dump, unsigned max_failures,
                  struct crash_result *result);

#endif
