/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Building a list of statistics.
 */
#ifndef VMGR_SRC_DRIVER_STATS_H
#define VMGR_SRC_DRIVER_STATS_H

#include <glib.h>
#include <vmgr/stats.h>

/* list: struct vmgr_stat, whose strings belong to it. Names are formatted. */
void vmgr__stat_add(GArray *list, int type, uint64_t number, const char *name, ...)
    G_GNUC_PRINTF(4, 5);
void vmgr__stat_add_text(GArray *list, const char *text, const char *name, ...) G_GNUC_PRINTF(3, 4);

/* A copy for vmgr_stats_free() of an array that ends with a NULL name; NULL of NULL. */
struct vmgr_stat *vmgr__stats_copy(const struct vmgr_stat *stats);

#endif
