/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * convert's settings, and the steps that stand in files of their own.
 */
#ifndef VEMU_IMG_CONVERT_H
#define VEMU_IMG_CONVERT_H

#include "img.h"

struct convert {
    struct named source; /* -f, --image-opts, -U: for all sources */
    const char **filenames;
    unsigned count;
    struct named target;
    const char *snapshot, *backing, *backing_format;
    struct props props;
    bool compressed, keep_target, target_is_zero, offload, unordered, salvage, quiet, progress;
    bool bitmaps, skip_broken, sparse_given;
    uint64_t sparse, threads, rate;
    uint32_t source_flags, target_flags;

    struct vemu_image **sources;
    uint64_t *sizes;
    uint64_t total; /* bytes of all sources */
};

/* What excludes what; says so. */
bool convert_check(struct convert *c);
/* Copies the bitmaps of `source` to `target`. Returns the exit status. */
int convert_bitmaps(const struct convert *c, struct vemu_image *source, struct vemu_image *target);

#endif
