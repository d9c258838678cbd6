/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file in memory below an image, which remembers each change and can be put back.
 */
#ifndef TESTS_IMAGE_CRASH_DISK_H
#define TESTS_IMAGE_CRASH_DISK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "image/image.h"

#define CRASH_SECTOR 512u

enum crash_event_kind { CRASH_WRITE, CRASH_DISCARD, CRASH_TRUNCATE, CRASH_FLUSH };

/* What happened to the file. */
struct crash_event {
    enum crash_event_kind kind;
    unsigned file;          /* 0: the image, 1: its data file */
    bool fua;               /* on stable storage when it is done */
    bool for_guest;         /* FLUSH: the last one of a flush that the guest asked for */
    uint64_t offset, bytes; /* TRUNCATE: bytes is the new size */
    uint8_t *data;          /* NULL: zeros */
    uint64_t clock;         /* when it was done */
};

/* One change that can be taken back. */
struct crash_undo {
    uint64_t offset, bytes, size; /* size: of the file, before */
    size_t data;                  /* where the old bytes are in undo_data */
};

enum crash_mode { CRASH_PLAIN, CRASH_RECORD, CRASH_UNDOABLE, CRASH_UNDOABLE_RECORD };

struct crash_store {
    struct crash_store *main; /* has lock, mode, clock and log of both files; NULL: this one */
    pthread_mutex_t lock;
    uint8_t *bytes; /* `capacity` of them; zeros behind `size` */
    uint64_t size, capacity;
    enum crash_mode mode;
    uint64_t clock;
    GArray *log;  /* ..RECORD: struct crash_event */
    GArray *undo; /* UNDOABLE..: struct crash_undo */
    GByteArray *undo_data;
};

/* `main`: the image's, for the store of a file beside it. */
void crash_store_init(struct crash_store *store, struct crash_store *main, uint64_t capacity);
void crash_store_fini(struct crash_store *store);
/* Contents as given; nothing is remembered any more. */
void crash_store_load(struct crash_store *store, const void *bytes, uint64_t size);
void crash_log_clear(GArray *log);
uint64_t crash_store_tick(struct crash_store *store);
/* Applies an event. `sectors`: those of its sectors that reach the disk, NULL: all. */
void crash_store_apply(struct crash_store *store, const struct crash_event *event,
                       const bool *sectors);
/* Takes back everything since the mode became UNDOABLE. */
void crash_store_rollback(struct crash_store *store);

/* A protocol layer on the store, to be used below a format. */
struct vemu_image *crash_disk_new(struct crash_store *store, uint32_t open_flags);

#endif
