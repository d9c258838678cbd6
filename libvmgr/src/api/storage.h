/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the calls about pools and those about volumes share.
 */
#ifndef VMGR_SRC_API_STORAGE_H
#define VMGR_SRC_API_STORAGE_H

#include "../driver/storage.h"

/* The driver's operations, or NULL and VMGR_ERR_NO_SUPPORT when it has none. */
const struct vmgr__storage_ops *vmgr__storage_ops(struct vmgr_conn *conn, const char *function,
                                                  struct vmgr_error **err);
/* Always -1. */
int vmgr__storage_unsupported(struct vmgr_conn *conn, const char *function,
                              struct vmgr_error **err);
/* Refuses read-only connections. */
int vmgr__storage_need_write(struct vmgr_conn *conn, const char *function, struct vmgr_error **err);
/* Gives a GLib string to a caller who frees with free(). r < 0: nothing to give. */
int vmgr__storage_give(char *text, int r, char **ret, struct vmgr_error **err);
/* Sorts handles and gives them as a NULL-terminated array (ret NULL: only counts, and drops). Takes
 * the array over. */
int vmgr__storage_give_list(GPtrArray *found, GCompareFunc compare, void ***ret,
                            struct vmgr_error **err);

/* Declares ops; leaves the function when the driver has no such operation. */
#define STORAGE_OP(conn, op, function)                                                             \
    const struct vmgr__storage_ops *ops = vmgr__storage_ops(conn, function, err);                  \
                                                                                                   \
    if (!ops)                                                                                      \
        return -1;                                                                                 \
    if (!ops->op)                                                                                  \
    return vmgr__storage_unsupported(conn, function, err)

#endif
