/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An area of a disk: which parts a job still has to do, a bit for so many bytes.
 */
#ifndef VEMU_JOBS_AREA_H
#define VEMU_JOBS_AREA_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct vemu_error;

/* All calls: context: any. */
struct job_area {
    pthread_mutex_t lock;
    uint64_t size; /* bytes of the disk */
    unsigned shift;
    uint64_t count, dirty; /* bits, and how many are set */
    uint8_t *bits;
};

/* `granularity`: bytes, a power of two. -ENOMEM; -EFBIG: more than 4 G parts. */
int vemu__job_area_init(struct job_area *area, uint64_t size, uint64_t granularity,
                        struct vemu_error **err);
/* Also one that is all zeros, or finished already. */
void vemu__job_area_fini(struct job_area *area);

/* Ranges are widened to whole parts. */
void vemu__job_area_set(struct job_area *area, uint64_t offset, uint64_t bytes);
void vemu__job_area_clear(struct job_area *area, uint64_t offset, uint64_t bytes);
bool vemu__job_area_any(struct job_area *area, uint64_t offset, uint64_t bytes);
/* The first that is set between `offset` and `end`, at most `max` bytes (at least a part) of it. */
bool vemu__job_area_next(struct job_area *area, uint64_t offset, uint64_t end, uint64_t max,
                         uint64_t *ret_offset, uint64_t *ret_bytes);
/* Bytes that are set. */
uint64_t vemu__job_area_dirty(struct job_area *area);

#endif
