/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A disk that threads write to as a guest would, with a copy of what it must contain.
 */
#ifndef TESTS_VEMU_JOBS_DISK_H
#define TESTS_VEMU_JOBS_DISK_H

#include <vemu/block.h>
#include <vemu/image.h>
#include <vemu/job.h>

#include "../block/user.h"

#define DISK_SIZE    (6u << 20)
#define DISK_CLUSTER 65536u
#define DISK_GUESTS  3

struct disk {
    struct vemu_vm *vm;
    struct user user;
    char *dir;
    uint8_t *contents; /* DISK_SIZE bytes; of the guests */
    pthread_rwlock_t
        lock; /* a guest holds it to read for a request: who has it to write sees none */
    pthread_t guests[DISK_GUESTS];
    bool running;
    atomic_bool quit;
    atomic_uint writes;
};

/* A chain of `layers` qcow2 images with random contents, "0.qcow2" (lowest) and on; the node is
 * "d". `named`: those below are nodes too, "b0" and on. `rules` (may be NULL) are blkdebug's below
 * the top. */
void disk_begin(struct disk *disk, unsigned layers, bool named, const char *rules);
/* Compares once more, and checks that all images are sound. */
void disk_end(struct disk *disk);
/* A file in the disk's directory; freed by the caller. */
char *disk_path(const struct disk *disk, const char *name);
/* A new qcow2 image there; `backing` may be NULL. */
void disk_create(const struct disk *disk, const char *name, const char *backing);
/* The same as a node of that name. */
void disk_add_target(struct disk *disk, const char *name, const char *backing, const char *rules);

/* The user was detached: it gets a disk of zeros, so that disk_end() can do its work. */
void disk_empty(struct disk *disk);

void disk_guests_start(struct disk *disk);
void disk_guests_stop(struct disk *disk);
/* So many writes more. */
void disk_guests_work(struct disk *disk, unsigned writes);
/* The guests stop, and the disk reads as it must. */
void disk_compare(struct disk *disk);

/* Starts; with `copy`, DISK_SIZE bytes of what the disk has at that moment. */
int disk_start_job(struct disk *disk, const struct vemu_job_options *options, uint8_t *copy,
                   struct vemu_error **err);
/* The job's status; 0: it is gone. */
struct disk_job {
    struct vemu_job_info info;
    char error[256];
};
uint32_t disk_job(struct disk *disk, const char *id, struct disk_job *ret);
void disk_wait_status(struct disk *disk, const char *id, uint32_t status);
/* Until a job with MANUAL_DISMISS is over; dismisses it and returns its result. */
int disk_wait_result(struct disk *disk, const char *id);

/* An image of the directory has these contents, and is sound; through its backing images. */
void disk_check_image(const struct disk *disk, const char *name, const uint8_t *contents);
/* ... and what it is recorded to stand on; NULL: nothing. */
void disk_check_backing(const struct disk *disk, const char *name, const char *backing);

#endif
