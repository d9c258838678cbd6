/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of the workload share.
 */
#ifndef TESTS_IMAGE_CRASH_WORKLOAD_H
#define TESTS_IMAGE_CRASH_WORKLOAD_H

#include "crash.h"

#define BACKING_VALUE (UINT64_C(0xbacc) << 24)

/* Reports; false. */
bool crash_complain(const struct crash_run *run, const char *what, int r, struct vemu_error *err);
/* The last flush was one that the guest asked for. */
void crash_mark_flush(struct crash_store *store);
/* words.c: a header with an extension that nobody knows, and a name behind it, in place of the one
 * that the image's first cluster has. */
void crash_words_begin(const struct crash_run *run, uint8_t *cluster);
/* Another name for the file beside the image. */
bool crash_words_amend(struct crash_run *run, struct vemu_image *image);
/* What is wrong with the header's words; NULL: nothing. Freed with g_free(). */
char *crash_words_look(const struct crash_run *run, struct vemu_image *image);
/* Something with the whole image, now and then. */
bool crash_whole(struct crash_run *run, struct vemu_image **image, bool *ret_done);

#endif
