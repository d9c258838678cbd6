/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmsh: commands about jobs on disks.
 */
#ifndef VMSH_BLOCKJOB_H
#define VMSH_BLOCKJOB_H

#include "../shell.h"

/* ---- commands/blockjob.c ---- */
/* "LABEL: [ 42 %]" over the line on stderr. */
void blockjob_progress(const char *label, uint64_t left, uint64_t total);
/* Options bandwidth and bytes; 0: not given. False: the error was printed. */
bool blockjob_bandwidth(struct shell *sh, const struct args *args, unsigned long long *ret);

bool cmd_blockresize(struct shell *sh, const struct args *args);
extern const struct opt blockresize_opts[];
bool cmd_blockjob(struct shell *sh, const struct args *args);
extern const struct opt blockjob_opts[];

/* ---- commands/blockcopy.c ---- */
bool cmd_blockcommit(struct shell *sh, const struct args *args);
extern const struct opt blockcommit_opts[];
bool cmd_blockcopy(struct shell *sh, const struct args *args);
extern const struct opt blockcopy_opts[];
bool cmd_blockpull(struct shell *sh, const struct args *args);
extern const struct opt blockpull_opts[];

#endif
