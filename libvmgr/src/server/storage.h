/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the procedures about pools and those about volumes share.
 */
#ifndef VMGR_SERVER_STORAGE_H
#define VMGR_SERVER_STORAGE_H

#include "internal.h"

#define STORAGE_LIST_MAX 16384 /* of the protocol, in one reply */

/* The pool of an argument, dropped with the call; NULL and call->err. */
struct vmgr_pool *vmgr__call_pool(struct vmgr__call *call, const struct wire_storage_pool *wire);
/* Drops this reference with the call, after it is put into a result. */
int vmgr__call_put_pool(struct vmgr__call *call, struct vmgr_pool *pool,
                        struct wire_storage_pool *ret);
void vmgr__call_fill_pool(struct vmgr__call *call, struct vmgr_pool *pool,
                          struct wire_storage_pool *ret);
/* A string of the library's as a result; takes it over. */
char *vmgr__call_text(struct vmgr__call *call, char *text);
/* How many may be asked for. */
int vmgr__call_check_most(struct vmgr__call *call, int most);

#endif
