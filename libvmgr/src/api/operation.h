/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks that public calls begin with.
 */
#ifndef VMGR_SRC_API_OPERATION_H
#define VMGR_SRC_API_OPERATION_H

#include "../driver/driver.h"

/* Fails the function that uses it when the driver has no such operation. */
#define NEED(conn, op, name)                                                                       \
    do {                                                                                           \
        if (!(conn)->driver->op)                                                                   \
            return vmgr__error_set(err, VMGR_ERR_NO_SUPPORT, (conn)->driver->error_domain, "%s",   \
                                   name);                                                          \
    } while (0)

/* The same of one that stands in a table of the driver's, which it need not have. */
#define NEED_IN(conn, table, op, name)                                                             \
    do {                                                                                           \
        NEED(conn, table, name);                                                                   \
        NEED(conn, table->op, name);                                                               \
    } while (0)

/* The same of one that changes something, which not every connection may; from: VMGR_FROM_*. */
#define NEED_WRITE_IN(conn, table, op, from, name)                                                 \
    do {                                                                                           \
        NEED_IN(conn, table, op, name);                                                            \
        if ((conn)->read_only)                                                                     \
            return vmgr__error_set(err, VMGR_ERR_OPERATION_DENIED, from,                           \
                                   "read only access prevents %s", name);                          \
    } while (0)

/* Of every call that starts a domain. */
#define VMGR__START_FLAGS                                                                          \
    (VMGR_DOMAIN_START_PAUSED | VMGR_DOMAIN_START_AUTODESTROY | VMGR_DOMAIN_START_BYPASS_CACHE |   \
     VMGR_DOMAIN_START_FORCE_BOOT | VMGR_DOMAIN_START_RESET_NVRAM)

/* Fails on a connection that may change nothing. */
int vmgr__need_write(struct vmgr_conn *conn, const char *function, struct vmgr_error **err);

#endif
