/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Work on whole images that a few threads share: copying, comparing.
 */
#ifndef VEMU_IMAGE_WORK_H
#define VEMU_IMAGE_WORK_H

#include <pthread.h>

#include "image/image.h"

#define WORK_MAX_THREADS 16u

struct vemu__work {
    const struct vemu_progress *progress;
    uint64_t total; /* bytes */

    pthread_mutex_t lock; /* for all below, and for the user's plan */
    pthread_cond_t wake;  /* `error` has changed, or what the user waits for */
    uint64_t done;
    bool reporting;
    int error; /* -errno: the first one */
    struct vemu_error *message;
};

void vemu__work_init(struct vemu__work *work, const struct vemu_progress *progress, uint64_t total);
/* Hands over the message of what went wrong, or tells that all is done; returns the error. */
int vemu__work_fini(struct vemu__work *work, struct vemu_error **err);
/* The first failure counts, and ends the work. Returns its code. */
int vemu__work_fail_locked(struct vemu__work *work, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* So much more is done. The caller is told by one thread at a time, without the lock, and not again
 * after it wanted to stop. */
void vemu__work_done_locked(struct vemu__work *work, uint64_t bytes);
/* Runs `fn` on so many threads, one of which is the caller's, until all return. */
void vemu__work_run(const char *name, unsigned threads, void *(*fn)(void *), void *data);
/* How many threads have something to do: one for each processor, and more if some of their time is
 * spent waiting for one of the two images. */
unsigned vemu__work_threads(const struct vemu_image *a, const struct vemu_image *b);
/* Whether requests wait for a device or for somebody else: not the page cache, nor memory. */
bool vemu__image_waits(const struct vemu_image *image);

#endif
