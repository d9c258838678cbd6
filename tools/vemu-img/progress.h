/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Progress of long commands, and their end by a signal.
 */
#ifndef VEMU_IMG_PROGRESS_H
#define VEMU_IMG_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <vemu/image.h>

struct progress {
    struct vemu_progress hooks; /* for the library */
    bool show;
    double percent, printed;
    uint64_t base, total; /* of the part that the library does now; total 0: what it says */
};

/* SIGINT, SIGTERM and SIGHUP end long work; SIGUSR1 asks how far it is. */
void progress_signals(void);
/* The signal that ended the work; 0: none. */
int progress_signal(void);

/* Prints "(0.00/100%)" if `show`. */
void progress_begin(struct progress *progress, bool show);
/* What the library does next begins at `base` of `total`. */
void progress_part(struct progress *progress, uint64_t base, uint64_t total);
/* So far a command's own work is; 0, or -ECANCELED: a signal came. */
int progress_set(struct progress *progress, uint64_t done, uint64_t total);
/* 100 percent. */
void progress_done(struct progress *progress);
void progress_end(struct progress *progress);

#endif
