/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * <clock> of a guest: what the emulator is told, and what it tells.
 */
#ifndef VMGR_SRC_DRIVER_VEMU_RUN_CLOCK_H
#define VMGR_SRC_DRIVER_VEMU_RUN_CLOCK_H

#include "../vemu.h"

/* Fails if the guest would not get what <clock> says. */
int vmgr__vemu_clock_check(const struct vmgr__domain_def *def, struct vmgr_error **err);
/* A definition that is about to run: where its clock begins is written down. */
void vmgr__vemu_clock_begin(struct vmgr__domain_def *def);
/* What follows "-machine NAME", for g_free(). */
char *vmgr__vemu_clock_option(const struct vmgr__domain_def *def);
/* The emulator's time zone, of its environment; NULL: the host's. Borrowed. */
const char *vmgr__vemu_clock_zone(const struct vmgr__domain_def *def);
/* Seconds that a clock is ahead of what the definition says it follows, when the guest has set it
 * `offset` seconds ahead of what it was given. */
int64_t vmgr__vemu_clock_ahead(const struct vmgr__domain_def *def, int64_t offset);

#endif
