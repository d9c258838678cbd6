/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection's end, and who wants to know of it.
 */
#ifndef VMGR_SRC_API_CLOSE_H
#define VMGR_SRC_API_CLOSE_H

#include <glib.h>
#include <stdbool.h>
#include <vmgr/connect.h>

struct vmgr__close {
    GMutex lock; /* leaf */
    vmgr_conn_close_fn fn;
    void *data;
    void (*free_fn)(void *data);
    bool lost, told;
    int reason;
};

void vmgr__close_init(struct vmgr__close *c);
void vmgr__close_fini(struct vmgr__close *c);
/* Tells the callback, if there is something to tell. */
void vmgr__close_deliver(struct vmgr_conn *conn);

#endif
